/*
 * Run:ai's default (semantics.md section 9): a part of a GPU goes where a GPU is shared already,
 * then to the node with the fewest idle GPUs, there to the fullest GPU with room.
 */
#include "policy/placement.h"

/* A node with a shared GPU that takes the request goes before all that would open one. */
#define OPENS_A_GPU (INT64_C(1) << 32)

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	bool opens = false;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	for (uint32_t i = 0; i < ask->gpus; i++) {
		opens = opens || c->gpus[gpus[i]].residents == 0;
	}
	*rank = (opens ? OPENS_A_GPU : 0) + (int64_t)c->nodes[node].idle;
	return true;
}

const struct placement_policy placement_binpack = {
	.head = {.name = "binpack", .help = "shared GPUs first, then the fullest node"},
	.fit = fit,
};
