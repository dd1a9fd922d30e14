/* What fits: weights, reservation and KV blocks of one GPU. */
#include "base/check.h"
#include "perf/perf.h"

void perf_memory(bytes_t bytes, const struct llm_shape *llm, const struct engine_options *options,
                 int64_t tensor_parallel, struct memory_plan *out)
{
	sim_assert(tensor_parallel >= 1 && options->kv_block_tokens >= 1);
	const double tp = (double)tensor_parallel;
	const double u = options->gpu_memory_utilization;
	const double weights = llm->weight_bytes / tp;
	const double reserved = (double)options->reserved_bytes;
	const double memory = (double)bytes;
	const double kv = options->kv_sizing == KV_OF_TOTAL ? u * memory - weights - reserved
	                                                    : u * (memory - weights - reserved);
	/* beyond one GPU per KV head, engines keep copies */
	const double kv_gpus = tp < (double)llm->kv_heads ? tp : (double)llm->kv_heads;
	const double mamba = llm->state_bytes_per_sequence - llm->window_bytes_per_sequence;
	const double block = llm->kv_bytes_per_token * (double)options->kv_block_tokens / kv_gpus;
	const double state = mamba / tp + llm->window_bytes_per_sequence / kv_gpus;
	out->memory = bytes;
	out->usable = (bytes_t)(u * memory);
	out->weights = (bytes_t)weights;
	out->reserved = options->reserved_bytes;
	out->kv = (bytes_t)kv;
	out->block = (bytes_t)block;
	out->state = (bytes_t)state;
	sim_assert(out->block > 0);
	out->blocks = out->kv > 0 ? out->kv / out->block : 0;
	if (options->kv_blocks > 0) {
		out->blocks = options->kv_blocks;
		out->kv = out->blocks * out->block;
	}
	out->state_blocks = (out->state + out->block - 1) / out->block;
}
