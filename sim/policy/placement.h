/* Placement policies: which GPUs a replica gets. */
#ifndef ALIQUOT_POLICY_PLACEMENT_H
#define ALIQUOT_POLICY_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

struct placement_ask {
	const struct gpu_part *part; /* of each GPU, by kind of node; bytes 0: not on such a node */
	uint32_t gpus;               /* different ones of one node; 0: it needs none */
	int64_t cpu;                 /* of the node, thousandths of a core */
	bytes_t host;                /* of its memory */
	const struct placement_mix *mix; /* what is usually asked for; NULL: nobody knows */
};

/* What is usually asked for, for policies that look ahead; shares in ppm. */
struct placement_mix {
	const struct placement_ask *asks;
	const int64_t *shares;
	size_t n;
};

struct placement_policy {
	struct policy_head head;
	/*
	 * Where on this node it would go: ask->gpus different GPUs with room, in ascending order,
	 * into `gpus`, and in *rank how good that is, the lower the better; false: there is no
	 * room. Depends on this node alone, so that answers can be kept until it changes; draws
	 * from v->rng only where it is not NULL, which is when the node is chosen. The node with
	 * the lowest rank is taken. Called by placement_choose() and sched/index.c. Required.
	 */
	bool (*fit)(void *self, const struct view *v, const struct placement_ask *ask,
	            uint32_t node, uint32_t *gpus, int64_t *rank);
	bool any_of_best; /* nodes of equal rank are drawn from; else the lowest number is taken */
};

/*
 * The node that the policy prefers and the GPUs there, into gpus[ask->gpus]; NODE_NONE: no node has
 * room. Asks about every node.
 */
uint32_t placement_choose(const struct placement_policy *p, void *self, const struct view *v,
                          const struct placement_ask *ask, uint32_t *gpus);

/* --- for policies ------------------------------------------------------------------------------
 */

/* Bytes that are left on a GPU, limits not counted. */
static inline bytes_t placement_left(const struct gpu *g)
{
	return g->whole ? 0 : g->memory - g->requested;
}

/* The same in thousandths of a GPU. */
static inline int64_t placement_left_milli(const struct gpu *g)
{
	return g->memory > 0 ? placement_left(g) * 1000 / g->memory : 0;
}

/* What is left on all GPUs of a node, thousandths of GPUs. */
static inline int64_t placement_node_left(const struct cluster *c, const struct node *at)
{
	int64_t left = 0;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		left += placement_left_milli(&c->gpus[i]);
	}
	return left;
}

/* What is asked for on such a node, thousandths of GPUs. */
static inline int64_t placement_asked_milli(const struct cluster *c, const struct node *at,
                                            const struct placement_ask *ask)
{
	const struct gpu_part *const part = &ask->part[at->kind];
	const bytes_t memory = at->n > 0 ? c->gpus[at->first].memory : 1;
	return ask->gpus * (part->whole ? 1000 : part->bytes * 1000 / memory);
}

/* The largest node of openb, in shares of which its policies count (semantics.md section 15). */
#define PLACEMENT_MOST_CPU INT64_C(128000) /* thousandths of a core */
#define PLACEMENT_MOST_GPU INT64_C(8000)   /* thousandths of a GPU */

/*
 * The GPUs of a node that take the request, those with the lowest rank first, in ascending order;
 * false: too few, or the node lacks CPU or memory. `rank` NULL: the first ones. Linear in the GPUs
 * of the node times those asked for.
 */
bool placement_pick(const struct view *v, const struct placement_ask *ask, uint32_t node,
                    int64_t (*rank)(const struct gpu *g), uint32_t *gpus);

#define PLACEMENT(name) extern const struct placement_policy placement_##name;
#include "policy/policies.def"

#endif
