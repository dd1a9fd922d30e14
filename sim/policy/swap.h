/* Swap policies: who goes to host memory when another replica needs the room. */
#ifndef ALIQUOT_POLICY_SWAP_H
#define ALIQUOT_POLICY_SWAP_H

#include <stdint.h>

#include "policy/policy.h"

struct swap_candidate { /* a replica on the GPU that may go; in the order of replicas */
	uint32_t replica;
	int64_t priority; /* of its service, the higher the more important */
	bytes_t held;     /* on each of its GPUs */
	ns_t since;       /* on the GPU */
	ns_t used;        /* its last request left, or it works */
};

#define SWAP_NOBODY UINT32_MAX

struct swap_policy {
	struct policy_head head;
	/*
	 * Choose one of the `n` candidates, n >= 1: its place in the array; or SWAP_NOBODY: then
	 * all stay, and memory goes by requests and limits. A policy that ever says so must say it
	 * of a candidate alone: nobody is then swapped who needs more than its request. Called by
	 * flow/swap.c for each that goes. Ties go to the first. Required.
	 */
	uint32_t (*pick_out)(void *self, const struct view *v,
	                     const struct swap_candidate *candidates, uint32_t n);
};

/* The first candidate before which no other goes, for policies. */
static inline uint32_t swap_first(const struct swap_candidate *candidates, uint32_t n,
                                  bool (*before)(const struct swap_candidate *a,
                                                 const struct swap_candidate *b))
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < n; i++) {
		best = before(&candidates[i], &candidates[best]) ? i : best;
	}
	return best;
}

#define SWAP(name) extern const struct swap_policy swap_##name;
#include "policy/policies.def"

#endif
