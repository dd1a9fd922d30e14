/*
 * Gangs that belong together, on small clusters worked out by hand: which domains take them, which
 * of these first, groups within groups, and what victims make room for.
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

/* A node of a rack in a zone. */
#define IN(name, gpus, zone, rack)                                                              \
	"{\"name\":\"" name "\",\"gpus\":" gpus ",\"gpu_memory_mib\":1000,\"labels\":{\"zone\"" \
	":\"" zone "\",\"rack\":\"" rack "\"}}"
#define REQUIRED(level) "\"topology\":{\"Topology\":\"t\",\"RequiredLevel\":\"" level "\"}"
#define PREFERRED(level) "\"topology\":{\"Topology\":\"t\",\"PreferredLevel\":\"" level "\"}"
#define JOB(name, queue, gpus, groups, tasks)                                    \
	"{\"name\":\"" name "\",\"queue\":\"" queue "\",\"gpus_per_task\":" gpus \
	",\"sub_groups\":{" groups "},\"tasks\":[" tasks "]}"
#define POD(id) "{\"id\":\"" id "\"}"
#define RUNS(id, node) "{\"id\":\"" id "\",\"state\":\"Running\",\"node\":\"" node "\"}"
#define FILLER(name, node, gpus)                                         \
	"{\"name\":\"" name "\",\"queue\":\"a\",\"gpus_per_task\":" gpus \
	",\"tasks\":[" RUNS(name, node) "]}"

static void read(const char *nodes, const char *jobs)
{
	char *const text = mem_printf(
		"{\"cluster\":{\"nodes\":[%s],\"topologies\":[{\"ObjectMeta\":{\"Name\":\"t\"},"
		"\"Spec\":{\"Levels\":[{\"NodeLabel\":\"zone\"},{\"NodeLabel\":\"rack\"}]}}],"
		"\"queues\":[{\"name\":\"a\",\"gpu_quota\":0},{\"name\":\"b\",\"gpu_quota\":-1}]},"
		"\"jobs\":[%s]}",
		nodes, jobs);
	trial_read(text);
}

/* Three racks with 2, 4 and 3 free GPUs, one GPU a node. */
#define RACKS                                                                   \
	IN("a0", "1", "z", "a")                                                 \
	"," IN("a1", "1", "z", "a") "," IN("b0", "1", "z", "b") "," IN(         \
		"b1", "1", "z",                                                 \
		"b") "," IN("b2", "1", "z",                                     \
	                    "b") "," IN("b3", "1", "z",                         \
	                                "b") "," IN("c0", "1", "y",             \
	                                            "c") "," IN("c1", "1", "y", \
	                                                        "c") "," IN("c2", "1", "y", "c")

START_TEST(the_fullest_rack_that_takes_all_is_first)
{
	read(RACKS, JOB("j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1") "," POD("2")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "c0");
	trial_expect("1", SCHED_BINDING, "c1");
	trial_expect("2", SCHED_BINDING, "c2");
}
END_TEST

START_TEST(placement_policies_choose_within_racks)
{
	trial.options.placement = &placement_first_fit;
	read(RACKS, JOB("j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1") "," POD("2")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "c0");
	trial_expect("2", SCHED_BINDING, "c2");
	trial_end();
	set_up();
	trial.options.placement = &placement_first_fit;
	read(RACKS, JOB("j", "b", "1", PREFERRED("rack"),
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "b0");
	trial_expect("3", SCHED_BINDING, "b3");
	trial_expect("4", SCHED_BINDING, "a0");
}
END_TEST

START_TEST(what_no_rack_takes_waits_whole)
{
	read(RACKS, JOB("j", "b", "1", REQUIRED("rack"),
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4")));
	trial_cycle();
	trial_expect("0", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.binds, 0);
	ck_assert_int_eq(trial.r.jobs[0].reason, SCHED_NO_ROOM);
	ck_assert(trial.r.jobs[0].apart);
	ck_assert_uint_eq(trial.r.jobs[0].placed, 0);
	ck_assert_uint_eq(trial.r.jobs[0].wanted, 5);
}
END_TEST

START_TEST(a_level_above_takes_what_no_rack_does)
{
	read(RACKS, JOB("j", "b", "1", REQUIRED("zone"),
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "a0");
	trial_expect("4", SCHED_BINDING, "b2");
}
END_TEST

START_TEST(preferred_goes_wider_and_fills_the_emptiest_first)
{
	/* no rack takes five, zone z does: of its racks b has more free and goes first */
	read(RACKS, JOB("j", "b", "1", PREFERRED("rack"),
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "b0");
	trial_expect("3", SCHED_BINDING, "b3");
	trial_expect("4", SCHED_BINDING, "a0");
}
END_TEST

START_TEST(preferred_is_no_condition)
{
	read(RACKS, JOB("j", "b", "1", PREFERRED("rack"),
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4") "," POD(
				"5") "," POD("6") "," POD("7") "," POD("8")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 9);
}
END_TEST

START_TEST(required_bounds_preferred)
{
	/* seven pods fit on the cluster and not in any zone */
	read(RACKS, JOB("j", "b", "1",
	                "\"topology\":{\"Topology\":\"t\",\"RequiredLevel\":\"zone\","
	                "\"PreferredLevel\":\"rack\"}",
	                POD("0") "," POD("1") "," POD("2") "," POD("3") "," POD("4") "," POD(
				"5") "," POD("6")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 0);
}
END_TEST

START_TEST(pods_that_run_hold_the_others)
{
	/* rack a would be the fullest; the job is in b already */
	read(RACKS, "{\"name\":\"j\",\"queue\":\"b\",\"gpus_per_task\":1,\"min_available\":1,"
	            "\"sub_groups\":{" REQUIRED("rack") "},\"tasks\":[" RUNS("0", "b1") "," POD(
			    "1") "," POD("2") "," POD("3") "," POD("4") "]}");
	trial_cycle();
	trial_expect("1", SCHED_BINDING, "b0");
	trial_expect("2", SCHED_BINDING, "b2");
	trial_expect("3", SCHED_BINDING, "b3");
	trial_expect("4", SCHED_PENDING, "");
}
END_TEST

START_TEST(groups_within_groups)
{
	/* each half in a rack of its own choice, both in one zone: only z has two racks */
	read(RACKS,
	     JOB("j", "b", "1",
	         REQUIRED("zone") ",\"groups\":["
	                          "{\"name\":\"x\"," REQUIRED(
					  "rack") ",\"pod_sets\":[{\"name\":\"x\","
	                                          "\"min\":2}]},"
	                                          "{\"name\":\"w\"," REQUIRED(
							  "rack") ",\"pod_sets\":[{\"name\":\"w\","
	                                                          "\"min\":2}]}]",
	         "{\"id\":\"0\",\"sub_group\":\"x\"},{\"id\":\"1\",\"sub_group\":\"x\"},"
	         "{\"id\":\"2\",\"sub_group\":\"w\"},{\"id\":\"3\",\"sub_group\":\"w\"}"));
	trial_cycle();
	trial_expect("2", SCHED_BINDING, "a0"); /* w goes before x, and a is the fullest */
	trial_expect("3", SCHED_BINDING, "a1");
	trial_expect("0", SCHED_BINDING, "b0");
	trial_expect("1", SCHED_BINDING, "b1");
}
END_TEST

START_TEST(a_domain_that_its_groups_do_not_fit_is_left_again)
{
	/* zone y has the three GPUs, but in one rack of 1 and one of 2; two racks of 2 are asked */
	read(IN("n0", "1", "y", "a") "," IN("n1", "3", "y", "b") "," IN("n2", "2", "z", "a") "," IN(
		     "n3", "3", "z", "b"),
	     JOB("j", "b", "1",
	         REQUIRED("zone") ",\"pod_sets\":["
	                          "{\"name\":\"x\",\"min\":2," REQUIRED(
					  "rack") "},"
	                                          "{\"name\":\"w\",\"min\":2," REQUIRED(
							  "rack") "}]",
	         "{\"id\":\"0\",\"sub_group\":\"x\"},{\"id\":\"1\",\"sub_group\":\"x\"},"
	         "{\"id\":\"2\",\"sub_group\":\"w\"},{\"id\":\"3\",\"sub_group\":\"w\"}"));
	trial_cycle();
	trial_expect("2", SCHED_BINDING, "n2");
	trial_expect("3", SCHED_BINDING, "n2");
	trial_expect("0", SCHED_BINDING, "n3");
	trial_expect("1", SCHED_BINDING, "n3");
}
END_TEST

START_TEST(a_node_without_a_label_is_outside)
{
	read("{\"name\":\"n0\",\"gpus\":2,\"labels\":{\"rack\":\"a\"}}," IN(
		     "n1", "2", "z", "a") "," IN("n2", "4", "z", "b"),
	     JOB("j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1") "," POD("2")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "n2"); /* n0 and n1 would be three */
}
END_TEST

START_TEST(racks_of_a_name_in_two_zones_are_two)
{
	read(IN("n0", "1", "y", "a") "," IN("n1", "1", "z", "a"),
	     JOB("j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 0);
}
END_TEST

START_TEST(pods_of_several_kinds_are_added_up)
{
	/* one pod with 2 GPUs and one without: together they ask for 2, not for twice 2 */
	read(IN("n0", "3", "z", "a") "," IN("n1", "8", "z", "b"),
	     JOB("j", "b", "0", REQUIRED("rack"), "{\"id\":\"0\",\"gpus\":2}," POD("1")));
	trial_cycle();
	trial_expect("0", SCHED_BINDING, "n0");
	trial_expect("1", SCHED_BINDING, "n0");
}
END_TEST

START_TEST(room_for_pods_counts)
{
	read("{\"name\":\"n0\",\"gpus\":2,\"max_pods\":1,\"labels\":{\"zone\":\"z\",\"rack\":\"a\"}}",
	     JOB("j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1")));
	trial_cycle();
	trial_expect("0", SCHED_PENDING, "");
	ck_assert_uint_eq(trial.r.jobs[0].placed, 0); /* the rack was not even tried */
}
END_TEST

START_TEST(victims_make_room_in_one_rack)
{
	/* a GPU is free in either rack; the gang needs two in one: one pod leaves, not two */
	read(IN("n0", "2", "z", "a") "," IN("n1", "2", "z", "b"),
	     FILLER("f0", "n0", "1") "," FILLER("f1", "n1", "1") "," JOB(
		     "j", "b", "1", REQUIRED("rack"), POD("0") "," POD("1")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.evictions, 1);
	ck_assert_uint_eq(trial_pod("0")->node, trial_pod("1")->node);
	trial_cycle();
	trial_expect("0", SCHED_BINDING, trial.s.nodes.at[trial_pod("1")->node].name);
}
END_TEST

START_TEST(one_that_fails_does_not_speak_for_others)
{
	/* alike but for the topology: the first waits, the second takes what it may */
	read(IN("n0", "1", "z", "a") "," IN("n1", "1", "z", "b"),
	     FILLER("f0", "n0", "1") "," FILLER("f1", "n1", "1") "," JOB(
		     "j", "b", "1", REQUIRED("rack"),
		     POD("0") "," POD("1")) "," JOB("k", "b", "1", REQUIRED("zone"),
	                                            POD("2") "," POD("3")));
	trial_cycle();
	trial_expect("0", SCHED_PENDING, "");
	trial_expect("2", SCHED_PIPELINED, "n0");
	trial_expect("3", SCHED_PIPELINED, "n1");
}
END_TEST

START_TEST(who_knows_what_becomes_of_it_may_name_what_is_missing)
{
	trial.s.judged = true;
	read(RACKS,
	     JOB("j", "b", "1", "\"topology\":{\"Topology\":\"u\",\"RequiredLevel\":\"rack\"}",
	         POD("0")) "," JOB("k", "b", "1", REQUIRED("row"), POD("1")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 0);
}
END_TEST

static SRunner *runner(void)
{
	Suite *const suite = suite_create("topology");
	TCase *const t = tcase_create("topology");
	tcase_add_checked_fixture(t, set_up, trial_end);
	tcase_add_test(t, the_fullest_rack_that_takes_all_is_first);
	tcase_add_test(t, placement_policies_choose_within_racks);
	tcase_add_test(t, what_no_rack_takes_waits_whole);
	tcase_add_test(t, a_level_above_takes_what_no_rack_does);
	tcase_add_test(t, preferred_goes_wider_and_fills_the_emptiest_first);
	tcase_add_test(t, preferred_is_no_condition);
	tcase_add_test(t, required_bounds_preferred);
	tcase_add_test(t, pods_that_run_hold_the_others);
	tcase_add_test(t, groups_within_groups);
	tcase_add_test(t, a_domain_that_its_groups_do_not_fit_is_left_again);
	tcase_add_test(t, a_node_without_a_label_is_outside);
	tcase_add_test(t, racks_of_a_name_in_two_zones_are_two);
	tcase_add_test(t, pods_of_several_kinds_are_added_up);
	tcase_add_test(t, room_for_pods_counts);
	tcase_add_test(t, victims_make_room_in_one_rack);
	tcase_add_test(t, one_that_fails_does_not_speak_for_others);
	tcase_add_test(t, who_knows_what_becomes_of_it_may_name_what_is_missing);
	suite_add_tcase(suite, t);
	return srunner_create(suite);
}

int main(void)
{
	SRunner *const all = runner();
	srunner_run_all(all, CK_NORMAL);
	const int failed = srunner_ntests_failed(all);
	srunner_free(all);
	return failed == 0 ? 0 : 1;
}
