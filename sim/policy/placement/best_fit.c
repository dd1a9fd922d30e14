/*
 * The node that keeps the least CPU and GPU free (semantics.md section 15), in shares of the
 * largest node of openb; there the fullest GPUs with room.
 */
#include "policy/placement.h"

#define MOST_CPU INT64_C(128000) /* thousandths of a core */
#define MOST_GPU INT64_C(8000)   /* thousandths of a GPU */

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
	int64_t left = 0;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left_milli(&c->gpus[i]);
	}
	left = left * (MOST_CPU / MOST_GPU) + at->cpu - at->cpu_used;
	const int64_t asked = asked_milli(c, at, ask) * (MOST_CPU / MOST_GPU) + ask->cpu;
	*rank = ((left - asked) * 100 + 2 * MOST_CPU - 1) / (2 * MOST_CPU);
	return true;
}

const struct placement_policy placement_best_fit = {
	.head = {.name = "best_fit", .help = "the node that keeps the least CPU and GPU free"},
	.fit = fit,
};
