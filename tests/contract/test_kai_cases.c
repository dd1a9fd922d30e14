/*
 * The scheduler against expectations that others wrote: every case of ../shared/conformance passes.
 * Skipped, loudly, where that folder is not there.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "study/cases.h"

#define CASES "../shared/conformance/kai-cases.json"

START_TEST(every_case_passes)
{
	struct case_list l = {.counts = {0}};
	struct err *const err = err_new();
	uint32_t modelled = 0;
	if (access(CASES, R_OK) != 0) {
		printf("SKIPPED: %s is not there; the scheduler was not held against it\n", CASES);
		err_free(err);
		return;
	}
	ck_assert(cases_run(CASES, &l, err));
	for (size_t i = 0; i < l.cases.n; i++) {
		const struct sched_case *const c = &l.cases.at[i];
		ck_assert_msg(c->outcome == CASE_PASS, "%s: %s", c->id, c->why);
		modelled += strcmp(c->trust, "modelled") == 0;
	}
	printf("%u passed, %u of them modelled\n", l.counts[CASE_PASS], modelled);
	ck_assert_uint_ge(l.counts[CASE_PASS], 296);
	ck_assert_uint_ge(modelled, 224);
	cases_fini(&l);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("kai_cases");
	TCase *const t = tcase_create("kai_cases");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, every_case_passes);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
