/* Analytic step cost from compute, bandwidth, fixed costs and efficiency factors. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "perf/perf.h"

struct perf {
	/* seconds per unit of work, efficiencies and tensor parallelism applied */
	double s_per_flop, s_per_byte, s_per_attn_flop, s_per_image;
	double s_per_sample; /* turning the logits of one token into the next */
	double fixed_s;      /* t_layer * layers and the latency of the all-reduces */
	double link_s_per_token;
	double f_token, f_head, attn_flops;
	double dense_bytes, head_bytes, activation_bytes,
		expert_bytes_all; /* all experts of all layers */
	double idle_share;        /* 1 - k/E: probability that a token leaves an expert alone */
	tick_t kv_token;          /* reading or writing one token's KV */
	tick_t kv_mixed;          /* reading it for a decoding sequence beside prompts */
	tick_t state;             /* reading and writing one sequence's state */
	tick_t h_step, h_seq, h_request, eager;
	ns_t stream, entry;
	bool overlap;
	int64_t max_seqs;
	tick_t *decode_gpu; /* [n]: GPU time of a decode step of n sequences but for reading the KV
	                     */
};

/*
 * A part of a step lasts at most this long: only absurd costs reach it, and a sum of five such
 * parts still fits in ticks.
 */
#define PART_MOST_S 1000.0

static tick_t capped(i128_t part)
{
	const tick_t most = (tick_t)(PART_MOST_S * 1e9) << TICK_SHIFT;
	return part < most ? (tick_t)part : most;
}

static tick_t ticks(double seconds)
{
	return tick_from_seconds(seconds < PART_MOST_S ? seconds : PART_MOST_S);
}

/* (1 - k/E)^T by repeated squaring: basic operations only, the same on every machine. */
static double power(double base, int64_t exponent)
{
	double result = 1.0;
	for (; exponent > 0; exponent >>= 1) {
		if ((exponent & 1) != 0) {
			result *= base;
		}
		base *= base;
	}
	return result;
}

/* Seconds of matrix products and images, if only arithmetic took time. */
static double compute_s(const struct perf *p, int64_t tokens, int64_t sampled, int64_t images)
{
	return ((double)tokens * p->f_token + (double)sampled * p->f_head) * p->s_per_flop +
	       (double)images * p->s_per_image;
}

/* Seconds of weights and activations, if only memory took time. */
static double memory_s(const struct perf *p, int64_t tokens, int64_t sampled)
{
	double bytes = p->dense_bytes + (sampled > 0 ? p->head_bytes : 0.0) +
	               (double)tokens * p->activation_bytes;
	if (p->expert_bytes_all > 0.0) { /* experts touched by uniform routing */
		bytes += p->expert_bytes_all * (1.0 - power(p->idle_share, tokens));
	}
	return bytes * p->s_per_byte;
}

/* GPU seconds of everything that does not depend on the KV cache: T tokens, of which `sampled`
 * sample. */
static double linear_s(const struct perf *p, int64_t tokens, int64_t sampled, int64_t images)
{
	const double t = (double)tokens;
	const double compute = compute_s(p, tokens, sampled, 0);
	const double memory = memory_s(p, tokens, sampled);
	return p->fixed_s + t * p->link_s_per_token + (double)sampled * p->s_per_sample +
	       (compute > memory ? compute : memory) + (double)images * p->s_per_image;
}

/* Seconds per unit of work on `tp` GPUs, and what tensor parallelism adds. */
static void set_rates(struct perf *p, const struct gpu_spec *gpu, const struct llm_shape *llm,
                      const struct cost_constants *costs, enum precision weights, double tp)
{
	const double bf16 = gpu_spec_flops(gpu, PRECISION_BF16) * tp;
	/* beyond one GPU per KV head, engines keep copies */
	const double kv_gpus = tp < (double)llm->kv_heads ? tp : (double)llm->kv_heads;
	const double s_per_byte = 1.0 / (gpu->hbm_bytes_per_s * costs->e_kv);
	const double mamba = llm->state_bytes_per_sequence - llm->window_bytes_per_sequence;
	p->s_per_flop = 1.0 / (gpu_spec_flops(gpu, weights) * costs->e_compute * tp);
	p->s_per_attn_flop = 1.0 / (bf16 * costs->e_attn);
	p->s_per_image = llm->image_flops / (bf16 * costs->e_compute); /* the encoder stays bf16 */
	p->s_per_byte = 1.0 / (gpu->hbm_bytes_per_s * costs->e_memory * tp);
	p->s_per_sample = costs->t_logit_s * llm->logits; /* every GPU samples for itself */
	p->fixed_s = costs->t_layer_s * (double)llm->layers;
	if (tp > 1.0) {
		const double link = gpu->nvlink_bytes_per_s > 0.0 ? gpu->nvlink_bytes_per_s
		                                                  : gpu->host_link_bytes_per_s;
		const double rounds = (double)llm->allreduces;
		p->fixed_s += rounds * costs->t_link_s;
		p->link_s_per_token = rounds * 2.0 * (tp - 1.0) / tp * llm->allreduce_bytes /
		                      (link * costs->e_link);
	}
	p->kv_token = ticks(llm->kv_bytes_per_token * s_per_byte / kv_gpus);
	p->kv_mixed = p->kv_token;
	if (costs->e_kv_mixed > 0.0) {
		p->kv_mixed = ticks(llm->kv_bytes_per_token /
		                    (gpu->hbm_bytes_per_s * costs->e_kv_mixed) / kv_gpus);
	}
	/* Mamba-2 state is read and written, a window's KV is read */
	p->state =
		ticks((2.0 * mamba / tp + llm->window_bytes_per_sequence / kv_gpus) * s_per_byte);
}

/* What the model asks for, per token, step or sequence. */
static void set_work(struct perf *p, const struct llm_shape *llm)
{
	p->f_token = llm->f_token;
	p->f_head = llm->f_head;
	p->attn_flops = llm->attn_flops;
	p->dense_bytes = llm->dense_bytes;
	p->head_bytes = llm->head_bytes;
	p->activation_bytes = llm->activation_bytes;
	p->expert_bytes_all = llm->expert_bytes * (double)llm->experts * (double)llm->layers_moe;
	p->idle_share = llm->experts > 0
	                        ? 1.0 - (double)llm->experts_per_token / (double)llm->experts
	                        : 1.0;
}

struct perf *perf_new(const struct perf_ask *ask)
{
	const struct cost_constants *const costs = ask->costs;
	sim_assert(ask->tensor_parallel >= 1 && ask->max_seqs >= 1);
	sim_assert(gpu_spec_flops(ask->gpu, ask->weights) > 0.0);
	struct perf *p = mem_new(1, sizeof(*p));
	set_rates(p, ask->gpu, ask->llm, costs, ask->weights, (double)ask->tensor_parallel);
	set_work(p, ask->llm);
	p->h_step = ticks(costs->h_step_s);
	p->h_seq = ticks(costs->h_seq_s);
	p->h_request = ticks(costs->h_request_s);
	p->stream = ticks(costs->t_stream_s) >> TICK_SHIFT;
	p->entry = ticks(costs->t_request_s) >> TICK_SHIFT;
	p->eager = ticks(costs->t_eager_s);
	p->overlap = ask->overlap;
	p->max_seqs = ask->max_seqs;
	p->decode_gpu = mem_new((size_t)p->max_seqs + 1, sizeof(*p->decode_gpu));
	for (int64_t n = 1; n <= p->max_seqs; n++) {
		p->decode_gpu[n] =
			ticks(linear_s(p, n, n, 0)) + capped((i128_t)n * (p->kv_token + p->state));
	}
	return p;
}

void perf_free(struct perf *p)
{
	if (p != NULL) {
		free(p->decode_gpu);
		free(p);
	}
}

/* GPU time of the step, and what a decode-only step takes more than the one before it. */
static tick_t gpu_ticks(const struct perf *p, const struct step_shape *s, tick_t *growth)
{
	if (s->chunks == 0) {
		*growth = capped((i128_t)s->decodes * p->kv_token);
		return p->decode_gpu[s->decodes] + capped((i128_t)s->context * p->kv_token);
	}
	const int64_t tokens = s->decodes + s->prompt;
	const double linear = linear_s(p, tokens, s->decodes + s->finishing, s->images);
	const double attn = p->attn_flops * 0.5 * (double)s->pairs2 * p->s_per_attn_flop;
	*growth = 0;
	return ticks(linear + attn) + capped((i128_t)s->context * p->kv_mixed) +
	       capped((i128_t)(s->cached + tokens) * p->kv_token) +
	       capped((i128_t)(s->decodes + s->chunks) * p->state);
}

void perf_step(const struct perf *p, const struct step_shape *s, struct step_cost *out)
{
	sim_assert(s->decodes >= 0 && s->decodes <= p->max_seqs && s->decodes + s->chunks > 0);
	const i128_t sequences = s->decodes + s->chunks;
	const tick_t gpu = gpu_ticks(p, s, &out->gpu_growth);
	const tick_t host =
		capped(p->h_step + sequences * p->h_seq + (i128_t)s->admitted * p->h_request);
	const tick_t cost = p->overlap ? gpu : gpu + host;
	/* floors: what the step waits for besides its own work */
	tick_t floor = p->overlap ? host : 0;
	floor = s->chunks > 0 && p->eager > floor ? p->eager : floor;
	out->gpu = gpu;
	out->host = p->overlap ? 0 : host;
	out->until = s->chunks > 0 ? 1 : INT64_MAX;
	if (cost >= floor) {
		out->step = cost;
		out->growth = out->gpu_growth;
	} else {
		out->step = floor;
		out->growth = 0;
		if (s->chunks == 0 && out->gpu_growth > 0) { /* until the work outgrows it */
			out->until = (floor - cost) / out->gpu_growth + 1;
		}
	}
}

static int64_t ppm_of(double part, double whole)
{
	return part < whole ? (int64_t)(part / whole * 1e6) : 1000000;
}

void perf_demand(const struct perf *p, const struct step_shape *s, struct step_demand *out)
{
	const int64_t tokens = s->decodes + s->prompt;
	const int64_t sampled = s->decodes + s->finishing;
	const double second = (double)tick_from_seconds(1.0);
	tick_t growth;
	const double gpu = (double)gpu_ticks(p, s, &growth);
	const double attn = p->attn_flops * 0.5 * (double)s->pairs2 * p->s_per_attn_flop;
	const tick_t kv = s->chunks > 0 ? p->kv_mixed : p->kv_token;
	const double cache = (double)s->context * (double)kv +
	                     (double)(s->cached + tokens) * (double)p->kv_token +
	                     (double)(s->decodes + s->chunks) * (double)p->state;

	out->matrices = ppm_of(compute_s(p, tokens, sampled, 0) * second, gpu);
	out->weights = ppm_of(memory_s(p, tokens, sampled) * second, gpu);
	out->attention = ppm_of((attn + (double)s->images * p->s_per_image) * second, gpu);
	out->cache = ppm_of(cache, gpu);
}

ns_t perf_stream(const struct perf *p)
{
	return p->stream;
}

ns_t perf_entry(const struct perf *p)
{
	return p->entry;
}
