/*
 * Every token gap of every request: as many as tokens less one, together the time from first to
 * last token, the same records otherwise, and the histogram's count and sum.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "random_scenario.h"
#include "test_run.h"

#define SCENARIOS 40

/* The histogram of gaps counts those of measured requests, and no others where all have finished.
 */
static void check_histogram(const struct test_run *r, size_t service)
{
	const struct service_summary *const s = &r->summary.services[service];
	int64_t count = 0;
	double sum_ms = 0.0;
	if (s->unfinished > 0) {
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		size_t n;
		const ns_t *const gaps = request_log_record_gaps(sim_log(r->sim), i, &n);
		for (size_t k = 0;
		     k < n && r->records[i].service == service && !r->records[i].warmup; k++) {
			sum_ms += ns_to_ms(gaps[k]);
			count++;
		}
	}
	ck_assert_int_eq(s->itl_ms.count, count);
	/* each gap may be cut to a nanosecond at both ends */
	ck_assert(count == 0 || fabs(s->itl_ms.sum - sum_ms) <= 2e-6 * (double)count);
}

static void check_scenario(const char *json)
{
	const struct sim_options options = {.keep_gaps = true};
	struct test_run plain, with;
	test_run(&plain, json, false);
	test_scenario_read(&with.scenario, json);
	with.sim = sim_new(with.scenario.sc, &options, with.scenario.err);
	ck_assert_ptr_nonnull(with.sim);
	ck_assert(sim_run(with.sim));
	sim_summary(with.sim, &with.summary);
	with.records = request_log_records(sim_log(with.sim), &with.n);
	ck_assert_uint_eq(plain.n, with.n);
	for (size_t i = 0; i < with.n; i++) {
		const struct request_record *const q = &with.records[i];
		const struct cost_constants *const costs =
			&with.scenario.sc->services[q->service].costs[0].constants;
		size_t n;
		const ns_t *const gaps = request_log_record_gaps(sim_log(with.sim), i, &n);
		ns_t sum = 0;
		ck_assert_int_eq(q->end, plain.records[i].end);
		ck_assert_int_eq(q->first, plain.records[i].first);
		if (q->outcome != REQUEST_FINISHED || q->output_tokens == 0) {
			ck_assert_uint_eq(n, 0);
			continue;
		}
		ck_assert_uint_eq(n, (size_t)q->output_tokens - 1);
		for (size_t k = 0; k < n; k++) {
			ck_assert_int_gt(gaps[k], 0);
			sum += gaps[k];
		}
		/* else delivery is not emission, or the first response holds several tokens */
		if (!(costs->t_stream_s > 0.0) &&
		    with.scenario.sc->services[q->service].options.stream_interval == 1) {
			ck_assert_int_eq(sum, q->end - q->first);
		}
	}
	for (size_t i = 0; i < with.summary.n_services; i++) {
		check_histogram(&with, i);
	}
	test_run_fini(&with);
	test_run_fini(&plain);
}

START_TEST(gaps_add_up)
{
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		char *const json = random_scenario(i, RANDOM_ANY, 1);
		check_scenario(json);
		free(json);
	}
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("gaps");
	TCase *const t = tcase_create("gaps");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, gaps_add_up);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
