/*
 * A shared GPU first, the fullest; then a free GPU of a node in use, with the fewest free ones;
 * then a node that is empty (semantics.md section 15).
 */
#include "policy/placement.h"

#define ON_FREE_GPU (INT64_C(1) << 20)
#define ON_FREE_NODE (INT64_C(1) << 21)

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	if (ask->gpus == 0) {
		*rank = 0;
	} else if (at->idle == at->n) {
		*rank = ON_FREE_NODE + (int64_t)at->n;
	} else if (c->gpus[gpus[0]].residents == 0) {
		*rank = ON_FREE_GPU + (int64_t)ask->gpus;
	} else {
		*rank = placement_left_milli(&c->gpus[gpus[0]]) / 100;
	}
	return true;
}

const struct placement_policy placement_gpu_packing = {
	.head = {.name = "gpu_packing", .help = "shared GPUs, then nodes in use, then empty ones"},
	.fit = fit,
};
