/* Time series: areas and peaks survive every halving. */
#include "metric/series.h"

#include <check.h>

START_TEST(nothing_yet)
{
	struct series *s = series_new();
	static struct series_point p[SERIES_POINTS];

	ck_assert_uint_eq(series_read(s, p), 0);
	series_add(s, 0, 5);
	ck_assert_uint_eq(series_read(s, p), 0);
	series_free(s);
}
END_TEST

START_TEST(weighs_by_time)
{
	struct series *s = series_new();
	static struct series_point p[SERIES_POINTS];

	series_add(s, 0, 4);
	series_add(s, 1 << 18, 8); /* a quarter of the first interval at 4 */
	series_add(s, 1 << 20, 100);
	series_add(s, 1 << 20, 2); /* the value of a nanosecond that did not last */
	series_add(s, (1 << 20) + 512, 0);
	ck_assert_uint_eq(series_read(s, p), 2);
	ck_assert_double_eq(p[0].mean, 7.0);
	ck_assert_int_eq(p[0].max, 8);
	ck_assert_double_eq(p[1].mean, 2.0);
	ck_assert_int_eq(p[1].max, 2);
	ck_assert_int_eq(p[1].from, 1 << 20);
	ck_assert_int_eq(p[1].until, (1 << 20) + 512);
	series_free(s);
}
END_TEST

START_TEST(halves_without_loss)
{
	struct series *s = series_new();
	static struct series_point p[SERIES_POINTS];
	double area = 0.0, read = 0.0;
	ns_t t = 0;
	int64_t value = 0, peak = 0;

	for (int64_t i = 0; i < 5000; i++) {
		int64_t next = i * 7919 % 1009 - 4;
		ns_t later = t + (i * 104729 % 50021) * 1000 + i * i;

		series_add(s, t, next);
		value = next;
		area += (double)value * (double)(later - t);
		peak = later > t && value > peak ? value : peak;
		t = later;
	}
	series_add(s, t, 0);
	size_t n = series_read(s, p);
	int64_t read_peak = 0;

	ck_assert_uint_gt(n, SERIES_POINTS / 2);
	ck_assert_int_eq(p[0].from, 0);
	ck_assert_int_eq(p[n - 1].until, t);
	for (size_t i = 0; i < n; i++) {
		read += p[i].mean * (double)(p[i].until - p[i].from);
		read_peak = p[i].max > read_peak ? p[i].max : read_peak;
		ck_assert(i == 0 || p[i].from == p[i - 1].until);
	}
	ck_assert_double_eq_tol(read / area, 1.0, 1e-12);
	ck_assert_int_eq(read_peak, peak);
	series_free(s);
}
END_TEST

START_TEST(one_long_jump)
{
	struct series *s = series_new();
	static struct series_point p[SERIES_POINTS];

	series_add(s, 0, -3);
	series_add(s, NS_PER_S * 86400 * 30, 1);
	size_t n = series_read(s, p);

	ck_assert_uint_ge(n, SERIES_POINTS / 2);
	for (size_t i = 0; i < n; i++) {
		ck_assert_double_eq(p[i].mean, -3.0);
		ck_assert_int_eq(p[i].max, -3);
	}
	series_free(s);
}
END_TEST

START_TEST(backwards_is_our_mistake)
{
	struct series *s = series_new();

	series_add(s, 10, 1);
	series_add(s, 9, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("series");
	TCase *t = tcase_create("series");

	tcase_add_test(t, nothing_yet);
	tcase_add_test(t, weighs_by_time);
	tcase_add_test(t, halves_without_loss);
	tcase_add_test(t, one_long_jump);
	tcase_add_test_raise_signal(t, backwards_is_our_mistake, 6);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
