/*
 * Validations: which rows were fitted and which predicted, what is still ok, what is left out and
 * why, the table's width, and the JSON that other programs read.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "study/validate.h"
#include "study.h"

#define ROWS_FILE "../shared/reference/rows.csv"

static struct test_study t;
static struct validation v;

static void set_up(void)
{
	test_study_begin(&t);
	memset(&v, 0, sizeof(v));
}

static void tear_down(void)
{
	validation_fini(&v);
	test_study_end(&t);
}

static struct validate_ask ask_all(void)
{
	return (struct validate_ask){.cases = &t.cases, .threads = 1};
}

static void validate_rows(const char *csv, const struct validate_ask *ask)
{
	test_study_rows(&t, csv);
	validation_fini(&v);
	validate(ask, &v);
}

/* A row of four users on one H100: model, engine version, source, metric, statistic, value. */
#define ROW_OF(source, model, version, metric, stat, value)                                     \
	source ",h100-sxm," model ",bf16,128,32,4," metric "," stat "," value ",,vllm," version \
	       ",1,closed,,,,,,,,\n"
#define LLAMA "llama-3.1-8b-instruct"
#define ROW(metric, stat, value) ROW_OF("s", LLAMA, "1", metric, stat, value)

/* What the simulator itself says of a metric. */
static double simulated(const char *metric, const char *stat)
{
	char *const csv =
		mem_printf("%ss,h100-sxm,%s,bf16,128,32,4,%s,%s,1,,vllm,1,1,closed,,,,,,,,\n",
	                   STUDY_HEADER, LLAMA, metric, stat);
	const struct validate_ask ask = ask_all();
	validate_rows(csv, &ask);
	free(csv);
	return v.rows[0].simulated;
}

/* A row whose measured value is `factor` times what is simulated. */
static void validate_factor(const char *metric, const char *stat, double factor,
                            const struct validate_ask *ask)
{
	const double value = factor * simulated(metric, stat);
	char *const csv =
		mem_printf("%ss,h100-sxm,%s,bf16,128,32,4,%s,%s,%.17g,,vllm,1,1,closed,,,,,,,,\n",
	                   STUDY_HEADER, LLAMA, metric, stat, value);
	validate_rows(csv, ask);
	free(csv);
}

/* --- roles -------------------------------------------------------------------------------------
 */

#define CALIBRATION(set)                                                                          \
	"{\"name\": \"h100-sxm__vllm__bf16\", \"gpu\": \"h100-sxm\", \"engine\": \"vllm\","       \
	" \"precision\": \"bf16\", \"sets\": [{\"models\": \"dense\", \"engine_version\": \"1\"," \
	" \"constants\": [{\"name\": \"e_memory\", \"value\": 0.5, " set "]}"
#define FITTED                                                                                  \
	CALIBRATION(                                                                            \
		"\"role\": \"fitted\"}], \"rows\": {\"source\": \"s\", \"configurations\": 1}," \
		"\"trust\": {\"models\": [\"" LLAMA "\"]}}")
#define MOVED                                                                     \
	CALIBRATION("\"role\": \"transferred\", \"why\": \"from another GPU\"}]," \
	            "\"trust\": {\"models\": [\"" LLAMA "\"]}}")

START_TEST(roles)
{
	static const struct {
		const char *calibration, *row;
		int role;
	} cases[] = {
		{NULL, ROW("tpot", "mean", "5"), ROW_PREDICTED},
		{FITTED, ROW("tpot", "mean", "5"), ROW_FITTED},
		{FITTED, ROW("ttft", "p99", "5"), ROW_FITTED},
		{FITTED, ROW_OF("other", LLAMA, "1", "tpot", "mean", "5"), ROW_PREDICTED},
		{FITTED, ROW_OF("s", "qwen3-8b", "1", "tpot", "mean", "5"), ROW_PREDICTED},
		{FITTED, ROW_OF("s", LLAMA, "2", "tpot", "mean", "5"), ROW_PREDICTED},
		{FITTED, ROW_OF("s", LLAMA, "", "tpot", "mean", "5"), ROW_PREDICTED},
		{MOVED, ROW("tpot", "mean", "5"), ROW_PREDICTED},
	};
	const struct validate_ask ask = ask_all();
	char *const csv = mem_printf("%s%s", STUDY_HEADER, cases[_i].row);
	if (cases[_i].calibration != NULL) {
		test_study_file(&t, "models/calibration/h100-sxm__vllm__bf16.json",
		                cases[_i].calibration);
	}
	validate_rows(csv, &ask);
	free(csv);
	ck_assert_uint_eq(v.n_rows, 1);
	ck_assert_msg(v.rows[0].role == cases[_i].role, "%d: %s", v.rows[0].role, v.rows[0].why);
}
END_TEST

/* --- tolerances --------------------------------------------------------------------------------
 */

START_TEST(tolerances)
{
	static const struct {
		const char *metric, *stat;
		double factor, tolerance;
		bool ok;
	} cases[] = {
		{"tpot", "mean", 1.0, 15, true},
		{"tpot", "mean", 1.0 / 1.149, 15, true},
		{"tpot", "mean", 1 / 1.151, 15, false},
		{"tpot", "mean", 1 / 0.851, 15, true},
		{"tpot", "mean", 1 / 0.849, 15, false},
		{"ttft", "mean", 1 / 1.39, 40, true},
		{"ttft", "mean", 1 / 1.41, 40, false},
		{"ttft", "p50", 1 / 1.41, 40, false},
		{"ttft", "p99", 1 / 1.79, 80, true},
		{"ttft", "p99", 1 / 1.81, 80, false},
		{"e2e_latency", "mean", 1 / 1.21, 20, false},
		{"output_throughput", "mean", 1 / 1.16, 15, false},
	};
	const struct validate_ask ask = ask_all();
	validate_factor(cases[_i].metric, cases[_i].stat, cases[_i].factor, &ask);
	const struct validated_row *const row = &v.rows[0];
	ck_assert_int_eq(row->role, ROW_PREDICTED);
	ck_assert_double_eq_tol(row->tolerance_pct, cases[_i].tolerance, 1e-9);
	ck_assert_double_eq_tol(row->error_pct, 100.0 * (1.0 / cases[_i].factor - 1.0), 1e-9);
	ck_assert_int_eq(row->ok, cases[_i].ok);
	ck_assert_int_eq(validation_ok(&v), cases[_i].ok);
}
END_TEST

START_TEST(tolerances_that_are_given)
{
	static const struct validate_tolerance given[] = {{"ttft", 1.0}, {"tpot", 30.0}};
	struct validate_ask ask = ask_all();
	ask.tolerances = given;
	ask.n_tolerances = 2;
	validate_factor("tpot", "mean", 1 / 1.25, &ask);
	ck_assert(v.rows[0].ok);
	validate_factor("tpot", "p99", 1 / 1.35, &ask); /* as given, tails too */
	ck_assert(!v.rows[0].ok);
	validate_factor("ttft", "mean", 1 / 1.02, &ask);
	ck_assert(!v.rows[0].ok);
}
END_TEST

START_TEST(known_metrics)
{
	static const char *const known[] = {"tpot",
	                                    "ttft",
	                                    "itl",
	                                    "e2e_latency",
	                                    "prefill_latency",
	                                    "decode_step_latency",
	                                    "output_throughput",
	                                    "request_throughput"};
	const char *near = NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ck_assert(validate_knows(known[i], &near));
	}
	ck_assert(!validate_knows("tpott", &near));
	ck_assert_pstr_eq(near, "tpot");
	ck_assert(!validate_knows("", &near));
	ck_assert(!validate_knows("gpu_memory", &near));
}
END_TEST

/* --- rows --------------------------------------------------------------------------------------
 */

static const char mixed[] = STUDY_HEADER ROW("tpot", "mean", "5") ROW(
	"gpu_memory", "max", "70") ROW_OF("s", "nomodel", "1", "tpot", "mean",
                                          "5") ROW("ttft", "p99", "20") ROW("tpot", "mean", "0")
	ROW_OF("r", LLAMA, "1", "ttft", "mean",
               "20") "s,l40s,llama-3.1-70b,bf16,128,32,4,tpot,mean,9,,vllm,1,1,closed,,,,,,,,\n"
		     "s,a100-sxm,llama-7b,fp16,64,,8,prefill_latency,mean,30,ms,vllm,,1,step,,,,,,,,\n"
		     "s,h100-sxm," LLAMA
		     ",bf16,128,32,,output_throughput,mean,900,tokens/s,vllm,1,1,"
		     "flood,,20,,,,,,\n";

START_TEST(rows_in_order_with_their_names)
{
	static const struct {
		const char *id, *why; /* a part of it */
		int role;
	} expected[] = {
		{"s:2", NULL, ROW_PREDICTED},
		{"s:3", "metric \"gpu_memory\", statistic \"max\" is not simulated", ROW_SKIPPED},
		{"s:4", "no data sheet of model \"nomodel\"", ROW_SKIPPED},
		{"s:5", NULL, ROW_PREDICTED},
		{"s:6", "no error against a figure that is not positive", ROW_SKIPPED},
		{"r:7", NULL, ROW_PREDICTED},
		{"s:8", "does not fit", ROW_SKIPPED},
		{"s:9", NULL, ROW_PREDICTED},
		{"s:10", NULL, ROW_PREDICTED},
	};
	const size_t n = sizeof(expected) / sizeof(expected[0]);
	const struct validate_ask ask = ask_all();
	size_t found = 0;
	validate_rows(mixed, &ask);
	ck_assert_uint_eq(v.n_rows, n);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) { /* rows of one configuration stand together */
			const struct validated_row *const row = &v.rows[k];
			char *const id = validated_id(row);
			if (strcmp(id, expected[i].id) == 0) {
				found++;
				ck_assert_msg(row->role == expected[i].role, "%s: %s", id,
				              row->why);
				ck_assert_int_eq(row->why == NULL, expected[i].why == NULL);
				ck_assert_msg(row->why == NULL || strstr(row->why, expected[i].why),
				              "%s: %s", id, row->why);
				ck_assert_int_eq(isnan(row->simulated) != 0, row->why != NULL);
				ck_assert_int_eq(isnan(row->error_pct) != 0, row->why != NULL);
				ck_assert(row->why == NULL || row->ok);
			}
			free(id);
		}
	}
	ck_assert_uint_eq(found, n);
}
END_TEST

START_TEST(only_some_rows)
{
	struct validate_ask ask = ask_all();
	ask.gpu = "a100-sxm";
	validate_rows(mixed, &ask);
	ck_assert_uint_eq(v.n_rows, 1);
	ck_assert_str_eq(v.rows[0].at->gpu, "a100-sxm");
	ask.gpu = NULL;
	ask.engine = "vllm";
	validate_rows(mixed, &ask);
	ck_assert_uint_eq(v.n_rows, 9);
	ask.engine = "trtllm";
	validate_rows(mixed, &ask);
	ck_assert_uint_eq(v.n_rows, 0);
	ck_assert(validation_ok(&v));
}
END_TEST

static void count(void *arg, const char *what)
{
	size_t *const calls = arg;
	(*calls)++;
	ck_assert_msg(strstr(what, " of 6 configurations") != NULL, "%s", what);
}

START_TEST(progress_is_told)
{
	size_t calls = 0;
	struct validate_ask ask = ask_all();
	ask.progress = count;
	ask.progress_arg = &calls;
	ask.threads = 3;
	validate_rows(mixed, &ask);
	ck_assert_uint_eq(calls, t.cases.n);
}
END_TEST

/* --- what is printed ---------------------------------------------------------------------------
 */

static char *text_of(bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);
	if (json) {
		validation_json(&v, out);
	} else {
		validation_print(&v, out);
	}
	fclose(out);
	return text;
}

START_TEST(threads_change_no_byte)
{
	struct validate_ask ask = ask_all();
	char *text[2][2];
	for (size_t i = 0; i < 2; i++) {
		ask.threads = i == 0 ? 1 : 3;
		validate_rows(mixed, &ask);
		text[i][0] = text_of(false);
		text[i][1] = text_of(true);
	}
	for (size_t k = 0; k < 2; k++) {
		ck_assert_str_eq(text[0][k], text[1][k]);
		free(text[0][k]);
		free(text[1][k]);
	}
}
END_TEST

static double number_at(const json_t *object, const char *key)
{
	const json_t *const value = json_object_get(object, key);
	ck_assert_msg(json_is_number(value), "%s", key);
	return json_number_value(value);
}

static const char *string_at(const json_t *object, const char *key)
{
	const json_t *const value = json_object_get(object, key);
	ck_assert_msg(json_is_string(value), "%s", key);
	return json_string_value(value);
}

static void check_row(const json_t *row, const struct validated_row *expected)
{
	char *const id = validated_id(expected);
	const bool skipped = expected->role == ROW_SKIPPED;
	ck_assert_str_eq(string_at(row, "id"), id);
	ck_assert_str_eq(string_at(row, "source"), expected->at->run->source);
	ck_assert_str_eq(string_at(row, "gpu"), expected->at->gpu);
	ck_assert_str_eq(string_at(row, "model"), expected->at->model);
	ck_assert_str_eq(string_at(row, "metric"), expected->value->metric);
	ck_assert_double_eq_tol(number_at(row, "published"), expected->value->value, 1e-12);
	ck_assert_double_gt(number_at(row, "tolerance_pct"), 0.0);
	ck_assert_int_eq(json_is_true(json_object_get(row, "ok")), expected->ok);
	ck_assert_str_eq(string_at(row, "role"), skipped ? "skipped" : "predicted");
	ck_assert_int_eq(json_is_null(json_object_get(row, "simulated")), skipped);
	ck_assert_int_eq(json_is_null(json_object_get(row, "error_pct")), skipped);
	ck_assert_int_eq(json_is_null(json_object_get(row, "why")), !skipped);
	free(id);
}

/* The keys of the contract, and sums that add up. */
START_TEST(json_for_programs)
{
	const struct validate_ask ask = ask_all();
	json_error_t error;
	double sum = 0.0;
	size_t n = 0, skipped = 0;
	validate_rows(mixed, &ask);
	char *const text = text_of(true);
	json_t *const root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(root != NULL, "%s", error.text);
	ck_assert_str_eq(string_at(root, "schema"), "aliquot/validate/1");
	const json_t *const rows = json_object_get(root, "rows");
	ck_assert_uint_eq(json_array_size(rows), v.n_rows);
	for (size_t i = 0; i < v.n_rows; i++) {
		check_row(json_array_get(rows, i), &v.rows[i]);
		skipped += v.rows[i].role == ROW_SKIPPED;
		if (v.rows[i].role == ROW_PREDICTED) {
			sum += fabs(v.rows[i].error_pct);
			n++;
		}
	}
	const json_t *const summary = json_object_get(root, "summary");
	const json_t *const predicted = json_object_get(summary, "predicted");
	const json_t *const fitted = json_object_get(summary, "fitted");
	ck_assert_uint_eq((size_t)number_at(predicted, "n"), n);
	ck_assert_double_eq_tol(number_at(predicted, "mape_pct"), sum / (double)n, 1e-9);
	ck_assert_uint_eq((size_t)number_at(json_object_get(predicted, "tails"), "n"), 1);
	ck_assert_uint_eq((size_t)number_at(fitted, "n"), 0);
	ck_assert(json_is_null(json_object_get(fitted, "mape_pct")));
	ck_assert_uint_eq((size_t)number_at(summary, "skipped"), skipped);
	ck_assert_uint_eq(n + skipped, v.n_rows);
	ck_assert_int_eq(json_is_true(json_object_get(summary, "ok")), validation_ok(&v));
	ck_assert_uint_eq(json_array_size(json_object_get(root, "groups")), 3);
	json_decref(root);
	free(text);
}
END_TEST

static void check_width(const char *text)
{
	for (const char *line = text; *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		ck_assert_msg(length <= 100, "%zu columns: %.*s", length, (int)length, line);
		line += length + (line[length] == '\n');
	}
}

START_TEST(tables_of_a_hundred_columns)
{
	static const char wide[] = STUDY_HEADER ROW_OF(
		"a-source-with-a-very-long-name-indeed", LLAMA, "a version with a very long name",
		"decode_step_latency_of_something", "mean", "5")
		ROW_OF("a-source-with-a-very-long-name-indeed", LLAMA, "a version with a long name",
	               "tpot", "mean", "1e-9") ROW("tpot", "mean", "1e-300")
			ROW("ttft", "mean", "1e300")
				ROW_OF("s",
	                               "a-model-that-no-sheet-has-and-whose-name-is-long-enough-"
	                               "to-break-any-table-that-does-not-cut-it-off",
	                               "1", "tpot", "mean", "5");
	const struct validate_ask ask = ask_all();
	char *text;
	validate_rows(wide, &ask);
	text = text_of(false);
	check_width(text);
	ck_assert_ptr_nonnull(strstr(text, "3 rows not within their tolerance, worst first"));
	free(text);
	validate_rows(mixed, &ask);
	text = text_of(false);
	check_width(text);
	free(text);
}
END_TEST

/* A flood has no users: it is in no line of the table by load. */
START_TEST(loads_are_closed_loops)
{
	static const char flood[] = STUDY_HEADER
		"s,h100-sxm," LLAMA ",bf16,128,32,,tpot,mean,9,,vllm,1,1,flood,,20,,,,,,\n";
	static const char both[] = STUDY_HEADER
		"s,h100-sxm," LLAMA ",bf16,128,32,,tpot,mean,9,,vllm,1,1,flood,,20,,,,,,\n"
		"s,h100-sxm," LLAMA ",bf16,128,32,4,tpot,mean,9,,vllm,1,1,closed,,,,,,,,\n"
		"s,h100-sxm," LLAMA ",bf16,128,32,40,tpot,mean,9,,vllm,1,1,closed,,,,,,,,\n";
	const struct validate_ask ask = ask_all();
	validate_rows(flood, &ask);
	char *text = text_of(false);
	ck_assert_ptr_null(strstr(text, "by load"));
	free(text);
	validate_rows(both, &ask);
	text = text_of(false);
	ck_assert_ptr_nonnull(strstr(text, "by load"));
	ck_assert_ptr_nonnull(strstr(text, "below 8 users                    1 "));
	ck_assert_ptr_nonnull(strstr(text, "8 to 31 users                    0 "));
	ck_assert_ptr_nonnull(strstr(text, "32 to 127 users                  1 "));
	free(text);
}
END_TEST

START_TEST(groups_that_differ_show_it)
{
	static const char rows[] = STUDY_HEADER ROW_OF("one", LLAMA, "1", "tpot", "mean", "9")
		ROW_OF("two", LLAMA, "1", "tpot", "mean", "9")
			ROW_OF("one", LLAMA, "2", "tpot", "mean", "9")
				ROW_OF("one", "qwen3-8b", "1", "tpot", "mean", "9")
					ROW_OF("one", LLAMA, "3", "tpot", "mean", "9");
	const struct validate_ask ask = ask_all();
	validate_rows(rows, &ask);
	char *const text = text_of(false);
	const char *const llama = strstr(text, "h100-sxm " LLAMA "\n  vllm 1 bf16 TP1, one ");
	ck_assert_ptr_nonnull(llama);
	ck_assert_ptr_nonnull(strstr(llama, "\n  vllm 1 bf16 TP1, two "));
	ck_assert_ptr_nonnull(strstr(llama, "\n  vllm 2 bf16 TP1, one "));
	const char *const last = strstr(llama, "\n  vllm 3 bf16 TP1, one ");
	const char *const qwen = strstr(llama, "\nh100-sxm qwen3-8b\n  vllm 1 bf16 TP1, one ");
	ck_assert_ptr_nonnull(last);
	ck_assert_ptr_nonnull(qwen);
	ck_assert(last < qwen); /* one heading for each GPU and model */
	free(text);
}
END_TEST

START_TEST(all_measured_rows)
{
	if (access(ROWS_FILE, R_OK) != 0) {
		printf("SKIPPED: %s is not there; its rows were not printed\n", ROWS_FILE);
		return;
	}
	const struct validate_ask ask = {.cases = &t.cases, .threads = 2};
	t.data = data_dir_open(".", NULL, t.err);
	t.table = measured_read(ROWS_FILE, t.err);
	ck_assert_ptr_nonnull(t.table);
	ck_assert(case_list_make(&t.cases, t.table, t.data, t.err));
	validate(&ask, &v);
	ck_assert_uint_eq(v.n_rows, t.table->n_values);
	char *const text = text_of(false);
	check_width(text);
	free(text);
	ck_assert_uint_eq(err_count(t.err), 0);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("validate");
	TCase *const c = tcase_create("validate");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, roles, 0, 8);
	tcase_add_loop_test(c, tolerances, 0, 12);
	tcase_add_test(c, tolerances_that_are_given);
	tcase_add_test(c, known_metrics);
	tcase_add_test(c, rows_in_order_with_their_names);
	tcase_add_test(c, only_some_rows);
	tcase_add_test(c, progress_is_told);
	tcase_add_test(c, threads_change_no_byte);
	tcase_add_test(c, json_for_programs);
	tcase_add_test(c, tables_of_a_hundred_columns);
	tcase_add_test(c, loads_are_closed_loops);
	tcase_add_test(c, groups_that_differ_show_it);
	tcase_add_test(c, all_measured_rows);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
