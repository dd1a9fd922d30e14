/* Any node with room, all alike; there the first GPUs with room. */
#include "policy/placement.h"

static bool place(void *self, const struct view *v, const struct placement_ask *ask, uint32_t *gpus)
{
	uint32_t found = 0, node = 0;
	(void)self;
	for (uint32_t i = 0; i < v->cluster->n_nodes; i++) {
		if (placement_pick(v, ask, i, NULL, gpus) && rng_below(v->rng, ++found) == 0) {
			node = i;
		}
	}
	return found > 0 && placement_pick(v, ask, node, NULL, gpus);
}

const struct placement_policy placement_random = {
	.head = {.name = "random", .help = "any node with room, all alike"},
	.place = place,
};
