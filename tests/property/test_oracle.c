/*
 * The fast engine against the plain one, which keeps every sequence apart and touches all of them
 * in every iteration (tests/support/naive.c): the same times for every request, to the nanosecond.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "naive.h"
#include "test_run.h"

#define SCENARIOS 60

static const char *pick(struct rng *r, const char *const *names, size_t n)
{
	return names[rng_below(r, n)];
}
#define PICK(r, ...)                                \
	pick(r, (const char *const[]){__VA_ARGS__}, \
	     sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static int between(struct rng *r, int low, int high)
{
	return low + (int)rng_below(r, (uint64_t)(high - low + 1));
}

/* Keys about shared text, or none. */
static char *random_text(struct rng *r)
{
	const int tokens = between(r, 1, 1500);
	switch (between(r, 0, 5)) {
	case 0:
		return mem_printf("\"prefix\": {\"tokens\": %d, \"count\": %d},", tokens,
		                  between(r, 1, 12));
	case 1:
		return mem_printf("\"dataset_entries\": %d, \"prefix\": %d,", between(r, 1, 60),
		                  between(r, 0, 1) * tokens);
	case 2:
	case 3:
		return mem_printf("\"turns\": {\"mean\": %d, \"stddev\": %d}, \"turn_delay\":"
		                  "{\"mean\": \"%dms\", \"stddev\": \"%dms\"},"
		                  "\"prefix\": {\"tokens\": %d, \"count\": %d}, "
		                  "\"user_context\": %d,",
		                  between(r, 1, 12), between(r, 0, 4), between(r, 0, 900),
		                  between(r, 0, 400), tokens, between(r, 1, 5), between(r, 1, 200));
	default:
		return mem_strdup("");
	}
}

/* JSON of a closed or an open load. */
static char *random_load(struct rng *r)
{
	char *const text = random_text(r);
	char *const lengths = mem_printf("\"isl\": {\"mean\": %d, \"stddev\": %d},"
	                                 "\"osl\": {\"mean\": %d, \"stddev\": %d}",
	                                 between(r, 1, 3000), between(r, 0, 600),
	                                 between(r, 1, 400), between(r, 0, 100));
	char *const load =
		rng_below(r, 2) == 0
			? mem_printf(
				  "{\"service\": \"s\", \"kind\": \"concurrency\", \"users\": %d,"
				  "\"requests\": 300, \"think\": \"%dms\", %s%s}",
				  between(r, 1, 80), between(r, 0, 1) * 40, text, lengths)
			: mem_printf("{\"service\": \"s\", \"kind\": \"rate\", \"rate\": %d,"
	                             "\"requests\": 300, %s%s}",
	                             between(r, 1, 60), text, lengths);
	free(lengths);
	free(text);
	return load;
}

static char *random_json(struct rng *r)
{
	char *const load = random_load(r);
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"seed\": %d, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\","
		"\"gpus\": 4}]}, \"services\": [{\"name\": \"s\", \"model\": \"%s\", \"engine\": \"%s\","
		"\"replicas\": %d, \"routing\": \"%s\", \"costs\": {\"t_stream\": %g, \"t_request\": %g},"
		"\"engine_options\": {\"batching\": \"%s\", \"prefill_cut\": \"%s\","
		"\"max_num_seqs\": %d, \"max_prefill_tokens_per_step\": %d, \"kv_block_tokens\": %d,"
		"\"kv_reservation\": \"%s\", \"kv_sizing\": \"of_total\", \"overlap\": %s,"
		"\"prefix_cache\": %s, \"schedule_ahead\": %s, \"stream_interval\": %d, \"queue_limit\": %d, \"gpu_memory_utilization\": 0.%d}}], \"loads\": [%s]}",
		between(r, 1, 1000), PICK(r, "llama-3.1-8b-instruct", "mistral-7b-instruct-v0.3"),
		PICK(r, "vllm", "trtllm", "sglang"), between(r, 1, 4),
		PICK(r, "least_outstanding", "round_robin"),
		between(r, 0, 1) * between(r, 1, 600) * 1e-6,
		between(r, 0, 1) * between(r, 0, 30) * 1e-3,
		PICK(r, "chunked_prefill", "chunked_prefill", "prefill_first"),
		PICK(r, "tokens", "tokens", "whole_prompt"), between(r, 1, 60),
		between(r, 64, 3000), 1 << between(r, 0, 6),
		PICK(r, "on_demand", "on_demand", "full"), PICK(r, "false", "true"),
		PICK(r, "true", "true", "true", "false"), PICK(r, "false", "false", "true"),
		between(r, 0, 2) == 0 ? between(r, 2, 9) : 1, between(r, 0, 1) * between(r, 1, 20),
		between(r, 26, 32), load);
	free(load);
	return json;
}

static void compare(const struct test_run *fast, const struct naive_result *plain, const char *json)
{
	ck_assert_uint_eq(fast->n, plain->n);
	for (size_t i = 0; i < fast->n; i++) {
		const struct request_record *const a = &fast->records[i];
		const struct naive_request *const b = &plain->requests[a->id];
		const bool finished = a->outcome == REQUEST_FINISHED;
		if (finished == b->rejected || a->arrival != b->arrival ||
		    (finished &&
		     (a->admitted != b->admitted || a->first != b->first || a->end != b->end ||
		      a->cached_tokens != b->cached || a->second != b->second))) {
			ck_abort_msg(
				"request %llu differs: first %lld fast, %lld plain, end %lld, %lld, "
				"cached %lld, %lld\n%s",
				(unsigned long long)a->id, (long long)a->first, (long long)b->first,
				(long long)a->end, (long long)b->end, (long long)a->cached_tokens,
				(long long)b->cached, json);
		}
	}
}

START_TEST(fast_and_plain_agree_to_the_nanosecond)
{
	struct rng *const r = rng_new(77, "oracle");
	int64_t preemptions = 0, cached = 0;
	for (int i = 0; i < SCENARIOS; i++) {
		struct test_run fast;
		struct naive_result plain;
		char *const json = random_json(r);
		test_run(&fast, json, false);
		naive_run(fast.scenario.sc, &plain);
		compare(&fast, &plain, json);
		ck_assert_int_eq(fast.summary.services[0].preemptions, plain.preemptions);
		preemptions += plain.preemptions;
		for (size_t k = 0; k < plain.n; k++) {
			cached += plain.requests[k].cached;
		}
		free(plain.requests);
		test_run_fini(&fast);
		free(json);
	}
	ck_assert_int_gt(preemptions, 100); /* the corners were reached */
	ck_assert_int_gt(cached, 1000000);
	rng_free(r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("oracle");
	TCase *const t = tcase_create("oracle");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, fast_and_plain_agree_to_the_nanosecond);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
