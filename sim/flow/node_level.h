/*
 * Private to flow: placement inside a node (semantics.md section 5). The cluster's scheduler books
 * parts of GPUs; on the node replicas that may borrow sit where fewest are. Where a scenario has no
 * such thing, sim.node_level is NULL and everybody sits on the GPUs that are booked.
 */
#ifndef ALIQUOT_FLOW_NODE_LEVEL_H
#define ALIQUOT_FLOW_NODE_LEVEL_H

#include "base/vec.h"
#include "flow/flow.h"

struct node_move { /* of a replica, back to the GPUs that it is booked on */
	ns_t at;
	ns_t start;        /* of its process there; NS_NEVER: it was starting, and goes on so */
	uint32_t replica;  /* of the cluster */
	uint32_t from, to; /* the first of its GPUs, of the cluster */
	uint32_t needed;   /* the replica that needs the place; REQUEST_NONE: a job */
	int64_t lost;      /* requests of its batch */
};

struct node_level_service {
	uint32_t away; /* of its replicas, not on the GPUs that they are booked on */
	i128_t area;   /* of those over time, x ns, up to `since` */
	ns_t since;
};

struct node_level {
	uint32_t most; /* on a GPU to which they are spread */
	struct node_level_service *services;
	VEC(struct node_move) moves;
};

/* After the replicas that are there from the start are booked: those that may borrow are spread. */
void node_level_begin(struct sim *s);
void node_level_free(struct sim *s);

/*
 * A replica was booked: if it may borrow, it sits down where fewest are. Who sits on what the
 * booking needs goes back where it is booked, and begins again there: as after a kill for memory,
 * while it starts with its process.
 */
void node_level_place(struct sim *s, uint32_t replica);

/* The same for workers, which are booked on nodes: as many idle GPUs as they have are left alone.
 */
void node_level_workers(struct sim *s);

/* A replica is about to leave its GPUs. */
void node_level_leave(struct sim *s, uint32_t replica);

/*
 * A GPU (NODE_NONE: none) is about to fail: those that are booked on it and sit elsewhere are
 * booked where they sit, or where there is room; for whom there is none, the booking stays as it
 * is, and the fault hits them.
 */
void node_level_rebook(struct sim *s, uint32_t gpu);

/* The GPU of a node, not among taken[n], that nobody is booked on and where fewest sit, the first
 * of equals; NODE_NONE: all are booked. */
uint32_t node_level_idle(const struct cluster *c, uint32_t node, const uint32_t *taken, uint32_t n);

/*
 * GPUs of one node were chosen, ascending. Those that nobody is booked on are alike to who chose
 * them: they become those on which fewest sit.
 */
void node_level_prefer(const struct cluster *c, uint32_t *gpus, uint32_t n);

/* Are the replicas of a service spread? */
bool node_level_spreads(const struct sim *s, size_t service);

/* The integral of a service up to `now`. */
void node_level_account(struct sim *s, uint32_t service, ns_t now);

/* What it did, into the summary, whose services have their places; nothing where it is off. */
void node_level_summarise(const struct sim *s, struct summary *out);

#endif
