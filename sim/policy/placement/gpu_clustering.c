/*
 * Requests of one size stay together (semantics.md section 15): nodes that hold only such, then
 * those that hold such beside others, then empty ones, then the rest; of each the fuller first.
 */
#include "policy/placement.h"

#define BAND (INT64_C(1) << 20)

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	const uint32_t own = gpu_size_bit(&ask->part[at->kind], ask->gpus);
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	const int64_t band = at->sizes == 0 ? 2 : at->sizes == own ? 0 : at->sizes & own ? 1 : 3;
	*rank = ask->gpus == 0
	                ? 0
	                : band * BAND + (placement_node_left(c, at) * 25 + PLACEMENT_MOST_GPU - 1) /
	                                        PLACEMENT_MOST_GPU;
	return true;
}

const struct placement_policy placement_gpu_clustering = {
	.head = {.name = "gpu_clustering", .help = "requests of one size on the same nodes"},
	.fit = fit,
};
