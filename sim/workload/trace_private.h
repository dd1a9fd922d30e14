/*
 * What the trace readers share: one row, one open source, the vtable of a format, and helpers for
 * CSV tables, JSON lines and sorted lists. Private to the trace_*.c files.
 */
#ifndef ALIQUOT_WORKLOAD_TRACE_PRIVATE_H
#define ALIQUOT_WORKLOAD_TRACE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/csv.h"
#include "base/err.h"
#include "base/json.h"
#include "base/units.h"
#include "base/vec.h"
#include "spec/scenario.h"

/* More tokens than any model reads or writes: a unit mistake or a broken file. */
#define TRACE_MAX_TOKENS (INT32_C(1) << 24)

struct trace_row {
	ns_t at;        /* on the file's own clock, not negative */
	int32_t input;  /* tokens, images included */
	int32_t output; /* tokens; 0 only for embedding models */
	int32_t images;
	bool warmup;      /* recorded in a warm-up phase */
	size_t position;  /* from 1: line, or index of the record where the file is one document */
	size_t column;    /* field number of the time in a table; 0 elsewhere */
	uint64_t *blocks; /* what the prompt's pieces of load->hash_block tokens hold, the last may
	                     be short; owned, NULL when the file does not say */
	uint32_t n_blocks;
};

enum trace_status { TRACE_ROW, TRACE_END, TRACE_FAILED };

/* What a reader is asked to open; everything is borrowed and outlives the source. */
struct trace_ask {
	const char *file;
	const struct scenario_load *load;
	bool embeds; /* the model writes nothing: output lengths are not read, rows get 0 */
	bool sees;   /* the model takes images: otherwise rows must have none */
	struct err *err;
};

/* The opening bytes of a file, by which formats are told apart. */
struct trace_head {
	char *text; /* NUL-terminated, byte-order mark removed; owned */
	size_t size;
};

struct trace_source;

/* One format. */
struct trace_reader {
	const char *name; /* as in scenarios */
	const char *unit; /* of its times, for the note about a guessed format */
	const char *mark; /* what gives the format away, for the message about an unknown one */
	bool (*guess)(const struct trace_head *head);
	/* NULL with errors added. */
	struct trace_source *(*open)(const struct trace_ask *ask);
	/* The next row in file order (exports of results: in time order). */
	enum trace_status (*next)(struct trace_source *s, struct trace_row *out);
	/* Adds the notes about what was skipped, then frees. */
	void (*close)(struct trace_source *s);
};

struct trace_source {
	const struct trace_reader *reader;
	struct trace_ask ask;
};

extern const struct trace_reader trace_azure, trace_burstgpt, trace_mooncake, trace_aiperf,
	trace_genai_perf, trace_csv, trace_vllm_log;

/* trace_head.c */

/* Can the file be read only once (a pipe, "-" for stdin)? Its opening bytes are out of reach then.
 */
bool trace_head_is_pipe(const char *file);

/*
 * Read the opening bytes into *out (free out->text). False with an error added when the file cannot
 * be read or is empty, compressed or binary.
 */
bool trace_head_read(const char *file, struct trace_head *out, struct err *err);

/* Is `name` one of the columns of the first line? Case is ignored. */
bool trace_head_has_column(const struct trace_head *head, const char *name);

/* Is `key` a member of the first JSON object, as far as the opening bytes go? */
bool trace_head_has_key(const struct trace_head *head, const char *key);

/* The reader whose format the bytes show, or NULL. */
const struct trace_reader *trace_head_guess(const struct trace_head *head);

/* trace_parse.c */

/*
 * The decimal number `text` (exponent allowed, not negative) times 10^scale, rounded to the nearest
 * integer without going through floating point. False when it is none or does not fit.
 */
bool trace_parse_decimal(const char *text, int scale, int64_t *out);

/* "YYYY-MM-DD hh:mm:ss[.fraction][zone]" (years 1970 to 2200) to ns since 1970, UTC unless zoned.
 */
bool trace_parse_civil(const char *text, ns_t *out);

/* An integer, or a real number with an integer value: tokens in [min, TRACE_MAX_TOKENS]. */
bool trace_parse_tokens(const struct json_at *at, int32_t min, int32_t *out);

/* A time in units of `unit_ns`; false with an error added when negative or out of range. */
bool trace_parse_time(const struct json_at *at, int64_t unit_ns, ns_t *out);

/* A mean length of the load (0: not given) as tokens; 0 when not given. */
int32_t trace_mean_tokens(const struct length_dist *dist);

/* trace_table.c: CSV with a header line, read by column name. */

struct trace_table_format {
	const struct trace_reader *reader;
	const char *time, *input, *output; /* column names, case ignored */
	const char *images;                /* NULL: the format has none; the column may be absent */
	bool (*parse_time)(const char *text, ns_t *out);
	const char *time_shape;  /* "seconds as a decimal number", for messages */
	const char *zero_output; /* what output 0 says of a skipped row; NULL: an error */
};

struct trace_source *trace_table_open(const struct trace_ask *ask,
                                      const struct trace_table_format *format);
enum trace_status trace_table_next(struct trace_source *s, struct trace_row *out);
void trace_table_close(struct trace_source *s);

/* trace_lines.c: one JSON object per line. */

struct trace_lines {
	FILE *stream; /* stdin for "-" */
	char *line;
	size_t cap;
	size_t number; /* of the current line, from 1 */
	const struct trace_ask *ask;
	char *name; /* "file:line" of the current line, for messages */
	size_t name_size;
};

/* False with an error added when the file cannot be opened; fini is fine then too. */
bool trace_lines_init(struct trace_lines *lines, const struct trace_ask *ask);
void trace_lines_fini(struct trace_lines *lines);

/*
 * The next object, blank lines skipped; on TRACE_ROW the caller owns *value and *at is its root,
 * whose file name (with the line) is good until the next call.
 */
enum trace_status trace_lines_next(struct trace_lines *lines, json_t **value, struct json_at *at);

/* Names seen in a file that nobody reads, and how often. */
#define TRACE_TALLY_NAMES 16
struct trace_tally {
	char *names[TRACE_TALLY_NAMES]; /* owned */
	size_t rows[TRACE_TALLY_NAMES];
	size_t n;
	size_t others; /* further names' rows */
};

void trace_tally_add(struct trace_tally *tally, const char *name);
/* One note naming all of them, if any; then empties the tally. */
void trace_tally_note(struct trace_tally *tally, const struct trace_ask *ask);

/* trace_list.c: exports of results, which are in order of completion: kept whole and sorted. */

struct trace_list {
	struct trace_source source;
	VEC(struct trace_row) rows;
	size_t next;
	size_t skipped; /* requests that failed, counted in a note */
};

struct trace_list *trace_list_new(const struct trace_ask *ask, const struct trace_reader *reader);
/* By time, then position. */
void trace_list_sort(struct trace_list *list);
enum trace_status trace_list_next(struct trace_source *s, struct trace_row *out);
void trace_list_close(struct trace_source *s);

/* trace_chunk.c: one element of response_outputs in profile_export.json. */

struct trace_chunk {
	int64_t tokens;            /* 0: no text in it (role only, [DONE]) */
	int64_t prompt_tokens;     /* -1: not stated */
	int64_t completion_tokens; /* -1: not stated */
};

void trace_chunk_read(const json_t *output, struct trace_chunk *out);

#endif
