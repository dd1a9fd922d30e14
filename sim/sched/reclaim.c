/* A queue below its fair share takes back what others hold beyond theirs (semantics.md, 8). */
#include "sched/session.h"

#include <stdlib.h>
#include <string.h>

/* Within the fair share, and within the quota when the job may not be preempted. */
static bool may(const struct solve *v)
{
	const struct session *const s = v->s;
	struct sched_why *const why = &s->out->jobs[v->job];
	const uint32_t queue = s->in->jobs.at[v->job].queue;
	struct sched_amount with = s->queues[queue].allocated;
	sched_add(&with, &v->asked, 1);
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		if (with.of[r] > s->queues[queue].fair_share.of[r]) {
			if (why->reason != SCHED_NO_ROOM) {
				return false;
			}
			why->reason = SCHED_OVER_SHARE;
			why->queue = queue;
			why->resource = (enum sched_resource)r;
			return false;
		}
	}
	return allocate_within_quota(s, v->job, &v->asked, why);
}

static uint32_t depth(const struct snapshot *in, uint32_t queue)
{
	uint32_t n = 0;
	for (; in->queues.at[queue].parent != SCHED_NONE; n++) {
		queue = in->queues.at[queue].parent;
	}
	return n;
}

/* The queues above two different ones, or these, at the first level where the paths part. */
static void part(const struct snapshot *in, uint32_t *a, uint32_t *b)
{
	uint32_t da = depth(in, *a);
	uint32_t db = depth(in, *b);
	for (; da > db; da--) {
		*a = in->queues.at[*a].parent;
	}
	for (; db > da; db--) {
		*b = in->queues.at[*b].parent;
	}
	while (*a != *b && in->queues.at[*a].parent != in->queues.at[*b].parent) {
		*a = in->queues.at[*a].parent;
		*b = in->queues.at[*b].parent;
	}
}

/* From where the paths part toward the victim, then upward; 0: none. */
static ns_t min_runtime(const struct snapshot *in, uint32_t reclaimer, uint32_t victim)
{
	part(in, &reclaimer, &victim);
	while (victim != SCHED_NONE && in->queues.at[victim].reclaim_min_runtime == 0) {
		victim = in->queues.at[victim].parent;
	}
	return victim == SCHED_NONE ? 0 : in->queues.at[victim].reclaim_min_runtime;
}

static void candidates(const struct solve *v, struct line *line)
{
	const struct snapshot *const in = v->s->in;
	const uint32_t queue = in->jobs.at[v->job].queue;
	for (uint32_t i = 0; i < in->jobs.n; i++) {
		const uint32_t job = v->s->by_rank[i];
		const struct sched_job *const j = &in->jobs.at[job];
		if (j->preemptible && j->queue != queue) {
			solve_candidate(v, line, job,
			                j->running_for < min_runtime(in, queue, j->queue));
		}
	}
}

/* --- are the victims acceptable? --------------------------------------------------------------
 */

/* What is left of each queue's allocation while victims are taken one after the other. */
struct remains {
	const struct solve *v;
	struct sched_amount *left; /* of each queue */
	bool *touched;             /* each queue: victims were taken from it or below it */
	bool involved[SCHED_RESOURCES];
};

static bool above(const struct sched_amount *has, const struct sched_amount *limit)
{
	return !sched_within(has, limit);
}

/* May something be taken from `victim`, the queue beside or above where the paths part? */
static bool may_take(const struct remains *m, uint32_t reclaimer, uint32_t victim)
{
	const struct session *const s = m->v->s;
	const struct sched_amount *const quota = &s->in->queues.at[victim].quota;
	struct sched_amount most = *quota; /* max of quota and fair share */
	struct sched_amount with = m->v->before[reclaimer];
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		const int64_t fair = s->queues[victim].fair_share.of[r];
		if (most.of[r] != SCHED_UNLIMITED && fair > most.of[r]) {
			most.of[r] = fair;
		}
	}
	if (above(&m->left[victim], &most)) {
		return true;
	}
	sched_add(&with, &m->v->asked, 1);
	return sched_within(&with, &s->in->queues.at[reclaimer].quota) &&
	       above(&m->left[victim], quota);
}

static bool take(struct remains *m, uint32_t queue, const struct sched_amount *amount)
{
	const struct snapshot *const in = m->v->s->in;
	uint32_t reclaimer = in->jobs.at[m->v->job].queue;
	uint32_t victim = queue;
	part(in, &reclaimer, &victim);
	if (!may_take(m, reclaimer, victim)) {
		return false;
	}
	for (uint32_t q = queue; q != SCHED_NONE; q = in->queues.at[q].parent) {
		sched_add(&m->left[q], amount, -1);
		m->touched[q] = true;
	}
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		m->involved[r] = m->involved[r] || amount->of[r] > 0;
	}
	return true;
}

/* Where it was, or as if it still waited when it had a promise only. */
static struct sched_amount charge_of_victim(const struct session *s, uint32_t task)
{
	const uint32_t node = s->places[task].old_node;
	return snapshot_charge(s->in, &s->in->tasks.at[task].ask,
	                       node != SCHED_NONE ? &s->in->nodes.at[node] : NULL);
}

/* Victims of one set of pods. */
static int64_t count_set(const struct session *s, uint32_t set, const uint32_t *victims, uint32_t n)
{
	int64_t of_set = 0;
	for (uint32_t i = 0; i < n; i++) {
		of_set += s->in->tasks.at[victims[i]].set == set;
	}
	return of_set;
}

/* Take the victims of one job: those above its minimum one by one, the core as one block. */
static bool take_job(struct remains *m, uint32_t job, const uint32_t *victims, uint32_t n)
{
	const struct session *const s = m->v->s;
	const struct sched_job *const j = &s->in->jobs.at[job];
	struct sched_amount core = {{0}};
	bool has_core = false;
	for (uint32_t set = j->first_set; set < j->first_set + j->n_sets; set++) {
		int64_t elastic = count_set(s, set, victims, n) - s->in->sets.at[set].min;
		for (uint32_t i = 0; i < n; i++) {
			if (s->in->tasks.at[victims[i]].set != set) {
				continue;
			}
			const struct sched_amount charge = charge_of_victim(s, victims[i]);
			if (elastic-- <= 0) {
				sched_add(&core, &charge, 1);
				has_core = true;
			} else if (!take(m, j->queue, &charge)) {
				return false;
			}
		}
	}
	return !has_core || take(m, j->queue, &core);
}

/* Is the reclaimer's use of its fair share, beyond all of it, at least as high as a sibling's? */
static bool worse_off(const struct remains *m, uint32_t reclaimer, uint32_t sibling, int r)
{
	const struct session *const s = m->v->s;
	const int64_t own = s->queues[reclaimer].fair_share.of[r];
	const int64_t other = s->queues[sibling].fair_share.of[r];
	const int64_t with = m->left[reclaimer].of[r] + m->v->asked.of[r];
	return m->involved[r] && with > own && other > 0 &&
	       (own == 0 || (i128_t)with * other >= (i128_t)m->left[sibling].of[r] * own);
}

/* At each level the reclaimer must not end up above its fair share and above a queue it took from.
 */
static bool remains_fair(const struct remains *m)
{
	const struct session *const s = m->v->s;
	for (uint32_t q = s->in->jobs.at[m->v->job].queue; q != SCHED_NONE;
	     q = s->in->queues.at[q].parent) {
		for (uint32_t x = 0; x < s->in->queues.n; x++) {
			bool bad = false;
			for (int r = 0; r < SCHED_RESOURCES; r++) {
				bad = bad || worse_off(m, q, x, r);
			}
			if (x != q && m->touched[x] && bad &&
			    s->in->queues.at[x].parent == s->in->queues.at[q].parent) {
				return false;
			}
		}
	}
	return true;
}

static bool agrees(const struct solve *v, const uint32_t *victims, uint32_t n)
{
	struct session *const s = v->s;
	struct remains m = {.v = v};
	bool *const seen = mem_new(s->in->jobs.n, sizeof(*seen));
	bool ok = true;
	m.left = mem_new(s->in->queues.n, sizeof(*m.left));
	m.touched = mem_new(s->in->queues.n, sizeof(*m.touched));
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		m.involved[r] = v->asked.of[r] > 0;
	}
	for (size_t q = 0; q < s->in->queues.n; q++) {
		m.left[q] = v->before[q];
	}
	for (uint32_t i = 0; i < n && ok; i++) {
		const uint32_t job = s->in->tasks.at[victims[i]].job;
		ok = seen[job] || take_job(&m, job, victims, n);
		seen[job] = true;
	}
	ok = ok && remains_fair(&m);
	free(seen);
	free(m.left);
	free(m.touched);
	return ok;
}

static const struct solve_kind kind = {
	.action = SCHED_RECLAIM,
	.may = may,
	.candidates = candidates,
	.agrees = agrees,
};

void reclaim_run(struct session *s)
{
	if (s->priority->keeps_shares) {
		solve_all(s, &kind);
	}
}
