/*
 * Owner of everything that is true right now. Flow changes it; policies get it const. Entities
 * refer to each other by index, so const is deep.
 */
#ifndef ALIQUOT_STATE_CLUSTER_H
#define ALIQUOT_STATE_CLUSTER_H

#include <stddef.h>

#include "base/units.h"
#include "state/replica.h"
#include "state/request.h"
#include "state/service.h"
#include "state/text.h"

struct cluster {
	struct replica *replicas;
	uint32_t n_replicas;
	struct service *services;
	uint32_t n_services;
	struct request_pool requests;
	struct text_pool texts; /* of the requests that share some */
};

void cluster_init(struct cluster *c, uint32_t n_replicas, uint32_t n_services);
void cluster_fini(struct cluster *c);

/*
 * Check every conservation law: requests in lists add up to those in the pool and to the counters
 * of the services, KV blocks held add up to those used, no replica over its capacity. Asserts.
 */
void cluster_verify(const struct cluster *c);

/*
 * Little's law at time `now`, up to which the integrals of the services must reach: time in the
 * system summed over requests is the number in the system integrated over time. Asserts.
 */
void cluster_verify_little(const struct cluster *c, ns_t now);

/* A number that changes when anything does, to prove that a policy changed nothing. */
uint64_t cluster_checksum(const struct cluster *c);

#endif
