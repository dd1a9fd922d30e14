/*
 * Several plain engines on one GPU: the phases of their steps, moved from change to change by
 * asking everyone each time. One service, so all have the same fraction, request and limit.
 */
#ifndef ALIQUOT_TESTS_SUPPORT_NAIVE_SHARE_H
#define ALIQUOT_TESTS_SUPPORT_NAIVE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "spec/scenario.h"

#define PLAIN_MOST 8 /* engines on one GPU */

struct plain_step {
	bool on, computed;    /* there is one; the GPU is done with it */
	ns_t host_end, least; /* the GPU begins; its end at the earliest */
	tick_t work;          /* of the GPU, left */
};

struct plain_gpu {
	struct plain_step steps[PLAIN_MOST];
	uint32_t n, on; /* engines; steps */
	int64_t lost;   /* of the GPU's time while several use it, ppm */
	int64_t limit;  /* of each, ppm */
	bool slow;      /* they have no more than their limit */
	bool strict;    /* a turn that its owner does not need is lost */
	ns_t lease;     /* of a turn; 0: there are none */
	int64_t turns;  /* of a plan */
	int64_t own;    /* of which each has so many, the first one's first */
	int alone;      /* engine that runs as if there were no others; -1: none */
	ns_t at;        /* the steps are as they are then */
};

/* The GPU of `n` replicas of this service, under time_slicing, strict or fair. */
struct plain_gpu plain_gpu_of(const struct scenario *sc, const struct scenario_service *service,
                              uint32_t n);

/* Bring all steps to this time. */
void plain_gpu_move(struct plain_gpu *g, ns_t to);

/* When the next step ends; NS_NEVER: there is none. */
ns_t plain_gpu_next(const struct plain_gpu *g);

/* The first engine whose step is over by now, which is then forgotten; -1: none. */
int plain_gpu_take(struct plain_gpu *g);

#endif
