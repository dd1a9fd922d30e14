/*
 * The public traces run to their end: every request is accounted for, and the totals are those of
 * the files. Skips where the traces are not beside the project.
 */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "test_run.h"

#define TRACES "../shared/traces/"
#define HASH_BLOCK 512 /* tokens of a block id of Mooncake */
#define KV_BLOCK 16    /* of vLLM */
#define MOST_IDS 1000000

struct trace {
	const char *file;
	int64_t rows, too_long; /* longer than the model's context of 131,072 tokens */
	double input_mean, output_mean;
};

/* Rows and means as the traces' own READMEs state them, or as counted from the file. */
static const struct trace traces[] = {
	{"azure-llm-2023/AzureLLMInferenceTrace_conv.csv", 19366, 0, 1155, 211},
	{"azure-llm-2023/AzureLLMInferenceTrace_code.csv", 8819, 0, 2048, 28},
	{"mooncake-fast25/conversation_trace.first4000.jsonl", 4000, 0, 0, 0},
	{"mooncake-fast25/synthetic_trace.jsonl", 3993, 10, 0, 0},
};

START_TEST(every_request_is_accounted_for)
{
	const struct trace *const t = &traces[_i];
	struct test_run r;
	char here[4096];
	char *const file = mem_printf(TRACES "%s", t->file);
	if (access(file, R_OK) != 0 || getcwd(here, sizeof(here)) == NULL) {
		printf("SKIPPED: %s is not there\n", file);
		free(file);
		return;
	}
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 4}]},"
		"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\","
		"\"engine\": \"vllm\", \"replicas\": 4}], \"loads\": [{\"service\": \"chat\","
		"\"kind\": \"trace\", \"file\": \"%s/%s\"}]}",
		here, file);
	test_run(&r, json, false);
	test_run_check(&r);
	const struct service_summary *const s = &r.summary.services[0];
	ck_assert_int_eq(s->submitted, t->rows);
	ck_assert_int_eq(s->finished, t->rows - t->too_long);
	ck_assert_int_eq(s->rejected, t->too_long);
	ck_assert_int_eq(s->too_long, t->too_long);
	ck_assert_int_eq(s->unfinished + s->lost, 0);
	if (t->input_mean > 0) {
		ck_assert(fabs(s->input_tokens.avg - t->input_mean) < 1.0);
		ck_assert(fabs(s->output_tokens.avg - t->output_mean) < 1.0);
	}
	test_run_fini(&r);
	free(json);
	free(file);
}
END_TEST

/* Tokens of one prompt that a cache which forgets nothing finds, and what it knows afterwards. */
static int64_t ideal_hit(const json_t *ids, int64_t input, int32_t *known)
{
	int64_t found = 0;
	bool all = true;
	for (size_t i = 0; i < json_array_size(ids); i++) {
		int32_t *const tokens = &known[json_integer_value(json_array_get(ids, i))];
		const int64_t rest = input - (int64_t)i * HASH_BLOCK;
		const int32_t own = (int32_t)(rest < HASH_BLOCK ? rest : HASH_BLOCK);
		const int32_t both = own < *tokens ? own : *tokens;
		found += all ? both / KV_BLOCK * KV_BLOCK : 0;
		all = all && both == HASH_BLOCK;
		*tokens = own > *tokens ? own : *tokens;
	}
	const int64_t most = (input - 1) / KV_BLOCK * KV_BLOCK; /* the last token is computed */
	return found < most ? found : most;
}

static int64_t number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/* The same for a whole file, but for prompts that the model cannot take. */
static int64_t ideal_hits(const char *file, int64_t context)
{
	int32_t *const known = mem_new(MOST_IDS, sizeof(*known));
	FILE *const in = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;
	int64_t found = 0;
	while (getline(&line, &size, in) > 0) {
		json_t *const row = json_loads(line, 0, NULL);
		const int64_t input = number(row, "input_length");
		if (input + number(row, "output_length") <= context) {
			found += ideal_hit(json_object_get(row, "hash_ids"), input, known);
		}
		json_decref(row);
	}
	free(line);
	free(known);
	fclose(in);
	return found;
}

/*
 * One replica with more memory than the file has text finds every block that an earlier prompt
 * shared: prompts are computed in the order in which they came.
 */
START_TEST(a_pool_for_everything_finds_everything)
{
	static const char *const files[] = {"mooncake-fast25/conversation_trace.first4000.jsonl",
	                                    "mooncake-fast25/synthetic_trace.jsonl"};
	struct test_run r;
	char here[4096];
	char *const file = mem_printf(TRACES "%s", files[_i]);
	if (access(file, R_OK) != 0 || getcwd(here, sizeof(here)) == NULL) {
		printf("SKIPPED: %s is not there\n", file);
		free(file);
		return;
	}
	/* a sliding window and few heads: 12 kB per token, 100 million tokens on eight GPUs */
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"b200\", \"gpus\": 8}]},"
		"\"services\": [{\"name\": \"chat\", \"model\": \"gpt-oss-20b\", \"engine\": \"vllm\","
		"\"kv_precision\": \"fp8\", \"gpus_per_replica\": 8}], \"loads\": [{\"service\": \"chat\","
		"\"kind\": \"trace\", \"file\": \"%s/%s\"}]}",
		here, file);
	test_run(&r, json, false);
	test_run_check(&r);
	const struct service_summary *const s = &r.summary.services[0];
	ck_assert_int_gt(s->kv_capacity_tokens, (int64_t)s->input_tokens.sum);
	ck_assert_int_eq(s->rejected, s->too_long);
	ck_assert_int_eq(s->cached_tokens,
	                 ideal_hits(file, r.scenario.sc->services[0].llm->context));
	printf("%s: %.2f %% of prompt tokens found\n", files[_i], 100.0 * s->prefix_hit_rate);
	test_run_fini(&r);
	free(json);
	free(file);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("traces");
	TCase *const t = tcase_create("traces");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, every_request_is_accounted_for, 0,
	                    (int)(sizeof(traces) / sizeof(traces[0])));
	tcase_add_loop_test(t, a_pool_for_everything_finds_everything, 0, 2);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
