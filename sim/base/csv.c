/* Rows of a CSV file one at a time: cuts physical lines, lets libcsv split them into fields. */
#include "base/csv.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"

#include <csv.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ROW_LIMIT ((size_t)1 << 20) /* bytes of one row, quoted line breaks included */
#define READ_CHUNK ((size_t)64 << 10)

struct bytes {
	char *at;
	size_t n, cap;
};

struct csv_reader {
	FILE *in;
	char *name;
	struct err *err;
	struct csv_parser parser;
	char *chunk; /* what was read and not yet cut into lines */
	size_t chunk_at, chunk_size;
	struct bytes line; /* the current physical line, with its '\n' if it has one */
	struct bytes text; /* fields of the row, NUL-terminated one after the other */
	VEC(size_t) start; /* where each begins in `text` */
	VEC(const char *) fields;
	size_t lines;     /* physical lines read */
	size_t row_line;  /* first line of the current row */
	size_t row_bytes; /* of the row so far */
	bool row_done, ended, failed;
};

static void append(struct bytes *b, const char *bytes, size_t n)
{
	if (b->at == NULL || b->n + n > b->cap) { /* an empty first field needs a place too */
		b->cap = 2 * (b->n + n) + 64;
		b->at = mem_resize(b->at, b->cap, 1);
	}
	memcpy(b->at + b->n, bytes, n);
	b->n += n;
}

static int is_line_feed(unsigned char c)
{
	return c == '\n';
}

static void on_field(void *field, size_t length, void *self)
{
	struct csv_reader *r = self;

	vec_push(&r->start, r->text.n);
	append(&r->text, field, length);
	append(&r->text, "", 1);
}

static void on_row(int terminator, void *self)
{
	struct csv_reader *r = self;

	(void)terminator;
	r->row_done = true;
}

struct csv_reader *csv_open(const char *file, struct err *err)
{
	bool is_stdin = strcmp(file, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(file, "rb");

	if (in == NULL) {
		err_add(err, ERR_IO, file, "cannot open: %s", strerror(errno));
		return NULL;
	}
	struct csv_reader *r = mem_new(1, sizeof(*r));

	r->in = in;
	r->name = mem_strdup(is_stdin ? "stdin" : file);
	r->err = err;
	r->chunk = mem_new(READ_CHUNK, 1);
	int rc = csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI);

	sim_assert(rc == 0);
	csv_set_term_func(&r->parser, is_line_feed);
	return r;
}

void csv_close(struct csv_reader *r)
{
	if (r == NULL) {
		return;
	}
	if (r->in != stdin) {
		fclose(r->in);
	}
	csv_free(&r->parser);
	free(r->name);
	free(r->chunk);
	free(r->line.at);
	free(r->text.at);
	free(r->start.at);
	free(r->fields.at);
	free(r);
}

size_t csv_line(const struct csv_reader *r)
{
	return r->row_line;
}

static void fail_at(const struct csv_reader *r, size_t line, const char *message)
{
	char *where = line > 0 ? mem_printf("%s:%zu", r->name, line) : mem_strdup(r->name);

	err_add(r->err, line > 0 ? ERR_INPUT : ERR_IO, where, "%s", message);
	free(where);
}

void csv_fail(const struct csv_reader *r, size_t field, const char *fmt, ...)
{
	char message[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	char *where = mem_printf("%s:%zu:%zu", r->name, r->row_line, field);

	err_add(r->err, ERR_INPUT, where, "%s", message);
	free(where);
}

/* Fill the chunk when it is used up; false at the end of the file or after a failure. */
static bool fill_chunk(struct csv_reader *r)
{
	if (r->chunk_at < r->chunk_size) {
		return true;
	}
	errno = 0;
	r->chunk_at = 0;
	r->chunk_size = fread(r->chunk, 1, READ_CHUNK, r->in);
	if (r->chunk_size == 0 && ferror(r->in) != 0) {
		char *message = mem_printf("cannot read: %s", strerror(errno));

		fail_at(r, 0, message);
		free(message);
		r->failed = true;
	}
	return r->chunk_size > 0;
}

/* Drop a byte order mark from the first line, and make CRLF a LF. */
static void tidy_line(struct csv_reader *r)
{
	size_t n = r->line.n;

	if (n >= 2 && r->line.at[n - 1] == '\n' && r->line.at[n - 2] == '\r') {
		r->line.at[n - 2] = '\n';
		r->line.n--;
	} else if (n >= 1 && r->line.at[n - 1] == '\r') { /* CRLF file without the final LF */
		r->line.n--;
	}
	if (r->lines == 1 && r->line.n >= 3 && memcmp(r->line.at, "\xEF\xBB\xBF", 3) == 0) {
		r->line.n -= 3;
		memmove(r->line.at, r->line.at + 3, r->line.n);
	}
}

/* The next physical line into r->line; false at the end of the file or after a failure. */
static bool read_line(struct csv_reader *r)
{
	bool complete = false;

	r->line.n = 0;
	while (!complete && fill_chunk(r)) {
		const char *from = r->chunk + r->chunk_at;
		size_t left = r->chunk_size - r->chunk_at;
		const char *end = memchr(from, '\n', left);
		size_t n = end != NULL ? (size_t)(end - from) + 1 : left;

		complete = end != NULL;
		append(&r->line, from, n);
		r->chunk_at += n;
		if (memchr(from, '\0', n) != NULL) {
			fail_at(r, r->lines + 1, "not a text file: holds a zero byte");
			r->failed = true;
		} else if (r->row_bytes + r->line.n > ROW_LIMIT) {
			fail_at(r, r->row_bytes > 0 ? r->row_line : r->lines + 1,
			        "a row of over 1 MiB (is a quote not closed?)");
			r->failed = true;
		}
		if (r->failed) {
			return false;
		}
	}
	if (r->failed || r->line.n == 0) {
		return false;
	}
	r->lines++;
	tidy_line(r);
	return true;
}

static void fail_quote(struct csv_reader *r)
{
	fail_at(r, r->row_bytes > 0 ? r->row_line : r->lines,
	        "a quote (\") that is not closed, or inside a field that does not begin with one");
	r->failed = true;
}

static bool is_blank(const struct bytes *line)
{
	for (size_t i = 0; i < line->n; i++) {
		if (strchr(" \t\n", line->at[i]) == NULL) {
			return false;
		}
	}
	return true;
}

/* Give one line to libcsv, or the end of the file when there is none. */
static void parse_more(struct csv_reader *r)
{
	if (!read_line(r)) {
		r->ended = true;
		if (!r->failed && csv_fini(&r->parser, on_field, on_row, r) != 0) {
			fail_quote(r);
		}
		return;
	}
	bool begins_row = r->row_bytes == 0;

	if (begins_row) {
		r->row_line = r->lines;
	}
	r->row_bytes += r->line.n;
	if (csv_parse(&r->parser, r->line.at, r->line.n, on_field, on_row, r) != r->line.n) {
		fail_quote(r);
		return;
	}
	if (begins_row && is_blank(&r->line)) { /* no row begins here */
		r->row_bytes = 0;
	}
}

bool csv_next(struct csv_reader *r, const char *const **fields, size_t *n)
{
	r->text.n = 0;
	r->start.n = 0;
	r->fields.n = 0;
	r->row_bytes = 0;
	r->row_done = false;
	while (!r->row_done && !r->ended && !r->failed) {
		parse_more(r);
	}
	if (r->failed || !r->row_done) {
		return false;
	}
	for (size_t i = 0; i < r->start.n; i++) {
		vec_push(&r->fields, r->text.at + r->start.at[i]);
	}
	*fields = r->fields.at;
	*n = r->fields.n;
	return true;
}
