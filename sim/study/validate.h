/* Measured rows beside simulated ones: every row with its error, and what the errors say together.
 */
#ifndef ALIQUOT_STUDY_VALIDATE_H
#define ALIQUOT_STUDY_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "study/calibrate.h"
#include "study/case.h"

enum row_role {
	ROW_FITTED,    /* of a configuration that the constants in use were fitted to */
	ROW_PREDICTED, /* of another one */
	ROW_INPUT,     /* told to the simulator */
	ROW_SKIPPED,   /* not simulated; `why` says why */
};

struct validated_row {
	const struct study_case *at;
	const struct measured_value *value;
	double simulated; /* NaN when skipped */
	double error_pct; /* signed */
	double tolerance_pct;
	int role;  /* enum row_role */
	bool ok;   /* within the tolerance; true when skipped */
	char *why; /* of a skipped row; owned */
};

struct validate_tolerance { /* of one metric, per cent */
	const char *metric;
	double pct;
};

struct validate_ask {
	const struct case_list *cases;
	const char *gpu, *engine;                    /* only these; NULL: all */
	const struct validate_tolerance *tolerances; /* over the usual ones */
	size_t n_tolerances;
	size_t threads;
	void (*progress)(void *arg, const char *what); /* now and then, from any thread but one at
	                                                  a time; may be NULL */
	void *progress_arg;
};

struct validation {
	struct validated_row *rows; /* in the table's order */
	size_t n_rows;
};

/* Is it a metric that can be simulated? *near gets the most similar one, or NULL, when not. */
bool validate_knows(const char *metric, const char **near);

/* Simulate every case once. Free with validation_fini. */
void validate(const struct validate_ask *ask, struct validation *out);
void validation_fini(struct validation *v);

/* A row's identity: "source:line". Caller frees. */
char *validated_id(const struct validated_row *row);

/* Is every row that was simulated within its tolerance? */
bool validation_ok(const struct validation *v);

/* Tables of at most 100 columns: by group, by load, and the rows that are not ok. */
void validation_print(const struct validation *v, FILE *out);

/* {"schema", "rows": [...], "groups": [...], "summary": {...}} (contract.md section 2). */
void validation_json(const struct validation *v, FILE *out);

#endif
