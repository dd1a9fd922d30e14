/*
 * How long a step takes (physics.md section 2): pure functions of data sheets and the shape of a
 * step. Knows neither requests nor clocks. Built once per service and GPU kind.
 */
#ifndef ALIQUOT_PERF_PERF_H
#define ALIQUOT_PERF_PERF_H

#include <stdint.h>

#include "base/units.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"

/* What one step processes. */
struct step_shape {
	int64_t decodes;   /* sequences past prefill, one token each */
	tokens_t context;  /* K: tokens in the KV cache of those sequences, before this step */
	int64_t chunks;    /* prompt chunks */
	int64_t finishing; /* of which finish their prompt and sample a token */
	tokens_t prompt;   /* sum of p_i */
	tokens_t cached;   /* sum of c_i: context of the chunks */
	int64_t pairs2;    /* sum of p_i (2 c_i + p_i): twice the query-key pairs */
	int64_t admitted;  /* requests that enter the batch with this step */
	int64_t images;    /* images encoded in this step */
};

/*
 * Duration of the step, and of the decode-only steps that follow it with the same sequences: step i
 * (from 0) takes step + i * growth, valid for i < until. All in ticks.
 */
struct step_cost {
	tick_t step, growth;
	tick_t gpu, gpu_growth; /* of which the GPU works; the rest is the host */
	tick_t host;            /* before the GPU begins; 0 where both begin together */
	int64_t until;
};

struct perf;

struct perf_ask { /* whose cost model; all borrowed during perf_new only */
	const struct gpu_spec *gpu;
	const struct llm_shape *llm;
	const struct cost_constants *costs;
	enum precision weights;
	bool overlap;            /* host work beside the GPU's */
	int64_t tensor_parallel; /* GPUs of one replica */
	int64_t max_seqs;        /* most decoding sequences: size of the table */
};

/* Cost model of one replica. Caller frees. */
struct perf *perf_new(const struct perf_ask *ask);
void perf_free(struct perf *p);

/* Cost of a step. With prompt tokens (chunks > 0) growth is 0 and until is 1. */
void perf_step(const struct perf *p, const struct step_shape *s, struct step_cost *out);

/*
 * What a step needs of its GPU, as parts of its GPU time alone; ppm. What is in none of them
 * (launches, sampling, links) does not depend on the SMs.
 */
struct step_demand {
	int64_t matrices, weights; /* at the same time: the longer one is part of the step */
	int64_t attention;         /* of prompts, and images: arithmetic */
	int64_t cache;             /* of sequences, and their states: bandwidth */
};
void perf_demand(const struct perf *p, const struct step_shape *s, struct step_demand *out);

/*
 * Speed of such a step on `share` of the SMs of a GPU while `used` of them work at all, in ppm of
 * the speed alone on all of them; 0 < share <= used <= 1e6 (physics.md section 5).
 */
int64_t perf_sm_speed(const struct gpu_spec *gpu, const struct step_demand *demand, int64_t share,
                      int64_t used);

/* Time of the front end for one token, and from a request's arrival until the engine sees it. */
ns_t perf_stream(const struct perf *p);
ns_t perf_entry(const struct perf *p);

/*
 * Bytes one GPU has for the KV cache and what a block and a sequence take of it (physics.md section
 * 3). blocks <= state_blocks: the model does not fit.
 */
struct memory_plan {
	bytes_t memory,
		usable;  /* of one GPU, as the engine sees it; after gpu_memory_utilization */
	bytes_t weights; /* per GPU */
	bytes_t reserved;
	bytes_t kv;           /* left for KV blocks and sequence states; may be negative */
	bytes_t block;        /* one KV block, per GPU */
	bytes_t state;        /* state of one sequence, per GPU (Mamba-2, windowed attention) */
	int64_t blocks;       /* floor(kv / block), 0 when it does not fit */
	int64_t state_blocks; /* blocks that one sequence's state takes */
};
/* `memory` bytes of each GPU are for this replica. */
void perf_memory(bytes_t memory, const struct llm_shape *llm, const struct engine_options *options,
                 int64_t tensor_parallel, struct memory_plan *out);

#endif
