/* Cells of the histogram: exact where promised, close elsewhere, the same in any order and by
 * ranges. */
#include "metric/histogram.h"

#include "base/mem.h"
#include "base/rng.h"
#include "metric/dist.h"
#include "metric/quantile.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct histogram *a, const struct histogram *b)
{
	return a->n == b->n && a->min == b->min && a->max == b->max &&
	       memcmp(a->cells, b->cells, HISTOGRAM_CELLS * sizeof(*a->cells)) == 0;
}

START_TEST(cells_follow_each_other)
{
	size_t last = histogram_cell(0);

	ck_assert_uint_eq(last, 0);
	for (int64_t v = 1; v < 100000; v++) {
		size_t cell = histogram_cell(v);

		ck_assert(cell == last || cell == last + 1);
		ck_assert(v >= 1024 || cell == (size_t)v);
		last = cell;
	}
	for (unsigned bits = 17; bits < HISTOGRAM_BITS; bits++) {
		int64_t v = INT64_C(1) << bits;

		ck_assert_uint_eq(histogram_cell(v), histogram_cell(v - 1) + 1);
	}
	ck_assert_uint_eq(histogram_cell(HISTOGRAM_MAX), HISTOGRAM_CELLS - 1);
}
END_TEST

START_TEST(empty)
{
	struct histogram h;

	histogram_init(&h);
	ck_assert(isnan(histogram_quantile(&h, 50)));
	ck_assert(isnan(histogram_std(&h)));
	histogram_add_progression(&h, 5, 5, 0, 1);
	histogram_add_progression(&h, 5, 5, 1, 0);
	ck_assert_int_eq(h.n, 0);
	histogram_fini(&h);
}
END_TEST

START_TEST(one_value)
{
	struct histogram h;

	histogram_init(&h);
	histogram_add(&h, 123456789, 3);
	for (double p = 0; p <= 100; p += 12.5) {
		ck_assert_double_eq(histogram_quantile(&h, p), 123456789.0);
	}
	ck_assert_double_eq(histogram_std(&h), 0.0);
	histogram_fini(&h);
}
END_TEST

START_TEST(small_values_are_exact)
{
	struct histogram h;
	int64_t v[7] = {0, 1, 5, 5, 900, 1000, 1023};

	histogram_init(&h);
	for (size_t i = 0; i < 7; i++) {
		histogram_add(&h, v[i], 1);
	}
	for (double p = 0; p <= 100; p += 2.5) {
		ck_assert_double_eq_tol(histogram_quantile(&h, p), quantile_int(v, 7, p), 1e-9);
	}
	histogram_fini(&h);
}
END_TEST

/* The promise of the header: middle of the cell within 0.1 %, at any size. */
START_TEST(quantiles_are_close)
{
	struct rng *rng = rng_new(1, "histogram");
	enum { N = 5000 };
	int64_t *v = mem_new(N, sizeof(*v));
	struct histogram h;

	histogram_init(&h);
	for (size_t i = 0; i < N; i++) {
		v[i] = (int64_t)rng_below(rng, UINT64_C(1) << (1 + i % (HISTOGRAM_BITS - 1)));
		histogram_add(&h, v[i], 1);
	}
	quantile_sort_int(v, N);
	/* at ranks, where no line between two far values gets in the way */
	for (size_t i = 0; i < N; i += 7) {
		double p = 100.0 * (double)i / (N - 1);

		ck_assert_double_le(fabs(histogram_quantile(&h, p) - quantile_int(v, N, p)),
		                    1e-3 * quantile_int(v, N, p) +
		                            1e-6 * (double)v[i < N - 1 ? i + 1 : i]);
	}
	ck_assert_double_eq(histogram_quantile(&h, 0), (double)v[0]);
	ck_assert_double_eq(histogram_quantile(&h, 100), (double)v[N - 1]);
	histogram_fini(&h);
	free(v);
	rng_free(rng);
}
END_TEST

START_TEST(values_beyond_the_last_cell)
{
	struct histogram h;

	histogram_init(&h);
	histogram_add(&h, HISTOGRAM_MAX, 1);
	histogram_add(&h, HISTOGRAM_MAX + 1, 1);
	histogram_add(&h, INT64_MAX, 2);
	ck_assert_int_eq(h.n, 4);
	ck_assert_int_eq(h.cells[HISTOGRAM_CELLS - 1], 4);
	ck_assert_double_eq(histogram_quantile(&h, 100), (double)INT64_MAX);
	ck_assert_double_eq(histogram_quantile(&h, 0), (double)HISTOGRAM_MAX);
	histogram_fini(&h);
}
END_TEST

START_TEST(negative_value_is_our_mistake)
{
	struct histogram h;

	histogram_init(&h);
	histogram_add(&h, -1, 1);
}
END_TEST

START_TEST(negative_term_is_our_mistake)
{
	struct histogram h;

	histogram_init(&h);
	histogram_add_progression(&h, 10, -11, 2, 1);
}
END_TEST

START_TEST(merging_is_adding)
{
	struct rng *rng = rng_new(2, "histogram");
	struct histogram all, part[3];

	histogram_init(&all);
	for (size_t k = 0; k < 3; k++) {
		histogram_init(&part[k]);
	}
	for (size_t i = 0; i < 3000; i++) {
		int64_t v = (int64_t)rng_below(rng, UINT64_C(1) << (1 + i % 40));

		histogram_add(&all, v, 1 + (int64_t)(i % 3));
		histogram_add(&part[i % 2], v, 1 + (int64_t)(i % 3)); /* part 2 stays empty */
	}
	histogram_merge(&part[2], &part[1]);
	histogram_merge(&part[2], &part[0]);
	ck_assert(same(&all, &part[2]));
	for (size_t k = 0; k < 3; k++) {
		histogram_fini(&part[k]);
	}
	histogram_fini(&all);
	rng_free(rng);
}
END_TEST

static void add_one_by_one(struct histogram *h, tick_t first, tick_t step, int64_t n,
                           int64_t weight)
{
	for (int64_t i = 0; i < n; i++) {
		histogram_add(h, (first + i * step) >> TICK_SHIFT, weight);
	}
}

START_TEST(progressions_equal_their_terms)
{
	struct rng *rng = rng_new(3, "progression");
	struct histogram a, b;

	histogram_init(&a);
	histogram_init(&b);
	for (size_t round = 0; round < 3000; round++) {
		int64_t n = 1 + (int64_t)rng_below(rng, round % 10 == 0 ? 20000 : 40);
		tick_t first = (tick_t)rng_below(rng, UINT64_C(1) << rng_below(rng, 62));
		uint64_t most = (uint64_t)((INT64_MAX - first) / n);
		tick_t step = (tick_t)rng_below(rng, (most >> rng_below(rng, 62)) + 1);
		int64_t weight = 1 + (int64_t)rng_below(rng, 300);

		step = round % 7 == 0 ? 0 : step;
		if (round % 5 == 0) { /* downwards */
			first += (n - 1) * step;
			step = -step;
		}
		histogram_add_progression(&a, first, step, n, weight);
		add_one_by_one(&b, first, step, n, weight);
		ck_assert_msg(same(&a, &b), "first %lld step %lld n %lld", (long long)first,
		              (long long)step, (long long)n);
	}
	histogram_fini(&a);
	histogram_fini(&b);
	rng_free(rng);
}
END_TEST

/* Decode steps of some 20 ms that grow by some us: the case the ranges are for. */
START_TEST(long_decode_stretch)
{
	struct histogram a, b;
	tick_t first = INT64_C(20000000) << TICK_SHIFT, step = INT64_C(137) << (TICK_SHIFT - 1);

	histogram_init(&a);
	histogram_init(&b);
	histogram_add_progression(&a, first, step, 100000, 256);
	add_one_by_one(&b, first, step, 100000, 256);
	ck_assert(same(&a, &b));
	histogram_fini(&a);
	histogram_fini(&b);
}
END_TEST

START_TEST(deviation_of_cells)
{
	struct histogram h;
	struct moments m = {0};

	histogram_init(&h);
	for (int64_t v = 10000000; v < 30000000; v += 999) {
		histogram_add(&h, v, 1);
		moments_add(&m, v);
	}
	ck_assert_double_eq_tol(histogram_std(&h) / moments_std(&m, h.n), 1.0, 1e-4);
	histogram_fini(&h);
}
END_TEST

START_TEST(exact_deviation)
{
	struct moments m = {0};

	ck_assert(isnan(moments_std(&m, 0)));
	/* 10^13 and 10^13 + 2: the squares need 87 bits, doubles alone would give anything */
	moments_add(&m, INT64_C(10000000000000));
	ck_assert_double_eq(moments_std(&m, 1), 0.0);
	moments_add(&m, INT64_C(10000000000002));
	ck_assert_double_eq(moments_std(&m, 2), 1.0);
	moments_add(&m, INT64_C(10000000000001));
	ck_assert_double_eq_tol(moments_std(&m, 3), sqrt(2.0 / 3.0), 1e-15);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("histogram");
	TCase *t = tcase_create("histogram");

	tcase_add_test(t, cells_follow_each_other);
	tcase_add_test(t, empty);
	tcase_add_test(t, one_value);
	tcase_add_test(t, small_values_are_exact);
	tcase_add_test(t, quantiles_are_close);
	tcase_add_test(t, values_beyond_the_last_cell);
	tcase_add_test_raise_signal(t, negative_value_is_our_mistake, 6);
	tcase_add_test_raise_signal(t, negative_term_is_our_mistake, 6);
	tcase_add_test(t, merging_is_adding);
	tcase_add_test(t, progressions_equal_their_terms);
	tcase_add_test(t, long_decode_stretch);
	tcase_add_test(t, deviation_of_cells);
	tcase_add_test(t, exact_deviation);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
