/*
 * The node whose free resources point least in the direction of the request (semantics.md section
 * 15): free times asked, summed over CPU and GPU in shares of the largest node of openb.
 */
#include "policy/placement.h"

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	const int64_t ratio = PLACEMENT_MOST_CPU / PLACEMENT_MOST_GPU;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	const int64_t product =
		(at->cpu - at->cpu_used) * ask->cpu +
		placement_node_left(c, at) * placement_asked_milli(c, at, ask) * ratio * ratio;
	const int64_t percent = INT64_C(2) * PLACEMENT_MOST_CPU * PLACEMENT_MOST_CPU / 100;
	*rank = (product + percent - 1) / percent;
	return true;
}

const struct placement_policy placement_dot_product = {
	.head = {.name = "dot_product", .help = "the node whose free resources match it least"},
	.fit = fit,
};
