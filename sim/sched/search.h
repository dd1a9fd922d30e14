/* The state of one search for victims; shared by solve.c and victims.c. */
#ifndef ALIQUOT_SCHED_SEARCH_H
#define ALIQUOT_SCHED_SEARCH_H

#include "sched/session.h"

/* Pods in the order they were drawn. */
struct task_list {
	uint32_t *at;
	size_t n; /* there is room for all pods */
};

struct search {
	struct solve *v;
	uint32_t n_tasks;         /* of the job, to be placed in this step */
	struct task_list carried; /* victims that earlier steps needed */
	struct task_list drawn;   /* in this step */
	struct task_list victims; /* evicted in the arrangement that is being tried */
	uint32_t *left;           /* of each victim: the node it was on */
	bool *is_drawn;           /* of each pod: drawn or carried */
	uint32_t *turn;           /* of each drawn pod; SCHED_NONE: it is carried */
	uint32_t *next_on;        /* of each drawn pod: another one on its node; SCHED_NONE ends */
	uint32_t *first_on;       /* of each node */
	bool *fits_before;        /* of each pod of the job: without victims */
	struct standing *waiting; /* other jobs that wait, n_waiting of them, before evictions */
	uint32_t n_waiting;
};

/* Put the carried victims aside, before a step draws others. */
void victims_begin(struct search *x);

/* Draw the next victims into x->drawn; false: there are none. `latest` is where they begin. */
bool victims_draw(struct search *x, struct line *line, size_t *latest);

/* Forget what was drawn; all pods must be back in their places. */
void victims_forget(struct search *x);

/* Evict the carried victims, and the drawn ones of all jobs that are on the node, if any. */
void victims_evict(struct search *x, uint32_t node);

/* Place the job and its victims again, promises only; false: the job found no place. */
bool arrange_again(struct search *x);

/* Is a victim's job left with some of its pods, but fewer than it needs? */
bool victims_break_a_gang(const struct search *x);

#endif
