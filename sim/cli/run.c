/* `aliquot run`: simulate once, print the verdict and the table, write the files asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "report/out.h"
#include "report/report.h"
#include "flow/sim.h"
#include "cli/cli.h"

static bool write_files(struct cli *c, const struct report *report)
{
	bool ok = true;
	if (c->out_dir != NULL) {
		ok = report_folder(report, c->out_dir, c->err);
	}
	if (c->records_file != NULL) {
		ok = report_records_file(report, c->records_file, c->err) && ok;
	}
	return ok;
}

static void print(const struct cli *c, const struct report *report)
{
	if (c->json) {
		report_json(stdout, report);
	} else {
		report_console(stdout, report,
		               isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL);
		if (c->out_dir != NULL) {
			printf("\nout: %s%s  run.json  summary.json  profile_export*  plots/\n",
			       c->out_dir, c->out_dir[strlen(c->out_dir) - 1] == '/' ? "" : "/");
		}
	}
}

/* What was looked at over time, *n of it; caller frees. */
static struct report_series *all_series(const struct scenario *sc, const struct sim *sim, size_t *n)
{
	static const struct report_series kinds[SIM_SERIES] = {
		[SIM_RUNNING] = {.name = "running", .unit = REPORT_REQUESTS},
		[SIM_WAITING] = {.name = "waiting", .unit = REPORT_REQUESTS},
		[SIM_MEMORY] = {.name = "gpu_memory_mib", .unit = REPORT_MIB},
		[SIM_READY] = {.name = "ready", .unit = REPORT_REPLICAS},
		[SIM_STARTING] = {.name = "starting", .unit = REPORT_REPLICAS},
		[SIM_AWAY] = {.name = "spread", .unit = REPORT_REPLICAS},
	};
	struct report_series *const list =
		mem_new(SIM_SERIES * sc->n_services + sc->n_projects, sizeof(*list));
	*n = 0;
	for (size_t i = 0; i < sc->n_services; i++) {
		for (int k = 0; k < SIM_SERIES; k++) {
			const struct series *const s = sim_series(sim, i, (enum sim_series)k);
			if (s != NULL) {
				list[*n] = kinds[k];
				list[*n].service = i;
				list[(*n)++].series = s;
			}
		}
	}
	for (size_t i = 0; i < sc->n_projects; i++) {
		const struct series *const s = sim_project_series(sim, i);
		if (s != NULL) {
			list[(*n)++] = (struct report_series){
				.name = "allocated_gpus",
				.unit = REPORT_MILLI_GPUS,
				.project = sc->projects[i].name,
				.series = s,
			};
		}
	}
	return list;
}

static int finish(struct cli *c, const struct scenario *sc, const struct sim *sim, double seconds)
{
	struct summary summary;
	sim_summary(sim, &summary);
	size_t n_series;
	struct report_series *const series = all_series(sc, sim, &n_series);
	const struct report report = {&summary, sc, sim_log(sim), series, n_series};
	if (write_files(c, &report)) {
		print(c, &report);
		if (!c->quiet && !c->json) {
			fprintf(stderr, seconds < 1.0 ? "in %.0f ms\n" : "in %.2f s\n",
			        seconds < 1.0 ? 1e3 * seconds : seconds);
		}
	}
	const bool pass = summary.pass;
	const bool incomplete = summary.incomplete;
	free(series);
	summary_fini(&summary);
	if (incomplete) {
		return EXIT_INTERRUPTED;
	}
	return pass || c->exit_zero ? 0 : EXIT_LIMIT;
}

int cli_run(struct cli *c)
{
	if (c->gaps && c->out_dir == NULL && c->records_file == NULL) {
		err_add(c->err, ERR_USAGE, NULL, "--records-itl needs --records FILE or -o DIR");
		return ERR_USAGE;
	}
	/* requested files must be writable before time is spent on the run */
	struct scenario *const sc = cli_can_write(c) ? cli_scenario(c, c->args[0]) : NULL;
	struct progress *const progress = progress_new(c->quiet);
	struct sim_options options = {
		.exact = c->exact,
		.keep_gaps = c->gaps,
		.keep_records = c->records_file != NULL || c->out_dir != NULL,
		.keep_series = c->out_dir != NULL,
		.interrupt = &cli_interrupted,
		.progress = progress_show,
		.progress_arg = progress,
	};
	int code = 0;
	cli_catch_interrupts();
	struct sim *const sim = sc != NULL ? sim_new(sc, &options, c->err) : NULL;
	const bool ok = sim != NULL && sim_run(sim);
	const double seconds = progress_end(progress);
	if (ok) {
		code = finish(c, sc, sim, seconds);
	}
	sim_free(sim);
	scenario_free(sc);
	return code;
}
