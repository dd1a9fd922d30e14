/* The node with the most memory to request, in shares of it, and there the emptiest GPUs. */
#include "policy/placement.h"

static int64_t emptiest(const struct gpu *g)
{
	return -placement_left(g);
}

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct node *const at = &v->cluster->nodes[node];
	int64_t left = 0;
	(void)self;
	if (!placement_pick(v, ask, node, emptiest, gpus)) {
		return false;
	}
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left_milli(&v->cluster->gpus[i]);
	}
	*rank = at->n > 0 ? -left * (INT64_C(1) << 24) / at->n : 0; /* left may be below 0 */
	return true;
}

const struct placement_policy placement_spread = {
	.head = {.name = "spread", .help = "the emptiest node, there the emptiest GPUs"},
	.fit = fit,
};
