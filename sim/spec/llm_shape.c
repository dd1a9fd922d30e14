/* What follows from a model's geometry: parameters, bytes and work. Reads no files. */
#include <string.h>

#include "spec/llm_spec.h"

/*
 * One block's weights. `matrix` may be quantised and costs 2 FLOP per value and token; `rest`
 * (norms, biases, convolutions, per-head scalars) stays bf16. `moved` counts the values that enter
 * and leave the matrices for one token.
 */
struct block {
	double matrix, rest, moved;
};

/* Values of one norm. */
static double norm(const struct llm_spec *m)
{
	return (double)(m->norm_bias ? 2 * m->hidden : m->hidden);
}

static struct block attention_block(const struct llm_spec *m)
{
	const double q = (double)(m->heads * m->head_dim);
	const double kv = (double)(2 * m->kv_heads * m->head_dim);
	const double hidden = (double)m->hidden;
	struct block b = {hidden * (q + kv) + q * hidden, norm(m), 2 * hidden + 2 * q + kv};

	b.rest += m->attention_bias ? q + kv + hidden : 0;
	b.rest += m->qkv_bias ? q + kv : 0;
	b.rest += m->attention_sinks ? (double)m->heads : 0;
	b.rest += m->qk_norm ? (double)(2 * m->head_dim) : 0;
	return b;
}

/* A feed-forward network of inner width `inner`, without its norm. */
static struct block feed_forward(const struct llm_spec *m, int64_t inner, bool gated, bool bias)
{
	const double hidden = (double)m->hidden;
	const double width = (double)inner;
	const double up = gated ? 2 : 1;
	struct block b = {(up + 1) * hidden * width, 0, 2 * hidden + (up + 1) * width};

	b.rest = bias ? up * width + hidden : 0;
	return b;
}

/* Mamba-2 (Dao and Gu 2024): in_proj makes z, x, B, C and dt; out_proj follows a gated norm. */
static struct block mamba_block(const struct llm_spec *m)
{
	const double hidden = (double)m->hidden;
	const double inner = (double)(m->mamba_heads * m->mamba_head_dim);
	const double mixed = inner + (double)(2 * m->mamba_groups * m->mamba_state);
	const double in_proj = inner + mixed + (double)m->mamba_heads;
	struct block b = {hidden * in_proj + inner * hidden, norm(m) + inner,
	                  2 * hidden + in_proj + inner};

	b.rest += mixed * (double)(m->mamba_conv + 1); /* convolution and its bias */
	b.rest += (double)(3 * m->mamba_heads);        /* A, D and the bias of dt */
	return b;
}

/* State update and readout of one Mamba-2 layer: decay, input and output, 2 FLOP each per state
 * value. */
static double mamba_scan_flops(const struct llm_spec *m)
{
	const double inner = (double)(m->mamba_heads * m->mamba_head_dim);
	const double mixed = inner + (double)(2 * m->mamba_groups * m->mamba_state);

	return 6 * inner * (double)m->mamba_state + 2 * mixed * (double)m->mamba_conv;
}

static double bytes_per_weight(const struct llm_spec *m, enum precision p)
{
	return p == PRECISION_NVFP4 ? m->fp4_bits / 8 : precision_bytes(p);
}

/* Blocks that every token passes: all but the routed experts. */
static struct block common_blocks(const struct llm_spec *m)
{
	const struct block parts[] = {attention_block(m),
	                              feed_forward(m, m->ffn, m->ffn_gated, m->ffn_bias),
	                              mamba_block(m)};
	const double layers[] = {(double)m->layers_attention, (double)m->layers_mlp,
	                         (double)m->layers_mamba};
	struct block sum = {0, norm(m), 0}; /* the final norm */

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		sum.matrix += layers[i] * parts[i].matrix;
		sum.rest += layers[i] * parts[i].rest;
		sum.moved += layers[i] * parts[i].moved;
	}
	if (!m->parallel) {
		sum.rest += (double)m->layers_mlp * norm(m); /* norms of the MLP blocks */
	}
	return sum;
}

/* The shared experts of all MoE layers. */
static struct block shared_experts(const struct llm_spec *m)
{
	struct block b = {0, 0, 0};

	if (m->shared_expert_ffn > 0) {
		b = feed_forward(m, m->shared_expert_ffn, m->expert_gated, m->expert_bias);
		b.matrix *= (double)m->layers_moe;
		b.rest *= (double)m->layers_moe;
		b.moved *= (double)m->layers_moe;
	}
	return b;
}

/* Norms and routers of all MoE layers. The caller keeps their matrices in bf16. */
static struct block routers(const struct llm_spec *m)
{
	const double layers = (double)m->layers_moe;
	const double experts = (double)m->experts;
	const double hidden = (double)m->hidden;
	struct block b = {layers * hidden * experts, layers * norm(m), layers * (hidden + experts)};

	b.rest += m->router_bias ? layers * experts : 0;
	return b;
}

static void fill_sequence(const struct llm_spec *m, enum precision kv, struct llm_shape *out)
{
	const double layer = (double)(2 * m->kv_heads * m->head_dim) * precision_bytes(kv);
	const double inner = (double)(m->mamba_heads * m->mamba_head_dim);
	const double mixed = inner + (double)(2 * m->mamba_groups * m->mamba_state);
	double mamba = 0;

	if (m->layers_mamba > 0) {
		/* The convolution keeps the inputs of the mamba_conv - 1 tokens before the next. */
		mamba = inner * (double)m->mamba_state * 4 +
		        mixed * (double)(m->mamba_conv - 1) * 2;
	}
	out->kv_bytes_per_token = layer * (double)(m->layers_attention - m->layers_windowed);
	out->kv_bytes_per_token_unwindowed = layer * (double)m->layers_attention;
	out->kv_heads = m->kv_heads;
	out->window_bytes_per_sequence = layer * (double)(m->layers_windowed * m->window);
	out->state_bytes_per_sequence =
		mamba * (double)m->layers_mamba + out->window_bytes_per_sequence;
}

static void fill_work(const struct llm_spec *m, double matrix, double moved, struct llm_shape *out)
{
	const double pair = 4 * (double)(m->heads * m->head_dim);

	out->f_token = 2 * matrix + (double)m->layers_mamba * mamba_scan_flops(m) +
	               pair * (double)(m->layers_windowed * m->window);
	out->attn_flops = pair * (double)(m->layers_attention - m->layers_windowed);
	out->activation_bytes = 2 * moved;
	out->allreduce_bytes = 2 * (double)m->hidden;
	out->allreduces = m->layers_attention + m->layers_moe + m->layers_mamba +
	                  (m->parallel ? 0 : m->layers_mlp);
	out->layers = m->layers_attention + m->layers_mamba;
	out->layers_moe = m->layers_moe;
	out->experts = m->experts;
	out->experts_per_token = m->experts_per_token;
	out->image_flops = m->image_flops;
}

void llm_spec_shape(const struct llm_spec *m, enum precision weights, enum precision kv,
                    struct llm_shape *out)
{
	const struct block common = common_blocks(m);
	const struct block shared = shared_experts(m);
	const struct block router = routers(m);
	const struct block expert = feed_forward(m, m->expert_ffn, m->expert_gated, m->expert_bias);
	const double routed = (double)(m->layers_moe * m->experts);
	const double used = (double)(m->layers_moe * m->experts_per_token);
	const double table = (double)m->vocab * (double)m->hidden;
	const double tables = (m->tied || m->task == LLM_EMBED ? table : 2 * table) +
	                      (double)m->positions * (double)m->hidden;
	const double wide = precision_bytes(PRECISION_BF16);
	const double narrow = bytes_per_weight(m, weights);
	const double layer_bytes = m->quantized == QUANTIZED_EXPERTS ? wide : narrow;
	const double fixed = common.matrix + common.rest + shared.matrix + shared.rest +
	                     router.matrix + router.rest + tables;

	memset(out, 0, sizeof *out);
	out->parameters = fixed + routed * (expert.matrix + expert.rest) + m->vision_parameters;
	out->active_parameters = fixed + used * (expert.matrix + expert.rest);
	out->expert_bytes = expert.matrix * narrow + expert.rest * wide;
	out->dense_bytes = common.matrix * layer_bytes + shared.matrix * narrow +
	                   (common.rest + shared.rest + router.matrix + router.rest) * wide;
	out->head_bytes = m->task == LLM_EMBED ? 0 : table * wide;
	out->weight_bytes = out->dense_bytes + routed * out->expert_bytes +
	                    (tables + m->vision_parameters) * wide;
	out->f_head = m->task == LLM_EMBED ? 0 : 2 * table;
	out->logits = m->task == LLM_EMBED ? 0 : (double)m->vocab;
	fill_work(m, common.matrix + shared.matrix + router.matrix + used * expert.matrix,
	          common.moved + shared.moved + router.moved + used * expert.moved, out);
	fill_sequence(m, kv, out);
}
