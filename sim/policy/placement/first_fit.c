/* The first node with room, and its first GPUs with room. */
#include "policy/placement.h"

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	(void)self;
	*rank = 0;
	return placement_pick(v, ask, node, NULL, gpus);
}

const struct placement_policy placement_first_fit = {
	.head = {.name = "first_fit", .help = "the first GPUs with room"},
	.fit = fit,
};
