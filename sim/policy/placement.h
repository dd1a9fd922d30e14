/* Placement policies: which GPUs a replica gets. */
#ifndef ALIQUOT_POLICY_PLACEMENT_H
#define ALIQUOT_POLICY_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct placement_ask {
	const struct gpu_part *part; /* of each GPU, by kind of node */
	uint32_t gpus;               /* different ones of one node */
};

struct placement_policy {
	struct policy_head head;
	/*
	 * Choose ask->gpus different GPUs of one node with room for the request, in ascending
	 * order, into `gpus`; false: there is no such node. Called by flow/bind.c once per replica,
	 * in the order of the scenario. Ties go to the lowest number. Required.
	 */
	bool (*place)(void *self, const struct view *v, const struct placement_ask *ask,
	              uint32_t *gpus);
};

/* --- for policies ------------------------------------------------------------------------------
 */

/* Bytes that are left on a GPU, limits not counted. */
static inline bytes_t placement_left(const struct gpu *g)
{
	return g->whole ? 0 : g->memory - g->requested;
}

/*
 * The GPUs of a node that take the request, those with the lowest rank first, in ascending order;
 * false: too few. `rank` NULL: the first ones. Linear in the GPUs of the node times those asked
 * for.
 */
bool placement_pick(const struct view *v, const struct placement_ask *ask, uint32_t node,
                    int64_t (*rank)(const struct gpu *g), uint32_t *gpus);

/*
 * The node with the lowest rank among those with room, then the lowest number; its GPUs as
 * placement_pick chooses them. `rank` sees the node and the GPUs it would give.
 */
bool placement_best(const struct view *v, const struct placement_ask *ask,
                    int64_t (*rank)(const struct view *v, uint32_t node, const uint32_t *gpus,
                                    uint32_t n),
                    int64_t (*rank_gpu)(const struct gpu *g), uint32_t *gpus);

#define PLACEMENT(name) extern const struct placement_policy placement_##name;
#include "policy/policies.def"

#endif
