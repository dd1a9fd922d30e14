/* The list of mistakes: order, exit code, the cap, and one line per message. */
#include "base/err.h"

#include "base/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What err_print writes; caller frees. */
static char *printed(const struct err *e)
{
	FILE *out = tmpfile();

	ck_assert_ptr_nonnull(out);
	err_print(e, out);
	long size = ftell(out);
	char *text = mem_new((size_t)size + 1, 1);

	rewind(out);
	ck_assert_uint_eq(fread(text, 1, (size_t)size, out), (size_t)size);
	fclose(out);
	return text;
}

START_TEST(an_empty_list_prints_nothing)
{
	struct err *e = err_new();
	char *text = printed(e);

	ck_assert_uint_eq(err_count(e), 0);
	ck_assert_int_eq(err_exit_code(e), 0);
	ck_assert_str_eq(text, "");
	ck_assert_ptr_null(err_message(e, 0));
	free(text);
	err_free(e);
	err_free(NULL);
}
END_TEST

START_TEST(the_first_error_decides_the_exit_code)
{
	struct err *e = err_new();

	err_note(e, "ignored: %s", "--url");
	ck_assert_int_eq(err_exit_code(e), 0);
	err_add(e, ERR_IO, "a.json", "cannot open: %s", "gone");
	err_add(e, ERR_INPUT, NULL, "two");
	ck_assert_int_eq(err_exit_code(e), 5);
	ck_assert_uint_eq(err_count(e), 2);
	char *text = printed(e);

	ck_assert_str_eq(text, "note: ignored: --url\na.json: cannot open: gone\ntwo\n");
	free(text);
	err_free(e);
}
END_TEST

START_TEST(messages_stay_on_one_line)
{
	struct err *e = err_new();
	char *huge = mem_new(5000, 1);

	err_add(e, ERR_INPUT, "x", "a\nb\tc\r\x01\x1b[0m\x7f");
	ck_assert_str_eq(err_message(e, 0), "x: a\\nb\\tc\\r\\x01\\x1b[0m\\x7f");
	memset(huge, 'a', 4999);
	memcpy(huge + 1498, "\xC3\xA4", 2); /* must not be cut in two */
	err_add(e, ERR_INPUT, "", "%s", huge);
	ck_assert_uint_lt(strlen(err_message(e, 1)), 1510);
	ck_assert_ptr_nonnull(strstr(err_message(e, 1), "a\xC3\xA4..."));
	free(huge);
	err_free(e);
}
END_TEST

START_TEST(a_hundred_are_kept_and_the_rest_counted)
{
	struct err *e = err_new();

	for (int i = 0; i < 103; i++) {
		err_add(e, ERR_INPUT, NULL, "number %d", i);
	}
	ck_assert_uint_eq(err_count(e), 103);
	ck_assert_str_eq(err_message(e, 99), "number 99");
	ck_assert_ptr_null(err_message(e, 100));
	char *text = printed(e);

	ck_assert_ptr_nonnull(strstr(text, "number 99\n... and 3 more errors\n"));
	free(text);
	err_free(e);
}
END_TEST

/* A data sheet that ten services read says what is wrong with it once. */
START_TEST(what_was_said_is_not_said_again)
{
	struct err *e = err_new();

	for (int i = 0; i < 10; i++) {
		err_add(e, ERR_INPUT, "a.json", "no such key");
		err_add(e, ERR_INPUT, i < 5 ? "a.json: x" : "a.json: y", "no such key");
	}
	ck_assert_uint_eq(err_count(e), 20);
	ck_assert_ptr_null(err_message(e, 3));
	char *text = printed(e);

	ck_assert_str_eq(text, "a.json: no such key\na.json: x: no such key\n"
	                       "a.json: y: no such key\n");
	free(text);
	err_free(e);
}
END_TEST

START_TEST(a_list_takes_another)
{
	struct err *e = err_new(), *from = err_new();

	err_add(e, ERR_INPUT, NULL, "number 0");
	for (int i = 0; i < 103; i++) {
		err_add(from, ERR_IO, NULL, "number %d", i % 102);
	}
	err_add_all(e, from);
	ck_assert_int_eq(err_exit_code(e), ERR_INPUT);
	ck_assert_ptr_null(err_message(e, 100));
	char *text = printed(e);

	ck_assert_ptr_nonnull(strstr(text, "number 99\n... and 2 more errors\n"));
	free(text);
	err_free(from);
	err_free(e);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, an_empty_list_prints_nothing);
	tcase_add_test(tcase, the_first_error_decides_the_exit_code);
	tcase_add_test(tcase, messages_stay_on_one_line);
	tcase_add_test(tcase, a_hundred_are_kept_and_the_rest_counted);
	tcase_add_test(tcase, what_was_said_is_not_said_again);
	tcase_add_test(tcase, a_list_takes_another);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
