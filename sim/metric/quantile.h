/*
 * The one definition of a percentile (formats.md 3.3, as NVIDIA's tools and numpy have it): of
 * sorted v[0..n-1], k = (n - 1) p / 100, linear between the values at the floor and the ceiling.
 */
#ifndef ALIQUOT_METRIC_QUANTILE_H
#define ALIQUOT_METRIC_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

struct quantile_rank {
	int64_t lower; /* floor of k; in [0, n) */
	double weight; /* of the value at lower + 1; 0 at the last rank */
};

/* Where percentile p in [0, 100] of n >= 1 values lies. */
struct quantile_rank quantile_rank_of(int64_t n, double p);

/* The value `weight` of the way from lower to upper; exact at both ends and between equals. */
double quantile_between(double lower, double upper, double weight);

/* Percentile p of n sorted values; NaN when n is 0. */
double quantile_int(const int64_t *sorted, size_t n, double p);
double quantile_real(const double *sorted, size_t n, double p);

/* Sort ascending (radix); no NaN among the reals. Linear in n, takes n words of scratch. */
void quantile_sort_int(int64_t *v, size_t n);
void quantile_sort_real(double *v, size_t n);

#endif
