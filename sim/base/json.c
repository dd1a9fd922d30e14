/* Values that know their place: getters, type checks and messages with the path of keys. */
#include "base/json.h"

#include "base/check.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PATH_DEPTH 64   /* links shown of a path; deeper ones keep the tail */
#define NAMES_LISTED 12 /* known names shown when none is near */

struct json_at json_root(const json_t *value, const char *file, struct err *err)
{
	return (struct json_at){.value = value, .file = file, .err = err};
}

bool json_get(const struct json_at *at, const char *key, struct json_at *out)
{
	const json_t *value = json_object_get(at->value, key);

	if (value == NULL || json_is_null(value)) {
		return false;
	}
	*out = (struct json_at){
		.value = value, .up = at, .key = key, .file = at->file, .err = at->err};
	return true;
}

struct json_at json_item(const struct json_at *at, size_t i)
{
	sim_assert(i < json_array_size(at->value));
	return (struct json_at){.value = json_array_get(at->value, i),
	                        .up = at,
	                        .index = i,
	                        .file = at->file,
	                        .err = at->err};
}

const char *json_path(const struct json_at *at, char *buf, size_t size)
{
	const struct json_at *chain[PATH_DEPTH];
	size_t n = 0, used = 0;

	sim_assert(size > 0);
	buf[0] = '\0';
	for (; at != NULL && at->up != NULL && n < PATH_DEPTH; at = at->up) {
		chain[n++] = at;
	}
	char *text = mem_strdup("");

	while (n > 0) {
		const struct json_at *link = chain[--n];
		const char *dot = used > 0 ? "." : "";
		char *longer = link->key != NULL ? mem_printf("%s%s%s", text, dot, link->key)
		                                 : mem_printf("%s%s%zu", text, dot, link->index);

		free(text);
		text = longer;
		used = strlen(text);
	}
	snprintf(buf, size, "%s", used < size ? text : text + (used - size + 1));
	free(text);
	return buf;
}

void json_fail(const struct json_at *at, const char *fmt, ...)
{
	char path[512];
	char message[1800];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	json_path(at, path, sizeof(path));
	char *where = path[0] != '\0' ? mem_printf("%s: %s", at->file, path) : mem_strdup(at->file);

	err_add(at->err, ERR_INPUT, where, "%s", message);
	free(where);
}

const char *json_type_name(const json_t *value)
{
	if (value == NULL) {
		return "nothing";
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a truth value";
	case JSON_NULL:
		return "null";
	}
	return "nothing";
}

bool json_want_object(const struct json_at *at)
{
	if (!json_is_object(at->value)) {
		json_fail(at, "expected an object, got %s", json_type_name(at->value));
		return false;
	}
	return true;
}

bool json_want_array(const struct json_at *at)
{
	if (!json_is_array(at->value)) {
		json_fail(at, "expected an array, got %s", json_type_name(at->value));
		return false;
	}
	return true;
}

bool json_want_string(const struct json_at *at, const char **out)
{
	if (!json_is_string(at->value)) {
		json_fail(at, "expected a string, got %s", json_type_name(at->value));
		return false;
	}
	*out = json_string_value(at->value);
	return true;
}

void json_fail_name(const struct json_at *at, const char *what, const char *got,
                    const char *const *names, size_t n)
{
	const char *nearest = str_nearest(got, names, n);

	if (nearest != NULL) {
		json_fail(at, "unknown %s \"%.80s\"; did you mean \"%s\"?", what, got, nearest);
		return;
	}
	char *list = mem_strdup("");

	for (size_t i = 0; i < n && i < NAMES_LISTED; i++) {
		char *longer = mem_printf("%s%s%s", list, i > 0 ? ", " : "", names[i]);

		free(list);
		list = longer;
	}
	json_fail(at, "unknown %s \"%.80s\"%s%s%s", what, got, n > 0 ? "; known: " : "", list,
	          n > NAMES_LISTED ? ", ..." : "");
	free(list);
}
