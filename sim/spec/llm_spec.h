/*
 * One language-model data sheet from models/llm/: geometry, and what follows from it. Fields and
 * units: models/README.md. Derived figures are tested against the published ones.
 */
#ifndef ALIQUOT_SPEC_LLM_SPEC_H
#define ALIQUOT_SPEC_LLM_SPEC_H

#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "spec/precision.h"

enum llm_task { LLM_GENERATE, LLM_EMBED };

struct llm_spec {
	char *name;
	char *title;
	int task;                 /* enum llm_task */
	int64_t layers_attention; /* of which layers_windowed attend to the last `window` tokens only */
	int64_t layers_windowed;
	int64_t window;           /* tokens */
	int64_t layers_mlp;       /* dense feed-forward blocks (a Llama layer is 1 attention + 1 MLP) */
	int64_t layers_moe;
	int64_t layers_mamba;
	int64_t hidden, heads, kv_heads, head_dim;
	int64_t ffn;
	bool ffn_gated;           /* three matrices instead of two */
	bool attention_bias;      /* qkv and output projections carry biases */
	bool attention_sinks;     /* one learned value per head (gpt-oss) */
	bool qk_norm;             /* per-head query and key norms (Qwen3) */
	int64_t vocab;
	bool tied;                /* output head shares the input embedding */
	int64_t experts, experts_per_token, expert_ffn, shared_expert_ffn;
	bool expert_gated, expert_bias;
	int64_t mamba_heads, mamba_head_dim, mamba_state, mamba_groups, mamba_conv;
	int64_t context;          /* longest sequence, tokens */
	double vision_parameters; /* 0 = text only */
	int64_t image_tokens;     /* prompt tokens of one image */
	double image_flops;       /* encoder work of one image */
};

/* What follows from geometry and precision. Units: values, bytes, FLOP; per whole model (not per GPU). */
struct llm_shape {
	double parameters;        /* all, embeddings and vision included */
	double active_parameters; /* used for one token, both embeddings included */
	double weight_bytes;      /* resident in GPU memory; embedding, head, norms and routers stay bf16 */
	double dense_bytes;       /* read by every step: everything but the input embedding, head and routed experts */
	double head_bytes;        /* read by every step that samples a token */
	double expert_bytes;      /* one routed expert of one layer */
	int64_t layers_moe, experts, experts_per_token;
	int64_t layers;           /* all blocks that t_layer counts: attention + Mamba-2 layers (a Llama layer counts
	                             once); at least 1 */
	double f_token;           /* FLOP per token, head and attention scores excluded */
	double f_head;            /* FLOP per sampled token */
	double attn_flops;        /* 4 * layers_attention * heads * head_dim: FLOP per (query, key) pair */
	double activation_bytes;  /* read and written per token by the matrix products, bf16 */
	double allreduce_bytes;   /* hidden * 2 (bf16): one token's vector in a tensor-parallel all-reduce */
	int64_t allreduces;       /* all-reduces per step: 2 per transformer layer */
	double kv_bytes_per_token;         /* full-attention layers only when the model has windows */
	double kv_bytes_per_token_unwindowed; /* as published, every attention layer */
	double state_bytes_per_sequence;   /* Mamba-2 state (fp32) and convolution (bf16), and the windowed layers' KV */
	double image_flops;
};

/* Load a sheet; NULL with errors added. Caller frees. */
struct llm_spec *llm_spec_read(const char *file, struct err *err);
void llm_spec_free(struct llm_spec *m);

void llm_spec_shape(const struct llm_spec *m, enum precision weights, enum precision kv,
                    struct llm_shape *out);

#endif
