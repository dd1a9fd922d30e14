/* `aliquot plot`: the figure of a sweep or a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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

/* All --where; their texts go to `owned`, as many. Both are the caller's. */
static struct plot_where *read_where(struct cli *c, size_t *n, char ***owned)
{
	const char **const given = cli_values(c, 'U', n);
	struct plot_where *const where = mem_new(*n, sizeof(*where));
	*owned = mem_new(*n, sizeof(char *));
	for (size_t i = 0; i < *n; i++) {
		char *const column = (*owned)[i] = mem_strdup(given[i]);
		char *const equals = strchr(column, '=');
		if (equals == NULL || equals == column) {
			err_add(c->err, ERR_USAGE, NULL,
			        "--where needs COLUMN=VALUE,..., got \"%s\"", given[i]);
			continue;
		}
		*equals = '\0';
		where[i] = (struct plot_where){column, equals + 1};
	}
	free(given);
	return where;
}

static void draw(struct cli *c, const struct plot_ask *ask)
{
	struct plot plot;
	const bool ok = plot_read(ask, &plot, c->err) && cli_can_write(c) &&
	                plot_write(&plot, c->out_dir, ask->preset, c->err);
	if (ok) {
		printf("%s%s%s.dat  .gp  .png  .svg: %zu line%s\n", c->out_dir,
		       c->out_dir[strlen(c->out_dir) - 1] == '/' ? "" : "/", ask->preset,
		       plot.n_lines, plot.n_lines == 1 ? "" : "s");
	}
	plot_fini(&plot);
}

int cli_plot(struct cli *c)
{
	const char *const preset = c->args[1];
	if (!knows(c, preset)) {
		return ERR_USAGE;
	}
	if (c->out_dir == NULL) {
		err_add(c->err, ERR_USAGE, NULL, "-o DIR is missing: where the figure goes");
		return ERR_USAGE;
	}
	struct plot_ask ask = {.path = c->args[0], .preset = preset};
	char **owned;
	struct plot_where *const where = read_where(c, &ask.n_where, &owned);
	ask.where = where;
	if (err_count(c->err) == 0) {
		draw(c, &ask);
	}
	for (size_t i = 0; i < ask.n_where; i++) {
		free(owned[i]);
	}
	free(owned);
	free(where);
	return 0;
}
