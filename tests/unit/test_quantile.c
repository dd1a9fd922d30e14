/* The one percentile rule, and the sort under it. */
#include "metric/quantile.h"

#include "base/mem.h"
#include "base/rng.h"
#include "metric/dist.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(between_ranks)
{
	/* numpy.percentile([7, 8, 9], [1, 10, 99]) = 7.02, 7.2, 8.98: the table of GenAI-Perf's
	 * test */
	static const int64_t v[3] = {7, 8, 9};
	static const double w[3] = {7, 8, 9};

	ck_assert_double_eq_tol(quantile_int(v, 3, 1), 7.02, 1e-12);
	ck_assert_double_eq_tol(quantile_int(v, 3, 10), 7.2, 1e-12);
	ck_assert_double_eq_tol(quantile_real(w, 3, 99), 8.98, 1e-12);
	ck_assert_double_eq(quantile_int(v, 3, 0), 7.0);
	ck_assert_double_eq(quantile_int(v, 3, 50), 8.0);
	ck_assert_double_eq(quantile_int(v, 3, 100), 9.0);
	ck_assert_double_eq(quantile_real(w, 3, 100), 9.0);
}
END_TEST

START_TEST(none_and_one)
{
	static const int64_t v[1] = {INT64_C(9000000000000001)};
	static const double w[1] = {-2.5};

	ck_assert(isnan(quantile_int(v, 0, 50)));
	ck_assert(isnan(quantile_real(w, 0, 50)));
	ck_assert_double_eq(quantile_int(v, 1, 0), (double)v[0]);
	ck_assert_double_eq(quantile_int(v, 1, 99), (double)v[0]);
	ck_assert_double_eq(quantile_real(w, 1, 100), -2.5);
}
END_TEST

START_TEST(percentile_out_of_range_is_our_mistake)
{
	(void)quantile_rank_of(10, 100.1);
}
END_TEST

static int by_int(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static int by_real(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

START_TEST(sorts_like_qsort)
{
	struct rng *rng = rng_new(4, "quantile");

	for (size_t n = 0; n < 400; n = n * 2 + 1) {
		int64_t *v = mem_new(n, sizeof(*v)), *v2 = mem_new(n, sizeof(*v2));
		double *w = mem_new(n, sizeof(*w)), *w2 = mem_new(n, sizeof(*w2));

		for (size_t i = 0; i < n; i++) {
			v[i] = (int64_t)(rng_below(rng, UINT64_MAX) >> rng_below(rng, 64));
			v[i] = i % 3 == 0 ? -v[i] : v[i];
			w[i] = rng_normal(rng) * pow(10.0, (double)rng_below(rng, 600) - 300.0);
			v2[i] = v[i];
			w2[i] = w[i];
		}
		quantile_sort_int(v, n);
		quantile_sort_real(w, n);
		qsort(v2, n, sizeof(*v2), by_int);
		qsort(w2, n, sizeof(*w2), by_real);
		ck_assert(memcmp(v, v2, n * sizeof(*v)) == 0);
		ck_assert(memcmp(w, w2, n * sizeof(*w)) == 0);
		free(v);
		free(v2);
		free(w);
		free(w2);
	}
	rng_free(rng);
}
END_TEST

START_TEST(sorts_extremes)
{
	int64_t v[5] = {INT64_MAX, 0, INT64_MIN, -1, 1};
	double w[5] = {1e308, -1e308, 5e-324, -5e-324, 0.0};

	quantile_sort_int(v, 5);
	quantile_sort_real(w, 5);
	ck_assert_int_eq(v[0], INT64_MIN);
	ck_assert_int_eq(v[1], -1);
	ck_assert_int_eq(v[4], INT64_MAX);
	ck_assert_double_eq(w[0], -1e308);
	ck_assert_double_eq(w[2], 0.0);
	ck_assert_double_eq(w[4], 1e308);
}
END_TEST

START_TEST(distributions_agree)
{
	int64_t v[4] = {1000000, 2000000, 2000000, 7000000};
	double w[4] = {1, 2, 2, 7};
	struct dist a, b;

	dist_of_ints(v, 4, 1e6, &a);
	dist_of_reals(w, 4, &b);
	ck_assert_int_eq(a.count, 4);
	ck_assert_double_eq(a.sum, 12.0);
	ck_assert_double_eq(a.avg, 3.0);
	ck_assert_double_eq_tol(a.std, sqrt(5.5), 1e-12); /* (4 + 1 + 1 + 16) / 4 */
	ck_assert_double_eq(a.avg, b.avg);
	ck_assert_double_eq_tol(a.std, b.std, 1e-12);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		ck_assert_double_eq_tol(a.p[i], b.p[i], 1e-12);
	}
	dist_of_ints(v, 0, 1e6, &a);
	ck_assert_int_eq(a.count, 0);
	ck_assert(isnan(a.avg) && isnan(a.std) && isnan(a.min) && isnan(a.p[0]));
	dist_of_reals(w, 0, &b);
	ck_assert(isnan(b.avg) && isnan(b.sum) && isnan(b.max) && isnan(b.p[8]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("quantile");
	TCase *t = tcase_create("quantile");

	tcase_add_test(t, between_ranks);
	tcase_add_test(t, none_and_one);
	tcase_add_test_raise_signal(t, percentile_out_of_range_is_our_mistake, 6);
	tcase_add_test(t, sorts_like_qsort);
	tcase_add_test(t, sorts_extremes);
	tcase_add_test(t, distributions_agree);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
