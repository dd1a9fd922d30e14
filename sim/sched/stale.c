/* Evicts gangs that lost too many pods to be of use, after a time of grace (semantics.md, 8). */
#include "sched/session.h"

static bool is_stale(const struct session *s, uint32_t job)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	bool active = false;
	bool below = false;
	for (uint32_t k = j->first_set; k < j->first_set + j->n_sets; k++) {
		active = active || s->sets[k].active > 0;
		below = below || s->sets[k].active < s->in->sets.at[k].min;
	}
	return active && below && j->stale_for >= s->options->stale_grace;
}

void stale_run(struct session *s)
{
	for (uint32_t i = 0; i < s->in->jobs.n && s->options->stale_grace >= 0; i++) {
		const uint32_t job = s->by_rank[i];
		const struct sched_job *const j = &s->in->jobs.at[job];
		if (!is_stale(s, job)) {
			continue;
		}
		for (uint32_t t = j->first_task; t < j->first_task + j->n_tasks; t++) {
			if (place_is_active(&s->places[t])) {
				session_evict(s, t);
			}
		}
		session_commit(s, job, SCHED_EVICT_STALE);
	}
}
