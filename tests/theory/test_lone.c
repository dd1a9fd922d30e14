/*
 * One lone request, timed by hand: the step cost of a decoder-only transformer written down once
 * more, straight from its geometry and the GPU's data sheet, and compared with every token of a
 * run.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "test_run.h"

#define BF16 2.0 /* bytes */

/* Costs of the engine in these tests, all different from zero and from each other. */
static const struct cost_constants costs = {
	.e_compute = 0.6,
	.e_memory = 0.8,
	.e_kv = 0.7,
	.e_attn = 0.5,
	.t_layer_s = 10e-6,
	.h_step_s = 500e-6,
	.h_seq_s = 40e-6,
	.h_request_s = 300e-6,
};

struct hand { /* what the formulas need, in the words of the data sheets */
	double flops, bandwidth;
	double layers, hidden, heads, kv_heads, head_dim, ffn, vocab;
	double t_eager_s, t_stream_s;
};

/* Duration of a step in seconds: `tokens` new ones after `context` cached ones, of one sequence. */
static double step_s(const struct hand *h, double tokens, double context, bool prompt, bool samples,
                     bool admitted)
{
	const double q = h->heads * h->head_dim, kv = 2.0 * h->kv_heads * h->head_dim;
	const double matrices = h->hidden * (q + kv) + q * h->hidden + 3.0 * h->hidden * h->ffn;
	const double norms = 2.0 * h->hidden;
	const double head = samples ? h->vocab * h->hidden : 0.0;
	const double moved = (2.0 * h->hidden + 2.0 * q + kv) + (2.0 * h->hidden + 3.0 * h->ffn);

	const double flop = 2.0 * tokens * h->layers * matrices + 2.0 * head;
	const double weights = BF16 * (h->layers * (matrices + norms) + h->hidden + head);
	const double activations = BF16 * tokens * h->layers * moved;
	const double linear = fmax(flop / (h->flops * costs.e_compute),
	                           (weights + activations) / (h->bandwidth * costs.e_memory));
	const double kv_bytes = BF16 * h->layers * kv * (context + tokens);
	const double scores =
		prompt ? 4.0 * h->layers * q * tokens * (context + tokens / 2.0) : 0.0;
	const double gpu = h->layers * costs.t_layer_s + linear +
	                   kv_bytes / (h->bandwidth * costs.e_kv) +
	                   scores / (h->flops * costs.e_attn);
	const double host = costs.h_step_s + costs.h_seq_s + (admitted ? costs.h_request_s : 0.0);
	return fmax(gpu + host, prompt ? h->t_eager_s : 0.0);
}

/* Time of token `wanted` (from 1) of a prompt of `input` tokens cut into `cut`, in seconds. */
static double token_s(const struct hand *h, int input, int cut, int wanted)
{
	double at = 0.0, out; /* the front end takes each token after the one before */
	for (int done = 0; done < input; done += cut) {
		const int chunk = input - done < cut ? input - done : cut;
		at += step_s(h, chunk, done, true, done + chunk == input, done == 0);
	}
	out = at + h->t_stream_s;
	for (int token = 2; token <= wanted; token++) {
		at += step_s(h, 1.0, input + token - 2, false, true, false);
		out = fmax(at, out) + h->t_stream_s;
	}
	return out;
}

static void read_hand(const struct test_run *r, struct hand *out)
{
	const struct gpu_spec *const gpu = r->scenario.sc->nodes[0].gpu;
	const struct llm_spec *const m = r->scenario.sc->services[0].llm;
	out->flops = gpu_spec_flops(gpu, PRECISION_BF16);
	out->bandwidth = gpu->hbm_bytes_per_s;
	out->layers = (double)m->layers_attention;
	out->hidden = (double)m->hidden;
	out->heads = (double)m->heads;
	out->kv_heads = (double)m->kv_heads;
	out->head_dim = (double)m->head_dim;
	out->ffn = (double)m->ffn;
	out->vocab = (double)m->vocab;
}

static void check_ns(const char *what, ns_t got, double expected_s, double tolerance_ns)
{
	ck_assert_msg(fabs((double)got - expected_s * 1e9) <= tolerance_ns,
	              "%s: %lld ns, by hand %.1f", what, (long long)got, expected_s * 1e9);
}

struct lone_case {
	const char *gpu, *model;
	int input, output;
	double t_eager_s, t_stream_s;
};

static void check_lone(const struct lone_case *c)
{
	const int cut = 2048;
	struct hand hand = {.t_eager_s = c->t_eager_s, .t_stream_s = c->t_stream_s};
	struct test_run r;
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\"}]},"
		"\"services\": [{\"name\": \"s\", \"model\": \"%s\", \"engine\": \"vllm\","
		"\"precision\": \"bf16\","
		"\"engine_options\": {\"batching\": \"chunked_prefill\", \"prefill_cut\": \"tokens\","
		"\"max_prefill_tokens_per_step\": %d, \"overlap\": false},"
		"\"costs\": {\"e_compute\": %g, \"e_memory\": %g, \"e_kv\": %g, \"e_attn\": %g,"
		"\"t_layer\": %g, \"t_eager\": %g, \"h_step\": %g, \"h_seq\": %g, \"h_request\": %g,"
		"\"t_stream\": %g}}],"
		"\"loads\": [{\"service\": \"s\", \"kind\": \"concurrency\", \"users\": 1, \"requests\": 1,"
		"\"isl\": {\"mean\": %d}, \"osl\": {\"mean\": %d}}]}",
		c->gpu, c->model, cut, costs.e_compute, costs.e_memory, costs.e_kv, costs.e_attn,
		costs.t_layer_s, c->t_eager_s, costs.h_step_s, costs.h_seq_s, costs.h_request_s,
		c->t_stream_s, c->input, c->output);
	test_run(&r, json, false);
	test_run_check(&r);
	read_hand(&r, &hand);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_int_eq(r.records[0].input_tokens, c->input);
	ck_assert_int_eq(r.records[0].output_tokens, c->output);
	/* a boundary rounds down to a whole nanosecond; a coefficient is off by at most half a tick
	 */
	const double ticks = 0.5 * c->output * (c->input + c->output) / (double)(1 << TICK_SHIFT);
	const double tolerance = 2.0 + c->input / cut + ticks;
	const ns_t arrival = r.records[0].arrival;
	check_ns("first token", r.records[0].first - arrival, token_s(&hand, c->input, cut, 1),
	         tolerance);
	if (c->output >= 2) {
		check_ns("second token", r.records[0].second - arrival,
		         token_s(&hand, c->input, cut, 2), tolerance);
	}
	check_ns("last token", r.records[0].end - arrival, token_s(&hand, c->input, cut, c->output),
	         tolerance);
	test_run_fini(&r);
	free(json);
}

/* Costs do not depend on the tokens still to come: token n of a request is the last of an n-token
 * one. */
START_TEST(every_token_of_a_lone_request)
{
	const struct lone_case c = {"h100-sxm", "llama-3.1-8b-instruct", 1000, _i, 0.0, 0.0};
	check_lone(&c);
}
END_TEST

static const struct lone_case cases[] = {
	{"h100-sxm", "llama-3.1-8b-instruct", 1, 1, 0.0, 0.0},
	{"h100-sxm", "llama-3.1-8b-instruct", 2048, 2, 0.0, 0.0},
	{"h100-sxm", "llama-3.1-8b-instruct", 2049, 2, 0.0, 0.0},
	{"h100-sxm", "llama-3.1-8b-instruct", 20000, 3000, 0.0, 0.0},
	{"h100-sxm", "llama-3.1-8b-instruct", 5000, 100, 0.2, 0.0}, /* prompts wait for the host */
	{"h100-sxm", "llama-3.1-8b-instruct", 300, 50, 0.0,
         60e-6}, /* a front end, hidden by the step */
	{"h100-sxm", "llama-3.1-8b-instruct", 300, 50, 0.0,
         0.03}, /* a front end that is the bottleneck */
	{"h200-sxm", "llama-3.1-8b-instruct", 3000, 200, 0.0, 0.0},
	{"a100-sxm", "mistral-7b-instruct-v0.3", 3000, 200, 0.0, 0.0},
	{"b200", "llama-3.1-70b", 3000, 200, 0.0, 0.0},
};

START_TEST(lone_requests_of_all_kinds)
{
	check_lone(&cases[_i]);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("lone request");
	TCase *const t = tcase_create("by hand");
	tcase_add_loop_test(t, every_token_of_a_lone_request, 1, 41);
	tcase_add_loop_test(t, lone_requests_of_all_kinds, 0, sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
