/*
 * What nodes offer at a glance: bounds from above, kept per node and per block of nodes, so that a
 * search for room passes over nodes, and whole blocks, that certainly have none.
 */
#ifndef ALIQUOT_SCHED_GLANCE_H
#define ALIQUOT_SCHED_GLANCE_H

#include "sched/session.h"

/* A search for nodes that may take a pod. */
struct glance_search {
	int64_t gpus; /* whole ones that it asks for */
	int64_t mib;  /* the least that its part of a GPU takes on any node; -1: it wants no part */
};

struct glance_search glance_begin(const struct session *s, const struct sched_ask *ask);

/* The first node from `node` on that may have the GPUs; SCHED_NONE: none. Its exact room must be
 * asked for; nodes that are passed over have none. */
uint32_t glance_next(const struct session *s, const struct glance_search *g, uint32_t node);

/* The node changed; `parts`: also what its shared GPUs hold. */
void glance_update(struct session *s, uint32_t node, bool parts);

#endif
