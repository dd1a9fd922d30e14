/* Filling structs by their tables: which keys are there, unknown, missing. Values: option_value.c.
 */
#include "base/option.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/option_private.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct option_log {
	VEC(struct option_seen) seen;
	VEC(struct option_seen) overrides; /* path and source */
	json_t *places; /* path to its place in `seen`; looked up, never iterated */
};

struct option_log *option_log_new(void)
{
	struct option_log *const log = mem_new(1, sizeof(*log));

	log->places = json_object();
	return log;
}

void option_log_free(struct option_log *log)
{
	if (log == NULL) {
		return;
	}
	for (size_t i = 0; i < log->seen.n; i++) {
		free(log->seen.at[i].path);
		free(log->seen.at[i].value);
	}
	for (size_t i = 0; i < log->overrides.n; i++) {
		free(log->overrides.at[i].path);
	}
	free(log->seen.at);
	free(log->overrides.at);
	json_decref(log->places);
	free(log);
}

size_t option_log_size(const struct option_log *log)
{
	return log->seen.n;
}

const struct option_seen *option_log_at(const struct option_log *log, size_t i)
{
	sim_assert(i < log->seen.n);
	return &log->seen.at[i];
}

/* Whether `path` is `prefix` or lies under it. */
static bool is_under(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

static const char *overridden_source(const struct option_log *log, const char *path,
                                     const char *source)
{
	if (strcmp(source, "scenario") != 0) {
		return source;
	}
	for (size_t i = 0; i < log->overrides.n; i++) {
		if (is_under(path, log->overrides.at[i].path)) {
			return log->overrides.at[i].source;
		}
	}
	return source;
}

/* The entry of a path, new ones at the end. */
static struct option_seen *find_or_add(struct option_log *log, const char *path)
{
	const json_t *const place = json_object_get(log->places, path);

	if (place != NULL) {
		return &log->seen.at[json_integer_value(place)];
	}
	const struct option_seen seen = {.path = mem_strdup(path)};

	json_object_set_new(log->places, path, json_integer((json_int_t)log->seen.n));
	vec_push(&log->seen, seen);
	return &log->seen.at[log->seen.n - 1];
}

static void log_add(struct option_log *log, const char *path, const char *value, const char *source,
                    const struct option *option)
{
	struct option_seen *const seen = find_or_add(log, path);

	free(seen->value);
	seen->value = mem_strdup(value);
	seen->source = overridden_source(log, path, source);
	if (option != NULL) {
		seen->unit = option->unit;
		seen->help = option->help;
	}
}

void option_log_add(struct option_log *log, const char *path, const char *value, const char *source)
{
	log_add(log, path, value, source, NULL);
}

void option_log_explain(struct option_log *log, size_t i, const struct option *o)
{
	log->seen.at[i].unit = o->unit;
	log->seen.at[i].help = o->help;
}

void option_log_override(struct option_log *log, const char *path, const char *source)
{
	struct option_seen seen = {.path = mem_strdup(path), .source = source};

	vec_push(&log->overrides, seen);
}

void option_log_field(struct option_log *log, const char *path, const struct option *o,
                      const void *self, const char *source)
{
	char *const value = option_value_text(o, self);

	log_add(log, path, value, source, o);
	free(value);
}

static void log_option(struct option_log *log, const struct option *o, const void *self,
                       const struct json_at *at, const char *source)
{
	char path[512];

	if (log == NULL || o->type == OPTION_NODE) { /* whoever reads the node logs what is in it */
		return;
	}
	json_path(at, path, sizeof(path));
	char *full = path[0] != '\0' ? mem_printf("%s.%s", path, o->name) : mem_strdup(o->name);

	option_log_field(log, full, o, self, source);
	free(full);
}

static size_t table_size(const struct option *table)
{
	size_t n = 0;

	while (table[n].name != NULL) {
		n++;
	}
	return n;
}

static const struct option *find_option(const struct option *table, const char *name)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0) {
			return o;
		}
	}
	return NULL;
}

static void fail_unknown_keys(const struct option *table, const struct json_at *at)
{
	size_t n = table_size(table);
	const char **names = mem_new(n, sizeof(*names));
	const char *key;
	json_t *value;

	for (size_t i = 0; i < n; i++) {
		names[i] = table[i].name;
	}
	/* the iteration macro wants a pointer that is not const, though it only reads */
	json_t *object = json_deep_copy(at->value);

	json_object_foreach(object, key, value) {
		if (find_option(table, key) == NULL) {
			json_fail_name(at, "key", key, names, n);
		}
	}
	json_decref(object);
	free(names);
}

/* Read one present key. True when it is fine. */
static bool read_present(const struct option *o, void *self, const struct json_at *member)
{
	size_t before = err_count(member->err);

	option_value_read(o, self, member);
	return err_count(member->err) == before;
}

static void fail_missing(const struct option *o, const struct json_at *at)
{
	const char *help = o->help != NULL ? o->help : "";

	json_fail(at, "missing key \"%s\"%s%s", o->name, help[0] != '\0' ? ": " : "", help);
}

static bool fill(const struct option *table, void *self, const struct json_at *at,
                 const char *source, struct option_log *log, bool keep_absent)
{
	size_t before = err_count(at->err);

	if (!json_want_object(at)) {
		return false;
	}
	fail_unknown_keys(table, at);
	for (const struct option *o = table; o->name != NULL; o++) {
		struct json_at member;

		if (json_get(at, o->name, &member)) {
			if (read_present(o, self, &member)) {
				log_option(log, o, self, at, source);
			}
		} else if (keep_absent) {
			continue;
		} else if (o->fallback == NULL) {
			fail_missing(o, at);
		} else {
			log_option(log, o, self, at, "default");
		}
	}
	return err_count(at->err) == before;
}

bool option_fill(const struct option *table, void *self, const struct json_at *at,
                 const char *source, struct option_log *log)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		option_value_default(o, self);
	}
	return fill(table, self, at, source, log, false);
}

bool option_override(const struct option *table, void *self, const struct json_at *at,
                     const char *source, struct option_log *log)
{
	return fill(table, self, at, source, log, true);
}

void option_defaults(const struct option *table, void *self)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		sim_assert(o->fallback != NULL);
		option_value_default(o, self);
	}
}

void option_fini(const struct option *table, void *self)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		if (o->type == OPTION_TEXT) {
			char **text = (char **)((char *)self + o->offset);

			free(*text);
			*text = NULL;
		}
	}
}

const char *option_text(const struct option *o, const void *self, char *buf, size_t size)
{
	char *text = option_value_text(o, self);

	sim_assert(size > 0);
	snprintf(buf, size, "%s", text);
	free(text);
	return buf;
}
