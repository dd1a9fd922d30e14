/* Every data sheet loads, and what we derive from geometry equals what was published. */
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"

#include "spec/data_dir.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct data_dir *data;
static struct err *err;

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(".", "aliquot", err);
	ck_assert_msg(data != NULL, "tests run in the root of the project");
}

static void tear_down(void)
{
	err_print(err, stderr);
	ck_assert_uint_eq(err_count(err), 0);
	data_dir_close(data);
	err_free(err);
}

static const char *sheet_file(const char *kind, const char *name)
{
	const char *canonical;
	const char *file = data_dir_find(data, kind, name, &canonical);

	ck_assert_msg(file != NULL, "no %s sheet \"%s\"", kind, name);
	return file;
}

static struct llm_spec *read_llm(const char *name)
{
	struct llm_spec *m = llm_spec_read(sheet_file("llm", name), err);

	if (!m) {
		err_print(err, stderr);
	}
	ck_assert_ptr_nonnull(m);
	return m;
}

static struct llm_shape shape_of(const char *name, enum precision weights, enum precision kv)
{
	struct llm_spec *m = read_llm(name);
	struct llm_shape shape;

	llm_spec_shape(m, weights, kv, &shape);
	llm_spec_free(m);
	return shape;
}

START_TEST(all_promised_sheets_are_there)
{
	static const char *const gpus[] = {
		"h100-nvl", "h100-sxm",     "h100-pcie",     "h200-sxm", "h200-nvl",      "b200",
		"gb200",    "gh200",        "gh200-144gb",   "a100-sxm", "a100-pcie",     "l40s",
		"rtx-4090", "rtx-pro-6000", "h100-sxm-64gb", "a10g",     "a100-sxm-40gb", "b300"};
	static const char *const models[] = {"llama-3.1-8b-instruct",
	                                     "deepseek-r1-distill-llama-8b",
	                                     "deepseek-r1-distill-qwen-32b",
	                                     "mistral-7b-instruct-v0.3",
	                                     "mistral-nemo-12b",
	                                     "phi-4-mini",
	                                     "qwen2.5-7b",
	                                     "qwen3-0.6b",
	                                     "qwen3-8b",
	                                     "qwen3-14b",
	                                     "qwen3-32b",
	                                     "qwen3-30b-a3b",
	                                     "qwen3-30b-a3b-2507",
	                                     "qwen3-235b-a22b",
	                                     "qwen3-embedding-0.6b",
	                                     "nemotron-nano-12b-v2-vl",
	                                     "nemotron-3-nano-30b-a3b",
	                                     "llama-7b",
	                                     "llama-13b",
	                                     "llama-30b",
	                                     "llama-65b",
	                                     "llama-2-7b",
	                                     "llama-2-13b",
	                                     "llama-2-70b",
	                                     "llama-3-8b",
	                                     "llama-3.1-70b",
	                                     "llama-4-scout-17b-16e",
	                                     "codellama-34b",
	                                     "mixtral-8x7b",
	                                     "mixtral-8x22b",
	                                     "yi-34b",
	                                     "opt-1.3b",
	                                     "opt-2.7b",
	                                     "gpt-j-6b",
	                                     "bloom-176b",
	                                     "minimax-m2.5",
	                                     "gpt-oss-20b",
	                                     "gpt-oss-120b"};
	static const char *const engines[] = {"nim-trtllm", "nim-vllm", "vllm", "trtllm", "sglang"};

	for (size_t i = 0; i < sizeof gpus / sizeof gpus[0]; i++) {
		sheet_file("gpu", gpus[i]);
	}
	for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
		sheet_file("llm", models[i]);
	}
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
		sheet_file("engine", engines[i]);
	}
}
END_TEST

START_TEST(every_gpu_loads)
{
	size_t n;
	const char *const *names = data_dir_names(data, "gpu", &n);

	for (size_t i = 0; i < n; i++) {
		struct gpu_spec *g = gpu_spec_read(sheet_file("gpu", names[i]), err);

		ck_assert_ptr_nonnull(g);
		ck_assert_str_eq(g->name, names[i]);
		ck_assert(g->hbm_bytes_per_s > g->host_link_bytes_per_s);
		ck_assert(gpu_spec_flops(g, PRECISION_FP8) >= gpu_spec_flops(g, PRECISION_BF16));
		ck_assert(gpu_spec_flops(g, PRECISION_NVFP4) >= gpu_spec_flops(g, PRECISION_BF16));
		gpu_spec_free(g);
	}
	ck_assert_uint_ge(n, 18);
}
END_TEST

START_TEST(memory_is_true_bytes)
{
	struct gpu_spec *h100 = gpu_spec_read(sheet_file("gpu", "h100-sxm"), err);
	struct gpu_spec *a100 = gpu_spec_read(sheet_file("gpu", "a100-sxm"), err);

	ck_assert_int_eq(h100->memory_bytes, INT64_C(81559) * 1024 * 1024);
	ck_assert_double_eq(h100->hbm_bytes_per_s, 3.35e12);
	ck_assert_double_eq(gpu_spec_flops(h100, PRECISION_NVFP4), 989e12);
	ck_assert_double_eq(gpu_spec_flops(h100, PRECISION_FP8), 1979e12);
	ck_assert_double_eq(gpu_spec_flops(a100, PRECISION_FP8), 312e12);
	gpu_spec_free(h100);
	gpu_spec_free(a100);
}
END_TEST

START_TEST(every_engine_loads)
{
	size_t n;
	const char *const *names = data_dir_names(data, "engine", &n);

	for (size_t i = 0; i < n; i++) {
		struct engine_spec *e = engine_spec_read(sheet_file("engine", names[i]), err);

		ck_assert_ptr_nonnull(e);
		ck_assert_str_eq(e->name, names[i]);
		engine_spec_free(e);
	}
	ck_assert_uint_ge(n, 5);
}
END_TEST

/* One published figure, 0 when none was found. */
static void compare(const char *model, const char *what, double got, double want, double rounding)
{
	ck_assert_msg(!(want > 0) || fabs(got - want) <= rounding,
	              "%s: %s is %.0f, published %.0f +- %.0f", model, what, got, want, rounding);
}

START_TEST(derived_figures_equal_the_published_ones)
{
	size_t n;
	const char *const *names = data_dir_names(data, "llm", &n);

	for (size_t i = 0; i < n; i++) {
		const char *file = sheet_file("llm", names[i]);
		struct sheet *s = llm_spec_sheet(file, err);
		struct llm_spec *m = read_llm(names[i]);
		struct llm_shape bf16, fp8, fp4;
		struct llm_published p;

		ck_assert(llm_published_read(s, &p));
		ck_assert_msg(p.parameters > 0, "%s: no published total to test", names[i]);
		llm_spec_shape(m, PRECISION_BF16, PRECISION_BF16, &bf16);
		llm_spec_shape(m, PRECISION_FP8, PRECISION_FP8, &fp8);
		llm_spec_shape(m, PRECISION_NVFP4, PRECISION_FP8, &fp4);
		const double eyes = m->vision_parameters * 2;
		const double slack = p.weight_bytes_rounding;

		compare(names[i], "parameters", bf16.parameters - m->vision_parameters,
		        p.parameters, p.parameters_rounding);
		compare(names[i], "active parameters", bf16.active_parameters, p.active_parameters,
		        p.active_parameters_rounding);
		compare(names[i], "bf16 weights", bf16.weight_bytes - eyes, p.weight_bytes_bf16,
		        slack);
		compare(names[i], "fp8 weights", fp8.weight_bytes - eyes, p.weight_bytes_fp8,
		        slack);
		compare(names[i], "4-bit weights", fp4.weight_bytes - eyes, p.weight_bytes_nvfp4,
		        slack);
		compare(names[i], "KV bytes", bf16.kv_bytes_per_token_unwindowed,
		        p.kv_bytes_per_token, 0);
		ck_assert_double_eq(fp8.kv_bytes_per_token * 2, bf16.kv_bytes_per_token);
		llm_spec_free(m);
		sheet_free(s);
	}
}
END_TEST

START_TEST(parameter_counts)
{
	static const struct {
		const char *model;
		double parameters;
	} exact[] = {
		{"llama-3.1-8b-instruct", 8030261248},
		{"deepseek-r1-distill-llama-8b", 8030261248},
		{"mistral-7b-instruct-v0.3", 7248023552},
		{"phi-4-mini", 3836021760},
		{"qwen3-8b", 8190735360},
		{"qwen3-14b", 14768307200},
		{"qwen3-32b", 32762123264},
		{"qwen3-embedding-0.6b", 595776512},
		{"llama-3.1-70b", 70553706496},
		{"gpt-oss-20b", 20914757184},
		{"gpt-oss-120b", 116829156672},
		{"nemotron-3-nano-30b-a3b", 31577940288},
		{"deepseek-r1-distill-qwen-32b", 32763876352},
		{"mistral-nemo-12b", 12247782400},
		{"qwen2.5-7b", 7615616512},
		{"qwen3-0.6b", 596049920},
		{"qwen3-30b-a3b", 30532122624},
		{"qwen3-30b-a3b-2507", 30532122624},
		{"qwen3-235b-a22b", 235093634560},
		{"llama-7b", 6738415616},
		{"llama-13b", 13015864320},
		{"llama-30b", 32528943616},
		{"llama-65b", 65285660672},
		{"llama-2-7b", 6738415616},
		{"llama-2-13b", 13015864320},
		{"llama-2-70b", 68976648192},
		{"llama-3-8b", 8030261248},
		{"codellama-34b", 33743970304},
		{"mixtral-8x7b", 46702792704},
		{"mixtral-8x22b", 140620634112},
		{"yi-34b", 34388917248},
		{"opt-1.3b", 1315758080},
		{"opt-2.7b", 2651596800},
		{"gpt-j-6b", 6050882784 - 50400},        /* without the biases of the head */
		{"bloom-176b", 176247271424 - 28672},    /* without the norm of the embedding */
		{"llama-4-scout-17b-16e", 108641793536}, /* vision included */
	};

	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
		struct llm_shape s = shape_of(exact[i].model, PRECISION_BF16, PRECISION_BF16);

		ck_assert_msg(fabs(s.parameters - exact[i].parameters) < 0.5,
		              "%s: %.0f parameters, not %.0f", exact[i].model, s.parameters,
		              exact[i].parameters);
	}
}
END_TEST

START_TEST(one_decode_step_of_a_dense_model)
{
	struct llm_shape s = shape_of("llama-3.1-8b-instruct", PRECISION_BF16, PRECISION_BF16);

	/* 6.98 B matrix values in 32 layers, 15.0 GB read per step with the head. */
	ck_assert_double_eq(s.f_token, 2.0 * 32 * 218103808);
	ck_assert_double_eq(s.f_head, 2.0 * 128256 * 4096);
	ck_assert_double_eq_tol(s.dense_bytes + s.head_bytes, 15.0e9, 0.05e9);
	ck_assert_double_eq(s.attn_flops, 4.0 * 32 * 4096);
	ck_assert_double_eq(s.activation_bytes,
	                    2.0 * 32 * (4096 + 6144 + 8192 + 4096 + 28672 + 14336 + 4096));
	ck_assert_double_eq(s.allreduce_bytes, 8192);
	ck_assert_int_eq(s.allreduces, 64);
	ck_assert_int_eq(s.layers, 32);
	ck_assert_double_eq(s.state_bytes_per_sequence, 0);
	ck_assert_double_eq(s.expert_bytes * (double)(s.experts * s.layers_moe), 0);
}
END_TEST

START_TEST(one_decode_step_of_a_model_with_layer_norms)
{
	struct llm_shape s = shape_of("opt-1.3b", PRECISION_BF16, PRECISION_BF16);
	const double layer = 4.0 * 2048 * 2048 + 2.0 * 2048 * 8192;
	const double biases = 4.0 * 2048 + 8192 + 2048; /* attention, up, down */
	const double norms = 2 * 2.0 * 2048;            /* weight and bias, before each block */

	ck_assert_double_eq(s.f_token, 2.0 * 24 * layer);
	/* Every step reads the layers, the last norm and the tied table, not the positions. */
	ck_assert_double_eq(s.dense_bytes, 2 * (24 * (layer + biases + norms) + 2 * 2048));
	ck_assert_double_eq(s.weight_bytes - s.dense_bytes, 2.0 * (50272 + 2050) * 2048);
	ck_assert_double_eq(s.head_bytes, 2.0 * 50272 * 2048);
	ck_assert_int_eq(s.allreduces, 48);
	/* No fewer keys than queries: 8 times the KV of a Llama 3 layer of the same width. */
	ck_assert_double_eq(s.kv_bytes_per_token, 24.0 * 2 * 2048 * 2);
}
END_TEST

START_TEST(parallel_blocks_share_a_norm_and_a_sum)
{
	struct llm_shape s = shape_of("gpt-j-6b", PRECISION_BF16, PRECISION_BF16);
	const double layer = 4.0 * 4096 * 4096 + 2.0 * 4096 * 16384;

	ck_assert_int_eq(s.layers, 28);
	ck_assert_int_eq(s.allreduces, 28);
	ck_assert_double_eq(s.f_token, 2.0 * 28 * layer);
	/* Biases of the feed-forward block, and one norm of two vectors per layer. */
	ck_assert_double_eq(s.dense_bytes, 2 * (28 * (layer + 16384 + 4096 + 2 * 4096) + 2 * 4096));
}
END_TEST

START_TEST(a_tied_head_is_stored_once_and_read)
{
	struct llm_shape s = shape_of("phi-4-mini", PRECISION_BF16, PRECISION_BF16);

	ck_assert_double_eq(s.weight_bytes, 2 * s.parameters);
	ck_assert_double_eq(s.dense_bytes + s.head_bytes, s.weight_bytes);
}
END_TEST

START_TEST(an_embedding_model_has_no_head)
{
	struct llm_shape s = shape_of("qwen3-embedding-0.6b", PRECISION_BF16, PRECISION_BF16);

	ck_assert_double_eq(s.head_bytes, 0);
	ck_assert_double_eq(s.f_head, 0);
	ck_assert_double_eq(s.dense_bytes, s.weight_bytes - 2.0 * 151669 * 1024);
}
END_TEST

START_TEST(hybrid_models_carry_state)
{
	struct llm_shape vl = shape_of("nemotron-nano-12b-v2-vl", PRECISION_BF16, PRECISION_BF16);
	struct llm_shape nano = shape_of("nemotron-3-nano-30b-a3b", PRECISION_BF16, PRECISION_FP8);

	/* fp32 state 146.8 and 48.2 MB, convolution 2.06 and 0.85 MB: independent of the KV
	 * precision. */
	ck_assert_double_eq(vl.state_bytes_per_sequence,
	                    28.0 * (128 * 80 * 128 * 4 + 12288 * 3 * 2));
	ck_assert_double_eq(nano.state_bytes_per_sequence,
	                    23.0 * (64 * 64 * 128 * 4 + 6144 * 3 * 2));
	ck_assert_double_eq_tol(vl.state_bytes_per_sequence, 146.8e6 + 2.1e6, 0.1e6);
	ck_assert_double_eq_tol(nano.state_bytes_per_sequence, 48.2e6 + 0.85e6, 0.1e6);
	ck_assert_double_eq(vl.kv_bytes_per_token, 24576);
	ck_assert_double_eq(nano.kv_bytes_per_token, 6144 / 2.0);
	ck_assert_int_eq(vl.layers, 34);
	ck_assert_int_eq(vl.allreduces, 62);
	/* 11.64 B without the input embedding, 2.88 B in the layers of the small one. */
	ck_assert_double_eq_tol(vl.active_parameters - 131072.0 * 5120, 11.64e9, 0.005e9);
	ck_assert_double_eq_tol(nano.active_parameters - 2 * 131072.0 * 2688, 2.88e9, 0.005e9);
	ck_assert_double_gt(vl.image_flops, 1e12);
	ck_assert_double_gt(vl.weight_bytes, 2 * 12.31e9 + 2 * 0.8e9);
}
END_TEST

START_TEST(routed_experts_are_counted_apart)
{
	struct llm_shape s = shape_of("nemotron-3-nano-30b-a3b", PRECISION_BF16, PRECISION_BF16);

	ck_assert_double_eq(s.expert_bytes, 2.0 * 2 * 2688 * 1856);
	/* Weights read at batch 1, 6 experts of 128 in each of 23 layers: 6.5 GB with the head. */
	ck_assert_double_eq_tol(s.dense_bytes + s.head_bytes + 6 * 23 * s.expert_bytes, 6.5e9,
	                        0.05e9);
	ck_assert_int_eq(s.experts_per_token, 6);
}
END_TEST

START_TEST(mixtures_read_the_experts_that_are_used)
{
	struct llm_shape mixtral = shape_of("mixtral-8x7b", PRECISION_BF16, PRECISION_BF16);
	struct llm_shape qwen = shape_of("qwen3-30b-a3b", PRECISION_BF16, PRECISION_BF16);
	struct llm_shape scout = shape_of("llama-4-scout-17b-16e", PRECISION_FP8, PRECISION_BF16);
	struct llm_shape wide = shape_of("llama-4-scout-17b-16e", PRECISION_BF16, PRECISION_BF16);

	ck_assert_double_eq(mixtral.expert_bytes, 2.0 * 3 * 4096 * 14336);
	/* One token reads 25.5 GB of 93.4 GB, all but the input embedding. */
	ck_assert_double_eq_tol(mixtral.dense_bytes + mixtral.head_bytes +
	                                2 * 32 * mixtral.expert_bytes,
	                        25.5e9, 0.05e9);
	ck_assert_double_eq(qwen.expert_bytes, 2.0 * 3 * 2048 * 768);
	ck_assert_double_eq_tol(qwen.dense_bytes + qwen.head_bytes + 8 * 48 * qwen.expert_bytes,
	                        6.08e9, 0.01e9);
	/* fp8 halves the routed and the shared experts and leaves attention alone. */
	ck_assert_double_eq(scout.expert_bytes, 3.0 * 5120 * 8192);
	ck_assert_double_eq(wide.dense_bytes - scout.dense_bytes, 48.0 * 3 * 5120 * 8192);
}
END_TEST

START_TEST(windowed_layers_cost_a_sequence_not_a_token)
{
	struct llm_shape s = shape_of("gpt-oss-20b", PRECISION_NVFP4, PRECISION_BF16);

	ck_assert_double_eq(s.kv_bytes_per_token_unwindowed, 49152);
	ck_assert_double_eq(s.kv_bytes_per_token, 24576);
	ck_assert_double_eq(s.state_bytes_per_sequence, 12.0 * 128 * 2048);
	ck_assert_double_eq(s.attn_flops, 4.0 * 12 * 64 * 64);
	/* Experts alone are 4.25-bit; attention stays bf16. */
	struct llm_shape wide = shape_of("gpt-oss-20b", PRECISION_BF16, PRECISION_BF16);

	ck_assert_double_eq(s.dense_bytes, wide.dense_bytes);
	ck_assert_double_eq(s.expert_bytes, 24883200 * 4.25 / 8 + 8640 * 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("models");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, all_promised_sheets_are_there);
	tcase_add_test(tcase, every_gpu_loads);
	tcase_add_test(tcase, memory_is_true_bytes);
	tcase_add_test(tcase, every_engine_loads);
	tcase_add_test(tcase, derived_figures_equal_the_published_ones);
	tcase_add_test(tcase, parameter_counts);
	tcase_add_test(tcase, one_decode_step_of_a_dense_model);
	tcase_add_test(tcase, one_decode_step_of_a_model_with_layer_norms);
	tcase_add_test(tcase, parallel_blocks_share_a_norm_and_a_sum);
	tcase_add_test(tcase, a_tied_head_is_stored_once_and_read);
	tcase_add_test(tcase, an_embedding_model_has_no_head);
	tcase_add_test(tcase, hybrid_models_carry_state);
	tcase_add_test(tcase, routed_experts_are_counted_apart);
	tcase_add_test(tcase, mixtures_read_the_experts_that_are_used);
	tcase_add_test(tcase, windowed_layers_cost_a_sequence_not_a_token);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
