/*
 * The node that keeps the least CPU and GPU free (semantics.md section 15), in shares of the
 * largest node of openb; there the fullest GPUs with room.
 */
#include "policy/placement.h"

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	const int64_t ratio = PLACEMENT_MOST_CPU / PLACEMENT_MOST_GPU;
	const int64_t left = placement_node_left(c, at) * ratio + at->cpu - at->cpu_used;
	const int64_t asked = placement_asked_milli(c, at, ask) * ratio + ask->cpu;
	*rank = ((left - asked) * 100 + 2 * PLACEMENT_MOST_CPU - 1) / (2 * PLACEMENT_MOST_CPU);
	return true;
}

const struct placement_policy placement_best_fit = {
	.head = {.name = "best_fit", .help = "the node that keeps the least CPU and GPU free"},
	.fit = fit,
};
