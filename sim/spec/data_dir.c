/* Finds the folder of data sheets and bundled scenarios, lists it, and knows the sheets' aliases.
 */
#include "spec/data_dir.h"

#include "base/mem.h"
#include "base/vec.h"

#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 16
#define LEVELS_UP 3 /* folders above build/ searched for a source tree: build/<variant>/tests/ */

struct alias {
	char *name; /* normal form */
	size_t sheet;
};

struct kind {
	char **names; /* sorted, without .json */
	char **files;
	size_t n;
	bool indexed; /* aliases were read */
	VEC(struct alias) aliases;
};

enum {
	KIND_GPU,
	KIND_LLM,
	KIND_ENGINE,
	KIND_CALIBRATION,
	KIND_PROTOCOL,
	KIND_PUBLISHED,
	KIND_SCENARIOS,
	KIND_COUNT
};

static const struct {
	const char *name, *folder;
} kinds[KIND_COUNT] = {
	{"gpu", "models/gpu"},           {"llm", "models/llm"},
	{"engine", "models/engine"},     {"calibration", "models/calibration"},
	{"protocol", "models/protocol"}, {"published", "models/published"},
	{"scenarios", "scenarios"},
};

struct data_dir {
	char *path;
	struct kind kinds[KIND_COUNT];
};

static bool is_data_dir(const char *path)
{
	char *probe = mem_printf("%s/models/gpu", path);
	struct stat st;
	bool ok = stat(probe, &st) == 0 && S_ISDIR(st.st_mode);

	free(probe);
	return ok;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* The program's path from argv[0] and $PATH; NULL when it cannot be told. Caller frees. */
static char *program_path(const char *argv0)
{
	if (argv0 == NULL || argv0[0] == '\0') {
		return NULL;
	}
	if (strchr(argv0, '/') != NULL) {
		return exists(argv0) ? mem_strdup(argv0) : NULL;
	}
	const char *path = getenv("PATH");

	while (path != NULL && *path != '\0') {
		size_t length = strcspn(path, ":");
		char *candidate = mem_printf("%.*s/%s", (int)length, path, argv0);

		if (exists(candidate)) {
			return candidate;
		}
		free(candidate);
		path += length + (path[length] == ':' ? 1 : 0);
	}
	return NULL;
}

/* The folder above, by cutting the last component off where there is one. Frees `take_path`. */
static char *parent(char *take_path)
{
	char *slash = strrchr(take_path, '/');
	const char *last = slash != NULL ? slash + 1 : take_path;
	char *up;

	if (strcmp(last, "..") == 0) {
		up = mem_printf("%s/..", take_path);
	} else if (slash == NULL) {
		up = mem_strdup(strcmp(last, ".") == 0 ? ".." : ".");
	} else {
		up = mem_printf("%.*s", slash == take_path ? 1 : (int)(slash - take_path),
		                take_path);
	}
	free(take_path);
	return up;
}

/* Follow the links that the program's name itself may be; frees `take_path`. */
static char *resolve_links(char *take_path)
{
	for (int links = 0; links < MOST_LINKS; links++) {
		char target[1024];
		ssize_t length = readlink(take_path, target, sizeof(target));

		if (length <= 0 || length == (ssize_t)sizeof(target)) {
			break;
		}
		if (target[0] == '/') {
			free(take_path);
			take_path = mem_printf("%.*s", (int)length, target);
		} else {
			char *folder = parent(take_path);

			take_path = mem_printf("%s/%.*s", folder, (int)length, target);
			free(folder);
		}
	}
	return take_path;
}

/* share/aliquot beside the binary's folder, else the source tree above it; NULL when neither. */
static char *near_program(const char *argv0)
{
	char *program = program_path(argv0);

	if (program == NULL) {
		return NULL;
	}
	char *folder = parent(parent(resolve_links(program)));
	char *installed = mem_printf("%s/share/aliquot", folder);

	if (is_data_dir(installed)) {
		free(folder);
		return installed;
	}
	free(installed);
	for (int up = 0; up < LEVELS_UP && !is_data_dir(folder); up++) {
		folder = parent(folder);
	}
	if (!is_data_dir(folder)) {
		free(folder);
		folder = NULL;
	}
	return folder;
}

/* The folder the user named; NULL with an error when it holds no data sheets. */
static char *named_folder(const char *path, const char *by, struct err *err)
{
	if (!is_data_dir(path)) {
		err_add(err, ERR_IO, path, "%s names this folder, but it has no models/gpu in it",
		        by);
		return NULL;
	}
	return mem_strdup(path);
}

static char *choose_folder(const char *flag, const char *argv0, struct err *err)
{
	const char *variable = getenv("ALIQUOT_DATA");

	if (flag != NULL) {
		return named_folder(flag, "--data", err);
	}
	if (variable != NULL && variable[0] != '\0') {
		return named_folder(variable, "$ALIQUOT_DATA", err);
	}
	char *found = near_program(argv0);

	if (found == NULL) {
		err_add(err, ERR_IO, NULL,
		        "no data sheets found; name their folder with --data DIR or "
		        "$ALIQUOT_DATA");
	}
	return found;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(struct kind *k, const char *file, size_t length)
{
	k->names = mem_resize(k->names, k->n + 1, sizeof(char *));
	k->names[k->n++] = mem_printf("%.*s", (int)length, file);
}

/* All *.json of a folder; none when it does not exist. */
static void list_kind(struct kind *k, const char *folder)
{
	static const char suffix[] = ".json";
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL) {
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name);
		size_t rest = length > strlen(suffix) ? length - strlen(suffix) : 0;

		if (rest > 0 && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name + rest, suffix) == 0) {
			add_name(k, entry->d_name, rest);
		}
	}
	closedir(dir);
	if (k->n > 0) {
		qsort(k->names, k->n, sizeof(char *), compare_names);
	}
	k->files = mem_new(k->n, sizeof(char *));
	for (size_t i = 0; i < k->n; i++) {
		k->files[i] = mem_printf("%s/%s%s", folder, k->names[i], suffix);
	}
}

struct data_dir *data_dir_open(const char *flag, const char *argv0, struct err *err)
{
	char *path = choose_folder(flag, argv0, err);

	if (path == NULL) {
		return NULL;
	}
	struct data_dir *d = mem_new(1, sizeof(*d));

	d->path = path;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char *folder = mem_printf("%s/%s", path, kinds[i].folder);

		list_kind(&d->kinds[i], folder);
		free(folder);
	}
	return d;
}

void data_dir_close(struct data_dir *d)
{
	if (d == NULL) {
		return;
	}
	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct kind *k = &d->kinds[i];

		for (size_t j = 0; j < k->n; j++) {
			free(k->names[j]);
			free(k->files[j]);
		}
		for (size_t j = 0; j < k->aliases.n; j++) {
			free(k->aliases.at[j].name);
		}
		free(k->names);
		free(k->files);
		free(k->aliases.at);
	}
	free(d->path);
	free(d);
}

const char *data_dir_path(const struct data_dir *d)
{
	return d->path;
}

static size_t kind_index(const char *kind)
{
	size_t i = 0;

	while (i < KIND_COUNT && strcmp(kinds[i].name, kind) != 0) {
		i++;
	}
	return i;
}

const char *const *data_dir_names(const struct data_dir *d, const char *kind, size_t *n)
{
	size_t i = kind_index(kind);

	*n = i < KIND_COUNT ? d->kinds[i].n : 0;
	return i < KIND_COUNT ? (const char *const *)d->kinds[i].names : NULL;
}

/* Lower case, '_' as '-'; caller frees. */
static char *normal_form(const char *name)
{
	char *normal = mem_strdup(name);

	for (char *c = normal; *c != '\0'; c++) {
		*c = (char)(*c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	}
	return normal;
}

static void add_alias(struct kind *k, const char *name, size_t sheet)
{
	struct alias alias = {.name = normal_form(name), .sheet = sheet};

	vec_push(&k->aliases, alias);
}

/* A sheet that cannot be read has no aliases; reading it by its own name says what is wrong. */
static void index_aliases(struct kind *k)
{
	for (size_t i = 0; i < k->n; i++) {
		json_t *sheet = json_load_file(k->files[i], 0, NULL);
		const json_t *list = json_object_get(sheet, "aliases");

		for (size_t j = 0; j < json_array_size(list); j++) {
			const char *name = json_string_value(json_array_get(list, j));

			if (name != NULL) {
				add_alias(k, name, i);
			}
		}
		json_decref(sheet);
	}
	k->indexed = true;
}

/* Index of the sheet with this normal name or alias; k->n when there is none. */
static size_t find_sheet(struct kind *k, const char *normal)
{
	for (size_t i = 0; i < k->n; i++) {
		char *own = normal_form(k->names[i]);
		bool same = strcmp(own, normal) == 0;

		free(own);
		if (same) {
			return i;
		}
	}
	if (!k->indexed) {
		index_aliases(k);
	}
	for (size_t i = 0; i < k->aliases.n; i++) {
		if (strcmp(k->aliases.at[i].name, normal) == 0) {
			return k->aliases.at[i].sheet;
		}
	}
	return k->n;
}

const char *data_dir_find(struct data_dir *d, const char *kind, const char *name,
                          const char **canonical)
{
	size_t index = kind_index(kind);

	if (index == KIND_COUNT) {
		return NULL;
	}
	struct kind *k = &d->kinds[index];
	char *normal = normal_form(name);
	size_t i = find_sheet(k, normal);

	free(normal);
	if (i == k->n) {
		return NULL;
	}
	if (canonical != NULL) {
		*canonical = k->names[i];
	}
	return k->files[i];
}

void data_dir_index(struct data_dir *d)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (!d->kinds[i].indexed) {
			index_aliases(&d->kinds[i]);
		}
	}
}
