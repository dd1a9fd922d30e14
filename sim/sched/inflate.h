/*
 * How much of a cluster a placement policy fills (semantics.md section 15): pods arrive one by one
 * until they ask for more than there is, and stay.
 */
#ifndef ALIQUOT_SCHED_INFLATE_H
#define ALIQUOT_SCHED_INFLATE_H

#include "sched/openb.h"

#define INFLATE_MOST 1000 /* looks at one run */

struct inflate_look { /* when so much GPU has been asked for; all in shares of the GPUs */
	double arrived, allocated, fragment;
};

struct inflate_ask {
	const struct openb *trace;
	const struct placement_policy *policy;
	double arrive; /* share of the GPUs that is asked for in the end */
	uint64_t seed; /* of the pods that come again, of their order, of ties */
};

/*
 * One run. Looks at every multiple of `step` up to ask->arrive, into looks[*n]; returns the pods
 * that were placed.
 */
uint32_t inflate(const struct inflate_ask *ask, double step, struct inflate_look *looks, size_t *n);

#endif
