/* Cells of the log-linear histogram: what they hold, ranges of them, and reading ranks back. */
#include "metric/histogram.h"

#include "base/check.h"
#include "base/mem.h"
#include "metric/quantile.h"

#include <math.h>
#include <stdlib.h>

#define CELLS_PER_OCTAVE (INT64_C(1) << HISTOGRAM_CELL_BITS)
/* Finding the last term of a cell costs about as much as adding this many terms. */
#define TERMS_PER_CELL 3

void histogram_init(struct histogram *h)
{
	histogram_init_at(h, mem_new(HISTOGRAM_CELLS, sizeof(*h->cells)));
}

void histogram_init_at(struct histogram *h, int64_t *cells)
{
	h->cells = cells;
	h->n = 0;
	h->min = INT64_MAX;
	h->max = INT64_MIN;
}

void histogram_fini(struct histogram *h)
{
	free(h->cells);
	h->cells = NULL;
}

void histogram_add_large(struct histogram *h, int64_t v, int64_t weight)
{
	sim_assert(v >= 0);
	h->cells[HISTOGRAM_CELLS - 1] += weight;
	h->n += weight;
	h->min = v < h->min ? v : h->min;
	h->max = v > h->max ? v : h->max;
}

/* First value of a cell, and how many it spans. */
static int64_t cell_start(size_t cell, int64_t *span)
{
	size_t octave = cell >> HISTOGRAM_CELL_BITS;
	size_t shift = octave > 0 ? octave - 1 : 0;
	int64_t within = (int64_t)cell - ((int64_t)shift << HISTOGRAM_CELL_BITS);

	*span = INT64_C(1) << shift;
	return within << shift;
}

static double cell_middle(size_t cell)
{
	int64_t span;
	int64_t start = cell_start(cell, &span);

	return (double)start + (double)(span - 1) / 2.0;
}

double histogram_middle(const struct histogram *h, size_t cell)
{
	return fmin(fmax(cell_middle(cell), (double)h->min), (double)h->max);
}

static size_t clamped_cell(int64_t v)
{
	return histogram_cell(v < HISTOGRAM_MAX ? v : HISTOGRAM_MAX);
}

/* A rising progression of terms in ticks, below HISTOGRAM_MAX and within one octave. */
struct terms {
	tick_t first, step;
	int64_t n, weight;
	size_t low_cell, high_cell;
	unsigned shift; /* a cell is 2^shift ticks wide */
};

static void add_by_terms(struct histogram *h, const struct terms *t)
{
	int64_t *const at = h->cells + t->low_cell - (size_t)(t->first >> t->shift);
	tick_t term = t->first;

	for (int64_t i = 0; i < t->n; i++, term += t->step) {
		at[term >> t->shift] += t->weight;
	}
}

/* Terms below `end`, ceil((end - first) / step): a guess by reciprocal, then exact. */
static int64_t terms_below(tick_t first, tick_t step, double terms_per_tick, tick_t end)
{
	const tick_t room = end - first;
	int64_t n = (int64_t)((double)room * terms_per_tick);

	n += n * step < room;
	n -= (n - 1) * step >= room;
	return n;
}

static void add_by_cells(struct histogram *h, const struct terms *t)
{
	const double terms_per_tick = 1.0 / (double)t->step;
	tick_t end = ((t->first >> t->shift) + 1) << t->shift;
	int64_t before = 0;

	for (size_t cell = t->low_cell; cell < t->high_cell; cell++) {
		const int64_t below = terms_below(t->first, t->step, terms_per_tick, end);

		h->cells[cell] += (below - before) * t->weight;
		before = below;
		end += INT64_C(1) << t->shift;
	}
	h->cells[t->high_cell] += (t->n - before) * t->weight;
}

/* Width in bits of the cells of an octave; the cells below 2^10 are all one wide. */
static unsigned octave_shift(size_t cell)
{
	const size_t octave = cell >> HISTOGRAM_CELL_BITS;

	return octave > 0 ? (unsigned)octave - 1 : 0;
}

static void add_terms(struct histogram *h, tick_t first, tick_t step, int64_t n, int64_t weight)
{
	const int64_t high = (first + (n - 1) * step) >> TICK_SHIFT;
	const size_t low_cell = clamped_cell(first >> TICK_SHIFT), high_cell = clamped_cell(high);
	const struct terms t = {
		first, step, n, weight, low_cell, high_cell, octave_shift(low_cell) + TICK_SHIFT};

	if (low_cell == high_cell) {
		h->cells[low_cell] += n * weight;
	} else if (octave_shift(low_cell) !=
	           octave_shift(high_cell)) { /* split where cells widen */
		const unsigned bits = octave_shift(low_cell) + HISTOGRAM_CELL_BITS + 1;
		const int64_t below = terms_below(first, step, 1.0 / (double)step,
		                                  INT64_C(1) << bits << TICK_SHIFT);

		add_terms(h, first, step, below, weight);
		add_terms(h, first + below * step, step, n - below, weight);
	} else if (n <= TERMS_PER_CELL * (int64_t)(high_cell - low_cell) && high < HISTOGRAM_MAX) {
		add_by_terms(h, &t);
	} else {
		add_by_cells(h, &t);
	}
}

void histogram_add_progression(struct histogram *h, tick_t first, tick_t step, int64_t n,
                               int64_t weight)
{
	if (n <= 0 || weight <= 0) {
		return;
	}
	if (step < 0) { /* the same terms from the other end */
		first += (n - 1) * step;
		step = -step;
	}
	const tick_t last = first + (n - 1) * step;
	sim_assert(first >= 0 && last >= first);
	add_terms(h, first, step, n, weight);
	h->n += n * weight;
	h->min = first >> TICK_SHIFT < h->min ? first >> TICK_SHIFT : h->min;
	h->max = last >> TICK_SHIFT > h->max ? last >> TICK_SHIFT : h->max;
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	for (size_t i = 0; i < HISTOGRAM_CELLS; i++) {
		h->cells[i] += from->cells[i];
	}
	h->n += from->n;
	h->min = from->min < h->min ? from->min : h->min;
	h->max = from->max > h->max ? from->max : h->max;
}

/* Middle of the cell that holds rank r, clamped; *after gets the first rank behind that cell. */
static double value_at(const struct histogram *h, int64_t rank, int64_t *after, size_t *cell)
{
	while (*after <= rank) {
		(*cell)++;
		*after += h->cells[*cell];
	}
	if (rank == 0) {
		return (double)h->min;
	}
	if (rank == h->n - 1) {
		return (double)h->max;
	}
	return histogram_middle(h, *cell);
}

double histogram_quantile(const struct histogram *h, double p)
{
	if (h->n == 0) {
		return (double)NAN;
	}
	struct quantile_rank rank = quantile_rank_of(h->n, p);
	size_t cell = clamped_cell(h->min);
	int64_t after = h->cells[cell];
	double lower = value_at(h, rank.lower, &after, &cell);
	double upper = rank.lower + 1 < h->n ? value_at(h, rank.lower + 1, &after, &cell) : lower;

	return quantile_between(lower, upper, rank.weight);
}

double histogram_std(const struct histogram *h)
{
	if (h->n == 0) {
		return (double)NAN;
	}
	size_t from = clamped_cell(h->min), to = clamped_cell(h->max);
	double mean = 0.0, squares = 0.0;

	for (size_t i = from; i <= to; i++) {
		mean += (double)h->cells[i] * (cell_middle(i) / (double)h->n);
	}
	for (size_t i = from; i <= to; i++) {
		double off = cell_middle(i) - mean;

		squares += (double)h->cells[i] * (off * off);
	}
	return from == to ? 0.0 : sqrt(squares / (double)h->n);
}
