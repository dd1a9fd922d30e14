/*
 * One engine profile from models/engine/: how a serving engine batches, what a step costs besides
 * the kernels, how long it takes to start. Fields and units: models/README.md.
 */
#ifndef ALIQUOT_SPEC_ENGINE_SPEC_H
#define ALIQUOT_SPEC_ENGINE_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"
#include "base/units.h"
#include "spec/sheet.h"

enum batching { BATCHING_CHUNKED_PREFILL, BATCHING_PREFILL_FIRST };
enum prefill_cut { PREFILL_CUT_TOKENS, PREFILL_CUT_WHOLE_PROMPT };
enum kv_reservation { KV_ON_DEMAND, KV_FULL, KV_CONTEXT };
/* How KV capacity follows from u = gpu_memory_utilization (physics.md section 3). */
enum kv_sizing {
	KV_OF_TOTAL, /* vLLM: u * memory - weights - reserved */
	KV_OF_FREE,  /* TensorRT-LLM: u * (memory - weights - reserved) */
};
enum kv_pool { KV_POOL_STATIC, KV_POOL_ELASTIC };

/* What a user may set per service under `engine_options`. */
struct engine_options {
	int batching;                        /* enum batching */
	int64_t max_num_seqs;                /* running sequences, 1..16384 */
	int64_t max_num_batched_tokens;      /* tokens of one step */
	int prefill_cut;                     /* enum prefill_cut */
	int64_t max_prefill_tokens_per_step; /* valid only when prefill_cut is tokens */
	int64_t kv_block_tokens;             /* 1..256 */
	int kv_reservation;                  /* enum kv_reservation */
	int kv_sizing;                       /* enum kv_sizing */
	int kv_pool;                         /* enum kv_pool */
	double gpu_memory_utilization;       /* (0, 1] */
	bytes_t reserved_bytes;              /* per GPU: context, graphs, activations */
	int64_t queue_limit;                 /* waiting requests per replica; 0 = no limit */
	bool overlap;                        /* asynchronous scheduling: max(host, gpu) */
	bool schedule_ahead;                 /* a step is planned when the one before it begins */
	bytes_t kv_step;                     /* by which an elastic pool grows and shrinks */
	int64_t kv_blocks;                   /* of the KV cache; 0: what the memory gives */
	int64_t stream_interval;             /* tokens per response of a stream */
	bool prefix_cache;                   /* computed blocks of shared texts are found again */
};

/* Costs of physics.md sections 2 and 7. Efficiencies are shares of the data-sheet peak. */
struct cost_constants {
	double e_compute, e_memory, e_kv, e_attn, e_link;
	double e_kv_mixed;  /* e_kv of decoding sequences in a step with prompts; 0: the same */
	double t_layer_s;   /* GPU time per layer and step */
	double t_logit_s;   /* GPU time per sampled token and entry of the vocabulary */
	double t_eager_s;   /* least duration of a step with prompt tokens */
	double h_step_s;    /* host time per step */
	double h_seq_s;     /* host time per sequence in the step */
	double h_request_s; /* host time per admitted request */
	double t_stream_s;  /* front end, per token, one after the other */
	double t_request_s; /* from a request's arrival until the engine sees it */
	double t_link_s;    /* latency of one tensor-parallel all-reduce */
};

/* Who brings the weights from storage into the GPU. */
enum loader {
	LOADER_SAFETENSORS, /* the engine's own: one reader of mapped files */
	LOADER_STREAMER,    /* many readers at once, as Run:ai's model streamer */
	LOADER_SERVERLESS,  /* a checkpoint laid out for direct reads, as ServerlessLLM's */
};

/* Start-up, sleep and swap (physics.md section 6): stages that are not bytes over a link. */
struct engine_startup {
	double schedule_s, image_s, process_s;
	double download_rate;    /* bytes/s; 0: the weights are on the node's storage */
	int loader;              /* enum loader */
	double safetensors_rate; /* bytes/s at most, of each GPU's process; 0: as fast as the
	                            storage */
	double streamer_share, serverless_share; /* of the storage's bandwidth */
	double trace_s, compile_s, capture_s, build_s;
	double build_vision_s;                 /* more where the model has an image encoder */
	double warmup_s, warmup_per_token_s;   /* of the first request after a start */
	double swap_s, swap_per_token_s;       /* of the first request after a swap */
	double sleep_s, wake_s, wake_vision_s; /* beside the copies of a sleep */
	double reload_s;                       /* more when it wakes from level 2 */
};

/* What a model leaves its GPU by. */
enum swap_method {
	SWAP_MEMORY,  /* Run:ai: all that the process holds, KV cache included */
	SWAP_SLEEP_1, /* vLLM: weights into host memory, KV cache dropped */
	SWAP_SLEEP_2, /* vLLM: both dropped; weights come from storage again */
};

extern const char *const swap_methods[]; /* NULL-terminated */

struct engine_spec {
	char *name;
	char *title;
	struct engine_options options;
	struct cost_constants costs;
	struct engine_startup startup;
};

/* Tables of the three blocks, for `check`, `show`, help and the scenario loader. */
extern const struct option engine_option_table[];
extern const struct option engine_cost_table[];
extern const struct option engine_startup_table[];

/* The sheet behind it, for the sources of the values; NULL with errors added. Caller frees. */
struct sheet *engine_spec_sheet(const char *file, struct err *err);

/* Load a profile; NULL with errors added. Caller frees. */
struct engine_spec *engine_spec_read(const char *file, struct err *err);
void engine_spec_free(struct engine_spec *e);

/* Rules over several options (batched tokens against sequences ...), errors at `at`. */
bool engine_options_check(const struct engine_options *o, const struct json_at *at);

#endif
