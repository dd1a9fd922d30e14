/* `aliquot sweep`: a scenario with keys varied, as one tidy table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/out.h"
#include "study/sweep.h"
#include "cli/cli.h"

/* The scenario before its keys were varied; a note where it is none without them. */
static bool write_scenario(struct cli *c, const struct sweep_ask *ask)
{
	struct err *const own = err_new();
	struct scenario *const sc =
		scenario_read(ask->file, ask->data, ask->sets, ask->n_sets, own);
	struct out *o = NULL;
	if (sc == NULL) {
		err_note(c->err, "no scenario.json: without what varies %s", err_message(own, 0));
	} else {
		o = out_open(c->out_dir, "scenario.json", c->err);
	}
	if (o != NULL) {
		json_dumpf(sc->json, out_file(o), JSON_INDENT(2));
		putc('\n', out_file(o));
	}
	const bool ok = sc == NULL || (o != NULL && out_commit(o));
	scenario_free(sc);
	err_free(own);
	return ok;
}

/* How the table was made. */
static bool write_origin(struct cli *c, const struct sweep_ask *ask)
{
	struct out *const o = out_open(c->out_dir, "command", c->err);
	if (o == NULL) {
		return false;
	}
	cli_print_words(c, out_file(o));
	return out_commit(o) && write_scenario(c, ask);
}

static bool write_table(struct cli *c, const struct sweep_ask *ask, bool *interrupted)
{
	if (c->out_dir == NULL) {
		return sweep_run(ask, stdout, c->json, interrupted, c->err);
	}
	struct out *const o = out_open(c->out_dir, c->json ? "sweep.json" : "sweep.csv", c->err);
	if (o == NULL) {
		return false;
	}
	if (!sweep_run(ask, out_file(o), c->json, interrupted, c->err)) {
		out_abort(o);
		return false;
	}
	return out_commit(o) && write_origin(c, ask);
}

static int run(struct cli *c, struct sweep_ask *ask)
{
	struct progress *const progress = progress_new(c->quiet);
	bool interrupted = false;
	ask->progress = progress_say;
	ask->progress_arg = progress;
	cli_catch_interrupts();
	const bool ok = sweep_check(ask, c->err) && write_table(c, ask, &interrupted);
	const double seconds = progress_end(progress);
	if (ok && !c->quiet) {
		fprintf(stderr, "%zu cells in %.2f s\n", sweep_cells(ask, c->err), seconds);
	}
	return interrupted ? EXIT_INTERRUPTED : 0;
}

/* Both flags give limits; --ccu asks for a search as well. */
static const char **all_limits(const struct cli *c, size_t *n, bool *ccu)
{
	size_t n_ccu;
	const char **limits = cli_values(c, 'l', n);
	const char **const searched = cli_values(c, 'u', &n_ccu);
	limits = mem_resize(limits, *n + n_ccu, sizeof(char *));
	for (size_t i = 0; i < n_ccu; i++) {
		limits[(*n)++] = searched[i];
	}
	free(searched);
	*ccu = n_ccu > 0;
	return limits;
}

int cli_sweep(struct cli *c)
{
	struct sweep_ask ask = {
		.file = c->args[0],
		.sets = c->sets,
		.n_sets = c->n_sets,
		.zip = c->zip,
		.service = cli_value(c, 'm'),
		.threads = (size_t)c->jobs,
		.interrupt = &cli_interrupted,
	};
	struct axis *axes;
	int code = ERR_USAGE;
	const char **const limits = all_limits(c, &ask.n_limits, &ask.ccu);
	ask.limits = limits;
	ask.grid.step = cli_positive(c, 'p');
	ask.grid.to = cli_positive(c, 'x');
	if (strcmp(ask.file, "-") == 0) {
		err_add(c->err, ERR_USAGE, NULL,
		        "a sweep reads its scenario once per cell, "
		        "which standard input cannot give");
	}
	const bool ok = cli_axes(c, &axes, &ask.n_axes);
	ask.axes = axes;
	if (ask.n_axes == 0) {
		err_add(c->err, ERR_USAGE, NULL,
		        "nothing varies: give --vary KEY=VALUES, as in --vary "
		        "loads.0.users=64..4096*2");
	}
	if (ok && err_count(c->err) == 0 && cli_can_write(c)) {
		c->data = data_dir_open(c->data_flag, c->program, c->err);
		ask.data = c->data;
		code = c->data != NULL ? run(c, &ask) : ERR_IO;
	}
	cli_axes_free(axes, ask.n_axes);
	free(limits);
	return code;
}
