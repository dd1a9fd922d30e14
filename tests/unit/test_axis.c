/* Values of a sweep: lists, ranges, and what is wrong with bad ones. */
#include "study/axis.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(values)
{
	static const struct {
		const char *text, *values; /* joined by blanks */
	} cases[] = {
		{"k=1", "1"},
		{"k=bf16,fp8", "bf16 fp8"},
		{"k=1..256*2", "1 2 4 8 16 32 64 128 256"},
		{"k=64..300*2", "64 128 256"},
		{"k=0.1..0.5+0.1", "0.1 0.2 0.3 0.4 0.5"},
		{"k=3..3+1", "3"},
		{"k=1,4..6+1,x", "1 4 5 6 x"},
		{"k=[1,2],{\"a\": \"},\"},\"a,b\"", "[1,2] {\"a\": \"},\"} \"a,b\""},
		{"k=a=b", "a=b"},
		{"k=../file", "../file"},
		{"k=2.5..10*2", "2.5 5 10"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err *err = err_new();
		struct axis axis;
		char joined[200] = "";

		ck_assert_msg(axis_read(cases[i].text, &axis, err), "%s", cases[i].text);
		for (size_t k = 0; k < axis.n; k++) {
			strcat(strcat(joined, k > 0 ? " " : ""), axis.values[k]);
		}
		ck_assert_str_eq(joined, cases[i].values);
		ck_assert_str_eq(axis.key, "k");
		axis_fini(&axis);
		err_free(err);
	}
}
END_TEST

START_TEST(bad_values)
{
	static const char *const bad[] = {
		"",          "k",        "=1",        "k=",       "k=1,",
		"k=1..4",    "k=4..1+1", "k=1..4*1",  "k=0..4*2", "k=1..4+0",
		"k=1..4+-1", "k=1..x+1", "k=1..1e7+1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err *err = err_new();
		struct axis axis;

		ck_assert_msg(!axis_read(bad[i], &axis, err), "%s", bad[i]);
		ck_assert_int_eq(err_exit_code(err), ERR_USAGE);
		axis_fini(&axis);
		err_free(err);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("axis");
	TCase *const cases = tcase_create("axis");

	tcase_add_test(cases, values);
	tcase_add_test(cases, bad_values);
	suite_add_tcase(suite, cases);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
