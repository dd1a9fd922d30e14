/* Is this decision legal? Asked by flow before it applies one, and by the contract tests. */
#ifndef ALIQUOT_POLICY_VERIFY_H
#define ALIQUOT_POLICY_VERIFY_H

#include <stdbool.h>

#include "policy/compute_share.h"
#include "policy/placement.h"
#include "policy/routing.h"

/* The chosen replica is one of the service's. */
static inline bool verify_route(const struct cluster *c, const struct route_ask *ask,
                                uint32_t chosen)
{
	return ask->service < c->n_services && chosen < c->services[ask->service].n;
}

/* The chosen GPUs are different ones of one node, in ascending order, and have room. */
static inline bool verify_placement(const struct cluster *c, const struct placement_ask *ask,
                                    const uint32_t *gpus)
{
	for (uint32_t i = 0; i < ask->gpus; i++) {
		if (gpus[i] >= c->n_gpus || (i > 0 && gpus[i] <= gpus[i - 1]) ||
		    c->gpus[gpus[i]].node != c->gpus[gpus[0]].node) {
			return false;
		}
		const struct gpu_part *const part =
			&ask->part[c->nodes[c->gpus[gpus[i]].node].kind];
		if (part->bytes <= 0 || !gpu_takes(&c->gpus[gpus[i]], part)) {
			return false;
		}
	}
	return true;
}

/* Nobody is faster than the GPU or runs backwards; those who take turns have one GPU together. */
static inline bool verify_speeds(const struct compute_share_policy *p, const int64_t *speed,
                                 uint32_t n)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (speed[i] < 0 || speed[i] > SHARE_WHOLE) {
			return false;
		}
		sum += speed[i];
	}
	return !p->takes_turns || sum <= SHARE_WHOLE;
}

/* Turns go to one who has work, or are lost. */
static inline bool verify_holder(const struct share_user *users, uint32_t n, uint32_t holder)
{
	return holder == SHARE_NOBODY || (holder < n && users[holder].busy);
}

#endif
