/* Moves running work so that a waiting job fits; nobody may lose its place (semantics.md, 8). */
#include "sched/session.h"

/* Nothing is killed, so what is free and what leaves must be enough in sum. */
static bool may(const struct solve *v)
{
	int64_t gpus = 0;
	for (size_t n = 0; n < v->s->in->nodes.n; n++) {
		const struct sched_node *const node = &v->s->in->nodes.at[n];
		gpus += v->s->nodes[n].idle[SCHED_GPU] + v->s->nodes[n].releasing[SCHED_GPU];
		for (int64_t g = 0; v->s->nodes[n].shared > 0 && g < 2 * node->gpus; g++) {
			const struct group *const x =
				&v->s->groups[node->first_group + (uint32_t)g];
			gpus += x->allocated + x->promised > 0;
		}
	}
	return gpus * sched_unit[SCHED_GPU] >= v->asked.of[SCHED_GPU];
}

static void candidates(const struct solve *v, struct line *line)
{
	const struct session *const s = v->s;
	const int64_t most = s->options->max_consolidated;
	int64_t n = 0;
	for (uint32_t i = 0; i < s->in->jobs.n && (most < 0 || n < most); i++) {
		const uint32_t job = s->by_rank[i];
		if (job != v->job && s->in->jobs.at[job].preemptible) {
			n += solve_candidate(v, line, job, false);
		}
	}
}

static bool nobody(const struct solve *v, const uint32_t *victims, uint32_t n)
{
	(void)v;
	(void)victims;
	return n == 0;
}

static const struct solve_kind kind = {
	.action = SCHED_CONSOLIDATE,
	.preemptible_only = true,
	.any_queue = true,
	.may = may,
	.candidates = candidates,
	.agrees = nobody,
};

void consolidate_run(struct session *s)
{
	if (s->priority->moves && s->options->max_consolidated != 0) {
		solve_all(s, &kind);
	}
}
