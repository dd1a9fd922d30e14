/*
 * Pods whose place depends on others, on small clusters worked out by hand: labels that they want
 * to be with or apart from, and devices that they hold by one claim.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sched/snapshot_read.h"
#include "trial.h"

static void set_up(void)
{
	trial_begin(NULL);
}

#define NODE(name, gpus, zone)                                                                     \
	"{\"name\":\"" name "\",\"gpus\":" gpus ",\"gpu_memory_mib\":1000,\"labels\":{\"zone\":\"" \
	"" zone "\"}}"
#define LABELS(app) "\"pod_affinity\":{\"PodAffinityLabels\":{\"app\":\"" app "\"}}"
#define NEAR(app, key)                                     \
	"\"pod_affinity\":{\"PodAffinityLabels\":{\"app\"" \
	":\"" app "\"},\"PodAffinityTopologyKey\":\"" key "\"}"
#define APART(app, key)                                    \
	"\"pod_affinity\":{\"PodAffinityLabels\":{\"app\"" \
	":\"" app "\"},\"PodAntiAffinityTopologyKey\":\"" key "\"}"
#define JOB(name, queue, gpus, task)                                             \
	"{\"name\":\"" name "\",\"queue\":\"" queue "\",\"gpus_per_task\":" gpus \
	",\"tasks\":[{\"id\":\"" name "\"," task "}]}"
#define ON(node) "\"state\":\"Running\",\"node\":\"" node "\","
#define CLAIMS(claim) "\"claims\":[\"" claim "\"]"

/* Queue a has no quota, b all of it, and c a limit of one GPU. */
static char *text_of(const char *nodes, const char *dra, const char *jobs)
{
	return mem_printf("{\"cluster\":{\"nodes\":[%s],\"dra\":%s,\"queues\":["
	                  "{\"name\":\"a\",\"gpu_quota\":0},{\"name\":\"b\",\"gpu_quota\":-1},"
	                  "{\"name\":\"c\",\"gpu_limit\":1}]},\"jobs\":[%s]}",
	                  nodes, dra, jobs);
}

static void read(const char *nodes, const char *dra, const char *jobs)
{
	char *const text = text_of(nodes, dra, jobs);
	trial_read(text);
}

/* --- labels -----------------------------------------------------------------------------------
 */

/* n0 and n1 are in the east, n2 in the west; n0 would be the first by name, n2 by packing. */
#define ZONES NODE("n0", "4", "east") "," NODE("n1", "4", "east") "," NODE("n2", "2", "west")

START_TEST(one_goes_where_its_like_are)
{
	read(ZONES, "null",
	     JOB("db", "b", "1", ON("n1") LABELS("db")) "," JOB("web", "b", "4",
	                                                        NEAR("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n0");
}
END_TEST

START_TEST(the_first_of_its_kind_goes_anywhere_with_a_value)
{
	read("{\"name\":\"m\",\"gpus\":1,\"gpu_memory_mib\":1000}," NODE("n0", "4", "east"), "null",
	     JOB("web", "b", "1", NEAR("web", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n0"); /* m is fuller and in no zone */
}
END_TEST

START_TEST(a_zone_without_room_leaves_it_waiting)
{
	read(ZONES, "null",
	     "{\"name\":\"db\",\"queue\":\"b\",\"gpus_per_task\":2,\"preemptible\":false,"
	     "\"tasks\":[{\"id\":\"db\"," ON("n2")
	             LABELS("db") "}]}," JOB("web", "b", "1", NEAR("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_PENDING, "");
}
END_TEST

START_TEST(both_can_move)
{
	read(ZONES, "null",
	     JOB("db", "b", "2", ON("n2") LABELS("db")) "," JOB("web", "b", "1",
	                                                        NEAR("db", "zone")));
	trial_cycle();
	trial_expect("db", SCHED_PIPELINED, "n0");
	trial_expect("web", SCHED_PIPELINED, "n0");
	ck_assert_int_eq(trial_pod("web")->action, SCHED_CONSOLIDATE);
}
END_TEST

START_TEST(other_labels_are_others)
{
	read(ZONES, "null",
	     JOB("db", "b", "1", ON("n1") LABELS("cache")) "," JOB("web", "b", "1",
	                                                           APART("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n2");
}
END_TEST

START_TEST(one_keeps_apart_from_its_like)
{
	read(ZONES, "null",
	     JOB("db", "b", "1", ON("n2") LABELS("db")) "," JOB("web", "b", "1",
	                                                        APART("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n0"); /* n2 is the fullest */
}
END_TEST

START_TEST(who_is_there_keeps_others_apart_too)
{
	read(ZONES, "null",
	     JOB("db", "b", "1", ON("n2") APART("db", "zone")) "," JOB("web", "b", "1",
	                                                               LABELS("db")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n0");
}
END_TEST

START_TEST(apart_by_the_names_of_nodes)
{
	read(ZONES, "null",
	     JOB("x", "b", "1", APART("x", "kubernetes.io/hostname")) "," JOB(
		     "y", "b", "1",
		     APART("x",
	                   "kubernetes.io/hostname")) "," JOB("z", "b", "1",
	                                                      APART("x",
	                                                            "kai.scheduler/type")) "," JOB("w",
	                                                                                           "b",
	                                                                                           "1",
	                                                                                           APART("x",
	                                                                                                 "kai.scheduler/type")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 3);
	trial_expect("w", SCHED_PENDING, "");
}
END_TEST

START_TEST(next_to_one_that_leaves_is_a_promise)
{
	read(NODE("n0", "2", "east"), "null",
	     "{\"name\":\"db\",\"queue\":\"b\",\"gpus_per_task\":1,\"tasks\":[{\"id\":\"db\","
	     "\"state\":\"Releasing\",\"node\":\"n0\"," LABELS("db") "}]}," JOB(
		     "web", "b", "1", APART("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_PIPELINED, "n0");
}
END_TEST

#define STATE(state, node) "\"state\":\"" state "\",\"node\":\"" node "\","

START_TEST(next_to_one_that_comes_is_a_promise)
{
	read(ZONES, "null",
	     JOB("db", "b", "1", STATE("Pipelined", "n1") LABELS("db")) "," JOB(
		     "web", "b", "1", NEAR("db", "kubernetes.io/hostname")));
	trial_cycle();
	trial_expect("web", SCHED_PIPELINED, "n1");
}
END_TEST

START_TEST(a_place_now_goes_before_a_promise)
{
	read(NODE("n0", "4", "east") "," NODE("n1", "4", "west"), "null",
	     JOB("db", "b", "1", STATE("Releasing", "n0") LABELS("db")) "," JOB(
		     "web", "b", "1", APART("db", "zone")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n1"); /* n0 is the first by name of two alike */
}
END_TEST

START_TEST(one_that_is_tied_does_not_speak_for_others)
{
	read(NODE("n0", "1", "east"), "null",
	     JOB("old", "a", "1", ON("n0") LABELS("db")) "," JOB(
		     "web", "b", "1", NEAR("web", "rack")) "," JOB("new", "b", "1", LABELS("db")));
	trial_cycle();
	trial_expect("web", SCHED_PENDING, "");
	trial_expect("new", SCHED_PIPELINED, "n0");
}
END_TEST

START_TEST(who_is_in_the_way_can_be_evicted)
{
	/* room is not what n0 lacks: a's pod holds one of two GPUs, and keeps b's away */
	read(NODE("n0", "2", "east"), "null",
	     JOB("db", "a", "1", ON("n0") LABELS("db")) "," JOB("web", "b", "1",
	                                                        APART("db", "zone")));
	trial_cycle();
	trial_expect("db", SCHED_RELEASING, "n0");
	trial_expect("web", SCHED_PIPELINED, "n0");
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n0");
}
END_TEST

START_TEST(kubernetes_knows_labels_too)
{
	trial.options.native = true;
	read(ZONES, "null",
	     JOB("db", "b", "1", ON("n1") LABELS("db")) "," JOB(
		     "web", "b", "1", NEAR("db", "kubernetes.io/hostname")));
	trial_cycle();
	trial_expect("web", SCHED_BINDING, "n1"); /* the others are emptier */
}
END_TEST

/* --- claims -----------------------------------------------------------------------------------
 */

#define BARE(name) "{\"name\":\"" name "\"}"
#define SLICE(class, node, count) \
	"{\"DeviceClassName\":\"" class "\",\"NodeName\":\"" node "\",\"Count\":" count "}"
#define CLAIM(name, class, queue, count)                        \
	"{\"Name\":\"" name                                     \
	"\",\"DeviceClassName\":\"" class "\",\"Count\":" count \
					  ",\"Labels\":{\"kai.scheduler/queue\":\"" queue "\"}}"
#define DRA(slices, claims)                                                                \
	"{\"DeviceClasses\":[\"nvidia.com/gpu\",\"nic\"],\"ResourceSlices\":[" slices "]," \
	"\"ResourceClaims\":[" claims "]}"

START_TEST(claims_are_counted_and_charged_as_gpus)
{
	read(BARE("n0"),
	     DRA(SLICE("nvidia.com/gpu", "n0", "3"),
	         CLAIM("one", "nvidia.com/gpu", "c",
	               "1") "," CLAIM("two", "nvidia.com/gpu", "b",
	                              "2") "," CLAIM("more", "nvidia.com/gpu", "c", "1")),
	     JOB("x", "c", "0", CLAIMS("one")) "," JOB("y", "b", "0", CLAIMS("two")) "," JOB(
		     "z", "c", "0", CLAIMS("more")));
	ck_assert_int_eq(trial.s.total.of[SCHED_GPU], 3000000);
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "n0");
	trial_expect("y", SCHED_BINDING, "n0");
	trial_expect("z", SCHED_PENDING, "");
	ck_assert_int_eq(trial.r.jobs[2].reason, SCHED_OVER_LIMIT);
	ck_assert_int_eq(trial.r.allocated[1].of[SCHED_GPU], 2000000);
}
END_TEST

START_TEST(other_devices_are_no_gpus)
{
	read(BARE("n0") "," BARE("n1"),
	     DRA(SLICE("nic", "n1", "2"), CLAIM("nics", "nic", "b", "2")),
	     JOB("x", "c", "0", CLAIMS("nics")));
	ck_assert_int_eq(trial.s.total.of[SCHED_GPU], 0);
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "n1"); /* nor are they bound to a queue */
}
END_TEST

START_TEST(claims_of_other_queues_wait)
{
	read(BARE("n0"),
	     DRA(SLICE("nvidia.com/gpu", "n0", "3"),
	         CLAIM("theirs", "nvidia.com/gpu", "a", "1") ","
	                                                     "{\"Name\":\"no\","
	                                                     "\"DeviceClassName\":"
	                                                     "\"nvidia.com/gpu\","
	                                                     "\"Count\":1}"),
	     JOB("x", "b", "0", CLAIMS("theirs")) "," JOB("y", "b", "0", CLAIMS("no")));
	trial_cycle();
	trial_expect("x", SCHED_PENDING, "");
	trial_expect("y", SCHED_PENDING, "");
	trial.options.native = true;
	trial_cycle();
	trial_expect("x", SCHED_BINDING, "n0"); /* the rule is not Kubernetes' */
	trial_expect("y", SCHED_BINDING, "n0");
}
END_TEST

#define SHARED                                                                                  \
	DRA(SLICE("nvidia.com/gpu", "n0", "1") "," SLICE("nvidia.com/gpu", "n1", "1"),          \
	    CLAIM("shared", "nvidia.com/gpu", "b", "1") "," CLAIM("own", "nvidia.com/gpu", "b", \
	                                                          "1"))

START_TEST(a_shared_claim_is_held_once_and_in_one_place)
{
	read(BARE("n0") "," BARE("n1"), SHARED,
	     JOB("x", "b", "0", ON("n1") CLAIMS("shared")) "," JOB(
		     "y", "b", "0", CLAIMS("shared")) "," JOB("z", "b", "0", CLAIMS("own")));
	trial_cycle();
	trial_expect("y", SCHED_BINDING, "n1");
	trial_expect("z", SCHED_BINDING, "n0");
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds + trial.r.evictions + trial.r.promises, 0);
	ck_assert_int_eq(trial.r.allocated[1].of[SCHED_GPU], 3000000); /* each pod is charged */
}
END_TEST

START_TEST(a_claim_that_is_promised_is_joined_by_promises)
{
	read(BARE("n0") "," BARE("n1"), SHARED,
	     JOB("x", "b", "0", STATE("Pipelined", "n1") CLAIMS("shared")) "," JOB(
		     "y", "b", "0", CLAIMS("shared")));
	trial_cycle();
	trial_expect("y", SCHED_PIPELINED, "n1");
}
END_TEST

START_TEST(a_claim_that_is_left_can_be_taken_elsewhere_later)
{
	read(BARE("n0") "," BARE("n1"),
	     DRA(SLICE("nvidia.com/gpu", "n0", "1"), CLAIM("shared", "nvidia.com/gpu", "b", "1")),
	     JOB("x", "b", "0", STATE("Releasing", "n1") CLAIMS("shared")) "," JOB(
		     "y", "b", "0", CLAIMS("shared")));
	trial_cycle();
	trial_expect("y", SCHED_PIPELINED, "n0");
}
END_TEST

START_TEST(pods_that_share_a_claim_stay_together)
{
	/* n1 has the CPU for one of them only */
	read("{\"name\":\"n0\",\"cpu_cores\":1},{\"name\":\"n1\",\"cpu_cores\":1}", SHARED,
	     "{\"name\":\"j\",\"queue\":\"b\",\"cpu_cores_per_task\":1,\"min_available\":1,"
	     "\"tasks\":[{\"id\":\"x\",\"state\":\"Running\",\"node\":\"n1\"," CLAIMS(
		     "shared") "},{\"id\":\"y\"," CLAIMS("shared") "}]}");
	trial_cycle();
	trial_expect("y", SCHED_PENDING, "");
}
END_TEST

START_TEST(devices_that_are_reclaimed_are_free_a_cycle_later)
{
	read(BARE("n0"),
	     DRA(SLICE("nvidia.com/gpu", "n0", "2"),
	         CLAIM("old", "nvidia.com/gpu", "a", "2") "," CLAIM("new", "nvidia.com/gpu", "b",
	                                                            "1")),
	     JOB("x", "a", "0", ON("n0") CLAIMS("old")) "," JOB(
		     "y", "a", "0", ON("n0") CLAIMS("old")) "," JOB("z", "b", "0", CLAIMS("new")));
	trial_cycle(); /* both must leave before the devices do */
	trial_expect("x", SCHED_RELEASING, "n0");
	trial_expect("y", SCHED_RELEASING, "n0");
	trial_expect("z", SCHED_PIPELINED, "n0");
	trial_cycle();
	trial_expect("z", SCHED_BINDING, "n0");
	trial_expect("x", SCHED_PENDING, "");
}
END_TEST

START_TEST(who_knows_what_becomes_of_it_may_claim_what_is_missing)
{
	trial.s.judged = true;
	read(BARE("n0"), DRA(SLICE("nic", "n0", "3"), CLAIM("x", "fpga", "b", "1")),
	     JOB("x", "b", "0", CLAIMS("x")) "," JOB("y", "b", "0", CLAIMS("z")));
	trial_cycle();
	ck_assert_uint_eq(trial.r.binds, 0);
}
END_TEST

START_TEST(a_shared_claim_overcommits_nothing)
{
	char *why;
	read(BARE("n0") "," BARE("n1"), SHARED,
	     JOB("x", "b", "0", ON("n0") CLAIMS("shared")) "," JOB("y", "b", "0",
	                                                           ON("n0") CLAIMS("shared")));
	ck_assert_ptr_null(snapshot_overcommit(&trial.s));
	snapshot_fini(&trial.s);
	read(BARE("n0") "," BARE("n1"), SHARED,
	     JOB("x", "b", "0", ON("n0") CLAIMS("shared")) "," JOB("y", "b", "0",
	                                                           ON("n0") CLAIMS("own")));
	why = snapshot_overcommit(&trial.s);
	ck_assert_ptr_nonnull(why);
	free(why);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("ties");
	TCase *const t = tcase_create("ties");
	tcase_add_checked_fixture(t, set_up, trial_end);
	tcase_add_test(t, one_goes_where_its_like_are);
	tcase_add_test(t, the_first_of_its_kind_goes_anywhere_with_a_value);
	tcase_add_test(t, a_zone_without_room_leaves_it_waiting);
	tcase_add_test(t, both_can_move);
	tcase_add_test(t, other_labels_are_others);
	tcase_add_test(t, one_keeps_apart_from_its_like);
	tcase_add_test(t, who_is_there_keeps_others_apart_too);
	tcase_add_test(t, apart_by_the_names_of_nodes);
	tcase_add_test(t, next_to_one_that_leaves_is_a_promise);
	tcase_add_test(t, next_to_one_that_comes_is_a_promise);
	tcase_add_test(t, a_place_now_goes_before_a_promise);
	tcase_add_test(t, one_that_is_tied_does_not_speak_for_others);
	tcase_add_test(t, who_is_in_the_way_can_be_evicted);
	tcase_add_test(t, kubernetes_knows_labels_too);
	tcase_add_test(t, claims_are_counted_and_charged_as_gpus);
	tcase_add_test(t, other_devices_are_no_gpus);
	tcase_add_test(t, claims_of_other_queues_wait);
	tcase_add_test(t, a_shared_claim_is_held_once_and_in_one_place);
	tcase_add_test(t, a_claim_that_is_promised_is_joined_by_promises);
	tcase_add_test(t, a_claim_that_is_left_can_be_taken_elsewhere_later);
	tcase_add_test(t, pods_that_share_a_claim_stay_together);
	tcase_add_test(t, devices_that_are_reclaimed_are_free_a_cycle_later);
	tcase_add_test(t, who_knows_what_becomes_of_it_may_claim_what_is_missing);
	tcase_add_test(t, a_shared_claim_overcommits_nothing);
	suite_add_tcase(suite, t);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
