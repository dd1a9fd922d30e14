/*
 * Reads the files of ServeGen's clients: a table of windows without a header, and JSON whose values
 * are maps in Python's spelling, which are taken apart here and never evaluated.
 */
#include "workload/servegen.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define MOST_SECONDS 1e9
#define MOST_RATE 1e6
#define MOST_VALUE 16777216.0 /* tokens; more is a unit mistake */
#define LEAST_SHAPE 0.01      /* gaps beyond are bursts of everything at once */
#define MOST_SHAPE 1e4
#define WINDOW (NS_PER_S * 600) /* of a table of one line */

enum { COLUMN_START, COLUMN_RATE, COLUMN_CV, COLUMN_FAMILY, COLUMN_SHAPE, COLUMN_SCALE, COLUMNS };

static const char *const field_names[SERVEGEN_FIELDS] = {
	[SERVEGEN_INPUT] = "input_tokens",   [SERVEGEN_TEXT] = "text_tokens",
	[SERVEGEN_IMAGE] = "image_tokens",   [SERVEGEN_AUDIO] = "audio_tokens",
	[SERVEGEN_VIDEO] = "video_tokens",   [SERVEGEN_IMAGES] = "image_count",
	[SERVEGEN_OUTPUT] = "output_tokens",
};

static int by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* The number in the name of a client's table; false: it is another file. */
static bool client_number(const char *name, int64_t *out)
{
	static const char begin[] = "chunk-", end[] = "-trace.csv";
	const size_t before = sizeof(begin) - 1;
	if (strncmp(name, begin, before) != 0) {
		return false;
	}
	const size_t digits = strspn(name + before, "0123456789");
	char *const text = mem_printf("%.*s", (int)digits, name + before);
	const bool ok = strcmp(name + before + digits, end) == 0 && str_to_int(text, out);
	free(text);
	return ok;
}

struct numbers {
	VEC(int64_t) list;
};

static void add_client(struct numbers *out, const char *name)
{
	int64_t number;
	if (client_number(name, &number)) {
		vec_push(&out->list, number);
	}
}

/* Those of all clients in a folder, in any order. */
static void collect(DIR *dir, struct numbers *out)
{
	for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
		add_client(out, d->d_name);
	}
}

int64_t *servegen_list(const struct servegen_ask *ask, size_t *n)
{
	struct numbers found = {.list = {0}};
	DIR *const dir = opendir(ask->folder);
	if (dir == NULL) {
		err_add(ask->err, ERR_IO, ask->folder, "cannot read this folder: %s",
		        strerror(errno));
		return NULL;
	}
	collect(dir, &found);
	closedir(dir);
	if (found.list.n == 0) {
		err_add(ask->err, ERR_INPUT, ask->folder,
		        "no ServeGen clients: expected files chunk-N-trace.csv");
		return NULL;
	}
	qsort(found.list.at, found.list.n, sizeof(*found.list.at), by_number);
	*n = found.list.n;
	return found.list.at;
}

/* A number of a row; false with an error. */
static bool number(const struct csv_reader *csv, const char *const *fields, size_t column,
                   double most, double *out)
{
	static const char *const names[COLUMNS] = {
		[COLUMN_START] = "window start", [COLUMN_RATE] = "rate", [COLUMN_SHAPE] = "shape"};
	if (str_to_real(fields[column], out) && *out >= 0.0 && *out <= most) {
		return true;
	}
	csv_fail(csv, column + 1, "%s: expected a number from 0 to %g, got \"%.40s\"",
	         names[column], most, fields[column]);
	return false;
}

/* How the gaps of a row vary; of a family that is not named nothing is known: as Poisson's. */
static bool read_family(const struct csv_reader *csv, const char *const *fields,
                        struct servegen_window *w)
{
	const char *const family = fields[COLUMN_FAMILY];
	w->family = strcmp(family, "Weibull") == 0 ? SERVEGEN_WEIBULL : SERVEGEN_GAMMA;
	w->shape = 1.0;
	if (family[0] == '\0') {
		return true;
	}
	if (w->family == SERVEGEN_GAMMA && strcmp(family, "Gamma") != 0) {
		csv_fail(csv, COLUMN_FAMILY + 1,
		         "expected Gamma, Weibull or nothing as the family of gaps, got \"%.40s\"",
		         family);
		return false;
	}
	if (!number(csv, fields, COLUMN_SHAPE, MOST_SHAPE, &w->shape)) {
		return false;
	}
	if (w->shape < LEAST_SHAPE) {
		csv_fail(csv, COLUMN_SHAPE + 1, "a shape of gaps below %g, got \"%.40s\"",
		         LEAST_SHAPE, fields[COLUMN_SHAPE]);
		return false;
	}
	return true;
}

static bool read_window(const struct csv_reader *csv, const char *const *fields, size_t n,
                        struct servegen_client *out)
{
	struct servegen_window w = {.until = NS_NEVER};
	double start;
	if (n != COLUMNS) {
		csv_fail(csv, 1,
		         "expected %d fields (start, rate, cv, family and two parameters), got %zu",
		         COLUMNS, n);
		return false;
	}
	if (!number(csv, fields, COLUMN_START, MOST_SECONDS, &start) ||
	    !number(csv, fields, COLUMN_RATE, MOST_RATE, &w.rate) ||
	    (w.rate > 0.0 && !read_family(csv, fields, &w))) {
		return false;
	}
	w.from = ns_from_seconds(start);
	if (out->windows.n > 0) {
		struct servegen_window *const before = &out->windows.at[out->windows.n - 1];
		if (w.from <= before->from) {
			csv_fail(csv, COLUMN_START + 1, "windows must be in order of time");
			return false;
		}
		before->until = w.from;
	}
	vec_push(&out->windows, w);
	return true;
}

/* The table; its last window is as long as the one before. */
static bool read_windows(const struct servegen_ask *ask, const char *file,
                         struct servegen_client *out)
{
	const size_t before = err_count(ask->err);
	struct csv_reader *const csv = csv_open(file, ask->err);
	const char *const *fields;
	size_t n;
	if (csv == NULL) {
		return false;
	}
	while (csv_next(csv, &fields, &n) && read_window(csv, fields, n, out)) {
	}
	csv_close(csv);
	if (err_count(ask->err) > before) {
		return false;
	}
	if (out->windows.n == 0) {
		err_add(ask->err, ERR_INPUT, file, "no windows");
		return false;
	}
	struct servegen_window *const last = &out->windows.at[out->windows.n - 1];
	last->until = last->from + (out->windows.n > 1 ? last[-1].until - last[-1].from : WINDOW);
	return true;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\n");
}

/* "39: 0.00036" at *s, which moves behind it. */
static bool read_pair(const char **s, double *value, double *chance)
{
	char *end;
	*value = strtod(*s, &end);
	const char *at = skip_blanks(end);
	if (end == *s || *at != ':' || !(*value >= 0.0) || *value > MOST_VALUE) {
		return false;
	}
	at = skip_blanks(at + 1);
	*chance = strtod(at, &end);
	*s = skip_blanks(end);
	return end != at && *chance >= 0.0 && *chance <= 1.0;
}

static void push_value(struct servegen_values *v, size_t *cap, double value, double upto)
{
	if (v->n == *cap) {
		*cap = *cap == 0 ? 16 : 2 * *cap;
		v->value = mem_resize(v->value, *cap, sizeof(*v->value));
		v->upto = mem_resize(v->upto, *cap, sizeof(*v->upto));
	}
	v->value[v->n] = (int32_t)(value + 0.5);
	v->upto[v->n++] = upto;
}

/* "{39: 0.00036, 40: 0.00018}" whose chances add up to 1; false where it is something else. */
static bool parse_map(const char *text, struct servegen_values *out)
{
	const char *s = skip_blanks(text);
	double value, chance, sum = 0.0;
	size_t cap = 0;
	if (*s != '{') {
		return false;
	}
	s = skip_blanks(s + 1);
	while (*s != '}') {
		if (!read_pair(&s, &value, &chance) || (*s != ',' && *s != '}')) {
			return false;
		}
		sum += chance;
		push_value(out, &cap, value, sum);
		s = *s == ',' ? skip_blanks(s + 1) : s;
	}
	if (*skip_blanks(s + 1) != '\0' || (out->n > 0 && !(fabs(sum - 1.0) < 1e-3))) {
		return false;
	}
	for (size_t i = 0; i < out->n; i++) {
		out->upto[i] = i + 1 == out->n ? 1.0 : out->upto[i] / sum;
	}
	return true;
}

static void values_fini(struct servegen_values *v)
{
	free(v->value);
	free(v->upto);
}

static void lengths_fini(struct servegen_lengths *l)
{
	for (int i = 0; i < SERVEGEN_FIELDS; i++) {
		values_fini(&l->fields[i]);
	}
}

static bool read_field(const struct json_at *at, struct servegen_values *out)
{
	const char *text;
	if (!json_want_string(at, &text)) {
		return false;
	}
	if (!parse_map(text, out)) {
		json_fail(at,
		          "expected a map of tokens to chances that add up to 1, like "
		          "\"{39: 0.25, 40: 0.75}\", got \"%.40s\"",
		          text);
		return false;
	}
	return true;
}

/* What the model cannot do without, and what it cannot take. */
static bool check_lengths(const struct servegen_ask *ask, const struct json_at *at,
                          const struct servegen_lengths *l)
{
	const struct servegen_values *const images = &l->fields[SERVEGEN_IMAGES];
	if (l->fields[SERVEGEN_INPUT].n == 0 && l->fields[SERVEGEN_TEXT].n == 0) {
		json_fail(at, "neither \"input_tokens\" nor \"text_tokens\"");
		return false;
	}
	if (l->fields[SERVEGEN_OUTPUT].n == 0 && !ask->embeds) {
		json_fail(at, "no \"output_tokens\"");
		return false;
	}
	for (size_t i = 0; i < images->n; i++) {
		if (images->value[i] > 0 && !ask->sees) {
			json_fail(at, "image_count: the model sees no images, got %d",
			          (int)images->value[i]);
			return false;
		}
	}
	return true;
}

static bool read_fields(const struct json_at *at, struct servegen_lengths *l)
{
	for (int i = 0; i < SERVEGEN_FIELDS; i++) {
		struct json_at member;
		if (json_get(at, field_names[i], &member) && !read_field(&member, &l->fields[i])) {
			return false;
		}
	}
	return true;
}

/* Nobody asked. */
static bool is_silent(const struct servegen_lengths *l)
{
	return l->fields[SERVEGEN_INPUT].n == 0 && l->fields[SERVEGEN_TEXT].n == 0 &&
	       l->fields[SERVEGEN_OUTPUT].n == 0;
}

/* One window of lengths; those without requests are not kept. */
static bool read_lengths(const struct servegen_ask *ask, const struct json_at *at,
                         struct servegen_client *out)
{
	struct servegen_lengths l = {.from = 0};
	double start;
	if (!json_want_object(at)) {
		return false;
	}
	if (!str_to_real(at->key, &start) || start < 0.0 || start > MOST_SECONDS) {
		json_fail(at, "expected the start of a window in seconds as the key");
		return false;
	}
	l.from = ns_from_seconds(start);
	const bool read = read_fields(at, &l), silent = read && is_silent(&l);
	if (read && !silent && check_lengths(ask, at, &l)) {
		vec_push(&out->lengths, l);
		return true;
	}
	lengths_fini(&l);
	return silent;
}

static int by_start(const void *a, const void *b)
{
	const struct servegen_lengths *const x = a, *const y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

static bool read_dataset(const struct servegen_ask *ask, const char *file,
                         struct servegen_client *out)
{
	json_t *const json = json_read(file, ask->err);
	const char *key;
	json_t *value;
	if (json == NULL) {
		return false;
	}
	const struct json_at root = json_root(json, file, ask->err);
	bool ok = json_want_object(&root);
	json_object_foreach(json, key, value) {
		struct json_at window;
		ok = ok && (!json_get(&root, key, &window) || read_lengths(ask, &window, out));
	}
	json_decref(json);
	if (ok && out->lengths.n > 0) {
		qsort(out->lengths.at, out->lengths.n, sizeof(*out->lengths.at), by_start);
	}
	return ok;
}

/* Traffic needs lengths. */
static bool has_lengths(const struct servegen_ask *ask, const char *file,
                        const struct servegen_client *c)
{
	bool asks = false;
	for (size_t i = 0; i < c->windows.n; i++) {
		asks = asks || c->windows.at[i].rate > 0.0;
	}
	if (asks && c->lengths.n == 0) {
		err_add(ask->err, ERR_INPUT, file, "no lengths for a client that has traffic");
	}
	return !asks || c->lengths.n > 0;
}

bool servegen_read(const struct servegen_ask *ask, int64_t number, struct servegen_client *out)
{
	char *const trace = mem_printf("%s/chunk-%" PRId64 "-trace.csv", ask->folder, number);
	char *const dataset = mem_printf("%s/chunk-%" PRId64 "-dataset.json", ask->folder, number);
	*out = (struct servegen_client){.number = number};
	const bool ok = read_windows(ask, trace, out) && read_dataset(ask, dataset, out) &&
	                has_lengths(ask, dataset, out);
	free(trace);
	free(dataset);
	return ok;
}

void servegen_client_fini(struct servegen_client *c)
{
	for (size_t i = 0; i < c->lengths.n; i++) {
		lengths_fini(&c->lengths.at[i]);
	}
	free(c->lengths.at);
	free(c->windows.at);
}
