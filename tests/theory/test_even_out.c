/*
 * How history evens out: queue a had a whole cluster for a time, then queue b wants all of it too.
 * Both have no quota and weight 1, k = 1, and the cluster can be divided at will. With u the share
 * of the cluster that a used, P = (max(0, 1/2 + (1/2 - u)), max(0, 1/2 + (1/2 - (1 - u)))) =
 * (1 - u, u): a gets 1 - u. How u falls from 1 depends on the window.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "sched/fair_share.h"
#include "sched/history.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

enum { ALL = 100000000 }; /* 100 GPUs in ppm */

/* The share of a now, by the fair share as it is, in the smallest units. */
static int64_t share_of_a(const struct history *h, ns_t now, int64_t k_milli)
{
	struct fair_claim c[2];
	for (uint32_t q = 0; q < 2; q++) {
		c[q] = (struct fair_claim){
			.limit = SCHED_UNLIMITED, .request = ALL, .weight = 1000};
		c[q].used_ppm = history_used_ppm(h, q, now).of[SCHED_GPU];
		c[q].order = q;
	}
	ck_assert_int_eq(fair_share_over_quota(c, 2, ALL, 1, k_milli), 0);
	ck_assert_int_eq(c[0].share + c[1].share, ALL);
	return c[0].share;
}

static void hold(struct history *h, uint32_t queue, int64_t gpu_ppm, ns_t at)
{
	const struct sched_amount amount = {{gpu_ppm, 0, 0}};
	history_hold(h, queue, &amount, at);
}

/* After n steps the share of a is as given, of 1, to 5 ppm. */
typedef double formula(int n);

static void even_out(const struct history_options *o, ns_t step, int steps, formula *share)
{
	const struct sched_amount cluster = {{ALL, 0, 0}};
	struct history *const h = history_new(o, 2);
	history_offer(h, &cluster, 0);
	hold(h, 0, ALL, 0);
	for (int n = 0; n <= steps; n++) {
		const ns_t now = WEEK + n * step;
		const int64_t a = share_of_a(h, now, 1000);
		ck_assert_msg(fabs((double)a / ALL - share(n)) <= 5e-6, "%d steps: %.6f, not %.6f",
		              n, (double)a / ALL, share(n));
		hold(h, 0, a, now);
		hold(h, 1, ALL - a, now);
	}
	history_free(h);
}

/*
 * A window of a week W forgets the time when a had all, 1 per time, and learns what a has now:
 * du/dt = ((1 - u) - 1) / W, so that a gets 1 - exp(-t / W); in steps of d: 1 - (1 - d/W)^n.
 */
static double of_a_week(int n)
{
	return 1.0 - pow(1.0 - 1.0 / 168.0, n);
}

START_TEST(a_sliding_week)
{
	const struct history_options o = {HISTORY_SLIDING, WEEK, 0, 0};
	ck_assert_double_eq_tol(of_a_week(168), 1.0 - exp(-1.0), 0.002);
	even_out(&o, HOUR, 168, of_a_week);
}
END_TEST

/*
 * With a half-life h, tau = h / ln 2: du/dt = ((1 - u) - u) / tau, so that a gets
 * (1 - exp(-2t / tau)) / 2 = (1 - 4^(-t/h)) / 2: the distance to one half falls to a quarter in a
 * half-life. In steps of d, with f = 2^(-d/h): (1 - (2f - 1)^n) / 2.
 */
static double of_four_hours(int n)
{
	return 0.5 - 0.5 * pow(2.0 * exp2(-1.0 / 24.0) - 1.0, n);
}

START_TEST(a_half_life)
{
	const struct history_options o = {HISTORY_EVER, 0, 0, 4 * HOUR};
	ck_assert_double_eq_tol(of_four_hours(24), 0.5 * (1.0 - 0.25), 0.003);
	even_out(&o, 10 * MINUTE, 24 * 8, of_four_hours);
	ck_assert_double_eq_tol(of_four_hours(24 * 8), 0.5, 1e-5);
}
END_TEST

/*
 * All since the beginning, T ago: d((T + t) u)/dt = 1 - u, so that a gets
 * (1 - (T / (T + t))^2) / 2. In steps of d, with T = m d: u_n = 1/2 + x_n where
 * (m + n + 1) x_(n+1) = (m + n - 1) x_n, so x_n = m (m - 1) / (2 (m + n) (m + n - 1)).
 */
static double of_all(int n)
{
	const double m = 168.0;
	return 0.5 - m * (m - 1.0) / (2.0 * (m + n) * (m + n - 1.0));
}

START_TEST(no_window)
{
	const struct history_options o = {HISTORY_EVER, 0, 0, 0};
	ck_assert_double_eq_tol(of_all(168), 0.5 * (1.0 - 0.25), 0.002);
	even_out(&o, HOUR, 3 * 168, of_all);
}
END_TEST

/* A tumbling window forgets all at once: then both get half, and use it, so that it stays so. */
START_TEST(a_tumbling_week)
{
	const struct history_options o = {HISTORY_TUMBLING, WEEK, HOUR, 0};
	const struct sched_amount cluster = {{ALL, 0, 0}};
	struct history *const h = history_new(&o, 2);
	history_offer(h, &cluster, 0);
	hold(h, 0, ALL, 0);
	ck_assert_int_eq(share_of_a(h, WEEK, 1000), 0);
	hold(h, 0, 0, WEEK);
	hold(h, 1, ALL, WEEK);
	ck_assert_int_eq(share_of_a(h, WEEK + HOUR, 1000), ALL / 2);
	hold(h, 0, ALL / 2, WEEK + HOUR);
	hold(h, 1, ALL / 2, WEEK + HOUR);
	ck_assert_int_eq(share_of_a(h, WEEK + 7 * HOUR, 1000), ALL / 2);
	history_free(h);
}
END_TEST

/* Half the weight of history: P = (1 - u / 2 - 1 / 4, ...), so a quarter is left after a week. */
START_TEST(less_weight_of_history_takes_less)
{
	const struct history_options o = {HISTORY_SLIDING, WEEK, 0, 0};
	const struct sched_amount cluster = {{ALL, 0, 0}};
	struct history *const h = history_new(&o, 2);
	history_offer(h, &cluster, 0);
	hold(h, 0, ALL, 0);
	ck_assert_int_eq(share_of_a(h, WEEK, 500), ALL / 4);
	ck_assert_int_eq(share_of_a(h, WEEK, 0), ALL / 2);
	history_free(h);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("even_out");
	TCase *const t = tcase_create("even_out");
	tcase_add_test(t, a_sliding_week);
	tcase_add_test(t, a_half_life);
	tcase_add_test(t, no_window);
	tcase_add_test(t, a_tumbling_week);
	tcase_add_test(t, less_weight_of_history_takes_less);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
