/*
 * jansson behind values that know their file and path of keys, so that every message says where.
 * Reads only; syntax errors carry line and column, duplicate keys are errors.
 */
#ifndef ALIQUOT_BASE_JSON_H
#define ALIQUOT_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One value and the chain of keys that leads to it. Parents must outlive children (same stack). */
struct json_at {
	const json_t *value;      /* borrowed */
	const struct json_at *up; /* NULL at the root */
	const char *key;          /* member name; NULL at the root and in arrays */
	size_t index;             /* valid only in arrays */
	const char *file;         /* as the user named it; borrowed */
	struct err *err;          /* where mistakes go */
};

/* Load a file ("-" is stdin); new reference, or NULL with an error added (ERR_IO or ERR_INPUT). */
json_t *json_read(const char *file, struct err *err);

/* The same from memory; `name` stands for the file in messages. */
json_t *json_parse(const char *text, size_t size, const char *name, struct err *err);

/* The same for one line of a file of many documents: `line` is its number from 1. */
json_t *json_parse_line(const char *text, size_t size, const char *name, size_t line,
                        struct err *err);

struct json_at json_root(const json_t *value, const char *file, struct err *err);

/* Member `key` of an object into *out; false when absent (or null). `at` must hold an object. */
bool json_get(const struct json_at *at, const char *key, struct json_at *out);

/* Element i of an array; i must be in range. */
struct json_at json_item(const struct json_at *at, size_t i);

/* The dotted path, "cluster.nodes.0.gpu"; keeps the tail when it does not fit. */
const char *json_path(const struct json_at *at, char *buf, size_t size);

/* Add an ERR_INPUT error at "file: path". */
__attribute__((format(printf, 2, 3))) void json_fail(const struct json_at *at, const char *fmt,
                                                     ...);

/* Type checks that add "expected an object, got a string" and return false. */
bool json_want_object(const struct json_at *at);
bool json_want_array(const struct json_at *at);
bool json_want_string(const struct json_at *at, const char **out);

/* "a string", "an object", ... for messages. */
const char *json_type_name(const json_t *value);

/* Error with the nearest known name: `unknown GPU "h2000"; did you mean "h200-sxm"?` */
void json_fail_name(const struct json_at *at, const char *what, const char *got,
                    const char *const *names, size_t n);

/*
 * Change the value at a dotted path ("services.chat.fraction", array elements by index or by their
 * "name" member), creating members but not array elements. `text` is read as JSON when it is
 * valid JSON, else as a string. False with an ERR_USAGE error added.
 */
bool json_set(json_t *root, const char *path, const char *text, struct err *err);

/* The path with array elements by their index, as messages have it; caller frees. */
char *json_index_path(const json_t *root, const char *path);

#endif
