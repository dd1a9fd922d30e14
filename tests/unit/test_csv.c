/* Rows, physical lines and the failures of a CSV file. */
#include "base/csv.h"

#include "base/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Write bytes to a new temporary file; caller unlinks and frees its name. */
static char *temporary(const char *bytes, size_t size)
{
	char *name = mem_strdup("/tmp/aliquot_csv_XXXXXX");
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	return name;
}

/* "line:field|field;..." of all rows, and the first error without its file name; caller frees. */
static char *rows_of(const char *bytes, size_t size, char **error)
{
	struct err *e = err_new();
	char *name = temporary(bytes, size);
	struct csv_reader *r = csv_open(name, e);
	const char *const *fields;
	size_t n;
	char *all = mem_strdup("");

	ck_assert_ptr_nonnull(r);
	while (csv_next(r, &fields, &n)) {
		for (size_t i = 0; i < n; i++) {
			char *longer = i == 0 ? mem_printf("%s%zu:%s", all, csv_line(r), fields[i])
			                      : mem_printf("%s|%s", all, fields[i]);

			free(all);
			all = longer;
		}
		char *longer = mem_printf("%s;", all);

		free(all);
		all = longer;
	}
	const char *message = err_message(e, 0);

	*error = message != NULL ? mem_strdup(message + strlen(name)) : NULL;
	csv_close(r);
	unlink(name);
	free(name);
	err_free(e);
	return all;
}

START_TEST(rows_and_lines)
{
	static const struct {
		const char *bytes, *rows;
	} cases[] = {
		{"a,b\n1,2\n", "1:a|b;2:1|2;"},
		{"a,b\r\n1,2\r\n", "1:a|b;2:1|2;"},
		{"a,b\n1,2", "1:a|b;2:1|2;"},
		{"a,b\r\n1,2\r", "1:a|b;2:1|2;"},
		{"\n\na,b\n \t \n1,2\n\n", "3:a|b;5:1|2;"},
		{"\xEF\xBB\xBF"
	         "a,b\n",
	         "1:a|b;"},
		{"\"x,\ny\",\"say \"\"hi\"\"\"\n1,2\n", "1:x,\ny|say \"hi\";3:1|2;"},
		{"a, b ,\n,,\n", "1:a|b|;2:||;"},
		{"", ""},
		{"\n", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *error;
		char *rows = rows_of(cases[i].bytes, strlen(cases[i].bytes), &error);

		ck_assert_str_eq(rows, cases[i].rows);
		ck_assert_ptr_null(error);
		free(rows);
	}
}
END_TEST

START_TEST(bad_files_stop_with_a_place)
{
	static const char quote[] = "a,b\n1,\"open\n3,4\n", stray[] = "a,b\n1,x\"y\n",
			  zero[] = "a\nb\0c\n";
	char *error, *rows = rows_of(quote, strlen(quote), &error);

	ck_assert_str_eq(rows, "1:a|b;");
	ck_assert_str_eq(
		error, ":2: a quote (\") that is not closed, or inside a field that does not begin "
		       "with one");
	free(rows);
	free(error);
	rows = rows_of(stray, strlen(stray), &error);
	ck_assert_str_eq(rows, "1:a|b;");
	ck_assert_ptr_nonnull(strstr(error, ":2: a quote"));
	free(rows);
	free(error);
	rows = rows_of(zero, sizeof(zero) - 1, &error);
	ck_assert_str_eq(error, ":2: not a text file: holds a zero byte");
	free(rows);
	free(error);
}
END_TEST

START_TEST(a_row_has_a_limit)
{
	size_t size = (size_t)3 << 20;
	char *bytes = mem_new(size, 1);
	char *error;

	memset(bytes, 'x', size);
	memcpy(bytes, "a\n", 2);
	char *rows = rows_of(bytes, size, &error);

	ck_assert_str_eq(rows, "1:a;");
	ck_assert_str_eq(error, ":2: a row of over 1 MiB (is a quote not closed?)");
	free(rows);
	free(error);
	for (size_t i = 99; i < size; i += 100) { /* many lines, one quote open at the top */
		bytes[i] = '\n';
	}
	bytes[2] = '"';
	rows = rows_of(bytes, size, &error);
	ck_assert_str_eq(error, ":2: a row of over 1 MiB (is a quote not closed?)");
	free(rows);
	free(error);
	free(bytes);
}
END_TEST

START_TEST(long_files_are_read_in_pieces)
{
	size_t n = 20000;
	char *bytes = mem_new(n, 12), *at = bytes;
	struct err *e = err_new();
	const char *const *fields;
	size_t columns, rows = 0;

	for (size_t i = 0; i < n; i++) {
		at += snprintf(at, 12, "%zu,%zu\n", i % 1000, i % 7);
	}
	char *name = temporary(bytes, (size_t)(at - bytes));
	struct csv_reader *r = csv_open(name, e);

	while (csv_next(r, &fields, &columns)) {
		ck_assert_uint_eq(columns, 2);
		ck_assert_uint_eq((size_t)atoi(fields[0]), rows % 1000);
		ck_assert_uint_eq(csv_line(r), ++rows);
	}
	ck_assert_uint_eq(rows, n);
	csv_fail(r, 2, "tokens: got \"%s\"", "x");
	ck_assert_ptr_nonnull(strstr(err_message(e, 0), ":20000:2: tokens: got \"x\""));
	csv_close(r);
	unlink(name);
	free(name);
	free(bytes);
	err_free(e);
}
END_TEST

START_TEST(missing_file)
{
	struct err *e = err_new();

	ck_assert_ptr_null(csv_open("/nonexistent.csv", e));
	ck_assert_int_eq(err_exit_code(e), ERR_IO);
	csv_close(NULL);
	err_free(e);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("csv");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, rows_and_lines);
	tcase_add_test(tcase, bad_files_stop_with_a_place);
	tcase_add_test(tcase, a_row_has_a_limit);
	tcase_add_test(tcase, long_files_are_read_in_pieces);
	tcase_add_test(tcase, missing_file);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
