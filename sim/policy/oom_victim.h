/* OOM-victim policies: which borrower is killed when an owner asks for memory inside its request.
 */
#ifndef ALIQUOT_POLICY_OOM_VICTIM_H
#define ALIQUOT_POLICY_OOM_VICTIM_H

#include <stdint.h>

#include "policy/policy.h"

struct oom_borrower { /* a replica that holds more than its request; in the order of replicas */
	uint32_t replica;
	int64_t priority;             /* of its service, the higher the more important */
	bytes_t request, limit, used; /* of the GPU that is full */
	ns_t started;                 /* its process */
};

struct oom_victim_policy {
	struct policy_head head;
	/*
	 * Choose one of the `n` borrowers, n >= 1: its place in the array. Called by flow/memory.c
	 * for each kill. Ties go to the first. Required.
	 */
	uint32_t (*choose)(void *self, const struct view *v, const struct oom_borrower *borrowers,
	                   uint32_t n);
};

#define OOM_VICTIM(name) extern const struct oom_victim_policy oom_victim_##name;
#include "policy/policies.def"

#endif
