/* A table in memory, and the rows of it that a figure is to show. */
#ifndef ALIQUOT_STUDY_PLOT_TABLE_H
#define ALIQUOT_STUDY_PLOT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "study/plot.h"

struct table {
	char ***cells; /* row 0: the names of the columns */
	size_t n_rows, n_columns;
	const char *file; /* borrowed */
};

/* Read a CSV file; false with errors added, `t` is to be freed either way. */
bool table_read(struct table *t, const char *file, struct err *err);
void table_fini(struct table *t);

/* Keep the rows that all of `where` allow. False with errors when that is none. */
bool table_keep(struct table *t, const struct plot_where *where, size_t n, struct err *err);

/* The column of that name; n_columns when there is none. */
size_t table_column(const struct table *t, const char *name);

/* Do not all rows have the same value there? */
bool table_varies(const struct table *t, size_t column);

/*
 * Up to three values of a column in the order of the rows, "a, b", else how many there are, "7
 * models"; empty where there is no such column. Caller frees.
 */
char *table_values(const struct table *t, const char *name);

#endif
