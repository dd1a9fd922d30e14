/*
 * Autoscalers at work, timed by hand: the way from zero and back, the hard limit of requests, and
 * what the cost model promises those that keep limits.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/scale.h"
#include "test_run.h"

#define S NS_PER_S

/* Stages of a start: schedule 1 s, image 2 s, process 3 s, weights at 2 GB/s, engine 5 s. */
#define START                                                                                 \
	"\"startup\": {\"schedule\": 1, \"image\": 2, \"process\": 3, \"download_rate\": 0, " \
	"\"loader\": \"streamer\", \"streamer_share\": 1, \"trace\": 0, \"compile\": 0, "     \
	"\"capture\": 0, \"build\": 5, \"build_vision\": 0, \"warmup\": 0.5, "                \
	"\"warmup_per_token\": 0.001}"
#define BEFORE (6 * S) /* its weights, the image included */
#define IMAGE (2 * S)
#define BUILD (5 * S)
#define WARM (3 * S / 2) /* 0.5 s and 1,000 tokens */

static void run(struct test_run *r, const char *service, const char *load, bool exact)
{
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"name\": \"n\", \"gpu\": \"h100-sxm\", "
		"\"gpus\": 8, \"storage_bandwidth\": \"2GB\"}]}, \"services\": [{\"name\": \"s\", "
		"\"model\": \"llama-3.1-8b-instruct\", %s, " START "}], \"loads\": [{\"service\": "
		"\"s\", \"isl\": 1000, \"osl\": 200, %s}]}",
		service, load);
	test_run(r, text, exact);
	test_run_check(r);
	free(text);
}

/* Weights of one replica from a storage that it has to itself. */
static ns_t reading(const struct test_run *r)
{
	struct sim_fit fit;
	sim_fit(r->sim, 0, &fit);
	return ns_from_seconds((double)fit.memory.weights / 2e9);
}

static ns_t even(ns_t t) /* the next look of the KPA */
{
	return (t + 2 * S - 1) / (2 * S) * (2 * S);
}

#define KPA "\"autoscaler\": {\"policy\": \"kpa\", "
#define SCALES(...) KPA __VA_ARGS__ "}"

/*
 * From zero: the request of 0 s is acted upon at once. To zero: no load for a window of 60 s, then
 * inactive, and one look later gone, since the activator was in the path. And again, with the image
 * on the node.
 */
START_TEST(zero_and_back)
{
	struct test_run warm, r;
	run(&warm, "\"replicas\": 1", "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 1",
	    false);
	run(&r, SCALES("\"min\": 0, \"initial\": 0, \"max\": 2"),
	    "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 2, \"think\": \"200s\"", false);
	const ns_t first = warm.records[0].first, whole = warm.records[0].end;
	const ns_t ready = BEFORE + reading(&r) + BUILD;
	ck_assert_int_eq(r.records[0].first, ready + WARM + first);
	const ns_t over = ready + WARM + whole;
	ck_assert_int_eq(r.records[0].end, over);
	const ns_t came = over + 200 * S, again = came + ready - IMAGE;
	ck_assert_int_eq(r.records[1].arrival, came);
	ck_assert_int_eq(r.records[1].first, again + WARM + first);
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_int_eq(v->cold_starts, 2);
	ck_assert_uint_eq(v->n_changes, 3);
	static const char *const reasons[] = {"load", "zero", "load"};
	const ns_t at[] = {0, even(over) + 62 * S, came};
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(v->changes[i].at, at[i]);
		ck_assert_uint_eq(v->changes[i].from, i % 2);
		ck_assert_uint_eq(v->changes[i].to, (i + 1) % 2);
		ck_assert_str_eq(v->changes[i].reason, reasons[i]);
	}
	const double there = (double)(at[1] + r.summary.simulated - came);
	ck_assert_double_eq_tol(v->replicas_avg, there / (double)r.summary.simulated, 1e-12);
	test_run_fini(&warm);
	test_run_fini(&r);
}
END_TEST

/* Forty users who never think are forty requests in the system, whatever the replicas do. */
START_TEST(forty_users_are_forty_requests)
{
	static const struct {
		const char *keys;
		ns_t at;
		uint32_t to;
	} cases[] = {
		{SCALES("\"target\": 10, \"target_utilization\": 1, \"max\": 8"), 2 * S, 4},
		{SCALES("\"target\": 9.9, \"target_utilization\": 1, \"max\": 8"), 2 * S, 5},
		{SCALES("\"target\": 10, \"target_utilization\": 1, \"max\": 3"), 2 * S, 3},
		{"\"autoscaler\": {\"policy\": \"hpa\", \"target\": 10, \"max\": 8}", 15 * S, 4},
		/* those that start count as idle: 40 for 5 are few enough then */
		{"\"autoscaler\": {\"policy\": \"hpa\", \"target\": 8, \"max\": 8}", 15 * S, 5},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct test_run r;
		run(&r, cases[i].keys,
		    "\"kind\": \"stages\", \"stages\": [{\"users\": 40, \"for\": \"100s\"}]",
		    false);
		const struct service_summary *const v = &r.summary.services[0];
		ck_assert_uint_eq(v->n_changes, 1);
		ck_assert_int_eq(v->changes[0].at, cases[i].at);
		ck_assert_uint_eq(v->changes[0].from, 1);
		ck_assert_uint_eq(v->changes[0].to, cases[i].to);
		ck_assert_int_eq(v->replicas, cases[i].to);
		ck_assert_int_eq(v->cold_starts, cases[i].to - 1);
		ck_assert_int_eq(v->lost + v->rejected + v->unfinished, 0);
		test_run_fini(&r);
	}
}
END_TEST

/*
 * A replica that loads its weights has no metric: 60 users want six of 10, and when 5 are left, the
 * five that start count as being at the target: 55 of 60 is near enough. Who waits for a GPU, or
 * for its image, counts for nothing.
 */
START_TEST(who_loads_has_no_metric)
{
	static const struct {
		int gpus, image_s;
		struct scale_change changes[5]; /* a start takes image_s + 49.7 s */
	} cases[] = {
		{8,
	         0,
	         {{15 * S, 1, 5, 1, ""},
	          {30 * S, 5, 6, 1, ""},
	          {75 * S, 6, 2, 5, ""}, /* of one nothing is known: (5 + 10) / 60 */
	          {90 * S, 2, 1, 2, ""}}},
		{8, 60, {{15 * S, 1, 5, 1, ""}, {30 * S, 5, 6, 1, ""}, {45 * S, 6, 1, 1, ""}}},
		{1,
	         0,
	         {{15 * S, 1, 5, 1, ""},
	          {30 * S, 5, 6, 1, ""},
	          {45 * S, 6, 2, 1, ""}, /* (5 + 10) / 20 */
	          {75 * S, 2, 1, 2, ""}}},
	};
	const size_t i = (size_t)_i;
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1}, {\"gpu\": \"h100-sxm\", \"gpus\": %d, "
		"\"storage_bandwidth\": \"100GB\"}]}, \"services\": [{\"name\": \"s\", \"model\": "
		"\"llama-3.1-8b-instruct\", \"startup\": {\"image\": %d}, \"autoscaler\": {\"policy\": "
		"\"hpa\", \"target\": 10, \"max\": 8, \"scale_down_delay\": 0}}], \"loads\": "
		"[{\"service\": \"s\", \"kind\": \"stages\", \"isl\": 100, \"osl\": 20, "
		"\"stages\": [{\"users\": 60, \"for\": \"30s\"}, {\"users\": 5, \"for\": "
		"\"75s\"}]}]}",
		cases[i].gpus, cases[i].image_s);
	struct test_run r;
	test_run(&r, text, false);
	free(text);
	const struct service_summary *const v = &r.summary.services[0];
	for (size_t k = 0; k < v->n_changes; k++) {
		const struct scale_change *const is = &v->changes[k];
		const struct scale_change *const at = &cases[i].changes[k];
		ck_assert_msg(is->at == at->at && is->from == at->from && is->to == at->to &&
		                      is->ready == at->ready,
		              "change %zu: %lld ns, %u to %u of %u", k, (long long)is->at, is->from,
		              is->to, is->ready);
	}
	ck_assert_int_eq(cases[i].changes[v->n_changes].at, 0);
	test_run_fini(&r);
}
END_TEST

/* One request at a time: the second is sent when the first has left. */
START_TEST(a_hard_limit_of_one_is_a_line)
{
	struct test_run lone, r;
	run(&lone, "\"replicas\": 1", "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 1",
	    false);
	run(&r, "\"autoscaler\": {\"policy\": \"fixed\", \"concurrency_hard_limit\": 1}",
	    "\"kind\": \"concurrency\", \"users\": 5, \"requests\": 5", false);
	ck_assert_uint_eq(r.n, 5);
	for (size_t i = 0; i < 5; i++) {
		const ns_t before = i > 0 ? r.records[i - 1].end : 0;
		ck_assert_int_eq(r.records[i].arrival, 0);
		ck_assert_int_eq(r.records[i].first, before + lone.records[0].first);
		ck_assert_int_eq(r.records[i].end, before + lone.records[0].end);
	}
	ck_assert_int_eq(r.summary.services[0].at_door, 4);
	ck_assert_ptr_nonnull(strstr(r.summary.binding, "concurrency_hard_limit: 80.0 %"));
	test_run_fini(&lone);
	test_run_fini(&r);
}
END_TEST

/* Nobody has more than the limit, both replicas work, and stepping exactly is the same. */
START_TEST(a_hard_limit_holds)
{
	struct test_run fast, exact;
	const char *const keys = "\"replicas\": 2, \"autoscaler\": {\"policy\": \"fixed\", "
				 "\"concurrency_hard_limit\": 3}";
	const char *const load = "\"kind\": \"concurrency\", \"users\": 9, \"requests\": 200, "
				 "\"osl\": {\"mean\": 100, \"stddev\": 60}";
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 2}]}, "
		"\"services\": [{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", %s}], "
		"\"loads\": [{\"service\": \"s\", \"isl\": 1000, %s}]}",
		keys, load);
	test_run(&fast, text, false);
	test_run(&exact, text, true);
	free(text);
	test_run_check(&fast);
	const struct service_summary *const v = &fast.summary.services[0];
	ck_assert_int_eq(v->finished, 200);
	ck_assert_int_eq(v->running_max, 3);
	ck_assert(v->running_avg > 2.5); /* of 3: the third user is always at the door */
	ck_assert_uint_eq(fast.n, exact.n);
	ck_assert(memcmp(fast.records, exact.records, fast.n * sizeof(*fast.records)) == 0);
	test_run_fini(&fast);
	test_run_fini(&exact);
}
END_TEST

/*
 * Two replicas of one request each, by turns. The first has a long answer; the third request is for
 * it and comes when the second one is free again: at the activator it goes there, without it waits.
 */
START_TEST(without_an_activator_there_is_no_door)
{
	static const char *const bursts[] = {"0", "-1", "211"};
	for (int exact = 0; exact < 2; exact++) {
		struct test_run r;
		char *const text = mem_printf(
			"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", "
			"\"gpus\": 2}]}, \"services\": [{\"name\": \"s\", \"model\": "
			"\"llama-3.1-8b-instruct\", \"routing\": \"round_robin\", \"autoscaler\": "
			"{\"policy\": \"kpa\", \"min\": 2, \"max\": 2, "
			"\"concurrency_hard_limit\": 1, \"target_burst_capacity\": %s}}], "
			"\"loads\": [{\"service\": \"s\", \"kind\": \"rate\", \"arrivals\": "
			"\"constant\", \"rate\": 1, \"requests\": 1, \"isl\": 100, \"osl\": 1000}, "
			"{\"service\": \"s\", \"kind\": \"rate\", \"arrivals\": \"constant\", "
			"\"rate\": 0.4, \"requests\": 2, \"isl\": 100, \"osl\": 10}]}",
			bursts[_i]);
		test_run(&r, text, exact == 1);
		free(text);
		test_run_check(&r);
		ck_assert_uint_eq(r.n, 3); /* in order of their ends */
		const ns_t alone = r.records[0].first - r.records[0].arrival;
		const struct request_record *const third = &r.records[_i == 0 ? 2 : 1];
		const struct request_record *const first = &r.records[_i == 0 ? 1 : 2];
		ck_assert_int_eq(third->arrival, 5 * S);
		ck_assert_int_eq(first->arrival, 1 * S);
		ck_assert_int_gt(first->end, 7 * S);
		/* the third has entered long ago when its turn comes; alone it has to enter first
		 */
		ck_assert_int_le(third->first, (_i == 0 ? first->end : third->arrival) + alone);
		ck_assert_int_gt(third->first, _i == 0 ? first->end : third->arrival);
		ck_assert_int_eq(r.summary.services[0].running_max, 1);
		ck_assert_int_eq(r.summary.services[0].at_door, 0);
		test_run_fini(&r);
	}
}
END_TEST

/* What autoscalers that keep limits are told is what a replica does under that load. */
START_TEST(the_promise_of_the_cost_model)
{
	static const double rates[] = {1, 8, 16, 20};
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		struct test_run r;
		char *const load = mem_printf(
			"\"kind\": \"rate\", \"rate\": %g, \"requests\": 3000", rates[i]);
		run(&r, "\"replicas\": 1", load, false);
		free(load);
		const struct scale_model model = {r.sim, 0};
		const struct autoscale_load one = {rates[i], 1000, 200};
		double latency = 0.0, first = 0.0;
		ns_t ttft, itl;
		ck_assert_msg(scale_predict(&model, &one, &ttft, &itl), "%g/s is too much",
		              rates[i]);
		for (size_t k = 0; k < r.n; k++) {
			first += (double)(r.records[k].first - r.records[k].arrival) / (double)r.n;
			latency += (double)(r.records[k].end - r.records[k].first) / (double)r.n;
		}
		ck_assert_msg(fabs((double)itl / (latency / 199.0) - 1.0) < 0.1,
		              "%g/s: gap %g ms, simulated %g ms", rates[i], (double)itl / 1e6,
		              latency / 199e6);
		ck_assert_msg(fabs((double)ttft / first - 1.0) < 0.3,
		              "%g/s: TTFT %g ms, simulated %g ms", rates[i], (double)ttft / 1e6,
		              first / 1e6);
		const struct autoscale_load much = {200, 1000, 200};
		ck_assert(!scale_predict(&model, &much, &ttft, &itl));
		test_run_fini(&r);
	}
}
END_TEST

/* The planner ends at the fewest replicas whose token gap is within the limit, neither one less. */
START_TEST(a_planner_finds_the_fewest)
{
	struct test_run r, fewer;
	run(&r,
	    "\"autoscaler\": {\"policy\": \"slo\", \"itl\": \"10ms\", \"tick\": \"60s\", \"max\": 8}",
	    "\"kind\": \"rate\", \"rate\": 30, \"requests\": 18000", false);
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_uint_ge(v->n_changes, 1);
	const uint32_t n = v->changes[v->n_changes - 1].to;
	ck_assert_uint_gt(n, 1);
	ck_assert_uint_lt(n, 8);
	for (uint32_t k = n - 1; k <= n; k++) {
		char *const replicas = mem_printf("\"replicas\": %u", k);
		run(&fewer, replicas, "\"kind\": \"rate\", \"rate\": 30, \"requests\": 6000",
		    false);
		double gaps = 0.0;
		for (size_t i = 0; i < fewer.n; i++) {
			gaps += (double)(fewer.records[i].end - fewer.records[i].first) /
			        (199.0 * (double)fewer.n);
		}
		ck_assert_msg(k == n ? gaps <= 10e6 : gaps > 10e6, "%u: %g ms", k, gaps / 1e6);
		free(replicas);
		test_run_fini(&fewer);
	}
	test_run_fini(&r);
}
END_TEST

/* A bundled scenario. */
static void run_bundled(struct test_run *r, const char *name)
{
	char *const file = mem_printf("scenarios/%s.json", name);
	json_t *const json = json_load_file(file, 0, NULL);
	ck_assert_msg(json != NULL, "%s", file);
	char *const text = json_dumps(json, 0);
	test_run(r, text, false);
	test_run_check(r);
	free(text);
	json_decref(json);
	free(file);
}

static int by_size(const void *a, const void *b)
{
	const ns_t x = *(const ns_t *)a, y = *(const ns_t *)b;
	return (x > y) - (x < y);
}

/* The 95th percentile of the TTFT of those who came in [from, to). */
static ns_t ttft_p95(const struct test_run *r, ns_t from, ns_t to)
{
	ns_t *const ttft = mem_new(r->n, sizeof(*ttft));
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (r->records[i].arrival >= from && r->records[i].arrival < to) {
			ttft[n++] = r->records[i].first - r->records[i].arrival;
		}
	}
	ck_assert_uint_gt(n, 100);
	qsort(ttft, n, sizeof(*ttft), by_size);
	const ns_t p95 = ttft[n * 95 / 100];
	free(ttft);
	return p95;
}

#define RAMP 32 /* minutes */

/*
 * From 1 to 16 replicas: in no minute is the p95 of the TTFT above twice what it is in the last
 * one, when all 16 are there at the highest load; nobody is refused or lost. When the load jumps
 * instead, it is a thousand times as long, and the reason is said.
 */
START_TEST(a_ramp_is_followed_and_a_cliff_is_not)
{
	struct test_run ramp, cliff;
	run_bundled(&ramp, "autoscale_ramp");
	const ns_t steady = ttft_p95(&ramp, (RAMP - 1) * 60 * S, RAMP * 60 * S);
	const struct service_summary *const v = &ramp.summary.services[0];
	ck_assert_int_eq(v->replicas, 16);
	ck_assert_int_eq(v->rejected + v->lost + v->unfinished, 0);
	for (int i = 0; i < RAMP; i++) {
		const ns_t p95 = ttft_p95(&ramp, i * 60 * S, (i + 1) * 60 * S);
		ck_assert_msg(p95 <= 2 * steady, "minute %d: %g ms, steady %g ms", i,
		              (double)p95 / 1e6, (double)steady / 1e6);
	}
	run_bundled(&cliff, "autoscale_cliff");
	ck_assert_int_eq(cliff.summary.services[0].replicas, 16);
	ck_assert_int_gt(ttft_p95(&cliff, 300 * S, 420 * S), 1000 * steady);
	ck_assert_ptr_nonnull(strstr(cliff.summary.binding, "scale-out: "));
	ck_assert_ptr_nonnull(strstr(cliff.summary.binding, "autoscaler kpa was late"));
	test_run_fini(&ramp);
	test_run_fini(&cliff);
}
END_TEST

/* Replicas that never find a GPU in time are tried again, as long as someone waits. */
START_TEST(who_found_no_gpu_is_tried_again)
{
	struct test_run r;
	test_run(
		&r,
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1}]}, "
		"\"services\": [{\"name\": \"a\", \"model\": \"qwen3-8b\"}, {\"name\": \"b\", "
		"\"model\": \"qwen3-8b\", \"autoscaler\": {\"policy\": \"kpa\", \"initial\": 0, "
		"\"scale_to_zero_after\": 0, \"max\": 1, \"initialization_timeout\": \"100s\"}}], "
		"\"loads\": [{\"service\": \"b\", \"kind\": \"concurrency\", \"users\": 1, "
		"\"requests\": 1, \"isl\": 10, \"osl\": 10}], \"stop\": {\"after\": \"1000s\"}}",
		false);
	const struct service_summary *const v = &r.summary.services[1];
	ck_assert_int_eq(v->unfinished, 1);
	/* wanted at 0 s; given up after 100 s, wanted again at the next look, at once or 2 s later
	 */
	ck_assert_int_ge(v->failed_starts, 9);
	ck_assert_int_le(v->failed_starts, 10);
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("scaling");
	TCase *const t = tcase_create("scaling");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, zero_and_back);
	tcase_add_test(t, forty_users_are_forty_requests);
	tcase_add_loop_test(t, who_loads_has_no_metric, 0, 3);
	tcase_add_test(t, a_hard_limit_of_one_is_a_line);
	tcase_add_test(t, a_hard_limit_holds);
	tcase_add_loop_test(t, without_an_activator_there_is_no_door, 0, 3);
	tcase_add_test(t, the_promise_of_the_cost_model);
	tcase_add_test(t, a_planner_finds_the_fewest);
	tcase_add_test(t, a_ramp_is_followed_and_a_cliff_is_not);
	tcase_add_test(t, who_found_no_gpu_is_tried_again);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
