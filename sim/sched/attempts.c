/* All waiting jobs in line, each given one search for victims. */
#include <stdlib.h>
#include <string.h>

#include "sched/session.h"

/* Do two pods wait for the same, or neither of them? */
static bool same_ask(const struct session *s, uint32_t a, uint32_t b)
{
	return s->in->tasks.at[a].tie + s->in->tasks.at[b].tie == 0 &&
	       (s->places[a].status == SCHED_PENDING) == (s->places[b].status == SCHED_PENDING) &&
	       memcmp(&s->in->tasks.at[a].ask, &s->in->tasks.at[b].ask, sizeof(struct sched_ask)) ==
	               0;
}

/* Do two jobs need the same, so that one fails where the other did? */
static bool same_needs(const struct session *s, uint32_t a, uint32_t b)
{
	const struct sched_job *const x = &s->in->jobs.at[a];
	const struct sched_job *const y = &s->in->jobs.at[b];
	bool same = x->priority == y->priority && x->preemptible == y->preemptible &&
	            x->keeps_core == y->keeps_core && x->n_tasks == y->n_tasks &&
	            x->n_sets == y->n_sets && x->n_groups + y->n_groups == 0;
	for (uint32_t k = 0; same && k < x->n_sets; k++) {
		same = s->in->sets.at[x->first_set + k].min == s->in->sets.at[y->first_set + k].min;
	}
	for (uint32_t i = 0; same && i < x->n_tasks; i++) {
		same = same_ask(s, x->first_task + i, y->first_task + i);
	}
	return same;
}

/* Jobs that found no victims. */
struct failures {
	uint32_t *jobs;
	size_t n;
};

static bool failed_before(const struct session *s, const struct solve_kind *kind,
                          const struct failures *f, uint32_t job)
{
	for (size_t i = 0; i < f->n; i++) {
		const uint32_t other = f->jobs[i];
		if ((kind->any_queue || s->in->jobs.at[other].queue == s->in->jobs.at[job].queue) &&
		    same_needs(s, other, job)) {
			return true;
		}
	}
	return false;
}

static struct line *waiting_line(struct session *s, bool preemptible_only)
{
	struct line *const line = line_new(s, false);
	for (uint32_t i = 0; i < s->in->jobs.n; i++) {
		const uint32_t job = s->by_rank[i];
		if (order_is_pending(s, job) &&
		    (!preemptible_only || !order_asks_to_stay(s, job))) {
			const struct standing st = order_waiting(s, job, false);
			line_push(line, &st);
		}
	}
	return line;
}

void solve_all(struct session *s, const struct solve_kind *kind)
{
	struct line *const line = waiting_line(s, kind->preemptible_only);
	uint32_t *const tasks = mem_new(s->in->tasks.n, sizeof(*tasks));
	struct failures failed = {.jobs = mem_new(s->in->jobs.n, sizeof(*failed.jobs))};
	struct standing next;
	while (line_pop(line, &next)) {
		struct solve v = {.s = s, .job = next.job, .kind = kind, .tasks = tasks};
		if (!order_is_pending(s, next.job)) {
			continue; /* it lost pods since it came into line */
		}
		v.n_tasks = order_next_tasks(s, next.job, false, tasks);
		v.asked = order_sum(s, tasks, v.n_tasks);
		if (kind->may(&v) && !failed_before(s, kind, &failed, next.job) && !solve_run(&v)) {
			failed.jobs[failed.n++] = next.job;
		}
	}
	free(failed.jobs);
	free(tasks);
	line_free(line);
}
