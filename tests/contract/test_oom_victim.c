/* What every registered OOM-victim policy must keep, and whom each of them picks. */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"

#define SETS 2000

START_TEST(decisions_are_legal_and_repeatable)
{
	const struct oom_victim_policy *const p = oom_victim_policies[_i];
	struct rng *const rng = rng_new(24, p->head.name);
	for (int i = 0; i < SETS; i++) {
		struct oom_borrower b[8];
		const uint32_t n = 1 + (uint32_t)rng_below(rng, 8);
		for (uint32_t k = 0; k < n; k++) {
			const bytes_t request = (bytes_t)rng_below(rng, INT64_C(80) << 30);
			const bytes_t loan = 1 + (bytes_t)rng_below(rng, INT64_C(80) << 30);
			b[k] = (struct oom_borrower){
				.replica = k,
				.priority = (int64_t)rng_below(rng, 3),
				.request = request,
				.limit = request + loan,
				.used = request + 1 + (bytes_t)rng_below(rng, (uint64_t)loan),
				.started = (ns_t)rng_below(rng, 4),
			};
		}
		const struct view view = {NULL, 7, NULL};
		const uint32_t first = p->choose(NULL, &view, b, n);
		ck_assert_uint_lt(first, n);
		ck_assert_uint_eq(p->choose(NULL, &view, b, n), first);
	}
	rng_free(rng);
}
END_TEST

START_TEST(each_policy_does_what_its_name_says)
{
	const struct view view = {NULL, 7, NULL};
	/* half of a large loan, three quarters of a small one, and the same but younger */
	const struct oom_borrower b[] = {
		{0, 50, 10, 90, 50, 5}, {1, 50, 10, 14, 13, 1}, {2, 50, 20, 28, 26, 3}};
	ck_assert_uint_eq(oom_victim_largest_overuse.choose(NULL, &view, b, 3), 2);
	ck_assert_uint_eq(oom_victim_largest_overuse.choose(NULL, &view, b, 2), 1);
	ck_assert_uint_eq(oom_victim_newest.choose(NULL, &view, b, 3), 0);
	ck_assert_uint_eq(oom_victim_newest.choose(NULL, &view, b + 1, 2), 1);
	/* equal loans: the least important, then the youngest */
	const struct oom_borrower equal[] = {
		{0, 75, 10, 20, 15, 9}, {1, 50, 10, 20, 15, 1}, {2, 50, 10, 20, 15, 3}};
	ck_assert_uint_eq(oom_victim_largest_overuse.choose(NULL, &view, equal, 3), 2);
	ck_assert_uint_eq(oom_victim_lowest_priority.choose(NULL, &view, equal, 3), 2);
	ck_assert_uint_eq(oom_victim_lowest_priority.choose(NULL, &view, equal, 2), 1);
	/* importance goes before the size of a loan */
	const struct oom_borrower small[] = {{0, 100, 10, 20, 20, 9}, {1, 50, 10, 20, 11, 1}};
	ck_assert_uint_eq(oom_victim_lowest_priority.choose(NULL, &view, small, 2), 1);
	ck_assert_uint_eq(oom_victim_largest_overuse.choose(NULL, &view, small, 2), 0);
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (oom_victim_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("OOM victim");
	TCase *const t = tcase_create("OOM victim");
	tcase_add_loop_test(t, decisions_are_legal_and_repeatable, 0, (int)n);
	tcase_add_test(t, each_policy_does_what_its_name_says);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
