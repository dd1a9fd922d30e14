/*
 * Prefix caching where the answer is known: one user at a time, so that every request finds exactly
 * what those before it left, and a cache that is larger or smaller than what is asked for.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "perf/perf.h"
#include "test_run.h"

#define BLOCK 16

/* One service on one H100 under one user; `options` and `load` are further keys, with commas. */
static void run_alone(struct test_run *r, const char *options, const char *load)
{
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1}]},"
		"\"services\": [{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\","
		"\"engine\": \"vllm\", \"engine_options\": {%s \"kv_block_tokens\": %d}}],"
		"\"loads\": [{\"service\": \"s\", \"kind\": \"concurrency\", \"users\": 1, %s}]}",
		options, BLOCK, load);
	test_run(r, json, false);
	test_run_check(r);
	free(json);
}

static int64_t whole(int64_t tokens)
{
	return tokens / BLOCK * BLOCK;
}

static int64_t cached(const struct test_run *r)
{
	int64_t sum = 0;
	for (size_t i = 0; i < r->n; i++) {
		sum += r->records[i].cached_tokens;
	}
	ck_assert_int_eq(sum, r->summary.services[0].cached_tokens);
	return sum;
}

/* N requests of one prefix: it is computed once, the rest of each prompt each time. */
START_TEST(a_shared_prefix_is_computed_once)
{
	static const int lengths[][2] = {{2000, 100}, {15, 40}, {16, 40}, {17, 1}, {1000, 1000}};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const int prefix = lengths[i][0], rest = lengths[i][1], n = 20;
		struct test_run r;
		char *const load =
			mem_printf("\"requests\": %d, \"isl\": %d, \"osl\": 5, \"prefix\": %d", n,
		                   rest, prefix);
		run_alone(&r, "", load);
		ck_assert_int_eq(cached(&r), (n - 1) * whole(prefix));
		ck_assert_int_eq((int64_t)r.summary.services[0].input_tokens.sum,
		                 (int64_t)n * (prefix + rest));
		test_run_fini(&r);
		free(load);
	}
}
END_TEST

/* The last token of a prompt is computed even if all of it is known. */
START_TEST(a_prompt_known_in_full_is_computed_from_its_last_block)
{
	static const int lengths[] = {1, 16, 17, 32, 33, 1000, 1024};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct test_run r;
		char *const load = mem_printf("\"requests\": 9, \"isl\": %d, \"osl\": 3,"
		                              "\"dataset_entries\": 1",
		                              lengths[i]);
		run_alone(&r, "", load);
		ck_assert_int_eq(cached(&r), 8 * whole(lengths[i] - 1));
		test_run_fini(&r);
		free(load);
	}
}
END_TEST

/* Off, nothing is found, and every request is computed like the first. */
START_TEST(without_the_option_nothing_is_found)
{
	struct test_run r;
	run_alone(&r, "\"prefix_cache\": false,",
	          "\"requests\": 9, \"isl\": 50, \"osl\": 3, \"prefix\": 1000");
	ck_assert_int_eq(cached(&r), 0);
	ck_assert(isnan(r.summary.services[0].prefix_hit_rate));
	for (size_t i = 1; i < r.n; i++) {
		ck_assert_int_eq(r.records[i].first - r.records[i].arrival,
		                 r.records[0].first - r.records[0].arrival);
	}
	test_run_fini(&r);
}
END_TEST

/*
 * Every turn finds the turns before, answers included but for the last token, which was never an
 * input; what a shared prefix and the context take is the same for all turns.
 */
START_TEST(a_conversation_is_computed_once)
{
	const int prefix = 100, context = 37, isl = 53, osl = 29, turns = 12;
	struct test_run r;
	run_alone(
		&r, "",
		"\"sessions\": 3, \"turns\": 12, \"turn_delay\": \"1s\", \"isl\": 53, \"osl\": 29,"
		"\"prefix\": 100, \"user_context\": 37");
	ck_assert_uint_eq(r.n, 3 * (size_t)turns);
	for (size_t i = 0; i < r.n; i++) {
		const struct request_record *const q = &r.records[i];
		const int before = (int)(i % (size_t)turns) * (isl + osl);
		ck_assert_int_eq(q->input_tokens, prefix + context + before + isl);
		if (before > 0) {
			ck_assert_int_eq(q->cached_tokens, whole(prefix + context + before - 1));
			ck_assert_int_eq(q->arrival, r.records[i - 1].end + NS_PER_S);
		} else {
			ck_assert_int_eq(q->cached_tokens, i > 0 ? whole(prefix) : 0);
		}
	}
	test_run_fini(&r);
}
END_TEST

/* A conversation that would outgrow the model ends, and a new one begins. */
START_TEST(a_conversation_ends_with_the_context)
{
	struct test_run r;
	int64_t longest = 0;
	run_alone(&r, "", "\"requests\": 50, \"turns\": 1000, \"isl\": 20000, \"osl\": 1000");
	for (size_t i = 0; i < r.n; i++) {
		const int64_t all = r.records[i].input_tokens + r.records[i].output_tokens;
		ck_assert_int_eq(all, 21000 * (int64_t)(i % 6 + 1)); /* 7 would be 147,000 */
		longest = all > longest ? all : longest;
	}
	ck_assert_int_eq(longest, 126000);
	ck_assert_int_eq(r.summary.services[0].rejected, 0);
	test_run_fini(&r);
}
END_TEST

/*
 * Prompts asked for in a circle: with room for all of them every one is found, with room for fewer
 * none is, as the one asked for next is always the one that was used longest ago.
 */
START_TEST(a_circle_fits_or_is_never_found)
{
	const int entries = 40, prompt = 1600, n = 400;
	for (int larger = 0; larger < 2; larger++) {
		struct test_run r;
		/* 16.1 GB of weights, 131 kB per token: about 95,000 tokens, or 42,000 */
		char *const options =
			mem_printf("\"reserved_bytes\": 0, \"kv_sizing\": \"of_total\","
		                   "\"gpu_memory_utilization\": %s,",
		                   larger ? "0.334" : "0.253");
		run_alone(&r, options,
		          "\"requests\": 400, \"isl\": 1600, \"osl\": 2, \"dataset_entries\": 40");
		const int64_t room = r.summary.services[0].kv_capacity_tokens;
		ck_assert(larger ? room > 64000 * 5 / 4 : room < 64000 * 3 / 4);
		ck_assert_int_eq(cached(&r), larger ? (n - entries) * whole(prompt - 1) : 0);
		test_run_fini(&r);
		free(options);
	}
}
END_TEST

/* What is found costs no matrix products, but attention over it is paid. */
START_TEST(a_hit_shortens_the_prompt_and_not_its_attention)
{
	const int prefix = 8000, rest = 300;
	struct test_run r;
	struct llm_shape shape;
	struct step_cost cost;
	run_alone(&r, "", "\"requests\": 2, \"isl\": 300, \"osl\": 1, \"prefix\": 8000");
	const struct scenario *const sc = r.scenario.sc;
	const struct scenario_service *const service = &sc->services[0];
	llm_spec_shape(service->llm, PRECISION_BF16, PRECISION_BF16, &shape);
	const struct perf_ask ask = {
		.gpu = sc->nodes[0].gpu,
		.llm = &shape,
		.costs = &service->costs[0].constants,
		.weights = PRECISION_BF16,
		.tensor_parallel = 1,
		.max_seqs = service->options.max_num_seqs,
	};
	struct perf *const perf = perf_new(&ask);
	const struct step_shape step = {
		.chunks = 1,
		.finishing = 1,
		.prompt = rest,
		.cached = prefix,
		.pairs2 = (int64_t)rest * (2 * prefix + rest),
		.admitted = 1,
	};
	perf_step(perf, &step, &cost);
	ck_assert_int_eq(r.records[1].first - r.records[1].arrival, cost.step >> TICK_SHIFT);
	perf_free(perf);
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("prefix");
	TCase *const t = tcase_create("one at a time");
	tcase_add_test(t, a_shared_prefix_is_computed_once);
	tcase_add_test(t, a_prompt_known_in_full_is_computed_from_its_last_block);
	tcase_add_test(t, without_the_option_nothing_is_found);
	tcase_add_test(t, a_conversation_is_computed_once);
	tcase_add_test(t, a_conversation_ends_with_the_context);
	tcase_add_test(t, a_circle_fits_or_is_never_found);
	tcase_add_test(t, a_hit_shortens_the_prompt_and_not_its_attention);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
