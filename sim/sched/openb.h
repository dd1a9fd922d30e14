/*
 * Cluster and pods of Alibaba's openb trace (cluster-trace-gpu-v2023; semantics.md section 15): two
 * tables with the columns that placement needs; others are not looked at.
 */
#ifndef ALIQUOT_SCHED_OPENB_H
#define ALIQUOT_SCHED_OPENB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/placement.h"

#define OPENB_GPU 1000  /* thousandths of a GPU: what stands for its memory */
#define OPENB_MODELS 64 /* of GPUs, that a trace may name */

struct openb_node {
	int64_t cpu;  /* thousandths of a core */
	bytes_t host; /* bytes of memory */
	uint32_t gpus;
	uint32_t model; /* its place among the models, nodes without GPUs are one of their own */
};

struct openb_type { /* of pods that ask for the same */
	struct placement_ask ask;
	int64_t milli; /* thousandths of GPUs in all */
	uint32_t pods;
};

struct openb {
	char **models; /* names, in order of appearance; the first is "" */
	uint32_t n_models;
	struct openb_node *nodes;
	uint32_t n_nodes;
	int64_t gpus; /* of all nodes */
	struct openb_type *types;
	uint32_t n_types;
	uint32_t *pods; /* type of each, in the order of the file */
	uint32_t n_pods;
	struct placement_mix mix; /* the typical ones: 95 % of the pods, by what they ask */
};

/*
 * Read both; NULL with errors added: every bad cell with line and column. `whole`: what asks for a
 * part of a GPU gets all of it, and still counts as the part. Caller frees.
 */
struct openb *openb_read(const char *nodes, const char *pods, bool whole, struct err *err);
void openb_free(struct openb *o);

/* Its cluster, empty, the nodes in an order drawn from `rng`; to be ended with cluster_fini(). */
void openb_cluster(const struct openb *o, struct rng *rng, struct cluster *c);

#endif
