/* Divides one resource among sibling queues (semantics.md sections 6 and 7). Pure, integers. */
#ifndef ALIQUOT_SCHED_FAIR_SHARE_H
#define ALIQUOT_SCHED_FAIR_SHARE_H

#include <stddef.h>
#include <stdint.h>

/* One queue of a set of siblings; amounts in the resource's own unit, see sched_unit. */
struct fair_claim {
	int64_t quota;    /* SCHED_UNLIMITED: all there is */
	int64_t limit;    /* SCHED_UNLIMITED: none */
	int64_t request;  /* allocated and pending */
	int64_t weight;   /* over quota, thousandths; below 0 counts as 0 */
	int64_t used_ppm; /* of the capacity over the window */
	int64_t priority; /* higher first */
	int64_t order;    /* ties: smaller is older, then the earlier claim */
	int64_t share;    /* the answer */
};

/* What each queue gets of its quota; returns what is left of `total`, never below 0. */
int64_t fair_share_quota(struct fair_claim *claims, size_t n, int64_t total);

/*
 * Divides `left` over the shares so far, by priority and weight, in whole `unit`s; `k_milli` is the
 * weight of history in thousandths, at most 1,000,000. Returns what nobody wanted. Allocates.
 */
int64_t fair_share_over_quota(struct fair_claim *claims, size_t n, int64_t left, int64_t unit,
                              int64_t k_milli);

#endif
