/*
 * A scenario with some keys varied: one cell per combination of values, one row per cell and
 * service. Rows come in the order of the cells whatever the threads do.
 */
#ifndef ALIQUOT_STUDY_SWEEP_H
#define ALIQUOT_STUDY_SWEEP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/scenario.h"
#include "study/axis.h"
#include "study/search.h"

struct sweep_ask {
	const char *file; /* of the scenario; read once per cell */
	struct data_dir *data;
	const struct scenario_override *sets; /* before the axes */
	size_t n_sets;
	const struct axis *axes; /* the last one varies fastest */
	size_t n_axes;
	bool zip;                  /* the first values together, then the second ones, ... */
	const char *const *limits; /* beside those of the scenario */
	size_t n_limits;
	bool ccu;            /* search the most users that meet the limits in every cell */
	const char *service; /* of that search, as struct ccu_ask has them */
	struct search_grid grid;
	size_t threads;
	const volatile sig_atomic_t *interrupt;        /* may be NULL */
	void (*progress)(void *arg, const char *what); /* may be NULL */
	void *progress_arg;
};

/* Number of cells; 0 with an error when --zip has axes of different lengths or they are too many.
 */
size_t sweep_cells(const struct sweep_ask *ask, struct err *err);

/*
 * Is every cell a valid scenario? False with errors that name the cell; cells that do not fit
 * their GPUs are no errors.
 */
bool sweep_check(const struct sweep_ask *ask, struct err *err);

/*
 * Run all cells and write the table, CSV or JSON (aliquot/sweep/1). False with errors added.
 * *interrupted: cells that were not run are rows with that status.
 */
bool sweep_run(const struct sweep_ask *ask, FILE *out, bool json, bool *interrupted,
               struct err *err);

#endif
