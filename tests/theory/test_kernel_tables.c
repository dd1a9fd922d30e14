/*
 * What measured kernel tables say (../shared/peer-data): prints every constant with its interval
 * and the error of its formula, and holds both to what was found when they were first fitted.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "study/kernels.h"

#define TABLES "../shared/peer-data/"

static const struct expected {
	const char *gpu, *file;
	const char *name;       /* of a constant of the last fit */
	double low, high;       /* where it must lie */
	double mean_error_most; /* of that fit */
	const char *llm;        /* whose layers; NULL: the table says its shapes */
} tables[] = {
	{"h100-sxm", "aiconfigurator/h100_sxm_vllm0.24_gemm_bf16.csv", "e_compute", 0.78, 0.81,
         0.08, NULL},
	{"h200-sxm", "aiconfigurator/h200_sxm_vllm0.24_gemm_bf16.csv", "e_compute", 0.77, 0.81,
         0.08, NULL},
	{"h100-sxm", "vidur/h100_llama2-7b_mlp.csv", "e_compute", 0.65, 0.70, 0.12, NULL},
	{"a100-sxm", "vidur/a100_llama2-7b_mlp.csv", "e_memory", 0.73, 0.79, 0.10, NULL},
	{"a100-sxm", "vidur/a100_llama3-8b_mlp.csv", "e_compute", 0.69, 0.71, 0.08, NULL},
	{"h100-sxm", "aiconfigurator/h100_sxm_vllm0.24_context_attention_bf16_hd128.csv", "e_attn",
         0.68, 0.73, 0.11, NULL},
	{"h200-sxm", "aiconfigurator/h200_sxm_vllm0.24_context_attention_bf16_hd128.csv", "e_attn",
         0.67, 0.72, 0.11, NULL},
	{"h100-sxm", "aiconfigurator/h100_sxm_vllm0.24_generation_attention_bf16_hd128.csv", "e_kv",
         0.83, 0.86, 0.08, NULL},
	{"h200-sxm", "aiconfigurator/h200_sxm_vllm0.24_generation_attention_bf16_hd128.csv", "e_kv",
         0.77, 0.81, 0.08, NULL},
	{"a100-sxm", "vidur/a800_llama2-7b_attention_frontier.csv", "e_kv", 0.86, 0.87, 0.04, NULL},
	{"h100-sxm", "apex/comm_H100-SXM-80GB_all_reduce.csv", "e_link", 0.56, 0.66, 0.15, NULL},
	{"h200-sxm", "apex/comm_H200-SXM-141GB_all_reduce.csv", "e_link", 0.53, 0.63, 0.11, NULL},
	{"h100-sxm", "vidur/h100_dgx_all_reduce.csv", "e_link", 0.77, 0.80, 0.11, NULL},
	{"a100-sxm", "vidur/a100_dgx_all_reduce.csv", "e_link", 0.52, 0.54, 0.12, NULL},
	{"rtx-4090", "llmservingsim/profile_RTX4090_Llama-3.1-8B_tp1/dense.csv", "e_memory", 0.92,
         0.97, 0.06, "llama-3.1-8b-instruct"},
	{"rtx-4090", "llmservingsim/profile_RTX4090_Llama-3.1-8B_tp1/per_sequence.csv", "t_logit",
         4.7e-12, 6.3e-12, 0.18, "llama-3.1-8b-instruct"},
	{"rtx-4090", "llmservingsim/profile_RTX4090_Llama-3.1-8B_tp1/attention.csv", "e_kv_mixed",
         0.33, 0.35, 0.33, "llama-3.1-8b-instruct"},
	{"rtx-pro-6000", "llmservingsim/profile_RTXPRO6000_Llama-3.1-8B_tp1/dense.csv", "e_compute",
         0.75, 0.78, 0.10, "llama-3.1-8b-instruct"},
	{"rtx-pro-6000", "llmservingsim/profile_RTXPRO6000_Llama-3.1-8B_tp1/attention.csv",
         "e_kv_mixed", 0.42, 0.45, 0.32, "llama-3.1-8b-instruct"},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void print_fit(const char *gpu, const char *file, const struct kernel_fit *f)
{
	const char *const slash = strrchr(file, '/');
	printf("%s %s: %s, %zu points, mean error %.1f %%, worst %.0f %%\n", gpu, slash + 1,
	       f->title, f->points, 100.0 * f->mean_error, 100.0 * f->worst_error);
	for (size_t i = 0; i < f->n; i++) {
		const struct kernel_constant *const c = &f->at[i];
		char gpus[32] = "";
		if (c->gpus > 0) {
			snprintf(gpus, sizeof(gpus), "(%d)", (int)c->gpus);
		}
		printf("    %s%s %.4g %s, %.4g to %.4g%s\n", c->name, gpus, c->value, c->unit,
		       c->low, c->high, c->determined ? "" : ", not determined");
	}
}

START_TEST(measured_table)
{
	const struct expected *const e = &tables[_i];
	char *const file = mem_printf(TABLES "%s", e->file);
	if (access(file, R_OK) != 0) {
		printf("SKIPPED: %s is not there; the measured table was not fitted\n", file);
		free(file);
		return;
	}
	char *const sheet = mem_printf("models/gpu/%s.json", e->gpu);
	struct err *const err = err_new();
	struct gpu_spec *const gpu = gpu_spec_read(sheet, err);
	char *const model = e->llm != NULL ? mem_printf("models/llm/%s.json", e->llm) : NULL;
	struct llm_spec *const llm = model != NULL ? llm_spec_read(model, err) : NULL;
	struct kernel_report r;
	ck_assert_ptr_nonnull(gpu);
	ck_assert(kernels_fit(&r, file, gpu, llm, err));
	for (size_t i = 0; i < r.n; i++) {
		print_fit(e->gpu, file, &r.fits[i]);
	}
	const struct kernel_fit *const last = &r.fits[r.n - 1];
	const struct kernel_constant *c = last->at;
	while (strcmp(c->name, e->name) != 0) {
		c++;
		ck_assert(c < last->at + last->n);
	}
	ck_assert_double_ge(c->value, e->low);
	ck_assert_double_le(c->value, e->high);
	ck_assert(c->determined);
	ck_assert_double_le(last->mean_error, e->mean_error_most);
	llm_spec_free(llm);
	gpu_spec_free(gpu);
	err_free(err);
	free(model);
	free(sheet);
	free(file);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("kernel tables");
	TCase *const t = tcase_create("tables");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, measured_table, 0, (int)N_TABLES);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK); /* the lines above in order */
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
