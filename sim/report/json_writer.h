/*
 * Writes JSON to a file as it goes: keys in the order given, two-space indent, reals as the
 * shortest text that reads back, NaN and infinities as null. Nesting mistakes are assertions.
 */
#ifndef ALIQUOT_REPORT_JSON_WRITER_H
#define ALIQUOT_REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/units.h"

#define JSON_WRITER_DEPTH 16

struct json_writer {
	FILE *out;
	unsigned depth;
	unsigned flat; /* depth from which everything stays on one line; 0: none */
	bool flat_all; /* no line breaks at all, for JSON lines */
	bool object[JSON_WRITER_DEPTH], filled[JSON_WRITER_DEPTH];
};

/* `one_line`: no line breaks and no blanks, for JSON lines. */
void json_writer_init(struct json_writer *w, FILE *out, bool one_line);

/*
 * `key` is the member's name inside an object and NULL inside an array and at the root. The _flat
 * forms keep everything inside on one line.
 */
void json_begin_object(struct json_writer *w, const char *key);
void json_begin_object_flat(struct json_writer *w, const char *key);
void json_begin_array(struct json_writer *w, const char *key);
void json_begin_array_flat(struct json_writer *w, const char *key);

/* End the innermost object or array; a line break follows the outermost. */
void json_end(struct json_writer *w);

void json_put_string(struct json_writer *w, const char *key, const char *text); /* NULL: null */
void json_put_int(struct json_writer *w, const char *key, int64_t v);
void json_put_real(struct json_writer *w, const char *key, double v);
void json_put_bool(struct json_writer *w, const char *key, bool v);
void json_put_null(struct json_writer *w, const char *key);

/* v >= 0 ns as milliseconds: the same text as json_put_real(v / 1e6), much faster. */
void json_put_ms(struct json_writer *w, const char *key, ns_t v);

#endif
