/*
 * Run:ai's default (semantics.md section 9): a part of a GPU goes where a GPU is shared already,
 * then to the node with the fewest idle GPUs, there to the fullest GPU with room.
 */
#include "policy/placement.h"

/* A node with a shared GPU that takes the request goes before all that would open one. */
#define OPENS_A_GPU (INT64_C(1) << 32)

static int64_t rank(const struct view *v, uint32_t node, const uint32_t *gpus, uint32_t n)
{
	const struct cluster *const c = v->cluster;
	bool opens = false;
	for (uint32_t i = 0; i < n; i++) {
		opens = opens || c->gpus[gpus[i]].residents == 0;
	}
	return (opens ? OPENS_A_GPU : 0) + (int64_t)c->nodes[node].idle;
}

static bool place(void *self, const struct view *v, const struct placement_ask *ask, uint32_t *gpus)
{
	(void)self;
	return placement_best(v, ask, rank, placement_left, gpus);
}

const struct placement_policy placement_binpack = {
	.head = {.name = "binpack", .help = "shared GPUs first, then the fullest node"},
	.place = place,
};
