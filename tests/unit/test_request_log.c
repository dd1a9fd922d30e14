/* Metrics of one request, and the log's two ways of keeping them. */
#include "metric/request_log.h"

#include "base/mem.h"
#include "base/rng.h"
#include "metric/summary.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS NS_PER_MS

static struct request_record request(ns_t arrival, ns_t admitted, ns_t first, ns_t second, ns_t end,
                                     int32_t input, int32_t output)
{
	return (struct request_record){
		.arrival = arrival,
		.admitted = admitted,
		.first = first,
		.second = second,
		.end = end,
		.input_tokens = input,
		.output_tokens = output,
	};
}

static int64_t value(const struct request_record *r, enum request_metric m)
{
	int64_t v = -1;

	return request_value(r, m, &v) ? v : -1;
}

START_TEST(metrics_of_one_request)
{
	struct request_record r = request(100, 130, 150, 175, 250, 512, 5);

	ck_assert_int_eq(value(&r, METRIC_TTFT), 50);
	ck_assert_int_eq(value(&r, METRIC_TTST), 25);
	ck_assert_int_eq(value(&r, METRIC_TPOT), 25);
	ck_assert_int_eq(value(&r, METRIC_LATENCY), 150);
	ck_assert_int_eq(value(&r, METRIC_QUEUE), 30);
	ck_assert_int_eq(value(&r, METRIC_INPUT), 512);
	ck_assert_int_eq(value(&r, METRIC_OUTPUT), 5);
	ck_assert_double_eq(request_tps_user(&r), 4e7);
}
END_TEST

START_TEST(metrics_that_need_two_tokens)
{
	for (int32_t output = 0; output < 2; output++) {
		struct request_record r = request(100, 130, 150, 0, 150, 512, output);

		ck_assert_int_eq(value(&r, METRIC_TTFT), 50);
		ck_assert_int_eq(value(&r, METRIC_LATENCY), 50);
		ck_assert_int_eq(value(&r, METRIC_TTST), -1);
		ck_assert_int_eq(value(&r, METRIC_TPOT), -1);
		ck_assert(isnan(request_tps_user(&r)));
	}
	struct request_record at_once = request(0, 0, 10, 10, 10, 1, 3);

	ck_assert_int_eq(value(&at_once, METRIC_TPOT), 0);
	ck_assert(isnan(request_tps_user(&at_once)));
}
END_TEST

START_TEST(halves_round_to_even)
{
	static const struct {
		int64_t num, den, q;
	} cases[] = {
		{0, 1, 0},
		{1, 2, 0},
		{3, 2, 2},
		{5, 2, 2},
		{7, 2, 4},
		{2, 3, 1},
		{4, 3, 1},
		{1, 3, 0},
		{7, 5, 1},
		{8, 5, 2},
		{10, 4, 2},
		{14, 4, 4},
		{INT64_C(9007199254740993), 2, INT64_C(4503599627370496)},
		{INT64_C(9007199254740995), 2, INT64_C(4503599627370498)},
		{INT64_C(1000000000000000001), 1, INT64_C(1000000000000000001)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(divide_half_even(cases[i].num, cases[i].den), cases[i].q);
	}
}
END_TEST

START_TEST(division_is_exact)
{
	struct rng *rng = rng_new(5, "divide");

	for (size_t i = 0; i < 200000; i++) {
		int64_t den = 1 + (int64_t)rng_below(rng, UINT64_C(1) << (1 + i % 20));
		int64_t q = (int64_t)rng_below(rng, UINT64_C(1) << (1 + i % 40));
		int64_t rest = (int64_t)rng_below(rng, (uint64_t)den);
		bool up = 2 * rest > den || (2 * rest == den && q % 2 == 1);

		ck_assert_int_eq(divide_half_even(q * den + rest, den), q + (up ? 1 : 0));
	}
	rng_free(rng);
}
END_TEST

static struct slo limit(enum slo_metric metric, enum slo_op op, double v)
{
	return (struct slo){
		.metric = metric, .stat = SLO_PERCENTILE, .percentile = 95, .op = op, .value = v};
}

START_TEST(good_requests)
{
	struct request_record r = request(0, 0, 1000 * MS, 1010 * MS, 1100 * MS, 8, 11);
	struct request_record short_one = request(0, 0, 1000 * MS, 0, 1000 * MS, 8, 1);
	struct slo met[] = {
		limit(SLO_TTFT, SLO_LE, 1000),    limit(SLO_TTST, SLO_LE, 10),
		limit(SLO_TPOT, SLO_LE, 10),      limit(SLO_LATENCY, SLO_LT, 1100.000001),
		limit(SLO_TPS_USER, SLO_GE, 100), limit(SLO_QUEUE, SLO_EQ, 0),
	};
	struct slo broken[] = {
		limit(SLO_TTFT, SLO_LT, 1000),    limit(SLO_TTST, SLO_LE, 9.999999),
		limit(SLO_TPOT, SLO_LE, 9),       limit(SLO_LATENCY, SLO_LE, 1099),
		limit(SLO_TPS_USER, SLO_GE, 101), limit(SLO_QUEUE, SLO_GT, 0),
	};
	/* limits on all gaps, on rates and on errors are not a request's to meet */
	struct slo others[] = {
		limit(SLO_ITL, SLO_LE, 0),        limit(SLO_TPS, SLO_GE, 1e9),
		limit(SLO_RPS, SLO_GE, 1e9),      limit(SLO_GOODPUT, SLO_GE, 1e9),
		limit(SLO_ERROR_RATE, SLO_LT, 0),
	};

	ck_assert(request_is_good(&r, met, 6));
	ck_assert(request_is_good(&r, NULL, 0));
	ck_assert(request_is_good(&r, others, 5));
	for (size_t i = 0; i < 6; i++) {
		ck_assert(request_level(&broken[i]));
		ck_assert(!request_is_good(&r, &broken[i], 1));
	}
	for (size_t i = 0; i < 5; i++) {
		ck_assert(!request_level(&others[i]));
	}
	ck_assert(request_is_good(&short_one, &broken[1], 2)); /* no second token, no TPOT */
	ck_assert(request_is_good(&short_one, &broken[4], 1));
}
END_TEST

START_TEST(only_measured_finished_requests_count)
{
	for (int keep = 0; keep < 2; keep++) {
		struct request_log *log = request_log_new(2, keep != 0);
		struct request_record r =
			request(10 * MS, 20 * MS, 30 * MS, 40 * MS, 50 * MS, 7, 3);
		struct request_counts c;
		struct dist d;
		size_t n;

		request_log_add(log, &r);
		r.warmup = true;
		r.arrival = 0;
		request_log_add(log, &r);
		r.outcome = REQUEST_REJECTED;
		request_log_add(log, &r);
		r.warmup = false;
		request_log_add(log, &r);
		r.outcome = REQUEST_LOST;
		request_log_add(log, &r);
		request_log_counts(log, 0, &c);
		ck_assert_int_eq(c.finished, 1);
		ck_assert_int_eq(c.warmup, 1);
		ck_assert_int_eq(c.rejected, 1);
		ck_assert_int_eq(c.lost, 1);
		ck_assert_int_eq(c.first_arrival, 10 * MS);
		ck_assert_int_eq(c.last_end, 50 * MS);
		request_log_dist(log, 0, METRIC_LATENCY, &d);
		ck_assert_int_eq(d.count, 1);
		ck_assert_double_eq(d.avg, 40.0);
		request_log_dist(log, 1, METRIC_LATENCY, &d);
		ck_assert_int_eq(d.count, 0);
		ck_assert(isnan(d.avg));
		ck_assert((request_log_records(log, &n) != NULL) == (keep != 0));
		ck_assert_uint_eq(n, keep != 0 ? 5 : 0);
		request_log_free(log);
	}
	request_log_free(NULL);
}
END_TEST

/* A service's worth of random requests into both kinds of log. */
static void fill(struct request_log *a, struct request_log *b, int64_t n)
{
	struct rng *rng = rng_new(6, "log");
	ns_t t = 0;

	for (int64_t i = 0; i < n; i++) {
		struct request_record r = {
			.id = (uint64_t)i, .input_tokens = 100, .service = i % 5 == 4};
		int64_t gap = 5 * MS + (int64_t)rng_below(rng, 20 * MS);

		t += (ns_t)rng_below(rng, 10 * MS);
		r.output_tokens = (int32_t)rng_below(rng, 300);
		r.arrival = t;
		r.admitted = t + (ns_t)rng_below(rng, 50 * MS);
		r.first = r.admitted + (ns_t)rng_below(rng, 400 * MS);
		r.second = r.output_tokens >= 2 ? r.first + gap : 0;
		r.end = r.first + gap * (r.output_tokens >= 2 ? r.output_tokens - 1 : 0) + i % 3;
		r.end = r.output_tokens >= 2 ? r.end : r.first;
		r.warmup = i < 10;
		request_log_add(a, &r);
		request_log_add(b, &r);
	}
	rng_free(rng);
}

START_TEST(histograms_follow_the_records)
{
	struct request_log *exact = request_log_new(2, true), *close = request_log_new(2, false);

	fill(exact, close, 20000);
	for (size_t service = 0; service < 2; service++) {
		for (int m = 0; m <= METRIC_TPS_USER; m++) {
			struct dist a, b;

			request_log_dist(exact, service, (enum request_metric)m, &a);
			request_log_dist(close, service, (enum request_metric)m, &b);
			ck_assert_int_gt(a.count, 3000);
			ck_assert_int_eq(a.count, b.count);
			/* moments are exact, but for tps_user, which is read from the cells of TPOT
			 */
			const double close_to = m == METRIC_TPS_USER ? 1e-3 : 1e-6;
			ck_assert_double_eq_tol(a.avg / b.avg, 1.0, close_to);
			ck_assert_double_eq_tol(a.min, b.min, 1e-3);
			ck_assert_double_eq_tol(a.max, b.max, 1e-3);
			ck_assert_double_eq_tol(a.std, b.std, close_to * a.avg);
			for (size_t i = 0; i < DIST_PERCENTILES; i++) {
				double q;

				ck_assert_double_eq_tol(a.p[i], b.p[i], 1e-3 * a.p[i]);
				request_log_quantiles(exact, service, (enum request_metric)m,
				                      &dist_percentiles[i], 1, &q);
				ck_assert_double_eq(q, a.p[i]);
				request_log_quantiles(close, service, (enum request_metric)m,
				                      &dist_percentiles[i], 1, &q);
				ck_assert_double_eq(q, b.p[i]);
			}
		}
	}
	request_log_free(exact);
	request_log_free(close);
}
END_TEST

START_TEST(gaps_in_pieces)
{
	struct request_log *whole = request_log_new(1, true), *pieces = request_log_new(1, true);
	tick_t first = (INT64_C(12345678) << TICK_SHIFT) + 777777, step = 987654321;
	struct dist a, b;

	request_log_gaps(whole, 0, first, step, 5000, 17);
	for (int64_t i = 0; i < 5000;) {
		int64_t n = 1 + i % 97 < 5000 - i ? 1 + i % 97 : 5000 - i;

		request_log_gaps(pieces, 0, first + i * step, step, n, 8);
		for (int64_t k = 0; k < n; k++) {
			request_log_gaps(pieces, 0, first + (i + k) * step, 0, 1, 9);
		}
		i += n;
	}
	request_log_gaps(pieces, 0, -5, 0, 0, 4);
	request_log_gaps(pieces, 0, -5, 0, 4, 0);
	request_log_dist(whole, 0, METRIC_ITL, &a);
	request_log_dist(pieces, 0, METRIC_ITL, &b);
	ck_assert_int_eq(a.count, 5000 * 17);
	ck_assert(memcmp(&a, &b, sizeof(a)) == 0);
	/* the mean is that of the ticks: first + step (n - 1) / 2 */
	double ticks = (double)first + (double)step * 4999.0 / 2.0;

	ck_assert_double_eq_tol(a.avg / (ticks / 1048576.0 / 1e6), 1.0, 1e-14);
	ck_assert_double_eq(a.min, (double)(first >> TICK_SHIFT) / 1e6);
	ck_assert_double_eq(a.max, (double)((first + 4999 * step) >> TICK_SHIFT) / 1e6);
	request_log_free(whole);
	request_log_free(pieces);
}
END_TEST

/* 131,072 gaps of 0.1 s last 3.6 hours: more ticks together than 64 bits hold. */
START_TEST(hours_of_gaps)
{
	struct request_log *log = request_log_new(1, false);
	struct dist d;

	request_log_gaps(log, 0, INT64_C(100) * MS << TICK_SHIFT, 1 << TICK_SHIFT, 131073, 1);
	request_log_dist(log, 0, METRIC_ITL, &d);
	ck_assert_double_eq_tol(d.avg, 100.0 + 65536 / 1e6, 1e-9);
	ck_assert_double_eq(d.max, 100.131072);
	request_log_free(log);
}
END_TEST

static double observe(const struct service_summary *s, const struct request_log *log,
                      enum slo_metric metric, enum slo_stat stat, double percentile)
{
	struct slo l = {.metric = metric, .stat = stat, .percentile = percentile};

	return summary_observe(s, log, 0, &l);
}

/* Four requests over 2 s, by hand. */
START_TEST(summary_by_hand)
{
	for (int keep = 0; keep < 2; keep++) {
		struct request_log *log = request_log_new(1, keep != 0);
		struct slo slo[2] = {limit(SLO_TTFT, SLO_LE, 250), limit(SLO_ITL, SLO_LE, 0)};
		struct service_summary s = {.name = "kept", .submitted = 99, .replicas = 3};

		request_log_set_limits(log, 0, slo, 2);
		for (int64_t i = 0; i < 4; i++) {
			ns_t at = i * 400 * MS;
			struct request_record r = request(at, at, at + 100 * (i + 1) * MS,
			                                  at + 450 * MS, at + 800 * MS, 100, 10);
			request_log_add(log, &r);
		}
		struct request_record lost = {.outcome = REQUEST_LOST};

		request_log_add(log, &lost);
		request_log_gaps(log, 0, INT64_C(50) * MS << TICK_SHIFT, 0, 9, 4);
		summary_service(log, 0, slo, 2, &s);
		ck_assert_str_eq(s.name, "kept");
		ck_assert_int_eq(s.submitted, 99);
		ck_assert_int_eq(s.replicas, 3);
		ck_assert_int_eq(s.finished, 4);
		ck_assert_int_eq(s.last_end - s.first_arrival, 2000 * MS);
		ck_assert_double_eq(s.requests_per_s, 2.0);
		ck_assert_double_eq(s.output_tokens_per_s, 20.0);
		ck_assert_double_eq(s.input_tokens_per_s, 200.0);
		ck_assert_double_eq(s.goodput_per_s, 1.0);
		ck_assert_double_eq(s.ttft_ms.avg, 250.0);
		ck_assert_double_eq_tol(s.ttft_ms.std, sqrt(12500.0), 1e-9);
		ck_assert_double_eq(s.latency_ms.max, 800.0);
		ck_assert_double_eq(s.itl_ms.avg, 50.0);
		ck_assert_int_eq(s.itl_ms.count, 36);
		ck_assert_double_eq(s.queue_ms.max, 0.0);
		ck_assert_double_eq(observe(&s, log, SLO_TTFT, SLO_AVG, 0), 250.0);
		ck_assert_double_eq(observe(&s, log, SLO_TTFT, SLO_MIN, 0), 100.0);
		ck_assert_double_eq(observe(&s, log, SLO_TTFT, SLO_MAX, 0), 400.0);
		ck_assert_double_eq_tol(observe(&s, log, SLO_TTFT, SLO_PERCENTILE, 99.9), 399.7,
		                        0.4);
		ck_assert_double_eq_tol(observe(&s, log, SLO_TTFT, SLO_STD, 0), sqrt(12500.0),
		                        1e-9);
		ck_assert_double_eq(observe(&s, log, SLO_LATENCY, SLO_PERCENTILE, 50), 800.0);
		ck_assert_double_eq(observe(&s, log, SLO_ITL, SLO_PERCENTILE, 95), 50.0);
		ck_assert_double_eq(observe(&s, log, SLO_TPS, SLO_NONE, 0), 20.0);
		ck_assert_double_eq(observe(&s, log, SLO_RPS, SLO_NONE, 0), 2.0);
		ck_assert_double_eq(observe(&s, log, SLO_GOODPUT, SLO_NONE, 0), 1.0);
		ck_assert_double_eq(observe(&s, log, SLO_ERROR_RATE, SLO_NONE, 0), 0.2);
		request_log_free(log);
	}
}
END_TEST

START_TEST(summary_of_nothing)
{
	struct request_log *log = request_log_new(1, false);
	struct service_summary s = {0};

	summary_service(log, 0, NULL, 0, &s);
	ck_assert_int_eq(s.finished, 0);
	ck_assert_int_eq(s.ttft_ms.count, 0);
	ck_assert(isnan(s.requests_per_s) && isnan(s.output_tokens_per_s));
	ck_assert(isnan(s.goodput_per_s));
	ck_assert(isnan(observe(&s, log, SLO_TTFT, SLO_PERCENTILE, 95)));
	ck_assert(isnan(observe(&s, log, SLO_ERROR_RATE, SLO_NONE, 0)));
	struct summary all = {.services = mem_new(1, sizeof(s)), .limits = mem_new(1, 1)};

	summary_fini(&all);
	ck_assert_ptr_null(all.services);
	request_log_free(log);
}
END_TEST

START_TEST(goodput_without_limits_is_undefined)
{
	struct request_log *log = request_log_new(1, true);
	struct request_record r = request(0, 0, 10, 20, 30, 1, 3);
	struct slo slo = limit(SLO_ITL, SLO_LE, 0);
	struct service_summary s = {0};

	request_log_add(log, &r);
	summary_service(log, 0, NULL, 0, &s);
	ck_assert(isnan(s.goodput_per_s));
	summary_service(log, 0, &slo, 1, &s);
	ck_assert(isnan(s.goodput_per_s));
	request_log_free(log);
}
END_TEST

START_TEST(unknown_service_is_our_mistake)
{
	struct request_log *log = request_log_new(1, false);
	struct request_record r = {.service = 1};

	request_log_add(log, &r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request_log");
	TCase *t = tcase_create("request_log");

	tcase_add_test(t, metrics_of_one_request);
	tcase_add_test(t, metrics_that_need_two_tokens);
	tcase_add_test(t, halves_round_to_even);
	tcase_add_test(t, division_is_exact);
	tcase_add_test(t, good_requests);
	tcase_add_test(t, only_measured_finished_requests_count);
	tcase_add_test(t, histograms_follow_the_records);
	tcase_add_test(t, gaps_in_pieces);
	tcase_add_test(t, hours_of_gaps);
	tcase_add_test(t, summary_by_hand);
	tcase_add_test(t, summary_of_nothing);
	tcase_add_test(t, goodput_without_limits_is_undefined);
	tcase_add_test_raise_signal(t, unknown_service_is_our_mistake, 6);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
