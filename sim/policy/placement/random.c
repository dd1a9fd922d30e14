/* Any node with room, all alike; there any GPUs with room. */
#include "policy/placement.h"

/* GPUs with room, each set of so many as likely as any other. */
static void draw(const struct view *v, const struct placement_ask *ask, const struct node *at,
                 uint32_t *gpus)
{
	const struct gpu_part *const part = &ask->part[at->kind];
	uint32_t seen = 0, taken = 0, left = 0;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += gpu_takes(&v->cluster->gpus[i], part);
	}
	for (uint32_t i = at->first; i < at->first + at->n && taken < ask->gpus; i++) {
		if (gpu_takes(&v->cluster->gpus[i], part) &&
		    rng_below(v->rng, left - seen++) < ask->gpus - taken) {
			gpus[taken++] = i;
		}
	}
}

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	(void)self;
	*rank = 0;
	if (!placement_pick(v, ask, node, NULL, gpus)) {
		return false;
	}
	if (v->rng != NULL && ask->gpus > 0) {
		draw(v, ask, &v->cluster->nodes[node], gpus);
	}
	return true;
}

const struct placement_policy placement_random = {
	.head = {.name = "random", .help = "any node with room, all alike"},
	.fit = fit,
	.any_of_best = true,
};
