/* Runs the cells of a sweep, some at a time, and hands their rows on in order. */
#include "study/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/sim.h"
#include "study/ccu.h"
#include "study/jobs.h"
#include "study/sweep_private.h"

#define BATCH 64 /* cells in memory at once */
#define MOST_CELLS 10000000

/* Cells first .. first + n on their way. */
struct batch {
	const struct sweep_ask *ask;
	size_t first;
	struct sweep_cell cells[BATCH];
};

size_t sweep_cells(const struct sweep_ask *ask, struct err *err)
{
	size_t n = 1;
	for (size_t i = 0; i < ask->n_axes; i++) {
		if (ask->zip && ask->axes[i].n != ask->axes[0].n) {
			err_add(err, ERR_USAGE, NULL, "--zip: %s has %zu values, %s has %zu",
			        ask->axes[0].key, ask->axes[0].n, ask->axes[i].key, ask->axes[i].n);
			return 0;
		}
		n = ask->zip ? ask->axes[0].n : n * ask->axes[i].n;
		if (n > MOST_CELLS) {
			err_add(err, ERR_USAGE, NULL, "a sweep has at most %d cells", MOST_CELLS);
			return 0;
		}
	}
	return n;
}

const char *sweep_value(const struct sweep_ask *ask, size_t cell, size_t axis)
{
	if (ask->zip) {
		return ask->axes[axis].values[cell];
	}
	for (size_t i = ask->n_axes - 1; i > axis; i--) {
		cell /= ask->axes[i].n;
	}
	return ask->axes[axis].values[cell % ask->axes[axis].n];
}

struct scenario *sweep_scenario(const struct sweep_ask *ask, size_t cell, struct err *err)
{
	const size_t n = ask->n_sets + ask->n_axes;
	struct scenario_override *const sets = mem_new(n, sizeof(*sets));
	for (size_t i = 0; i < n; i++) {
		sets[i] = i < ask->n_sets ? ask->sets[i]
		                          : (struct scenario_override){
						    ask->axes[i - ask->n_sets].key,
						    sweep_value(ask, cell, i - ask->n_sets)};
	}
	struct scenario *sc = scenario_read(ask->file, ask->data, sets, n, err);
	if (sc != NULL && ask->n_limits > 0) {
		json_t *const document =
			limits_with(sc, ask->limits, ask->n_limits, ask->service, err);
		struct scenario *const limited =
			document != NULL ? scenario_build(sc->file, document, ask->data, err)
					 : NULL;
		scenario_free(sc);
		sc = limited;
	}
	free(sets);
	if (sc != NULL && sc->n_services == 0) {
		err_add(err, ERR_USAGE, sc->file,
		        "a sweep has a row for each service, and it has none");
		scenario_free(sc);
		return NULL;
	}
	return sc;
}

static void name_services(struct sweep_cell *cell, const struct scenario *sc)
{
	cell->n_services = sc->n_services;
	cell->rows = mem_new(sc->n_services, sizeof(*cell->rows));
	for (size_t i = 0; i < sc->n_services; i++) {
		cell->rows[i].service = mem_strdup(sc->services[i].name);
		cell->rows[i].model = mem_strdup(sc->services[i].model_name);
		cell->rows[i].gpus = scenario_gpus_text(sc);
	}
}

/* One run; its figures into the rows. */
static void run_cell(const struct sweep_ask *ask, struct sweep_cell *cell,
                     const struct scenario *sc)
{
	const struct sim_options options = {.interrupt = ask->interrupt};
	struct sim *const sim = sim_new(sc, &options, cell->err);
	if (sim != NULL && sim_run(sim)) {
		struct summary summary;
		sim_summary(sim, &summary);
		if (summary.incomplete) {
			cell->status = SWEEP_INTERRUPTED;
		} else if (cell->status == SWEEP_INTERRUPTED) {
			cell->status = summary.n_limits == 0 ? SWEEP_OK
			               : summary.pass        ? SWEEP_PASS
			                                     : SWEEP_FAIL;
		}
		if (!summary.incomplete) {
			sweep_figures(cell, sc, &summary);
		}
		summary_fini(&summary);
	}
	sim_free(sim);
}

static struct ccu_ask search_of(const struct sweep_ask *ask, const struct scenario *sc)
{
	return (struct ccu_ask){
		.base = sc,
		.data = ask->data,
		.service = ask->service,
		.grid = ask->grid,
		.threads = 1,
		.interrupt = ask->interrupt,
	};
}

static void search_cell(const struct sweep_ask *ask, struct sweep_cell *cell,
                        const struct scenario *sc)
{
	static const enum sweep_status ends[] = {
		[SEARCH_FOUND] = SWEEP_PASS,
		[SEARCH_MAX_REACHED] = SWEEP_MAX_REACHED,
		[SEARCH_NONE] = SWEEP_NONE_PASSES,
		[SEARCH_STOPPED] = SWEEP_INTERRUPTED,
	};
	const struct ccu_ask search = search_of(ask, sc);
	struct ccu found;
	if (ccu_search(&search, &found, cell->err)) {
		cell->status = ends[found.found.end];
		cell->ccu = found.found.best;
		cell->fails_at = found.found.fails_at;
		cell->monotone = found.found.passes_above == 0;
		for (size_t i = 0; i < cell->n_services; i++) {
			cell->rows[i].ccu = found.users[i];
		}
	}
	if (cell->ccu > 0 && cell->status != SWEEP_INTERRUPTED && err_count(cell->err) == 0) {
		run_cell(ask, cell, found.scenario);
	}
	ccu_fini(&found);
}

static void work(void *arg, size_t i)
{
	struct batch *const b = arg;
	struct sweep_cell *const cell = &b->cells[i];
	cell->err = err_new();
	cell->status = SWEEP_INTERRUPTED; /* until it is known */
	struct scenario *const sc = sweep_scenario(b->ask, b->first + i, cell->err);
	const bool stopped = b->ask->interrupt != NULL && *b->ask->interrupt != 0;
	if (sc != NULL) {
		name_services(cell, sc);
	}
	if (sc != NULL && !stopped && b->ask->ccu) {
		search_cell(b->ask, cell, sc);
	} else if (sc != NULL && !stopped) {
		run_cell(b->ask, cell, sc);
	}
	if (err_exit_code(cell->err) == ERR_INFEASIBLE) {
		cell->status = SWEEP_INFEASIBLE;
	}
	scenario_free(sc);
}

void sweep_blame(const struct sweep_ask *ask, size_t cell, const struct err *from, struct err *err)
{
	char *where = ask->n_axes > 0 ? mem_printf("cell %zu", cell) : NULL;
	for (size_t i = 0; i < ask->n_axes; i++) {
		char *const longer =
			mem_printf("%s, %s=%s", where, ask->axes[i].key, sweep_value(ask, cell, i));
		free(where);
		where = longer;
	}
	err_add(err, (enum err_kind)err_exit_code(from), where, "%s", err_message(from, 0));
	free(where);
}

static bool is_wrong(const struct err *err)
{
	return err_count(err) > 0 && err_exit_code(err) != ERR_INFEASIBLE;
}

/* Is it a valid scenario, and can it be searched where it is to be? */
static void check_cell(const struct sweep_ask *ask, size_t cell, struct err *err)
{
	const struct sim_options options = {.exact = false};
	struct scenario *const sc = sweep_scenario(ask, cell, err);
	if (sc != NULL && ask->ccu) {
		const struct ccu_ask search = search_of(ask, sc);
		ccu_check(&search, err);
	} else if (sc != NULL) {
		sim_free(sim_new(sc, &options, err));
	}
	scenario_free(sc);
}

bool sweep_check(const struct sweep_ask *ask, struct err *err)
{
	const size_t n = sweep_cells(ask, err), before = err_count(err);
	for (size_t i = 0; i < n && err_count(err) == before; i++) {
		struct err *const own = err_new();
		check_cell(ask, i, own);
		if (is_wrong(own)) {
			sweep_blame(ask, i, own, err);
		}
		err_free(own);
	}
	return n > 0 && err_count(err) == before;
}

static void free_cell(struct sweep_cell *cell)
{
	for (size_t i = 0; i < cell->n_services; i++) {
		free(cell->rows[i].service);
		free(cell->rows[i].model);
		free(cell->rows[i].gpus);
	}
	free(cell->rows);
	err_free(cell->err);
	memset(cell, 0, sizeof(*cell));
}

/* Run and write cells first .. first + n; false with errors added. */
static bool run_batch(struct batch *b, size_t n, struct sweep_writer *w, struct err *err)
{
	bool ok = true;
	jobs_run(n, b->ask->threads, work, b);
	for (size_t i = 0; i < n; i++) {
		if (is_wrong(b->cells[i].err)) {
			sweep_blame(b->ask, b->first + i, b->cells[i].err, err);
			ok = false;
		}
		if (ok) {
			sweep_write(w, b->first + i, &b->cells[i]);
		}
		w->interrupted = w->interrupted || b->cells[i].status == SWEEP_INTERRUPTED;
		free_cell(&b->cells[i]);
	}
	return ok;
}

bool sweep_run(const struct sweep_ask *ask, FILE *out, bool json, bool *interrupted,
               struct err *err)
{
	const size_t cells = sweep_cells(ask, err);
	struct batch *const b = mem_new(1, sizeof(*b));
	struct sweep_writer w;
	bool ok = cells > 0;
	data_dir_index(ask->data);
	b->ask = ask;
	if (ok) {
		sweep_begin(&w, ask, out, json);
	}
	for (; ok && b->first < cells; b->first += BATCH) {
		const size_t n = cells - b->first < BATCH ? cells - b->first : BATCH;
		char text[64];
		snprintf(text, sizeof(text), "cells %zu to %zu of %zu", b->first, b->first + n - 1,
		         cells);
		if (ask->progress != NULL) {
			ask->progress(ask->progress_arg, text);
		}
		ok = run_batch(b, n, &w, err);
	}
	if (ok) {
		sweep_end(&w);
		*interrupted = w.interrupted;
	}
	free(b);
	return ok;
}
