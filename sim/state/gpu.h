/* GPUs and nodes: how much of their memory is requested, and by how many. */
#ifndef ALIQUOT_STATE_GPU_H
#define ALIQUOT_STATE_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

struct gpu {
	uint32_t node;
	uint32_t residents; /* replicas on it */
	bool whole;         /* its only resident has all of it */
	bytes_t memory;     /* that requests may take */
	bytes_t requested;  /* by the residents; limits are not counted */
	bytes_t used, peak; /* held by the residents of a shared GPU; the most so far */
	bytes_t returned;   /* of what is free, given back at returned_at: lent from then on */
	ns_t returned_at;
};

struct node {
	uint32_t kind;     /* index of scenario.nodes */
	uint32_t first, n; /* its GPUs */
	uint32_t idle;     /* GPUs without a resident */
};

struct seat {                   /* of a replica */
	uint32_t first, n_gpus; /* its GPUs: cluster.places */
	bytes_t base, block;    /* held of each GPU while it runs, and per KV block besides */
	int64_t own, most;      /* KV blocks inside its request, and up to its limit */
	int64_t step;           /* blocks by which an elastic pool grows; 0: the pool is static */
	ns_t started;           /* its process */
	uint32_t kills, starts; /* times it was killed, and started again */
	bool down;              /* killed, and not started again yet: it holds nothing */
};

/* Is there room for one more request? A whole GPU is asked for with its memory. */
static inline bool gpu_takes(const struct gpu *g, bytes_t bytes, bool whole)
{
	return whole ? g->residents == 0 : !g->whole && g->requested + bytes <= g->memory;
}

#endif
