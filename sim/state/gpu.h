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
};

struct node {
	uint32_t kind;     /* index of scenario.nodes */
	uint32_t first, n; /* its GPUs */
	uint32_t idle;     /* GPUs without a resident */
};

struct seat {                   /* of a replica */
	uint32_t first, n_gpus; /* its GPUs: cluster.places */
};

/* Is there room for one more request? A whole GPU is asked for with its memory. */
static inline bool gpu_takes(const struct gpu *g, bytes_t bytes, bool whole)
{
	return whole ? g->residents == 0 : !g->whole && g->requested + bytes <= g->memory;
}

#endif
