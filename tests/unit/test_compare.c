/* Verdicts of single figures, and the names of metrics. */
#include "study/compare.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

START_TEST(verdicts)
{
	static const struct {
		double base, new;
		int direction;
		double tolerance;
		enum compare_verdict verdict;
	} cases[] = {
		{100, 100, 1, 0, COMPARE_SAME},
		{100, 100.0001, 1, 0, COMPARE_BETTER},
		{100, 100.0001, -1, 0, COMPARE_WORSE},
		{100, 99, 1, 0, COMPARE_WORSE},
		{100, 99, -1, 0, COMPARE_BETTER},
		{100, 99, 1, 1, COMPARE_SAME},
		{100, 98.9, 1, 1, COMPARE_WORSE},
		{100, 101.1, 1, 1, COMPARE_BETTER},
		{0, 0, -1, 0, COMPARE_SAME},
		{0, 1, -1, 50, COMPARE_WORSE},
		{0, 1, 1, 50, COMPARE_BETTER},
		{(double)NAN, (double)NAN, 1, 0, COMPARE_SAME},
		{(double)NAN, 5, -1, 0, COMPARE_BETTER},
		{5, (double)NAN, -1, 0, COMPARE_WORSE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(compare_judge(cases[i].base, cases[i].new, cases[i].direction,
		                            cases[i].tolerance) == cases[i].verdict,
		              "case %zu", i);
	}
}
END_TEST

START_TEST(metrics)
{
	static const char *const known[] = {"all", "ccu", "ttft", "ttft.p95", "tps", "oom_kills"};
	static const char *const unknown[] = {"", "ttf", "ttft.", "ttft.p96", "tps.avg", "ttftx"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ck_assert_msg(compare_knows(known[i]), "%s", known[i]);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		ck_assert_msg(!compare_knows(unknown[i]), "%s", unknown[i]);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("compare");
	TCase *const cases = tcase_create("compare");

	tcase_add_test(cases, verdicts);
	tcase_add_test(cases, metrics);
	suite_add_tcase(suite, cases);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
