/* Compute-share policies: how fast the replicas on one GPU run while they use it together. */
#ifndef ALIQUOT_POLICY_COMPUTE_SHARE_H
#define ALIQUOT_POLICY_COMPUTE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "perf/perf.h"
#include "policy/policy.h"

#define SHARE_MOST GPU_MOST_RESIDENTS

#define SHARE_NOBODY UINT32_MAX

/* A replica on a GPU. */
struct share_user {
	int64_t fraction;           /* of the GPU's memory, ppm; 0: it asked for bytes */
	int64_t request, limit;     /* of its compute, ppm: the scenario's */
	struct step_demand demand;  /* what the phase alone needs of the GPU */
	const struct gpu_spec *gpu; /* that it runs on */
	bool busy;                  /* it has a step, on the host or on the GPU */
};

struct compute_share_policy {
	struct policy_head head;
	/*
	 * Speeds of the `n` replicas in their GPU phase, in ppm of what each would do alone, into
	 * `speed`; 1 <= n <= SHARE_MOST. Called by flow/share.c whenever that set changes; also for
	 * one replica, whose limit counts too. Required.
	 */
	void (*divide)(void *self, const struct share_user *users, uint32_t n, int64_t *speed);
	/*
	 * A replica that is alone may be slower than the GPU (strict); then it is simulated step by
	 * step as if it were not alone. False where limits are all that can slow it.
	 */
	bool slows_alone;
	/*
	 * Real turns: what one lasts; NULL or 0: there are none, speeds are all that is asked for.
	 * With turns, `holder` is asked instead of `divide`, when one begins and when a step begins
	 * or ends: who of the `n` replicas on a GPU has turn `turn`, counted from the start of the
	 * run; SHARE_NOBODY: its time is lost. Both or neither.
	 */
	ns_t (*lease)(const void *self);
	uint32_t (*holder)(const void *self, const struct share_user *users, uint32_t n,
	                   int64_t turn);
	bool needs_demand; /* looks at users' demand */
	bool takes_turns;  /* one on the GPU at a time: speeds add up to one GPU at most */
	bool cuts;         /* parts are MIG slices, which share nothing; no fractions */
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

/* What policies that know turns are set to, as the head of their options. */
struct share_turns {
	ns_t lease;
	double granularity; /* of a plan, that one lease is */
};
#define SHARE_TURN_OPTIONS                                                                        \
	{"lease",                                                                                 \
	 OPTION_DURATION,                                                                         \
	 offsetof(struct share_turns, lease),                                                     \
	 0,                                                                                       \
	 60e9,                                                                                    \
	 "0",                                                                                     \
	 NULL,                                                                                    \
	 "s",                                                                                     \
	 "of the GPU for one at a time, Run:ai's is 250ms; 0: all run at once, at a part of the " \
	 "speed"},                                                                                \
	{                                                                                         \
		"granularity", OPTION_SHARE, offsetof(struct share_turns, granularity), 0.001, 1, \
			"0.05", NULL, NULL, "of a plan, that one lease is"                        \
	}

struct share_turn {
	uint32_t owner; /* SHARE_NOBODY: left over */
	uint64_t spare; /* to be taken modulo those who may have what the owner does not need: each
	                   of them comes equally often, in every place of the plan */
};

/*
 * Whose turn it is by the plan, whether or not it has work: each fraction as many leases of the
 * plan as it is worth, at least one, in the order of the replicas, and at least one left over where
 * someone has no fraction.
 */
struct share_turn share_turn_of(const struct share_turns *turns, const struct share_user *users,
                                uint32_t n, int64_t turn);

#define COMPUTE_SHARE(name) extern const struct compute_share_policy compute_share_##name;
#include "policy/policies.def"

#endif
