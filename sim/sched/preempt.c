/* Work takes the place of what yields to it by the priority policy (semantics.md, 8). */
#include "sched/session.h"

static bool may(const struct solve *v)
{
	struct sched_why why;
	return allocate_within_quota(v->s, v->job, &v->asked, &why);
}

/* The nearest one on the way up; 0: none. */
static ns_t min_runtime(const struct snapshot *in, uint32_t queue)
{
	while (queue != SCHED_NONE && in->queues.at[queue].preempt_min_runtime == 0) {
		queue = in->queues.at[queue].parent;
	}
	return queue == SCHED_NONE ? 0 : in->queues.at[queue].preempt_min_runtime;
}

static void candidates(const struct solve *v, struct line *line)
{
	const struct snapshot *const in = v->s->in;
	const struct priority_job waiting = order_facts(v->s, v->job, 0);
	for (uint32_t i = 0; i < in->jobs.n; i++) {
		const uint32_t job = v->s->by_rank[i];
		const struct sched_job *const j = &in->jobs.at[job];
		const struct priority_job running = order_facts(v->s, job, 0);
		if (j->preemptible && v->s->priority->yields(&waiting, &running)) {
			solve_candidate(v, line, job, j->running_for < min_runtime(in, j->queue));
		}
	}
}

static const struct solve_kind kind = {
	.action = SCHED_PREEMPT,
	.may = may,
	.candidates = candidates,
};

void preempt_run(struct session *s)
{
	if (s->priority->yields != NULL) {
		solve_all(s, &kind);
	}
}
