/*
 * What tables of single kernels say of the cost constants (physics.md section 2): measured times of
 * matrix products, attention and all-reduces, fitted to the formulas of the step cost. A kernel
 * alone runs at its best, so the shares are upper bounds of what a whole engine reaches, and the
 * times per kernel lower bounds of what it waits.
 */
#ifndef ALIQUOT_STUDY_KERNELS_H
#define ALIQUOT_STUDY_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"

enum kernel_table {
	KERNEL_GEMM,
	KERNEL_PREFILL,
	KERNEL_DECODE,
	KERNEL_MIXED, /* attention over a prompt and of decodes in one launch */
	KERNEL_SAMPLER,
	KERNEL_ALL_REDUCE
};

#define KERNEL_CONSTANTS_MOST 10
#define KERNEL_FITS_MOST 5

struct kernel_constant {
	/* e_compute, e_memory, e_attn, e_attn_bytes, e_kv, e_kv_mixed, e_link: shares of the data
	 * sheet's peak; t_kernel, t_link: latency of one kernel in s; t_logit: s per entry of the
	 * vocabulary; least_context: tokens */
	const char *name;
	const char *unit;        /* "share", "s", "tokens" */
	int64_t gpus;            /* of a t_link; else 0 */
	double value, low, high; /* best, and its 95 % interval */
	bool determined;         /* the table says what it is; else the interval means nothing */
};

struct kernel_fit {
	enum kernel_table table;
	const char *title, *formula; /* for people */
	size_t points;
	double mean_error, worst_error; /* shares, of |formula / measured - 1| */
	struct kernel_constant at[KERNEL_CONSTANTS_MOST];
	size_t n;
};

struct kernel_report {
	struct kernel_fit fits[KERNEL_FITS_MOST];
	size_t n;
};

/*
 * Fit every formula that the table in `file` bears on, for the peaks of `gpu`, on which it was
 * measured; `llm` is the model whose layers were timed, NULL where the table says its shapes.
 * Columns are found by name, others are ignored; which set is there says what it is:
 *
 *   - m, n, k, latency_ms: bf16 products of m x k and k x n (AIConfigurator);
 *   - batch_size, isl, step, num_heads, num_key_value_heads, latency_ms: bf16 attention with heads
 *     of 128 values over isl tokens and step cached ones; decode where every isl is 1
 *     (AIConfigurator);
 *   - num_tokens, num_tensor_parallel_workers, n_head, n_kv_head, n_embd, n_expanded_embd,
 *     use_gated_mlp, {attn_pre_proj, attn_post_proj, mlp_up_proj, mlp_down_proj}_ms: the products
 *     of one layer (Vidur);
 *   - batch_size, prefill_chunk_size, kv_cache_size, n_embd, n_q_head, n_kv_head,
 *     num_tensor_parallel_workers, is_prefill, attn_prefill_ms, attn_decode_ms: attention of both
 *     kinds (Vidur);
 *   - num_nodes, num_gpus_per_node, size(kb), time(us): all-reduces (Apex), or num_workers,
 *     devices_per_node, size (bytes), collective, all_reduce_ms (Vidur), of which those within one
 *     node count;
 *   - layer, tokens, time_us: operators of a layer of `llm` (LLMServingSim);
 *   - layer, sequences, time_us: its output head, and the sampler (LLMServingSim);
 *   - prefill_chunk, kv_prefill, n_decode, kv_decode, time_us: its attention over a chunk with
 *     kv_prefill cached tokens, n_decode decodes with kv_decode cached tokens each, or both in one
 *     launch (LLMServingSim).
 *
 * False with errors added, one per row: no such set, values that are no numbers, too few rows.
 */
bool kernels_fit(struct kernel_report *out, const char *file, const struct gpu_spec *gpu,
                 const struct llm_spec *llm, struct err *err);

#endif
