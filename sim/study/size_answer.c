/* Reads the answer out of the probes of a cell. */
#include "study/size.h"

#include <math.h>

const struct search_probe *size_answer(const struct size_cell *cell)
{
	return cell->end == SIZE_FOUND
	               ? &cell->found.probes[search_index(&cell->found, cell->found.fails_at)]
	               : NULL;
}

const struct search_probe *size_smaller(const struct size_cell *cell)
{
	const int64_t best = cell->found.best;
	return best > 0 ? &cell->found.probes[search_index(&cell->found, best)] : NULL;
}

size_t size_tightest(const struct size_cell *cell, const struct size_run *run)
{
	size_t tightest = cell->limits.n;
	double least = (double)INFINITY;
	for (size_t i = 0; i < cell->limits.n; i++) {
		const double margin = limit_margin(cell->limits.at[i].slo, run->limits[i].observed);
		if (margin < least) {
			least = margin;
			tightest = i;
		}
	}
	return tightest;
}

double size_token_cost(const struct size_cell *c, const struct size_run *run)
{
	return run->output_tokens_per_s > 0.0
	               ? c->cost_per_hour / (run->output_tokens_per_s * 3600.0 / 1e6)
	               : (double)NAN;
}
