/* One arrangement tried: the job and its victims are placed again, in the order of all that wait.
 */
#include <stdlib.h>

#include "sched/search.h"

/* The jobs that are placed again, and where in the tree of queues they are. */
struct arrangement {
	bool *victim;   /* of each job: it lost pods */
	uint32_t *jobs; /* that lost pods, without the one that wants a place; `n_jobs` of them */
	uint32_t n_jobs;
	uint32_t *placed; /* of each queue: jobs to be placed in it and below it */
	bool *counts;     /* of each queue: the turns of its jobs matter */
	uint32_t todo;    /* jobs to be placed */
};

static void count_again(struct arrangement *r, const struct snapshot *in, uint32_t job)
{
	r->todo++;
	for (uint32_t q = in->jobs.at[job].queue; q != SCHED_NONE; q = in->queues.at[q].parent) {
		r->placed[q]++;
	}
}

static void keep_below(const struct session *s, struct arrangement *r, uint32_t queue)
{
	r->counts[queue] = true;
	for (uint32_t q = s->queues[queue].first_child; q != SCHED_NONE;
	     q = s->queues[q].next_sibling) {
		keep_below(s, r, q);
	}
}

/*
 * Jobs that are not placed only hold the turns of others in the queues above them: where siblings
 * are compared, those without a job to be placed say nothing about the order of the rest, and a
 * sibling alone is not compared.
 */
static void keep_queues(const struct session *s, struct arrangement *r, uint32_t first)
{
	uint32_t only = SCHED_NONE;
	uint32_t n = 0;
	for (uint32_t q = first; q != SCHED_NONE; q = s->queues[q].next_sibling) {
		only = r->placed[q] > 0 ? q : only;
		n += r->placed[q] > 0;
	}
	if (n == 1 && s->queues[only].first_child != SCHED_NONE) {
		keep_queues(s, r, s->queues[only].first_child);
		return;
	}
	for (uint32_t q = first; q != SCHED_NONE; q = s->queues[q].next_sibling) {
		if (r->placed[q] > 0) {
			keep_below(s, r, q);
		}
	}
}

static void arrangement_init(struct arrangement *r, const struct search *x)
{
	const struct session *const s = x->v->s;
	*r = (struct arrangement){.victim = mem_new(s->in->jobs.n, sizeof(*r->victim))};
	r->jobs = mem_new(x->victims.n, sizeof(*r->jobs));
	r->placed = mem_new(s->in->queues.n, sizeof(*r->placed));
	r->counts = mem_new(s->in->queues.n, sizeof(*r->counts));
	count_again(r, s->in, x->v->job);
	for (size_t i = 0; i < x->victims.n; i++) {
		const uint32_t job = s->in->tasks.at[x->victims.at[i]].job;
		if (!r->victim[job] && job != x->v->job) {
			r->jobs[r->n_jobs++] = job;
			count_again(r, s->in, job);
		}
		r->victim[job] = true;
	}
	keep_queues(s, r, s->first_root);
}

static void arrangement_fini(struct arrangement *r)
{
	free(r->victim);
	free(r->jobs);
	free(r->placed);
	free(r->counts);
}

/* In line: the job, its victims, and the waiting jobs whose turns matter. */
static struct line *line_of(const struct search *x, struct arrangement *r)
{
	struct session *const s = x->v->s;
	struct line *const line = line_new(s, false);
	const struct standing own = {
		.job = x->v->job,
		.amount = order_sum(s, x->v->tasks, x->n_tasks),
	};
	line_push(line, &own);
	for (uint32_t i = 0; i < x->n_waiting; i++) {
		const uint32_t job = x->waiting[i].job;
		if (!r->victim[job] && r->counts[s->in->jobs.at[job].queue]) {
			line_push(line, &x->waiting[i]);
		}
	}
	for (uint32_t i = 0; i < r->n_jobs; i++) {
		const struct standing st = order_waiting(s, r->jobs[i], true);
		line_push(line, &st);
	}
	return line;
}

bool arrange_again(struct search *x)
{
	struct session *const s = x->v->s;
	uint32_t *const tasks = mem_new(s->in->tasks.n, sizeof(*tasks));
	struct arrangement r;
	struct sched_why why;
	struct standing next;
	arrangement_init(&r, x);
	struct line *const line = line_of(x, &r);
	bool placed = true;
	while (placed && r.todo > 0 && line_pop(line, &next)) {
		if (next.job == x->v->job) {
			placed = allocate_tasks(s, x->v->tasks, x->n_tasks, true, &why);
			r.todo--;
		} else if (r.victim[next.job]) {
			const uint32_t n = order_next_tasks(s, next.job, true, tasks);
			allocate_tasks(s, tasks, n, true, &why);
			r.todo--;
		}
	}
	line_free(line);
	arrangement_fini(&r);
	free(tasks);
	return placed;
}
