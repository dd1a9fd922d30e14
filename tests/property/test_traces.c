/*
 * The public traces run to their end: every request is accounted for, and the totals are those of
 * the files. Skips where the traces are not beside the project.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "test_run.h"

#define TRACES "../shared/traces/"

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

int main(void)
{
	Suite *const s = suite_create("traces");
	TCase *const t = tcase_create("traces");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, every_request_is_accounted_for, 0,
	                    (int)(sizeof(traces) / sizeof(traces[0])));
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
