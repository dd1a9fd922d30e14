/*
 * Option tables: one description of a key fills a struct from JSON, checks its range, prints help
 * and lists every key with its value and where it came from.
 */
#ifndef ALIQUOT_BASE_OPTION_H
#define ALIQUOT_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/units.h"

enum option_type {
	OPTION_BOOL,     /* bool */
	OPTION_INT,      /* int64_t; a JSON integer, or "10k" */
	OPTION_REAL,     /* double; a JSON number, or "1.5k" */
	OPTION_SHARE,    /* double; 0.5 or "50%" */
	OPTION_TEXT,     /* char *, owned by the struct; NULL when absent */
	OPTION_DURATION, /* ns_t; a JSON number in `unit` ("s" unless stated), or "250ms" */
	OPTION_BYTES,    /* bytes_t; bytes, or "80GiB" */
	OPTION_RATE,     /* double; bytes per second as a number, or "6GB" (meaning per second) */
	OPTION_CHOICE,   /* int; index into choices */
	OPTION_NODE,     /* const json_t *, borrowed; the caller reads it; NULL when absent */
};

/* A table ends with a NULL name. */
struct option {
	const char *name;
	enum option_type type;
	size_t offset;        /* of the field in the struct */
	double min, max;      /* inclusive, in the field's unit; min == max == 0: no check */
	const char *fallback; /* default, as text a user would write; NULL: the key is required;
	                         "" : absent stays zero/NULL */
	const char *const *choices; /* OPTION_CHOICE: names, NULL-terminated */
	const char *unit; /* of a bare number: "s", "ms", "bytes", "tokens", ...; may be NULL */
	const char *help; /* one line */
};

/* Where a value came from, for `aliquot check`. */
struct option_seen {
	char *path;              /* "services.0.fraction" */
	char *value;             /* as text */
	const char *source;      /* "scenario", "default", "--set", "engine profile" ...; static or
	                            borrowed */
	const char *unit, *help; /* of the key; NULL for keys without a table */
};

struct option_log; /* a growing list of option_seen */

struct option_log *option_log_new(void);
void option_log_free(struct option_log *log);
size_t option_log_size(const struct option_log *log);
const struct option_seen *option_log_at(const struct option_log *log, size_t i);
/* Later additions with the same path replace the value and source but keep the place. */
void option_log_add(struct option_log *log, const char *path, const char *value,
                    const char *source);
/* The same for a field of `self` with its table's unit and meaning. */
void option_log_field(struct option_log *log, const char *path, const struct option *o,
                      const void *self, const char *source);
/* Entry i is of this key: its unit and meaning. */
void option_log_explain(struct option_log *log, size_t i, const struct option *o);
/* Paths given here are reported with `source` instead of "scenario" (used by --set). */
void option_log_override(struct option_log *log, const char *path, const char *source);

/*
 * Fill `self` from object `at`: every present key is checked for type and range, absent ones get
 * their fallback, missing required ones and unknown ones are errors (with a suggestion).
 * `source` names where present keys come from; `log` may be NULL. False when an error was added.
 */
bool option_fill(const struct option *table, void *self, const struct json_at *at,
                 const char *source, struct option_log *log);

/* The same, but absent keys leave the field alone (values over a profile). */
bool option_override(const struct option *table, void *self, const struct json_at *at,
                     const char *source, struct option_log *log);

/* Fill from fallbacks alone; asserts that none is required. */
void option_defaults(const struct option *table, void *self);

/* Free the OPTION_TEXT fields. */
void option_fini(const struct option *table, void *self);

/* The field's value as text. */
const char *option_text(const struct option *o, const void *self, char *buf, size_t size);

#endif
