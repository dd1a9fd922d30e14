/* Reads tables for figures, and keeps the rows that are asked for. */
#include "study/plot_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

#define MOST_NAMED 3

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		for (size_t k = 0; k < t->n_columns; k++) {
			free(t->cells[i][k]);
		}
		free(t->cells[i]);
	}
	free(t->cells);
}

static void keep_row(struct table *t, const char *const *fields)
{
	t->cells = mem_resize(t->cells, t->n_rows + 1, sizeof(*t->cells));
	t->cells[t->n_rows] = mem_new(t->n_columns, sizeof(char *));
	for (size_t k = 0; k < t->n_columns; k++) {
		t->cells[t->n_rows][k] = mem_strdup(fields[k]);
	}
	t->n_rows++;
}

bool table_read(struct table *t, const char *file, struct err *err)
{
	const char *const *fields;
	const size_t before = err_count(err);
	size_t n;
	struct csv_reader *const r = csv_open(file, err);
	*t = (struct table){.file = file};
	while (r != NULL && csv_next(r, &fields, &n)) {
		if (t->n_rows > 0 && n != t->n_columns) {
			csv_fail(r, n, "%zu fields, the first line has %zu", n, t->n_columns);
			break;
		}
		t->n_columns = n;
		keep_row(t, fields);
	}
	csv_close(r);
	if (err_count(err) == before && t->n_rows < 2) {
		err_add(err, ERR_INPUT, file, "no rows");
	}
	return err_count(err) == before;
}

size_t table_column(const struct table *t, const char *name)
{
	size_t k = 0;
	while (k < t->n_columns && strcmp(t->cells[0][k], name) != 0) {
		k++;
	}
	return k;
}

bool table_varies(const struct table *t, size_t column)
{
	bool found = false;
	for (size_t i = 2; i < t->n_rows; i++) {
		found = found || strcmp(t->cells[i][column], t->cells[1][column]) != 0;
	}
	return found;
}

/* Is it the first row of its value? */
static bool is_new(const struct table *t, size_t row, size_t column)
{
	size_t i = 1;
	while (i < row && strcmp(t->cells[i][column], t->cells[row][column]) != 0) {
		i++;
	}
	return i == row && t->cells[row][column][0] != '\0';
}

char *table_values(const struct table *t, const char *name)
{
	const size_t k = table_column(t, name);
	char *text = mem_strdup("");
	size_t n = 0;
	for (size_t i = 1; k < t->n_columns && i < t->n_rows; i++) {
		if (is_new(t, i, k)) {
			char *const longer = mem_printf("%s%s%s", text, n > 0 ? ", " : "",
			                                n < MOST_NAMED ? t->cells[i][k] : "");
			free(text);
			text = longer;
			n++;
		}
	}
	if (n > MOST_NAMED) {
		free(text);
		text = mem_printf("%zu %ss", n, name);
	}
	return text;
}

/* The column that a --where names, by its whole name or the last part of it; errors added. */
static size_t find_column(const struct table *t, const struct plot_where *w, struct err *err)
{
	size_t found = table_column(t, w->column), n = found < t->n_columns;
	for (size_t k = 0; k < t->n_columns && found == t->n_columns; k++) {
		const char *const dot = strrchr(t->cells[0][k], '.');
		if (dot != NULL && strcmp(dot + 1, w->column) == 0) {
			found = k;
			n = 1;
		}
	}
	if (n == 0) {
		const char *const near =
			str_nearest(w->column, (const char *const *)t->cells[0], t->n_columns);
		err_add(err, ERR_USAGE, NULL, "--where: the table has no column \"%.60s\"%s%s%s",
		        w->column, near != NULL ? "; did you mean \"" : "",
		        near != NULL ? near : "", near != NULL ? "\"?" : "");
	}
	return found;
}

/* Is the value one of those, which commas part? A value may have commas of its own. */
static bool is_among(const char *value, const char *values)
{
	const size_t length = strlen(value);
	bool found = strcmp(value, values) == 0;
	for (const char *at = values; !found && at != NULL;) {
		const size_t n = strcspn(at, ",");
		found = n == length && strncmp(at, value, n) == 0;
		at = at[n] == ',' ? at + n + 1 : NULL;
	}
	return found;
}

static void free_row(struct table *t, size_t row)
{
	for (size_t k = 0; k < t->n_columns; k++) {
		free(t->cells[row][k]);
	}
	free(t->cells[row]);
}

/* Keep the rows of one condition. */
static bool keep(struct table *t, const struct plot_where *w, struct err *err)
{
	const size_t k = find_column(t, w, err);
	size_t n = 1;
	if (k == t->n_columns) {
		return false;
	}
	char *const had = table_values(t, t->cells[0][k]);
	for (size_t i = 1; i < t->n_rows; i++) {
		if (is_among(t->cells[i][k], w->values)) {
			t->cells[n++] = t->cells[i];
		} else {
			free_row(t, i);
		}
	}
	t->n_rows = n;
	if (n == 1) {
		err_add(err, ERR_USAGE, NULL, "--where: no row has %s \"%.60s\"; there are %s",
		        t->cells[0][k], w->values, had);
	}
	free(had);
	return n > 1;
}

bool table_keep(struct table *t, const struct plot_where *where, size_t n, struct err *err)
{
	bool ok = true;
	for (size_t i = 0; i < n && ok; i++) {
		ok = keep(t, &where[i], err);
	}
	return ok;
}
