/* The first node with room, and its first GPUs with room. */
#include "policy/placement.h"

static bool place(void *self, const struct view *v, const struct placement_ask *ask, uint32_t *gpus)
{
	(void)self;
	for (uint32_t i = 0; i < v->cluster->n_nodes; i++) {
		if (placement_pick(v, ask, i, NULL, gpus)) {
			return true;
		}
	}
	return false;
}

const struct placement_policy placement_first_fit = {
	.head = {.name = "first_fit", .help = "the first GPUs with room"},
	.place = place,
};
