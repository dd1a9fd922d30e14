/*
 * The step cost against physics.md section 2 written down once more, term by term, on made-up
 * shapes: mixture of experts, Mamba-2 state, windows, tensor parallelism, images, floors; and what
 * fits.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perf/perf.h"

#define TICKS_PER_S (1e9 * 1048576.0)

static const struct gpu_spec gpu = {
	.memory_bytes = INT64_C(80000000000),
	.hbm_bytes_per_s = 3e12,
	.flops_per_s = {1e15, 2e15, 0.0},
	.host_link_bytes_per_s = 64e9,
	.nvlink_bytes_per_s = 400e9,
};

static const struct llm_shape shape = {
	.weight_bytes = 60e9,
	.dense_bytes = 3e9,
	.head_bytes = 0.7e9,
	.expert_bytes = 20e6,
	.layers_moe = 20,
	.experts = 64,
	.experts_per_token = 4,
	.layers = 30,
	.f_token = 6e9,
	.f_head = 1.4e9,
	.logits = 100e3,
	.attn_flops = 4.0 * 30 * 32 * 128,
	.activation_bytes = 4e6,
	.allreduce_bytes = 8192,
	.allreduces = 60,
	.kv_heads = 2,
	.kv_bytes_per_token = 30000,
	.window_bytes_per_sequence = 1e6,
	.state_bytes_per_sequence = 5e6,
	.image_flops = 5e12,
};

static const struct cost_constants costs = {
	.e_compute = 0.6,
	.e_memory = 0.8,
	.e_kv = 0.7,
	.e_kv_mixed = 0.35,
	.e_attn = 0.5,
	.e_link = 0.6,
	.t_layer_s = 40e-6,
	.t_logit_s = 2e-10,
	.t_eager_s = 1e-4,
	.h_step_s = 3e-4,
	.h_seq_s = 2e-5,
	.h_request_s = 5e-4,
	.t_stream_s = 1e-6,
	.t_request_s = 2e-3,
	.t_link_s = 1e-5,
};

static struct perf *make(const struct cost_constants *c, enum precision p, bool overlap, int64_t tp)
{
	const struct perf_ask ask = {&gpu, &shape, c, p, overlap, tp, 512};
	return perf_new(&ask);
}

/* GPU seconds of a step by the book. */
static double gpu_s(const struct step_shape *s, enum precision p, double tp)
{
	const double t = (double)(s->decodes + s->prompt);
	const double sampled = (double)(s->decodes + s->finishing);
	const double kv_gpus = fmin(tp, 2.0);
	const double touched = 64.0 * (1.0 - pow(1.0 - 4.0 / 64.0, t));
	const double flops = t * 6e9 + sampled * 1.4e9;
	const double bytes = 3e9 + (sampled > 0 ? 0.7e9 : 0.0) + 20.0 * touched * 20e6 + t * 4e6;
	const double linear =
		fmax(flops / (gpu.flops_per_s[p] * 0.6 * tp), bytes / (3e12 * 0.8 * tp));
	const double read = (double)s->context / (s->chunks > 0 ? 0.35 : 0.7);
	const double kv = (read + ((double)s->cached + t) / 0.7) * 30000.0 / (3e12 * kv_gpus);
	const double sequences = (double)(s->decodes + s->chunks);
	const double state = sequences * (2.0 * 4e6 / tp + 1e6 / kv_gpus) / (3e12 * 0.7);
	const double attn = 4.0 * 30 * 32 * 128 * (double)s->pairs2 / 2.0 / (1e15 * 0.5 * tp);
	const double image = (double)s->images * 5e12 / (1e15 * 0.6 * tp);
	const double link =
		tp > 1 ? 60 * (1e-5 + 2 * (tp - 1) / tp * t * 8192 / (400e9 * 0.6)) : 0.0;
	return 30 * 40e-6 + sampled * 100e3 * 2e-10 + linear + kv + state + attn + image + link;
}

static double host_s(const struct step_shape *s)
{
	return 3e-4 + 2e-5 * (double)(s->decodes + s->chunks) + 5e-4 * (double)s->admitted;
}

static void same_time(tick_t got, double seconds)
{
	/* per-token costs are rounded to ticks: a few ticks a token */
	ck_assert_msg(fabs((double)got / TICKS_PER_S - seconds) < 1e-9 + 1e-7 * seconds,
	              "%.12g s, not %.12g s", (double)got / TICKS_PER_S, seconds);
}

START_TEST(step_is_the_sum_of_its_terms)
{
	static const struct step_shape steps[] = {
		{.decodes = 1, .context = 500},
		{.decodes = 200, .context = 300000},
		{.chunks = 1, .finishing = 1, .prompt = 900, .pairs2 = 900 * 900, .admitted = 1},
		{.decodes = 50,
	         .context = 60000,
	         .chunks = 2,
	         .finishing = 1,
	         .prompt = 2048,
	         .cached = 4096,
	         .pairs2 = 1000 * (8192 + 1000) + 1048 * 1048,
	         .admitted = 1,
	         .images = 3},
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (int64_t tp = 1; tp <= 8; tp *= 2) {
			struct perf *const p = make(&costs, PRECISION_FP8, false, tp);
			struct step_cost cost;
			perf_step(p, &steps[i], &cost);
			same_time(cost.gpu, gpu_s(&steps[i], PRECISION_FP8, (double)tp));
			same_time(cost.step,
			          gpu_s(&steps[i], PRECISION_FP8, (double)tp) + host_s(&steps[i]));
			perf_free(p);
		}
	}
}
END_TEST

START_TEST(decode_steps_grow_by_their_new_tokens)
{
	struct perf *const p = make(&costs, PRECISION_BF16, false, 1);
	struct step_shape s = {.decodes = 32, .context = 32000};
	struct step_cost first, later;
	perf_step(p, &s, &first);
	ck_assert_int_eq(first.until, INT64_MAX);
	s.context += 32 * 1000; /* a thousand steps on: exactly affine */
	perf_step(p, &s, &later);
	ck_assert_int_eq(later.step, first.step + 1000 * first.growth);
	ck_assert_int_eq(later.gpu, first.gpu + 1000 * first.gpu_growth);
	perf_free(p);
}
END_TEST

START_TEST(floors_hold_until_the_work_outgrows_them)
{
	struct cost_constants c = costs;
	c.h_step_s = 0.064; /* beside the GPU's work, longer than it at first */
	c.h_seq_s = 0.0;
	struct perf *const p = make(&c, PRECISION_BF16, true, 1);
	struct step_shape s = {.decodes = 32, .context = 32000};
	struct step_cost cost, at;
	perf_step(p, &s, &cost);
	same_time(cost.step, 0.064);
	ck_assert_int_eq(cost.growth, 0);
	ck_assert(cost.until > 1 && cost.until < INT64_MAX);
	s.context += 32 * (cost.until - 1);
	perf_step(p, &s, &at);
	ck_assert_int_eq(at.step, cost.step); /* the last step for which the floor holds */
	s.context += 32;
	perf_step(p, &s, &at);
	ck_assert_int_gt(at.step, cost.step);
	ck_assert_int_eq(perf_stream(p), 1000);
	ck_assert_int_eq(perf_entry(p), 2000000);
	perf_free(p);
}
END_TEST

START_TEST(overlap_takes_the_longer_of_host_and_gpu)
{
	struct cost_constants c = costs;
	struct step_shape s = {.decodes = 32, .context = 32000};
	struct step_cost cost;
	struct perf *p = make(&c, PRECISION_BF16, true, 1);
	perf_step(p, &s, &cost);
	same_time(cost.step, gpu_s(&s, PRECISION_BF16, 1.0)); /* host 0.94 ms, GPU longer */
	perf_free(p);
	c.h_step_s = 0.5;
	p = make(&c, PRECISION_BF16, true, 1);
	perf_step(p, &s, &cost);
	same_time(cost.step, 0.5 + 32 * 2e-5);
	perf_free(p);
	c.t_eager_s = 2.0;
	p = make(&c, PRECISION_BF16, true, 1);
	s = (struct step_shape){.chunks = 1, .finishing = 1, .prompt = 10, .pairs2 = 100};
	perf_step(p, &s, &cost);
	same_time(cost.step, 2.0);
	ck_assert_int_eq(cost.until, 1);
	perf_free(p);
}
END_TEST

START_TEST(absurd_costs_saturate)
{
	const struct cost_constants c = {.e_compute = 1e-6,
	                                 .e_memory = 1e-6,
	                                 .e_kv = 1e-6,
	                                 .e_attn = 1e-6,
	                                 .h_seq_s = 1.0,
	                                 .h_request_s = 10.0,
	                                 .t_stream_s = 1.0};
	const struct step_shape s = {.decodes = 512,
	                             .context = INT64_C(1) << 40,
	                             .chunks = 16384,
	                             .prompt = INT64_C(1) << 24,
	                             .pairs2 = INT64_C(1) << 50,
	                             .admitted = 16384};
	struct perf *const p = make(&c, PRECISION_BF16, false, 1);
	struct step_cost cost;
	perf_step(p, &s, &cost);
	ck_assert(cost.step > 0 && (double)cost.step / TICKS_PER_S < 8000.0);
	perf_free(p);
}
END_TEST

START_TEST(memory_by_both_rules)
{
	struct engine_options o = {.kv_block_tokens = 16,
	                           .gpu_memory_utilization = 0.9,
	                           .reserved_bytes = 2000000000,
	                           .kv_sizing = KV_OF_TOTAL};
	struct memory_plan m;
	perf_memory(gpu.memory_bytes, &shape, &o, 1, &m);
	ck_assert_int_eq(m.kv, INT64_C(10000000000)); /* 0.9 x 80 - 60 - 2 GB */
	ck_assert_int_eq(m.block, 480000);
	ck_assert_int_eq(m.blocks, 20833);
	ck_assert_int_eq(m.state_blocks, 11); /* 5 MB in blocks of 0.48 MB */
	o.kv_sizing = KV_OF_FREE;
	perf_memory(gpu.memory_bytes, &shape, &o, 1, &m);
	ck_assert_int_eq(m.kv, INT64_C(16200000000)); /* 0.9 x (80 - 60 - 2) GB */
	perf_memory(gpu.memory_bytes, &shape, &o, 4, &m);
	ck_assert_int_eq(m.weights, INT64_C(15000000000));
	ck_assert_int_eq(m.block, 240000);  /* two KV heads: halves at most */
	ck_assert_int_eq(m.state, 1500000); /* 4 MB / 4 and the window's 1 MB / 2 */
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("perf");
	TCase *const t = tcase_create("perf");
	tcase_add_test(t, step_is_the_sum_of_its_terms);
	tcase_add_test(t, decode_steps_grow_by_their_new_tokens);
	tcase_add_test(t, floors_hold_until_the_work_outgrows_them);
	tcase_add_test(t, overlap_takes_the_longer_of_host_and_gpu);
	tcase_add_test(t, absurd_costs_saturate);
	tcase_add_test(t, memory_by_both_rules);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
