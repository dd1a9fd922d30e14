/* Ranks, the line between two of them, and the sort that makes them. */
#include "metric/quantile.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 8
#define DIGITS (64 / DIGIT_BITS)
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define SIGN_BIT (UINT64_C(1) << 63)

struct quantile_rank quantile_rank_of(int64_t n, double p)
{
	sim_assert(n >= 1 && p >= 0.0 && p <= 100.0);
	double k = (double)(n - 1) * p / 100.0;
	struct quantile_rank rank = {.lower = (int64_t)floor(k)};

	if (rank.lower >= n - 1) {
		rank.lower = n - 1;
	} else {
		rank.weight = k - (double)rank.lower;
	}
	return rank;
}

double quantile_between(double lower, double upper, double weight)
{
	return lower + (upper - lower) * weight;
}

double quantile_int(const int64_t *sorted, size_t n, double p)
{
	if (n == 0) {
		return (double)NAN;
	}
	struct quantile_rank rank = quantile_rank_of((int64_t)n, p);
	size_t i = (size_t)rank.lower;
	double lower = (double)sorted[i];

	/* the difference as integers: close values stay exact however large they are */
	return i + 1 < n ? lower + (double)(sorted[i + 1] - sorted[i]) * rank.weight : lower;
}

double quantile_real(const double *sorted, size_t n, double p)
{
	if (n == 0) {
		return (double)NAN;
	}
	struct quantile_rank rank = quantile_rank_of((int64_t)n, p);
	size_t i = (size_t)rank.lower;

	return quantile_between(sorted[i], i + 1 < n ? sorted[i + 1] : sorted[i], rank.weight);
}

/* Move the keys into order of one digit; `places` are the digit's counts. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift,
                          size_t places[DIGIT_VALUES])
{
	size_t next = 0;

	for (size_t d = 0; d < DIGIT_VALUES; d++) {
		size_t count = places[d];

		places[d] = next;
		next += count;
	}
	for (size_t i = 0; i < n; i++) {
		to[places[(from[i] >> shift) & (DIGIT_VALUES - 1)]++] = from[i];
	}
}

/* Least significant digit first; digits that all keys share are passed over. */
static void sort_keys(uint64_t *keys, size_t n)
{
	size_t counts[DIGITS][DIGIT_VALUES] = {{0}};
	uint64_t *scratch = mem_new(n, sizeof(*scratch));
	uint64_t *from = keys, *to = scratch;

	for (size_t i = 0; i < n; i++) {
		for (unsigned d = 0; d < DIGITS; d++) {
			counts[d][(keys[i] >> (d * DIGIT_BITS)) & (DIGIT_VALUES - 1)]++;
		}
	}
	for (unsigned d = 0; d < DIGITS && n > 0; d++) {
		uint64_t *swap = from;

		if (counts[d][(keys[0] >> (d * DIGIT_BITS)) & (DIGIT_VALUES - 1)] == n) {
			continue;
		}
		sort_by_digit(from, to, n, d * DIGIT_BITS, counts[d]);
		from = to;
		to = swap;
	}
	if (from != keys) {
		memcpy(keys, from, n * sizeof(*keys));
	}
	free(scratch);
}

void quantile_sort_int(int64_t *v, size_t n)
{
	uint64_t *keys = (uint64_t *)v;

	for (size_t i = 0; i < n; i++) {
		keys[i] ^= SIGN_BIT;
	}
	sort_keys(keys, n);
	for (size_t i = 0; i < n; i++) {
		keys[i] ^= SIGN_BIT;
	}
}

void quantile_sort_real(double *v, size_t n)
{
	uint64_t *keys = mem_new(n, sizeof(*keys));

	/* the bits of doubles order like integers once negative ones are turned round */
	for (size_t i = 0; i < n; i++) {
		memcpy(&keys[i], &v[i], sizeof(keys[i]));
		keys[i] ^= (keys[i] & SIGN_BIT) != 0 ? UINT64_MAX : SIGN_BIT;
	}
	sort_keys(keys, n);
	for (size_t i = 0; i < n; i++) {
		keys[i] ^= (keys[i] & SIGN_BIT) != 0 ? SIGN_BIT : UINT64_MAX;
		memcpy(&v[i], &keys[i], sizeof(v[i]));
	}
	free(keys);
}
