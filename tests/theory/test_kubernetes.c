/*
 * Kubernetes' own scheduler on small clusters: where LeastAllocated puts pods and whom priority
 * pushes out, worked out by hand.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trial.h"

static void set_up(void)
{
	trial_begin(&(struct sched_options){.native = true});
}

#define NODE(name, gpus, cores, gigabytes)                                  \
	"{\"name\":\"" name "\",\"gpus\":" gpus ",\"cpu_cores\":" cores "," \
	"\"memory_bytes\":" gigabytes "000000000}"
/* A queue that may hold nothing, by its quota and by its limit. */
#define QUEUES                                                                     \
	"[{\"name\":\"all\"},{\"name\":\"a\",\"parent\":\"all\",\"gpu_limit\":0}," \
	"{\"name\":\"b\",\"parent\":\"all\"}]"
#define JOB(name, more, pods) \
	"{\"name\":\"" name "\",\"queue\":\"a\"," more ",\"tasks\":[" pods "]}"
#define WAITS(id) "{\"id\":\"" id "\"}"
#define RUNS(id, node) "{\"id\":\"" id "\",\"state\":\"Running\",\"node\":\"" node "\"}"
#define GPU(n, priority) "\"gpus_per_task\":" n ",\"priority\":" priority

static void read(const char *nodes, const char *jobs)
{
	char *const text = mem_printf(
		"{\"cluster\":{\"nodes\":[%s],\"queues\":" QUEUES "},\"jobs\":[%s]}", nodes, jobs);
	trial_read(text);
}

/* --- where ------------------------------------------------------------------------------------
 */

START_TEST(cpu_and_memory_score_and_gpus_do_not)
{
	/* 2 cores and 2 GB: on a (80 + 80) / 2 = 80, on b (90 + 60) / 2 = 75, on c (50 + 90) / 2 =
	 * 70; the free GPUs of c count for nothing, and KAI would fill b */
	read(NODE("a", "4", "10", "10") "," NODE("b", "1", "20", "5") "," NODE("c", "8", "4", "20"),
	     JOB("x",
	         GPU("1", "50") ",\"cpu_cores_per_task\":2,\"memory_bytes_per_task\":2000000000",
	         WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "a");
}
END_TEST

START_TEST(what_runs_counts_in_the_score)
{
	/* with the second: on a (60 + 60) / 2 = 60, on b (90 + 60) / 2 = 75; with the third: 60,
	 * and on b (80 + 20) / 2 = 50 */
	read(NODE("a", "4", "10", "10") "," NODE("b", "4", "20", "5"),
	     JOB("x",
	         GPU("1", "50") ",\"cpu_cores_per_task\":2,\"memory_bytes_per_task\":2000000000",
	         RUNS("x0", "a") "," WAITS("x1") "," WAITS("x2")));
	trial_cycle();
	trial_expect("x1", SCHED_BINDING, "b");
	trial_expect("x2", SCHED_BINDING, "a");
}
END_TEST

START_TEST(each_resource_is_cut_to_a_whole_per_cent)
{
	/* 32 cores leave 89.33 % of 300 and 89.26 % of 298: alike when cut, so by name */
	read(NODE("b", "1", "300", "100") "," NODE("a", "1", "298", "100"),
	     JOB("x",
	         GPU("1", "50") ",\"cpu_cores_per_task\":32,\"memory_bytes_per_task\":32000000000",
	         WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "a");
}
END_TEST

START_TEST(pods_that_ask_for_nothing_count_as_something)
{
	/* 0.1 of 1 core and 0.21 of 2 GB: one node after the other */
	read(NODE("a", "4", "1", "2") "," NODE("b", "4", "1", "2"),
	     JOB("x", GPU("1", "50"), WAITS("x0") "," WAITS("x1") "," WAITS("x2")));
	trial_cycle();
	trial_expect("x0", SCHED_BINDING, "a");
	trial_expect("x1", SCHED_BINDING, "b");
	trial_expect("x2", SCHED_BINDING, "a");
}
END_TEST

START_TEST(mig_instances_are_counted_like_gpus)
{
	read("{\"name\":\"n\",\"gpus\":1,\"mig_strategy\":\"mixed\",\"mig_instances\":"
	     "{\"nvidia.com/mig-2g.20gb\":1}}",
	     JOB("x", "\"priority\":50",
	         "{\"id\":\"x0\",\"mig\":{\"nvidia.com/mig-2g.20gb\":1}},"
	         "{\"id\":\"x1\",\"mig\":{\"nvidia.com/mig-2g.20gb\":1}}") "," JOB("y",
	                                                                           GPU("1", "50"),
	                                                                           WAITS("y")));
	trial_cycle();
	trial_expect("x0", SCHED_BINDING, "n");
	trial_expect("x1", SCHED_PENDING, "");
	trial_expect("y", SCHED_PENDING, "");
}
END_TEST

/* --- who --------------------------------------------------------------------------------------
 */

START_TEST(priority_then_age_whatever_the_queue_may_hold)
{
	read(NODE("n", "2", "8", "8"),
	     JOB("new", GPU("1", "50"), WAITS("new")) "," JOB(
		     "old", GPU("1", "50") ",\"age_minutes\":5",
		     WAITS("old")) "," JOB("urgent", GPU("1", "75"), WAITS("urgent")));
	trial_cycle();
	trial_expect("urgent", SCHED_BINDING, "n");
	trial_expect("old", SCHED_BINDING, "n");
	trial_expect("new", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.jobs[0].reason, SCHED_NO_ROOM);
	ck_assert_uint_eq(trial.r.jobs[0].placed, 0);
	ck_assert_uint_eq(trial.r.jobs[0].wanted, 1);
}
END_TEST

START_TEST(there_are_no_gangs)
{
	read(NODE("n", "2", "8", "8"), JOB("x", GPU("1", "50") ",\"min_available\":3",
	                                   WAITS("x0") "," WAITS("x1") "," WAITS("x2")));
	trial_cycle();
	trial_expect("x0", SCHED_BINDING, "n");
	trial_expect("x1", SCHED_BINDING, "n");
	trial_expect("x2", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.jobs[0].placed, 2);
	ck_assert_uint_eq(trial.r.jobs[0].wanted, 3);
}
END_TEST

START_TEST(only_lower_priority_makes_room)
{
	static const enum sched_action allocate[] = {SCHED_ALLOCATE};
	const char *const jobs =
		JOB("low", GPU("1", "49") ",\"preemptible\":false", RUNS("low", "n")) "," JOB(
			"same", GPU("1", "50"),
			RUNS("same", "n")) "," JOB("x", GPU("1", "50"),
	                                           WAITS("x0") "," WAITS("x1"));
	read(NODE("n", "2", "8", "8"), jobs);
	trial_run(allocate, 1);
	ck_assert_uint_eq(trial.r.evictions + trial.r.promises, 0);
	trial_cycle();
	trial_expect("x0", SCHED_PIPELINED, "n");
	trial_expect("low", SCHED_RELEASING, "n");
	ck_assert_int_eq(trial_pod("low")->action, SCHED_PREEMPT);
	ck_assert_str_eq(trial.s.jobs.at[trial_pod("low")->by].name, "x");
	trial_expect("same", SCHED_RUNNING, "n");
	trial_expect("x1", SCHED_PENDING, "");
	trial_cycle();
	trial_expect("x0", SCHED_BINDING, "n");
	trial_expect("low", SCHED_PENDING, "");
}
END_TEST

START_TEST(the_least_important_victim_goes)
{
	/* of a one of 20 would leave, of b two of 10, of c one of 10 and one of 5: the highest of
	 * each decides before their number, then the sum */
	read(NODE("a", "2", "8", "8") "," NODE("b", "2", "8", "8") "," NODE("c", "2", "8", "8"),
	     JOB("a", GPU("2", "20"), RUNS("a", "a")) "," JOB(
		     "b", GPU("1", "10"),
		     RUNS("b0", "b") "," RUNS(
			     "b1", "b")) "," JOB("c", GPU("1", "10"),
	                                         RUNS("c0",
	                                              "c")) "," JOB("d", GPU("1", "5"),
	                                                            RUNS("d0",
	                                                                 "c")) "," JOB("x",
	                                                                               GPU("2",
	                                                                                   "50"),
	                                                                               WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "c");
	ck_assert_uint_eq(trial.r.evictions, 2);
}
END_TEST

START_TEST(fewer_victims_then_younger_ones)
{
	read(NODE("a", "2", "8", "8") "," NODE("b", "2", "8", "8") "," NODE("c", "2", "8", "8"),
	     JOB("a", GPU("1", "10") ",\"running_for\":\"1m\"",
	         RUNS("a0", "a") "," RUNS(
			 "a1",
			 "a")) "," JOB("b", GPU("2", "10") ",\"running_for\":\"9m\"",
	                               RUNS("b",
	                                    "b")) "," JOB("c",
	                                                  GPU("2", "10") ",\"running_for\":\"8m\"",
	                                                  RUNS("c", "c")) "," JOB("x",
	                                                                          GPU("2", "50"),
	                                                                          WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "c");
	trial_expect("c", SCHED_RELEASING, "c");
	ck_assert_uint_eq(trial.r.evictions, 1);
}
END_TEST

START_TEST(who_need_not_leave_stays_the_most_important_first)
{
	read(NODE("n", "4", "8", "8"),
	     JOB("a", GPU("1", "10"), RUNS("a", "n")) "," JOB(
		     "b", GPU("2", "20"),
		     RUNS("b", "n")) "," JOB("c", GPU("1", "30"),
	                                     RUNS("c", "n")) "," JOB("x", GPU("1", "50"),
	                                                             WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "n");
	trial_expect("a", SCHED_RELEASING, "n");
	trial_expect("b", SCHED_RUNNING, "n");
	trial_expect("c", SCHED_RUNNING, "n");
}
END_TEST

START_TEST(what_is_leaving_need_not_be_pushed)
{
	read(NODE("n", "2", "8", "8"),
	     JOB("a", GPU("1", "10"), "{\"id\":\"a\",\"state\":\"Releasing\",\"node\":\"n\"}") "," JOB(
		     "b", GPU("1", "20"), RUNS("b", "n")) "," JOB("x", GPU("1", "50"), WAITS("x")));
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "n");
	trial_expect("b", SCHED_RUNNING, "n");
	ck_assert_uint_eq(trial.r.evictions, 0);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("kubernetes");
	TCase *const t = tcase_create("kubernetes");
	tcase_add_checked_fixture(t, set_up, trial_end);
	tcase_add_test(t, cpu_and_memory_score_and_gpus_do_not);
	tcase_add_test(t, what_runs_counts_in_the_score);
	tcase_add_test(t, each_resource_is_cut_to_a_whole_per_cent);
	tcase_add_test(t, pods_that_ask_for_nothing_count_as_something);
	tcase_add_test(t, mig_instances_are_counted_like_gpus);
	tcase_add_test(t, priority_then_age_whatever_the_queue_may_hold);
	tcase_add_test(t, there_are_no_gangs);
	tcase_add_test(t, only_lower_priority_makes_room);
	tcase_add_test(t, the_least_important_victim_goes);
	tcase_add_test(t, fewer_victims_then_younger_ones);
	tcase_add_test(t, who_need_not_leave_stays_the_most_important_first);
	tcase_add_test(t, what_is_leaving_need_not_be_pushed);
	suite_add_tcase(suite, t);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
