/*
 * Exact stepping and fast-forward write identical records, on random whole scenarios.
 * ALIQUOT_EQUAL_SCENARIOS sets how many (`make equal N=500`).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_scenario.h"
#include "test_run.h"

#define SCENARIOS 50

static const char *text; /* of the scenario at hand, for messages */
static uint64_t number;

#define same(member)                                                                              \
	quiet_assert(a->member == b->member,                                                      \
	             "scenario %llu, request %llu: " #member " %lld exactly, "                    \
	             "%lld fast\n%s",                                                             \
	             (unsigned long long)number, (unsigned long long)a->id, (long long)a->member, \
	             (long long)b->member, text)

static void check_record(const struct request_record *a, const struct request_record *b)
{
	same(id);
	same(arrival);
	same(outcome);
	same(admitted);
	same(first);
	same(second);
	same(end);
	same(input_tokens);
	same(output_tokens);
	same(cached_tokens);
	same(replica);
	same(user);
	same(service);
	same(preemptions);
	same(warmup);
}

/* Statistics that come from other paths than the records: token gaps, integrals, peaks. */
static void check_service(const struct service_summary *a, const struct service_summary *b)
{
	const struct {
		const char *what;
		double exact, fast;
	} pairs[] = {
		{"gaps", (double)a->itl_ms.count, (double)b->itl_ms.count},
		{"sum of gaps", a->itl_ms.sum, b->itl_ms.sum},
		{"largest gap", a->itl_ms.max, b->itl_ms.max},
		{"p99 of gaps", a->itl_ms.p[DIST_PERCENTILES - 1],
	         b->itl_ms.p[DIST_PERCENTILES - 1]},
		{"unfinished", (double)a->unfinished, (double)b->unfinished},
		{"running", a->running_avg, b->running_avg},
		{"waiting", a->waiting_avg, b->waiting_avg},
		{"busy", a->busy, b->busy},
		{"GPU busy", a->gpu_busy, b->gpu_busy},
		{"prefill share", a->prefill_share, b->prefill_share},
		{"peak KV tokens", (double)a->kv_peak_tokens, (double)b->kv_peak_tokens},
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		/* as bytes: undefined statistics are NaN in both */
		ck_assert_msg(memcmp(&pairs[i].exact, &pairs[i].fast, sizeof(double)) == 0,
		              "scenario %llu, %s: %.17g exactly, %.17g fast\n%s",
		              (unsigned long long)number, pairs[i].what, pairs[i].exact,
		              pairs[i].fast, text);
	}
}

static void check_number(uint64_t i)
{
	struct test_run exact, fast;
	char *const json = random_scenario(i, RANDOM_ANY, 1);
	text = json;
	number = i;
	test_run(&exact, json, true);
	test_run(&fast, json, false);
	ck_assert_msg(exact.n == fast.n, "scenario %llu: %zu records exactly, %zu fast\n%s",
	              (unsigned long long)i, exact.n, fast.n, json);
	for (size_t k = 0; k < exact.n; k++) {
		check_record(&exact.records[k], &fast.records[k]);
	}
	for (size_t k = 0; k < exact.summary.n_services; k++) {
		check_service(&exact.summary.services[k], &fast.summary.services[k]);
	}
	test_run_fini(&exact);
	test_run_fini(&fast);
	free(json);
}

START_TEST(exact_stepping_equals_fast_forward)
{
	check_number((uint64_t)_i);
}
END_TEST

int main(void)
{
	const char *const asked = getenv("ALIQUOT_EQUAL_SCENARIOS");
	const int n = asked != NULL ? atoi(asked) : SCENARIOS;
	Suite *const s = suite_create("equal");
	TCase *const t = tcase_create("exact and fast");
	tcase_add_loop_test(t, exact_stepping_equals_fast_forward, 0, n);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
