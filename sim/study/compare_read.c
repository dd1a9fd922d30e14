/* Finds the results in files and folders, and sees to it that they are of the same scenario. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "study/compare_private.h"

#define MOST_KEYS 8 /* that differ, named in the message */

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The result in a folder, or the file itself; NULL when there is none. Caller frees. */
static char *result_file(const char *path)
{
	static const char *const names[] = {"ccu.json", "summary.json"};
	if (!is_folder(path)) {
		return mem_strdup(path);
	}
	for (size_t i = 0; i < 2; i++) {
		char *const file = mem_printf("%s/%s", path, names[i]);
		if (access(file, F_OK) == 0) {
			return file;
		}
		free(file);
	}
	return NULL;
}

/* A result; NULL with an error when it is none. New reference. */
static json_t *read_result(const char *file, struct err *err)
{
	json_t *const document = json_read(file, err);
	const char *const schema = json_string_value(json_object_get(document, "schema"));
	if (document != NULL && (schema == NULL || (strcmp(schema, COMPARE_SUMMARY) != 0 &&
	                                            strcmp(schema, COMPARE_CCU) != 0))) {
		err_add(err, ERR_INPUT, file, "expected a document of schema %s or %s, got %.60s",
		        COMPARE_SUMMARY, COMPARE_CCU, schema != NULL ? schema : "none");
		json_decref(document);
		return NULL;
	}
	return document;
}

/* What identifies a result's scenario: the hash of a summary, the limits of a search. */
static char *identity(const json_t *document)
{
	const json_t *const scenario = json_object_get(document, "scenario");
	const char *const hash = json_string_value(json_object_get(scenario, "hash"));
	json_t *const known = json_pack("[s?, O?, O?, O?]", hash, hash != NULL ? NULL : scenario,
	                                hash != NULL ? NULL : json_object_get(document, "limits"),
	                                hash != NULL ? NULL : json_object_get(document, "range"));
	char *const text = json_dumps(known, JSON_SORT_KEYS);
	json_decref(known);
	return text;
}

static void add_key(char **list, size_t *n, const char *key)
{
	if (*n < MOST_KEYS) {
		char *const longer =
			*list != NULL ? mem_printf("%s, %s", *list, key) : mem_strdup(key);
		free(*list);
		*list = longer;
	}
	(*n)++;
}

/* Keys of `a` whose values differ in `b` or are missing there; those missing in a only with
 * `missing`. */
static void add_keys(char **list, size_t *n, json_t *a, const json_t *b, bool missing)
{
	void *at = json_object_iter(a);
	for (; at != NULL; at = json_object_iter_next(a, at)) {
		const char *const key = json_object_iter_key(at);
		const json_t *const other = json_object_get(b, key);
		const json_t *const value = json_object_get(json_object_iter_value(at), "value");
		if (other == NULL ||
		    (!missing && !json_equal(value, json_object_get(other, "value")))) {
			add_key(list, n, key);
		}
	}
}

/* The run.json beside a result, or NULL. New reference. */
static json_t *manifest(const char *path)
{
	char *const file = mem_printf("%s/run.json", path);
	json_t *const document = json_load_file(file, 0, NULL);
	free(file);
	return document;
}

/* The keys in which the scenarios of two result folders differ; NULL when nobody knows. */
static char *differing_keys(const char *base, const char *new)
{
	json_t *const a = manifest(base), *const b = manifest(new);
	char *list = NULL;
	size_t n = 0;
	if (a != NULL && b != NULL) {
		json_t *const x = json_object_get(a, "options");
		json_t *const y = json_object_get(b, "options");
		add_keys(&list, &n, x, y, false);
		add_keys(&list, &n, y, x, true);
	}
	json_decref(a);
	json_decref(b);
	if (n > MOST_KEYS) {
		char *const longer = mem_printf("%s and %zu more", list, n - MOST_KEYS);
		free(list);
		list = longer;
	}
	return list;
}

static bool same_scenario(const struct compare_build *b, const char *base, const char *new,
                          const json_t *x, const json_t *y)
{
	const char *const a = json_string_value(json_object_get(x, "schema"));
	if (strcmp(a, json_string_value(json_object_get(y, "schema"))) != 0) {
		err_add(b->err, ERR_INPUT, new, "a search cannot be compared with a single run");
		return false;
	}
	char *const left = identity(x), *const right = identity(y);
	const bool same = b->ask->across || strcmp(left, right) == 0;
	if (!same) {
		char *const keys = differing_keys(base, new);
		err_add(b->err, ERR_INPUT, new,
		        "not the scenario of %s: %s differ%s (--across compares them all the same)",
		        base, keys != NULL ? keys : "their hashes or limits",
		        keys != NULL && strchr(keys, ',') == NULL ? "s" : "");
		free(keys);
	}
	free(left);
	free(right);
	return same;
}

static void compare_two(struct compare_build *b, const char *base, const char *new)
{
	char *const left = result_file(base), *const right = result_file(new);
	if (left == NULL || right == NULL) {
		err_add(b->err, ERR_IO, left == NULL ? base : new,
		        "no summary.json and no ccu.json in this folder");
		free(left);
		free(right);
		return;
	}
	json_t *const x = read_result(left, b->err), *const y = read_result(right, b->err);
	if (x != NULL && y != NULL && same_scenario(b, base, new, x, y)) {
		const json_t *const scenario = json_object_get(x, "scenario");
		const json_t *const name = json_object_get(scenario, "name");
		b->scenario = json_string_value(json_is_string(scenario) ? scenario : name);
		b->scenario = b->scenario != NULL ? b->scenario : "";
		compare_pair(b, x, y);
	}
	json_decref(x);
	json_decref(y);
	free(left);
	free(right);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Folders with a result in `path`, by name; the caller frees names and array. */
static char **folders_in(const char *path, size_t *n)
{
	DIR *const dir = opendir(path);
	char **names = mem_new(1, sizeof(char *));
	const struct dirent *entry;
	*n = 0;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *const inner = mem_printf("%s/%s", path, entry->d_name);
		char *const file =
			entry->d_name[0] != '.' && is_folder(inner) ? result_file(inner) : NULL;
		if (file != NULL) {
			names = mem_resize(names, *n + 1, sizeof(char *));
			names[(*n)++] = mem_strdup(entry->d_name);
		}
		free(file);
		free(inner);
	}
	if (dir != NULL) {
		closedir(dir);
	}
	qsort(names, *n, sizeof(char *), by_name);
	return names;
}

/* Every result folder of `base` with the one of the same name in `new`. */
static void compare_folders(struct compare_build *b, const char *base, const char *new)
{
	size_t n;
	char **const names = folders_in(base, &n);
	if (n == 0) {
		err_add(b->err, ERR_IO, base,
		        "no summary.json and no ccu.json in this folder or the folders in it");
	}
	for (size_t i = 0; i < n; i++) {
		char *const left = mem_printf("%s/%s", base, names[i]);
		char *const right = mem_printf("%s/%s", new, names[i]);
		compare_two(b, left, right);
		free(left);
		free(right);
		free(names[i]);
	}
	free(names);
}

bool compare_results(const struct compare_ask *ask, struct comparison *out, struct err *err)
{
	struct compare_build b = {.ask = ask, .out = out, .err = err};
	char *const file = result_file(ask->base);
	*out = (struct comparison){.verdict = COMPARE_SAME};
	if (file != NULL) {
		compare_two(&b, ask->base, ask->new);
	} else {
		compare_folders(&b, ask->base, ask->new);
	}
	free(file);
	return err_count(err) == 0;
}
