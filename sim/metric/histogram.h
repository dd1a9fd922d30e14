/*
 * Log-linear histogram of non-negative integers: 512 cells per octave, so that a cell's middle is
 * within 0.1 % of every value in it; exact below 1024. Integer counts: adding and merging give the
 * same result in any order. Holds no sums: moments are dist.h.
 */
#ifndef ALIQUOT_METRIC_HISTOGRAM_H
#define ALIQUOT_METRIC_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

#define HISTOGRAM_CELL_BITS 9 /* 2^9 cells per octave */
#define HISTOGRAM_BITS 62     /* beyond the horizon of a run in ns */
#define HISTOGRAM_MAX ((INT64_C(1) << HISTOGRAM_BITS) - 1)
#define HISTOGRAM_CELLS ((size_t)(HISTOGRAM_BITS - HISTOGRAM_CELL_BITS + 1) << HISTOGRAM_CELL_BITS)

struct histogram {
	int64_t *cells;   /* [HISTOGRAM_CELLS] */
	int64_t n;        /* values added */
	int64_t min, max; /* exact; valid only when n > 0 */
};

void histogram_init(struct histogram *h);
void histogram_fini(struct histogram *h);

/* The same in HISTOGRAM_CELLS zeros of the caller, who keeps and frees them: no histogram_fini. */
void histogram_init_at(struct histogram *h, int64_t *cells);

/* Cell of a value in [0, HISTOGRAM_MAX]. */
static inline size_t histogram_cell(int64_t v)
{
	uint64_t u = (uint64_t)v;
	unsigned octave = 63u - (unsigned)__builtin_clzll(u | (UINT64_C(1) << HISTOGRAM_CELL_BITS));
	unsigned shift = octave - HISTOGRAM_CELL_BITS;

	return ((size_t)shift << HISTOGRAM_CELL_BITS) + (size_t)(u >> shift);
}

/* Add `weight` values v at or above HISTOGRAM_MAX; asserts v >= 0. The slow side of histogram_add.
 */
void histogram_add_large(struct histogram *h, int64_t v, int64_t weight);

/* Add `weight` equal values v >= 0; weight >= 1. About 2 ns. */
static inline void histogram_add(struct histogram *h, int64_t v, int64_t weight)
{
	if ((uint64_t)v >= (uint64_t)HISTOGRAM_MAX) {
		histogram_add_large(h, v, weight);
		return;
	}
	h->cells[histogram_cell(v)] += weight;
	h->n += weight;
	if (v < h->min) { /* rarely: a branch costs less than two stores */
		h->min = v;
	}
	if (v > h->max) {
		h->max = v;
	}
}

/*
 * Add the values (first + i step) >> TICK_SHIFT for i in [0, n), each `weight` times: the same
 * cells, count, minimum and maximum as n calls of histogram_add. All terms must be >= 0; step may
 * be negative. Cost follows the cells crossed, not n.
 */
void histogram_add_progression(struct histogram *h, tick_t first, tick_t step, int64_t n,
                               int64_t weight);

/* The value a cell stands for: its middle, within the exact minimum and maximum. */
double histogram_middle(const struct histogram *h, size_t cell);

/* Add all values of `from`. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/*
 * Percentile p in [0, 100] by the rule of quantile.h, each rank read as its cell's middle, clamped
 * to the exact minimum and maximum. NaN when empty.
 */
double histogram_quantile(const struct histogram *h, double p);

/* Standard deviation (divides by n) of the cells' middles. NaN when empty. */
double histogram_std(const struct histogram *h);

#endif
