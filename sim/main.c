/* Finds the subcommand, prints what went wrong, and ends with the documented exit code. */
#include <gsl/gsl_errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"

static const struct command *find(const char *name, struct err *err)
{
	const char *names[32];
	size_t n = 0;
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0) {
			return c;
		}
		names[n++] = c->name;
	}
	const char *const near = str_nearest(name, names, n);
	if (near != NULL) {
		err_add(err, ERR_USAGE, NULL, "unknown command \"%s\"; did you mean \"%s\"?", name,
		        near);
	} else {
		err_add(err, ERR_USAGE, NULL, "unknown command \"%s\"; see aliquot help", name);
	}
	return NULL;
}

static int dispatch(struct cli *c, int argc, const char *const *argv)
{
	if (!cli_parse(c, argc, argv)) {
		return ERR_USAGE;
	}
	if (c->help) {
		cli_usage(c->command);
		return 0;
	}
	return c->command->run(c);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";
	struct cli c = {.program = argv[0], .err = err_new()};
	int code;
	gsl_set_error_handler_off();
	if (strcmp(name, "--version") == 0) {
		puts("aliquot " ALIQUOT_VERSION);
		err_free(c.err);
		return 0;
	}
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
		name = "help";
	}
	c.command = find(name, c.err);
	code = c.command != NULL ? dispatch(&c, argc, (const char *const *)argv) : ERR_USAGE;
	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_add(c.err, ERR_IO, NULL, "cannot write to standard output");
	}
	err_print(c.err, stderr);
	if (err_count(c.err) > 0 && code != EXIT_INTERRUPTED) {
		code = err_exit_code(c.err);
	}
	cli_fini(&c);
	err_free(c.err);
	return code;
}
