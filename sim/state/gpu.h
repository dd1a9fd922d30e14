/* GPUs and nodes: how much of their memory is requested, and by how many. */
#ifndef ALIQUOT_STATE_GPU_H
#define ALIQUOT_STATE_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "spec/gpu_spec.h"

#define GPU_MOST_RESIDENTS 64 /* on one GPU */

/* What is asked of a GPU. */
struct gpu_part {
	bytes_t bytes;            /* of its memory; 0: the model does not fit there */
	bool whole;               /* all of it, and nobody else's */
	uint32_t compute, memory; /* slices; 0: it is not cut */
};

struct gpu {
	uint32_t node;
	uint32_t residents; /* replicas that are booked on it */
	bool whole;         /* its only resident has all of it */
	uint8_t slices;     /* memory slices that are taken, as bits */
	uint16_t faults;    /* while there are any, nobody is put onto it */
	bytes_t memory;     /* that requests may take */
	bytes_t requested;  /* by the residents; limits are not counted */
	/* of those that sit here, wherever they are booked */
	uint32_t sitters;
	bytes_t claimed;    /* by their requests */
	bytes_t used, peak; /* held by them, if the GPU is shared; the most so far */
	i128_t area;        /* of what is held over time, bytes x ns, up to `since` */
	ns_t since;
	bytes_t returned; /* of what is free, given back at returned_at: lent from then on */
	ns_t returned_at;
};

/* What is taken of a node: the same part of each of some GPUs, and of its host. */
struct node_part {
	const struct gpu_part *part;
	uint32_t gpus;
	int64_t cpu; /* thousandths of a core */
	bytes_t host;
};

#define NODE_NONE UINT32_MAX

struct node {
	uint32_t kind;           /* index of scenario.nodes */
	uint32_t first, n;       /* its GPUs */
	uint32_t idle;           /* GPUs without a resident */
	int64_t cpu, cpu_used;   /* thousandths of a core */
	bytes_t host, host_used; /* memory of the host */
	uint32_t sizes;          /* what stands on it, as bits: gpu_size_bit() */
};

struct seat {                   /* of a replica */
	uint32_t first, n_gpus; /* its GPUs: cluster.places and .sits; 0: it is on none */
	uint32_t room;          /* places from `first` on that are its own */
	struct gpu_part part;   /* of each of them */
	bytes_t base, block;    /* held of each GPU while it runs, and per KV block besides */
	int64_t own, most;      /* KV blocks inside its request, and up to its limit */
	int64_t step;           /* blocks by which an elastic pool grows; 0: the pool is static */
	ns_t started;           /* its process */
	uint32_t kills, starts; /* times it was killed, and started again */
	bool down;              /* killed, and not started again yet: it holds nothing */
	bool out;               /* in host memory: it holds nothing here either */
	ns_t died, was_down;    /* its last kill; time down, up to its last start */
};

/* What a replica asks of one of its GPUs. */
static inline bytes_t seat_request(const struct seat *seat, const struct gpu *g)
{
	return seat->part.whole ? g->memory : seat->part.bytes;
}

/*
 * Where a slice of that size begins, as a memory slice: of the places that MIG allows (multiples of
 * its memory, with all its compute inside the GPU) and that are free the one that leaves most
 * places to slices of all sizes, and of those the last; -1: there is none.
 */
int gpu_slice_start(uint8_t taken, uint32_t compute, uint32_t memory);

/* The bits of a slice that begins there. */
static inline uint8_t gpu_slice_bits(int start, uint32_t memory)
{
	return (uint8_t)(((1U << memory) - 1U) << (uint32_t)start);
}

/* `n` numbers of GPUs, ascending from now on. For few of them. */
void gpu_sort(uint32_t *gpus, uint32_t n);

/* Is `gpu` one of these `n`? */
bool gpu_is_among(const uint32_t *gpus, uint32_t n, uint32_t gpu);

/* Of a request: parts of a GPU, one GPU, two, ... are sizes of their own. */
static inline uint32_t gpu_size_bit(const struct gpu_part *part, uint32_t gpus)
{
	return gpus == 0 ? 0 : part->whole ? UINT32_C(1) << (gpus < 31 ? gpus : 31) : 1;
}

/* Is there room for one more? */
static inline bool gpu_takes(const struct gpu *g, const struct gpu_part *part)
{
	if (part->whole || g->faults > 0) {
		return g->residents == 0 && g->faults == 0;
	}
	return !g->whole && g->residents < GPU_MOST_RESIDENTS &&
	       g->requested + part->bytes <= g->memory &&
	       (part->compute == 0 || gpu_slice_start(g->slices, part->compute, part->memory) >= 0);
}

#endif
