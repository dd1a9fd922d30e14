/*
 * One distribution as every report prints it, and the exact sums behind average and deviation. The
 * standard deviation divides by n, as NVIDIA's tools do (formats.md 3.3).
 */
#ifndef ALIQUOT_METRIC_DIST_H
#define ALIQUOT_METRIC_DIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "metric/histogram.h"

/* Percentiles p1 p5 p10 p25 p50 p75 p90 p95 p99. */
#define DIST_PERCENTILES 9
extern const double dist_percentiles[DIST_PERCENTILES];

/* NaN when undefined (no sample). */
struct dist {
	int64_t count;
	double avg, sum, min, max, std;
	double p[DIST_PERCENTILES];
};

/* Sums of integers without rounding. */
struct moments {
	i128_t sum;
	u128_t squares;
};

static inline void moments_add(struct moments *m, int64_t v)
{
	m->sum += v;
	m->squares += (u128_t)((i128_t)v * v);
}

/* Standard deviation of n values; NaN when n is 0. */
double moments_std(const struct moments *m, int64_t n);

/* No sample: count 0, the rest NaN. */
void dist_of_nothing(struct dist *out);

/* From a histogram and the sums of the same values, all divided by `unit` (1e6: ns to ms). */
void dist_of_histogram(const struct histogram *h, const struct moments *m, double unit,
                       struct dist *out);

/* Of n sorted integers, all divided by `unit`. */
void dist_of_ints(const int64_t *sorted, size_t n, double unit, struct dist *out);

/* Of n sorted reals. */
void dist_of_reals(const double *sorted, size_t n, struct dist *out);

#endif
