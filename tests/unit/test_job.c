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

START_TEST(runs_undisturbed)
{
	struct job j = three();
	ck_assert_int_eq(job_end(&j), NS_NEVER);
	job_set_workers(&j, 3, 10);
	ck_assert_int_eq(j.state, JOB_RUNNING);
	ck_assert_int_eq(job_end(&j), 110);
	job_advance(&j, 110);
	ck_assert_int_eq(j.state, JOB_FINISHED);
	ck_assert_int_eq(j.workers, 0);
	ck_assert_int_eq(j.started, 10);
	ck_assert_int_eq(j.finished, 110);
	ck_assert_int_eq(j.waited, 5);
	ck_assert(j.executed == 300 && j.lost == 0);
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
	ck_assert(j.done == 111 && j.kept == 90 && j.lost == 0);
	ck_assert_int_eq(j.state, JOB_RUNNING);
	ck_assert_int_eq(job_end(&j), 47 + 95); /* 189 left for two */
	job_set_workers(&j, 1, 75);
	ck_assert_int_eq(j.state, JOB_PENDING);
	ck_assert(j.done == 157 && j.lost == 10 && j.executed == 167);
	ck_assert_int_eq(j.short_since, 75);
	ck_assert_int_eq(j.preemptions, 1);
	job_set_workers(&j, 0, 80);
	ck_assert_int_eq(j.short_since, NS_NEVER);
	ck_assert_int_eq(j.evicted, 3);
	job_set_workers(&j, 2, 90);
	ck_assert_int_eq(job_end(&j), 90 + 72); /* 143 left for two, rounded up */
	job_advance(&j, 162);
	ck_assert_int_eq(j.state, JOB_FINISHED);
	ck_assert(j.done == 300 && j.lost == 10 && j.executed == 310);
	ck_assert_int_eq(j.waited, 5 + 15);
	ck_assert_int_eq(j.started, 10);
}
END_TEST

/* A checkpoint in the very nanosecond of the eviction is kept; one ns before, it is not. */
START_TEST(keeps_a_checkpoint_of_the_same_nanosecond)
{
	struct job j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 0, 40);
	ck_assert(j.done == 90 && j.lost == 0);
	j = three();
	job_set_workers(&j, 3, 10);
	job_set_workers(&j, 0, 39);
	ck_assert(j.done == 0 && j.lost == 87);
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
	ck_assert(j.done == 90 && j.lost == 15 + 87 && j.executed == 105 + 87);
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
	ck_assert(j.done == 0 && j.lost == 1998);
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
	ck_assert_int_eq(j.state, JOB_FINISHED);
	ck_assert(j.done == (i128_t)10000 * (NS_HORIZON - 10));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job");
	TCase *tc = tcase_create("job");
	tcase_add_test(tc, runs_undisturbed);
	tcase_add_test(tc, falls_back_to_its_checkpoint);
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
