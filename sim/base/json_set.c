/* Changing one value by its dotted path, for --set. */
#include "base/json.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* Where a walk along the path stands. */
struct walk {
	json_t *value;
	const char *rest; /* of the path, not yet walked */
};

/* Add the error and free the message. */
static bool fail(struct err *err, const char *path, char *take_message)
{
	char *where = mem_printf("--set %s", path);

	err_add(err, ERR_USAGE, where, "%s", take_message);
	free(take_message);
	free(where);
	return false;
}

/* Read `text` as JSON when it is JSON, else as a string. */
static json_t *read_value(const char *text)
{
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

	return value != NULL ? value : json_string(text);
}

/*
 * The element that `rest` begins with, by index or by its "name" (the longest that fits: names may
 * hold dots). *length is what of `rest` it took; the array's size when there is none.
 */
static size_t find_element(const json_t *array, const char *rest, size_t *length)
{
	size_t n = json_array_size(array), found = n;
	char *first = mem_strdup(rest);
	int64_t index;

	first[strcspn(first, ".")] = '\0';
	*length = strlen(first);
	if (str_to_int(first, &index) && index >= 0 && (uint64_t)index < n) {
		free(first);
		return (size_t)index;
	}
	size_t longest = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(array, i), "name"));
		size_t size = name != NULL ? strlen(name) : 0;

		if (size > longest && strncmp(rest, name, size) == 0 &&
		    (rest[size] == '.' || rest[size] == '\0')) {
			longest = size;
			found = i;
		}
	}
	*length = longest > 0 ? longest : *length;
	free(first);
	return found;
}

/* "no element ..." with the nearest name, or how many there are; caller frees. */
static char *no_element(const json_t *array, const char *rest, size_t length)
{
	size_t n = json_array_size(array), n_names = 0;
	const char **names = mem_new(n, sizeof(*names));
	char *given = mem_printf("%.*s", (int)length, rest);
	char *message;

	for (size_t i = 0; i < n; i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(array, i), "name"));

		if (name != NULL) {
			names[n_names++] = name;
		}
	}
	const char *nearest = str_nearest(given, names, n_names);

	if (nearest != NULL) {
		message = mem_printf("no element \"%s\"; did you mean \"%s\"?", given, nearest);
	} else {
		message = mem_printf("no element \"%s\"; there %s %zu, counted from 0 or called by "
		                     "\"name\"",
		                     given, n == 1 ? "is" : "are", n);
	}
	free(given);
	free(names);
	return message;
}

static bool set_in_array(struct walk *at, const char *path, const char *text, struct err *err)
{
	size_t length;
	size_t i = find_element(at->value, at->rest, &length);

	if (i == json_array_size(at->value)) {
		return fail(err, path, no_element(at->value, at->rest, length));
	}
	if (at->rest[length] == '\0') {
		return json_array_set_new(at->value, i, read_value(text)) == 0;
	}
	at->value = json_array_get(at->value, i);
	at->rest += length + 1;
	return true;
}

static bool set_in_object(struct walk *at, const char *text)
{
	size_t length = strcspn(at->rest, ".");
	char *key = mem_printf("%.*s", (int)length, at->rest);
	json_t *member = json_object_get(at->value, key);

	if (at->rest[length] == '\0') {
		json_object_set_new(at->value, key, read_value(text));
		free(key);
		return true;
	}
	if (member == NULL || json_is_null(member)) {
		member = json_object();
		json_object_set_new(at->value, key, member);
	}
	free(key);
	at->value = member;
	at->rest += length + 1;
	return true;
}

/* Whether JSON can hold the text. */
static bool is_utf8(const char *text)
{
	json_t *value = json_string(text);
	bool ok = value != NULL;

	json_decref(value);
	return ok;
}

static bool is_dotted(const char *path)
{
	return path[0] != '\0' && path[0] != '.' && path[strlen(path) - 1] != '.' &&
	       strstr(path, "..") == NULL;
}

/* One key further, or the value set when it was the last. */
static bool set_step(struct walk *at, const char *path, const char *text, struct err *err)
{
	const int walked = at->rest > path ? (int)(at->rest - path - 1) : 0;

	if (json_is_array(at->value)) {
		return set_in_array(at, path, text, err);
	}
	if (json_is_object(at->value)) {
		return set_in_object(at, text);
	}
	return fail(err, path,
	            mem_printf("\"%.*s\" is %s and has no keys", walked, path,
	                       json_type_name(at->value)));
}

bool json_set(json_t *root, const char *path, const char *text, struct err *err)
{
	struct walk at = {.value = root, .rest = path};

	if (!is_dotted(path)) {
		return fail(
			err, path,
			mem_strdup("expected keys with single dots between, like loads.0.users"));
	}
	if (!is_utf8(path) || !is_utf8(text)) {
		return fail(err, path, mem_strdup("not UTF-8 text"));
	}
	const char *before;
	bool ok;

	do { /* until it failed, or the last key was set */
		before = at.rest;
		ok = set_step(&at, path, text, err);
	} while (ok && at.rest != before);
	return ok;
}

char *json_index_path(const json_t *root, const char *path)
{
	char *done = mem_strdup("");

	while (*path != '\0') {
		size_t length = strcspn(path, ".");
		const char *dot = done[0] != '\0' ? "." : "";
		char *longer;

		if (json_is_array(root)) {
			size_t i = find_element(root, path, &length);

			longer = mem_printf("%s%s%zu", done, dot, i);
			root = json_array_get(root, i);
		} else {
			char *key = mem_printf("%.*s", (int)length, path);

			longer = mem_printf("%s%s%s", done, dot, key);
			root = json_object_get(root, key);
			free(key);
		}
		free(done);
		done = longer;
		path += length + (path[length] == '.' ? 1 : 0);
	}
	return done;
}
