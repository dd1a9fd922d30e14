/*
 * The working copy of one scheduling cycle: where every pod would be, what nodes and queues have
 * left, and a log that takes decisions back. Private to sched/, except for tests.
 */
#ifndef ALIQUOT_SCHED_SESSION_H
#define ALIQUOT_SCHED_SESSION_H

#include "sched/cycle.h"
#include "sched/snapshot.h"

/* Where a pod is, and what it is leaving. */
struct place {
	enum sched_status status;
	uint32_t node;                  /* SCHED_NONE while it waits */
	uint16_t groups[SCHED_DEVICES]; /* valid for pods with a part of a GPU */
	enum sched_status old_status;   /* before it was evicted; valid with old_node */
	uint32_t old_node;              /* it still holds this; SCHED_NONE: nothing */
	uint16_t old_groups[SCHED_DEVICES];
	bool open; /* evicted by a decision that is not committed: it may be placed again */
};

/* One GPU that pods share, MiB. */
struct group {
	int64_t allocated; /* pods that are there, those that leave too */
	int64_t releasing; /* of them, those that leave */
	int64_t promised;  /* pods that will come */
};

/* MIG instances of one profile on a node. */
struct slices {
	int64_t idle;
	int64_t releasing; /* less what of them is promised; may be below 0 */
};

/* Whole GPUs, millicores and bytes in the order of enum sched_resource. */
struct node_state {
	int64_t idle[SCHED_RESOURCES];
	int64_t releasing[SCHED_RESOURCES]; /* less what of it is promised; may be below 0 */
	int64_t pods;                       /* that are there to stay, or will come */
	int64_t shared;                     /* groups in use, promised ones too */
};

/* See glance.h. */
struct glance {
	int64_t gpus; /* whole ones, idle or being left; of a block the most of any node */
	int64_t mib;  /* the most that one GPU in use takes; -1: none is in use */
	bool loose;   /* of a block: it may be less by now */
};

/* What of a resource of a node a pod could get: now, or when all that leaves has left. */
static inline int64_t node_available(const struct node_state *n, int r, bool now)
{
	return n->idle[r] + (!now || n->releasing[r] < 0 ? n->releasing[r] : 0);
}

struct queue_state {
	struct sched_amount allocated, fixed; /* `fixed` by pods that may not be preempted */
	struct sched_amount fair_share;
	struct sched_amount allocatable;    /* max(quota, fair share) within the limit */
	uint32_t first_child, next_sibling; /* SCHED_NONE ends; by order, then as given */
	uint64_t version;                   /* of what it holds; from 1, counts changes */
};

struct set_state {
	int64_t active, pipelined;
};

struct undo {
	uint32_t task;
	struct place before;
};

/* Nodes that pods may be placed on for the time being, and which of them first. */
struct scope {
	const bool *in;        /* of each node */
	const int64_t *scores; /* of each node, 0 to 10, higher first; NULL: all alike */
};

struct placing;

struct session {
	const struct snapshot *in;
	const struct sched_options *options;
	const struct priority_policy *priority;
	struct sched_result *out;
	struct place *places; /* of each pod */
	struct node_state *nodes;
	struct group *groups;
	struct glance *glances, *blocks; /* of each node, of nodes side by side */
	struct slices *slices;           /* MIG instances of each node and profile */
	struct placing *placing;         /* NULL: KAI's own scores */
	struct group *holders;           /* pods with each claim on each node; see ties.h */
	struct queue_state *queues;
	struct set_state *sets;
	const struct scope *scope; /* NULL: all nodes */
	uint32_t first_root;       /* queue */
	uint32_t *by_rank;         /* jobs, oldest first */
	size_t *first_log;         /* of each pod, while decisions are kept */
	VEC(struct undo) log;
};

void session_init(struct session *s, const struct snapshot *in, const struct sched_options *options,
                  struct sched_result *out);
void session_fini(struct session *s);

/* Move a pod; the log remembers. */
void session_put(struct session *s, uint32_t task, const struct place *place);

static inline struct slices *session_slices(const struct session *s, uint32_t node, int64_t mig)
{
	return &s->slices[node * s->in->migs.n + (size_t)mig];
}

/* Evict a pod that is on a node or promised one. */
void session_evict(struct session *s, uint32_t task);

/* Take decisions back until the log has `mark` entries. */
void session_undo(struct session *s, size_t mark);

/* Keep all decisions since the log was empty, made for `job` (SCHED_NONE: for none) by `action`. */
void session_commit(struct session *s, uint32_t job, enum sched_action action);

/* Does the pod count as one of its job's: running, placed or promised? */
static inline bool place_is_active(const struct place *p)
{
	return p->status == SCHED_BINDING || p->status == SCHED_PIPELINED ||
	       p->status == SCHED_RUNNING;
}

/* What it is charged where it is, or while it waits. */
struct sched_amount session_charge(const struct session *s, uint32_t task);

/* --- fit.c ------------------------------------------------------------------------------------
 */

/*
 * Place a pod on the node with the best score, `promise_only` when nothing may be bound now; one
 * that comes back to what it was leaving stays there. False: it fits nowhere.
 */
bool fit_place(struct session *s, uint32_t task, bool promise_only);

/* Has the node all that the pod asks for besides whole GPUs and parts of some? */
bool fit_beside_gpus(const struct session *s, const struct sched_ask *ask, uint32_t node, bool now);

/* Has the node room for the pod, now or once others have left, wherever these want it? Has any? */
bool fit_takes(const struct session *s, uint32_t task, uint32_t node);
bool fit_anywhere(const struct session *s, uint32_t task);

/* --- order.c ----------------------------------------------------------------------------------
 */

/* Pods that the job would place next, best first, into `tasks` (n_tasks of the job have room):
 * those up to the minimum of each set, or one more of the set that has the least beyond it. `open`
 * counts evicted pods too. */
uint32_t order_next_tasks(const struct session *s, uint32_t job, bool open, uint32_t *tasks);

/* A job as a priority policy sees it. */
struct priority_job order_facts(const struct session *s, uint32_t job, int elasticity);

/* What these pods ask for, as charged while they wait. */
struct sched_amount order_sum(const struct session *s, const uint32_t *tasks, uint32_t n);

/* A job as it stands in line: what of it is not drawn yet, for victims. */
struct standing {
	uint32_t job;
	uint32_t left;              /* victims: its active pods that were not drawn */
	bool trim;                  /* victims: only what is above its minimum */
	struct priority_job facts;  /* set by line_push */
	struct sched_amount amount; /* pending: of its next pods; victims: of those left */
};

struct line;

/* A line of jobs over all queues, waiting ones, or victims, worst first. */
struct line *line_new(struct session *s, bool victims);
void line_free(struct line *l);
void line_push(struct line *l, const struct standing *job);
/* The next one; false: the line is empty. Queues are compared anew each time. */
bool line_pop(struct line *l, struct standing *out);
/* What was taken of the job that was popped last from a line of victims. */
void line_drawn(struct line *l, uint32_t job, const struct sched_amount *taken);

/* Would the pods that the job places next stay, so that they must be within quota? */
bool order_asks_to_stay(const struct session *s, uint32_t job);

/* Is there a pod that a job may still place? */
bool order_is_pending(const struct session *s, uint32_t job);
/* Its standing as a waiting job; `open` as in order_next_tasks. */
struct standing order_waiting(const struct session *s, uint32_t job, bool open);

/* --- allocate.c -------------------------------------------------------------------------------
 */

/* May these pods of a job be added to its queue? The reason goes to *why otherwise. */
bool allocate_admits(const struct session *s, uint32_t job, const struct sched_amount *asked,
                     struct sched_why *why);

/* Is a job within the quotas with `asked` more, if these pods may not be preempted? */
bool allocate_within_quota(const struct session *s, uint32_t job, const struct sched_amount *asked,
                           struct sched_why *why);

/* Place all of these pods of one job, or none. */
bool allocate_tasks(struct session *s, const uint32_t *tasks, uint32_t n, bool promise_only,
                    struct sched_why *why);

void allocate_run(struct session *s);

/* --- solve.c, attempts.c: the search for victims that the next three share
 * --------------------------------
 */

struct search;
struct solve;

/* What the three have of their own. */
struct solve_kind {
	enum sched_action action;
	bool preemptible_only; /* jobs whose next pods are may try */
	bool any_queue;        /* one that failed speaks for its like in all queues */
	/* Is it worth a try? */
	bool (*may)(const struct solve *v);
	/* Adds the jobs that may lose pods to a line, by solve_candidate. */
	void (*candidates)(const struct solve *v, struct line *line);
	/* Are these victims, which found no other place, acceptable? In the order they were drawn.
	 * NULL: always. */
	bool (*agrees)(const struct solve *v, const uint32_t *victims, uint32_t n);
};

struct solve {
	struct session *s;
	const struct solve_kind *kind;
	uint32_t job;          /* the one that wants a place */
	const uint32_t *tasks; /* that the job places, n_tasks of them */
	uint32_t n_tasks;
	struct sched_amount asked;   /* by them */
	struct sched_amount *before; /* what each queue had before anything was tried */
	struct search *search;
};

/* Place the job by moving or evicting others, and commit; false: nothing was changed. */
bool solve_run(struct solve *v);

/* Put a job into a line of victims with its active pods; `trim`: those above its minimum only.
 * False: it has none that are not victims already. */
bool solve_candidate(const struct solve *v, struct line *line, uint32_t job, bool trim);

/* Try all waiting jobs in line, skipping those with the needs of one that failed. */
void solve_all(struct session *s, const struct solve_kind *kind);

void consolidate_run(struct session *s);
void reclaim_run(struct session *s);
void preempt_run(struct session *s);
void stale_run(struct session *s);

/* --- native.c ---------------------------------------------------------------------------------
 */

/* Kubernetes' own scheduler instead of all of the above: semantics.md section 13. */
void native_run(struct session *s, bool preempts);

#endif
