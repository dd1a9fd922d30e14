/*
 * Knative's autoscaler step by step, computed by hand from its source (semantics.md section 12). In
 * all tables one replica is to have 10 requests, unless they say otherwise; it looks every 2 s,
 * averages over 60 s and panics over 6 s.
 */
#include <check.h>
#include <stdlib.h>

#include "autoscale.h"

#define TEN "\"target\": 10, \"target_utilization\": 1"
#define ROWS(...)                                    \
	(const struct autoscale_row[]){__VA_ARGS__}, \
		sizeof((const struct autoscale_row[]){__VA_ARGS__}) / sizeof(struct autoscale_row)

static const struct autoscale_table tables[] = {
	/* The stable window: ceil(average / 10), over what there is of a window. */
	{"kpa", "{" TEN ", \"max\": 50}", INPUT_CONCURRENCY, 1, 0,
         ROWS({60, 10, 1, 1, AUTOSCALE_LOAD, -1, 0},      /* 10 / 10 */
              {120, 10.1, 1, 2, AUTOSCALE_LOAD, -1, 0})}, /* 10.1 / 10, rounded up */
	/* 70 % of 100 requests are what is aimed at when nothing is said. */
	{"kpa", "{\"max\": 50}", INPUT_CONCURRENCY, 1, 0,
         ROWS({60, 70, 1, 1, AUTOSCALE_LOAD, -1, 0}, {120, 70.1, 1, 2, AUTOSCALE_LOAD, -1, 0})},
	/* A ramp too slow for a panic moves the stable average. Without a past it begins in a panic
         * that keeps the 10 until 62 s. */
	{"kpa", "{" TEN ", \"max\": 50}", INPUT_CONCURRENCY, 10, 0,
         ROWS({60, 100, 10, 10, AUTOSCALE_LOAD, -1, 0}, {62, 100, 10, 10, AUTOSCALE_LOAD, -1, 0},
              {64, 150, 10, 11, AUTOSCALE_LOAD, -1, 0}, /* 58 s of 100, 2 s of 150: 101.7 */
              {92, 150, 10, 13, AUTOSCALE_LOAD, -1, 0}, /* half and half: 125 */
              {122, 150, 10, 15, AUTOSCALE_LOAD, -1, 0},
              {152, 110, 15, 13, AUTOSCALE_LOAD, -1, 0}, /* half and half: 130 */
              {182, 110, 13, 11, AUTOSCALE_LOAD, -1, 0})},
	/* A spike: the panic average is over twice what is ready; then nothing is taken away for 60
         * s after the last time it was, at 132 s, and the fall is by halves. */
	{"kpa", "{" TEN ", \"max\": 500}", INPUT_CONCURRENCY, 10, 0,
         ROWS({122, 100, 10, 10, AUTOSCALE_LOAD, -1, 0},
              {124, 1000, 10, 40, AUTOSCALE_PANIC, -1, 0}, /* 4 s of 100, 2 s of 1000: 400 */
              {126, 1000, 10, 70, AUTOSCALE_PANIC, -1, 0}, /* 700 */
              {128, 1000, 10, 100, AUTOSCALE_PANIC, -1, 0},
              {132, 0, 10, 100, AUTOSCALE_PANIC, -1, 0},  /* 333: 34 for 10 that are ready */
              {192, 0, 100, 100, AUTOSCALE_PANIC, -1, 0}, /* 60 s later, not more */
              {194, 0, 100, 50, AUTOSCALE_RATE, -1, 0},   /* no load; half of 100 stay */
              {196, 0, 50, 25, AUTOSCALE_RATE, -1, 0},
              {198, 0, 25, 12, AUTOSCALE_RATE, -1, 0}, /* 12.5, rounded down */
              {200, 0, 12, 6, AUTOSCALE_RATE, -1, 0}, {202, 0, 6, 3, AUTOSCALE_RATE, -1, 0},
              {204, 0, 3, 1, AUTOSCALE_RATE, -1, 0},
              {206, 0, 1, 1, AUTOSCALE_GRACE, -1, 0}, /* inactive from now on */
              {228, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},  /* activator since 200 s: 12 x 10 < 211 */
              {230, 0, 1, 0, AUTOSCALE_ZERO, 1, 0})},
	/* The edge of a panic: 20 replicas for 10 is one, 19 is none. */
	{"kpa", "{" TEN ", \"max\": 500}", INPUT_CONCURRENCY, 10, 0,
         ROWS({122, 100, 10, 10, AUTOSCALE_LOAD, -1, 0},
              {128, 190, 10, 11, AUTOSCALE_LOAD, -1, 0},    /* 54 s of 100, 6 s of 190: 109 */
              {130, 200, 10, 20, AUTOSCALE_PANIC, -1, 0})}, /* 4 s of 190, 2 s of 200: 193 */
	/* While it panics more ready replicas do not lower what is wanted. */
	{"kpa", "{" TEN ", \"max\": 500}", INPUT_CONCURRENCY, 1, 0,
         ROWS({2, 50, 1, 5, AUTOSCALE_LOAD, -1, 0}, {4, 10, 5, 5, AUTOSCALE_PANIC, -1, 0},
              {60, 10, 5, 5, AUTOSCALE_PANIC, -1, 0},  /* since 2 s: 58 s */
              {64, 10, 5, 2, AUTOSCALE_RATE, -1, 0})}, /* 10 / 10 = 1, but half of 5 stay */
	/* Not more at once than the rate says, rounded up. */
	{"kpa", "{" TEN ", \"max\": 500, \"max_scale_up_rate\": 2}", INPUT_CONCURRENCY, 3, 0,
         ROWS({2, 100, 3, 6, AUTOSCALE_RATE, -1, 0}, {4, 100, 6, 10, AUTOSCALE_LOAD, -1, 0})},
	/* 1.1 times two is three: a rate never keeps it from growing (the source's own example). */
	{"kpa", "{" TEN ", \"max\": 500, \"max_scale_up_rate\": 1.1}", INPUT_CONCURRENCY, 2, 0,
         ROWS({2, 30, 2, 3, AUTOSCALE_LOAD, -1, 0}, {4, 60, 3, 4, AUTOSCALE_RATE, -1, 0})},
	/* Scale-down delay: the most wanted of the last 30 s. Wanted without: 10 to 132 s, 9 from
         * 134 s (48 s of 100, 12 s of 50: 90), 7 at 162 s. */
	{"kpa", "{" TEN ", \"max\": 50, \"scale_down_delay\": \"30s\"}", INPUT_CONCURRENCY, 10, 0,
         ROWS({122, 100, 10, 10, AUTOSCALE_LOAD, -1, 0}, {160, 50, 10, 10, AUTOSCALE_DELAY, -1, 0},
              {162, 50, 10, 9, AUTOSCALE_DELAY, -1, 0},
              {212, 50, 10, 5, AUTOSCALE_LOAD, -1, 0})}, /* 5 since 182 s */
	/* Bounds. */
	{"kpa", "{" TEN ", \"min\": 2, \"max\": 5}", INPUT_CONCURRENCY, 2, 0,
         ROWS({60, 1, 2, 2, AUTOSCALE_PANIC, -1, 0}, {62, 1, 2, 2, AUTOSCALE_BOUNDS, -1, 0},
              {66, 1000, 2, 5, AUTOSCALE_BOUNDS, -1, 0})},
	/* What it begins with is kept until so many were ready once. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9}", INPUT_CONCURRENCY, 0, 5,
         ROWS({20, 8, 4, 5, AUTOSCALE_BOUNDS, -1, 0}, {22, 8, 5, 5, AUTOSCALE_BOUNDS, -1, 0},
              {24, 8, 5, 2, AUTOSCALE_RATE, -1, 0}, {26, 8, 2, 1, AUTOSCALE_LOAD, -1, 0})},
	/* To zero: a whole window without load, at 160 s; inactive from then on, with the activator
         * in the path; gone after the grace of 30 s in which it came into the path. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9, \"target_burst_capacity\": 0}",
         INPUT_CONCURRENCY, 1, 0,
         ROWS({100, 5, 1, 1, AUTOSCALE_LOAD, 0, 0}, {158, 0, 1, 1, AUTOSCALE_LOAD, 0, 0},
              {160, 0, 1, 1, AUTOSCALE_GRACE, 1, 0}, {188, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},
              {190, 0, 1, 0, AUTOSCALE_ZERO, 1, 0})},
	/* The activator was in the path all along: nothing to wait for. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9}", INPUT_CONCURRENCY, 1, 0,
         ROWS({100, 5, 1, 1, AUTOSCALE_LOAD, 1, 0}, {160, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},
              {162, 0, 1, 0, AUTOSCALE_ZERO, 1, 0})},
	/* ... but the last one is to be kept for 100 s after it became inactive, at 60 s. */
	{"kpa", "{" TEN ", \"max\": 9, \"scale_to_zero_after\": \"100s\"}", INPUT_CONCURRENCY, 1, 0,
         ROWS({60, 0, 1, 1, AUTOSCALE_GRACE, 1, 0}, {158, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},
              {160, 0, 1, 0, AUTOSCALE_ZERO, 1, 0})},
	/* A request in the grace period keeps it. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9, \"target_burst_capacity\": 0}",
         INPUT_CONCURRENCY, 1, 0,
         ROWS({60, 0, 1, 1, AUTOSCALE_GRACE, 1, 0}, {80, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},
              {82, 1, 1, 1, AUTOSCALE_LOAD, 0, 0}, {140, 0, 1, 1, AUTOSCALE_LOAD, 0, 0},
              {142, 0, 1, 1, AUTOSCALE_GRACE, 1, 0})}, /* active since 82 s: 60 s */
	/* And back: it sleeps until the request of 200.5 s, which it acts upon at once. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9}", INPUT_CONCURRENCY, 1, 0,
         ROWS({62, 0, 1, 0, AUTOSCALE_ZERO, 1, 0}, {200.5, 0, 0, 1, AUTOSCALE_LOAD, 1, 0},
              {202, 1, 0, 1, AUTOSCALE_LOAD, 1, 0},
              {206, 36, 0, 3, AUTOSCALE_PANIC, 1, 0}, /* (1.5 + 4 x 36) / 6: 24.25; stable 2.4 */
              {230, 0, 3, 3, AUTOSCALE_PANIC, 1, 0})},
	/* Activation: three at least once there is anything to do. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9, \"activation\": 3}", INPUT_CONCURRENCY, 1, 0,
         ROWS({62, 0, 1, 0, AUTOSCALE_ZERO, 1, 0}, {200.5, 0, 0, 3, AUTOSCALE_ACTIVATION, 1, 0},
              {230, 1, 3, 3, AUTOSCALE_ACTIVATION, -1, 0},
              {288, 0, 3, 3, AUTOSCALE_ACTIVATION, -1, 0}, /* still 2 s of load in the window */
              {290, 0, 3, 1, AUTOSCALE_RATE, -1, 0})},
	/* Active only since 272 s: one stays until it was active for 60 s, though nobody comes. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9}", INPUT_CONCURRENCY, 1, 0,
         ROWS({62, 0, 1, 0, AUTOSCALE_ZERO, 1, 0}, {200.5, 0, 0, 1, AUTOSCALE_LOAD, 1, 0},
              {210, 1, 0, 1, AUTOSCALE_LOAD, 1, 0}, {270, 0, 0, 1, AUTOSCALE_STARTING, 1, 0},
              {272, 0, 1, 1, AUTOSCALE_STARTING, 1, 0}, {274, 0, 1, 1, AUTOSCALE_IDLE, 1, 0},
              {330, 0, 1, 1, AUTOSCALE_IDLE, 1, 0}, {332, 0, 1, 1, AUTOSCALE_GRACE, 1, 0},
              {334, 0, 1, 0, AUTOSCALE_ZERO, 1, 0})},
	/* Never ready: given up 600 s and 10 s after it began to be activated. */
	{"kpa", "{" TEN ", \"min\": 0, \"max\": 9}", INPUT_CONCURRENCY, 1, 0,
         ROWS({62, 0, 1, 0, AUTOSCALE_ZERO, 1, 0}, {200.5, 0, 0, 1, AUTOSCALE_LOAD, 1, 0},
              {210, 1, 0, 1, AUTOSCALE_LOAD, 1, 0}, {810, 0, 0, 1, AUTOSCALE_STARTING, 1, 0},
              {812, 0, 0, 0, AUTOSCALE_TIMED_OUT, 1, 0})},
	/* Burst capacity: 3 x 100 - 211 = 89 requests are free for a burst, those of the last 6 s
         * not counted. */
	{"kpa", "{\"max\": 9, \"min\": 3}", INPUT_CONCURRENCY, 3, 0,
         ROWS({62, 89, 3, 3, AUTOSCALE_BOUNDS, 0, 0}, {64, 90, 3, 3, AUTOSCALE_BOUNDS, 1, 0},
              {70, 89, 3, 3, AUTOSCALE_BOUNDS, 0, 0})},
	{"kpa", "{\"max\": 9, \"min\": 3, \"target_burst_capacity\": -1}", INPUT_CONCURRENCY, 3, 0,
         ROWS({62, 0, 3, 3, AUTOSCALE_BOUNDS, 1, 0})},
	{"kpa", "{\"max\": 9, \"min\": 3, \"target_burst_capacity\": 0}", INPUT_CONCURRENCY, 3, 0,
         ROWS({62, 500, 3, 8, AUTOSCALE_LOAD, 0, 0})}, /* 500 / 70 */
	/* Requests per second: 70 / 10; without a target 200 x 0.7. */
	{"kpa", "{" TEN ", \"metric\": \"throughput\", \"max\": 9}", INPUT_RATE, 4, 0,
         ROWS({62, 70, 4, 7, AUTOSCALE_LOAD, -1, 0})},
	{"kpa", "{\"metric\": \"throughput\", \"max\": 9}", INPUT_RATE, 4, 0,
         ROWS({62, 701, 4, 6, AUTOSCALE_LOAD, -1, 0})},
	/* A hard limit below the target is the target; without one it is. */
	{"kpa", "{" TEN ", \"concurrency_hard_limit\": 8, \"max\": 9}", INPUT_CONCURRENCY, 2, 0,
         ROWS({62, 16, 2, 2, AUTOSCALE_LOAD, -1, 0}, {122, 17, 2, 3, AUTOSCALE_LOAD, -1, 0})},
	{"kpa", "{\"concurrency_hard_limit\": 20, \"max\": 9}", INPUT_CONCURRENCY, 2, 0,
         ROWS({62, 28, 2, 2, AUTOSCALE_LOAD, -1, 0}, {122, 29, 2, 3, AUTOSCALE_LOAD, -1, 0})},
};

START_TEST(knative_decides_as_by_hand)
{
	autoscale_check(&tables[_i]);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("KPA");
	TCase *const t = tcase_create("KPA");
	tcase_add_loop_test(t, knative_decides_as_by_hand, 0,
	                    (int)(sizeof(tables) / sizeof(*tables)));
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
