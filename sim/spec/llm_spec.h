/*
 * One language-model data sheet from models/llm/: geometry, and what follows from it. Fields and
 * units: models/README.md. Derived figures are tested against the published ones.
 */
#ifndef ALIQUOT_SPEC_LLM_SPEC_H
#define ALIQUOT_SPEC_LLM_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/option.h"
#include "base/units.h"
#include "spec/precision.h"
#include "spec/sheet.h"

enum llm_task { LLM_GENERATE, LLM_EMBED };
/* What fp8 and nvfp4 apply to: all matrices of the layers, or the experts alone (gpt-oss). */
enum llm_quantized { QUANTIZED_LAYERS, QUANTIZED_EXPERTS };

struct llm_spec {
	char *name;
	char *title;
	int task;                 /* enum llm_task */
	int quantized;            /* enum llm_quantized */
	double fp4_bits;          /* per nvfp4 weight with its scales: 4.5, or 4.25 for MXFP4 */
	int64_t layers_attention; /* of which layers_windowed see only the last `window` tokens */
	int64_t layers_windowed;
	int64_t window;     /* tokens */
	int64_t layers_mlp; /* dense feed-forward blocks (a Llama layer is 1 attention + 1 MLP) */
	int64_t layers_moe;
	int64_t layers_mamba;
	int64_t hidden, heads, kv_heads, head_dim;
	int64_t ffn;
	bool ffn_gated;       /* three matrices instead of two */
	bool ffn_bias;        /* the dense feed-forward matrices carry biases */
	bool norm_bias;       /* LayerNorm: every norm has a bias besides its weight */
	bool parallel;        /* attention and MLP add to the stream together: one norm, one sum */
	bool attention_bias;  /* qkv and output projections carry biases */
	bool qkv_bias;        /* the qkv projections alone carry biases (Qwen 2) */
	bool attention_sinks; /* one learned value per head (gpt-oss) */
	bool qk_norm;         /* per-head query and key norms (Qwen3) */
	int64_t vocab;
	int64_t positions; /* rows of a learned position embedding; 0: rotary or none */
	bool tied;         /* output head shares the input embedding */
	int64_t experts, experts_per_token, expert_ffn, shared_expert_ffn;
	bool expert_gated, expert_bias;
	bool router_bias; /* one value per expert besides the router's matrix */
	int64_t mamba_heads, mamba_head_dim, mamba_state, mamba_groups, mamba_conv;
	int64_t context;          /* longest sequence, tokens */
	double vision_parameters; /* encoder and projector, always bf16; 0 = text only */
	int64_t image_tokens;     /* prompt tokens of one image */
	double image_flops;       /* encoder work of one image */
};

/* Does it take images? */
static inline bool llm_spec_sees(const struct llm_spec *m)
{
	return m->vision_parameters > 0.0;
}

/*
 * What follows from geometry and precision, per whole model (not per GPU). "Seeing" layers are the
 * attention layers without a window.
 */
struct llm_shape {
	double parameters;        /* all, embeddings and vision included */
	double active_parameters; /* used for one text token, both embeddings included */
	double weight_bytes;      /* in GPU memory; embedding, head, norms, routers stay bf16 */
	double dense_bytes;  /* of which every step reads: not the input embedding, the head, */
			     /* the routed experts and the vision encoder */
	double head_bytes;   /* read by every step that samples a token */
	double expert_bytes; /* one routed expert of one layer */
	int64_t layers_moe, experts, experts_per_token;
	int64_t layers;    /* that t_layer counts: attention + Mamba-2; a Llama layer is one */
	double f_token;    /* FLOP per token, without head and attention scores; the scores of */
			   /* windowed layers count here, as if the window were full */
	double f_head;     /* FLOP per sampled token */
	double logits;     /* per sampled token: the vocabulary */
	double attn_flops; /* FLOP per (query, key): 4 * heads * head_dim * seeing layers */
	double activation_bytes; /* read and written per token by the matrix products, bf16 */
	double allreduce_bytes; /* one token's vector in a tensor-parallel all-reduce: 2 * hidden */
	int64_t allreduces;     /* per step: 1 per block, 2 per Llama layer, 1 if parallel */
	double kv_bytes_per_token;            /* seeing layers */
	double kv_bytes_per_token_unwindowed; /* as published: every attention layer */
	int64_t kv_heads;                     /* KV cache splits over at most so many GPUs */
	double window_bytes_per_sequence;     /* of which the windowed layers' KV */
	double state_bytes_per_sequence; /* Mamba-2 state (fp32), convolution (bf16), windows' KV */
	double image_flops;
};

/* What the makers or checkers of a model published, to test the derived figures; 0 = not found. */
struct llm_published {
	double parameters;          /* language part, without the vision encoder */
	double parameters_rounding; /* 0: exact */
	double active_parameters;   /* the same count as llm_shape's */
	double active_parameters_rounding;
	double weight_bytes_bf16, weight_bytes_fp8, weight_bytes_nvfp4; /* language part */
	double weight_bytes_rounding;
	double kv_bytes_per_token; /* bf16, every attention layer */
	double ssm_state_bytes;    /* fp32 Mamba-2 state of one sequence, without convolution */
	double ssm_state_rounding;
};

/* The fields of the sections "geometry" and "published". */
extern const struct option llm_geometry_table[];
extern const struct option llm_published_table[];

/* The sheet behind it, for the sources of the values; NULL with errors added. Caller frees. */
struct sheet *llm_spec_sheet(const char *file, struct err *err);

/* Published figures of a sheet; false with errors added. */
bool llm_published_read(const struct sheet *s, struct llm_published *out);

/* Load a sheet; NULL with errors added. Caller frees. */
struct llm_spec *llm_spec_read(const char *file, struct err *err);
void llm_spec_free(struct llm_spec *m);

/* Derive sizes and work from geometry (models/README.md has the formulas). */
void llm_spec_shape(const struct llm_spec *m, enum precision weights, enum precision kv,
                    struct llm_shape *out);

#endif
