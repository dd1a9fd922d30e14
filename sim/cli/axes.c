/* --vary, of the commands that have it. */
#include <stdlib.h>

#include "base/mem.h"
#include "study/axis.h"
#include "cli/cli.h"

bool cli_axes(struct cli *c, struct axis **axes, size_t *n)
{
	const char **const texts = cli_values(c, 'v', n);
	bool ok = true;
	*axes = mem_new(*n, sizeof(**axes));
	for (size_t i = 0; i < *n; i++) {
		ok = axis_read(texts[i], &(*axes)[i], c->err) && ok;
	}
	free(texts);
	return ok;
}

void cli_axes_free(struct axis *axes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		axis_fini(&axes[i]);
	}
	free(axes);
}
