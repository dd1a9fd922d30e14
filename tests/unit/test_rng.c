/* Draws: reproducible, apart by name, right moments; logarithm and exponential against libm. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

#define DRAWS 200000
#define TAIL_DRAWS 1000000

START_TEST(streams_are_named)
{
	struct rng *const a = rng_new(1, "isl");
	struct rng *const b = rng_new(1, "isl");
	struct rng *const c = rng_new(1, "osl");
	struct rng *const d = rng_new(2, "isl");
	int same = 0;
	for (int i = 0; i < 100; i++) {
		const uint64_t x = rng_below(a, UINT64_C(1) << 40);
		ck_assert_uint_eq(x, rng_below(b, UINT64_C(1) << 40));
		same += x == rng_below(c, UINT64_C(1) << 40);
		same += x == rng_below(d, UINT64_C(1) << 40);
	}
	ck_assert_int_eq(same, 0);
	rng_free(a);
	rng_free(b);
	rng_free(c);
	rng_free(d);
}
END_TEST

static void moments(double (*draw)(struct rng *), double *mean, double *variance)
{
	struct rng *const r = rng_new(11, "moments");
	double sum = 0.0, squares = 0.0;
	for (int i = 0; i < DRAWS; i++) {
		const double x = draw(r);
		sum += x;
		squares += x * x;
	}
	*mean = sum / DRAWS;
	*variance = squares / DRAWS - *mean * *mean;
	rng_free(r);
}

static double gamma_half(struct rng *r)
{
	return rng_gamma(r, 0.5);
}

static double gamma_four(struct rng *r)
{
	return rng_gamma(r, 4.0);
}

START_TEST(moments_are_those_of_the_distribution)
{
	double m, v;
	moments(rng_uniform, &m, &v);
	ck_assert(fabs(m - 0.5) < 0.005 && fabs(v - 1.0 / 12.0) < 0.002);
	moments(rng_exponential, &m, &v);
	ck_assert(fabs(m - 1.0) < 0.01 && fabs(v - 1.0) < 0.03);
	moments(rng_normal, &m, &v);
	ck_assert(fabs(m) < 0.01 && fabs(v - 1.0) < 0.02);
	moments(gamma_half, &m, &v);
	ck_assert(fabs(m - 0.5) < 0.01 && fabs(v - 0.5) < 0.03);
	moments(gamma_four, &m, &v);
	ck_assert(fabs(m - 4.0) < 0.03 && fabs(v - 4.0) < 0.1);
}
END_TEST

START_TEST(log_and_exp_are_those_of_libm)
{
	for (double x = 1e-12; x < 1e12; x *= 1.37) {
		ck_assert(fabs(rng_log(x) - log(x)) <= 1e-14 * (1.0 + fabs(log(x))));
	}
	for (double x = -690.0; x < 690.0; x += 3.3) {
		ck_assert(fabs(rng_exp(x) / exp(x) - 1.0) < 1e-12);
	}
	ck_assert(rng_exp(-1000.0) < 1e-300);
}
END_TEST

START_TEST(below_is_in_range_and_even)
{
	struct rng *const r = rng_new(3, "below");
	int count[5] = {0};
	for (int i = 0; i < 50000; i++) {
		const uint64_t x = rng_below(r, 5);
		ck_assert_uint_lt(x, 5);
		count[x]++;
	}
	for (int i = 0; i < 5; i++) {
		ck_assert_int_gt(count[i], 9600);
		ck_assert_int_lt(count[i], 10400);
	}
	ck_assert_uint_eq(rng_below(r, 1), 0);
	rng_free(r);
}
END_TEST

START_TEST(exponential_has_the_right_tail_everywhere)
{
	struct rng *const r = rng_new(4, "tail");
	const double at[] = {0.001, 0.1, 1.0, 3.0, 7.0, 8.5, 10.0};
	int above[7] = {0};
	for (int i = 0; i < TAIL_DRAWS; i++) {
		const double x = rng_exponential(r);
		for (int k = 0; k < 7; k++) {
			above[k] += x > at[k];
		}
	}
	for (int k = 0; k < 7; k++) { /* within five standard errors */
		const double p = exp(-at[k]);
		const double error = sqrt(p * (1.0 - p) / TAIL_DRAWS);
		ck_assert_msg(fabs((double)above[k] / TAIL_DRAWS - p) < 5.0 * error,
		              "P(X > %g) = %g, not %g", at[k], (double)above[k] / TAIL_DRAWS, p);
	}
	rng_free(r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("rng");
	TCase *const t = tcase_create("rng");
	tcase_add_test(t, streams_are_named);
	tcase_add_test(t, moments_are_those_of_the_distribution);
	tcase_add_test(t, log_and_exp_are_those_of_libm);
	tcase_add_test(t, below_is_in_range_and_even);
	tcase_add_test(t, exponential_has_the_right_tail_everywhere);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
