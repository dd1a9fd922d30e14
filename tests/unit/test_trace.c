/* Trace replay: every format, exact times, ties and spread, published files. */
#include "trace_replay.h"

/* The same three requests, at 0 s, 2 s and 5 s. */
static const char azure_text[] = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
				 "2023-11-16 18:15:46.0000000,374,44\r\n"
				 "2023-11-16 18:15:48.0000000,396,109\r\n"
				 "2023-11-16 18:15:51.0000000,879,55";
static const char burst_text[] =
	"Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
	"5,ChatGPT,374,44,418,Conversation log\n"
	"7,ChatGPT,396,109,505,Conversation log\n"
	"10,GPT-4,879,55,934,API log\n";
static const char mooncake_text[] =
	"{\"timestamp\": 3000, \"input_length\": 374, \"output_length\": 44, \"hash_ids\": [1]}\n"
	"{\"timestamp\": 5000, \"input_length\": 396, \"output_length\": 109, \"hash_ids\": [0]}\n"
	"{\"timestamp\": 8000, \"input_length\": 879, \"output_length\": 55, \"hash_ids\": [2, 3]}\n";
static const char plain_text[] = "arrival_s,input_tokens,output_tokens\n"
				 "0.5,374,44\n2.5,396,109\n5.5,879,55\n";
/* Records in order of completion, old and new shape mixed, one failed. */
static const char aiperf_text[] =
	"{\"metadata\":{\"request_start_ns\":1759522421154829652,\"benchmark_phase\":\"profiling\"},"
	"\"metrics\":{\"input_sequence_length\":{\"value\":396.0,\"unit\":\"tokens\"},"
	"\"output_sequence_length\":{\"value\":109,\"unit\":\"tokens\"}},\"error\":null}\n"
	"{\"metadata\":{\"timestamp_ns\":1759522419154829651,\"credit_phase\":\"profiling\"},"
	"\"metrics\":{\"error_request_count\":{\"value\":1,\"unit\":\"requests\"}},"
	"\"error\":{\"code\":499,\"type\":\"RequestCancellationError\",\"message\":\"x\"}}\n"
	"{\"metadata\":{\"timestamp_ns\":1759522419154829652,\"credit_phase\":\"profiling\"},"
	"\"metrics\":{\"input_sequence_length\":{\"value\":374,\"unit\":\"tokens\"},"
	"\"output_token_count\":{\"value\":44,\"unit\":\"tokens\"}}}\n"
	"{\"metadata\":{\"request_start_ns\":1759522424154829652},"
	"\"metrics\":{\"input_sequence_length\":{\"value\":879,\"unit\":\"tokens\"},"
	"\"output_sequence_length\":{\"value\":55,\"unit\":\"tokens\"}}}\n";

START_TEST(test_formats_agree)
{
	const char *const texts[] = {azure_text, burst_text, mooncake_text, plain_text,
	                             aiperf_text};
	const char *const names[] = {"azure", "burstgpt", "mooncake", "csv", "aiperf"};
	struct replay r;

	for (int guess = 0; guess < 2; guess++) {
		for (size_t i = 0; i < 5; i++) {
			replay_text(&r, load_of(guess ? NULL : names[i]), texts[i]);
			ck_assert_uint_eq(err_count(r.err), 0);
			ck_assert_uint_eq(r.n, 3);
			assert_arrival(&r, 0, 0, 374, 44);
			assert_arrival(&r, 1, 2 * NS_PER_S, 396, 109);
			assert_arrival(&r, 2, 5 * NS_PER_S, 879, 55);
			ck_assert(!r.failed);
			if (guess) {
				char *note = mem_printf("note: FILE: read as %s, time", names[i]);

				assert_printed(&r, note);
				free(note);
			}
			replay_free(&r);
		}
	}
}
END_TEST

START_TEST(test_notes)
{
	struct replay r;

	replay_text(&r, load_of(NULL), burst_text);
	assert_printed(&r, "columns not used: Model, Total tokens, Log Type\n");
	replay_free(&r);
	replay_text(&r, load_of(NULL), mooncake_text);
	assert_printed(&r, "times in ms\n");
	assert_not_printed(&r, "not used");
	replay_free(&r);
	replay_text(&r, load_of(NULL), aiperf_text);
	assert_printed(&r, "note: FILE: 1 skipped: requests without an answer\n");
	replay_free(&r);
}
END_TEST

START_TEST(test_line_ends)
{
	struct replay r;

	replay_text(&r, load_of(NULL),
	            "\xef\xbb\xbf"
	            "arrival_s,input_tokens,output_tokens\r\n\r\n"
	            "1,10,20\r\n2,30,40\r");
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 1, NS_PER_S, 30, 40);
	replay_free(&r);
	replay_text(&r, load_of(NULL),
	            "\xef\xbb\xbf{\"timestamp\":1,\"input_length\":10,\"output_length\":20}\r\n\r\n"
	            "{\"timestamp\":2.5,\"input_length\":30,\"output_length\":40}");
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 1, 1500000, 30, 40);
	replay_free(&r);
	/* Names decide, not places, and their case does not. */
	replay_text(&r, load_of(NULL),
	            "Output_Tokens, \"ARRIVAL_S\" ,x,input_tokens\n"
	            "7,0,abc,5\n8,1e-9,,6\n");
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 1, 1, 6, 8);
	replay_free(&r);
}
END_TEST

static ns_t second_arrival(const char *format, const char *header, const char *first,
                           const char *second)
{
	char *text = mem_printf("%s\n%s,1,1\n%s,1,1\n", header, first, second);
	struct replay r;
	ns_t at;

	replay_text(&r, load_of(format), text);
	if (r.n != 2) {
		err_print(r.err, stderr);
	}
	ck_assert_uint_eq(r.n, 2);
	at = r.arrivals[1].at;
	replay_free(&r);
	free(text);
	return at;
}

START_TEST(test_exact_times)
{
	const char *csv = "arrival_s,input_tokens,output_tokens";
	const char *azure = "TIMESTAMP,ContextTokens,GeneratedTokens";

	ck_assert_int_eq(second_arrival("csv", csv, "0", "1000000000.000000001"),
	                 INT64_C(1000000000000000001));
	ck_assert_int_eq(second_arrival("csv", csv, "0.1", "0.3"), 200000000);
	ck_assert_int_eq(second_arrival("csv", csv, "0", "+.0000000005"), 1);
	ck_assert_int_eq(
		second_arrival("csv", csv, "0", "0.00000000049999999999999999999999999999"), 0);
	ck_assert_int_eq(second_arrival("csv", csv, "0", "1.5E+2 "), 150 * NS_PER_S);
	ck_assert_int_eq(second_arrival("csv", csv, "0e999999999999", "5e-7"), 500);
	ck_assert_int_eq(second_arrival("csv", csv, "0", "1e-999999999999"), 0);
	ck_assert_int_eq(second_arrival("csv", csv, "0",
	                                "00000000000000000000000000000000000000000000007.25"),
	                 7250000000);
	/* A leap day, a year's end, a century, seven and nine digits, zones. */
	ck_assert_int_eq(second_arrival("azure", azure, "2024-02-28 23:59:59.9999999",
	                                "2024-03-01 00:00:00.0000001"),
	                 86400 * NS_PER_S + 200);
	ck_assert_int_eq(
		second_arrival("azure", azure, "2023-02-28 23:59:59", "2023-03-01T00:00:00Z"),
		NS_PER_S);
	ck_assert_int_eq(second_arrival("azure", azure, "2023-12-31 23:59:59.123456789",
	                                "2024-01-01 00:00:00.123456788"),
	                 NS_PER_S - 1);
	ck_assert_int_eq(
		second_arrival("azure", azure, "2100-02-28 00:00:00", "2100-03-01 00:00:00"),
		86400 * NS_PER_S);
	ck_assert_int_eq(
		second_arrival("azure", azure, "1970-01-01 00:00:00", "2023-11-14 22:13:20"),
		INT64_C(1700000000) * NS_PER_S);
	ck_assert_int_eq(second_arrival("azure", azure, "2024-05-10 00:00:00.009930+00:00",
	                                "2024-05-10 02:00:00.009930+01:30"),
	                 1800 * NS_PER_S);
}
END_TEST

START_TEST(test_ties_keep_order)
{
	const char *text = "arrival_s,input_tokens,output_tokens\n"
			   "1,1,1\n1,2,1\n1,3,1\n4,4,1\n5,5,1\n5,6,1\n";
	const ns_t spread[] = {0, 1000000000, 2000000000, 3000000000, 4000000000, 4500000000};
	struct scenario_load load = load_of(NULL);
	struct replay r;

	replay_text(&r, load, text);
	ck_assert_uint_eq(r.n, 6);
	for (int i = 0; i < 6; i++) {
		assert_arrival(&r, (size_t)i,
		               i < 3    ? 0
		               : i == 3 ? 3 * NS_PER_S
		                        : 4 * NS_PER_S,
		               i + 1, 1);
	}
	replay_free(&r);
	load.spread = true;
	replay_text(&r, load, text);
	ck_assert_uint_eq(r.n, 6);
	for (int i = 0; i < 6; i++) {
		assert_arrival(&r, (size_t)i, spread[i], i + 1, 1);
	}
	replay_free(&r);
	load.speedup = 2;
	replay_text(&r, load, text);
	for (int i = 0; i < 6; i++) {
		assert_arrival(&r, (size_t)i, spread[i] / 2, i + 1, 1);
	}
	replay_free(&r);
	/* One timestamp alone: no gap to spread over. */
	replay_text(&r, load, "arrival_s,input_tokens,output_tokens\n1,1,1\n1,2,1\n");
	ck_assert_uint_eq(r.n, 2);
	assert_arrival(&r, 1, 0, 2, 1);
	replay_free(&r);
	/* A bad row inside a group ends the stream before the group. */
	replay_text(&r, load, "arrival_s,input_tokens,output_tokens\n1,1,1\n2,2,1\n2,x,1\n");
	ck_assert_uint_eq(r.n, 1);
	ck_assert(r.failed);
	assert_printed(&r, "FILE:4:2: input_tokens: expected an integer, got \"x\"");
	replay_free(&r);
}
END_TEST

START_TEST(test_speedup)
{
	struct scenario_load load = load_of(NULL);
	struct replay r;

	load.speedup = 4;
	replay_text(&r, load, plain_text);
	assert_arrival(&r, 1, 500000000, 396, 109);
	assert_arrival(&r, 2, 1250000000, 879, 55);
	replay_free(&r);
	load.speedup = 1e-9;
	replay_text(&r, load, "arrival_s,input_tokens,output_tokens\n0,1,1\n1,1,1\n9,1,1\n");
	ck_assert_uint_eq(r.n, 2);
	ck_assert(r.failed);
	assert_printed(&r, "FILE:4:1: arrives more than 70 years after the first request");
	replay_free(&r);
}
END_TEST

START_TEST(test_counts_and_warmup)
{
	struct scenario_load load = load_of(NULL);
	struct replay r;

	load.warmup_requests = 1;
	load.requests = 1;
	replay_text(&r, load, plain_text);
	ck_assert_uint_eq(r.n, 2);
	ck_assert(r.arrivals[0].warmup && !r.arrivals[1].warmup);
	replay_free(&r);
	replay_text(
		&r, load_of(NULL),
		"{\"metadata\":{\"request_start_ns\":5,\"benchmark_phase\":\"warmup\"},\"metrics\":"
		"{\"input_sequence_length\":{\"value\":1},\"output_sequence_length\":{\"value\":2}}}\n"
		"{\"metadata\":{\"request_start_ns\":6,\"benchmark_phase\":\"profiling\"},\"metrics\":"
		"{\"input_sequence_length\":{\"value\":1},\"output_sequence_length\":{\"value\":2}}}\n");
	ck_assert_uint_eq(r.n, 2);
	ck_assert(r.arrivals[0].warmup && !r.arrivals[1].warmup);
	replay_free(&r);
}
END_TEST

START_TEST(test_embedding)
{
	struct replay r;

	replay_bytes(&r, load_of(NULL), LLM_EMBED, plain_text, sizeof(plain_text) - 1);
	assert_arrival(&r, 2, 5 * NS_PER_S, 879, 0);
	replay_free(&r);
	replay_bytes(&r, load_of("csv"), LLM_EMBED, "arrival_s,input_tokens\n1,5\n", 27);
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 0, 0, 5, 0);
	replay_free(&r);
	/* Without a column for answers no request of BurstGPT counts as failed. */
	replay_bytes(&r, load_of(NULL), LLM_EMBED, "Timestamp,Request tokens\n1,5\n1,0\n", 33);
	ck_assert_uint_eq(r.n, 1);
	assert_printed(&r, "FILE:3:2: Request tokens: expected 1 to 16777216, got 0\n");
	replay_free(&r);
	replay_bytes(&r, load_of(NULL), LLM_EMBED, mooncake_text, sizeof(mooncake_text) - 1);
	assert_arrival(&r, 1, 2 * NS_PER_S, 396, 0);
	replay_free(&r);
	replay_bytes(&r, load_of(NULL), LLM_EMBED, aiperf_text, sizeof(aiperf_text) - 1);
	assert_arrival(&r, 1, 2 * NS_PER_S, 396, 0);
	replay_free(&r);
}
END_TEST

START_TEST(test_images)
{
	struct replay r;

	replay_text(&r, load_of(NULL),
	            "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n"
	            "2024-10-15 00:00:00,3,2000,9\n");
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 0, 0, 2000, 9);
	ck_assert_int_eq(r.arrivals[0].images, 3);
	replay_free(&r);
}
END_TEST

START_TEST(test_burstgpt_failures_and_version_3)
{
	struct replay r;

	replay_text(&r, load_of(NULL),
	            "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,"
	            "Total tokens,Log Type\n"
	            "2,7,1.5,ChatGPT,10,0,10,API log\n"
	            "5.25,7,1.5,ChatGPT,10,20,30,API log\n"
	            "6,7,1.5,ChatGPT,0,0,0,API log\n"
	            "8,8,2.5,GPT-4,30,40,70,API log\n");
	ck_assert_uint_eq(err_count(r.err), 0);
	ck_assert_uint_eq(r.n, 2);
	assert_arrival(&r, 0, 0, 10, 20);
	assert_arrival(&r, 1, 2750000000, 30, 40);
	assert_printed(&r, "note: FILE: 2 skipped: requests that failed (Response tokens 0)\n");
	replay_free(&r);
}
END_TEST

START_TEST(test_mooncake_means)
{
	struct scenario_load load = load_of(NULL);
	struct replay r;

	load.isl.mean = 550.4;
	load.osl.mean = 0.3;
	replay_text(&r, load, "{\"timestamp\": 0}\n{\"timestamp\": 1, \"input_length\": 7.0}\n");
	ck_assert_uint_eq(err_count(r.err), 0);
	assert_arrival(&r, 0, 0, 550, 1);
	assert_arrival(&r, 1, NS_PER_MS, 7, 1);
	replay_free(&r);
}
END_TEST

#define CHUNK(text)                                                                         \
	"{\"response\":\"data: {\\\"choices\\\":[{\\\"delta\\\":{\\\"content\\\":\\\"" text \
	"\\\"}}]}\\n\\n\"}"
#define DONE "{\"response\":\"data: [DONE]\\n\\n\"}"
#define EXPORT(requests)                                                    \
	"{\"experiments\":[{\"experiment\":{},\"requests\":[" requests "]," \
	"\"window_boundaries\":[]}],\"version\":\"2\",\"service_kind\":\"openai\"}"
#define REQUEST(at, inputs, outputs)                                                        \
	"{\"timestamp\":" at ",\"request_inputs\":{" inputs "},\"response_timestamps\":[]," \
	"\"response_outputs\":[" outputs "]}"

#define STREAMED REQUEST("2000", "", CHUNK("") "," CHUNK("a") "," CHUNK("b") "," DONE)
#define IDS REQUEST("1000", "\"input_lengths\":[12]", "{\"output_ids\":1},{\"output_ids\":[2,3]}")
#define EMPTY REQUEST("1500", "", CHUNK("") "," DONE)
#define TRITON REQUEST("3000", "", "{\"text_output\":\"x\"},{\"text_output\":\"\"}")
#define STATED "{\\\"prompt_tokens\\\":9,\\\"completion_tokens\\\":17}"
#define USAGE REQUEST("4000", "", CHUNK("x") ",{\"response\":\"data: {\\\"usage\\\":" STATED "}\"}")

START_TEST(test_genai_perf)
{
	struct scenario_load load = load_of(NULL);
	struct replay r;
	const char *text = EXPORT(STREAMED "," IDS "," EMPTY "," TRITON "," USAGE);

	load.isl.mean = 100;
	replay_text(&r, load, text);
	ck_assert_uint_eq(err_count(r.err), 0);
	ck_assert_uint_eq(r.n, 4);
	assert_arrival(&r, 0, 0, 12, 3);
	assert_arrival(&r, 1, 1000, 100, 2);
	assert_arrival(&r, 2, 2000, 100, 1);
	assert_arrival(&r, 3, 3000, 9, 17);
	assert_printed(&r, "note: FILE: 1 skipped: requests without an answer\n");
	replay_free(&r);
	load.isl.mean = 0;
	replay_text(&r, load, text);
	assert_printed(&r,
	               "FILE: experiments.0.requests.0: the prompt's length in tokens is not in "
	               "this file: give the load an \"isl\"\n");
	ck_assert(!r.opened);
	replay_free(&r);
}
END_TEST

START_TEST(test_genai_perf_whole_answers)
{
	struct scenario_load load = load_of("genai-perf");
	struct replay r;
	const char *text = EXPORT(REQUEST(
		"1", "\"payload\":\"{}\"",
		"{\"response\":\"{\\\"choices\\\":[{\\\"message\\\":{\\\"content\\\":\\\"hi\\\"}}]}\"}"));

	load.isl.mean = 5;
	replay_text(&r, load, text);
	ck_assert(!r.opened);
	assert_printed(&r,
	               "FILE: experiments.0.requests.0: the answer's length in tokens is not in "
	               "this file (not streamed, no usage): give the load an \"osl\"\n");
	replay_free(&r);
	load.osl.mean = 33;
	replay_text(&r, load, text);
	assert_arrival(&r, 0, 0, 5, 33);
	replay_free(&r);
	assert_refused(NULL, "{\"experiments\":[]}", 0, "FILE: experiments: no experiment\n");
	assert_refused(NULL, "{\"experiments\":[{}]}", 0,
	               "FILE: experiments.0: no list of requests\n");
	assert_refused(NULL, "{\"service_kind\":\"openai\"}", 0, "FILE: no \"experiments\"");
	assert_refused(NULL, EXPORT("{}"), 0, "FILE: experiments.0.requests.0: no timestamp\n");
	assert_refused(NULL, EXPORT("7"), 0,
	               "FILE: experiments.0.requests.0: expected an object, got a number\n");
	assert_refused(NULL, EXPORT(""), 0, "FILE: no requests\n");
}
END_TEST

/* Row count and rounded means of a published file. */
static void check_published(const char *path, const char *format, size_t rows, double input,
                            double output, double span_s)
{
	struct scenario_load load = load_of(NULL);
	const struct llm_spec llm = {.task = LLM_GENERATE};
	struct err *err = err_new();
	double sum_input = 0, sum_output = 0;
	struct arrival arrival = {0};
	struct workload *w;
	char *file, *note, *text = NULL;
	size_t n = 0, size = 0;
	FILE *stream;

	if (access(path, R_OK) != 0) {
		(void)fprintf(stderr, "SKIPPED: %s is not here\n", path);
		err_free(err);
		return;
	}
	load.file = file = mem_strdup(path);
	w = workload_open(&load, &llm, 1, 0, err);
	ck_assert_ptr_nonnull(w);
	for (; w->ops->peek(w) != NS_NEVER; n++) {
		w->ops->next(w, &arrival);
		sum_input += arrival.input_tokens;
		sum_output += arrival.output_tokens;
	}
	ck_assert(!w->failed);
	w->ops->close(w);
	ck_assert_uint_eq(err_count(err), 0);
	note = mem_printf("read as %s", format);
	stream = open_memstream(&text, &size);
	err_print(err, stream);
	(void)fclose(stream);
	ck_assert_ptr_nonnull(strstr(text, note));
	ck_assert_uint_eq(n, rows);
	ck_assert_double_eq_tol(sum_input / (double)n, input, 0.5);
	ck_assert_double_eq_tol(sum_output / (double)n, output, 0.5);
	ck_assert_double_eq_tol(ns_to_seconds(arrival.at), span_s, 0.5);
	free(text);
	free(note);
	free(file);
	err_free(err);
}

START_TEST(test_published_files)
{
	check_published("scenarios/traces/office-hours.csv", "csv", 443, 769, 203, 35275);
	check_published("../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_code.csv", "azure",
	                8819, 2048, 28, 3436);
	check_published("../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_conv.csv", "azure",
	                19366, 1155, 211, 3502);
	check_published("../shared/traces/burstgpt/BurstGPT_1.first3rows.csv", "burstgpt", 3,
	                (472 + 1087 + 417) / 3.0, (18 + 230 + 276) / 3.0, 113);
	check_published("../shared/traces/mooncake-fast25/conversation_trace.first4000.jsonl",
	                "mooncake", 4000, 13312, 347, 1302);
	check_published("../shared/traces/mooncake-fast25/synthetic_trace.jsonl", "mooncake", 3993,
	                15325, 149, 1022);
	check_published("../shared/formats/aiperf/profile_export.jsonl", "aiperf", 89, 550, 243, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tests = tcase_create("trace");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_formats_agree);
	tcase_add_test(tests, test_notes);
	tcase_add_test(tests, test_line_ends);
	tcase_add_test(tests, test_exact_times);
	tcase_add_test(tests, test_ties_keep_order);
	tcase_add_test(tests, test_speedup);
	tcase_add_test(tests, test_counts_and_warmup);
	tcase_add_test(tests, test_embedding);
	tcase_add_test(tests, test_images);
	tcase_add_test(tests, test_burstgpt_failures_and_version_3);
	tcase_add_test(tests, test_mooncake_means);
	tcase_add_test(tests, test_genai_perf);
	tcase_add_test(tests, test_genai_perf_whole_answers);
	tcase_add_test(tests, test_published_files);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
