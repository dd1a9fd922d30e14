/*
 * Services under the quota of their project, preemptible ones, and jobs whose GPUs fail: on one
 * node of eight GPUs, dated by hand to the nanosecond. The scheduler looks at whole seconds.
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
	char *const json = mem_printf("{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"name\": "
	                              "\"n\", \"gpu\": \"h100-sxm\"}]}, %s}",
	                              rest);
	test_run(r, json, false);
	free(json);
}

/* A load that asks until after `span` seconds. */
#define ASKED(service, span)                                                \
	"{\"service\": \"" service                                          \
	"\", \"kind\": \"stages\", \"isl\": 200, \"osl\": 20, \"stages\": " \
	"[{\"rate\": 1, \"for\": " span "}]}"
#define CHAT "\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", \"project\": \"chat\""

/* --- quota ------------------------------------------------------------------------------------
 */

/*
 * Two replicas, six wanted from 100 s to 250 s, three then: the quota has room for four, though
 * four GPUs are idle. So 2 wait for 150 s.
 */
START_TEST(scale_out_stops_at_the_quota)
{
	struct test_run r;
	run(&r,
	    "\"projects\": [{\"name\": \"chat\", \"quota\": 4}], \"services\": [{" CHAT
	    ", \"replicas\": 2, \"replicas_at\": [{\"at\": 100, \"replicas\": 6}, {\"at\": 250,"
	    "\"replicas\": 3}]}], \"loads\": [" ASKED("chat", "400") "],"
	                                                             "\"stop\": {\"after\": 400}");
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_int_eq(r.summary.simulated, 400 * S);
	ck_assert_int_eq(v->replicas, 4);
	ck_assert_int_eq(v->pending, 0);
	ck_assert_double_eq_tol(v->kept_out_avg, 2 * 150.0 / 400.0, 1e-12);
	ck_assert_double_eq_tol(v->pending_avg, 2 * 150.0 / 400.0, 1e-12);
	ck_assert_str_eq(
		r.summary.binding,
		"quota: 0.75 replicas of chat waited on average: not preemptible, and chat "
		"would be over its quota of 4 GPUs");
	/* the fourth one drains at 250 s, with less than a second's work */
	ck_assert_double_ge(r.summary.projects[0].held, HOURS(2 * 400.0 + 2 * 150.0 + 150.0));
	ck_assert_double_le(r.summary.projects[0].held, HOURS(2 * 400.0 + 2 * 150.0 + 151.0));
	test_run_fini(&r);
}
END_TEST

/* Six replicas wanted from 50 s on, of which three get GPUs. */
static void check_three(const char *projects, const char *preemptible, const char *reason)
{
	struct test_run r;
	char *const text = mem_printf(
		"\"projects\": [%s], \"services\": [{" CHAT
		", \"preemptible\": %s, \"replicas_at\": [{\"at\": 50, \"replicas\": 6}]}],"
		"\"loads\": [" ASKED("chat", "100") "], \"stop\": {\"after\": 100}",
		projects, preemptible);
	run(&r, text);
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_int_eq(v->pending, 3);
	ck_assert_str_eq(v->reason, reason);
	ck_assert_double_eq_tol(v->kept_out_avg, 3 * 50.0 / 100.0, 1e-12);
	test_run_fini(&r);
	free(text);
}

/* The quota of a department binds those below it; the limit binds who may be evicted too. */
START_TEST(quota_of_a_department_and_limits)
{
	check_three("{\"name\": \"all\", \"quota\": 3}, {\"name\": \"chat\", \"quota\": 6, "
	            "\"parent\": \"all\"}",
	            "false", "not preemptible, and all would be over its quota of 3 GPUs");
	check_three("{\"name\": \"chat\", \"quota\": 6, \"limit\": 3}", "true",
	            "chat would be over its limit of 3 GPUs");
}
END_TEST
/* An autoscaler wants more than the quota gives: the same code path, the same reason. */
START_TEST(an_autoscaler_stops_at_the_quota)
{
	struct test_run r;
	run(&r, "\"projects\": [{\"name\": \"chat\", \"quota\": 1.5}], \"services\": [{" CHAT
	        ", \"fraction\": 0.5, \"autoscaler\": {\"policy\": \"kpa\", \"target\": 2, "
	        "\"max\": 8}}], \"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", "
	        "\"users\": 16, \"isl\": 500, \"osl\": 200}], \"stop\": {\"after\": 300}");
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_int_eq(v->replicas, 3);
	ck_assert_int_eq(v->pending, 5);
	ck_assert_str_eq(v->reason,
	                 "not preemptible, and chat would be over its quota of 1.5 GPUs");
	ck_assert_int_eq(strncmp(r.summary.binding, "quota: ", 7), 0);
	test_run_fini(&r);
}
END_TEST

/* --- eviction ---------------------------------------------------------------------------------
 */

/*
 * "spare" has all eight GPUs, four of them over its quota; "chat" wants two from 100 s on. At 100 s
 * two of the idle replicas leave, at once, and a second later chat's are there. spare's two wait
 * until chat goes at 200 s.
 */
START_TEST(reclaimed_when_idle)
{
	struct test_run r;
	run(&r,
	    "\"projects\": [{\"name\": \"chat\", \"quota\": 4}, {\"name\": \"b\", "
	    "\"quota\": 4}], \"services\": [{" CHAT ", \"start\": 100, \"replicas\": 2,"
	    "\"replicas_at\": [{\"at\": 200, \"replicas\": 0}]}, {\"name\": \"spare\", "
	    "\"model\": \"llama-3.1-8b-instruct\", \"project\": \"b\", \"preemptible\": true,"
	    "\"replicas\": 8}], \"loads\": [" ASKED("chat", "400") "], \"stop\": {\"after\": 400}");
	const struct service_summary *const spare = &r.summary.services[1];
	ck_assert_int_eq(spare->evicted, 2);
	ck_assert_int_eq(spare->lost, 0);
	ck_assert_int_eq(spare->cold_starts, 2);
	ck_assert_int_eq(r.summary.services[0].evicted, 0);
	ck_assert_int_eq(spare->pending, 0);
	ck_assert_double_eq(spare->kept_out_avg, 0.0);
	ck_assert_double_eq_tol(r.summary.projects[1].held,
	                        HOURS(6 * 400.0 + 2 * 100.0 + 2 * 200.0), HOURS(1.0));
	test_run_fini(&r);
}
END_TEST

/* A request of spare's that begins at 90 s and takes more than a minute; chat comes at 100 s. */
static void run_reclaim(struct test_run *r, const char *grace)
{
	char *const text = mem_printf(
		"\"scheduler\": {\"termination_grace\": %s}, \"projects\": [{\"name\": \"chat\", "
		"\"quota\": 8}, {\"name\": \"b\"}], \"services\": [{" CHAT
		", \"gpus_per_replica\": 8, \"start\": 100}, {\"name\": \"spare\", \"model\": "
		"\"llama-3.1-8b-instruct\", \"project\": \"b\", \"preemptible\": true, "
		"\"gpus_per_replica\": 8}], \"loads\": [{\"service\": \"spare\", \"kind\": "
		"\"stages\", \"isl\": 100, \"osl\": 40000, \"stages\": [{\"rate\": 0.0001, "
		"\"for\": 90}, {\"users\": 1, \"for\": 1}, {\"rate\": 0.0001, \"for\": 309}]}],"
		"\"stop\": {\"after\": 400}",
		grace);
	run(r, text);
	free(text);
}

/* chat has the GPUs at `at`, or (0) at the next full second after the answer. */
static void check_reclaim(const char *grace, int64_t lost, double at)
{
	struct test_run r;
	run_reclaim(&r, grace);
	const struct service_summary *const spare = &r.summary.services[1];
	ck_assert_uint_eq(r.n, 1);
	ck_assert_int_eq(spare->evicted, 1);
	ck_assert_int_eq(spare->lost, lost);
	const double end = ns_to_seconds(r.records[0].end);
	ck_assert_double_gt(lost > 0 ? end + 100.0 : end, 130.0);
	ck_assert_double_eq_tol(r.summary.projects[0].held,
	                        HOURS(8 * (400.0 - (lost > 0 ? at : ceil(end)))), 1e-9);
	ck_assert_int_eq(spare->pending, 1); /* chat does not give them back */
	test_run_fini(&r);
}

/*
 * It is lost at once, or at the end of the time of grace; or it is answered within that. chat has
 * the GPUs at the next full second that the scheduler has not looked at yet.
 */
START_TEST(reclaimed_at_work)
{
	check_reclaim("0", 1, 101.0);
	check_reclaim("30", 1, 130.0);
	check_reclaim("\"5m\"", 0, 0.0);
}
END_TEST

static void check_priority(const char *priority, int64_t evicted)
{
	struct test_run r;
	char *const text = mem_printf(
		"\"projects\": [{\"name\": \"chat\", \"quota\": 8}], \"services\": [{" CHAT
		", \"priority\": \"%s\", \"start\": 100, \"replicas\": 2}, {\"name\": \"spare\", "
		"\"model\": \"llama-3.1-8b-instruct\", \"project\": \"chat\", \"preemptible\": true, "
		"\"priority\": 75, \"replicas\": 8}], \"loads\": [" ASKED(
			"spare", "200") "], \"stop\": {\"after\": 200}",
		priority);
	run(&r, text);
	ck_assert_int_eq(r.summary.services[1].evicted, evicted);
	ck_assert_int_eq(r.summary.services[0].pending, 2 - evicted);
	test_run_fini(&r);
	free(text);
}

/*
 * In one project the more important service takes the place of the other, which is preemptible; of
 * two equal ones the one that is there stays.
 */
START_TEST(priority_of_services)
{
	check_priority("inference", 2);
	check_priority("build-preemptible", 0);
}
END_TEST

/* Under kubernetes a more important job evicts replicas, preemptible or not. */
START_TEST(evicted_under_kubernetes)
{
	struct test_run r;
	run(&r, "\"scheduler\": {\"kind\": \"kubernetes\"}, \"services\": [{\"name\": \"chat\", "
	        "\"model\": \"llama-3.1-8b-instruct\", \"replicas\": 8}], \"loads\": [" ASKED(
			"chat",
			"400") "], \"jobs\": [{\"name\": \"j\", \"workers\": 3, \"work\": 60, "
	                       "\"submit\": 100, \"priority\": 126}], \"stop\": {\"after\": 400}");
	ck_assert_int_eq(r.summary.services[0].evicted, 3);
	ck_assert_int_eq(test_run_job(&r, "j")->started, 101 * S);
	ck_assert_int_eq(r.summary.services[0].cold_starts, 3);
	test_run_fini(&r);
}
END_TEST

/* --- faults beside jobs -----------------------------------------------------------------------
 */

static void run_fault(struct test_run *r, const char *job, const char *fault)
{
	char *const text = mem_printf("\"jobs\": [{\"name\": \"j\", \"workers\": 8, \"work\": "
	                              "3600, %s}], \"faults\": [{%s}]",
	                              job, fault);
	run(r, text);
	free(text);
}

/*
 * One of eight GPUs fails at 1500.3 s, 300.3 s after the last checkpoint, and is there again 60.4 s
 * later: a worker gets it at 1561 s. The others kept theirs.
 */
START_TEST(a_gpu_of_a_gang)
{
	struct test_run r;
	run_fault(
		&r, "\"checkpoint_every\": 600",
		"\"kind\": \"gpu\", \"at\": 1500.3, \"for\": 60.4, \"node\": \"n-0\", \"gpu\": 3");
	const struct job_summary *const j = test_run_job(&r, "j");
	const struct fault_summary *const f = &r.summary.faults[0];
	ck_assert_int_eq(j->finished, (1561 + 2400) * S);
	ck_assert_int_eq(j->waited, 60700 * NS_PER_MS);
	ck_assert_int_eq(j->preemptions, 1);
	ck_assert_int_eq(j->evicted, 1);
	ck_assert_double_eq_tol(j->lost, HOURS(8 * 300.3), 1e-12);
	ck_assert_double_eq_tol(j->done, 8.0, 1e-12);
	ck_assert_int_eq(f->workers, 1);
	ck_assert_double_eq_tol(f->lost_work, HOURS(8 * 300.3), 1e-12);
	ck_assert_int_eq(f->recovery, 60700 * NS_PER_MS);
	ck_assert_double_eq_tol(r.summary.projects[0].held, HOURS(8 * (1500.3 + 2400) + 7 * 60.7),
	                        1e-9);
	test_run_fini(&r);
}
END_TEST

/*
 * Mended after 70.4 s the gang has gone before: 60 s after the fault its time of grace is over, at
 * 1561 s the other seven leave, and at 1571 s it begins again.
 */
START_TEST(a_stale_gang)
{
	struct test_run r;
	run_fault(
		&r, "\"checkpoint_every\": 600",
		"\"kind\": \"gpu\", \"at\": 1500.3, \"for\": 70.4, \"node\": \"n-0\", \"gpu\": 3");
	const struct job_summary *const j = test_run_job(&r, "j");
	ck_assert_int_eq(j->finished, (1571 + 2400) * S);
	ck_assert_int_eq(j->evicted, 8);
	ck_assert_int_eq(j->preemptions, 1);
	ck_assert_double_eq_tol(r.summary.projects[0].held, HOURS(8 * (1500.3 + 2400) + 7 * 60.7),
	                        1e-9);
	ck_assert_int_eq(r.summary.faults[0].recovery, 70700 * NS_PER_MS);
	test_run_fini(&r);
}
END_TEST

/* An elastic job goes on with seven and loses nothing: 8 * 1500.3 + 7 * 60.7 + 8 * x = 8 * 3600. */
START_TEST(a_gpu_of_an_elastic_job)
{
	struct test_run r;
	run_fault(
		&r, "\"min_workers\": 4",
		"\"kind\": \"gpu\", \"at\": 1500.3, \"for\": 60.4, \"node\": \"n-0\", \"gpu\": 3");
	const struct job_summary *const j = test_run_job(&r, "j");
	const ns_t end = 3600 * S + 60700 * NS_PER_MS / 8;
	ck_assert_int_eq(j->finished, end);
	ck_assert_int_eq(j->preemptions, 0);
	ck_assert_int_eq(j->waited, 0);
	ck_assert_double_eq(j->lost, 0.0);
	test_run_fini(&r);
}
END_TEST

/* The node fails, without a checkpoint: everything is lost, and it begins anew at 1521 s. */
START_TEST(a_node_of_a_job)
{
	struct test_run r;
	run_fault(&r, "\"preemptible\": true",
	          "\"kind\": \"node\", \"at\": 1500.5, \"for\": 20, \"node\": \"n-0\"");
	const struct job_summary *const j = test_run_job(&r, "j");
	ck_assert_int_eq(j->finished, (1521 + 3600) * S);
	ck_assert_double_eq_tol(j->lost, HOURS(8 * 1500.5), 1e-12);
	ck_assert_int_eq(r.summary.faults[0].workers, 8);
	ck_assert_int_eq(r.summary.faults[0].recovery, 20500 * NS_PER_MS);
	test_run_fini(&r);
}
END_TEST

static void add_victims(int gpu, int64_t *replicas, int64_t *workers)
{
	struct test_run r;
	char *const text = mem_printf(
		"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", "
		"\"replicas\": 3}], \"loads\": [" ASKED(
			"chat",
			"100") "], \"jobs\": [{\"name\": \"j\", \"workers\": 3, \"work\": "
			       "1000, \"min_workers\": 1}], \"faults\": [{\"kind\": \"gpu\", \"at\": 50, \"node\": "
			       "\"n-0\", \"gpu\": %d}], \"stop\": {\"after\": 200}",
		gpu);
	run(&r, text);
	*replicas += r.summary.faults[0].replicas;
	*workers += r.summary.faults[0].workers;
	test_run_fini(&r);
	free(text);
}

/* Each of three replicas and three workers has a GPU of eight, and each GPU one of them at most. */
START_TEST(whose_gpu_fails)
{
	int64_t replicas = 0, workers = 0;
	for (int gpu = 0; gpu < 8; gpu++) {
		const int64_t before = replicas + workers;
		add_victims(gpu, &replicas, &workers);
		quiet_assert(replicas + workers <= before + 1, "two on GPU %d", gpu);
	}
	ck_assert_int_eq(replicas, 3);
	ck_assert_int_eq(workers, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("quota");
	TCase *tc = tcase_create("quota");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, scale_out_stops_at_the_quota);
	tcase_add_test(tc, quota_of_a_department_and_limits);
	tcase_add_test(tc, an_autoscaler_stops_at_the_quota);
	tcase_add_test(tc, reclaimed_when_idle);
	tcase_add_test(tc, reclaimed_at_work);
	tcase_add_test(tc, priority_of_services);
	tcase_add_test(tc, evicted_under_kubernetes);
	tcase_add_test(tc, a_gpu_of_a_gang);
	tcase_add_test(tc, a_stale_gang);
	tcase_add_test(tc, a_gpu_of_an_elastic_job);
	tcase_add_test(tc, a_node_of_a_job);
	tcase_add_test(tc, whose_gpu_fails);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
