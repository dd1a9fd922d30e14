/* What the readers of measured tables share: measured*.c. */
#ifndef ALIQUOT_STUDY_MEASURED_PRIVATE_H
#define ALIQUOT_STUDY_MEASURED_PRIVATE_H

#include "base/csv.h"
#include "study/measured.h"

#define MEASURED_COLUMNS 32
#define MEASURED_MOST 1e9 /* of anything that is counted: more is a typing mistake */

struct measured_reader {
	struct csv_reader *csv;
	const char *file;
	struct err *err;
	size_t at[MEASURED_COLUMNS]; /* field of a column, SIZE_MAX when absent */
	const char *const *fields;
	size_t n_fields, n_columns; /* of the row just read, of the header */
	char **keys;                /* of the runs */
	struct measured_table *table;
	size_t cap;
};

/* Place of a column in the row just read, SIZE_MAX when there is none. */
size_t measured_column(const struct measured_reader *r, const char *name);

/* Add the error that a column is missing from the header, with the nearest one there is. */
void measured_missing(const struct measured_reader *r, const char *name);

/* The run with this key (taken over), made zeroed when it is new. */
struct measured_run *measured_run_of(struct measured_reader *r, char *key, bool *fresh);

/* Add a value of the current line. */
struct measured_value *measured_add(struct measured_reader *r, struct measured_run *run,
                                    const char *metric, const char *stat, const char *unit,
                                    double value);

/* The tables that BLIS published; the header is the current row. False with errors added. */
bool measured_read_stages(struct measured_reader *r);
bool measured_read_errors(struct measured_reader *r);

#endif
