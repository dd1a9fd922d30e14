/*
 * Kubernetes' own scheduler (semantics.md section 13), the baseline: pods one by one, by priority
 * and then age; onto the node with the most CPU and memory left, GPUs merely counted; a pod that
 * fits nowhere takes the place of lower priorities. It knows no queues, no gangs and no parts of
 * GPUs but MIG instances, and nothing that may not be preempted.
 */
#include <stdlib.h>
#include <string.h>

#include "sched/ties.h"

/* What a pod that asks for nothing counts as in scores. */
#define ASSUMED_CPU INT64_C(100)
#define ASSUMED_MEMORY (INT64_C(200) << 20)

struct native {
	struct session *s;
	int64_t (*scored)[2];   /* of each node: CPU and memory of its pods, as scores see them */
	uint32_t *on_node;      /* of each node: its first pod; SCHED_NONE: none */
	uint32_t *next;         /* of each pod: another one on its node */
	uint32_t *queue;        /* pods that wait, best first */
	uint32_t *lower, *best; /* pods that would leave the node that is looked at, or the best */
};

/* Pods that leave the node, and what it would cost. */
struct loss {
	uint32_t node;
	uint32_t n;
	int64_t highest; /* priority among them */
	int64_t sum;     /* of priorities, each raised so that fewer pods are better */
	ns_t longest;    /* that one of the highest priority has run */
};

static int64_t priority_of(const struct session *s, uint32_t task)
{
	return s->in->jobs.at[s->in->tasks.at[task].job].priority;
}

/* Higher priority first, then older, then as the job orders its pods. */
static bool before(const struct session *s, uint32_t a, uint32_t b)
{
	const struct sched_task *const x = &s->in->tasks.at[a];
	const struct sched_task *const y = &s->in->tasks.at[b];
	const struct sched_job *const i = &s->in->jobs.at[x->job];
	const struct sched_job *const j = &s->in->jobs.at[y->job];
	if (i->priority != j->priority) {
		return i->priority > j->priority;
	}
	if (i->rank != j->rank) {
		return i->rank < j->rank;
	}
	return x->order != y->order ? x->order > y->order : a < b;
}

/* --- nodes ------------------------------------------------------------------------------------
 */

static bool fits(const struct session *s, uint32_t task, uint32_t node, bool now)
{
	const struct sched_ask ask = ties_ask(s, task, node);
	return ties_let(s, task, node, now) && fit_beside_gpus(s, &ask, node, now) &&
	       (ask.gpus == 0 || ask.gpus <= node_available(&s->nodes[node], SCHED_GPU, now));
}

/* Per cent that is left of a resource with the pod there. */
static int64_t left_pct(int64_t has, int64_t with)
{
	return has > 0 && with <= has ? (has - with) * 100 / has : 0;
}

/* LeastAllocated: the mean over CPU and memory, of what the node has of them. */
static int64_t score(const struct native *n, const struct sched_ask *ask, uint32_t node)
{
	const struct sched_node *const spec = &n->s->in->nodes.at[node];
	const int64_t cpu = ask->cpu > 0 ? ask->cpu : ASSUMED_CPU;
	const int64_t memory = ask->memory > 0 ? ask->memory : ASSUMED_MEMORY;
	const int64_t kinds = (spec->cpu > 0) + (spec->memory > 0);
	const int64_t sum = left_pct(spec->cpu, n->scored[node][0] + cpu) +
	                    left_pct(spec->memory, n->scored[node][1] + memory);
	return kinds > 0 ? sum / kinds : 0;
}

static void put(struct native *n, uint32_t task, uint32_t node, enum sched_status status)
{
	const struct sched_ask *const ask = &n->s->in->tasks.at[task].ask;
	struct place p = n->s->places[task];
	p.node = node;
	p.status = status;
	session_put(n->s, task, &p);
	if (status == SCHED_BINDING) {
		n->scored[node][0] += ask->cpu > 0 ? ask->cpu : ASSUMED_CPU;
		n->scored[node][1] += ask->memory > 0 ? ask->memory : ASSUMED_MEMORY;
	}
}

/* Bind the pod to the node with the best score, the first of equals by name. */
static bool bind(struct native *n, uint32_t task)
{
	uint32_t best = SCHED_NONE;
	int64_t best_score = -1;
	for (uint32_t node = 0; node < n->s->in->nodes.n; node++) {
		if (fits(n->s, task, node, true)) {
			const int64_t now = score(n, &n->s->in->tasks.at[task].ask, node);
			if (now > best_score) {
				best_score = now;
				best = node;
			}
		}
	}
	if (best != SCHED_NONE) {
		put(n, task, best, SCHED_BINDING);
		session_commit(n->s, n->s->in->tasks.at[task].job, SCHED_ALLOCATE);
	}
	return best != SCHED_NONE;
}

/* --- preemption -------------------------------------------------------------------------------
 */

/* Of the pods that run there, those of lower priority, most important first; how many. */
static uint32_t list_lower(const struct native *n, uint32_t task, uint32_t node)
{
	const struct session *const s = n->s;
	uint32_t found = 0;
	for (uint32_t t = n->on_node[node]; t != SCHED_NONE; t = n->next[t]) {
		if (s->places[t].status != SCHED_RUNNING ||
		    priority_of(s, t) >= priority_of(s, task)) {
			continue;
		}
		uint32_t i = found++;
		for (; i > 0 && before(s, t, n->lower[i - 1]); i--) {
			n->lower[i] = n->lower[i - 1];
		}
		n->lower[i] = t;
	}
	return found;
}

/* Does a pod that left fit again beside the one that would come? */
static bool is_spared(struct native *n, uint32_t task, uint32_t node, uint32_t victim)
{
	struct session *const s = n->s;
	const size_t mark = s->log.n;
	const struct place back = {.status = SCHED_RUNNING, .node = node, .old_node = SCHED_NONE};
	session_put(s, victim, &back);
	if (fits(s, task, node, false)) {
		return true;
	}
	session_undo(s, mark);
	return false;
}

static void count_loss(const struct session *s, struct loss *l, uint32_t victim)
{
	const int64_t priority = priority_of(s, victim);
	const ns_t run = s->in->jobs.at[s->in->tasks.at[victim].job].running_for;
	if (l->n == 0 || priority > l->highest) {
		l->highest = priority;
		l->longest = run;
	} else if (priority == l->highest && run > l->longest) {
		l->longest = run;
	}
	l->sum += priority + (INT64_C(1) << 31);
	l->n++;
}

/* The pods that must leave the node, into n->lower; false: it would not do. */
static bool try_node(struct native *n, uint32_t task, uint32_t node, struct loss *loss)
{
	struct session *const s = n->s;
	const uint32_t lower = list_lower(n, task, node);
	*loss = (struct loss){.node = node, .highest = INT64_MIN};
	for (uint32_t i = 0; i < lower; i++) {
		session_evict(s, n->lower[i]);
	}
	const bool ok = fits(s, task, node, false);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < lower && ok; i++) {
		const uint32_t victim = n->lower[i];
		if (!is_spared(n, task, node, victim)) {
			count_loss(s, loss, victim);
			n->lower[kept++] = victim;
		}
	}
	session_undo(s, 0);
	return ok;
}

/* The lower its most important victim the better, then fewer and less important, then younger. */
static bool is_better(const struct loss *a, const struct loss *b)
{
	if (a->highest != b->highest) {
		return a->highest < b->highest;
	}
	return a->sum != b->sum ? a->sum < b->sum : a->longest < b->longest;
}

/* Promise the pod a node where what runs with lower priority has to leave. */
static bool preempt(struct native *n, uint32_t task)
{
	struct session *const s = n->s;
	struct loss best = {.node = SCHED_NONE};
	for (uint32_t node = 0; node < s->in->nodes.n; node++) {
		struct loss now;
		if (try_node(n, task, node, &now) &&
		    (best.node == SCHED_NONE || is_better(&now, &best))) {
			best = now;
			memcpy(n->best, n->lower, now.n * sizeof(*n->best));
		}
	}
	if (best.node == SCHED_NONE) {
		return false;
	}
	for (uint32_t i = 0; i < best.n; i++) {
		session_evict(s, n->best[i]);
	}
	put(n, task, best.node, SCHED_PIPELINED);
	session_commit(s, s->in->tasks.at[task].job, SCHED_PREEMPT);
	return true;
}

/* --- the queue --------------------------------------------------------------------------------
 */

/* Merge sort, as there may be many. */
static void sort(const struct session *s, uint32_t *tasks, uint32_t *spare, uint32_t n)
{
	const uint32_t half = n / 2;
	if (n < 2) {
		return;
	}
	sort(s, tasks, spare, half);
	sort(s, tasks + half, spare, n - half);
	memcpy(spare, tasks, half * sizeof(*spare));
	uint32_t left = 0;
	uint32_t right = half;
	for (uint32_t i = 0; left < half; i++) {
		const bool second = right < n && before(s, tasks[right], spare[left]);
		tasks[i] = second ? tasks[right++] : spare[left++];
	}
}

/* Put the pods onto lists of their nodes, and those that wait into the queue; how many. */
static uint32_t sort_out(struct native *n)
{
	const struct session *const s = n->s;
	uint32_t waiting = 0;
	for (uint32_t t = 0; t < s->in->tasks.n; t++) {
		const struct place *const p = &s->places[t];
		const uint32_t node = place_is_active(p) ? p->node : p->old_node;
		if (p->status == SCHED_PENDING) {
			n->queue[waiting++] = t;
		} else if (node != SCHED_NONE) {
			const struct sched_ask *const ask = &s->in->tasks.at[t].ask;
			n->next[t] = n->on_node[node];
			n->on_node[node] = t;
			n->scored[node][0] += ask->cpu > 0 ? ask->cpu : ASSUMED_CPU;
			n->scored[node][1] += ask->memory > 0 ? ask->memory : ASSUMED_MEMORY;
		}
	}
	sort(s, n->queue, n->best, waiting);
	return waiting;
}

void native_run(struct session *s, bool preempts)
{
	const struct snapshot *const in = s->in;
	struct native n = {
		.s = s,
		.scored = mem_new(in->nodes.n, sizeof(*n.scored)),
		.on_node = mem_new(in->nodes.n, sizeof(*n.on_node)),
		.next = mem_new(in->tasks.n, sizeof(*n.next)),
		.queue = mem_new(in->tasks.n, sizeof(*n.queue)),
		.lower = mem_new(in->tasks.n, sizeof(*n.lower)),
		.best = mem_new(in->tasks.n, sizeof(*n.best)),
	};
	memset(n.on_node, 0xff, in->nodes.n * sizeof(*n.on_node));
	const uint32_t waiting = sort_out(&n);
	for (uint32_t i = 0; i < waiting; i++) {
		struct sched_why *const why = &s->out->jobs[in->tasks.at[n.queue[i]].job];
		const bool placed = bind(&n, n.queue[i]) || (preempts && preempt(&n, n.queue[i]));
		why->wanted++;
		why->placed += placed;
		if (!placed) {
			why->reason = SCHED_NO_ROOM;
		}
	}
	free(n.scored);
	free(n.on_node);
	free(n.next);
	free(n.queue);
	free(n.lower);
	free(n.best);
}
