/* `aliquot ccu`: how many concurrent users meet the limits. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "report/report.h"
#include "flow/sim.h"
#include "study/ccu_report.h"
#include "cli/cli.h"

/* --range, --step, --max; false with errors added. */
static bool read_grid(struct cli *c, struct search_grid *grid)
{
	const char *const range = cli_value(c, 'a');
	const int64_t step = cli_positive(c, 'p'), max = cli_positive(c, 'x');
	if (range != NULL && !search_range(range, grid)) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--range needs A..B or A..B+STEP with 1 <= A <= B, got \"%s\"", range);
	}
	if (range != NULL && max > 0) {
		err_add(c->err, ERR_USAGE, NULL, "give either --range or --max");
	}
	if (grid->step > 0 && step > 0) {
		err_add(c->err, ERR_USAGE, NULL, "--range %s has a step already", range);
	}
	if (c->exhaustive && range == NULL && max == 0) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--exhaustive tries every step: say up to where with --range or --max");
	}
	grid->step = step > 0 ? step : grid->step;
	grid->to = max > 0 ? max : grid->to;
	grid->exhaustive = c->exhaustive;
	return err_count(c->err) == 0;
}

/* Print and write what was found, with `best` the run at that many users, or NULL. */
static int show(struct cli *c, const struct ccu *found, const struct report *best)
{
	if (c->out_dir != NULL && !ccu_folder(c->out_dir, found, best, c->err)) {
		return ERR_IO;
	}
	if (c->json) {
		ccu_json(stdout, found, best);
	} else {
		ccu_print(stdout, found, best);
	}
	if (found->found.end == SEARCH_STOPPED) {
		return EXIT_INTERRUPTED;
	}
	return found->found.best > 0 || c->exit_zero ? 0 : EXIT_LIMIT;
}

/* The run at the largest number of users once more, whole. */
static int finish(struct cli *c, const struct ccu *found)
{
	const struct sim_options options = {.exact = false};
	struct summary summary;
	int code = 0;
	if (found->found.best == 0 || found->found.end == SEARCH_STOPPED) {
		return show(c, found, NULL);
	}
	struct sim *const sim = sim_new(found->scenario, &options, c->err);
	if (sim != NULL && sim_run(sim)) {
		sim_summary(sim, &summary);
		const struct report best = {&summary, found->scenario, sim_log(sim), NULL, 0};
		code = show(c, found, &best);
		summary_fini(&summary);
	}
	sim_free(sim);
	return code;
}

static int search(struct cli *c, const struct scenario *sc, const struct search_grid *grid)
{
	size_t n;
	const char **const limits = cli_values(c, 'l', &n);
	struct progress *const progress = progress_new(c->quiet);
	const struct ccu_ask ask = {
		.base = sc,
		.data = c->data,
		.limits = limits,
		.n_limits = n,
		.service = cli_value(c, 'm'),
		.grid = *grid,
		.threads = (size_t)c->jobs,
		.interrupt = &cli_interrupted,
		.progress = progress_say,
		.progress_arg = progress,
	};
	struct ccu found;
	cli_catch_interrupts();
	const bool ok = ccu_search(&ask, &found, c->err);
	progress_wipe(progress);
	const int code = ok ? finish(c, &found) : 0;
	const double seconds = progress_end(progress);
	if (ok && !c->quiet && !c->json) {
		fprintf(stderr, "in %.2f s\n", seconds);
	}
	ccu_fini(&found);
	free(limits);
	return code;
}

int cli_ccu(struct cli *c)
{
	struct search_grid grid = {.from = 0};
	if (!read_grid(c, &grid) || !cli_can_write(c)) {
		return ERR_USAGE;
	}
	struct scenario *const sc = cli_scenario(c, c->args[0]);
	const int code = sc != NULL ? search(c, sc, &grid) : 0;
	scenario_free(sc);
	return code;
}
