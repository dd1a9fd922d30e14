/* Loads language-model data sheets and checks that the geometry is one. Derives nothing:
 * llm_shape.c. */
#include "spec/llm_spec.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const sections[] = {"geometry", "published", NULL};
static const char *const tasks[] = {"generate", "embed", NULL};
static const char *const quantized[] = {"layers", "experts", NULL};

#define FIELD(member) offsetof(struct llm_spec, member)
#define COUNT(name, member, max, fallback, unit, help)                              \
	{                                                                           \
		name, OPTION_INT, FIELD(member), 0, max, fallback, NULL, unit, help \
	}
#define FLAG(name, member, help)                                                  \
	{                                                                         \
		name, OPTION_BOOL, FIELD(member), 0, 0, "false", NULL, NULL, help \
	}

/* clang-format off */
const struct option llm_geometry_table[] = {
	{"task", OPTION_CHOICE, FIELD(task), 0, 0, "generate", tasks, NULL, "generate text or embed it"},
	{"quantized", OPTION_CHOICE, FIELD(quantized), 0, 0, "layers", quantized, NULL,
	 "what fp8 and nvfp4 apply to: all matrices of the layers, or the experts alone"},
	{"fp4_bits", OPTION_REAL, FIELD(fp4_bits), 4, 8, "4.5", NULL, "bits",
	 "one 4-bit weight with its share of the scales"},
	COUNT("layers_attention", layers_attention, 10000, "0", "layers", "attention blocks"),
	COUNT("layers_windowed", layers_windowed, 10000, "0", "layers",
	      "attention blocks that see only the window"),
	COUNT("window", window, 1e9, "0", "tokens", "length of that window"),
	COUNT("layers_mlp", layers_mlp, 10000, "0", "layers", "dense feed-forward blocks"),
	COUNT("layers_moe", layers_moe, 10000, "0", "layers", "mixture-of-experts blocks"),
	COUNT("layers_mamba", layers_mamba, 10000, "0", "layers", "Mamba-2 blocks"),
	COUNT("hidden", hidden, 1e6, NULL, "values", "width of the residual stream"),
	COUNT("heads", heads, 10000, "0", "heads", "query heads"),
	COUNT("kv_heads", kv_heads, 10000, "0", "heads", "key and value heads"),
	COUNT("head_dim", head_dim, 10000, "0", "values", "width of one head"),
	COUNT("ffn", ffn, 1e7, "0", "values", "inner width of a dense feed-forward block"),
	FLAG("ffn_gated", ffn_gated, "three matrices instead of two"),
	FLAG("ffn_bias", ffn_bias, "the matrices of the dense feed-forward blocks have biases"),
	FLAG("norm_bias", norm_bias, "norms have a bias besides their weight"),
	FLAG("parallel", parallel, "attention and feed-forward block share one norm and one all-reduce"),
	FLAG("attention_bias", attention_bias, "query, key, value and output projections have biases"),
	FLAG("qkv_bias", qkv_bias, "query, key and value projections alone have biases"),
	FLAG("attention_sinks", attention_sinks, "one learned value per query head"),
	FLAG("qk_norm", qk_norm, "norms of queries and keys, shared by the heads of a layer"),
	COUNT("vocab", vocab, 1e8, NULL, "tokens", "rows of the embedding"),
	COUNT("positions", positions, 1e7, "0", "rows", "learned position embedding; 0: none"),
	FLAG("tied", tied, "the output head is the input embedding"),
	COUNT("experts", experts, 100000, "0", "experts", "routed experts per block"),
	COUNT("experts_per_token", experts_per_token, 100000, "0", "experts", "of which one token uses"),
	COUNT("expert_ffn", expert_ffn, 1e7, "0", "values", "inner width of a routed expert"),
	COUNT("shared_expert_ffn", shared_expert_ffn, 1e7, "0", "values",
	      "inner width of the expert every token uses; 0: none"),
	FLAG("expert_gated", expert_gated, "three matrices instead of two"),
	FLAG("expert_bias", expert_bias, "matrices of the experts have biases"),
	FLAG("router_bias", router_bias, "the router has one value per expert besides its matrix"),
	COUNT("mamba_heads", mamba_heads, 100000, "0", "heads", "Mamba-2 heads"),
	COUNT("mamba_head_dim", mamba_head_dim, 10000, "0", "values", "width of one Mamba-2 head"),
	COUNT("mamba_state", mamba_state, 10000, "0", "values", "state values per channel"),
	COUNT("mamba_groups", mamba_groups, 10000, "0", "groups", "groups that share B and C"),
	COUNT("mamba_conv", mamba_conv, 1000, "0", "tokens", "length of the convolution"),
	COUNT("context", context, 1e9, NULL, "tokens", "longest sequence"),
	{"vision_parameters", OPTION_REAL, FIELD(vision_parameters), 0, 1e13, "0", NULL, "parameters",
	 "vision encoder and projector, bf16 at every precision; 0: text only"},
	COUNT("image_tokens", image_tokens, 65536, "0", "tokens", "prompt tokens of one image"),
	{"image_flops", OPTION_REAL, FIELD(image_flops), 0, 1e18, "0", NULL, "FLOP",
	 "work of encoding one image"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

#define FIGURE(name, unit, help) \
	{#name, OPTION_REAL, offsetof(struct llm_published, name), 0, 1e15, "0", NULL, unit, help}

const struct option llm_published_table[] = {
	FIGURE(parameters, "parameters", "total, without the vision encoder"),
	FIGURE(parameters_rounding, "parameters", "half the last published digit; 0: exact"),
	FIGURE(active_parameters, "parameters", "used for one token, both embeddings included"),
	FIGURE(active_parameters_rounding, "parameters", "half the last published digit"),
	FIGURE(weight_bytes_bf16, "bytes", "bf16 weights, without the vision encoder"),
	FIGURE(weight_bytes_fp8, "bytes", "fp8 weights, without the vision encoder"),
	FIGURE(weight_bytes_nvfp4, "bytes", "4-bit weights, without the vision encoder"),
	FIGURE(weight_bytes_rounding, "bytes", "half the last published digit, or the spread of sources"),
	FIGURE(kv_bytes_per_token, "bytes", "bf16 KV cache of one token, every attention layer"),
	FIGURE(ssm_state_bytes, "bytes", "fp32 Mamba-2 state of one sequence, convolution excluded"),
	FIGURE(ssm_state_rounding, "bytes", "half the last published digit"),
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

/* A positive value is wanted exactly when `when` holds. */
static bool want(const struct sheet *s, const char *key, bool positive, bool when, const char *why)
{
	if (positive == when) {
		return true;
	}
	sheet_fail(s, "geometry", key, when ? "must be above 0: %s" : "must be 0 unless %s", why);
	return false;
}

static bool check_attention(const struct sheet *s, const struct llm_spec *m)
{
	const bool any = m->layers_attention > 0;
	bool ok = want(s, "heads", m->heads > 0, any, "there are attention layers") &&
	          want(s, "kv_heads", m->kv_heads > 0, any, "there are attention layers") &&
	          want(s, "head_dim", m->head_dim > 0, any, "there are attention layers") &&
	          want(s, "window", m->window > 0, m->layers_windowed > 0,
	               "there are windowed layers");

	if (m->layers_windowed > m->layers_attention) {
		sheet_fail(s, "geometry", "layers_windowed", "exceeds layers_attention");
		ok = false;
	}
	if (ok && any && m->heads % m->kv_heads != 0) {
		sheet_fail(s, "geometry", "kv_heads", "must divide heads");
		ok = false;
	}
	return ok;
}

static bool check_experts(const struct sheet *s, const struct llm_spec *m)
{
	const bool any = m->layers_moe > 0;
	bool ok =
		want(s, "experts", m->experts > 0, any, "there are MoE layers") &&
		want(s, "expert_ffn", m->expert_ffn > 0, any, "there are MoE layers") &&
		want(s, "experts_per_token", m->experts_per_token > 0, any, "there are MoE layers");

	if (m->experts_per_token > m->experts) {
		sheet_fail(s, "geometry", "experts_per_token", "exceeds experts");
		ok = false;
	}
	return ok;
}

static bool check_mamba(const struct sheet *s, const struct llm_spec *m)
{
	const bool any = m->layers_mamba > 0;
	const char *why = "there are Mamba-2 layers";

	return want(s, "mamba_heads", m->mamba_heads > 0, any, why) &&
	       want(s, "mamba_head_dim", m->mamba_head_dim > 0, any, why) &&
	       want(s, "mamba_state", m->mamba_state > 0, any, why) &&
	       want(s, "mamba_groups", m->mamba_groups > 0, any, why) &&
	       want(s, "mamba_conv", m->mamba_conv > 0, any, why);
}

/* Two flags that would count the same biases twice, and one that needs pairs of blocks. */
static bool check_blocks(const struct sheet *s, const struct llm_spec *m)
{
	bool ok = true;

	if (m->attention_bias && m->qkv_bias) {
		sheet_fail(s, "geometry", "qkv_bias",
		           "is part of attention_bias; give one of them");
		ok = false;
	}
	if (m->parallel && m->layers_attention != m->layers_mlp) {
		sheet_fail(s, "geometry", "parallel",
		           "needs as many MLP layers as attention layers");
		ok = false;
	}
	return ok;
}

static bool check_geometry(const struct sheet *s, const struct llm_spec *m)
{
	const bool sees = llm_spec_sees(m);
	bool ok = check_attention(s, m);

	ok = check_experts(s, m) && ok;
	ok = check_mamba(s, m) && ok;
	ok = check_blocks(s, m) && ok;
	ok = want(s, "hidden", m->hidden > 0, true, "every model has it") && ok;
	ok = want(s, "vocab", m->vocab > 0, true, "every model has it") && ok;
	ok = want(s, "context", m->context > 0, true, "every model has it") && ok;
	ok = want(s, "ffn", m->ffn > 0, m->layers_mlp > 0, "there are MLP layers") && ok;
	ok = want(s, "image_tokens", m->image_tokens > 0, sees, "there is a vision encoder") && ok;
	ok = want(s, "image_flops", m->image_flops > 0, sees, "there is a vision encoder") && ok;
	if (m->layers_attention <= m->layers_windowed) {
		sheet_fail(s, "geometry", "layers_attention",
		           "a model needs a full-attention layer: KV blocks are counted in them");
		ok = false;
	}
	if (m->quantized == QUANTIZED_EXPERTS && m->layers_moe == 0) {
		sheet_fail(s, "geometry", "quantized", "\"experts\" needs MoE layers");
		ok = false;
	}
	return ok;
}

struct sheet *llm_spec_sheet(const char *file, struct err *err)
{
	return sheet_read(file, sections, err);
}

bool llm_published_read(const struct sheet *s, struct llm_published *out)
{
	memset(out, 0, sizeof *out);
	return sheet_fill(s, "published", llm_published_table, out);
}

struct llm_spec *llm_spec_read(const char *file, struct err *err)
{
	struct sheet *s = llm_spec_sheet(file, err);
	struct llm_published published;
	struct llm_spec *m;
	bool ok;

	if (!s) {
		return NULL;
	}
	m = mem_new(1, sizeof *m);
	m->name = mem_strdup(sheet_name(s));
	m->title = mem_strdup(sheet_title(s));
	ok = sheet_fill(s, "geometry", llm_geometry_table, m) && check_geometry(s, m);
	ok = llm_published_read(s, &published) && ok;
	if (!ok) {
		llm_spec_free(m);
		m = NULL;
	}
	sheet_free(s);
	return m;
}

void llm_spec_free(struct llm_spec *m)
{
	if (!m) {
		return;
	}
	free(m->name);
	free(m->title);
	free(m);
}
