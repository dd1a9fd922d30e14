/*
 * Fragmentation gradient descent (Weng et al., USENIX ATC 2023; semantics.md section 15): where the
 * GPU that what is usually asked for cannot use grows least. Without such a mix: best fit.
 */
#include "policy/fragment.h"

/* What is of no use when the request has gone onto these GPUs. */
static int64_t after(const struct placement_ask *ask, const struct fragment_node *before,
                     const uint32_t *gpus, uint32_t first)
{
	struct fragment_node s = *before;
	fragment_take(&s, ask, gpus, first);
	return fragment_sum(ask->mix, &s);
}

/* Of GPUs that are equally full only the first is tried. */
static bool tried(const struct fragment_node *s, uint32_t gpu)
{
	for (uint32_t i = 0; i < gpu; i++) {
		if (s->left[i] == s->left[gpu]) {
			return true;
		}
	}
	return false;
}

static int64_t free_milli(const struct fragment_node *s)
{
	int64_t left = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		left += s->left[i];
	}
	return left;
}

static bool fit(void *self, const struct view *v, const struct placement_ask *ask, uint32_t node,
                uint32_t *gpus, int64_t *rank)
{
	const struct node *const at = &v->cluster->nodes[node];
	struct fragment_node before;
	(void)self;
	if (!placement_pick(v, ask, node, placement_left, gpus)) {
		return false;
	}
	fragment_node(v->cluster, node, &before);
	if (ask->mix == NULL) {
		*rank = free_milli(&before);
		return true;
	}
	int64_t best = after(ask, &before, gpus, at->first);
	for (uint32_t i = 0; ask->gpus == 1 && i < before.n; i++) {
		const uint32_t gpu = at->first + i;
		if (gpu_takes(&v->cluster->gpus[gpu], &ask->part[at->kind]) && !tried(&before, i)) {
			const int64_t own = after(ask, &before, &gpu, at->first);
			if (own < best) {
				best = own;
				gpus[0] = gpu;
			}
		}
	}
	*rank = -(int64_t)(100.0 /
	                   (1.0 + rng_exp((double)(best - fragment_sum(ask->mix, &before)) / 1e9)));
	return true;
}

const struct placement_policy placement_fgd = {
	.head = {.name = "fgd", .help = "where the least GPU is lost to what is usually asked for"},
	.fit = fit,
};
