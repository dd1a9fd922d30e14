/* Analytic step cost from compute, bandwidth, fixed costs and efficiency factors. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "perf/perf.h"

struct perf {
	/* seconds per unit of work, efficiencies and tensor parallelism applied */
	double s_per_flop, s_per_byte, s_per_attn_flop, s_per_image;
	double fixed_s; /* t_layer * layers and the latency of the all-reduces */
	double link_s_per_token;
	double f_token, f_head, attn_flops;
	double dense_bytes, head_bytes, activation_bytes,
		expert_bytes_all; /* all experts of all layers */
	double idle_share;        /* 1 - k/E: probability that a token leaves an expert alone */
	tick_t kv_token;          /* reading or writing one token's KV */
	tick_t state;             /* reading and writing one sequence's state */
	tick_t h_step, h_seq, h_request, stream, eager;
	bool overlap;
	int64_t max_seqs;
	tick_t *decode_gpu; /* [n]: GPU time of a decode step of n sequences but for reading the KV
	                     */
};

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

/* GPU seconds of everything that does not depend on the KV cache: T tokens, of which `sampled`
 * sample. */
static double linear_s(const struct perf *p, int64_t tokens, int64_t sampled, int64_t images)
{
	const double t = (double)tokens;
	const double flops = t * p->f_token + (double)sampled * p->f_head;
	double bytes =
		p->dense_bytes + (sampled > 0 ? p->head_bytes : 0.0) + t * p->activation_bytes;
	if (p->expert_bytes_all > 0.0) { /* experts touched by uniform routing */
		bytes += p->expert_bytes_all * (1.0 - power(p->idle_share, tokens));
	}
	const double compute = flops * p->s_per_flop;
	const double memory = bytes * p->s_per_byte;
	return p->fixed_s + t * p->link_s_per_token + (compute > memory ? compute : memory) +
	       (double)images * p->s_per_image;
}

/* Seconds per unit of work on `tp` GPUs, and what tensor parallelism adds. */
static void set_rates(struct perf *p, const struct gpu_spec *gpu, const struct llm_shape *llm,
                      const struct cost_constants *costs, enum precision weights, double tp)
{
	const double bf16 = gpu_spec_flops(gpu, PRECISION_BF16) * tp;
	const double s_per_kv_byte = 1.0 / (gpu->hbm_bytes_per_s * costs->e_kv * tp);
	p->s_per_flop = 1.0 / (gpu_spec_flops(gpu, weights) * costs->e_compute * tp);
	p->s_per_attn_flop = 1.0 / (bf16 * costs->e_attn);
	p->s_per_image = llm->image_flops / (bf16 * costs->e_compute); /* the encoder stays bf16 */
	p->s_per_byte = 1.0 / (gpu->hbm_bytes_per_s * costs->e_memory * tp);
	p->fixed_s = costs->t_layer_s * (double)llm->layers;
	if (tp > 1.0) {
		const double link = gpu->nvlink_bytes_per_s > 0.0 ? gpu->nvlink_bytes_per_s
		                                                  : gpu->host_link_bytes_per_s;
		const double rounds = (double)llm->allreduces;
		p->fixed_s += rounds * costs->t_link_s;
		p->link_s_per_token = rounds * 2.0 * (tp - 1.0) / tp * llm->allreduce_bytes / link;
	}
	p->kv_token = tick_from_seconds(llm->kv_bytes_per_token * s_per_kv_byte);
	p->state = tick_from_seconds(2.0 * llm->state_bytes_per_sequence * s_per_kv_byte);
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
	p->h_step = tick_from_seconds(costs->h_step_s);
	p->h_seq = tick_from_seconds(costs->h_seq_s);
	p->h_request = tick_from_seconds(costs->h_request_s);
	p->stream = tick_from_seconds(costs->t_stream_s);
	p->eager = tick_from_seconds(costs->t_eager_s);
	p->overlap = ask->overlap;
	p->max_seqs = ask->max_seqs;
	p->decode_gpu = mem_new((size_t)p->max_seqs + 1, sizeof(*p->decode_gpu));
	for (int64_t n = 1; n <= p->max_seqs; n++) {
		p->decode_gpu[n] =
			tick_from_seconds(linear_s(p, n, n, 0)) + n * (p->kv_token + p->state);
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

void perf_step(const struct perf *p, const struct step_shape *s, struct step_cost *out)
{
	sim_assert(s->decodes >= 0 && s->decodes <= p->max_seqs && s->decodes + s->chunks > 0);
	const int64_t sequences = s->decodes + s->chunks;
	tick_t gpu;
	if (s->chunks == 0) {
		gpu = p->decode_gpu[s->decodes] + s->context * p->kv_token;
		out->gpu_growth = s->decodes * p->kv_token;
	} else {
		const int64_t tokens = s->decodes + s->prompt;
		const double attn = p->attn_flops * 0.5 * (double)s->pairs2 * p->s_per_attn_flop;
		gpu = tick_from_seconds(linear_s(p, tokens, s->decodes + s->finishing, s->images) +
		                        attn) +
		      (s->context + s->cached + tokens) * p->kv_token + sequences * p->state;
		out->gpu_growth = 0;
	}
	const tick_t host = p->h_step + sequences * p->h_seq + s->admitted * p->h_request;
	const tick_t cost = p->overlap ? gpu : gpu + host;
	/* floors: what the step waits for besides its own work */
	tick_t floor = (s->decodes + s->finishing) * p->stream;
	floor = p->overlap && host > floor ? host : floor;
	floor = s->chunks > 0 && p->eager > floor ? p->eager : floor;
	out->gpu = gpu;
	out->until = s->chunks > 0 ? 1 : INT64_MAX;
	if (cost >= floor) {
		out->step = cost;
		out->growth = out->gpu_growth;
	} else {
		out->step = floor;
		out->growth = 0;
		if (s->chunks == 0 &&
		    out->gpu_growth > 0) { /* constant until the work outgrows it */
			out->until = (floor - cost) / out->gpu_growth + 1;
		}
	}
}

ns_t perf_stream_delay(const struct perf *p, int64_t rank)
{
	return (rank * p->stream) >> TICK_SHIFT;
}

bool perf_streams(const struct perf *p)
{
	return p->stream > 0;
}
