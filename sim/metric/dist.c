/* Averages, deviations and percentiles of samples that are counted, sorted or both. */
#include "metric/dist.h"

#include "metric/quantile.h"

#include <math.h>

const double dist_percentiles[DIST_PERCENTILES] = {1, 5, 10, 25, 50, 75, 90, 95, 99};

double moments_std(const struct moments *m, int64_t n)
{
	if (n <= 0) {
		return (double)NAN;
	}
	/*
	 * Around the whole number c nearest below the mean: sum of (v - c)^2 is an integer, so
	 * nothing is lost to cancellation. Products may wrap; the result does not.
	 */
	i128_t c = m->sum / n;
	i128_t rest = m->sum - c * n;
	u128_t around =
		m->squares - 2 * (u128_t)c * (u128_t)m->sum + (u128_t)n * (u128_t)c * (u128_t)c;
	double off = (double)rest / (double)n;
	double variance = (double)around / (double)n - off * off;

	return variance > 0.0 ? sqrt(variance) : 0.0;
}

void dist_of_nothing(struct dist *out)
{
	const double none = (double)NAN;

	*out = (struct dist){.avg = none, .sum = none, .min = none, .max = none, .std = none};
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		out->p[i] = none;
	}
}

static void set_moments(struct dist *out, const struct moments *m, int64_t n, double unit)
{
	out->count = n;
	out->sum = (double)m->sum / unit;
	out->avg = (double)m->sum / (double)n / unit;
	out->std = moments_std(m, n) / unit;
}

void dist_of_histogram(const struct histogram *h, const struct moments *m, double unit,
                       struct dist *out)
{
	dist_of_nothing(out);
	if (h->n == 0) {
		return;
	}
	set_moments(out, m, h->n, unit);
	out->min = (double)h->min / unit;
	out->max = (double)h->max / unit;
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		out->p[i] = histogram_quantile(h, dist_percentiles[i]) / unit;
	}
}

void dist_of_ints(const int64_t *sorted, size_t n, double unit, struct dist *out)
{
	struct moments m = {0};

	dist_of_nothing(out);
	if (n == 0) {
		return;
	}
	for (size_t i = 0; i < n; i++) {
		moments_add(&m, sorted[i]);
	}
	set_moments(out, &m, (int64_t)n, unit);
	out->min = (double)sorted[0] / unit;
	out->max = (double)sorted[n - 1] / unit;
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		out->p[i] = quantile_int(sorted, n, dist_percentiles[i]) / unit;
	}
}

/* Sum with the rounding error carried along (Neumaier 1974). */
static double sum_reals(const double *v, size_t n)
{
	double sum = 0.0, lost = 0.0;

	for (size_t i = 0; i < n; i++) {
		double next = sum + v[i];

		lost += fabs(sum) >= fabs(v[i]) ? (sum - next) + v[i] : (v[i] - next) + sum;
		sum = next;
	}
	return sum + lost;
}

void dist_of_reals(const double *sorted, size_t n, struct dist *out)
{
	double squares = 0.0;

	dist_of_nothing(out);
	if (n == 0) {
		return;
	}
	out->count = (int64_t)n;
	out->sum = sum_reals(sorted, n);
	out->avg = out->sum / (double)n;
	out->min = sorted[0];
	out->max = sorted[n - 1];
	for (size_t i = 0; i < n; i++) {
		squares += (sorted[i] - out->avg) * (sorted[i] - out->avg);
	}
	out->std = sorted[0] < sorted[n - 1] ? sqrt(squares / (double)n) : 0.0;
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		out->p[i] = quantile_real(sorted, n, dist_percentiles[i]);
	}
}
