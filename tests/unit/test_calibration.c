/* Calibration files: what is read, which set is chosen, every mistake by its place, the manual. */
#include "spec/calibration.h"

#include "base/mem.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "tests/support/calibrated"
#define GOOD FOLDER "/models/calibration/h100-sxm__trtllm__bf16.json"
#define NAME "h100-sxm__trtllm__bf16"

static struct err *err;
static struct data_dir *data;

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(FOLDER, NULL, err);
	ck_assert_msg(data != NULL, "tests run in the root of the project");
}

static void tear_down(void)
{
	data_dir_close(data);
	err_free(err);
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

START_TEST(a_file_is_read)
{
	struct calibration *c = calibration_read(GOOD, data, err);

	ck_assert_msg(c != NULL, "%s", err_message(err, 0));
	ck_assert_str_eq(c->name, NAME);
	ck_assert_str_eq(c->gpu, "h100-sxm");
	ck_assert_str_eq(c->engine, "trtllm");
	ck_assert_str_eq(c->checked, "2026-11-21");
	ck_assert_int_eq(c->precision, PRECISION_BF16);
	ck_assert_uint_eq(c->n_sets, 2);
	const struct calibration_set *set = &c->sets[0];

	ck_assert(!set->moe);
	ck_assert_str_eq(set->engine_version, "1.0.0rc3");
	ck_assert_uint_eq(set->n_constants, 4);
	ck_assert_str_eq(set->constants[0].name, "e_compute");
	ck_assert(near(set->constants[0].value, 0.63) && near(set->constants[0].low, 0.6) &&
	          near(set->constants[0].high, 0.66));
	ck_assert_int_eq(set->constants[0].role, CONSTANT_FITTED);
	ck_assert_ptr_null(set->constants[0].why);
	ck_assert_int_eq(set->constants[3].role, CONSTANT_HELD);
	ck_assert(near(set->constants[3].low, 0.82) && near(set->constants[3].high, 0.82));
	ck_assert_str_eq(set->source, "made-up");
	ck_assert_int_eq(set->configurations, 23);
	ck_assert_uint_eq(set->n_errors, 2);
	ck_assert_str_eq(set->errors[1].metric, "ttft");
	ck_assert(set->errors[1].n == 21 && near(set->errors[1].held_out_median, 6.1) &&
	          near(set->errors[1].fitted_worst, 14.2));
	ck_assert_uint_eq(set->n_models, 1);
	ck_assert_str_eq(set->models[0], "llama-3.1-8b-instruct");
	ck_assert(near(set->isl.low, 1024) && near(set->isl.high, 4096));
	ck_assert(near(set->users.low, 8) && near(set->tensor_parallel.high, 1));
	ck_assert(near(c->sets[1].isl.high, 0) && near(c->sets[1].osl.high, 0));
	calibration_free(c);
}
END_TEST

START_TEST(a_set_is_chosen_by_kind_and_version)
{
	struct calibration *c = calibration_read(GOOD, data, err);
	struct llm_spec dense = {.experts = 0}, moe = {.experts = 8};

	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_eq(calibration_find(c, &dense, NULL), &c->sets[0]);
	ck_assert_ptr_eq(calibration_find(c, &dense, "1.0.0rc3"), &c->sets[0]);
	ck_assert_ptr_eq(calibration_find(c, &dense, "0.20.0"), &c->sets[1]);
	ck_assert_ptr_null(calibration_find(c, &dense, "0.20"));
	ck_assert_ptr_null(calibration_find(c, &moe, NULL));
	ck_assert(calibration_has(&c->sets[0], "e_kv") && !calibration_has(&c->sets[1], "e_kv"));

	struct cost_constants costs = {.e_compute = 0.1, .e_memory = 0.2, .t_link_s = 0.3};

	calibration_apply(&c->sets[1], &costs);
	ck_assert(near(costs.e_compute, 0.1) && near(costs.e_memory, 0.7) &&
	          near(costs.t_link_s, 0.3));
	calibration_apply(&c->sets[0], &costs);
	ck_assert(near(costs.e_compute, 0.63) && near(costs.e_memory, 0.75) &&
	          near(costs.h_seq_s, 20.1e-6) && near(costs.t_link_s, 0.3));
	calibration_free(c);
	calibration_free(NULL);
}
END_TEST

/* --- mistakes ----------------------------------------------------------------------------------
 */

struct mistake {
	const char *path, *text; /* what to break in the good file */
	const char *message;     /* after "file: "; the only error */
};

static const struct mistake mistakes[] = {
	{"nmae", "1", "unknown key \"nmae\"; did you mean \"name\"?"},
	{"name", "null", "missing key \"name\": the file name without .json"},
	{"name", "\"h100\"", "name: \"h100\" is not the name of the file"},
	{"precision", "\"fp8\"",
         "name: GPU, engine and precision make it \"h100-sxm__trtllm__fp8\", got \"" NAME "\""},
	{"precision", "\"fp9\"", "precision: unknown precision \"fp9\"; did you mean \"fp8\"?"},
	{"sets", "{}", "sets: expected an array, got an object"},
	{"sets", "[]", "sets: needs at least one element"},
	{"sets.1", "3", "sets.1: expected an object, got a number"},
	{"sets.0.models", "\"mixed\"", "sets.0.models: unknown models \"mixed\""},
	{"sets.0.version", "\"1\"", "sets.0: unknown key \"version\""},
	{"sets.0.constants", "[]", "sets.0.constants: needs at least one element"},
	{"sets.0.constants.1.name", "\"e_memry\"",
         "sets.0.constants.1.name: unknown constant \"e_memry\"; did you mean \"e_memory\"?"},
	{"sets.0.constants.1.name", "\"e_compute\"",
         "sets.0.constants.1: \"e_compute\" is given twice"},
	{"sets.0.constants.3.value", "3", "sets.0.constants.3.e_kv: must be at most 2"},
	{"sets.0.constants.1.value", "0.8",
         "sets.0.constants.1: the value 0.8 is not between low 0.74 and high 0.761"},
	{"sets.0.constants.1.low", "null",
         "sets.0.constants.1: \"low\" is missing: an interval has two ends"},
	{"sets.0.constants.1.high", "null",
         "sets.0.constants.1: \"high\" is missing: an interval has two ends"},
	{"sets.0.constants.3.why", "null", "sets.0.constants.3: \"why\" is missing: where"},
	{"sets.0.constants.3.role", "\"guessed\"", "sets.0.constants.3.role: unknown role"},
	{"sets.0.rows", "null", "sets.0: \"rows\" is missing: what the constants were fitted to"},
	{"sets.0.rows.configurations", "0", "sets.0.rows.configurations: must be at least 1"},
	{"sets.0.errors.1.n", "\"many\"", "sets.0.errors.1.n: expected an integer"},
	{"sets.0.errors.1.held_out_mean_pct", "-1",
         "sets.0.errors.1.held_out_mean_pct: must be at least 0"},
	{"sets.0.errors.1.held_out_mean_pct", "null",
         "sets.0.errors.1: missing key \"held_out_mean_pct\": mean error on rows held out"},
	{"sets.0.trust", "null", "sets.0: missing key \"trust\": where the constants hold"},
	{"sets.0.trust.models", "[]", "sets.0.trust.models: needs at least one element"},
	{"sets.0.trust.models.0", "7", "sets.0.trust.models.0: expected a string, got a number"},
	{"sets.0.trust.models.0", "\"llama-3.1-8b-instrct\"",
         "sets.0.trust.models.0: unknown model \"llama-3.1-8b-instrct\"; did you mean"},
	{"sets.0.trust.isl", "[4096, 1024]",
         "sets.0.trust.isl: expected two numbers, the least and the largest"},
	{"sets.0.trust.isl", "[1024]", "sets.0.trust.isl: expected two numbers"},
	{"sets.0.trust.osl", "[-1, 4]", "sets.0.trust.osl: expected two numbers"},
	{"sets.0.trust.osl", "[1, \"4\"]", "sets.0.trust.osl: expected two numbers"},
	{"sets.0.trust.users", "64", "sets.0.trust.users: expected an array, got a number"},
};

/* Write the good file with one value changed, under `name`.json; caller frees the path. */
static char *write_copy(const char *path, const char *text, const char *name)
{
	char folder[] = "/tmp/aliquot_calibration_XXXXXX";
	json_t *json = json_load_file(GOOD, 0, NULL);

	ck_assert_ptr_nonnull(json);
	ck_assert(json_set(json, path, text, err));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	char *file = mem_printf("%s/%s.json", folder, name);

	ck_assert_int_eq(json_dump_file(json, file, 0), 0);
	json_decref(json);
	return file;
}

static void remove_copy(char *file)
{
	unlink(file);
	*strrchr(file, '/') = '\0';
	rmdir(file);
	free(file);
}

static void expect_only(const char *file, const char *message)
{
	char *whole = mem_printf("%s: %s", file, message);

	ck_assert_uint_eq(err_count(err), 1);
	ck_assert_msg(strncmp(err_message(err, 0), whole, strlen(whole)) == 0, "%s, not %s",
	              err_message(err, 0), whole);
	free(whole);
}

START_TEST(every_mistake_is_one_error_with_its_place)
{
	const struct mistake *m = &mistakes[_i];
	char *file = write_copy(m->path, m->text, NAME);

	ck_assert_ptr_null(calibration_read(file, data, err));
	expect_only(file, m->message);
	remove_copy(file);
}
END_TEST

START_TEST(names_are_those_of_sheets)
{
	char *file = write_copy("gpu", "\"h101-sxm\"", "h101-sxm__trtllm__bf16");

	ck_assert_ptr_null(calibration_read(file, data, err));
	ck_assert_uint_eq(err_count(err), 2); /* that it is not the file's name, too */
	ck_assert_ptr_nonnull(
		strstr(err_message(err, 1), "gpu: unknown GPU \"h101-sxm\"; did you"));
	remove_copy(file);
	tear_down();
	set_up();
	file = write_copy("name", "\"h100-sxm__TRTLLM__bf16\"", "h100-sxm__TRTLLM__bf16");
	json_t *json = json_load_file(file, 0, NULL);

	json_object_set_new(json, "engine", json_string("TRTLLM"));
	json_dump_file(json, file, 0);
	json_decref(json);
	ck_assert_ptr_null(calibration_read(file, data, err));
	expect_only(file, "engine: \"TRTLLM\" stands for \"trtllm\": write that");
	tear_down();
	set_up();
	struct calibration *unchecked = calibration_read(file, NULL, err);

	ck_assert_ptr_nonnull(unchecked); /* without a folder of sheets */
	calibration_free(unchecked);
	remove_copy(file);
}
END_TEST

START_TEST(files_that_are_no_calibrations)
{
	ck_assert_ptr_null(calibration_read("/nowhere/x.json", data, err));
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
	char file[] = "/tmp/aliquot_calibration_XXXXXX";
	int fd = mkstemp(file);

	ck_assert_int_eq(write(fd, "[1]", 3), 3);
	close(fd);
	ck_assert_ptr_null(calibration_read(file, data, err));
	ck_assert_ptr_nonnull(strstr(err_message(err, 1), "expected an object, got an array"));
	unlink(file);
}
END_TEST

/* Every key of every table stands in the manual under its heading, and says whether it is
 * optional. */
START_TEST(the_manual_has_every_field)
{
	FILE *in = fopen("models/README.md", "rb");
	char *manual = mem_new((size_t)1 << 20, 1);

	ck_assert_ptr_nonnull(in);
	ck_assert_uint_gt(fread(manual, 1, ((size_t)1 << 20) - 1, in), 0);
	fclose(in);
	size_t n = 0, rows = 0;

	for (const struct calibration_section *s = calibration_sections; s->title != NULL; s++) {
		char *heading = mem_printf("\n### %s\n", s->title);
		const char *begin = strstr(manual, heading);

		ck_assert_msg(begin != NULL, "models/README.md has no section %s", s->title);
		begin += strlen(heading);
		const char *end =
			strstr(begin, "\n#") != NULL ? strstr(begin, "\n#") : begin + strlen(begin);

		for (const struct option *o = s->table; o->name != NULL; o++, n++) {
			char *row = mem_printf("\n| `%s` |", o->name);
			const char *at = strstr(begin, row);

			ck_assert_msg(at != NULL && at < end, "no %s in section %s", o->name,
			              s->title);
			const char *optional = strstr(at, "optional");

			ck_assert_msg((o->fallback != NULL) ==
			                      (optional != NULL && optional < strchr(at + 1, '\n')),
			              "%s.%s: optional or not?", s->title, o->name);
			free(row);
		}
		for (const char *at = begin; (at = strstr(at, "\n| `")) != NULL && at < end; at++) {
			rows++;
		}
		free(heading);
	}
	ck_assert_uint_eq(n, rows);
	free(manual);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("calibration");
	TCase *t = tcase_create("calibration");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_file_is_read);
	tcase_add_test(t, a_set_is_chosen_by_kind_and_version);
	tcase_add_loop_test(t, every_mistake_is_one_error_with_its_place, 0,
	                    (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_test(t, names_are_those_of_sheets);
	tcase_add_test(t, files_that_are_no_calibrations);
	tcase_add_test(t, the_manual_has_every_field);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
