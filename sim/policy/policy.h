/*
 * What all policies share. A policy reads a constant view of the world and answers; it cannot
 * change state, schedule events or keep static data: `self` is its only memory.
 */
#ifndef ALIQUOT_POLICY_POLICY_H
#define ALIQUOT_POLICY_POLICY_H

#include <stddef.h>

#include "base/option.h"
#include "base/rng.h"
#include "base/units.h"
#include "state/cluster.h"

struct policy_head {
	const char *name; /* as written in scenarios: [a-z0-9_]+, unique within its kind */
	const char *help; /* one line for `aliquot list policies` */
	const struct option *options; /* filled into the first bytes of self; NULL for none */
	size_t self_size;             /* private state, zeroed at first; 0 for none */
};

struct view { /* what every hook may look at */
	const struct cluster *cluster;
	ns_t now;
	struct rng *rng; /* this policy's own stream: drawing here never moves arrivals */
};

#endif
