/* More important work of a project takes the place of less important work (semantics.md, 8). */
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
	const struct sched_job *const own = &in->jobs.at[v->job];
	for (uint32_t i = 0; i < in->jobs.n; i++) {
		const uint32_t job = v->s->by_rank[i];
		const struct sched_job *const j = &in->jobs.at[job];
		if (j->preemptible && j->queue == own->queue && j->priority < own->priority) {
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
	solve_all(s, &kind);
}
