/*
 * The figures that were published of GPU fractions beside what the bundled scenarios give
 * (models/published/): each one fitted, predicted, or an input that is reported beside a capacity.
 */
#ifndef ALIQUOT_STUDY_PUBLISHED_H
#define ALIQUOT_STUDY_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "spec/data_dir.h"

enum published_role { PUBLISHED_FITTED, PUBLISHED_PREDICTED, PUBLISHED_INPUT };

extern const char *const published_roles[]; /* NULL-terminated */

struct published_row {
	const char *id, *source, *figure, *gpu, *model, *metric; /* borrowed from the file */
	const char *why;                                         /* NULL: nothing to add */
	double published;
	double simulated;     /* NaN: nothing is simulated for it */
	double error_pct;     /* signed; NaN for inputs and bounds */
	double tolerance_pct; /* NaN: none, then the error is shown and not judged */
	int role;             /* enum published_role */
	bool at_most;         /* published is an upper bound */
	bool judged;
	bool ok; /* true where not judged */
};

struct published {
	struct published_row *rows;
	size_t n_rows;
	void *documents; /* of the strings */
};

struct published_ask {
	struct data_dir *data;
	size_t threads;
	void (*progress)(void *arg, const char *what); /* may be NULL */
	void *progress_arg;
};

/* Simulate every row. False with errors added; free with published_fini either way. */
bool published_run(const struct published_ask *ask, struct published *out, struct err *err);
void published_fini(struct published *p);

/* Is every row that has a tolerance or a bound within it? */
bool published_ok(const struct published *p);

/* A table of up to 100 columns, and the document of contract.md section 2. */
void published_print(const struct published *p, FILE *out);
void published_json(const struct published *p, FILE *out);

#endif
