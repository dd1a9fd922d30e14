/*
 * Kubernetes' autoscaler and the one that keeps limits, step by step, computed by hand
 * (semantics.md section 12). In the tables of the first a replica is to have 10 requests, and it
 * looks every 15 s.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "autoscale.h"

#define TEN "\"target\": 10, \"min\": 1, \"max\": 500"
#define QUICK TEN ", \"scale_down_delay\": \"0s\""
#define ROWS(...)                                    \
	(const struct autoscale_row[]){__VA_ARGS__}, \
		sizeof((const struct autoscale_row[]){__VA_ARGS__}) / sizeof(struct autoscale_row)

static const struct autoscale_table tables[] = {
	/* Tolerance: 0.9 and 1.1 of the target are near enough, what is beyond is not. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 44, 4, 4, AUTOSCALE_TOLERANCE, 0, 0}, {30, 44.1, 4, 5, AUTOSCALE_LOAD, 0, 0},
              {45, 45, 5, 5, AUTOSCALE_TOLERANCE, 0, 0}, {60, 44.9, 5, 5, AUTOSCALE_LOAD, 0, 0},
              {75, 40, 5, 4, AUTOSCALE_LOAD, 0, 0})},
	/* Up by the larger of 4 replicas and 100 % each 15 s. */
	{"hpa", "{" TEN "}", INPUT_CONCURRENCY, 1, 0,
         ROWS({15, 1000, 1, 5, AUTOSCALE_RATE, 0, 0}, {30, 1000, 5, 10, AUTOSCALE_RATE, 0, 0},
              {45, 1000, 10, 20, AUTOSCALE_RATE, 0, 0}, {60, 1000, 20, 40, AUTOSCALE_RATE, 0, 0},
              {75, 1000, 40, 80, AUTOSCALE_RATE, 0, 0}, {90, 1000, 80, 100, AUTOSCALE_LOAD, 0, 0})},
	/* What was added in the period counts: from 2 not more than 4 until 60 s have passed. */
	{"hpa", "{" TEN ", \"rate_period\": \"60s\", \"scale_up_replicas\": 0}", INPUT_CONCURRENCY,
         2, 0,
         ROWS({15, 1000, 2, 4, AUTOSCALE_RATE, 0, 0}, {60, 1000, 4, 4, AUTOSCALE_RATE, 0, 0},
              {75, 1000, 4, 8, AUTOSCALE_RATE, 0, 0})},
	/* Down: the most recommended of the last 300 s, 4 at the start; 2 from 15 s on. */
	{"hpa", "{" TEN "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 20, 4, 4, AUTOSCALE_DELAY, 0, 0}, {285, 20, 4, 4, AUTOSCALE_DELAY, 0, 0},
              {300, 20, 4, 2, AUTOSCALE_LOAD, 0, 0})},
	/* A peak in between keeps it up for 300 s, in steps of what was recommended. */
	{"hpa", "{" TEN "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({150, 20, 4, 4, AUTOSCALE_DELAY, 0, 0}, {165, 30, 4, 4, AUTOSCALE_DELAY, 0, 0},
              {300, 20, 4, 3, AUTOSCALE_DELAY, 0, 0}, {450, 20, 3, 3, AUTOSCALE_DELAY, 0, 0},
              {465, 20, 3, 2, AUTOSCALE_LOAD, 0, 0})},
	/* Up with stabilisation: the least of 30 s, 2 at the start. */
	{"hpa", "{" TEN ", \"scale_up_delay\": \"30s\"}", INPUT_CONCURRENCY, 2, 0,
         ROWS({15, 40, 2, 2, AUTOSCALE_DELAY, 0, 0}, {30, 40, 2, 4, AUTOSCALE_LOAD, 0, 0})},
	/* Both windows: between the least of one and the most of the other it stays where it is. */
	{"hpa", "{" TEN ", \"scale_up_delay\": \"60s\", \"scale_down_delay\": \"60s\"}",
         INPUT_CONCURRENCY, 3, 0,
         ROWS({15, 60, 3, 3, AUTOSCALE_DELAY, 0, 0}, {30, 10, 3, 3, AUTOSCALE_DELAY, 0, 0},
              {90, 20, 3, 2, AUTOSCALE_LOAD, 0, 0})}, /* 10 at 30 s is out, 20 since */
	/* Down at most by half in 60 s: what was removed counts as if it were there. */
	{"hpa", "{" QUICK ", \"rate_period\": \"60s\", \"scale_down_share\": 0.5}",
         INPUT_CONCURRENCY, 10, 0,
         ROWS({15, 0, 10, 5, AUTOSCALE_RATE, 0, 0}, {60, 0, 5, 5, AUTOSCALE_RATE, 0, 0},
              {75, 0, 5, 2, AUTOSCALE_RATE, 0, 0})}, /* 2.5, rounded down */
	/* ... or by three replicas, where that is more. */
	{"hpa", "{" QUICK ", \"scale_down_share\": 0.1, \"scale_down_replicas\": 3}",
         INPUT_CONCURRENCY, 10, 0,
         ROWS({15, 0, 10, 7, AUTOSCALE_RATE, 0, 0}, {30, 0, 7, 4, AUTOSCALE_RATE, 0, 0},
              {45, 0, 4, 1, AUTOSCALE_RATE, 0, 0}, {60, 0, 1, 1, AUTOSCALE_BOUNDS, 0, 0})},
	/* A change that is forgotten before its opposite never turns the direction: at 90 s the 30
         * that were added are forgotten, the 35 removed are not, so half of 40 might stay of 5. */
	{"hpa",
         "{" QUICK
         ", \"rate_period\": \"60s\", \"scale_down_share\": 0.5, \"scale_up_replicas\": 0}",
         INPUT_CONCURRENCY, 20, 0,
         ROWS({15, 0, 20, 10, AUTOSCALE_RATE, 0, 0}, {30, 400, 10, 40, AUTOSCALE_LOAD, 0, 0},
              {45, 0, 40, 10, AUTOSCALE_RATE, 0, 0}, {75, 0, 10, 5, AUTOSCALE_RATE, 0, 0},
              {90, 0, 5, 5, AUTOSCALE_RATE, 0, 0})},
	/* ... nor the other way: at 90 s it seems to have had 1 a period ago, which may become 2.
         */
	{"hpa", "{" QUICK ", \"rate_period\": \"60s\", \"scale_up_replicas\": 0}",
         INPUT_CONCURRENCY, 2, 0,
         ROWS({15, 999, 2, 4, AUTOSCALE_RATE, 0, 0}, {30, 0, 4, 1, AUTOSCALE_BOUNDS, 0, 0},
              {45, 999, 1, 4, AUTOSCALE_RATE, 0, 0}, {75, 999, 4, 8, AUTOSCALE_RATE, 0, 0},
              {90, 999, 8, 8, AUTOSCALE_RATE, 0, 0})},
	/* Two of five are not ready: counted as idle when there seem to be too few. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 3, 5,
         ROWS({15, 36, 3, 5, AUTOSCALE_NO_METRICS, 0, 0}, /* 1.2, with the idle ones 0.72 */
              {30, 54, 3, 5, AUTOSCALE_TOLERANCE, 0, 0},  /* 1.8, with them 1.08 */
              {45, 60, 3, 6, AUTOSCALE_LOAD, 0, 0})},     /* 2, with them 1.2: 6 of 5 */
	/* ... but not when there seem to be too many. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 3, 5,
         ROWS({15, 15, 3, 2, AUTOSCALE_LOAD, 0, 0})}, /* 0.5 of 3 */
	/* Of one of four nothing is known: at the target when there seem to be too many, idle when
         * too few. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 15, 4, 3, AUTOSCALE_LOAD, 0, 1})}, /* 0.5 of 3; (15 + 10) / 40 = 0.625 of 4 */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 60, 4, 6, AUTOSCALE_LOAD, 0, 1})}, /* 2 of 3; 60 / 40 of 4 */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 24, 4, 4, AUTOSCALE_NO_METRICS, 0, 2})}, /* 1.2 of 2; 0.6 of 4: turned */
	/* More are ready than wanted: fewer of them than now would still be more than wanted. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 2,
         ROWS({15, 15, 4, 2, AUTOSCALE_NO_METRICS, 0, 1})}, /* 0.625 of 4: 3 */
	/* Nothing is known at all. */
	{"hpa", "{" QUICK "}", INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 100, 4, 4, AUTOSCALE_NO_METRICS, 0, 4})},
	/* Bounds. */
	{"hpa", "{\"target\": 10, \"min\": 3, \"max\": 5, \"scale_down_delay\": 0}",
         INPUT_CONCURRENCY, 4, 0,
         ROWS({15, 1000, 4, 5, AUTOSCALE_BOUNDS, 0, 0}, {30, 0, 5, 3, AUTOSCALE_BOUNDS, 0, 0})},
	/* Requests per second, and latency: 150 ms where 100 are wanted; nobody answered. */
	{"hpa", "{" QUICK ", \"metric\": \"throughput\"}", INPUT_RATE, 2, 0,
         ROWS({15, 30, 2, 3, AUTOSCALE_LOAD, 0, 0})},
	{"hpa", "{\"metric\": \"latency\", \"target\": 100, \"min\": 1, \"max\": 9}", INPUT_LATENCY,
         2, 0,
         ROWS({15, 150, 2, 3, AUTOSCALE_LOAD, 0, 0}, {30, 109, 3, 3, AUTOSCALE_TOLERANCE, 0, 0},
              {45, 0, 3, 3, AUTOSCALE_NO_METRICS, 0, 0})},
};

START_TEST(kubernetes_decides_as_by_hand)
{
	autoscale_check(&tables[_i]);
}
END_TEST

/* A model that can be worked out in the head: 10 requests/s are too many, TTFT is 100 ms over what
 * is left, the gap 10 ms and 1 ms more for each request/s. */
static bool predict(const void *arg, const struct autoscale_load *one, ns_t *ttft, ns_t *itl)
{
	(void)arg;
	if (one->rate >= 10.0) {
		return false;
	}
	*ttft = llround(1e8 / (1.0 - one->rate / 10.0));
	*itl = llround(1e7 + one->rate * 1e6);
	return true;
}

struct slo_row {
	double rate;      /* of requests in the last 10 s */
	double ttft, itl; /* measured, ms; 0: nothing was answered */
	int want;
	enum autoscale_reason reason;
};

struct slo_table {
	const char *options;
	int ready;
	struct slo_row rows[3];
};

static const struct slo_table limits[] = {
	/* 15 ms is 5/s at one: 12 / 5 = 2.4; exactly 5 at each of three is within. */
	{"\"itl\": \"15ms\"",
         1,
         {{12, 0, 0, 3, AUTOSCALE_LOAD},
          {15, 0, 0, 3, AUTOSCALE_LOAD},
          {15.1, 0, 0, 4, AUTOSCALE_LOAD}}},
	/* 200 ms is 5/s at one, 125 ms 2/s. */
	{"\"ttft\": \"200ms\"", 1, {{12, 0, 0, 3, AUTOSCALE_LOAD}}},
	{"\"ttft\": \"125ms\", \"itl\": \"15ms\"", 1, {{12, 0, 0, 6, AUTOSCALE_LOAD}}},
	/* 4/s at each of 3 should have 14 ms; 16.8 are 1.2 times as long: the limit is 12.5, 2.5/s.
         */
	{"\"itl\": \"15ms\"", 3, {{12, 0, 16.8, 5, AUTOSCALE_LOAD}}},
	{"\"itl\": \"15ms\", \"correction\": false", 3, {{12, 0, 16.8, 3, AUTOSCALE_LOAD}}},
	/* 166.7 ms expected at 4/s. Half of it: TTFT is 50 ms over what is left, 7.5/s for 200 ms;
         * three times: that is a queue, not the model. */
	{"\"ttft\": \"200ms\"",
         3,
         {{12, 83.3333335, 0, 2, AUTOSCALE_LOAD}, {12, 500, 0, 3, AUTOSCALE_LOAD}}},
	/* A trend goes on: 10, 20, so 30 are next; then 20 again. */
	{"\"itl\": \"15ms\", \"predictor\": \"trend\"",
         1,
         {{10, 0, 0, 2, AUTOSCALE_LOAD},
          {20, 0, 0, 6, AUTOSCALE_LOAD},
          {20, 0, 0, 4, AUTOSCALE_LOAD}}},
	{"\"itl\": \"15ms\", \"predictor\": \"trend\"",
         1,
         {{30, 0, 0, 6, AUTOSCALE_LOAD}, {10, 0, 0, 1, AUTOSCALE_BOUNDS}}}, /* none would be next */
	/* Nobody comes: nothing to predict from. Too many: the most. Few: the least. */
	{"\"itl\": \"15ms\"",
         4,
         {{0, 0, 0, 4, AUTOSCALE_NO_METRICS},
          {900, 0, 0, 50, AUTOSCALE_UNREACHED},
          {1, 0, 0, 1, AUTOSCALE_BOUNDS}}},
};

START_TEST(limits_are_kept_as_by_hand)
{
	const struct slo_table *const t = &limits[_i];
	char text[256];
	struct err *const err = err_new();
	snprintf(text, sizeof(text), "{\"min\": 1, \"max\": 50, \"tick\": \"10s\", %s}",
	         t->options);
	json_t *const block = json_loads(text, 0, NULL);
	const struct json_at at = json_root(block, "table", err);
	void *const self = mem_new(1, autoscaler_slo.head.self_size);
	ck_assert(option_fill(autoscaler_slo.head.options, self, &at, "table", NULL));
	struct autoscale_ask ask = {.wanted = (uint32_t)t->ready, .predict = predict};
	struct autoscale_answer out;
	for (int i = -1; i < 3 && (i < 0 || t->rows[i].want > 0); i++) {
		const struct view v = {NULL, (i + 1) * 10 * NS_PER_S, NULL};
		if (i >= 0) {
			const struct slo_row *const r = &t->rows[i];
			ask.arrived += (uint64_t)llround(r->rate * 10.0);
			ask.answered += r->ttft > 0.0 ? 100 : 0;
			ask.ttft += r->ttft > 0.0 ? (i128_t)llround(r->ttft * 1e8) : 0;
			ask.n_gaps += r->itl > 0.0 ? 100 : 0;
			ask.gaps += (i128_t)llround(r->itl * 1e8);
		}
		ask.ready = (uint32_t)t->ready;
		autoscaler_slo.decide(self, &v, &ask, &out);
		ck_assert_int_eq(out.next, v.now + 10 * NS_PER_S);
		ck_assert_msg(i < 0 || ((int)out.replicas == t->rows[i].want &&
		                        out.reason == t->rows[i].reason),
		              "%s row %d: %u for %s, expected %d for %s", t->options, i,
		              out.replicas, autoscale_reason_name(out.reason), t->rows[i].want,
		              autoscale_reason_name(t->rows[i].reason));
		ask.wanted = out.replicas;
	}
	free(self);
	json_decref(block);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("HPA");
	TCase *const t = tcase_create("HPA");
	tcase_add_loop_test(t, kubernetes_decides_as_by_hand, 0,
	                    (int)(sizeof(tables) / sizeof(*tables)));
	tcase_add_loop_test(t, limits_are_kept_as_by_hand, 0,
	                    (int)(sizeof(limits) / sizeof(*limits)));
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
