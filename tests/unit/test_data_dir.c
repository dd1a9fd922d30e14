/* Where data sheets are looked for, and by which names they are found. */
#include "spec/data_dir.h"

#include "base/mem.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/aliquot_data_XXXXXX";

static char *at(const char *path)
{
	return mem_printf("%s/%s", folder, path);
}

static void make_folder(const char *path)
{
	char *full = at(path);

	ck_assert_int_eq(mkdir(full, 0700), 0);
	free(full);
}

static void make_file(const char *path, const char *text)
{
	char *full = at(path);
	FILE *out = fopen(full, "wb");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
	free(full);
}

/* A source tree with one binary in build/ and another installed beside its data. */
static void setup(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	make_folder("models");
	make_folder("models/gpu");
	make_folder("models/llm");
	make_folder("build");
	make_folder("build/asan");
	make_folder("bin");
	make_file("models/gpu/h100-nvl.json", "{\"aliases\": [\"NVIDIA H100_NVL\"]}");
	make_file("models/gpu/a100.json", "{\"aliases\": [\"NVIDIA H100 NVL\", \"Ampere\", 3]}");
	make_file("models/gpu/broken.json", "{\"aliases\": [\"never\"");
	make_file("models/gpu/.hidden.json", "{}");
	make_file("models/gpu/README.md", "");
	make_file("build/aliquot", "");
	make_file("build/asan/aliquot", "");
	make_file("bin/aliquot", "");
	unsetenv("ALIQUOT_DATA");
}

static void teardown(void)
{
	char *command = mem_printf("rm -rf %s", folder);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

START_TEST(names_and_aliases)
{
	struct err *e = err_new();
	struct data_dir *d = data_dir_open(folder, NULL, e);
	const char *canonical = NULL;
	size_t n;

	ck_assert_ptr_nonnull(d);
	ck_assert_str_eq(data_dir_path(d), folder);
	const char *const *names = data_dir_names(d, "gpu", &n);

	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(names[0], "a100");
	ck_assert_str_eq(names[2], "h100-nvl");
	data_dir_names(d, "engine", &n);
	ck_assert_uint_eq(n, 0);
	ck_assert_ptr_nonnull(strstr(data_dir_find(d, "gpu", "H100_nvl", &canonical),
	                             "/models/gpu/h100-nvl.json"));
	ck_assert_str_eq(canonical, "h100-nvl");
	ck_assert_ptr_nonnull(data_dir_find(d, "gpu", "nvidia h100-nvl", &canonical));
	ck_assert_str_eq(canonical, "h100-nvl");
	ck_assert_ptr_nonnull(data_dir_find(d, "gpu", "AMPERE", &canonical));
	ck_assert_str_eq(canonical, "a100");
	ck_assert_ptr_nonnull(data_dir_find(d, "gpu", "broken", NULL));
	ck_assert_ptr_null(data_dir_find(d, "gpu", "never", NULL));
	ck_assert_ptr_null(data_dir_find(d, "gpu", "../gpu/a100", NULL));
	ck_assert_ptr_null(data_dir_find(d, "llm", "a100", NULL));
	ck_assert_ptr_null(data_dir_find(d, "nonsense", "a100", NULL));
	data_dir_close(d);
	data_dir_close(NULL);
	err_free(e);
}
END_TEST

/* Open beside this program; true when the folder found is the tree. */
static bool finds(const char *program)
{
	struct err *e = err_new();
	struct data_dir *d = data_dir_open(NULL, program, e);
	bool found = d != NULL && data_dir_find(d, "gpu", "a100", NULL) != NULL;

	ck_assert_int_eq(d == NULL, err_exit_code(e) == ERR_IO);
	data_dir_close(d);
	err_free(e);
	return found;
}

START_TEST(the_tree_around_the_program)
{
	char *in_build = at("build/aliquot"), *in_variant = at("build/asan/aliquot");
	char *link = at("bin/link"), *relative = at("bin/relative");

	ck_assert(finds(in_build));
	ck_assert(finds(in_variant));
	ck_assert_int_eq(symlink(in_build, link), 0);
	ck_assert_int_eq(symlink("../build/aliquot", relative), 0);
	ck_assert(finds(link));
	ck_assert(finds(relative));
	ck_assert(!finds("/nonexistent/aliquot"));
	ck_assert(!finds(NULL));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert(finds("build/aliquot"));
	ck_assert(finds("./build/asan/aliquot"));
	ck_assert_int_eq(chdir("build"), 0);
	ck_assert(finds("./aliquot"));
	ck_assert(finds("../build/asan/aliquot"));
	setenv("PATH", "/nonexistent:.:/bin", 1);
	ck_assert(finds("aliquot"));
	free(in_build);
	free(in_variant);
	free(link);
	free(relative);
}
END_TEST

START_TEST(installed_data_come_first)
{
	char *program = at("bin/aliquot");
	struct err *e = err_new();

	make_folder("share");
	make_folder("share/aliquot");
	make_folder("share/aliquot/models");
	make_folder("share/aliquot/models/gpu");
	struct data_dir *d = data_dir_open(NULL, program, e);

	ck_assert_ptr_nonnull(d);
	ck_assert_ptr_nonnull(strstr(data_dir_path(d), "/share/aliquot"));
	data_dir_close(d);
	free(program);
	err_free(e);
}
END_TEST

START_TEST(a_named_folder_must_hold_sheets)
{
	struct err *e = err_new();

	ck_assert_ptr_null(data_dir_open("/nonexistent", NULL, e));
	ck_assert_str_eq(err_message(e, 0),
	                 "/nonexistent: --data names this folder, but it has no models/gpu in it");
	setenv("ALIQUOT_DATA", "/tmp/aliquot_none", 1);
	ck_assert_ptr_null(data_dir_open(NULL, NULL, e));
	ck_assert_str_eq(err_message(e, 1),
	                 "/tmp/aliquot_none: $ALIQUOT_DATA names this folder, but it has no "
	                 "models/gpu in it");
	setenv("ALIQUOT_DATA", folder, 1);
	struct data_dir *d = data_dir_open(NULL, NULL, e);

	ck_assert_ptr_nonnull(d);
	ck_assert_int_eq(err_exit_code(e), ERR_IO);
	data_dir_close(d);
	err_free(e);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_dir");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, names_and_aliases);
	tcase_add_test(tcase, the_tree_around_the_program);
	tcase_add_test(tcase, installed_data_come_first);
	tcase_add_test(tcase, a_named_folder_must_hold_sheets);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
