/* What every registered priority policy must keep, and whom each of them serves first. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "policy/registry.h"

enum { SETS = 20000 };

static int64_t draw(struct rng *rng, uint64_t below)
{
	return (int64_t)rng_below(rng, below);
}

static struct priority_queue random_queue(struct rng *rng, uint32_t number)
{
	struct priority_queue q = {
		.queue = number,
		.job = {number, draw(rng, 2), (int)draw(rng, 3), number},
		.priority = draw(rng, 2),
		.order = draw(rng, 2),
		.over_utilised = draw(rng, 2) == 0,
		.within_quota = draw(rng, 2) == 0,
		.no_share = draw(rng, 2) == 0,
		.with = {draw(rng, 3), 1 + draw(rng, 2)},
		.without = {draw(rng, 3), 1 + draw(rng, 2)},
	};
	/* in one order for all resources: where they disagree nobody is before the other */
	const int64_t due = draw(rng, 3) == 0 ? INT64_MAX : draw(rng, 3);
	for (int r = 0; r < PRIORITY_RESOURCES; r++) {
		q.allocatable[r] = due;
	}
	return q;
}

static int sign(int d)
{
	return (d > 0) - (d < 0);
}

START_TEST(each_is_an_order)
{
	const struct priority_policy *const p = priority_policies[_i];
	struct rng *const rng = rng_new(11, p->head.name);
	for (int i = 0; i < SETS; i++) {
		struct priority_queue q[3];
		for (uint32_t k = 0; k < 3; k++) {
			q[k] = random_queue(rng, k);
		}
		const int ab = sign(p->queues(&q[0], &q[1]));
		const int bc = sign(p->queues(&q[1], &q[2]));
		ck_assert_int_eq(sign(p->queues(&q[1], &q[0])), -ab);
		if (ab == bc) {
			ck_assert_int_eq(sign(p->queues(&q[0], &q[2])), ab);
		}
		const int jobs = sign(p->jobs(&q[0].job, &q[1].job));
		ck_assert_int_ne(jobs, 0);
		ck_assert_int_eq(sign(p->jobs(&q[1].job, &q[0].job)), -jobs);
		if (jobs == sign(p->jobs(&q[1].job, &q[2].job))) {
			ck_assert_int_eq(sign(p->jobs(&q[0].job, &q[2].job)), jobs);
		}
	}
	rng_free(rng);
}
END_TEST

/* Else two jobs could push each other out for ever. */
START_TEST(nobody_yields_to_who_is_served_later)
{
	const struct priority_policy *const p = priority_policies[_i];
	struct rng *const rng = rng_new(12, p->head.name);
	for (int i = 0; i < SETS && p->yields != NULL; i++) {
		const struct priority_job a = {0, draw(rng, 3), 1, 0};
		const struct priority_job b = {(uint32_t)draw(rng, 2), draw(rng, 3), 1, 1};
		ck_assert(!p->yields(&a, &b) || p->jobs(&a, &b) < 0);
		ck_assert(!p->yields(&b, &a) || p->jobs(&b, &a) < 0);
	}
	rng_free(rng);
}
END_TEST

START_TEST(each_policy_does_what_its_name_says)
{
	/* the first is older and in a queue that has less; the second is more important */
	const struct priority_queue a = {
		.queue = 0, .job = {0, 50, 0, 0}, .with = {1, 2}, .without = {0, 2}};
	const struct priority_queue b = {
		.queue = 1, .job = {1, 75, 0, 1}, .with = {2, 2}, .without = {1, 2}};
	ck_assert_int_lt(priority_fair_share.queues(&a, &b), 0);
	ck_assert_int_gt(priority_strict_priority.queues(&a, &b), 0);
	ck_assert_int_lt(priority_fifo.queues(&a, &b), 0);
	ck_assert_int_gt(priority_fair_share.jobs(&a.job, &b.job), 0);
	ck_assert_int_lt(priority_fifo.jobs(&a.job, &b.job), 0);
	/* who yields: in another queue, and in the same one */
	const struct priority_job beside = {1, 50, 0, 0};
	ck_assert(!priority_fair_share.yields(&b.job, &a.job));
	ck_assert(priority_fair_share.yields(&b.job, &beside));
	ck_assert(priority_strict_priority.yields(&b.job, &a.job));
	ck_assert(!priority_strict_priority.yields(&a.job, &b.job));
	ck_assert(priority_fifo.yields == NULL);
}
END_TEST

START_TEST(they_are_found_by_name)
{
	ck_assert_ptr_eq(priority_find("fair_share"), &priority_fair_share);
	ck_assert_ptr_eq(priority_find("strict_priority"), &priority_strict_priority);
	ck_assert_ptr_eq(priority_find("fifo"), &priority_fifo);
	ck_assert_ptr_null(priority_find("lifo"));
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (priority_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("priority");
	TCase *const t = tcase_create("priority");
	tcase_add_loop_test(t, each_is_an_order, 0, (int)n);
	tcase_add_loop_test(t, nobody_yields_to_who_is_served_later, 0, (int)n);
	tcase_add_test(t, each_policy_does_what_its_name_says);
	tcase_add_test(t, they_are_found_by_name);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
