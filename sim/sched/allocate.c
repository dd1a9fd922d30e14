/* Places waiting jobs on what is free or being freed, best queue first (semantics.md section 8). */
#include "sched/session.h"

#include <stdlib.h>

#include "sched/topology.h"

/* The first resource in which `has` and `asked` go beyond `limit`; SCHED_RESOURCES: none. */
static int first_over(const struct sched_amount *has, const struct sched_amount *asked,
                      const struct sched_amount *limit)
{
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		if (limit->of[r] != SCHED_UNLIMITED && has->of[r] + asked->of[r] > limit->of[r]) {
			return r;
		}
	}
	return SCHED_RESOURCES;
}

bool allocate_within_quota(const struct session *s, uint32_t job, const struct sched_amount *asked,
                           struct sched_why *why)
{
	const bool counts = s->priority->keeps_shares && order_asks_to_stay(s, job);
	uint32_t q = counts ? s->in->jobs.at[job].queue : SCHED_NONE;
	for (; q != SCHED_NONE; q = s->in->queues.at[q].parent) {
		const int r = first_over(&s->queues[q].fixed, asked, &s->in->queues.at[q].quota);
		if (r != SCHED_RESOURCES) {
			*why = (struct sched_why){.reason = SCHED_OVER_QUOTA,
			                          .queue = q,
			                          .resource = (enum sched_resource)r};
			return false;
		}
	}
	return true;
}

bool allocate_admits(const struct session *s, uint32_t job, const struct sched_amount *asked,
                     struct sched_why *why)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	for (uint32_t q = j->queue; q != SCHED_NONE; q = s->in->queues.at[q].parent) {
		const int r =
			first_over(&s->queues[q].allocated, asked, &s->in->queues.at[q].limit);
		if (r != SCHED_RESOURCES) {
			*why = (struct sched_why){.reason = SCHED_OVER_LIMIT,
			                          .queue = q,
			                          .resource = (enum sched_resource)r};
			return false;
		}
	}
	return allocate_within_quota(s, job, asked, why);
}

bool allocate_tasks(struct session *s, const uint32_t *tasks, uint32_t n, bool promise_only,
                    struct sched_why *why)
{
	const struct sched_amount asked = order_sum(s, tasks, n);
	const size_t mark = s->log.n;
	if (n == 0 || !allocate_admits(s, s->in->tasks.at[tasks[0]].job, &asked, why)) {
		return false;
	}
	if (s->in->jobs.at[s->in->tasks.at[tasks[0]].job].n_groups > 0) {
		return topology_place(s, tasks, n, promise_only, why);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!fit_place(s, tasks[i], promise_only)) {
			session_undo(s, mark);
			*why = (struct sched_why){
				.reason = SCHED_NO_ROOM, .placed = i, .wanted = n};
			return false;
		}
	}
	return true;
}

/* A gang of which too few can be bound now waits for the others: all of it is only promised. */
static void promise_gang(struct session *s, uint32_t job)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	bool wait = false;
	for (uint32_t k = 0; k < j->n_sets; k++) {
		const struct set_state *const set = &s->sets[j->first_set + k];
		wait = wait || (set->pipelined > 0 && set->active - set->pipelined <
		                                              s->in->sets.at[j->first_set + k].min);
	}
	for (uint32_t i = 0; wait && i < j->n_tasks; i++) {
		struct place p = s->places[j->first_task + i];
		if (p.status == SCHED_BINDING) {
			p.status = SCHED_PIPELINED;
			session_put(s, j->first_task + i, &p);
		}
	}
}

void allocate_run(struct session *s)
{
	struct line *const line = line_new(s, false);
	struct standing next;
	uint32_t *const tasks = mem_new(s->in->tasks.n, sizeof(*tasks));
	for (uint32_t i = 0; i < s->in->jobs.n; i++) {
		if (order_is_pending(s, s->by_rank[i])) {
			next = order_waiting(s, s->by_rank[i], false);
			line_push(line, &next);
		} else {
			s->out->jobs[s->by_rank[i]].reason = SCHED_TOO_FEW;
		}
	}
	while (line_pop(line, &next)) {
		const uint32_t n = order_next_tasks(s, next.job, false, tasks);
		if (!allocate_tasks(s, tasks, n, false, &s->out->jobs[next.job])) {
			continue;
		}
		promise_gang(s, next.job);
		session_commit(s, next.job, SCHED_ALLOCATE);
		s->out->jobs[next.job].reason = SCHED_NOT_TRIED;
		if (order_is_pending(s, next.job)) {
			next = order_waiting(s, next.job, false);
			line_push(line, &next);
		}
	}
	free(tasks);
	line_free(line);
}
