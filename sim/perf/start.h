/*
 * How long it takes until a replica that is not there serves (physics.md section 6): pure functions
 * of data sheets and bytes. Knows no clock, nor who else wants the same storage.
 */
#ifndef ALIQUOT_PERF_START_H
#define ALIQUOT_PERF_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/scenario.h"

/* Of a cold start, one after the other. */
enum start_stage {
	START_SCHEDULE,
	START_IMAGE,
	START_PROCESS,
	START_DOWNLOAD, /* weights onto the node's storage, where they are not there */
	START_WEIGHTS,  /* from storage into the GPUs */
	START_TRACE,
	START_COMPILE,
	START_CAPTURE,
	START_BUILD, /* the rest */
	START_STAGES
};

extern const char *const start_stage_names[START_STAGES];

struct start_ask {
	const struct engine_startup *startup;
	const struct gpu_spec *gpu;
	int64_t gpus;      /* of the replica */
	bytes_t weights;   /* of the whole replica */
	double storage;    /* bytes/s of its node that this start has */
	bool vision;       /* the model has an image encoder */
	bool image_cached; /* the node has the container's image */
};

/* A start of a service on nodes of this kind that have its image, alone at their storage; `weights`
 * as in start_ask. Borrows both. */
struct start_ask perf_start_ask(const struct scenario_service *service,
                                const struct scenario_nodes *nodes, bytes_t weights);

/* Durations into `stages`; returns their sum. The first request's warm-up is not in it. */
ns_t perf_start(const struct start_ask *ask, ns_t stages[START_STAGES]);

/* By how much the first request of so many prompt tokens is slower after a cold start. */
ns_t perf_start_warmup(const struct engine_startup *startup, tokens_t prompt);

/* How long that alone takes where nobody else reads. */
ns_t perf_read(const struct start_ask *ask);

/* Bytes/s at which weights come into the GPUs. */
double perf_weight_rate(const struct start_ask *ask);

/* Bytes/s that copies between host memory and `gpus` GPUs of one node reach together, one way. */
double perf_host_rate(const struct gpu_spec *gpu, int64_t gpus);

#endif
