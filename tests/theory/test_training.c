/*
 * Training on one node of eight GPUs, dated by hand to the nanosecond. The scheduler looks at whole
 * seconds; who is evicted leaves at once, who was promised the place gets it a second later.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "test_run.h"

#define S NS_PER_S
#define HOURS(gpu_seconds) ((gpu_seconds) / 3600.0)

static void run(struct test_run *r, const char *rest)
{
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\"}]}, %s}", rest);
	test_run(r, json, false);
	free(json);
}

/*
 * "long" has all eight GPUs, four of them over its quota. "other" comes at 1500.25 s and may have
 * four by its own: at 1501 s long leaves, 301 s after its last checkpoint; other runs from 1502 s
 * for 1800.5 s; at 3303 s long is back and has 2400 s to go.
 */
START_TEST(a_preemption)
{
	struct test_run r;
	run(&r, "\"projects\": [{\"name\": \"a\", \"quota\": 4}, {\"name\": \"b\", \"quota\": 4}],"
	        "\"jobs\": [{\"name\": \"long\", \"project\": \"a\", \"workers\": 8, \"work\": "
	        "\"1h\", \"checkpoint_every\": \"10m\"},"
	        "{\"name\": \"other\", \"project\": \"b\", \"workers\": 4, \"work\": 1800.5,"
	        "\"submit\": 1500.25}]");
	const struct job_summary *const l = test_run_job(&r, "long"), *const o = test_run_job(
									      &r, "other");
	ck_assert_int_eq(l->started, 0);
	ck_assert_int_eq(l->finished, (3303 + 2400) * S);
	ck_assert_int_eq(l->waited, (3303 - 1501) * S);
	ck_assert_int_eq(l->preemptions, 1);
	ck_assert_int_eq(l->evicted, 8);
	ck_assert_double_eq_tol(l->done, 8.0, 1e-12);
	ck_assert_double_eq_tol(l->lost, HOURS(8 * 301.0), 1e-12);
	ck_assert_int_eq(o->started, 1502 * S);
	ck_assert_int_eq(o->finished, 3302 * S + S / 2);
	ck_assert_int_eq(o->waited, 1502 * S - (1500 * S + S / 4));
	ck_assert_int_eq(o->preemptions, 0);
	/* what they held: all that was executed; Jain's index of the two */
	const double a = HOURS(8 * (3600.0 + 301.0)) / 4, b = HOURS(4 * 1800.5) / 4;
	ck_assert_double_eq_tol(r.summary.projects[0].held, 4 * a, 1e-9);
	ck_assert_double_eq_tol(r.summary.projects[1].held, 4 * b, 1e-9);
	ck_assert_double_eq_tol(r.summary.fairness, (a + b) * (a + b) / (2 * (a * a + b * b)),
	                        1e-12);
	ck_assert_double_eq_tol(r.summary.allocated, (4 * a + 4 * b) / HOURS(8 * 5703.0), 1e-12);
	test_run_fini(&r);
}
END_TEST

/*
 * An elastic job gives up four of its eight workers at 100 s and loses nothing; it has four until
 * the other is done at 301 s, and all of them from then on: 8000 = 8 * 100 + 4 * 201 + 8 * 799.5.
 */
START_TEST(an_elastic_job)
{
	struct test_run r;
	run(&r, "\"projects\": [{\"name\": \"a\", \"quota\": 4}, {\"name\": \"b\", \"quota\": 4}],"
	        "\"jobs\": [{\"name\": \"e\", \"project\": \"a\", \"workers\": 8, "
	        "\"min_workers\": 2, \"work\": 1000},"
	        "{\"name\": \"other\", \"project\": \"b\", \"workers\": 4, \"work\": 200, "
	        "\"submit\": 100}]");
	const struct job_summary *const e = test_run_job(&r, "e");
	ck_assert_int_eq(test_run_job(&r, "other")->finished, 301 * S);
	ck_assert_int_eq(e->finished, 1100 * S + S / 2);
	ck_assert_int_eq(e->evicted, 4);
	ck_assert_int_eq(e->preemptions, 0);
	ck_assert_int_eq(e->waited, 0);
	ck_assert_double_eq(e->lost, 0.0);
	test_run_fini(&r);
}
END_TEST

/* In one project the more important job takes the place of the other, which begins anew. */
START_TEST(a_priority)
{
	struct test_run r;
	run(&r, "\"scheduler\": {\"period\": \"10s\"},"
	        "\"jobs\": [{\"name\": \"low\", \"workers\": 8, \"work\": 100},"
	        "{\"name\": \"high\", \"workers\": 2, \"gpus_per_worker\": 4, \"work\": 50,"
	        "\"priority\": \"build-preemptible\", \"submit\": 31},"
	        "{\"name\": \"equal\", \"workers\": 8, \"work\": 10, \"submit\": 32}]");
	const struct job_summary *const low = test_run_job(&r, "low"), *const high = test_run_job(
									       &r, "high");
	ck_assert_int_eq(high->started, 50 * S);
	ck_assert_int_eq(high->finished, 100 * S);
	ck_assert_int_eq(low->finished, 200 * S);
	ck_assert_double_eq_tol(low->lost, HOURS(8 * 40.0), 1e-12);
	ck_assert_int_eq(test_run_job(&r, "equal")->started,
	                 200 * S);            /* older first, none for its like */
	ck_assert(isnan(r.summary.fairness)); /* no project has a quota */
	test_run_fini(&r);
}
END_TEST

/*
 * Without gangs: b holds the three GPUs that a leaves from 10 s on, in vain until it has five at
 * 100 s. With gangs it holds nothing before.
 */
START_TEST(a_gang_under_kubernetes)
{
	static const double held[] = {500.0 + 3 * 90.0 + 500.0, 1000.0};
	static const char *const kinds[] = {"kubernetes", "runai"};
	for (int i = 0; i < 2; i++) {
		struct test_run r;
		char *const text = mem_printf(
			"\"scheduler\": {\"kind\": \"%s\"}, \"jobs\": ["
			"{\"name\": \"a\", \"workers\": 5, \"work\": 100},"
			"{\"name\": \"b\", \"workers\": 5, \"work\": 100, \"submit\": 10}]",
			kinds[i]);
		run(&r, text);
		ck_assert_int_eq(test_run_job(&r, "b")->finished, 200 * S);
		ck_assert_double_eq_tol(r.summary.allocated, held[i] / (8 * 200.0), 1e-12);
		test_run_fini(&r);
		free(text);
	}
}
END_TEST

/*
 * Kubernetes evicts a pod, not a gang: a keeps seven of its eight GPUs in vain from 50 s until the
 * important job is done at 71 s, and begins anew.
 */
START_TEST(a_pod_evicted_under_kubernetes)
{
	struct test_run r;
	run(&r, "\"scheduler\": {\"kind\": \"kubernetes\"}, \"jobs\": ["
	        "{\"name\": \"a\", \"workers\": 8, \"work\": 100, \"preemptible\": false},"
	        "{\"name\": \"c\", \"work\": 20, \"submit\": 50, \"priority\": \"build\"}]");
	const struct job_summary *const a = test_run_job(&r, "a");
	ck_assert_int_eq(test_run_job(&r, "c")->started, 51 * S);
	ck_assert_int_eq(a->waited, 21 * S);
	ck_assert_int_eq(a->finished, 171 * S);
	ck_assert_double_eq_tol(a->lost, HOURS(8 * 50.0), 1e-12);
	ck_assert_double_eq_tol(r.summary.projects[0].held,
	                        HOURS(8 * 50.0 + 7 * 21.0 + 20.0 + 800.0), 1e-12);
	test_run_fini(&r);
}
END_TEST

/* A run of ten minutes is safe; who waits is looked at once a minute after the last look. */
START_TEST(a_minimum_runtime)
{
	struct test_run r;
	run(&r,
	    "\"scheduler\": {\"min_runtime\": \"10m\"},"
	    "\"projects\": [{\"name\": \"a\", \"quota\": 4}, {\"name\": \"b\", \"quota\": 4}],"
	    "\"jobs\": [{\"name\": \"long\", \"project\": \"a\", \"workers\": 8, \"work\": \"1h\"},"
	    "{\"name\": \"other\", \"project\": \"b\", \"workers\": 4, \"work\": 60, "
	    "\"submit\": 100}]");
	ck_assert_int_eq(test_run_job(&r, "other")->started, (100 + 9 * 60 + 1) * S);
	test_run_fini(&r);
}
END_TEST

/* Three jobs that each want everything, "urgent" by a project without a quota. */
static void run_three(struct test_run *r, const char *policy)
{
	char *const text = mem_printf(
		"\"scheduler\": {\"priority\": \"%s\"},"
		"\"projects\": [{\"name\": \"a\", \"quota\": 8}, {\"name\": \"b\"}], \"jobs\": ["
		"{\"name\": \"first\", \"project\": \"a\", \"workers\": 8, \"work\": 100},"
		"{\"name\": \"urgent\", \"project\": \"b\", \"workers\": 8, \"work\": 50, "
		"\"submit\": 20, \"priority\": \"build-preemptible\"},"
		"{\"name\": \"third\", \"project\": \"a\", \"workers\": 8, \"work\": 50, "
		"\"submit\": 30}]",
		policy);
	run(r, text);
	free(text);
}

/* Quota goes first, or age, or priority, whose preemption costs a second. */
START_TEST(priority_policies)
{
	struct test_run r;
	run_three(&r, "fair_share");
	ck_assert_int_eq(test_run_job(&r, "third")->started, 100 * S);
	ck_assert_int_eq(test_run_job(&r, "urgent")->started, 150 * S);
	test_run_fini(&r);
	run_three(&r, "fifo");
	ck_assert_int_eq(test_run_job(&r, "urgent")->started, 100 * S);
	ck_assert_int_eq(test_run_job(&r, "third")->started, 150 * S);
	test_run_fini(&r);
	run_three(&r, "strict_priority");
	ck_assert_int_eq(test_run_job(&r, "urgent")->started, 21 * S);
	ck_assert_int_eq(test_run_job(&r, "first")->finished, (71 + 100) * S);
	test_run_fini(&r);
}
END_TEST

#define ELASTIC                                                                                        \
	"\"projects\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"jobs\": ["                            \
	"{\"name\": \"a\", \"project\": \"a\", \"workers\": 8, \"min_workers\": 1, \"work\": \"1h\"}," \
	"{\"name\": \"b\", \"project\": \"b\", \"workers\": 8, \"min_workers\": 1, \"work\": \"1h\", " \
	"\"submit\": 1000}], \"stop\": {\"after\": 1300}"

/*
 * Of equal weights, a had everything for 1000 s. Without history b gets half. With k = 1 it gets
 * all: a is due 8 (1/2 + 1/2 - u_a), u_a = 1000 / t from then on. Looked at at 1002 s, when nothing
 * changes, and once a minute: 0.47 GPUs at 1062 s (b's 7.53 is closer to a whole one more), 0.87 at
 * 1122 s, which becomes one GPU, there a second later.
 */
START_TEST(history)
{
	struct test_run r;
	run(&r, ELASTIC);
	ck_assert_int_eq(test_run_job(&r, "a")->evicted, 4);
	ck_assert_int_eq(test_run_job(&r, "a")->waited, 0);
	test_run_fini(&r);
	run(&r, "\"scheduler\": {\"time_based_fair_share\": {\"window\": \"1d\"}}, " ELASTIC);
	ck_assert_int_eq(test_run_job(&r, "a")->evicted, 8);
	ck_assert_int_eq(test_run_job(&r, "a")->waited, 123 * S);
	test_run_fini(&r);
}
END_TEST

/*
 * Six replicas instead of two from 100 s to 200 s: their project has the quota, the gang of six has
 * none. It leaves at 100 s, 10 s after its last checkpoint; the new replicas are on their GPUs from
 * 101 s on. At 200 s they go, and it has 310 s to go.
 */
START_TEST(yields_to_replicas_that_come)
{
	struct test_run r;
	run(&r,
	    "\"projects\": [{\"name\": \"chat\", \"quota\": 8}, {\"name\": \"lab\"}],"
	    "\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", "
	    "\"project\": \"chat\", \"replicas\": 2, \"replicas_at\": [{\"at\": 100, \"replicas\": 6},"
	    "{\"at\": 200, \"replicas\": 2}]}], \"loads\": [{\"service\": \"chat\", \"kind\": "
	    "\"rate\", \"rate\": 20, \"requests\": 200, \"isl\": 200, \"osl\": 20}],"
	    "\"jobs\": [{\"name\": \"train\", \"project\": \"lab\", \"workers\": 6, "
	    "\"work\": 400, \"checkpoint_every\": 30}]");
	const struct job_summary *const j = test_run_job(&r, "train");
	ck_assert_int_eq(j->finished, 510 * S);
	ck_assert_int_eq(j->waited, 100 * S);
	ck_assert_double_eq_tol(j->lost, HOURS(6 * 10.0), 1e-12);
	ck_assert_double_eq_tol(r.summary.projects[0].held_by_services, HOURS(2 * 510.0 + 4 * 99.0),
	                        1e-9);
	ck_assert_double_eq_tol(r.summary.projects[1].held, HOURS(6 * 410.0), 1e-9);
	ck_assert_double_eq_tol(r.summary.allocated,
	                        (2 * 510.0 + 4 * 99.0 + 6 * 410.0) / (8 * 510.0), 1e-9);
	test_run_fini(&r);
}
END_TEST

/*
 * Two gangs without checkpoints that history lets take turns: each loses more than its ten hours,
 * and the run says so. With checkpoints there is nothing to say.
 */
START_TEST(works_in_vain)
{
	static const char *const with[] = {"", ", \"checkpoint_every\": \"10m\""};
	for (int i = 0; i < 2; i++) {
		struct test_run r;
		char *const text = mem_printf(
			"\"scheduler\": {\"time_based_fair_share\": {\"window\": \"1h\", "
			"\"half_life\": \"5m\"}}, \"projects\": [{\"name\": \"a\"}, {\"name\": \"b\"}],"
			"\"jobs\": [{\"name\": \"x\", \"project\": \"a\", \"workers\": 8, \"work\": "
			"\"10h\"%s}, {\"name\": \"y\", \"project\": \"b\", \"workers\": 8, \"work\": "
			"\"10h\"%s}], \"stop\": {\"after\": \"10d\"}",
			with[i], with[i]);
		run(&r, text);
		ck_assert_int_eq(strncmp(r.summary.in_vain, "x (and 1 more) had to stop ", 27) == 0,
		                 i == 0);
		ck_assert_int_eq(r.summary.in_vain[0] == '\0', i == 1);
		ck_assert_int_eq(strcmp(test_run_job(&r, "x")->state, "finished") == 0, i == 1);
		test_run_fini(&r);
		free(text);
	}
}
END_TEST

#define CHAT                                                                                        \
	"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", "                \
	"\"replicas\": 6}], \"loads\": [{\"service\": \"chat\", \"kind\": \"rate\", \"rate\": 20, " \
	"\"requests\": 200, \"isl\": 200, \"osl\": 20}]"

/* Who is served is there first and stays; jobs that do not fit say why. */
START_TEST(reasons)
{
	struct test_run r;
	run(&r, CHAT
	    ", \"projects\": [{\"name\": \"a\", \"quota\": 1, \"limit\": 2}, {\"name\": \"b\"}],"
	    "\"jobs\": [{\"name\": \"fits\", \"project\": \"a\", \"workers\": 2, \"work\": 5},"
	    "{\"name\": \"wide\", \"project\": \"b\", \"workers\": 4, \"work\": 5},"
	    "{\"name\": \"over\", \"project\": \"a\", \"workers\": 3, \"work\": 5},"
	    "{\"name\": \"fixed\", \"project\": \"a\", \"workers\": 2, \"work\": 5, "
	    "\"preemptible\": false},"
	    "{\"name\": \"big\", \"gpus_per_worker\": 9, \"work\": 5},"
	    "{\"name\": \"many\", \"workers\": 9, \"work\": 5},"
	    "{\"name\": \"never\", \"work\": 5, \"submit\": \"9000d\"}],"
	    "\"stop\": {\"after\": 100}");
	ck_assert_str_eq(test_run_job(&r, "fits")->state, "finished");
	ck_assert_str_eq(test_run_job(&r, "wide")->state, "pending");
	ck_assert_str_eq(test_run_job(&r, "wide")->reason, "room for 2 of 4 workers");
	ck_assert_int_eq(test_run_job(&r, "wide")->waited, 100 * S);
	ck_assert_str_eq(test_run_job(&r, "over")->reason, "needs 3 GPUs, the limit of a is 2");
	ck_assert_str_eq(test_run_job(&r, "over")->state, "rejected");
	ck_assert_str_eq(test_run_job(&r, "fixed")->reason,
	                 "needs 2 GPUs and is not preemptible, the quota of a is 1");
	ck_assert_str_eq(test_run_job(&r, "big")->reason,
	                 "a worker needs 9 GPUs of one node, the largest node has 8");
	ck_assert_str_eq(test_run_job(&r, "many")->reason,
	                 "needs 9 workers, the cluster has room for 8");
	ck_assert_str_eq(test_run_job(&r, "never")->state, "expected");
	ck_assert_int_eq(r.summary.projects[0].jobs, 3);
	/* six replicas for 100 s, and two workers for 5 s */
	ck_assert_double_eq_tol(r.summary.allocated, (600.0 + 10.0) / 800.0, 1e-12);
	test_run_fini(&r);
}
END_TEST

/* Training does not touch who is served, to the nanosecond of every request. */
START_TEST(leaves_services_alone)
{
	struct test_run with, without;
	run(&without, CHAT);
	run(&with,
	    CHAT ", \"jobs\": [{\"name\": \"j\", \"workers\": 2, \"work\": 3, \"count\": 3}]");
	ck_assert_uint_eq(with.n, without.n);
	for (size_t i = 0; i < with.n; i++) {
		quiet_assert(with.records[i].first == without.records[i].first &&
		                     with.records[i].end == without.records[i].end,
		             "request %zu differs", i);
	}
	ck_assert_int_eq(test_run_job(&with, "j-3")->finished, 9 * S);
	test_run_fini(&with);
	test_run_fini(&without);
}
END_TEST

/*
 * A job of two GPUs, then one of eight, on nodes of eight and of four: packed, the first is on the
 * smaller node; put onto the first or the emptiest that has room, it keeps the other waiting.
 */
START_TEST(a_placement_policy)
{
	static const struct {
		const char *policy;
		int64_t started; /* the second, s */
	} cases[] = {{"binpack", 10}, {"best_fit", 10}, {"first_fit", 100}, {"spread", 100}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_run r;
		char *const json = mem_printf(
			"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\"}, "
			"{\"gpu\": \"h100-sxm\", \"gpus\": 4, \"cpus\": 64}]}, "
			"\"scheduler\": {\"placement\": \"%s\"}, \"jobs\": ["
			"{\"name\": \"small\", \"workers\": 1, \"gpus_per_worker\": 2, \"work\": 100},"
			"{\"name\": \"large\", \"workers\": 1, \"gpus_per_worker\": 8, \"work\": 50, "
			"\"submit\": 10}]}",
			cases[i].policy);
		test_run(&r, json, false);
		ck_assert_int_eq(test_run_job(&r, "large")->started, cases[i].started * S);
		test_run_fini(&r);
		free(json);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("training");
	TCase *tc = tcase_create("training");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_preemption);
	tcase_add_test(tc, an_elastic_job);
	tcase_add_test(tc, a_priority);
	tcase_add_test(tc, a_gang_under_kubernetes);
	tcase_add_test(tc, a_pod_evicted_under_kubernetes);
	tcase_add_test(tc, a_minimum_runtime);
	tcase_add_test(tc, priority_policies);
	tcase_add_test(tc, history);
	tcase_add_test(tc, works_in_vain);
	tcase_add_test(tc, yields_to_replicas_that_come);
	tcase_add_test(tc, reasons);
	tcase_add_test(tc, leaves_services_alone);
	tcase_add_test(tc, a_placement_policy);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
