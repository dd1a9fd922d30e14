/* GPU that what is usually asked for cannot use (Weng et al., USENIX ATC 2023). */
#ifndef ALIQUOT_POLICY_FRAGMENT_H
#define ALIQUOT_POLICY_FRAGMENT_H

#include "policy/placement.h"

#define FRAGMENT_GPUS 64 /* of a node that are looked at */

struct fragment_node {
	int64_t left[FRAGMENT_GPUS]; /* thousandths of each GPU */
	uint32_t n, kind;
	int64_t cpu;    /* free */
	bytes_t memory; /* of each of its GPUs */
};

/* A node as it is. */
void fragment_node(const struct cluster *c, uint32_t node, struct fragment_node *out);

/* The request goes onto these GPUs of it, `first` being the node's first. */
void fragment_take(struct fragment_node *s, const struct placement_ask *ask, const uint32_t *gpus,
                   uint32_t first);

/*
 * Millionths of thousandths of GPUs that are free there and of no use, weighted by the shares of
 * the mix: all that is free for a request that does not fit, else what lies on GPUs too full for
 * it.
 */
int64_t fragment_sum(const struct placement_mix *mix, const struct fragment_node *s);

static inline int64_t fragment_of(const struct placement_mix *mix, const struct cluster *c,
                                  uint32_t node)
{
	struct fragment_node s;
	fragment_node(c, node, &s);
	return fragment_sum(mix, &s);
}

#endif
