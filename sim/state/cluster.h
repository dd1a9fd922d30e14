/*
 * Owner of everything that is true right now. Flow changes it; policies get it const. Entities
 * refer to each other by index, so const is deep.
 */
#ifndef ALIQUOT_STATE_CLUSTER_H
#define ALIQUOT_STATE_CLUSTER_H

#include <stddef.h>

#include "base/units.h"
#include "state/gpu.h"
#include "state/replica.h"
#include "state/request.h"
#include "state/service.h"
#include "state/text.h"

struct cluster {
	struct node *nodes;
	uint32_t n_nodes;
	struct gpu *gpus; /* those of a node stand together */
	uint32_t n_gpus;
	struct replica *replicas;
	uint32_t n_replicas;
	struct seat *seats; /* of the replicas */
	uint32_t *places;   /* GPUs on which replicas are booked, one after the other */
	uint32_t *sits;  /* and those on which they are: the same, but for node-level placement */
	uint8_t *slices; /* of each place: the memory slices taken there, as bits */
	uint32_t n_places;
	struct service *services;
	uint32_t n_services;
	struct request_pool requests;
	struct text_pool texts; /* of the requests that share some */
};

void cluster_init(struct cluster *c, uint32_t n_replicas, uint32_t n_services);
void cluster_fini(struct cluster *c);

/* Add `count` nodes of `gpus` GPUs each, of whose memory requests may take `memory` bytes. */
void cluster_add_nodes(struct cluster *c, uint32_t kind, uint32_t count, uint32_t gpus,
                       bytes_t memory);

/* Something is put onto a node, on these GPUs of it. Asserts that they have room. */
void cluster_take(struct cluster *c, uint32_t node, const uint32_t *gpus,
                  const struct node_part *what);

/*
 * A replica is booked on these `n` GPUs, ascending, with this part of each, and sits there. Asserts
 * that they have room for the booking.
 */
void cluster_place(struct cluster *c, uint32_t replica, const uint32_t *gpus, uint32_t n,
                   const struct gpu_part *part);

/* It leaves them again; it must hold nothing. Linear in the replicas. */
void cluster_leave(struct cluster *c, uint32_t replica);

/*
 * A replica, which holds nothing, gets up from the GPUs it sits on, and sits down on as many of the
 * same node, ascending; nothing but cluster_sit() may follow cluster_rise().
 */
void cluster_rise(struct cluster *c, uint32_t replica);
void cluster_sit(struct cluster *c, uint32_t replica, const uint32_t *gpus);

/* A replica is booked on GPU `to` of its node, which has room, instead of `from`. */
void cluster_rebook(struct cluster *c, uint32_t replica, uint32_t from, uint32_t to);

/* One fault more, or less, on a GPU, on which nobody is, nor booked. */
void cluster_break(struct cluster *c, uint32_t gpu);
void cluster_mend(struct cluster *c, uint32_t gpu);

/* A replica holds `bytes` more on each of its GPUs, or gives them back at `now` (negative). */
void cluster_hold(struct cluster *c, uint32_t replica, bytes_t bytes, ns_t now);

/* The GPUs that a replica sits on, *n of them, ascending. */
static inline const uint32_t *cluster_gpus_of(const struct cluster *c, uint32_t replica,
                                              uint32_t *n)
{
	*n = c->seats[replica].n_gpus;
	return &c->sits[c->seats[replica].first];
}

/* Those that it is booked on: what the cluster's scheduler and placement policies know. */
static inline const uint32_t *cluster_booked_of(const struct cluster *c, uint32_t replica,
                                                uint32_t *n)
{
	*n = c->seats[replica].n_gpus;
	return &c->places[c->seats[replica].first];
}

/* The node of a replica that has GPUs. */
static inline uint32_t cluster_node_of(const struct cluster *c, uint32_t replica)
{
	return c->gpus[c->places[c->seats[replica].first]].node;
}

/* The first node of this kind, which there is; those of a kind stand together. */
uint32_t cluster_first_of(const struct cluster *c, uint32_t kind);

/* Is this one of the GPUs that the replica sits on, or is booked on? */
bool cluster_sits_on(const struct cluster *c, uint32_t replica, uint32_t gpu);
bool cluster_is_booked_on(const struct cluster *c, uint32_t replica, uint32_t gpu);

/* Does it sit on others than it is booked on? */
bool cluster_is_away(const struct cluster *c, uint32_t replica);

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
