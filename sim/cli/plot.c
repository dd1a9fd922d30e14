/* `aliquot plot`: the figure of a sweep or a run. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "study/plot.h"
#include "cli/cli.h"

/* False with an error that names the nearest preset. */
static bool knows(struct cli *c, const char *preset)
{
	size_t n = 0;
	bool known = false;
	for (; plot_presets[n] != NULL; n++) {
		known = known || strcmp(plot_presets[n], preset) == 0;
	}
	if (!known) {
		const char *const near = str_nearest(preset, plot_presets, n);
		err_add(c->err, ERR_USAGE, NULL, "no preset named \"%.60s\"; %s \"%s\"", preset,
		        near != NULL ? "did you mean" : "one is",
		        near != NULL ? near : plot_presets[0]);
	}
	return known;
}

int cli_plot(struct cli *c)
{
	const char *const preset = c->args[1];
	struct plot plot;
	if (!knows(c, preset)) {
		return ERR_USAGE;
	}
	if (c->out_dir == NULL) {
		err_add(c->err, ERR_USAGE, NULL, "-o DIR is missing: where the figure goes");
		return ERR_USAGE;
	}
	const bool ok = plot_read(c->args[0], preset, &plot, c->err) && cli_can_write(c) &&
	                plot_write(&plot, c->out_dir, preset, c->err);
	if (ok) {
		printf("%s%s%s.dat  .gp  .png  .svg: %zu line%s\n", c->out_dir,
		       c->out_dir[strlen(c->out_dir) - 1] == '/' ? "" : "/", preset, plot.n_lines,
		       plot.n_lines == 1 ? "" : "s");
	}
	plot_fini(&plot);
	return 0;
}
