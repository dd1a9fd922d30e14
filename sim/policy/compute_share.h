/* Compute-share policies: how fast the replicas on one GPU run while they use it together. */
#ifndef ALIQUOT_POLICY_COMPUTE_SHARE_H
#define ALIQUOT_POLICY_COMPUTE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

#define SHARE_MOST 64     /* replicas on one GPU */
#define SHARE_ONE 1000000 /* ppm */

/* One replica in its GPU phase. */
struct share_user {
	int64_t fraction;        /* of the GPU's memory, ppm; 0: it asked for bytes */
	int64_t request, limit;  /* of its compute, ppm: the scenario's */
	int64_t compute, memory; /* of the phase alone: share of its time in which it needs all of
	                           the arithmetic, all of the bandwidth; ppm */
};

struct compute_share_policy {
	struct policy_head head;
	/*
	 * Speeds of the `n` replicas that use the GPU now, in ppm of what each would do alone, into
	 * `speed`; 1 <= n <= SHARE_MOST. Called by flow/share.c whenever that set changes; also for
	 * one replica, whose limit counts too. Required.
	 */
	void (*divide)(void *self, const struct share_user *users, uint32_t n, int64_t *speed);
	/*
	 * A replica that is alone may be slower than the GPU (strict); then it is simulated step by
	 * step as if it were not alone. False where limits are all that can slow it.
	 */
	bool slows_alone;
	bool needs_demand; /* looks at users' compute and memory */
	bool takes_turns;  /* one on the GPU at a time: speeds add up to one GPU at most */
	bool by_fraction;  /* requests and limits are the fractions: scenarios set no others */
};

/* --- for policies ------------------------------------------------------------------------------
 */

/*
 * Everyone gets its request (scaled down where they add up to more than `all`), the rest goes in
 * equal parts to those below their limit; ppm, remainders to the first ones.
 */
void compute_share_fill(const int64_t *request, const int64_t *limit, uint32_t n, int64_t all,
                        int64_t *share);

#define COMPUTE_SHARE(name) extern const struct compute_share_policy compute_share_##name;
#include "policy/policies.def"

#endif
