/*
 * The fast engine against the plain one, which keeps every sequence apart and touches all of them
 * in every iteration (tests/support/naive.c): the same times for every request, to the nanosecond.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "naive.h"
#include "test_run.h"

#define SCENARIOS 200
#define TRACE_ROOTS 5

static char trace_file[] = "/tmp/aliquot-oracle-XXXXXX";

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

/* The next prompt's block ids: those of an earlier one up to some place, new ones behind it. */
static size_t draw_ids(struct rng *r, int *ids, size_t n_before, int *next)
{
	const size_t kept = n_before > 0 ? rng_below(r, n_before + 1) : 0;
	const size_t n = kept + (kept == 0) + rng_below(r, 12) * rng_below(r, 2);
	for (size_t i = kept; i < n; i++) {
		ids[i] = (*next)++;
	}
	return n;
}

/* Mooncake's format: prompts that grow out of each other, out of `TRACE_ROOTS` at a time. */
static void write_trace(struct rng *r, const char *file, int block, bool whole)
{
	static const int most = 24; /* blocks of a prompt */
	int ids[TRACE_ROOTS][64] = {{0}};
	size_t n[TRACE_ROOTS] = {0};
	int next = 0, at = 0;
	FILE *const out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	for (int row = 0; row < 300; row++) {
		const size_t root = rng_below(r, TRACE_ROOTS);
		n[root] = draw_ids(r, ids[root], n[root] > (size_t)most ? 2 : n[root], &next);
		at += between(r, 0, 60);
		fprintf(out,
		        "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, "
		        "\"hash_ids\": [",
		        at, ((int)n[root] - 1) * block + (whole ? block : between(r, 1, block)),
		        between(r, 1, 200));
		for (size_t i = 0; i < n[root]; i++) {
			fprintf(out, "%s%d", i > 0 ? ", " : "", ids[root][i]);
		}
		fprintf(out, "]}\n");
	}
	fclose(out);
}

/* JSON of a load that replays such a trace. */
static char *random_trace(struct rng *r)
{
	const bool whole = rng_below(r, 2) == 0; /* of KV blocks */
	const int block = whole ? 64 * between(r, 1, 4) : between(r, 20, 300);
	write_trace(r, trace_file, block, whole);
	return mem_printf("{\"service\": \"s\", \"kind\": \"trace\", \"file\": \"%s\","
	                  "\"hash_block\": %d}",
	                  trace_file, block);
}

/* JSON of a closed or an open load. */
static char *random_load(struct rng *r)
{
	if (rng_below(r, 5) == 0) {
		return random_trace(r);
	}
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

/* A service on parts of GPUs: fraction, how compute is divided, the rest as ever. */
static char *random_shared_json(struct rng *r)
{
	char *const load = random_load(r);
	const int share = between(r, 0, 2);
	const char *const fraction = (const char *const[]){"0.2", "0.25", "0.5"}[share];
	const int utilization = (const int[]){800, 700, 350}[share] + between(r, 0, 100);
	char *const turns = mem_printf("{\"policy\": \"time_slicing\", \"switch_cost\": 0.%02d}",
	                               between(r, 0, 30));
	const bool presets = between(r, 0, 1) == 0;
	char *const preset =
		mem_printf("{\"policy\": \"%s\", \"lease\": %g}", PICK(r, "strict", "fair"),
	                   between(r, 0, 1) * between(r, 1, 300) * 1e-3);
	char *const limit = mem_printf("\"compute_limit\": 0.%d,", between(r, 1, 9));
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"seed\": %d, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\","
		"\"gpus\": 4}]}, \"scheduler\": {\"placement\": \"first_fit\","
		"\"compute_share\": %s}, \"services\": [{\"name\": \"s\", \"model\": \"phi-4-mini\","
		"\"engine\": \"%s\", \"fraction\": %s, %s \"replicas\": %d, \"routing\": \"%s\","
		"\"costs\": {\"t_stream\": %g, \"t_request\": %g, \"t_eager\": %g},"
		"\"engine_options\": {\"max_num_seqs\": %d, \"max_prefill_tokens_per_step\": %d,"
		"\"kv_reservation\": \"%s\", \"kv_sizing\": \"of_total\", \"kv_pool\": \"static\","
		"\"reserved_bytes\": 0, \"overlap\": %s, \"schedule_ahead\": %s,"
		"\"gpu_memory_utilization\": 0.%d}}], \"loads\": [%s]}",
		between(r, 1, 1000), presets ? preset : turns, PICK(r, "vllm", "trtllm", "sglang"),
		fraction, !presets && between(r, 0, 3) == 0 ? limit : "", between(r, 1, 8),
		PICK(r, "least_outstanding", "round_robin"),
		between(r, 0, 1) * between(r, 1, 600) * 1e-6,
		between(r, 0, 1) * between(r, 0, 30) * 1e-3,
		between(r, 0, 1) * between(r, 0, 30) * 1e-3, between(r, 1, 60),
		between(r, 64, 3000), PICK(r, "on_demand", "on_demand", "full", "context"),
		PICK(r, "true", "false"), PICK(r, "false", "false", "true"), utilization, load);
	free(limit);
	free(preset);
	free(turns);
	free(load);
	return json;
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
		PICK(r, "on_demand", "on_demand", "full", "context"), PICK(r, "false", "true"),
		PICK(r, "true", "true", "true", "false"), PICK(r, "false", "false", "true"),
		between(r, 0, 2) == 0 ? between(r, 2, 9) : 1, between(r, 0, 1) * between(r, 1, 20),
		between(r, 26, 32), load);
	free(load);
	return json;
}

/* The same run step by step. */
static void compare_exact(const struct test_run *fast, const char *json)
{
	struct test_run exact;
	test_run(&exact, json, true);
	ck_assert_uint_eq(fast->n, exact.n);
	for (size_t i = 0; i < fast->n; i++) {
		const struct request_record *const a = &fast->records[i];
		const struct request_record *const b = &exact.records[i];
		quiet_assert(a->id == b->id && a->admitted == b->admitted && a->first == b->first &&
		                     a->second == b->second && a->end == b->end &&
		                     a->cached_tokens == b->cached_tokens,
		             "request %llu differs when every step is taken\n%s",
		             (unsigned long long)a->id, json);
	}
	test_run_fini(&exact);
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
	static char *(*const draw[])(struct rng *) = {random_json, random_shared_json};
	struct rng *const r = rng_new(77, "oracle");
	int64_t preemptions = 0, cached = 0;
	const int fd = mkstemp(trace_file);
	ck_assert_int_ge(fd, 0);
	close(fd);
	for (int i = 0; i < SCENARIOS / (1 + _i); i++) {
		struct test_run fast;
		struct naive_result plain;
		char *const json = draw[_i](r);
		test_run(&fast, json, false);
		naive_run(fast.scenario.sc, &plain);
		compare(&fast, &plain, json);
		compare_exact(&fast, json);
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
	unlink(trace_file);
	rng_free(r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("oracle");
	TCase *const t = tcase_create("oracle");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, fast_and_plain_agree_to_the_nanosecond, 0, 2);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
