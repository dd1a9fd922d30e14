/*
 * Requests of one size stay together (semantics.md section 15): nodes that hold only such, then
 * those that hold such beside others, then empty ones, then the rest; of each the fuller first.
 */
#include "policy/placement.h"

#define BAND (INT64_C(1) << 20)
#define MOST_GPU 8000 /* thousandths of a GPU */

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	const uint32_t own = gpu_size_bit(&ask->part[at->kind], ask->gpus);
	int64_t left = 0;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left_milli(&c->gpus[i]);
	}
	const int64_t band = at->sizes == 0 ? 2 : at->sizes == own ? 0 : at->sizes & own ? 1 : 3;
	*rank = ask->gpus == 0 ? 0 : band * BAND + (left * 25 + MOST_GPU - 1) / MOST_GPU;
	return true;
}

const struct placement_policy placement_gpu_clustering = {
	.head = {.name = "gpu_clustering", .help = "requests of one size on the same nodes"},
	.fit = fit,
};
