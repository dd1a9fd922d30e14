/* Traces that are CSV tables: columns are found by name, rows checked field by field. */
#include "base/str.h"
#include "workload/trace_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum table_column { COLUMN_TIME, COLUMN_INPUT, COLUMN_OUTPUT, COLUMN_IMAGES, COLUMN_COUNT };

#define NO_COLUMN SIZE_MAX

struct table {
	struct trace_source source;
	const struct trace_table_format *format;
	struct csv_reader *csv;
	size_t n_fields;              /* of the header */
	size_t columns[COLUMN_COUNT]; /* their fields, from 0; NO_COLUMN: absent */
	const char *const *fields;    /* of the current row */
	size_t skipped;
};

static const char *column_name(const struct trace_table_format *format, enum table_column column)
{
	const char *const names[COLUMN_COUNT] = {format->time, format->input, format->output,
	                                         format->images};

	return names[column];
}

/* Does a header field carry this name? Blanks around it do not count. */
static bool header_is(const char *field, const char *name)
{
	size_t n;

	if (name == NULL) {
		return false;
	}
	field += strspn(field, " \t\"");
	n = strlen(field);
	while (n > 0 && strchr(" \t\"", field[n - 1]) != NULL) {
		n--;
	}
	return n == strlen(name) && strncasecmp(field, name, n) == 0;
}

/* The wanted column a header field stands for, or COLUMN_COUNT. */
static enum table_column find_column(const struct table *t, const char *field)
{
	enum table_column column = COLUMN_TIME;

	while (column < COLUMN_COUNT && !header_is(field, column_name(t->format, column))) {
		column++;
	}
	return column;
}

/* Tokens that stand in for a missing column: the load's mean; 0 when there are none. */
static int32_t stand_in(const struct table *t, enum table_column column)
{
	const struct scenario_load *load = t->source.ask.load;

	return column == COLUMN_INPUT    ? trace_mean_tokens(&load->isl)
	       : column == COLUMN_OUTPUT ? trace_mean_tokens(&load->osl)
	                                 : 0;
}

static bool column_is_required(const struct table *t, enum table_column column)
{
	return column != COLUMN_IMAGES && stand_in(t, column) == 0 &&
	       (column != COLUMN_OUTPUT || !t->source.ask.embeds);
}

/* Add `field` to the comma-separated list `*list`. */
static void append_name(char **list, const char *field)
{
	char *longer =
		mem_printf("%s%s%s", *list == NULL ? "" : *list, *list == NULL ? "" : ", ", field);

	free(*list);
	*list = longer;
}

/* The header field that was meant by a missing name: none that is read as something else. */
static const char *nearest_field(const struct table *t, const char *const *fields, const char *name)
{
	const char **rest = mem_new(t->n_fields, sizeof(*rest));
	size_t n = 0;

	for (size_t i = 0; i < t->n_fields; i++) {
		if (find_column(t, fields[i]) == COLUMN_COUNT) {
			rest[n++] = fields[i];
		}
	}
	const char *nearest = str_nearest(name, rest, n);

	free(rest);
	return nearest;
}

static bool check_columns(struct table *t, const char *const *fields)
{
	static const char *const keys[COLUMN_COUNT] = {NULL, "isl", "osl", NULL};
	bool ok = true;

	for (enum table_column c = COLUMN_TIME; c < COLUMN_COUNT; c++) {
		const char *name = column_name(t->format, c), *near;

		if (t->columns[c] != NO_COLUMN || !column_is_required(t, c)) {
			continue;
		}
		near = nearest_field(t, fields, name);
		if (near != NULL) {
			csv_fail(t->csv, 1, "no column \"%s\"; is it \"%s\"?", name, near);
		} else if (keys[c] != NULL) {
			csv_fail(t->csv, 1,
			         "no column \"%s\", and the load has no \"%s\" to stand in", name,
			         keys[c]);
		} else {
			csv_fail(t->csv, 1, "no column \"%s\"", name);
		}
		ok = false;
	}
	return ok;
}

static bool read_header(struct table *t)
{
	const struct trace_ask *ask = &t->source.ask;
	size_t errors = err_count(ask->err);
	const char *const *fields;
	char *unused = NULL;

	if (!csv_next(t->csv, &fields, &t->n_fields)) {
		if (err_count(ask->err) == errors) {
			err_add(ask->err, ERR_INPUT, ask->file, "no requests: the file is empty");
		}
		return false;
	}
	for (size_t i = 0; i < t->n_fields; i++) {
		enum table_column c = find_column(t, fields[i]);

		if (c == COLUMN_COUNT) {
			append_name(&unused, fields[i]);
		} else if (t->columns[c] == NO_COLUMN) {
			t->columns[c] = i;
		} else {
			csv_fail(t->csv, i + 1, "two columns are called \"%s\"",
			         column_name(t->format, c));
		}
	}
	if (!check_columns(t, fields) || err_count(ask->err) != errors) {
		free(unused);
		return false;
	}
	if (unused != NULL) {
		err_note(ask->err, "%s: columns not used: %s", ask->file, unused);
	}
	free(unused);
	return true;
}

struct trace_source *trace_table_open(const struct trace_ask *ask,
                                      const struct trace_table_format *format)
{
	struct table *t = mem_new(1, sizeof(*t));

	t->source.reader = format->reader;
	t->source.ask = *ask;
	t->format = format;
	for (enum table_column c = COLUMN_TIME; c < COLUMN_COUNT; c++) {
		t->columns[c] = NO_COLUMN;
	}
	t->csv = csv_open(ask->file, ask->err);
	if (t->csv == NULL || !read_header(t)) {
		trace_table_close(&t->source);
		return NULL;
	}
	return &t->source;
}

/* A count in [min, TRACE_MAX_TOKENS] from the current row, or what stands in for the column. */
static bool read_count(const struct table *t, enum table_column column, int32_t min, int32_t *out)
{
	size_t field = t->columns[column];

	if (field == NO_COLUMN) {
		*out = stand_in(t, column);
		return true;
	}
	const char *text = t->fields[field], *name = column_name(t->format, column);
	int64_t value;

	if (!str_to_int(text, &value)) {
		csv_fail(t->csv, field + 1, "%s: expected an integer, got \"%.40s\"", name, text);
		return false;
	}
	if (value < min || value > TRACE_MAX_TOKENS) {
		csv_fail(t->csv, field + 1, "%s: expected %d to %d, got %.40s", name, (int)min,
		         (int)TRACE_MAX_TOKENS, text);
		return false;
	}
	*out = (int32_t)value;
	return true;
}

/* Did the request of this row fail, says the format? */
static bool row_failed(const struct table *t, const struct trace_row *row)
{
	return t->format->zero_output != NULL && t->columns[COLUMN_OUTPUT] != NO_COLUMN &&
	       row->output == 0;
}

static bool read_row(const struct table *t, struct trace_row *out)
{
	const struct trace_table_format *format = t->format;
	size_t time = t->columns[COLUMN_TIME];

	*out = (struct trace_row){.position = csv_line(t->csv), .column = time + 1};
	if (!format->parse_time(t->fields[time], &out->at)) {
		csv_fail(t->csv, time + 1, "%s: expected %s, got \"%.40s\"", format->time,
		         format->time_shape, t->fields[time]);
		return false;
	}
	if (!read_count(t, COLUMN_OUTPUT,
	                t->source.ask.embeds || format->zero_output != NULL ? 0 : 1,
	                &out->output)) {
		return false;
	}
	if (!read_count(t, COLUMN_IMAGES, 0, &out->images)) {
		return false;
	}
	if (out->images > 0 && !t->source.ask.sees) {
		csv_fail(t->csv, t->columns[COLUMN_IMAGES] + 1,
		         "%s: the model sees no images, got %d", format->images, (int)out->images);
		return false;
	}
	/* A request that failed may have no input either. */
	return read_count(t, COLUMN_INPUT, row_failed(t, out) ? 0 : 1, &out->input);
}

enum trace_status trace_table_next(struct trace_source *s, struct trace_row *out)
{
	struct table *t = (struct table *)s;
	size_t errors = err_count(s->ask.err);
	size_t n;

	while (csv_next(t->csv, &t->fields, &n)) {
		if (n != t->n_fields) {
			csv_fail(t->csv, n < t->n_fields ? n : t->n_fields + 1,
			         "expected %zu fields as in the header, got %zu", t->n_fields, n);
			return TRACE_FAILED;
		}
		if (!read_row(t, out)) {
			return TRACE_FAILED;
		}
		if (!row_failed(t, out)) {
			if (s->ask.embeds) {
				out->output = 0;
			}
			return TRACE_ROW;
		}
		t->skipped++;
	}
	return err_count(s->ask.err) == errors ? TRACE_END : TRACE_FAILED;
}

void trace_table_close(struct trace_source *s)
{
	struct table *t = (struct table *)s;

	if (t->skipped > 0) {
		err_note(s->ask.err, "%s: %zu skipped: %s", s->ask.file, t->skipped,
		         t->format->zero_output);
	}
	csv_close(t->csv);
	free(t);
}
