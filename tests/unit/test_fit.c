/*
 * The solver on problems whose answers are known: values, intervals and how often they hold what
 * they should, bounds, what data do not determine, several valleys, and problems without an answer.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "study/fit.h"

#define POINTS 40

/* The same in every run: uniform in (-1, 1), from a multiplicative generator. */
struct noise {
	unsigned state;
};

static double noise_next(struct noise *n)
{
	n->state = n->state * 1664525U + 1013904223U;
	return (double)(n->state >> 8) / (double)(1U << 23) - 1.0;
}

/* About normal with deviation 1: the sum of twelve. */
static double noise_normal(struct noise *n)
{
	double sum = 0.0;
	for (int i = 0; i < 12; i++) {
		sum += 0.5 * noise_next(n);
	}
	return sum;
}

struct decay { /* y = a exp(-b t) + c, t = 0, 0.1, ... */
	double y[POINTS];
	size_t calls;
};

static double decay_at(const double *v, size_t i)
{
	return v[0] * exp(-v[1] * 0.1 * (double)i) + v[2];
}

static void decay_make(struct decay *d, double deviation, unsigned seed)
{
	static const double truth[] = {3.0, 1.5, 0.5};
	struct noise noise = {seed};
	for (size_t i = 0; i < POINTS; i++) {
		d->y[i] = decay_at(truth, i) + deviation * noise_normal(&noise);
	}
	d->calls = 0;
}

static void decay_residuals(void *arg, const double *values, double *out)
{
	struct decay *const d = arg;
	d->calls++;
	for (size_t i = 0; i < POINTS; i++) {
		out[i] = decay_at(values, i) - d->y[i];
	}
}

static const struct fit_parameter decay_parameters[] = {
	{1.0, 0.1, 100.0}, {0.5, 0.01, 50.0}, {0.1, 0.001, 10.0}};

static struct fit_problem decay_problem(struct decay *d)
{
	return (struct fit_problem){decay_parameters, 3, POINTS, decay_residuals, d, 2};
}

START_TEST(finds_a_decay)
{
	static const double truth[] = {3.0, 1.5, 0.5};
	struct decay d;
	struct fit_result r;
	decay_make(&d, 0.01, 7);
	const struct fit_problem p = decay_problem(&d);
	ck_assert(fit_solve(&p, &r));
	for (size_t i = 0; i < 3; i++) {
		ck_assert_double_lt(r.low[i], truth[i]);
		ck_assert_double_gt(r.high[i], truth[i]);
		ck_assert_double_lt(r.high[i] - r.low[i], 0.1 * truth[i]);
		ck_assert_double_le(r.low[i], r.value[i]);
		ck_assert_double_ge(r.high[i], r.value[i]);
		ck_assert(r.determined[i]);
	}
	ck_assert_double_gt(r.deviation, 0.007);
	ck_assert_double_lt(r.deviation, 0.013);
	ck_assert_double_eq_tol(r.cost, r.deviation * r.deviation * (POINTS - 3), 1e-12);
	ck_assert_uint_eq(r.evaluations, d.calls);
}
END_TEST

START_TEST(exact_data_give_exact_values)
{
	static const double truth[] = {3.0, 1.5, 0.5};
	struct decay d;
	struct fit_result r;
	decay_make(&d, 0.0, 1);
	const struct fit_problem p = decay_problem(&d);
	ck_assert(fit_solve(&p, &r));
	for (size_t i = 0; i < 3; i++) {
		ck_assert_double_eq_tol(r.value[i], truth[i], 1e-6 * truth[i]);
	}
	ck_assert_double_lt(r.cost, 1e-12);
}
END_TEST

START_TEST(intervals_hold_what_they_promise)
{
	static const double truth[] = {3.0, 1.5, 0.5};
	const unsigned n = 400;
	unsigned held[3] = {0, 0, 0};
	for (unsigned k = 0; k < n; k++) {
		struct decay d;
		struct fit_result r;
		decay_make(&d, 0.05, 1000 + k);
		struct fit_problem p = decay_problem(&d);
		p.starts = 1;
		ck_assert(fit_solve(&p, &r));
		for (size_t i = 0; i < 3; i++) {
			held[i] += r.low[i] <= truth[i] && truth[i] <= r.high[i];
		}
	}
	for (size_t i = 0; i < 3; i++) { /* 95 %, give or take three deviations of 1.1 % */
		ck_assert_uint_ge(held[i], n * 917 / 1000);
		ck_assert_uint_le(held[i], n * 983 / 1000);
	}
}
END_TEST

START_TEST(the_same_answer_twice)
{
	struct decay d;
	struct fit_result a, b;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	decay_make(&d, 0.2, 3);
	const struct fit_problem p = decay_problem(&d);
	ck_assert(fit_solve(&p, &a));
	ck_assert(fit_solve(&p, &b));
	ck_assert_int_eq(memcmp(&a, &b, sizeof(a)), 0);
}
END_TEST

/* --- bounds ------------------------------------------------------------------------------------
 */

struct bounded {
	double low, high; /* every value asked for must lie in them */
	double wanted;
};

static void bounded_residuals(void *arg, const double *values, double *out)
{
	const struct bounded *const b = arg;
	for (size_t i = 0; i < 5; i++) {
		out[i] = log(values[0] / b->wanted) + 0.01 * (double)i;
	}
	if (values[0] < b->low || values[0] > b->high) {
		ck_abort_msg("%.17g is not in %g .. %g", values[0], b->low, b->high);
	}
}

static void check_bounds(double wanted, double bound)
{
	struct bounded b = {0.1, 0.9, wanted};
	const struct fit_parameter parameter = {0.5, 0.1, 0.9};
	const struct fit_problem p = {&parameter, 1, 5, bounded_residuals, &b, 3};
	struct fit_result r;
	ck_assert(fit_solve(&p, &r));
	ck_assert_double_eq_tol(r.value[0], bound, 0.02 * bound);
	ck_assert_double_ge(r.low[0], 0.1);
	ck_assert_double_le(r.high[0], 0.9);
	ck_assert_double_le(r.low[0], r.value[0]);
	ck_assert_double_ge(r.high[0], r.value[0]);
	ck_assert(!r.determined[0]);
}

START_TEST(stays_within_bounds)
{
	check_bounds(5.0, 0.9);
	check_bounds(0.01, 0.1);
}
END_TEST

struct line {
	double y[POINTS];
};

static void line_residuals(void *arg, const double *values, double *out)
{
	const struct line *const l = arg;
	for (size_t i = 0; i < POINTS; i++) {
		out[i] = values[0] + values[1] * (double)i - l->y[i];
	}
}

/* Against the textbook's straight line: value, and t(0.975, 38) = 2.0244 standard errors. */
static void check_line(const struct line *l, const struct fit_result *r)
{
	double sum = 0.0, product = 0.0, squares = 0.0, rest = 0.0;
	const double n = POINTS, middle = (n - 1.0) / 2.0;
	for (size_t i = 0; i < POINTS; i++) {
		sum += l->y[i];
		product += ((double)i - middle) * l->y[i];
		squares += ((double)i - middle) * ((double)i - middle);
	}
	const double slope = product / squares, begin = sum / n - slope * middle;
	for (size_t i = 0; i < POINTS; i++) {
		rest += pow(begin + slope * (double)i - l->y[i], 2.0);
	}
	const double s = sqrt(rest / (n - 2.0));
	const double error[] = {s * sqrt(1.0 / n + middle * middle / squares), s / sqrt(squares)};
	const double value[] = {begin, slope};
	ck_assert_double_eq_tol(r->cost, rest, 1e-9);
	ck_assert_double_eq_tol(r->deviation, s, 1e-9);
	for (size_t i = 0; i < 2; i++) {
		const double half = 2.0244 * error[i];
		ck_assert_double_eq_tol(r->value[i], value[i], 1e-5);
		ck_assert_double_eq_tol(r->low[i], value[i] - half, 0.01 * half);
		ck_assert_double_eq_tol(r->high[i], value[i] + half, 0.01 * half);
		ck_assert(r->determined[i]);
	}
}

START_TEST(a_line_with_bounds_around_zero)
{
	/* the start is zero, where a step relative to the value would be none */
	static const struct fit_parameter parameters[] = {{0.0, -10.0, 10.0}, {0.0, -2.0, 2.0}};
	struct line l;
	struct noise noise = {5};
	struct fit_result r;
	for (size_t i = 0; i < POINTS; i++) {
		l.y[i] = -3.0 + 0.25 * (double)i + 0.1 * noise_normal(&noise);
	}
	const struct fit_problem p = {parameters, 2, POINTS, line_residuals, &l, 1};
	ck_assert(fit_solve(&p, &r));
	check_line(&l, &r);
}
END_TEST

/* --- what data do not say ----------------------------------------------------------------------
 */

static void ignoring_residuals(void *arg, const double *values, double *out)
{
	decay_residuals(arg, values, out); /* values[3] matters to nothing */
}

START_TEST(what_data_do_not_show)
{
	struct fit_parameter parameters[4];
	struct decay d;
	struct fit_result r;
	memcpy(parameters, decay_parameters, sizeof(decay_parameters));
	parameters[3] = (struct fit_parameter){1e-3, 1e-6, 1.0};
	decay_make(&d, 0.01, 7);
	const struct fit_problem p = {parameters, 4, POINTS, ignoring_residuals, &d, 2};
	ck_assert(fit_solve(&p, &r));
	ck_assert(r.determined[0] && r.determined[1] && r.determined[2]);
	ck_assert(!r.determined[3]);
	ck_assert_double_lt(r.low[3], 2e-6);
	ck_assert_double_gt(r.high[3], 0.5);
}
END_TEST

static void product_residuals(void *arg, const double *values, double *out)
{
	struct noise noise = {*(const unsigned *)arg};
	for (size_t i = 0; i < POINTS; i++) {
		out[i] = log(values[0] * values[1] / 6.0) + 0.01 * noise_normal(&noise);
	}
}

START_TEST(only_the_product_shows)
{
	static const struct fit_parameter parameters[] = {{1.0, 0.1, 100.0}, {1.0, 0.1, 100.0}};
	unsigned seed = 11;
	struct fit_result r;
	const struct fit_problem p = {parameters, 2, POINTS, product_residuals, &seed, 2};
	ck_assert(fit_solve(&p, &r));
	ck_assert_double_eq_tol(r.value[0] * r.value[1], 6.0, 0.1);
	ck_assert(!r.determined[0]);
	ck_assert(!r.determined[1]);
}
END_TEST

static void single_residual(void *arg, const double *values, double *out)
{
	(void)arg;
	out[0] = log(values[0] / 3.0);
}

/* It meets the value, and nothing says how wrong that is. */
START_TEST(one_value_for_one_parameter)
{
	static const struct fit_parameter parameter = {1.0, 0.1, 100.0};
	const struct fit_problem p = {&parameter, 1, 1, single_residual, NULL, 1};
	struct fit_result r;
	ck_assert(fit_solve(&p, &r));
	ck_assert_double_eq_tol(r.value[0], 3.0, 1e-3);
	ck_assert(!r.determined[0]);
	ck_assert_double_lt(r.low[0], 0.11);
	ck_assert_double_gt(r.high[0], 99.0);
}
END_TEST

/* --- valleys -----------------------------------------------------------------------------------
 */

static void wave_residuals(void *arg, const double *values, double *out)
{
	(void)arg;
	for (size_t i = 0; i < POINTS; i++) {
		const double t = 0.1 * (double)i;
		out[i] = sin(values[0] * t) - sin(5.0 * t);
	}
}

START_TEST(the_deepest_valley)
{
	static const struct fit_parameter parameter = {1.0, 0.5, 20.0};
	struct fit_problem p = {&parameter, 1, POINTS, wave_residuals, NULL, 1};
	struct fit_result one, several;
	ck_assert(fit_solve(&p, &one));
	ck_assert_double_gt(one.cost, 1.0);
	p.starts = 12;
	ck_assert(fit_solve(&p, &several));
	ck_assert_double_eq_tol(several.value[0], 5.0, 1e-4);
	ck_assert_double_lt(several.cost, 1e-6);
	ck_assert_uint_gt(several.evaluations, one.evaluations);
}
END_TEST

/* --- no answer ---------------------------------------------------------------------------------
 */

static void never(void *arg, const double *values, double *out)
{
	(void)arg;
	(void)values;
	for (size_t i = 0; i < 5; i++) {
		out[i] = i == 3 ? (double)NAN : 1.0;
	}
}

START_TEST(no_answer)
{
	static const struct fit_parameter parameter = {0.5, 0.1, 0.9};
	const struct fit_problem p = {&parameter, 1, 5, never, NULL, 4};
	struct fit_result r;
	ck_assert(!fit_solve(&p, &r));
	ck_assert_uint_eq(r.evaluations, 4);
}
END_TEST

static void half_way(void *arg, const double *values, double *out)
{
	(void)arg;
	for (size_t i = 0; i < 5; i++) { /* nothing is known below 2 */
		out[i] = values[0] < 2.0 ? (double)NAN : log(values[0] / 4.0) + 0.01 * (double)i;
	}
}

START_TEST(a_start_that_fails_is_not_the_end)
{
	static const struct fit_parameter parameter = {1.0, 0.5, 10.0};
	struct fit_problem p = {&parameter, 1, 5, half_way, NULL, 1};
	struct fit_result r;
	ck_assert(!fit_solve(&p, &r));
	p.starts = 8;
	ck_assert(fit_solve(&p, &r));
	ck_assert_double_eq_tol(r.value[0], 4.0 * exp(-0.02), 1e-3);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("fit");
	TCase *const t = tcase_create("fit");
	tcase_add_test(t, finds_a_decay);
	tcase_add_test(t, exact_data_give_exact_values);
	tcase_add_test(t, intervals_hold_what_they_promise);
	tcase_add_test(t, the_same_answer_twice);
	tcase_add_test(t, stays_within_bounds);
	tcase_add_test(t, a_line_with_bounds_around_zero);
	tcase_add_test(t, what_data_do_not_show);
	tcase_add_test(t, only_the_product_shows);
	tcase_add_test(t, one_value_for_one_parameter);
	tcase_add_test(t, the_deepest_valley);
	tcase_add_test(t, no_answer);
	tcase_add_test(t, a_start_that_fails_is_not_the_end);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
