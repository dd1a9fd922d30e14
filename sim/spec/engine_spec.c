/* Loads engine profiles. Does not know what the options do: that is flow and perf. */
#include "spec/engine_spec.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *const sections[] = {"options", "costs", "startup", NULL};
static const char *const batchings[] = {"chunked_prefill", "prefill_first", NULL};
static const char *const cuts[] = {"tokens", "whole_prompt", NULL};
static const char *const reservations[] = {"on_demand", "full", "context", NULL};
static const char *const sizings[] = {"of_total", "of_free", NULL};
static const char *const pools[] = {"static", "elastic", NULL};
static const char *const loaders[] = {"safetensors", "streamer", "serverless", NULL};
static_assert(LOADER_SERVERLESS == 2, "the names are those of enum loader");

const char *const swap_methods[] = {"memory", "sleep_1", "sleep_2", NULL};
static_assert(SWAP_SLEEP_2 == 2, "the names are those of enum swap_method");

/* Smallest accepted efficiency and utilisation: below, a typing mistake. */
#define LEAST_EFFICIENCY 0.01
#define LEAST_SHARE 0.001

#define FIELD(member) offsetof(struct engine_options, member)
#define COST(member) offsetof(struct cost_constants, member)
#define STAGE(member) offsetof(struct engine_startup, member)

/* clang-format off */
const struct option engine_option_table[] = {
	{"batching", OPTION_CHOICE, FIELD(batching), 0, 0, NULL, batchings, NULL,
	 "mix prompt chunks with decodes, or run prompts first"},
	{"max_num_seqs", OPTION_INT, FIELD(max_num_seqs), 1, 16384, NULL, NULL, "sequences",
	 "most running sequences of a replica"},
	{"max_num_batched_tokens", OPTION_INT, FIELD(max_num_batched_tokens), 1, 1e7, NULL, NULL, "tokens",
	 "most tokens of one step"},
	{"prefill_cut", OPTION_CHOICE, FIELD(prefill_cut), 0, 0, NULL, cuts, NULL,
	 "cut prompts after so many tokens, or one whole prompt per step"},
	{"max_prefill_tokens_per_step", OPTION_INT, FIELD(max_prefill_tokens_per_step), 1, 1e7, "2048", NULL,
	 "tokens", "prompt tokens of one step, where prompts are cut"},
	{"kv_block_tokens", OPTION_INT, FIELD(kv_block_tokens), 1, 256, NULL, NULL, "tokens",
	 "size of a KV cache block, a power of two"},
	{"kv_reservation", OPTION_CHOICE, FIELD(kv_reservation), 0, 0, NULL, reservations, NULL,
	 "take blocks as tokens come, or the longest answer at admission"},
	{"kv_sizing", OPTION_CHOICE, FIELD(kv_sizing), 0, 0, NULL, sizings, NULL,
	 "gpu_memory_utilization is a share of all memory, or of what weights leave free"},
	{"kv_pool", OPTION_CHOICE, FIELD(kv_pool), 0, 0, "static", pools, NULL,
	 "take the pool at start and keep it, or let it follow the live blocks"},
	{"gpu_memory_utilization", OPTION_SHARE, FIELD(gpu_memory_utilization), LEAST_SHARE, 1, NULL, NULL,
	 "share", "see kv_sizing"},
	{"reserved_bytes", OPTION_BYTES, FIELD(reserved_bytes), 0, 1e12, NULL, NULL, "bytes",
	 "context, graphs and activations of one GPU"},
	{"queue_limit", OPTION_INT, FIELD(queue_limit), 0, 1e9, "0", NULL, "requests",
	 "waiting requests of a replica, more are rejected; 0: no limit"},
	{"overlap", OPTION_BOOL, FIELD(overlap), 0, 0, "false", NULL, NULL,
	 "host work runs beside the GPU: a step lasts as long as the longer of both"},
	{"prefix_cache", OPTION_BOOL, FIELD(prefix_cache), 0, 0, "false", NULL, NULL,
	 "blocks of prompts that begin alike are computed once and kept while there is room"},
	{"schedule_ahead", OPTION_BOOL, FIELD(schedule_ahead), 0, 0, "false", NULL, NULL,
	 "a step is planned when the one before it begins: who comes later waits one step more"},
	{"kv_step", OPTION_BYTES, FIELD(kv_step), 1048576, 1e12, "256MiB", NULL, "bytes",
	 "by which an elastic pool grows and shrinks"},
	{"kv_blocks", OPTION_INT, FIELD(kv_blocks), 0, 1e9, "0", NULL, "blocks",
	 "of the KV cache, as vLLM's num_gpu_blocks_override; 0: what the memory gives"},
	{"stream_interval", OPTION_INT, FIELD(stream_interval), 1, 1e6, "1", NULL, "tokens",
	 "of one response of a stream: the first one comes with so many tokens"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

const struct option engine_cost_table[] = {
	{"e_compute", OPTION_REAL, COST(e_compute), LEAST_EFFICIENCY, 2, NULL, NULL, "share",
	 "of peak FLOP/s that matrix products reach"},
	{"e_memory", OPTION_REAL, COST(e_memory), LEAST_EFFICIENCY, 2, NULL, NULL, "share",
	 "of peak bandwidth that reading weights reaches"},
	{"e_kv", OPTION_REAL, COST(e_kv), LEAST_EFFICIENCY, 2, NULL, NULL, "share",
	 "of peak bandwidth that reading KV cache and state reaches"},
	{"e_kv_mixed", OPTION_REAL, COST(e_kv_mixed), 0, 2, "0", NULL, "share",
	 "e_kv of decoding sequences in a step with prompts; 0: the same"},
	{"e_attn", OPTION_REAL, COST(e_attn), LEAST_EFFICIENCY, 2, NULL, NULL, "share",
	 "of peak bf16 FLOP/s that attention over prompts reaches"},
	{"e_link", OPTION_REAL, COST(e_link), LEAST_EFFICIENCY, 2, "0.58", NULL, "share",
	 "of peak NVLink, or host link, bandwidth that all-reduces reach"},
	{"t_layer", OPTION_REAL, COST(t_layer_s), 0, 0.1, NULL, NULL, "s", "GPU time per layer and step"},
	{"t_logit", OPTION_REAL, COST(t_logit_s), 0, 1e-6, "0", NULL, "s",
	 "GPU time per sampled token and entry of the vocabulary"},
	{"t_eager", OPTION_REAL, COST(t_eager_s), 0, 10, NULL, NULL, "s",
	 "least duration of a step with prompt tokens"},
	{"h_step", OPTION_REAL, COST(h_step_s), 0, 1, NULL, NULL, "s", "host time per step"},
	{"h_seq", OPTION_REAL, COST(h_seq_s), 0, 0.1, NULL, NULL, "s", "host time per sequence in a step"},
	{"h_request", OPTION_REAL, COST(h_request_s), 0, 1, NULL, NULL, "s",
	 "host time per admitted request"},
	{"t_stream", OPTION_REAL, COST(t_stream_s), 0, 0.1, NULL, NULL, "s",
	 "front end, per token, one after the other: delays delivery and the requests that come"},
	{"t_request", OPTION_REAL, COST(t_request_s), 0, 10, "0", NULL, "s",
	 "from a request's arrival until the engine sees it, many at once"},
	{"t_link", OPTION_REAL, COST(t_link_s), 0, 1, NULL, NULL, "s",
	 "latency of one tensor-parallel all-reduce"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

const struct option engine_startup_table[] = {
	{"schedule", OPTION_REAL, STAGE(schedule_s), 0, 1e5, "0", NULL, "s",
	 "from the wish for a replica until its node begins with it"},
	{"image", OPTION_REAL, STAGE(image_s), 0, 1e5, "0", NULL, "s",
	 "pull of the container's image, where the node has not got it"},
	{"process", OPTION_REAL, STAGE(process_s), 0, 1e5, NULL, NULL, "s",
	 "container and process until weights begin to load"},
	{"build", OPTION_REAL, STAGE(build_s), 0, 1e5, NULL, NULL, "s",
	 "after the weights, besides the stages that are named: KV pool, and all of it where undivided"},
	{"download_rate", OPTION_RATE, STAGE(download_rate), 0, 1e13, "0", NULL, "bytes/s",
	 "at which weights come to the node's storage first; 0: they are there"},
	{"loader", OPTION_CHOICE, STAGE(loader), 0, 0, "safetensors", loaders, NULL,
	 "who brings weights from storage into the GPU"},
	{"safetensors_rate", OPTION_RATE, STAGE(safetensors_rate), 0, 1e13, "0", NULL, "bytes/s",
	 "of that loader at most, of each GPU's process; 0: as fast as the storage"},
	{"streamer_share", OPTION_SHARE, STAGE(streamer_share), LEAST_SHARE, 1, "1", NULL, "share",
	 "of the storage's bandwidth that the streamer reaches"},
	{"serverless_share", OPTION_SHARE, STAGE(serverless_share), LEAST_SHARE, 1, "1", NULL, "share",
	 "of the storage's bandwidth that the serverless loader reaches"},
	{"trace", OPTION_REAL, STAGE(trace_s), 0, 1e5, "0", NULL, "s", "the model's code becomes a graph"},
	{"compile", OPTION_REAL, STAGE(compile_s), 0, 1e5, "0", NULL, "s", "of that graph"},
	{"capture", OPTION_REAL, STAGE(capture_s), 0, 1e5, "0", NULL, "s", "of CUDA graphs"},
	{"build_vision", OPTION_REAL, STAGE(build_vision_s), 0, 1e5, "0", NULL, "s",
	 "more than build, of a model with an image encoder"},
	{"warmup", OPTION_REAL, STAGE(warmup_s), 0, 1e5, NULL, NULL, "s",
	 "extra time of the first request after a cold start"},
	{"warmup_per_token", OPTION_REAL, STAGE(warmup_per_token_s), 0, 100, NULL, NULL, "s",
	 "the same, per prompt token"},
	{"swap", OPTION_REAL, STAGE(swap_s), 0, 1e5, "0", NULL, "s",
	 "extra time of the first request after a swap, besides the copies"},
	{"swap_per_token", OPTION_REAL, STAGE(swap_per_token_s), 0, 100, "0", NULL, "s",
	 "the same, per prompt token"},
	{"sleep", OPTION_REAL, STAGE(sleep_s), 0, 1e5, "0", NULL, "s",
	 "to go to sleep, besides the copy of the weights"},
	{"wake", OPTION_REAL, STAGE(wake_s), 0, 1e5, "0", NULL, "s",
	 "to wake, besides the copy of the weights"},
	{"wake_vision", OPTION_REAL, STAGE(wake_vision_s), 0, 1e5, "0", NULL, "s",
	 "more than wake, of a model with an image encoder"},
	{"reload", OPTION_REAL, STAGE(reload_s), 0, 1e5, "0", NULL, "s",
	 "more than wake, where weights come from storage (level 2)"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

bool engine_options_check(const struct engine_options *o, const struct json_at *at)
{
	if (o->max_num_batched_tokens < o->max_num_seqs) {
		json_fail(
			at,
			"max_num_batched_tokens %lld is below max_num_seqs %lld: every running sequence "
			"takes one token of a step",
			(long long)o->max_num_batched_tokens, (long long)o->max_num_seqs);
		return false;
	}
	int64_t below = 1;
	while (2 * below <= o->kv_block_tokens) {
		below *= 2;
	}
	const int64_t above = 2 * below;
	if (below != o->kv_block_tokens) {
		json_fail(
			at,
			"kv_block_tokens %lld is not a power of two; the nearest are %lld and %lld",
			(long long)o->kv_block_tokens, (long long)below, (long long)above);
		return false;
	}
	return true;
}

struct sheet *engine_spec_sheet(const char *file, struct err *err)
{
	return sheet_read(file, sections, err);
}

struct engine_spec *engine_spec_read(const char *file, struct err *err)
{
	struct sheet *s = engine_spec_sheet(file, err);
	struct engine_spec *e;
	bool ok;

	if (!s) {
		return NULL;
	}
	e = mem_new(1, sizeof *e);
	e->name = mem_strdup(sheet_name(s));
	e->title = mem_strdup(sheet_title(s));
	ok = sheet_fill(s, "options", engine_option_table, &e->options);
	ok = sheet_fill(s, "costs", engine_cost_table, &e->costs) && ok;
	ok = sheet_fill(s, "startup", engine_startup_table, &e->startup) && ok;
	if (ok) {
		const struct json_at root = json_root(NULL, file, err);

		ok = engine_options_check(&e->options, &root);
	}
	if (!ok) {
		engine_spec_free(e);
		e = NULL;
	}
	sheet_free(s);
	return e;
}

void engine_spec_free(struct engine_spec *e)
{
	if (!e) {
		return;
	}
	free(e->name);
	free(e->title);
	free(e);
}
