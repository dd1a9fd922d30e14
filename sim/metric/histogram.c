/* Cells of the log-linear histogram: what they hold, ranges of them, and reading ranks back. */
#include "metric/histogram.h"

#include "base/check.h"
#include "base/mem.h"
#include "metric/quantile.h"

#include <math.h>
#include <stdlib.h>

#define CELLS_PER_OCTAVE (INT64_C(1) << HISTOGRAM_CELL_BITS)
/* Finding the last term of a cell costs about as much as adding this many terms. */
#define TERMS_PER_CELL 6

void histogram_init(struct histogram *h)
{
	h->cells = mem_new(HISTOGRAM_CELLS, sizeof(*h->cells));
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

static size_t clamped_cell(int64_t v)
{
	return histogram_cell(v < HISTOGRAM_MAX ? v : HISTOGRAM_MAX);
}

/* The terms of a rising progression one by one; all below HISTOGRAM_MAX and in one octave. */
static void add_by_terms(struct histogram *h, tick_t first, tick_t step, int64_t n, int64_t weight)
{
	const size_t cell = histogram_cell(first >> TICK_SHIFT);
	const size_t octave = cell >> HISTOGRAM_CELL_BITS;
	const unsigned shift = (unsigned)(octave > 0 ? octave - 1 : 0) + TICK_SHIFT;
	int64_t *const at = h->cells + cell - (size_t)(first >> shift);

	for (; n > 0; n--) {
		at[first >> shift] += weight;
		first += step;
	}
}

/* The terms of a rising progression, cell by cell. */
static void add_by_cells(struct histogram *h, tick_t first, tick_t step, int64_t n, int64_t weight)
{
	const size_t last_cell = clamped_cell((first + (n - 1) * step) >> TICK_SHIFT);
	const double terms_per_tick = step > 0 ? 1.0 / (double)step : 0.0;
	tick_t term = first;

	while (n > 0) {
		const size_t cell = clamped_cell(term >> TICK_SHIFT);
		int64_t inside = n;

		if (cell != last_cell) { /* a later cell exists, so that the end in ticks fits */
			int64_t span;
			const int64_t end = cell_start(cell, &span) + span;
			const tick_t room = (end << TICK_SHIFT) - term;

			/* terms below the end, ceil(room / step): a guess by reciprocal, then exact */
			inside = (int64_t)((double)room * terms_per_tick);
			inside += inside * step < room;
			inside -= (inside - 1) * step >= room;
		}
		h->cells[cell] += inside * weight;
		term += cell != last_cell ? inside * step : 0;
		n -= inside;
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
	const int64_t low = first >> TICK_SHIFT, high = last >> TICK_SHIFT;
	const size_t low_cell = clamped_cell(low), high_cell = clamped_cell(high);

	if (low_cell == high_cell) {
		h->cells[low_cell] += n * weight;
	} else if (n <= TERMS_PER_CELL * (int64_t)(high_cell - low_cell) && high < HISTOGRAM_MAX &&
	           low_cell >> HISTOGRAM_CELL_BITS == high_cell >> HISTOGRAM_CELL_BITS) {
		add_by_terms(h, first, step, n, weight);
	} else {
		add_by_cells(h, first, step, n, weight);
	}
	h->n += n * weight;
	h->min = low < h->min ? low : h->min;
	h->max = high > h->max ? high : h->max;
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
	double middle = cell_middle(*cell);

	return fmin(fmax(middle, (double)h->min), (double)h->max);
}

double histogram_quantile(const struct histogram *h, double p)
{
	if (h->n == 0) {
		return NAN;
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
		return NAN;
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
