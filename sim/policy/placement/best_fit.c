/* The GPUs on which the least memory is left over; then the node with the least. */
#include "policy/placement.h"

static int64_t rank(const struct view *v, uint32_t node, const uint32_t *gpus, uint32_t n)
{
	(void)node;
	int64_t left = 0;
	for (uint32_t i = 0; i < n; i++) {
		left += placement_left(&v->cluster->gpus[gpus[i]]);
	}
	return left;
}

static bool place(void *self, const struct view *v, const struct placement_ask *ask, uint32_t *gpus)
{
	(void)self;
	return placement_best(v, ask, rank, placement_left, gpus);
}

const struct placement_policy placement_best_fit = {
	.head = {.name = "best_fit", .help = "the GPUs that keep the least memory free"},
	.place = place,
};
