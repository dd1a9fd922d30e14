/* Fair share of one resource: quota, weights, priorities, history, and what is left over. */
#include <check.h>

#include "sched/fair_share.h"
#include "sched/snapshot.h"

enum { GPU = 1000000 };

static struct fair_claim claim(int64_t quota, int64_t request, int64_t weight)
{
	return (struct fair_claim){
		.quota = quota < 0 ? SCHED_UNLIMITED : quota * GPU,
		.limit = SCHED_UNLIMITED,
		.request = request * GPU,
		.weight = weight * 1000,
	};
}

static int64_t divide(struct fair_claim *c, size_t n, int64_t total, int64_t k_milli)
{
	const int64_t left = fair_share_quota(c, n, total * GPU);
	return fair_share_over_quota(c, n, left, GPU, k_milli);
}

START_TEST(weights_divide_what_quotas_leave)
{
	struct fair_claim c[] = {claim(2, 8, 1), claim(2, 7, 2)};
	ck_assert_int_eq(divide(c, 2, 10, 0), 0);
	ck_assert_int_eq(c[0].share, 4 * GPU);
	ck_assert_int_eq(c[1].share, 6 * GPU);
}
END_TEST

START_TEST(history_shifts_shares)
{
	/* semantics.md section 7: 16 GPUs, k = 1, used 0.6 and 0.2 of the cluster */
	struct fair_claim c[] = {claim(0, 16, 1), claim(0, 16, 1)};
	c[0].used_ppm = 600000;
	c[1].used_ppm = 200000;
	ck_assert_int_eq(divide(c, 2, 16, 1000), 0);
	ck_assert_int_eq(c[0].share, 5 * GPU);
	ck_assert_int_eq(c[1].share, 11 * GPU);
}
END_TEST

START_TEST(history_without_weight_of_it_is_ignored)
{
	struct fair_claim c[] = {claim(0, 16, 1), claim(0, 16, 1)};
	c[0].used_ppm = 600000;
	divide(c, 2, 16, 0);
	ck_assert_int_eq(c[0].share, 8 * GPU);
}
END_TEST

START_TEST(those_who_used_too_much_get_nothing)
{
	struct fair_claim c[] = {claim(0, 4, 1), claim(0, 4, 1)};
	c[0].used_ppm = 1000000;
	c[1].used_ppm = 1000000;
	ck_assert_int_eq(divide(c, 2, 4, 1000), 4 * GPU); /* P = max(0, 1/2 + 1/2 - 1) = 0 */
	ck_assert_int_eq(c[0].share, 0);
}
END_TEST

START_TEST(oversubscribed_quotas_are_not_scaled)
{
	struct fair_claim c[] = {claim(6, 6, 1), claim(6, 6, 1)};
	ck_assert_int_eq(divide(c, 2, 8, 0), 0);
	ck_assert_int_eq(c[0].share, 6 * GPU);
	ck_assert_int_eq(c[1].share, 6 * GPU);
}
END_TEST

START_TEST(a_higher_priority_takes_all_over_quota)
{
	struct fair_claim c[] = {claim(0, 8, 5), claim(0, 8, 1)};
	c[1].priority = 1;
	ck_assert_int_eq(divide(c, 2, 8, 0), 0);
	ck_assert_int_eq(c[0].share, 0);
	ck_assert_int_eq(c[1].share, 8 * GPU);
}
END_TEST

START_TEST(the_last_unit_goes_to_the_largest_rest_then_the_older)
{
	struct fair_claim c[] = {claim(0, 9, 1), claim(0, 9, 1), claim(0, 9, 1)};
	c[0].order = 3;
	c[1].order = 1;
	c[2].order = 2;
	ck_assert_int_eq(divide(c, 3, 4, 0), 0); /* 1 1/3 each */
	ck_assert_int_eq(c[1].share, 2 * GPU);
	ck_assert_int_eq(c[0].share, GPU);
	ck_assert_int_eq(c[2].share, GPU);
}
END_TEST

START_TEST(limits_and_weight_zero)
{
	struct fair_claim c[] = {claim(0, 8, 1), claim(1, 8, 0)};
	c[0].limit = 3 * GPU;
	ck_assert_int_eq(divide(c, 2, 8, 0), 4 * GPU);
	ck_assert_int_eq(c[0].share, 3 * GPU);
	ck_assert_int_eq(c[1].share, GPU);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("fair_share");
	TCase *const t = tcase_create("fair_share");
	tcase_add_test(t, weights_divide_what_quotas_leave);
	tcase_add_test(t, history_shifts_shares);
	tcase_add_test(t, history_without_weight_of_it_is_ignored);
	tcase_add_test(t, those_who_used_too_much_get_nothing);
	tcase_add_test(t, oversubscribed_quotas_are_not_scaled);
	tcase_add_test(t, a_higher_priority_takes_all_over_quota);
	tcase_add_test(t, the_last_unit_goes_to_the_largest_rest_then_the_older);
	tcase_add_test(t, limits_and_weight_zero);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
