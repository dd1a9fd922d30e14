/*
 * Scheduling cycles on small clusters, worked out by hand: promises that take two cycles, gangs,
 * parts on several GPUs, minimum runtimes, spreading, and reasons for waiting.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trial.h"

static void set_up(void)
{
	trial_begin(NULL);
}

#define NODE(name, gpus) "{\"name\":\"" name "\",\"gpus\":" gpus ",\"gpu_memory_mib\":1000}"
#define QUEUES                                                                                  \
	"[{\"name\":\"all\",\"gpu_quota\":-1},{\"name\":\"a\",\"parent\":\"all\",\"order\":0}," \
	"{\"name\":\"b\",\"parent\":\"all\",\"gpu_quota\":2,\"order\":1}]"

static void read(const char *nodes, const char *queues, const char *jobs)
{
	char *const text = mem_printf("{\"cluster\":{\"nodes\":[%s],\"queues\":%s},\"jobs\":[%s]}",
	                              nodes, queues, jobs);
	trial_read(text);
}

START_TEST(what_is_reclaimed_is_used_one_cycle_later)
{
	read(NODE("n", "2"), QUEUES,
	     "{\"name\":\"old\",\"queue\":\"a\",\"gpus_per_task\":2,\"tasks\":[{\"id\":\"old\","
	     "\"state\":\"Running\",\"node\":\"n\"}]},"
	     "{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":2,\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("old", SCHED_RELEASING, "n");
	trial_expect("new", SCHED_PIPELINED, "n");
	ck_assert_int_eq(trial_pod("old")->action, SCHED_RECLAIM);
	ck_assert_str_eq(trial.s.jobs.at[trial_pod("old")->by].name, "new");
	trial_cycle();
	trial_expect("new", SCHED_BINDING, "n");
	trial_expect("old", SCHED_PENDING, "");
	trial_cycle();
	trial_expect("new", SCHED_RUNNING, "n");
	ck_assert_uint_eq(trial.r.evictions + trial.r.binds + trial.r.promises, 0);
}
END_TEST

#define PROTECTED(runtime, ran)                                                                    \
	"[{\"name\":\"all\",\"gpu_quota\":-1},{\"name\":\"a\",\"parent\":\"all\",\"gpu_quota\":2," \
	"\"reclaim_min_runtime\":\"" runtime "\"},"                                                \
	"{\"name\":\"b\",\"parent\":\"all\",\"gpu_quota\":2,\"order\":1}]",                        \
		"{\"name\":\"old\",\"queue\":\"a\",\"gpus_per_task\":1,\"min_available\":3,"       \
		"\"running_for\":\"" ran "\",\"tasks\":["                                          \
		"{\"id\":\"0\",\"state\":\"Running\",\"node\":\"n\"},"                             \
		"{\"id\":\"1\",\"state\":\"Running\",\"node\":\"n\"},"                             \
		"{\"id\":\"2\",\"state\":\"Running\",\"node\":\"n\"},"                             \
		"{\"id\":\"3\",\"state\":\"Running\",\"node\":\"n\"}]},"

START_TEST(a_minimum_runtime_protects_the_core_of_a_job)
{
	read(NODE("n", "4"),
	     PROTECTED(
		     "10m",
		     "9m") "{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":2,\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("new", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.evictions, 0);
}
END_TEST

START_TEST(what_is_above_the_minimum_is_not_protected)
{
	read(NODE("n", "4"),
	     PROTECTED(
		     "10m",
		     "9m") "{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("new", SCHED_PIPELINED, "n");
	trial_expect("3", SCHED_RELEASING, "n");
	trial_expect("2", SCHED_RUNNING, "n");
}
END_TEST

START_TEST(protection_ends)
{
	read(NODE("n", "4"),
	     PROTECTED(
		     "10m",
		     "10m") "{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":2,\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("new", SCHED_PIPELINED, "n");
	ck_assert_uint_eq(trial.r.evictions, 4);
}
END_TEST

#define HALVES(devices)                                                                      \
	"{\"name\":\"one\",\"queue\":\"b\",\"age_minutes\":1,\"gpu_fraction_per_task\":0.5," \
	"\"tasks\":[{\"id\":\"one\"}]},"                                                     \
	"{\"name\":\"wide\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,"                  \
	"\"gpu_devices_per_task\":" devices ",\"tasks\":[{\"id\":\"wide\"}]}"

START_TEST(parts_of_several_gpus_are_of_different_ones)
{
	read(NODE("n", "2"), QUEUES, HALVES("2"));
	trial_cycle();
	trial_expect("wide", SCHED_BINDING, "n");
	ck_assert_int_eq(trial_pod("wide")->groups[0],
	                 trial_pod("one")->groups[0]); /* the fuller one first */
	ck_assert_int_ne(trial_pod("wide")->groups[0], trial_pod("wide")->groups[1]);
	ck_assert_int_eq(trial.r.nodes[0].idle, 0);
	ck_assert_int_eq(trial.r.allocated[2].of[SCHED_GPU], 1500000);
}
END_TEST

START_TEST(more_parts_than_gpus_find_no_room)
{
	read(NODE("n", "2"), QUEUES, HALVES("3"));
	trial_cycle();
	trial_expect("wide", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.jobs[1].reason, SCHED_NO_ROOM);
}
END_TEST

START_TEST(spread_takes_the_emptiest_gpu)
{
	trial.options.spread_gpus = true;
	read(NODE("n", "2"), QUEUES, HALVES("1"));
	trial_cycle();
	ck_assert_int_ne(trial_pod("wide")->groups[0], trial_pod("one")->groups[0]);
}
END_TEST

START_TEST(whole_gpus_pack_or_spread)
{
	const char *const jobs =
		"{\"name\":\"x\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"x\"}]}";
	read(NODE("big", "4") "," NODE("small", "2"), QUEUES, jobs);
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "small");
	trial_end();
	set_up();
	trial.options.spread_nodes = true;
	read(NODE("big", "4") ",{\"name\":\"used\",\"gpus\":4}", QUEUES,
	     "{\"name\":\"y\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"y\","
	     "\"state\":\"Running\",\"node\":\"big\"}]},"
	     "{\"name\":\"x\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"x\"}]}");
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "used");
}
END_TEST

START_TEST(mib_are_charged_in_hundredths_rounded_up)
{
	read(NODE("n", "1"), QUEUES,
	     "{\"name\":\"x\",\"queue\":\"b\",\"gpu_memory_mib_per_task\":331,"
	     "\"tasks\":[{\"id\":\"x\"}]}");
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "n");
	ck_assert_int_eq(trial.r.allocated[2].of[SCHED_GPU], 340000);
}
END_TEST

START_TEST(a_gang_too_large_says_how_far_it_got)
{
	read(NODE("n", "2"), QUEUES,
	     "{\"name\":\"x\",\"queue\":\"b\",\"gpus_per_task\":1,\"min_available\":3,\"tasks\":["
	     "{\"id\":\"0\"},{\"id\":\"1\"},{\"id\":\"2\"}]},"
	     "{\"name\":\"y\",\"queue\":\"b\",\"gpus_per_task\":1,\"min_available\":2,"
	     "\"tasks\":[{\"id\":\"y\"}]}");
	trial_cycle();
	trial_expect("0", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.jobs[0].placed, 2);
	ck_assert_uint_eq(trial.r.jobs[0].wanted, 3);
	ck_assert_int_eq(trial.r.jobs[1].reason, SCHED_TOO_FEW);
}
END_TEST

#define MIG(n) "\"mig\":{\"nvidia.com/mig-2g.20gb\":" n "}"

/* Instances are what a node has of them; 2g is charged as two GPUs, and whole GPUs are not there.
 */
START_TEST(mig_instances_are_counted_and_charged_by_their_compute)
{
	read("{\"name\":\"n\",\"gpus\":1,\"mig_strategy\":\"mixed\",\"mig_instances\":"
	     "{\"nvidia.com/mig-2g.20gb\":3}}",
	     QUEUES,
	     "{\"name\":\"two\",\"queue\":\"b\",\"tasks\":[{\"id\":\"two\"," MIG(
		     "2") "}]},"
	                  "{\"name\":\"too-many\",\"queue\":\"b\",\"tasks\":[{\"id\":\"too-many\"," MIG(
				  "2") "}]},"
	                               "{\"name\":\"one\",\"queue\":\"a\",\"tasks\":[{\"id\":\"one\"," MIG(
					       "1") "}]},"
	                                            "{\"name\":\"whole\",\"queue\":\"a\",\"gpus_per_task\":1,\"tasks\":[{\"id\":"
	                                            "\"whole\"}]}");
	trial_cycle();
	trial_expect("two", SCHED_BINDING, "n");
	trial_expect("one", SCHED_BINDING, "n");
	trial_expect("too-many", SCHED_PENDING, "");
	trial_expect("whole", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.allocated[2].of[SCHED_GPU], 4 * sched_unit[SCHED_GPU]);
	ck_assert_int_eq(trial.r.allocated[1].of[SCHED_GPU], 2 * sched_unit[SCHED_GPU]);
	ck_assert_int_eq(trial.s.total.of[SCHED_GPU], 7 * sched_unit[SCHED_GPU]);
}
END_TEST

/* Queue `b` has a quota of 2 of the 4 GPUs, `a` of 2 or none. */
#define TWO_OF_FOUR(quota_of_a)                                                                             \
	"[{\"name\":\"all\",\"gpu_quota\":-1},{\"name\":\"a\",\"parent\":\"all\",\"gpu_quota\":" quota_of_a \
	"},{\"name\":\"b\",\"parent\":\"all\",\"gpu_quota\":2,\"order\":1}]"

#define SEMI(min, tasks)                                                                    \
	"{\"name\":\"semi\",\"queue\":\"a\",\"semi_preemptible\":true,\"gpus_per_task\":1," \
	"\"min_available\":" min ",\"tasks\":[" tasks "]}"

#define FOUR_RUN                                                                                   \
	"{\"id\":\"0\",\"state\":\"Running\",\"node\":\"n\"},{\"id\":\"1\",\"state\":\"Running\"," \
	"\"node\":\"n\"},{\"id\":\"2\",\"state\":\"Running\",\"node\":\"n\"},"                     \
	"{\"id\":\"3\",\"state\":\"Running\",\"node\":\"n\"}"

START_TEST(a_semi_preemptible_job_loses_only_what_is_above_its_minimum)
{
	read(NODE("n", "4"), TWO_OF_FOUR("2"),
	     SEMI("2", FOUR_RUN) ",{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":2,"
	                         "\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("new", SCHED_PIPELINED, "n");
	trial_expect("0", SCHED_RUNNING, "n");
	trial_expect("1", SCHED_RUNNING, "n");
	trial_expect("2", SCHED_RELEASING, "n");
	trial_expect("3", SCHED_RELEASING, "n");
}
END_TEST

START_TEST(the_core_of_a_semi_preemptible_job_never_leaves)
{
	/* a preemptible one with a minimum of 3 would leave as a whole */
	read(NODE("n", "4"), TWO_OF_FOUR("0"),
	     SEMI("3", FOUR_RUN) ",{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":2,"
	                         "\"tasks\":[{\"id\":\"new\"}]}");
	trial_cycle();
	trial_expect("new", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.evictions, 0);
}
END_TEST

START_TEST(the_core_of_a_semi_preemptible_job_needs_quota)
{
	read(NODE("n", "4"), TWO_OF_FOUR("2"),
	     SEMI("3", "{\"id\":\"0\"},{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}"));
	trial_cycle();
	trial_expect("0", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.jobs[0].reason, SCHED_OVER_QUOTA);
}
END_TEST

START_TEST(what_is_above_the_core_of_a_semi_preemptible_job_needs_no_quota)
{
	read(NODE("n", "5"), TWO_OF_FOUR("3"),
	     SEMI("2",
	          "{\"id\":\"0\"},{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}") ","
	                                                                         "{\"name\":\"fixed\",\"queue\":\"a\",\"preemptible\":false,\"priority\":10,"
	                                                                         "\"gpus_per_task\":1,\"tasks\":[{\"id\":\"one\"}]},"
	                                                                         "{\"name\":\"more\",\"queue\":\"a\",\"preemptible\":false,\"priority\":5,"
	                                                                         "\"gpus_per_task\":1,\"tasks\":[{\"id\":\"two\"}]}");
	trial_cycle();
	trial_expect("3", SCHED_BINDING, "n");
	trial_expect("one", SCHED_BINDING,
	             "n"); /* the third GPU of the quota: two are the core's */
	trial_expect("two", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.jobs[2].reason, SCHED_OVER_QUOTA);
}
END_TEST

/* A GPU each; `high` is the only important one, `old` the oldest; `b` may hold all, `a` nothing. */
#define LINE                                                                                        \
	"{\"name\":\"new\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"new\"}]},"      \
	"{\"name\":\"old\",\"queue\":\"a\",\"age_minutes\":9,\"gpus_per_task\":1,"                  \
	"\"tasks\":[{\"id\":\"old\"}]},"                                                            \
	"{\"name\":\"high\",\"queue\":\"a\",\"age_minutes\":5,\"priority\":75,\"gpus_per_task\":1," \
	"\"preemptible\":false,\"tasks\":[{\"id\":\"high\"}]}"

static void expect_first(const struct priority_policy *policy, const char *name)
{
	trial.options.priority = policy;
	read(NODE("n", "1"), QUEUES, LINE);
	trial_cycle();
	trial_expect("new", strcmp(name, "new") == 0 ? SCHED_BINDING : SCHED_PENDING,
	             strcmp(name, "new") == 0 ? "n" : "");
	trial_expect(name, SCHED_BINDING, "n");
	ck_assert_uint_eq(trial.r.binds, 1);
	trial_end();
	set_up();
}

START_TEST(the_priority_policy_says_who_is_first)
{
	expect_first(NULL, "new"); /* its queue has a quota, the other has none */
	expect_first(&priority_fair_share, "new");
	expect_first(&priority_strict_priority, "high");
	expect_first(&priority_fifo, "old");
}
END_TEST

/* `b` runs within its quota of 2; who waits is in `a`, which has none. */
#define HELD                                                                                \
	"{\"name\":\"low\",\"queue\":\"b\",\"priority\":40,\"gpus_per_task\":1,\"tasks\":[" \
	"{\"id\":\"low\",\"state\":\"Running\",\"node\":\"n\"}]},"                          \
	"{\"name\":\"mid\",\"queue\":\"b\",\"priority\":45,\"gpus_per_task\":1,\"tasks\":[" \
	"{\"id\":\"mid\",\"state\":\"Running\",\"node\":\"n\"}]},"                          \
	"{\"name\":\"x\",\"queue\":\"a\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"x\"}]}"

START_TEST(strict_priority_takes_from_any_queue_the_lowest_first)
{
	trial.options.priority = &priority_strict_priority;
	read(NODE("n", "2"), QUEUES, HELD);
	trial_cycle();
	trial_expect("low", SCHED_RELEASING, "n");
	trial_expect("mid", SCHED_RUNNING, "n");
	trial_expect("x", SCHED_PIPELINED, "n");
	ck_assert_int_eq(trial_pod("low")->action, SCHED_PREEMPT);
}
END_TEST

START_TEST(a_fair_share_and_fifo_keep_what_is_within_quota)
{
	static const struct priority_policy *const policies[] = {&priority_fair_share,
	                                                         &priority_fifo};
	for (size_t i = 0; i < 2; i++) {
		trial.options.priority = policies[i];
		read(NODE("n", "2"), QUEUES, HELD);
		trial_cycle();
		trial_expect("x", SCHED_PENDING, "");
		ck_assert_uint_eq(trial.r.evictions + trial.r.promises, 0);
		trial_end();
		set_up();
	}
}
END_TEST

/* On `a` a GPU is being left and the other is half taken, `b` is empty: by binpack `a` is better.
 */
#define LEAVING                                                                            \
	"{\"name\":\"old\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":["                \
	"{\"id\":\"old\",\"state\":\"Releasing\",\"node\":\"a\"}]},"                       \
	"{\"name\":\"half\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,\"tasks\":["     \
	"{\"id\":\"half\",\"state\":\"Running\",\"node\":\"a\",\"gpu_groups\":[\"g\"]}]}," \
	"{\"name\":\"x\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"x\"}]}"

START_TEST(a_placement_policy_is_asked_for_room_now_first)
{
	trial.options.placement = &placement_binpack;
	read(NODE("a", "2") "," NODE("b", "2"), QUEUES, LEAVING);
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "b");
	trial_end();
	set_up();
	trial.options.placement = &placement_binpack;
	trial.options.no_idle_bonus = true;
	read(NODE("a", "2") "," NODE("b", "2"), QUEUES, LEAVING);
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "a");
}
END_TEST

/* Node and GPU of a quarter beside a half on `a` and three quarters on `b`. */
static void expect_quarter(const struct placement_policy *policy, const char *node, bool shared)
{
	trial.options.placement = policy;
	read(NODE("a", "2") "," NODE("b", "2"), QUEUES,
	     "{\"name\":\"h\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,\"tasks\":["
	     "{\"id\":\"h\",\"state\":\"Running\",\"node\":\"a\",\"gpu_groups\":[\"g\"]}]},"
	     "{\"name\":\"t\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.75,\"tasks\":["
	     "{\"id\":\"t\",\"state\":\"Running\",\"node\":\"b\",\"gpu_groups\":[\"g\"]}]},"
	     "{\"name\":\"x\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.25,"
	     "\"tasks\":[{\"id\":\"x\"}]}");
	trial_cycle();
	trial_expect("x", SCHED_BINDING, node);
	ck_assert_int_eq(trial_pod("x")->groups[0] == 0, shared);
	trial_end();
	set_up();
}

START_TEST(placement_policies_choose_the_node_and_the_gpu)
{
	expect_quarter(&placement_first_fit, "a", true);
	expect_quarter(&placement_best_fit, "b", true);
	expect_quarter(&placement_gpu_packing, "b", true); /* the fullest GPU of all nodes */
	expect_quarter(&placement_spread, "a", false);     /* three halves are free there */
}
END_TEST

START_TEST(a_placement_policy_sees_what_leaves_a_shared_gpu)
{
	trial.options.placement = &placement_fgd;
	read(NODE("n", "1"), QUEUES,
	     "{\"name\":\"stays\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"stays\",\"state\":\"Running\",\"node\":\"n\",\"gpu_groups\":[\"g\"]}]},"
	     "{\"name\":\"goes\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"goes\",\"state\":\"Releasing\",\"node\":\"n\",\"gpu_groups\":[\"g\"]}]},"
	     "{\"name\":\"x\",\"queue\":\"b\",\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"x\"}]}");
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "n");
	trial_expect("stays", SCHED_RUNNING, "n");
	ck_assert_int_eq(trial_pod("x")->groups[0], trial_pod("stays")->groups[0]);
}
END_TEST

/* `wide` leaves first, in vain, and comes back; its GPUs are in another order than the node's. */
START_TEST(who_comes_back_to_the_same_gpus_never_left)
{
	trial.options.placement = &placement_binpack;
	read(NODE("n", "3"), QUEUES,
	     "{\"name\":\"a\",\"queue\":\"b\",\"preemptible\":false,\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"a\",\"state\":\"Running\",\"node\":\"n\",\"gpu_groups\":[\"a\"]}]},"
	     "{\"name\":\"b\",\"queue\":\"b\",\"preemptible\":false,\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"b\",\"state\":\"Running\",\"node\":\"n\",\"gpu_groups\":[\"b\"]}]},"
	     "{\"name\":\"wide\",\"queue\":\"b\",\"gpu_devices_per_task\":2,\"gpu_fraction_per_task\":0.5,\"tasks\":[{\"id\":\"wide\",\"state\":\"Running\",\"node\":\"n\",\"gpu_groups\":[\"b\",\"a\"]}]},"
	     "{\"name\":\"old\",\"queue\":\"b\",\"age_minutes\":9,\"gpus_per_task\":1,\"tasks\":[{\"id\":\"old\",\"state\":\"Running\",\"node\":\"n\"}]},"
	     "{\"name\":\"x\",\"queue\":\"b\",\"priority\":75,\"gpus_per_task\":1,\"tasks\":[{\"id\":\"x\"}]}");
	trial_cycle();
	trial_expect("x", SCHED_PIPELINED, "n");
	trial_expect("old", SCHED_RELEASING, "n");
	trial_expect("wide", SCHED_RUNNING, "n");
	ck_assert_uint_eq(trial.r.evictions, 1);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("cycle");
	TCase *const t = tcase_create("cycle");
	tcase_add_checked_fixture(t, set_up, trial_end);
	tcase_add_test(t, what_is_reclaimed_is_used_one_cycle_later);
	tcase_add_test(t, a_minimum_runtime_protects_the_core_of_a_job);
	tcase_add_test(t, what_is_above_the_minimum_is_not_protected);
	tcase_add_test(t, protection_ends);
	tcase_add_test(t, parts_of_several_gpus_are_of_different_ones);
	tcase_add_test(t, more_parts_than_gpus_find_no_room);
	tcase_add_test(t, spread_takes_the_emptiest_gpu);
	tcase_add_test(t, whole_gpus_pack_or_spread);
	tcase_add_test(t, mib_are_charged_in_hundredths_rounded_up);
	tcase_add_test(t, a_gang_too_large_says_how_far_it_got);
	tcase_add_test(t, mig_instances_are_counted_and_charged_by_their_compute);
	tcase_add_test(t, a_semi_preemptible_job_loses_only_what_is_above_its_minimum);
	tcase_add_test(t, the_core_of_a_semi_preemptible_job_never_leaves);
	tcase_add_test(t, the_core_of_a_semi_preemptible_job_needs_quota);
	tcase_add_test(t, what_is_above_the_core_of_a_semi_preemptible_job_needs_no_quota);
	tcase_add_test(t, the_priority_policy_says_who_is_first);
	tcase_add_test(t, strict_priority_takes_from_any_queue_the_lowest_first);
	tcase_add_test(t, a_fair_share_and_fifo_keep_what_is_within_quota);
	tcase_add_test(t, a_placement_policy_is_asked_for_room_now_first);
	tcase_add_test(t, placement_policies_choose_the_node_and_the_gpu);
	tcase_add_test(t, a_placement_policy_sees_what_leaves_a_shared_gpu);
	tcase_add_test(t, who_comes_back_to_the_same_gpus_never_left);
	suite_add_tcase(suite, t);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
