/*
 * The node whose free resources point least in the direction of the request (semantics.md section
 * 15): free times asked, summed over CPU and GPU in shares of the largest node of openb.
 */
#include "policy/placement.h"

#define MOST_CPU 128000 /* thousandths of a core */
#define MOST_GPU 8000   /* thousandths of a GPU */

/* Thousandths of GPUs that are asked for. */
static int64_t asked_milli(const struct cluster *c, const struct node *at,
                           const struct placement_ask *ask)
{
	const struct gpu_part *const part = &ask->part[at->kind];
	const bytes_t memory = at->n > 0 ? c->gpus[at->first].memory : 1;
	return ask->gpus * (part->whole ? 1000 : part->bytes * 1000 / memory);
}

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct cluster *const c = v->cluster;
	const struct node *const at = &c->nodes[node];
	const int64_t ratio = MOST_CPU / MOST_GPU;
	int64_t left = 0;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left_milli(&c->gpus[i]);
	}
	const int64_t product = (at->cpu - at->cpu_used) * ask->cpu +
	                        left * asked_milli(c, at, ask) * ratio * ratio;
	const int64_t percent = INT64_C(2) * MOST_CPU * MOST_CPU / 100;
	*rank = (product + percent - 1) / percent;
	return true;
}

const struct placement_policy placement_dot_product = {
	.head = {.name = "dot_product", .help = "the node whose free resources match it least"},
	.fit = fit,
};
