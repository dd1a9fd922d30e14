/* The node with the most memory to request, in shares of it, and there the emptiest GPUs. */
#include "policy/placement.h"

static int64_t emptiest(const struct gpu *g)
{
	return -placement_left(g);
}

static int64_t rank(const struct view *v, uint32_t node, const uint32_t *gpus, uint32_t n)
{
	const struct node *const at = &v->cluster->nodes[node];
	int64_t left = 0, memory = 1; /* in MiB */
	(void)gpus;
	(void)n;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left(&v->cluster->gpus[i]) >> 20;
		memory += v->cluster->gpus[i].memory >> 20;
	}
	return -((left << 24) / memory);
}

static bool place(void *self, const struct view *v, const struct placement_ask *ask, uint32_t *gpus)
{
	(void)self;
	return placement_best(v, ask, rank, emptiest, gpus);
}

const struct placement_policy placement_spread = {
	.head = {.name = "spread", .help = "the emptiest node, there the emptiest GPUs"},
	.place = place,
};
