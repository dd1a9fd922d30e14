/* Traces that are refused: what is said, where, and after how many good rows. */
#include "trace_replay.h"

static const char mooncake_text[] =
	"{\"timestamp\": 3000, \"input_length\": 374, \"output_length\": 44, \"hash_ids\": [1]}\n"
	"{\"timestamp\": 5000, \"input_length\": 396, \"output_length\": 109, \"hash_ids\": [0]}\n"
	"{\"timestamp\": 8000, \"input_length\": 879, \"output_length\": 55, \"hash_ids\": [2, 3]}\n";
static const char plain_text[] = "arrival_s,input_tokens,output_tokens\n"
				 "0.5,374,44\n2.5,396,109\n5.5,879,55\n";

START_TEST(test_bad_times)
{
	static const char *const civil[] = {
		"2023-02-29 00:00:00",
		"2023-13-01 00:00:00",
		"2023-01-32 00:00:00",
		"2023-00-01 00:00:00",
		"2023-01-00 00:00:00",
		"1969-12-31 23:59:59",
		"9999-01-01 00:00:00",
		"2023-01-01 24:00:00",
		"2023-01-01 00:60:00",
		"2023-01-01 00:00:60",
		"2023-01-01 00:00",
		"2023-01-01 00:00:00.",
		"2023-01-01 00:00:00.1234567890",
		"2023-01-01 00:00:00+99:00",
		"2023-01-01 00:00:00 CET",
		"1970-01-01 00:00:00+01:00",
		"16/11/2023",
		"1700000000",
	};
	static const char *const plain[] = {"",     "-1", "1s",   "nan",  "inf",          "1e",
	                                    "0x10", ".",  "1..2", "1e30", "9223372036.9", "1 2",
	                                    "e5"};

	for (size_t i = 0; i < sizeof(civil) / sizeof(civil[0]); i++) {
		char *text =
			mem_printf("TIMESTAMP,ContextTokens,GeneratedTokens\n%s,1,1\n", civil[i]);
		char *message = mem_printf("error: FILE:2:1: TIMESTAMP: expected a time like "
		                           "2023-11-16 18:15:46.6805900, got \"%s\"\n",
		                           civil[i]);

		assert_refused(NULL, text, 0, strstr(message, "FILE"));
		free(text);
		free(message);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		char *text = mem_printf("input_tokens,arrival_s,output_tokens\n1,%s,1\n", plain[i]);
		char *message = mem_printf("FILE:2:2: arrival_s: expected seconds as a decimal "
		                           "number, got \"%s\"\n",
		                           plain[i]);

		assert_refused(NULL, text, 0, message);
		free(text);
		free(message);
	}
}
END_TEST

START_TEST(test_bad_rows)
{
	const char *header = "arrival_s,input_tokens,output_tokens\n1,1,1\n2,1,1\n";
	static const struct {
		const char *row, *message;
	} cases[] = {
		{"3,12k,1\n", "FILE:4:2: input_tokens: expected an integer, got \"12k\"\n"},
		{"3,1,1.5\n", "FILE:4:3: output_tokens: expected an integer, got \"1.5\"\n"},
		{"3,0,1\n", "FILE:4:2: input_tokens: expected 1 to 16777216, got 0\n"},
		{"3,1,0\n", "FILE:4:3: output_tokens: expected 1 to 16777216, got 0\n"},
		{"3,-1,1\n", "FILE:4:2: input_tokens: expected 1 to 16777216, got -1\n"},
		{"3,1,16777217\n",
	         "FILE:4:3: output_tokens: expected 1 to 16777216, got 16777217\n"},
		{"3,1,99999999999999999999\n",
	         "FILE:4:3: output_tokens: expected an integer, got \"99999999999999999999\"\n"},
		{"3,1\n", "FILE:4:2: expected 3 fields as in the header, got 2\n"},
		{"3,1,1,1\n", "FILE:4:4: expected 3 fields as in the header, got 4\n"},
		{"1.25,1,1\n", "FILE:4:1: 0.75 s before row 3; sort the file by time\n"},
		{"3000000000,1,1\n",
	         "FILE:4:1: arrives more than 70 years after the first request\n"},
		{"\"3,1,1\n", "FILE:4: a quote"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = mem_printf("%s%s4,1,1\n", header, cases[i].row);

		assert_refused(NULL, text, 2, cases[i].message);
		free(text);
	}
}
END_TEST

START_TEST(test_bad_lines)
{
	const char *good = "{\"timestamp\":1,\"input_length\":1,\"output_length\":1}\n";
	static const struct {
		const char *row, *message;
	} cases[] = {
		{"{\"timestamp\":0.5,\"input_length\":1,\"output_length\":1}",
	         "FILE:2: 0.0005 s before row 1; sort the file by time\n"},
		{"{\"timestamp\":-1,\"input_length\":1,\"output_length\":1}",
	         "FILE:2: timestamp: time is negative\n"},
		{"{\"timestamp\":9300000000000,\"input_length\":1,\"output_length\":1}",
	         "FILE:2: timestamp: time is too large\n"},
		{"{\"timestamp\":\"1\",\"input_length\":1,\"output_length\":1}",
	         "FILE:2: timestamp: expected a time, got a string\n"},
		{"{\"timestamp\":1,\"input_length\":0,\"output_length\":1}",
	         "FILE:2: input_length: expected 1 to 16777216 tokens, got 0\n"},
		{"{\"timestamp\":1,\"input_length\":1,\"output_length\":1e300}",
	         "FILE:2: output_length: expected 1 to 16777216 tokens, got 1e+300\n"},
		{"{\"timestamp\":1,\"input_length\":1.5,\"output_length\":1}",
	         "FILE:2: input_length: expected a whole number of tokens, got a fraction\n"},
		{"{\"timestamp\":1,\"input_length\":1,\"output_length\":true}",
	         "FILE:2: output_length: expected a whole number of tokens, got a truth value\n"},
		{"{\"timestamp\":1,\"text_input\":\"hi\",\"output_length\":1}",
	         "FILE:2: text_input without input_length: the length in tokens is needed"},
		{"{\"timestamp\":1,\"output_length\":1}",
	         "FILE:2: no input_length, and the load has no \"isl\" to stand in\n"},
		{"{\"timestamp\":1,\"input_length\":1}",
	         "FILE:2: no output_length, and the load has no \"osl\" to stand in\n"},
		{"{\"session_id\":\"u\",\"delay\":5,\"input_length\":1,\"output_length\":1}",
	         "FILE:2: no timestamp: turns that wait for the answer before are not replayed\n"},
		{"{\"input_length\":1,\"output_length\":1}", "FILE:2: no timestamp\n"},
		{"{\"timestamp\":1,\"input_length\":1,\"output_length\":1,\"hash_ids\":7}",
	         "FILE:2: hash_ids: expected an array"},
		{"{\"timestamp\":1,\"input_length\":2,\"output_length\":1,\"hash_ids\":[0,\"a\"]}",
	         "FILE:2: hash_ids.1: expected a block id, a number from 0\n"},
		{"{\"timestamp\":1,\"input_length\":1,\"output_length\":1,\"hash_ids\":[0,1]}",
	         "FILE:2: hash_ids: 2 blocks of 512 tokens for 1 tokens; \"hash_block\" of the load "
	         "says how long one is\n"},
		{"{\"timestamp\":1,\"input_length\":1025,\"output_length\":1,\"hash_ids\":[0,1]}",
	         "FILE:2: hash_ids: 2 blocks of 512 tokens for 1025 tokens; "},
		{"{\"timestamp\":1,\"timestamp\":2,\"input_length\":1,\"output_length\":1}",
	         "FILE:2:16: duplicate key"},
		{"{\"timestamp\":1,\"input_length\":1,\"outp", "FILE:2:"},
		{"[1]", "FILE:2: expected an object, got an array\n"},
		{"{\"timestamp\":12345678901234567890}", "FILE:2:14: the number is too large"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = mem_printf("%s%s\n%s", good, cases[i].row, good);

		assert_refused(NULL, text, 1, cases[i].message);
		free(text);
	}
}
END_TEST

START_TEST(test_not_a_trace)
{
	static const char nul[] = "arrival_s,input_tokens,output_tokens\n1,1,1\n2,1\0,1\n";
	struct replay r;

	assert_refused(NULL, "", 0, "FILE: no requests: the file is empty\n");
	assert_refused(NULL, "\xef\xbb\xbf\r\n\n", 0, "FILE: no requests: the file is empty\n");
	assert_refused("csv", "arrival_s,input_tokens,output_tokens\r\n", 0, "FILE: no requests\n");
	assert_refused(NULL, "TIMESTAMP,ContextTokens,GeneratedTokens", 0, "FILE: no requests\n");
	assert_refused(NULL, "\x1f\x8b\x08 more", 0, "FILE: gzip-compressed; unpack it first\n");
	assert_refused(NULL, "PK\x03\x04zip", 0, "FILE: zip-compressed; unpack it first\n");
	assert_refused(NULL, "when,what\n1,2\n", 0,
	               "FILE: cannot tell the trace's format; known are");
	assert_refused(NULL, "{\"a\":{\"timestamp\":1}}\n", 0, "cannot tell the trace's format");
	assert_refused("csv", "arrivals,input_tokens,output_tokens\n1,2,3\n", 0,
	               "FILE:1:1: no column \"arrival_s\"; is it \"arrivals\"?\n");
	assert_refused("csv", "arrival_s,arrival_s,input_tokens,output_tokens\n1,2,3,4\n", 0,
	               "FILE:1:2: two columns are called \"arrival_s\"\n");
	assert_refused("mooncake", "arrival_s,input_tokens,output_tokens\n1,2,3\n", 0, "FILE:1:");
	replay_bytes(&r, load_of(NULL), LLM_GENERATE, nul, sizeof(nul) - 1);
	assert_printed(&r, "FILE: not a trace: the file is binary");
	ck_assert(!r.opened);
	replay_free(&r);
}
END_TEST

START_TEST(test_binary_behind_the_head)
{
	const size_t size = 200000;
	char *bytes = mem_new(size, 1);
	struct replay r;

	/* More than the opening bytes are blank lines; the zero byte comes after them. */
	memset(bytes, '\n', size);
	memcpy(bytes, plain_text, sizeof(plain_text) - 1);
	bytes[size - 5] = '\0';
	replay_bytes(&r, load_of(NULL), LLM_GENERATE, bytes, size);
	ck_assert_uint_eq(r.n, 3);
	ck_assert(r.failed);
	assert_printed(&r, "not a text file");
	replay_free(&r);
	memset(bytes, '\n', size);
	memcpy(bytes, mooncake_text, sizeof(mooncake_text) - 1);
	bytes[size - 5] = '\0';
	replay_bytes(&r, load_of(NULL), LLM_GENERATE, bytes, size);
	ck_assert_uint_eq(r.n, 3);
	ck_assert(r.failed);
	assert_printed(&r, ": not a text file: byte 1 of the line is zero");
	replay_free(&r);
	free(bytes);
}
END_TEST

/* A pipe is fine when its format is stated, and refused (not half eaten) when it is not. */
START_TEST(test_pipe)
{
	struct scenario_load load = load_of(NULL);
	const struct llm_spec llm = {.task = LLM_GENERATE};
	struct err *err = err_new();
	struct arrival arrival;
	struct workload *w;
	char file[64], minus[] = "-";
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_gt(write(ends[1], plain_text, sizeof(plain_text) - 1), 0);
	(void)close(ends[1]);
	(void)snprintf(file, sizeof(file), "/dev/fd/%d", ends[0]);
	load.file = file;
	ck_assert_ptr_null(workload_open(&load, &llm, 1, 0, err));
	ck_assert_ptr_nonnull(strstr(err_message(err, 0), "a pipe is read once"));
	load.format = TRACE_CSV;
	w = workload_open(&load, &llm, 1, 0, err);
	ck_assert_ptr_nonnull(w);
	for (size_t i = 0; i < 3; i++) {
		w->ops->next(w, &arrival);
	}
	ck_assert_int_eq(arrival.at, 5 * NS_PER_S);
	w->ops->close(w);
	(void)close(ends[0]);
	/* The same through stdin, by its usual name. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "rb", stdin));
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_gt(write(ends[1], mooncake_text, sizeof(mooncake_text) - 1), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	load.file = minus;
	load.format = TRACE_MOONCAKE;
	w = workload_open(&load, &llm, 1, 0, err);
	ck_assert_ptr_nonnull(w);
	w->ops->next(w, &arrival);
	ck_assert_int_eq(w->ops->peek(w), 2 * NS_PER_S);
	w->ops->close(w);
	err_free(err);
}
END_TEST

/* Missing columns of lengths: the load's means stand in, or the message says what is missing. */
START_TEST(test_columns_that_stand_in)
{
	static const char text[] = "arrival_s,input_tokens\n0,100\n";
	struct scenario_load load = load_of(NULL);
	struct replay r;

	assert_refused("csv", text, 0,
	               "no column \"output_tokens\", and the load has no \"osl\" to stand in");
	assert_refused("csv", "arrival_s,input_tokens,output_token\n0,100,1\n", 0,
	               "no column \"output_tokens\"; is it \"output_token\"?");
	load.osl.mean = 7;
	replay_text(&r, load, text);
	ck_assert_uint_eq(err_count(r.err), 0);
	ck_assert_uint_eq(r.n, 1);
	ck_assert_int_eq(r.arrivals[0].input_tokens, 100);
	ck_assert_int_eq(r.arrivals[0].output_tokens, 7);
	replay_free(&r);
	load.isl.mean = 30;
	replay_text(&r, load, "arrival_s\n0\n2.5\n");
	ck_assert_uint_eq(err_count(r.err), 0);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_int_eq(r.arrivals[1].input_tokens, 30);
	replay_free(&r);
}
END_TEST

START_TEST(test_missing_file)
{
	struct scenario_load load = load_of("csv");
	const struct llm_spec llm = {.task = LLM_GENERATE};
	char missing[] = "/tmp/no-such-folder/x.csv", folder[] = "/tmp";
	struct err *err = err_new();

	load.file = missing;
	ck_assert_ptr_null(workload_open(&load, &llm, 1, 0, err));
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	ck_assert_str_eq(err_message(err, 0),
	                 "/tmp/no-such-folder/x.csv: No such file or directory");
	load.file = folder;
	ck_assert_ptr_null(workload_open(&load, &llm, 1, 0, err));
	ck_assert_uint_eq(err_count(err), 2);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_bad");
	TCase *tests = tcase_create("trace_bad");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, test_bad_times);
	tcase_add_test(tests, test_bad_rows);
	tcase_add_test(tests, test_bad_lines);
	tcase_add_test(tests, test_not_a_trace);
	tcase_add_test(tests, test_binary_behind_the_head);
	tcase_add_test(tests, test_pipe);
	tcase_add_test(tests, test_columns_that_stand_in);
	tcase_add_test(tests, test_missing_file);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
