/* One training job by hand, to the nanosecond: work, checkpoints, setbacks, workers that come and
 * go. */
#include <check.h>
#include <stdlib.h>

#include "state/job.h"

/* Three workers need 100 ns, two are enough, a checkpoint every 30 ns of a run: 300 of work. */
static struct job three(void)
{
	struct job j;
	job_init(&j, 3, 2, 100, 30);
	job_submit(&j, 5);
	return j;
}

/* What it is, what it has done, what of that is safe, what it has lost. */
static void expect(const struct job *j, enum job_state state, int64_t done, int64_t kept,
                   int64_t lost)
{
	ck_assert_msg(j->state == state && j->done == done && j->kept == kept && j->lost == lost &&
	                      j->executed == done + lost,
	              "%s, %lld done, %lld kept, %lld lost", job_state_names[j->state],
	              (long long)j->done, (long long)j->kept, (long long)j->lost);
}

START_TEST(runs_undisturbed)
{
	struct job j = three();
	ck_assert_int_eq(job_end(&j), NS_NEVER);
	job_set_workers(&j, 3, 10);
	ck_assert_int_eq(job_end(&j), 110);
	job_advance(&j, 110);
	expect(&j, JOB_FINISHED, 300, 270, 0);
	ck_assert(j.started == 10 && j.finished == 110 && j.waited == 5 && j.workers == 0);
}
END_TEST

/*
 * At 47 one of three leaves: 37 ns have run, 111 are done, 90 kept (at 30 ns). Two go on: at 70 the
 * run is 60 ns old, 111 + 2 * 23 = 157 are kept. At 75 another leaves, which is too many: the 167
 * that are done fall back to 157.
 */
START_TEST(falls_back_to_its_checkpoint)
{
	struct job j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 2, 47);
	expect(&j, JOB_RUNNING, 111, 90, 0);
	ck_assert_int_eq(job_end(&j), 47 + 95); /* 189 left for two */
	job_set_workers(&j, 1, 75);
	expect(&j, JOB_PENDING, 157, 157, 10);
	ck_assert(j.short_since == 75 && j.preemptions == 1);
	job_set_workers(&j, 0, 80);
	ck_assert(j.short_since == NS_NEVER && j.evicted == 3);
}
END_TEST

/* From there at 90 with two: 143 are left, 72 ns, the last of which not both need in full. */
START_TEST(goes_on_from_its_checkpoint)
{
	struct job j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 2, 47);
	job_set_workers(&j, 0, 75);
	job_set_workers(&j, 2, 90);
	ck_assert_int_eq(job_end(&j), 90 + 72);
	job_advance(&j, 162);
	expect(&j, JOB_FINISHED, 300, 277, 10);
	ck_assert(j.waited == 5 + 15 && j.started == 10);
}
END_TEST

/* A checkpoint in the very nanosecond of the eviction is kept; one ns before, it is not. */
START_TEST(keeps_a_checkpoint_of_the_same_nanosecond)
{
	struct job j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 0, 40);
	expect(&j, JOB_PENDING, 90, 90, 0);
	j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 0, 39);
	expect(&j, JOB_PENDING, 0, 0, 87);
}
END_TEST

/* The time to the next checkpoint begins anew with each run. */
START_TEST(counts_checkpoints_from_the_restart)
{
	struct job j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 0, 45); /* 35 ns: 90 kept, 15 lost */
	job_set_workers(&j, 3, 50);
	job_set_workers(&j, 0, 79); /* 29 ns: nothing kept */
	expect(&j, JOB_PENDING, 90, 90, 15 + 87);
	ck_assert_int_eq(j.preemptions, 2);
}
END_TEST

START_TEST(loses_all_without_checkpoints)
{
	struct job j;
	job_init(&j, 2, 2, 1000, 0);
	job_submit(&j, 0);
	job_set_workers(&j, 2, 0);
	job_set_workers(&j, 0, 999);
	expect(&j, JOB_PENDING, 0, 0, 1998);
}
END_TEST

/* More work than 64 bits of worker-nanoseconds hold. */
START_TEST(does_not_overflow)
{
	struct job j;
	job_init(&j, 10000, 10000, NS_HORIZON - 10, NS_PER_S);
	job_submit(&j, 0);
	job_set_workers(&j, 10000, 5);
	ck_assert_int_eq(job_end(&j), NS_HORIZON - 5);
	job_advance(&j, NS_HORIZON - 5);
	ck_assert(j.state == JOB_FINISHED && j.done == (i128_t)10000 * (NS_HORIZON - 10));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tc = tcase_create("job");
	tcase_add_test(tc, runs_undisturbed);
	tcase_add_test(tc, falls_back_to_its_checkpoint);
	tcase_add_test(tc, goes_on_from_its_checkpoint);
	tcase_add_test(tc, keeps_a_checkpoint_of_the_same_nanosecond);
	tcase_add_test(tc, counts_checkpoints_from_the_restart);
	tcase_add_test(tc, loses_all_without_checkpoints);
	tcase_add_test(tc, does_not_overflow);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
