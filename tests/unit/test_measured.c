/*
 * Tables of measured figures: what becomes one configuration, what is read from odd cells, and
 * every way in which a table is wrong.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study.h"

#define HEADER "source,gpu,model,metric,value,stat,unit,concurrency,isl,osl,load,note\n"

static struct test_study t;

static void set_up(void)
{
	test_study_begin(&t);
}

static void tear_down(void)
{
	test_study_end(&t);
}

static void read_table(const char *csv)
{
	if (!test_study_table(&t, csv)) {
		ck_abort_msg("%s", err_message(t.err, 0));
	}
	ck_assert_uint_eq(err_count(t.err), 0);
}

START_TEST(rows_of_one_configuration)
{
	read_table(HEADER "s,g,m,tpot,10.5,mean,ms,8,1024,128,closed,first\n"
	                  "s,g,m,ttft,200,p99,ms,8,1024,128,closed,second\n"
	                  "s,g,m,tpot,20,mean,ms,16,1024,128,closed,\n"
	                  "s,g,m,tpot,10.7,mean,s,8,1024,128,closed,again\n");
	ck_assert_uint_eq(t.table->n_runs, 2);
	ck_assert_uint_eq(t.table->n_values, 4);
	const struct measured_run *const r = &t.table->runs[0];
	ck_assert_uint_eq(r->n_values, 3);
	ck_assert_str_eq(r->source, "s");
	ck_assert_str_eq(r->gpu, "g");
	ck_assert_str_eq(r->model, "m");
	ck_assert_str_eq(r->load, "closed");
	ck_assert_int_eq(r->users, 8);
	ck_assert_double_eq(r->isl, 1024.0);
	ck_assert_double_eq(r->osl, 128.0);
	ck_assert_ptr_null(r->odd);
	ck_assert_str_eq(r->values[1].metric, "ttft");
	ck_assert_str_eq(r->values[1].stat, "p99");
	ck_assert_str_eq(r->values[1].unit, "ms");
	ck_assert_str_eq(r->values[1].note, "second");
	ck_assert_double_eq(r->values[1].value, 200.0);
	ck_assert_uint_eq(r->values[1].line, 3);
	ck_assert_uint_eq(r->values[2].line, 5);
	ck_assert_int_eq(t.table->runs[1].users, 16);
	ck_assert_ptr_eq(measured_find(r, "ttft", "p99"), &r->values[1]);
	ck_assert_ptr_eq(measured_find(r, "tpot", "mean"), &r->values[0]); /* the first of two */
	ck_assert_ptr_null(measured_find(r, "ttft", "mean"));
}
END_TEST

START_TEST(only_the_columns_that_must_be_there)
{
	read_table("value,metric,model,gpu,source\n1,tpot,m,g,s\n");
	const struct measured_run *const r = &t.table->runs[0];
	ck_assert_str_eq(r->precision, "");
	ck_assert_str_eq(r->engine, "");
	ck_assert_str_eq(r->engine_version, "");
	ck_assert_str_eq(r->load, "");
	ck_assert_str_eq(r->sharing, "");
	ck_assert_str_eq(r->values[0].stat, "");
	ck_assert_int_eq(r->users, 0);
	ck_assert_double_eq(r->isl, 0.0);
	ck_assert(!r->speculative);
}
END_TEST

START_TEST(quotes_commas_blank_lines_and_crlf)
{
	read_table("source,gpu,model,metric,value,note\r\n"
	           "\"s, one\",\"g \"\"x\"\"\",m,tpot,1,\"two\nlines\"\r\n"
	           "\r\n"
	           "\"s, one\",\"g \"\"x\"\"\",m,ttft,2,\r\n");
	ck_assert_uint_eq(t.table->n_runs, 1);
	ck_assert_str_eq(t.table->runs[0].source, "s, one");
	ck_assert_str_eq(t.table->runs[0].gpu, "g \"x\"");
	ck_assert_str_eq(t.table->runs[0].values[0].note, "two\nlines");
	ck_assert_uint_eq(t.table->runs[0].values[1].line, 5);
}
END_TEST

/* "inf" and nothing are absent; what is no number stays readable. */
START_TEST(odd_numbers)
{
	static const struct {
		const char *cell, *odd;
		int64_t users;
	} cases[] = {
		{"", NULL, 0},
		{"inf", NULL, 0},
		{"8", NULL, 8},
		{"8.0", NULL, 8},
		{"1e2", NULL, 100},
		{"64?", "concurrency \"64?\" is no number", 0},
		{"1/2", "concurrency \"1/2\" is no number", 0},
		{"nan", "concurrency \"nan\" is no number", 0},
		{"INF", "concurrency \"INF\" is no number", 0},
		{"-8", "concurrency \"-8\" is no number", 0},
		{"1.5", "concurrency \"1.5\" is no count", 0},
		{"1e10", "concurrency \"1e10\" is no count", 0},
		{"1e300", "concurrency \"1e300\" is no count", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *const csv =
			mem_printf(HEADER "s,g,m,tpot,1,mean,ms,%s,1,1,closed,\n", cases[i].cell);
		read_table(csv);
		free(csv);
		const struct measured_run *const r = &t.table->runs[0];
		ck_assert_int_eq(r->users, cases[i].users);
		if (cases[i].odd == NULL) {
			ck_assert_msg(r->odd == NULL, "%s: %s", cases[i].cell, r->odd);
		} else {
			ck_assert_pstr_eq(r->odd, cases[i].odd);
		}
	}
}
END_TEST

START_TEST(the_first_odd_cell_is_named)
{
	read_table("source,gpu,model,metric,value,replicas,concurrency,isl\n"
	           "s,g,m,tpot,1,x,-1e300,OpenOrca\n");
	const struct measured_run *const r = &t.table->runs[0];
	ck_assert_str_eq(r->odd, "replicas \"x\" is no number");
	ck_assert_int_eq(r->replicas, 0);
	ck_assert_int_eq(r->users, 0);
	ck_assert_double_eq(r->isl, 0.0);
}
END_TEST

START_TEST(every_column_tells_configurations_apart)
{
	static const char *const columns[] = {
		"precision", "gpu_count",   "fraction_request", "replicas",   "isl",  "osl",
		"engine",    "tp",          "engine_version",   "load",       "rate", "prompts",
		"sharing",   "speculative", "max_num_seqs",     "concurrency"};
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		char *const csv = mem_printf("source,gpu,model,metric,value,%s\n"
		                             "s,g,m,a,1,1\ns,g,m,b,1,2\ns,g,m,c,1,1\n",
		                             columns[i]);
		read_table(csv);
		free(csv);
		ck_assert_msg(t.table->n_runs == 2, "%s", columns[i]);
		ck_assert_uint_eq(t.table->runs[0].n_values, 2);
	}
}
END_TEST

START_TEST(a_misspelt_column_is_named)
{
	char text[512] = "";
	read_table("source,gpu,model,metric,value,concurency,colour\ns,g,m,tpot,1,8,red\n");
	FILE *const out = fmemopen(text, sizeof(text), "w");
	err_print(t.err, out);
	fclose(out);
	ck_assert_msg(strstr(text,
	                     "rows.csv: column \"concurency\" is not read; is \"concurrency\" "
	                     "meant?\n") != NULL,
	              "%s", text);
	ck_assert_ptr_null(strstr(text, "colour"));
	ck_assert_int_eq(err_exit_code(t.err), 0);
}
END_TEST

#define ROW "s,g,m,tpot,1,mean,ms,8,1,1,closed,\n"

START_TEST(mistakes)
{
	static const struct {
		const char *bytes, *message; /* after the file's name */
		size_t count;
	} cases[] = {
		{"",
	         ": no header line: expected columns source, gpu, model, metric, value and others",
	         1},
		{"\n\n",
	         ": no header line: expected columns source, gpu, model, metric, value and others",
	         1},
		{HEADER, ": no rows after the header line", 1},
		{"source,gpu,model,metric\ns,g,m,tpot\n", ":1:1: column \"value\" is missing", 1},
		{"source,gpu,modl,metric,value\ns,g,m,tpot,1\n",
	         ":1:1: column \"model\" is missing; is \"modl\" meant?", 1},
		{"a,b\n1,2\n", ":1:1: column \"source\" is missing", 5},
		{"source,gpu,model,metric,value,value\ns,g,m,tpot,1,2\n",
	         ":1:6: column \"value\" is there twice", 1},
		{"isl,source,gpu,model,metric,value,isl\n1,s,g,m,tpot,1,2\n",
	         ":1:7: column \"isl\" is there twice", 1},
		{HEADER ROW "s,g,m,tpot,,mean,ms,8,1,1,closed,\n",
	         ":3:5: value: expected a number, got \"\"", 1},
		{HEADER "s,g,m,tpot,fast,mean\n" ROW "s,g,m,tpot,nan\n" ROW,
	         ":2:5: value: expected a number, got \"fast\"", 2},
		{HEADER "s,g,m,tpot,1,mean,ms,8,1,1,closed,one, two\n",
	         ":2:13: more fields than the header has columns: a text with a comma needs quotes",
	         1},
		{HEADER "s,g\n", ":2:5: value: expected a number, got \"\"", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err *const err = err_new();
		struct err *const kept = t.err;
		char *const name = test_study_path(&t, "rows.csv");
		t.err = err;
		ck_assert(!test_study_table(&t, cases[i].bytes));
		t.err = kept;
		ck_assert_str_eq(err_message(err, 0) + strlen(name), cases[i].message);
		ck_assert_uint_eq(err_count(err), cases[i].count);
		ck_assert_int_eq(err_exit_code(err), ERR_INPUT);
		err_free(err);
		free(name);
	}
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
	ck_assert_ptr_null(measured_read("/nonexistent/rows.csv", t.err));
	ck_assert_int_eq(err_exit_code(t.err), ERR_IO);
}
END_TEST

/* --- two tables --------------------------------------------------------------------------------
 */

static struct measured_table *table_from(const char *csv)
{
	struct measured_table *const table = test_study_table(&t, csv) ? t.table : NULL;
	ck_assert_ptr_nonnull(table);
	t.table = NULL;
	return table;
}

#define FIRST HEADER "s,g,m,tpot,10,mean,ms,8,1,1,closed,\ns,g,m,ttft,200,mean,ms,8,1,1,closed,\n"

START_TEST(the_same_measurement_in_two_tables)
{
	struct measured_table *const a = table_from(FIRST);
	/* known by two figures, in another unit; the third is another measurement */
	struct measured_table *const b =
		table_from(HEADER "z,g,m,tpot,0.01,mean,s,,,,,\nz,g,m,ttft,0.2000001,mean,s,,,,,\n"
	                          "z,g,m,tpot,0.01,mean,s,9,,,,\nz,g,m,ttft,0.3,mean,s,9,,,,\n");
	struct measured_value *const v = &b->runs[0].values[1];
	v->others = mem_new(1, sizeof(*v->others));
	v->others[v->n_others++] = (struct measured_other){mem_strdup("sim"), 0.25};
	ck_assert_uint_eq(measured_join(a, b, true), 1);
	ck_assert_uint_eq(a->n_runs, 2);
	ck_assert_uint_eq(a->n_values, 4);
	ck_assert_uint_eq(a->runs[0].values[0].n_others, 0);
	ck_assert_uint_eq(a->runs[0].values[1].n_others, 1);
	ck_assert_str_eq(a->runs[0].values[1].others[0].simulator, "sim");
	ck_assert_double_eq_tol(a->runs[0].values[1].others[0].value, 250.0, 1e-9);
	ck_assert_double_eq(a->runs[1].values[1].value, 0.3);
	t.table = a;
}
END_TEST

START_TEST(two_tables_stay_apart)
{
	static const char *const others[] = {
		HEADER "z,h,m,tpot,10,mean,ms,,,,,\nz,h,m,ttft,200,mean,ms,,,,,\n", /* GPU */
		HEADER "z,g,n,tpot,10,mean,ms,,,,,\nz,g,n,ttft,200,mean,ms,,,,,\n", /* model */
		HEADER "z,g,m,tpot,10,p99,ms,,,,,\nz,g,m,ttft,200,mean,ms,,,,,\n",
		HEADER "z,g,m,tpot,10,mean,s,,,,,\nz,g,m,ttft,200,mean,ms,,,,,\n",
		HEADER "z,g,m,tpot,10,mean,GB,,,,,\nz,g,m,ttft,200,mean,ms,,,,,\n",
		HEADER "z,g,m,tpot,10,mean,ms,,,,,\n", /* one figure may agree by chance */
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct measured_table *const a = table_from(FIRST);
		ck_assert_msg(measured_join(a, table_from(others[i]), false) == 0, "%zu", i);
		ck_assert_uint_eq(a->n_runs, 1);
		ck_assert_uint_eq(measured_join(a, table_from(others[i]), true), 0);
		ck_assert_uint_eq(a->n_runs, 2);
		measured_free(a);
	}
}
END_TEST

/* --- tables of others --------------------------------------------------------------------------
 */

#define STAGES                                                                                   \
	"run,model,gpu,tp,stage,max_num_batched_tokens,max_num_seqs,rate_rps,system_prompt_len," \
	"num_system_prompts,users_per_system_prompt,requests_sent,prompt_tokens_mean,"           \
	"output_len,e2e_s_mean,ttft_s_mean\n"

START_TEST(stages_with_impossible_counts)
{
	static const struct {
		const char *row, *message;
	} cases[] = {
		{"a,m,g,1,0,2048,128,8,100,1e300,5,100,500,250,1,0.1\n",
	         ":2:10: num_system_prompts: expected a count, got \"1e300\""},
		{"a,m,g,-1,0,2048,128,8,100,9,5,100,500,250,1,0.1\n",
	         ":2:4: tp: expected a count, got \"-1\""},
		{"a,m,g,x,0,2048,128,8,100,9,5,100,500,250,1,0.1\n",
	         ":2:4: tp: expected a number, got \"x\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err *const err = err_new();
		struct err *const kept = t.err;
		char *const csv = mem_printf("%s%s", STAGES, cases[i].row);
		char *const name = test_study_path(&t, "rows.csv");
		t.err = err;
		ck_assert(!test_study_table(&t, csv));
		t.err = kept;
		ck_assert_str_eq(err_message(err, 0) + strlen(name), cases[i].message);
		err_free(err);
		free(name);
		free(csv);
	}
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("measured");
	TCase *const c = tcase_create("tables");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, rows_of_one_configuration);
	tcase_add_test(c, only_the_columns_that_must_be_there);
	tcase_add_test(c, quotes_commas_blank_lines_and_crlf);
	tcase_add_test(c, odd_numbers);
	tcase_add_test(c, the_first_odd_cell_is_named);
	tcase_add_test(c, every_column_tells_configurations_apart);
	tcase_add_test(c, a_misspelt_column_is_named);
	tcase_add_test(c, mistakes);
	tcase_add_test(c, a_file_that_is_not_there);
	tcase_add_test(c, the_same_measurement_in_two_tables);
	tcase_add_test(c, two_tables_stay_apart);
	tcase_add_test(c, stages_with_impossible_counts);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
