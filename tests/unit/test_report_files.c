/* Files appear whole or not at all; JSON is written as it must be read; the result folder is
 * complete. */
#include "report_run.h"

#include "base/mem.h"
#include "base/rng.h"
#include "report/gnuplot.h"
#include "report/json_writer.h"
#include "report/out.h"

#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/aliquot_report_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Remove everything under a folder, and count the files. */
static size_t empty(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char *path = mem_printf("%s/%s", dir, e->d_name);
		struct stat st;

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			ck_assert_int_eq(stat(path, &st), 0);
			n += S_ISDIR(st.st_mode) ? empty(path) : 1;
			ck_assert_int_eq(S_ISDIR(st.st_mode) ? 0 : unlink(path), 0);
		}
		free(path);
	}
	closedir(d);
	ck_assert_int_eq(rmdir(dir), 0);
	return n;
}

static void remove_folder(void)
{
	empty(folder);
}

static bool has_file(const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);
	struct stat st;
	bool has = stat(path, &st) == 0 && st.st_size > 0;

	free(path);
	return has;
}

START_TEST(committed_file_appears)
{
	struct err *err = err_new();
	char *deep = mem_printf("%s/a/b//c/", folder);
	struct out *o = out_open(deep, "x/y.txt", err);

	ck_assert_ptr_nonnull(o);
	fputs("hello", out_file(o));
	ck_assert(!has_file("a/b/c/x/y.txt"));
	ck_assert(out_commit(o));
	ck_assert(has_file("a/b/c/x/y.txt"));
	ck_assert_uint_eq(err_count(err), 0);
	free(deep);
	deep = mem_printf("%s/plain.txt", folder);
	o = out_open(NULL, deep, err);
	fputs("hello", out_file(o));
	ck_assert(out_commit(o));
	ck_assert(has_file("plain.txt"));
	free(deep);
	err_free(err);
	char *again = mem_strdup(folder);

	ck_assert_uint_eq(empty(folder), 2); /* no temporary names left */
	strcpy(folder, again);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	free(again);
}
END_TEST

START_TEST(aborted_file_leaves_nothing)
{
	struct err *err = err_new();
	struct out *o = out_open(folder, "x", err);

	ck_assert_ptr_nonnull(o);
	out_abort(o);
	out_abort(NULL);
	ck_assert_int_eq(rmdir(folder), 0); /* empty */
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	err_free(err);
}
END_TEST

START_TEST(unwritable_places_are_errors)
{
	struct err *err = err_new();
	char *file = mem_printf("%s/file", folder), *below = mem_printf("%s/file/sub", folder);
	struct out *o = out_open(folder, "file", err);

	ck_assert(out_commit(o));
	ck_assert_ptr_null(out_open(file, "x", err));
	ck_assert_ptr_null(out_open(below, "x", err));
	ck_assert(!out_make_folder(below, err));
	ck_assert_ptr_null(out_open("/proc/no-such-folder", "x", err));
	ck_assert_uint_eq(err_count(err), 4);
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	ck_assert_ptr_nonnull(strstr(err_message(err, 0), "cannot make the folder"));
	free(file);
	free(below);
	err_free(err);
}
END_TEST

/* The target became a folder while we wrote: the rename fails and nothing stays behind. */
START_TEST(failed_commit_leaves_nothing)
{
	struct err *err = err_new();
	struct out *o = out_open(folder, "x", err);
	char *taken = mem_printf("%s/x", folder);

	ck_assert_int_eq(mkdir(taken, 0700), 0);
	ck_assert(!out_commit(o));
	ck_assert_uint_eq(err_count(err), 1);
	ck_assert_int_eq(rmdir(taken), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	free(taken);
	err_free(err);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
	struct err *err = err_new();
	FILE *full = fopen("/dev/full", "w");

	if (full == NULL) {
		fprintf(stderr, "full_disk_is_an_error: SKIPPED, no /dev/full\n");
		err_free(err);
		return;
	}
	fclose(full);
	struct out *o = out_open(folder, "x", err);
	FILE *redirected = freopen("/dev/full", "w", out_file(o));

	ck_assert_ptr_nonnull(redirected);
	fputs("does not fit", redirected);
	ck_assert(!out_commit(o));
	ck_assert_ptr_nonnull(strstr(err_message(err, 0), "No space left"));
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	err_free(err);
}
END_TEST

static void write_json(FILE *out, const struct report *r)
{
	struct json_writer w;

	(void)r;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "text", "a\"b\\c\n\t\001 \303\251");
	json_put_string(&w, "none", NULL);
	json_begin_array(&w, "empty");
	json_end(&w);
	json_begin_object_flat(&w, "flat");
	json_begin_array(&w, "list");
	json_put_int(&w, NULL, -3);
	json_put_real(&w, NULL, 0.1);
	json_put_real(&w, NULL, (double)NAN);
	json_end(&w);
	json_put_bool(&w, "yes", true);
	json_end(&w);
	json_begin_array(&w, "tall");
	json_put_real(&w, NULL, (double)INFINITY);
	json_put_null(&w, NULL);
	json_end(&w);
	json_end(&w);
}

START_TEST(json_text)
{
	char *text = text_of(write_json, NULL);

	ck_assert_str_eq(text, "{\n"
	                       "  \"text\": \"a\\\"b\\\\c\\n\\t\\u0001 \303\251\",\n"
	                       "  \"none\": null,\n"
	                       "  \"empty\": [],\n"
	                       "  \"flat\": {\"list\": [-3, 0.1, null], \"yes\": true},\n"
	                       "  \"tall\": [\n"
	                       "    null,\n"
	                       "    null\n"
	                       "  ]\n"
	                       "}\n");
	free(text);
}
END_TEST

START_TEST(milliseconds_are_shortest)
{
	struct rng *rng = rng_new(9, "ms");
	char *a, *b;
	size_t a_size, b_size;
	FILE *fast = open_memstream(&a, &a_size), *slow = open_memstream(&b, &b_size);
	struct json_writer wf, ws;

	json_writer_init(&wf, fast, true);
	json_writer_init(&ws, slow, true);
	json_begin_array(&wf, NULL);
	json_begin_array(&ws, NULL);
	for (size_t i = 0; i < 20000; i++) {
		ns_t v = (ns_t)rng_below(rng, UINT64_C(1) << (i % 62));

		v = i % 3 == 0 ? v / 1000 * 1000 : v;
		json_put_ms(&wf, NULL, v);
		json_put_real(&ws, NULL, ns_to_ms(v));
	}
	json_end(&wf);
	json_end(&ws);
	fclose(fast);
	fclose(slow);
	ck_assert_str_eq(a, b);
	free(a);
	free(b);
	rng_free(rng);
}
END_TEST

START_TEST(unbalanced_json_is_our_mistake)
{
	struct json_writer w;

	json_writer_init(&w, stdout, true);
	json_end(&w);
}
END_TEST

START_TEST(key_in_an_array_is_our_mistake)
{
	struct json_writer w;
	FILE *null = fopen("/dev/null", "w");

	json_writer_init(&w, null, true);
	json_begin_array(&w, NULL);
	json_put_int(&w, "key", 1);
}
END_TEST

START_TEST(whole_folder)
{
	static const char *const files[] = {
		"run.json",
		"summary.json",
		"profile_export.jsonl",
		"profile_export_aiperf.json",
		"profile_export_aiperf.csv",
		"profile_export_genai_perf.json",
		"profile_export_genai_perf.csv",
		"timeslices.csv",
		"plots/run.dat",
		"plots/run.gp",
	};
	struct report_run run;
	struct err *err = err_new();

	report_run_init(&run, 1, true);
	report_run_add_series(&run);
	ck_assert_int_eq(setenv("PATH", "/nowhere", 1), 0);
	ck_assert(report_folder(&run.report, folder, err));
	ck_assert_uint_eq(err_count(err), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ck_assert_msg(has_file(files[i]), "no %s", files[i]);
	}
	ck_assert(!has_file("plots/run.png"));
	char *notes = NULL;
	size_t size;
	FILE *out = open_memstream(&notes, &size);

	err_print(err, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(notes, "gnuplot is not installed"));
	free(notes);
	report_run_fini(&run);
	err_free(err);
}
END_TEST

START_TEST(folder_of_two_services_without_records)
{
	struct report_run run;
	struct err *err = err_new();

	report_run_init(&run, 2, false);
	ck_assert_int_eq(setenv("PATH", "/nowhere", 1), 0);
	ck_assert(report_folder(&run.report, folder, err));
	ck_assert(has_file("profile_export_chat_aiperf.json"));
	ck_assert(has_file("profile_export_embed_docs-1_genai_perf.csv"));
	ck_assert(has_file("plots/run_chat.gp"));
	ck_assert(!has_file("profile_export.jsonl"));
	ck_assert(!has_file("timeslices.csv"));
	report_run_fini(&run);
	err_free(err);
}
END_TEST

START_TEST(records_file)
{
	struct report_run run;
	struct err *err = err_new();
	char *path = mem_printf("%s/deep/records.jsonl", folder);

	report_run_init(&run, 1, true);
	ck_assert(report_records_file(&run.report, path, err));
	ck_assert(has_file("deep/records.jsonl"));
	ck_assert(!report_records_file(&run.report, folder, err)); /* a folder */
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	free(path);
	report_run_fini(&run);
	err_free(err);
}
END_TEST

static void put_file(const char *name, const char *text)
{
	struct err *err = err_new();
	struct out *o = out_open(folder, name, err);

	ck_assert_ptr_nonnull(o);
	fputs(text, out_file(o));
	ck_assert(out_commit(o));
	err_free(err);
}

/* What an earlier run of ours left goes; what another tool left stays. */
START_TEST(earlier_run_goes)
{
	for (size_t i = 0; i < 2; i++) {
		struct report_run run;
		struct err *err = err_new();
		bool ours = i == 1;

		put_file("profile_export_old_aiperf.json", "{}");
		put_file("plots/run_old.gp", "plot x");
		put_file("notes.txt", "keep");
		put_file("summary.json", ours ? "{\n  \"schema\": \"aliquot/summary/1\",\n" : "{}");
		report_run_init(&run, 1, false);
		ck_assert_int_eq(setenv("PATH", "/nowhere", 1), 0);
		ck_assert(report_folder(&run.report, folder, err));
		ck_assert(has_file("notes.txt"));
		ck_assert(has_file("summary.json"));
		ck_assert(has_file("profile_export_old_aiperf.json") == !ours);
		ck_assert(has_file("plots/run_old.gp") == !ours);
		report_run_fini(&run);
		err_free(err);
	}
}
END_TEST

/* A run whose writing fails leaves neither its own summary nor the earlier one. */
START_TEST(failed_folder_has_no_summary)
{
	struct report_run run;
	struct err *err = err_new();

	put_file("summary.json", "{\"schema\": \"aliquot/summary/1\"}");
	put_file("run.json", "{\"schema\": \"aliquot/run/1\"}");
	put_file("plots", "a file where a folder is wanted");
	report_run_init(&run, 1, true);
	ck_assert(!report_folder(&run.report, folder, err));
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	ck_assert(!has_file("summary.json"));
	ck_assert(!has_file("run.json"));
	report_run_fini(&run);
	err_free(err);
}
END_TEST

/* Twice the same run: the same bytes, drawn figures included where gnuplot is installed. */
START_TEST(figure_is_drawn)
{
	struct report_run run;
	struct err *err = err_new();

	report_run_init(&run, 2, true);
	report_run_add_series(&run);
	run.summary.scenario_name = "it's 'odd'; system \"false\"";
	ck_assert(report_folder(&run.report, folder, err));
	char *plots = mem_printf("%s/plots", folder);

	if (!gnuplot_run(plots, "run_chat", err)) {
		fprintf(stderr, "figure_is_drawn: SKIPPED, no working gnuplot\n");
	} else {
		ck_assert(has_file("plots/run_chat.png"));
		ck_assert(has_file("plots/run_chat.svg"));
		ck_assert(has_file("plots/run_embed_docs-1.png"));
		ck_assert(!gnuplot_run(plots, "no_such_figure", err));
	}
	free(plots);
	report_run_fini(&run);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report files");
	TCase *t = tcase_create("report files");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, committed_file_appears);
	tcase_add_test(t, aborted_file_leaves_nothing);
	tcase_add_test(t, unwritable_places_are_errors);
	tcase_add_test(t, failed_commit_leaves_nothing);
	tcase_add_test(t, full_disk_is_an_error);
	tcase_add_test(t, whole_folder);
	tcase_add_test(t, folder_of_two_services_without_records);
	tcase_add_test(t, records_file);
	tcase_add_test(t, earlier_run_goes);
	tcase_add_test(t, failed_folder_has_no_summary);
	tcase_add_test(t, figure_is_drawn);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	TCase *j = tcase_create("json");

	tcase_add_test(j, json_text);
	tcase_add_test(j, milliseconds_are_shortest);
	tcase_add_test_raise_signal(j, unbalanced_json_is_our_mistake, 6);
	tcase_add_test_raise_signal(j, key_in_an_array_is_our_mistake, 6);
	suite_add_tcase(s, j);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
