/*
 * What every subcommand shares: flags, the data folder, output streams, exit codes. One file per
 * subcommand; main.c finds it here.
 */
#ifndef ALIQUOT_CLI_CLI_H
#define ALIQUOT_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/scenario.h"

enum exit_code { /* the error codes are enum err_kind */
	         EXIT_LIMIT = 99,
	         EXIT_INTERRUPTED = 130,
};

enum { CLI_FOLDS = 5, CLI_STARTS = 4 }; /* of a calibration, unless flags say otherwise */

/* A value of a flag that only some commands know, in the order given. */
struct cli_list {
	char letter; /* of the flag, see cli.c */
	const char *value;
};

struct cli {
	const char *program; /* argv[0] */
	const struct command *command;
	const char *const *words; /* the command line behind the program; n_words of them */
	size_t n_words;
	const char **args; /* what is not a flag; n_args of them */
	size_t n_args;
	bool json;                      /* --format json */
	const char *out_dir;            /* -o, or NULL */
	const char *records_file;       /* --records, or NULL */
	const char *data_flag;          /* --data, or NULL */
	struct scenario_override *sets; /* --set, --seed */
	size_t n_sets;
	char **owned; /* their texts, two each */
	struct cli_list *lists;
	size_t n_lists;
	int64_t jobs, folds, starts; /* -j, --folds, --starts */
	bool gaps;                   /* --records-itl */
	bool exact, exit_zero, quiet, help;
	bool exhaustive, zip, across; /* --exhaustive, --zip, --across */
	struct data_dir *data;
	struct err *err;
};

struct command {
	const char *name;
	const char *args;  /* "SCENARIO" */
	const char *help;  /* one line */
	const char *flags; /* letters of the flags it takes, see cli.c */
	size_t min_args, max_args;
	int (*run)(struct cli *c);
	const char *examples; /* lines for --help */
};

/* NULL name ends the list. */
extern const struct command commands[];

int cli_run(struct cli *c);
int cli_check(struct cli *c);
int cli_list(struct cli *c);
int cli_show(struct cli *c);
int cli_show_calibration(struct cli *c, const char *file); /* for `show`, which found the file */
int cli_calibrate(struct cli *c);
void cli_kernels(struct cli *c, const char *gpu); /* calibrate --kernels */
int cli_validate(struct cli *c);
int cli_ccu(struct cli *c);
int cli_size(struct cli *c);
int cli_sweep(struct cli *c);
int cli_compare(struct cli *c);
int cli_plot(struct cli *c);
int cli_schedule(struct cli *c);
int cli_schedule_pods(struct cli *c); /* with --nodes and --pods */
int cli_help(struct cli *c);

/* Parse argv[2..] into *c; false with errors added. */
bool cli_parse(struct cli *c, int argc, const char *const *argv);
void cli_fini(struct cli *c);

/* All values of a flag of `lists`, in order; the caller frees the array. */
const char **cli_values(const struct cli *c, char letter, size_t *n);

/* The last value of a flag as an integer of at least 1, 0 when not given; errors are added. */
int64_t cli_positive(struct cli *c, char letter);

/* Set by SIGINT and SIGTERM once cli_catch_interrupts was called; a second one ends at once. */
extern volatile sig_atomic_t cli_interrupted;
void cli_catch_interrupts(void);

/* The last value given to a flag of `lists`, or NULL. */
const char *cli_value(const struct cli *c, char letter);

/*
 * The own name of the data sheet of a kind that a flag's value names, an alias too; NULL when it
 * was not given, or with an error when there is no such sheet. c->data must be open.
 */
const char *cli_sheet(struct cli *c, char letter, const char *kind);

/* All --vary, to be freed either way; false with errors added. */
struct axis;
bool cli_axes(struct cli *c, struct axis **axes, size_t *n);
void cli_axes_free(struct axis *axes, size_t n);

/* Can files be written to the folder of -o? Makes it; false with an error. True without -o. */
bool cli_can_write(struct cli *c);

/* The command line as it was typed, quoted for a shell. */
void cli_print_words(const struct cli *c, FILE *out);

/* Usage of one command, or of the program (NULL), to stdout. */
void cli_usage(const struct command *command);

/* The scenario named on the command line: a file, or the name of a bundled one. NULL with errors.
 */
struct scenario *cli_scenario(struct cli *c, const char *name);

/* progress.c: a line on stderr for runs that take longer than a second on a terminal. */
struct progress;
struct sim_progress;
struct progress *progress_new(bool quiet);
void progress_show(void *progress, const struct sim_progress *p);
/* The same for work whose state is a text. */
void progress_say(void *progress, const char *what);
/* Wipe the line, before something else is printed. */
void progress_wipe(struct progress *progress);
/* Wipe the line and free; returns the wall time since progress_new in seconds. */
double progress_end(struct progress *progress);

#endif
