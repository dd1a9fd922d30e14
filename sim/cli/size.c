/* `aliquot size`: the fewest GPUs that serve a load within the limits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/report.h"
#include "flow/sim.h"
#include "study/size_report.h"
#include "cli/cli.h"

/* --range and --max; false with errors added. */
static bool read_range(struct cli *c, struct size_ask *ask)
{
	const char *const range = cli_value(c, 'I');
	const int64_t max = cli_positive(c, 'B');
	struct search_grid grid = {.from = 0};
	if (range != NULL && (!search_range(range, &grid) || grid.step > 0)) {
		err_add(c->err, ERR_USAGE, NULL, "--range needs A..B with 1 <= A <= B, got \"%s\"",
		        range);
	}
	if (range != NULL && max > 0) {
		err_add(c->err, ERR_USAGE, NULL, "give either --range or --max");
	}
	if (c->exhaustive && range == NULL && max == 0) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--exhaustive tries every number: say up to where with --range or --max");
	}
	ask->from = grid.from;
	ask->to = max > 0 ? max : grid.to;
	ask->exhaustive = c->exhaustive;
	return err_count(c->err) == 0;
}

/* One "h100-nvl=3.5"; c->data is open. */
static void read_price(struct cli *c, const char *text, struct size_price *out)
{
	const char *const equals = strchr(text, '=');
	char *const name = mem_printf("%.*s", (int)strcspn(text, "="), text);
	if (equals == NULL || !str_to_real(equals + 1, &out->per_hour) || !(out->per_hour >= 0.0)) {
		err_add(c->err, ERR_USAGE, NULL, "--price needs GPU=PRICE per GPU hour, got \"%s\"",
		        text);
	} else if (data_dir_find(c->data, "gpu", name, &out->gpu) == NULL) {
		size_t n;
		const char *const *const names = data_dir_names(c->data, "gpu", &n);
		const char *const near = str_nearest(name, names, n);
		err_add(c->err, ERR_USAGE, NULL, "--price: unknown GPU \"%.80s\"%s%s%s", name,
		        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
	free(name);
}

static struct size_price *read_prices(struct cli *c, size_t *n)
{
	const char **const texts = cli_values(c, 'i', n);
	struct size_price *const prices = mem_new(*n, sizeof(*prices));
	for (size_t i = 0; i < *n; i++) {
		read_price(c, texts[i], &prices[i]);
		for (size_t k = 0; k < i && err_count(c->err) == 0; k++) {
			if (strcmp(prices[k].gpu, prices[i].gpu) == 0) {
				err_add(c->err, ERR_USAGE, NULL, "--price: two prices of %s",
				        prices[i].gpu);
			}
		}
	}
	free(texts);
	return prices;
}

/* Print and write what was found, with `best` the run of the answer, or NULL. */
static int show(struct cli *c, const struct size_ask *ask, const struct size *found,
                const struct report *best)
{
	if (c->out_dir != NULL && !size_folder(c->out_dir, ask, found, best, c->err)) {
		return ERR_IO;
	}
	if (c->json) {
		size_json(stdout, ask, found, best);
	} else {
		size_print(stdout, ask, found, best);
	}
	if (found->interrupted) {
		return EXIT_INTERRUPTED;
	}
	return found->best < found->n_cells || c->exit_zero ? 0 : EXIT_LIMIT;
}

/* The run of the answer once more, whole. */
static int finish(struct cli *c, const struct size_ask *ask, const struct size *found)
{
	const struct sim_options options = {.exact = false};
	struct summary summary;
	int code = 0;
	if (found->best == found->n_cells || found->interrupted) {
		return show(c, ask, found, NULL);
	}
	const struct scenario *const sc = found->cells[found->best].scenario;
	struct sim *const sim = sim_new(sc, &options, c->err);
	if (sim != NULL && sim_run(sim)) {
		sim_summary(sim, &summary);
		const struct report best = {&summary, sc, sim_log(sim), NULL, 0};
		code = show(c, ask, found, &best);
		summary_fini(&summary);
	}
	sim_free(sim);
	return code;
}

static int search(struct cli *c, struct size_ask *ask)
{
	struct progress *const progress = progress_new(c->quiet);
	struct size found;
	ask->cells.progress = progress_say;
	ask->cells.progress_arg = progress;
	cli_catch_interrupts();
	const bool ok = size_search(ask, &found, c->err);
	progress_wipe(progress);
	const int code = ok ? finish(c, ask, &found) : 0;
	const double seconds = progress_end(progress);
	if (ok && !c->quiet && !c->json) {
		fprintf(stderr, "in %.2f s\n", seconds);
	}
	size_fini(&found);
	return code;
}

/* With the data folder open: prices by the names of their sheets, then the search. */
static int size(struct cli *c, struct size_ask *ask)
{
	struct size_price *const prices = read_prices(c, &ask->n_prices);
	ask->prices = prices;
	ask->cells.data = c->data;
	const int code = err_count(c->err) == 0 && cli_can_write(c) ? search(c, ask) : ERR_USAGE;
	free(prices);
	return code;
}

int cli_size(struct cli *c)
{
	struct size_ask ask = {
		.cells = {.file = c->args[0],
	                  .sets = c->sets,
	                  .n_sets = c->n_sets,
	                  .zip = c->zip,
	                  .service = cli_value(c, 'y'),
	                  .threads = (size_t)c->jobs,
	                  .interrupt = &cli_interrupted},
		.users = cli_positive(c, 'W'),
	};
	struct axis *axes;
	int code = ERR_USAGE;
	const char **const limits = cli_values(c, 'l', &ask.cells.n_limits);
	ask.cells.limits = limits;
	const bool ok = cli_axes(c, &axes, &ask.cells.n_axes) && read_range(c, &ask);
	ask.cells.axes = axes;
	if (strcmp(ask.cells.file, "-") == 0 && ask.cells.n_axes > 0) {
		err_add(c->err, ERR_USAGE, NULL,
		        "with --vary the scenario is read once per cell, "
		        "which standard input cannot give");
	}
	if (ok && err_count(c->err) == 0) {
		c->data = data_dir_open(c->data_flag, c->program, c->err);
		code = c->data != NULL ? size(c, &ask) : ERR_IO;
	}
	cli_axes_free(axes, ask.cells.n_axes);
	free(limits);
	return code;
}
