/* What placement policies have in common: picking GPUs of a node, and the node by its rank. */
#include "policy/placement.h"

static bool chosen(const uint32_t *gpus, uint32_t n, uint32_t gpu)
{
	for (uint32_t i = 0; i < n; i++) {
		if (gpus[i] == gpu) {
			return true;
		}
	}
	return false;
}

/* The best GPU of a node that is not chosen yet; false: none takes the request. */
static bool pick_one(const struct view *v, const struct placement_ask *ask, const struct node *node,
                     int64_t (*rank)(const struct gpu *g), uint32_t *gpus, uint32_t n)
{
	bool found = false;
	int64_t best = 0;
	for (uint32_t i = node->first; i < node->first + node->n; i++) {
		const struct gpu *const g = &v->cluster->gpus[i];
		if (!gpu_takes(g, &ask->part[node->kind]) || chosen(gpus, n, i)) {
			continue;
		}
		const int64_t own = rank != NULL ? rank(g) : 0;
		if (!found || own < best) {
			best = own;
			gpus[n] = i;
			found = true;
		}
	}
	return found;
}

/* Put the last of `n` numbers among the others, which are in ascending order. */
static void sort_in(uint32_t *gpus, uint32_t n)
{
	const uint32_t last = gpus[n - 1];
	uint32_t i = n - 1;
	for (; i > 0 && gpus[i - 1] > last; i--) {
		gpus[i] = gpus[i - 1];
	}
	gpus[i] = last;
}

bool placement_pick(const struct view *v, const struct placement_ask *ask, uint32_t node,
                    int64_t (*rank)(const struct gpu *g), uint32_t *gpus)
{
	const struct node *const at = &v->cluster->nodes[node];
	const struct gpu_part *const part = &ask->part[at->kind];
	if (part->bytes == 0 || at->n < ask->gpus || (part->whole && at->idle < ask->gpus) ||
	    at->cpu_used + ask->cpu > at->cpu || at->host_used + ask->host > at->host) {
		return false;
	}
	for (uint32_t n = 0; n < ask->gpus; n++) {
		if (!pick_one(v, ask, at, rank, gpus, n)) {
			return false;
		}
		sort_in(gpus, n + 1);
	}
	return true;
}

uint32_t placement_choose(const struct placement_policy *p, void *self, const struct view *v,
                          const struct placement_ask *ask, uint32_t *gpus)
{
	const struct view looking = {v->cluster, v->now, NULL};
	uint32_t best = NODE_NONE;
	uint64_t equal = 0;
	int64_t least = 0, rank = 0;
	for (uint32_t i = 0; i < v->cluster->n_nodes; i++) {
		if (!p->fit(self, &looking, ask, i, gpus, &rank)) {
			continue;
		}
		if (best == NODE_NONE || rank < least) {
			best = i;
			least = rank;
			equal = 1;
		} else if (rank == least && p->any_of_best && rng_below(v->rng, ++equal) == 0) {
			best = i;
		}
	}
	return best != NODE_NONE && p->fit(self, v, ask, best, gpus, &rank) ? best : NODE_NONE;
}
