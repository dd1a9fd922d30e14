/* Recorded command lines: words, the load they make, and what cannot be followed. */
#include "spec/scenario.h"

#include "base/mem.h"
#include "spec/scenario_private.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct data_dir *data;
static struct err *errors;
static struct scenario *sc;

static void setup(void)
{
	errors = err_new();
	data = data_dir_open(".", NULL, errors);
	ck_assert_msg(data != NULL, "run from the project's root");
}

static void teardown(void)
{
	scenario_free(sc);
	sc = NULL;
	data_dir_close(data);
	err_free(errors);
}

/* Load a scenario whose only load is this line, of service "chat" or "embed". */
static struct scenario *record(const char *service, const char *line)
{
	char name[] = "/tmp/aliquot_genai_XXXXXX";
	int fd = mkstemp(name);
	json_t *root = json_pack(
		"{s:i, s:{s:[{s:s}]}, s:[{s:s, s:s}, {s:s, s:s}], s:[{s:s, s:s, s:s}]}", "aliquot",
		1, "cluster", "nodes", "gpu", "h100-nvl", "services", "name", "chat", "model",
		"llama-3.1-8b-instruct", "name", "embed", "model", "qwen3-embedding-0.6b", "loads",
		"service", service, "kind", "genai-perf", "args", line);
	FILE *out = fdopen(fd, "wb");

	ck_assert_ptr_nonnull(root);
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(json_dumpf(root, out, 0), 0);
	fclose(out);
	json_decref(root);
	sc = scenario_read(name, data, NULL, 0, errors);
	unlink(name);
	return sc;
}

static const struct scenario_load *good(const char *line)
{
	record("chat", line);
	ck_assert_msg(sc != NULL, "%s", err_message(errors, 0));
	return &sc->loads[0];
}

/* The only error of a line, without file and path; borrowed until the next teardown. */
static void expect_error(const char *line, const char *wanted)
{
	teardown();
	setup();
	ck_assert_msg(record("chat", line) == NULL, "%s", line);
	const char *message = err_message(errors, 0);
	const char *place = strstr(message, "loads.0.args: ");

	ck_assert_msg(place != NULL, "%s", message);
	ck_assert_str_eq(place + strlen("loads.0.args: "), wanted);
	ck_assert_msg(err_count(errors) == 1, "also: %s", err_message(errors, 1));
}

/* Notes as printed; caller frees. */
static char *notes(void)
{
	FILE *out = tmpfile();
	char *text = mem_new(4096, 1);

	ck_assert_ptr_nonnull(out);
	err_print(errors, out);
	rewind(out);
	ck_assert_uint_lt(fread(text, 1, 4095, out), 4095);
	fclose(out);
	return text;
}

START_TEST(words_are_split_as_in_a_shell)
{
	const char *why = NULL;
	size_t n;
	char **words =
		genai_split(" a  'b c' \"d \\\"e\\\\\" f\\ g ''\\\n h\\\n=\"1\"2 ", &n, &why);
	static const char *const wanted[] = {"a", "b c", "d \"e\\", "f g", "", "h=12"};

	ck_assert_ptr_nonnull(words);
	ck_assert_uint_eq(n, 6);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(words[i], wanted[i]);
		free(words[i]);
	}
	free(words);
	ck_assert_ptr_null(genai_split("a 'b", &n, &why));
	ck_assert_str_eq(why, "a quote is not closed");
	ck_assert_ptr_null(genai_split("a \"b\\\"", &n, &why));
	words = genai_split("", &n, &why);
	ck_assert(words != NULL && n == 0);
	free(words);
}
END_TEST

START_TEST(a_typical_line)
{
	const struct scenario_load *load = good(
		"genai-perf profile -m meta/llama-3.1-8b-instruct --service-kind openai \\\n"
		" --endpoint-type chat --url http://host:8000 --streaming --concurrency 64 \\\n"
		" --synthetic-input-tokens-mean 550 --synthetic-input-tokens-stddev=20 "
		"--output-tokens-mean 128 --num-requests 640 --warmup-request-count 64 "
		"-H 'Authorization: Bearer x' --random-seed 42 --foo bar -- -v --max-threads 256");
	char *text = notes();

	ck_assert(load->kind == LOAD_CONCURRENCY && load->users == 64 && load->streaming);
	ck_assert(fabs(load->isl.mean - 550) < 1e-9 && fabs(load->isl.stddev - 20) < 1e-9);
	ck_assert(fabs(load->osl.mean - 128) < 1e-9 && load->osl.stddev <= 0);
	ck_assert(load->requests == 640 && load->warmup_requests == 64);
	ck_assert_uint_eq(sc->seed, 42);
	ck_assert_ptr_nonnull(
		strstr(text, "loads.0.args: ignored (transport): -m, --service-kind, --url, "
	                     "-H, -v, --max-threads\n"));
	ck_assert_ptr_nonnull(strstr(text, "loads.0.args: not known, ignored: --foo\n"));
	free(text);
}
END_TEST

START_TEST(defaults_of_both_tools)
{
	const struct scenario_load *load = good("--concurrency 64 --osl 10");

	ck_assert(load->requests == 10 && !load->streaming && fabs(load->isl.mean - 550) < 1e-9);
	teardown();
	setup();
	load = good("aiperf profile --concurrency 64 --osl 10");
	ck_assert_int_eq(load->requests, 128);
	teardown();
	setup();
	load = good("/opt/bin/aiperf profile --osl 10");
	ck_assert(load->requests == 10 && load->users == 1);
	teardown();
	setup();
	load = good("genai-perf profile --request-rate 2.5 --osl 10");
	ck_assert(load->kind == LOAD_RATE && load->arrivals == ARRIVALS_CONSTANT);
	ck_assert(fabs(load->rate - 2.5) < 1e-12 && load->requests == 10);
	teardown();
	setup();
	load = good("aiperf profile --request-rate 2 --osl 10");
	ck_assert_int_eq(load->arrivals, ARRIVALS_POISSON);
	teardown();
	setup();
	load = good(
		"aiperf profile --request-rate 2 --arrival-pattern gamma --arrival-smoothness 0.5 "
		"--osl 10");
	ck_assert(load->arrivals == ARRIVALS_GAMMA && fabs(load->smoothness - 0.5) < 1e-12);
}
END_TEST

START_TEST(stopping_by_time_is_one_stage)
{
	const struct scenario_load *load = good("--concurrency 8 --osl 10 -p 30000");

	ck_assert(load->kind == LOAD_STAGES && load->n_stages == 1 && load->requests == 0);
	ck_assert(load->stages[0].users == 8 && load->stages[0].span == 30 * NS_PER_S);
	teardown();
	setup();
	load = good(
		"aiperf profile --request-rate 8 --osl 10 --benchmark-duration 60 --request-count 99");
	ck_assert(load->kind == LOAD_STAGES && fabs(load->stages[0].rate - 8) < 1e-9);
	ck_assert(load->stages[0].span == 60 * NS_PER_S && load->requests == 99);
}
END_TEST

START_TEST(goodput_becomes_limits)
{
	good("--osl 10 --goodput time_to_first_token:100 inter_token_latency:20 "
	     "--goodput 'request_latency:5000'");
	ck_assert_uint_eq(sc->services[0].n_slo, 3);
	ck_assert_str_eq(sc->services[0].slo[1].text, "tpot.p95 <= 20 ms");
	ck_assert_str_eq(sc->services[0].slo[2].text, "latency.p95 <= 5000 ms");
}
END_TEST

START_TEST(traces)
{
	const struct scenario_load *load = good("--input-file payload:/dev/null --fixed-schedule "
	                                        "--streaming");

	ck_assert(load->kind == LOAD_TRACE && load->format == TRACE_MOONCAKE && load->streaming);
	ck_assert_str_eq(load->file, "/dev/null");
	teardown();
	setup();
	load = good("aiperf profile --input-file /dev/null --custom-dataset-type burst_gpt_trace "
	            "--synthesis-speedup-ratio 4");
	ck_assert(load->format == TRACE_BURSTGPT && fabs(load->speedup - 4) < 1e-12);
	expect_error("--input-file payload:/dev/null",
	             "--input-file payload: needs --fixed-schedule; texts have no known length");
	expect_error("--input-file prompts.jsonl --osl 3",
	             "--input-file: only payload:FILE with --fixed-schedule, or a trace with "
	             "--custom-dataset-type, says when requests come and how long they are");
	expect_error(
		"--input-file /dev/null --custom-dataset-type weka_trace --osl 3",
		"--custom-dataset-type: \"weka_trace\" is not simulated; known: mooncake_trace, "
		"burst_gpt_trace");
}
END_TEST

START_TEST(embeddings)
{
	ck_assert_ptr_nonnull(
		record("embed", "--endpoint-type embeddings --concurrency 4 --isl 100"));
	ck_assert(sc->loads[0].osl.mean <= 0);
	expect_error(
		"--endpoint-type rankings --concurrency 4",
		"--endpoint-type rankings does not go with model \"llama-3.1-8b-instruct\", which writes "
		"text");
}
END_TEST

START_TEST(prefixes)
{
	const struct scenario_load *load = good("--osl 5 --num-prefix-prompts 3");

	ck_assert_int_eq(load->text.prefixes, 3);
	ck_assert_int_eq(load->text.prefix_tokens, 100);
	ck_assert_int_eq(load->text.context_tokens, 0);
	teardown();
	setup();
	load = good("--osl 5 --num-prefix-prompts 0 --prefix-prompt-length 30");
	ck_assert_int_eq(load->text.prefix_tokens, 0);
	teardown();
	setup();
	load = good("aiperf profile --osl 5 --num-prefix-prompts 3");
	ck_assert_int_eq(load->text.prefix_tokens, 0); /* as long as AIPerf makes them */
	teardown();
	setup();
	load = good("aiperf profile --osl 5 --prompt-prefix-pool-size 2 --prompt-prefix-length 64");
	ck_assert_int_eq(load->text.prefixes, 2);
	ck_assert_int_eq(load->text.prefix_tokens, 64);
	teardown();
	setup();
	load = good("aiperf profile --osl 5 --shared-system-prompt-length 1000 "
	            "--user-context-prompt-length 200 --num-dataset-entries 7");
	ck_assert_int_eq(load->text.prefixes, 1);
	ck_assert_int_eq(load->text.prefix_tokens, 1000);
	ck_assert_int_eq(load->text.context_tokens, 200);
	ck_assert_int_eq(load->text.entries, 7);
	expect_error(
		"aiperf profile --osl 5 --num-prefix-prompts 2 --shared-system-prompt-length 9",
		"--num-prefix-prompts does not go with --shared-system-prompt-length and "
		"--user-context-prompt-length");
}
END_TEST

/* Both tools make 100 prompts and begin again when they have sent them. */
START_TEST(prompts_are_sent_again)
{
	ck_assert_int_eq(good("--osl 5 --request-count 90 --warmup-request-count 10")->text.entries,
	                 0);
	teardown();
	setup();
	ck_assert_int_eq(good("--osl 5 --request-count 91 --warmup-request-count 10")->text.entries,
	                 100);
	teardown();
	setup();
	ck_assert_int_eq(good("--osl 5 --measurement-interval 5000")->text.entries, 100);
	teardown();
	setup();
	ck_assert_int_eq(good("--osl 5 --request-count 91 --num-prompts 12")->text.entries, 12);
	expect_error("--osl 5 --num-dataset-entries 0",
	             "--num-dataset-entries: must be at least 1, got 0");
}
END_TEST

START_TEST(conversations)
{
	const struct scenario_load *load =
		good("--osl 5 --session-concurrency 5 --num-sessions 40 --session-turns-mean 3 "
	             "--session-turns-stddev 1 --session-turn-delay-mean 1000 "
	             "--session-turn-delay-stddev 100 --session-delay-ratio 0.5");

	ck_assert(load->kind == LOAD_CONCURRENCY);
	ck_assert_int_eq(load->users, 5);
	ck_assert_int_eq(load->requests, 0);
	ck_assert_int_eq(load->text.sessions, 40);
	ck_assert(fabs(load->text.turns.mean - 3) < 1e-12);
	ck_assert(fabs(load->text.turns.stddev - 1) < 1e-12);
	ck_assert_int_eq(load->text.delay, 500 * NS_PER_MS);
	ck_assert_int_eq(load->text.delay_stddev, 50 * NS_PER_MS);
	ck_assert_int_eq(load->text.entries, 0);
	teardown();
	setup();
	load = good("aiperf profile --osl 5 --concurrency 3 --conversation-num 10 "
	            "--conversation-turn-mean 4 --conversation-turn-delay-mean 20");
	ck_assert_int_eq(load->users, 3);
	ck_assert_int_eq(load->text.sessions, 10);
	ck_assert_int_eq(load->text.delay, 20 * NS_PER_MS);
	teardown();
	setup();
	load = good("aiperf profile --osl 5 --request-rate 3 --conversation-turn-mean 4");
	ck_assert(load->kind == LOAD_RATE);
	ck_assert_int_eq(load->requests, 10);
	expect_error("--osl 5 --session-concurrency 5",
	             "conversations need --session-concurrency (how many at a time) and "
	             "--num-sessions (how many in all)");
	expect_error("--osl 5 --session-turns-mean 2 --num-sessions 4",
	             "conversations need --session-concurrency (how many at a time) and "
	             "--num-sessions (how many in all)");
}
END_TEST

START_TEST(what_cannot_be_followed_is_an_error)
{
	static const char *const unsupported[] = {
		"--user-centric-rate 5", "--num-warmup-sessions=3",
		"--request-rate-ramp-duration 10", "--sequence-distribution 1,2:100",
		"--batch-size 4"};

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
		char *line = mem_printf("--osl 5 %s", unsupported[i]);
		char *wanted =
			mem_printf("%.*s changes the load in a way this version does not simulate",
		                   (int)strcspn(unsupported[i], " ="), unsupported[i]);

		expect_error(line, wanted);
		free(line);
		free(wanted);
	}
	teardown();
	setup();
	good("--osl 5 --session-concurrency 0 --num-prefix-prompts 0 --batch-size 1 --session-turns-mean 1.0");
}
END_TEST

START_TEST(bad_values)
{
	expect_error("--concurrency 64",
	             "--osl is needed: without it the model decides how long its answers "
	             "are");
	expect_error("--concurrency 64 --osl -1",
	             "--osl is needed: without it the model decides how long its "
	             "answers are");
	expect_error("--concurrency abc --osl 1",
	             "--concurrency: expected an integer, got \"abc\"");
	expect_error("--concurrency 1.5 --osl 1",
	             "--concurrency: expected an integer, got \"1.5\"");
	expect_error("--concurrency 0 --osl 1", "--concurrency: must be at least 1, got 0");
	expect_error("--concurrency 1,2,4 --osl 1",
	             "--concurrency: \"1,2,4\" is a sweep; give one value");
	expect_error("--osl 1 --concurrency", "--concurrency: needs a value");
	expect_error("--osl 1 --request-rate -2", "--request-rate: must be greater than 0, got -2");
	expect_error("--osl 1 --isl nan", "--isl: expected a number, got \"nan\"");
	expect_error("--osl 1 'open", "a quote is not closed");
	expect_error("--streaming on --osl 1", "unexpected word \"on\"");
	expect_error("genai-perf analyze --osl 1",
	             "only \"profile\" makes a load, got \"analyze\"");
	expect_error("vllm bench serve --model x --num-prompts 9",
	             "expected a line of \"genai-perf profile\" or \"aiperf profile\", got one of "
	             "\"vllm\"");
	expect_error("python3 -m bench --osl 1",
	             "expected a line of \"genai-perf profile\" or \"aiperf profile\", got one of "
	             "\"python3\"");
	expect_error("--osl 1 --goodput speed:3",
	             "--goodput: unknown metric \"speed\"; known: ttft, ttst, tpot, "
	             "itl, latency, queue, tps_user, tps, rps, goodput, error_rate");
	expect_error(
		"--osl 1 --request-rate 3 --concurrency 4",
		"--request-rate with --concurrency (a rate with a cap) is not simulated; give one of them");
	expect_error(
		"--osl 1 --request-rate 3 --arrival-pattern concurrency_burst",
		"--arrival-pattern: \"concurrency_burst\" is not simulated; known: poisson, constant, gamma");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("genai_args");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, words_are_split_as_in_a_shell);
	tcase_add_test(tcase, a_typical_line);
	tcase_add_test(tcase, defaults_of_both_tools);
	tcase_add_test(tcase, stopping_by_time_is_one_stage);
	tcase_add_test(tcase, goodput_becomes_limits);
	tcase_add_test(tcase, traces);
	tcase_add_test(tcase, embeddings);
	tcase_add_test(tcase, prefixes);
	tcase_add_test(tcase, prompts_are_sent_again);
	tcase_add_test(tcase, conversations);
	tcase_add_test(tcase, what_cannot_be_followed_is_an_error);
	tcase_add_test(tcase, bad_values);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
