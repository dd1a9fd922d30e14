/* Reads data-sheet files into flat sections with one source per value. Does not know any field. */
#include "spec/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

enum { MESSAGE_MAX = 512, PLACE_MAX = 1024 };

struct sheet {
	const char *file; /* borrowed */
	struct err *err;  /* borrowed */
	json_t *root;     /* owned */
	json_t *values;   /* section -> {key: value}; owned */
	json_t *sources;  /* section -> {key: source}; owned */
	char *name;
};

static const char *const common_keys[] = {"name", "title", "aliases", "checked", "note"};
enum { N_COMMON = sizeof common_keys / sizeof common_keys[0] };

static bool is_common(const char *key)
{
	for (size_t i = 0; i < N_COMMON; i++) {
		if (strcmp(key, common_keys[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_section(const char *key, const char *const *sections)
{
	for (; *sections; sections++) {
		if (strcmp(key, *sections) == 0) {
			return true;
		}
	}
	return false;
}

/* "models/gpu/b200.json" -> "b200"; caller frees. */
static char *stem(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t n = strlen(base);

	if (n > 5 && strcmp(base + n - 5, ".json") == 0) {
		n -= 5;
	}
	return mem_printf("%.*s", (int)n, base);
}

static void read_text(const struct json_at *root, const char *key)
{
	struct json_at at;
	const char *text;

	if (!json_get(root, key, &at)) {
		json_fail(root, "\"%s\" is missing", key);
		return;
	}
	json_want_string(&at, &text);
}

static void check_aliases(const struct json_at *root)
{
	struct json_at list;

	if (!json_get(root, "aliases", &list) || !json_want_array(&list)) {
		return;
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct json_at item = json_item(&list, i);
		const char *text;

		json_want_string(&item, &text);
	}
}

static void check_common(const struct sheet *s, const struct json_at *root)
{
	struct json_at at;
	const char *text;

	read_text(root, "name");
	read_text(root, "title");
	read_text(root, "checked");
	check_aliases(root);
	if (json_get(root, "name", &at) && json_is_string(at.value) &&
	    strcmp(json_string_value(at.value), s->name) != 0) {
		json_fail(&at, "\"%s\" is not the name of the file", json_string_value(at.value));
	}
	if (json_get(root, "note", &at)) {
		json_want_string(&at, &text);
	}
}

static void check_keys(const struct sheet *s, const struct json_at *root,
                       const char *const *sections)
{
	const char *known[N_COMMON + 8];
	size_t n = 0;
	const char *key;
	json_t *value;

	for (; n < N_COMMON; n++) {
		known[n] = common_keys[n];
	}
	for (size_t i = 0; sections[i] && n < sizeof known / sizeof known[0]; i++) {
		known[n++] = sections[i];
	}
	json_object_foreach(s->root, key, value) {
		if (!is_common(key) && !is_section(key, sections)) {
			json_fail_name(root, "key", key, known, n);
		}
	}
}

/* Add one group's values, `object` at `group`, to the flat section. */
static void read_group(struct sheet *s, const char *section, json_t *object,
                       const struct json_at *group)
{
	json_t *values = json_object_get(s->values, section);
	json_t *sources = json_object_get(s->sources, section);
	struct json_at at;
	const char *source;
	const char *key;
	json_t *value;

	if (!json_want_object(group)) {
		return;
	}
	if (!json_get(group, "source", &at)) {
		json_fail(group, "\"source\" is missing");
		return;
	}
	if (!json_want_string(&at, &source)) {
		return;
	}
	json_object_foreach(object, key, value) {
		if (strcmp(key, "source") == 0) {
			continue;
		}
		if (json_object_get(values, key)) {
			json_fail(group, "\"%s\" is given twice", key);
			continue;
		}
		json_object_set(values, key, value);
		json_object_set_new(sources, key, json_string(source));
	}
}

static void read_section(struct sheet *s, const struct json_at *root, const char *section)
{
	struct json_at list;

	json_object_set_new(s->values, section, json_object());
	json_object_set_new(s->sources, section, json_object());
	if (!json_get(root, section, &list)) {
		json_fail(root, "\"%s\" is missing", section);
		return;
	}
	if (!json_want_array(&list)) {
		return;
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct json_at group = json_item(&list, i);

		read_group(s, section, json_array_get(json_object_get(s->root, section), i),
		           &group);
	}
}

struct sheet *sheet_read(const char *file, const char *const *sections, struct err *err)
{
	size_t before = err_count(err);
	json_t *root = json_read(file, err);
	struct json_at at;
	struct sheet *s;

	if (!root) {
		return NULL;
	}
	at = json_root(root, file, err);
	if (!json_want_object(&at)) {
		json_decref(root);
		return NULL;
	}
	s = mem_new(1, sizeof *s);
	s->file = file;
	s->err = err;
	s->root = root;
	s->values = json_object();
	s->sources = json_object();
	s->name = stem(file);
	check_keys(s, &at, sections);
	check_common(s, &at);
	for (size_t i = 0; sections[i]; i++) {
		read_section(s, &at, sections[i]);
	}
	if (err_count(err) > before) {
		sheet_free(s);
		return NULL;
	}
	return s;
}

void sheet_free(struct sheet *s)
{
	if (!s) {
		return;
	}
	json_decref(s->root);
	json_decref(s->values);
	json_decref(s->sources);
	free(s->name);
	free(s);
}

const char *sheet_name(const struct sheet *s)
{
	return s->name;
}

const char *sheet_title(const struct sheet *s)
{
	return json_string_value(json_object_get(s->root, "title"));
}

const char *sheet_checked(const struct sheet *s)
{
	return json_string_value(json_object_get(s->root, "checked"));
}

const char *sheet_note(const struct sheet *s)
{
	return json_string_value(json_object_get(s->root, "note"));
}

const char *sheet_source(const struct sheet *s, const char *section, const char *key)
{
	return json_string_value(json_object_get(json_object_get(s->sources, section), key));
}

bool sheet_fill(const struct sheet *s, const char *section, const struct option *table, void *self)
{
	struct json_at root = json_root(s->values, s->file, s->err);
	struct json_at at;

	if (!json_get(&root, section, &at)) {
		return false;
	}
	return option_fill(table, self, &at, "data sheet", NULL);
}

void sheet_fail(const struct sheet *s, const char *section, const char *key, const char *fmt, ...)
{
	char where[PLACE_MAX];
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	snprintf(where, sizeof where, "%s: %s.%s", s->file, section, key);
	err_add(s->err, ERR_INPUT, where, "%s", message);
}
