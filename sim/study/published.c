/* Simulates the published figures; one run serves all rows of the same scenario and settings. */
#include "study/published.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "spec/scenario.h"
#include "flow/sim.h"
#include "study/ccu.h"

#define MOST_SETTINGS 16

const char *const published_roles[] = {"fitted", "predicted", "input", NULL};

struct settings {
	struct scenario_override at[MOST_SETTINGS];
	char *owned[MOST_SETTINGS];
	size_t n;
};

/* The run that the rows before wanted. */
struct runs {
	const struct published_ask *ask;
	struct err *err;
	char *key; /* scenario and settings; NULL: none yet */
	struct scenario *sc;
	struct sim *sim;
	struct summary summary;
};

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static double number_of(const json_t *row, const char *key)
{
	const json_t *const v = json_object_get(row, key);
	return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void settings_read(struct settings *s, json_t *set)
{
	const char *path;
	json_t *value;
	s->n = 0;
	json_object_foreach(set, path, value) {
		sim_assert(s->n < MOST_SETTINGS);
		s->owned[s->n] = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		s->at[s->n] = (struct scenario_override){path, s->owned[s->n]};
		s->n++;
	}
}

static void settings_fini(struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->owned[i]);
	}
}

static void runs_clear(struct runs *r)
{
	if (r->sim != NULL) {
		summary_fini(&r->summary);
	}
	sim_free(r->sim);
	scenario_free(r->sc);
	free(r->key);
	r->sim = NULL;
	r->sc = NULL;
	r->key = NULL;
}

/* Load the scenario of a row, and run it if `whole`; false with errors added. */
static bool runs_get(struct runs *r, const json_t *row, bool whole)
{
	json_t *const set = json_object_get(row, "set");
	char *const changes = set != NULL ? json_dumps(set, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char *const key =
		mem_printf("%s %s", text_of(row, "scenario"), changes != NULL ? changes : "");
	free(changes);
	if (r->key == NULL || strcmp(r->key, key) != 0) {
		struct settings s;
		runs_clear(r);
		r->key = mem_strdup(key);
		settings_read(&s, set);
		r->sc = scenario_read(text_of(row, "scenario"), r->ask->data, s.at, s.n, r->err);
		settings_fini(&s);
	}
	free(key);
	if (whole && r->sc != NULL && r->sim == NULL) {
		const struct sim_options options = {.exact = false};
		r->sim = sim_new(r->sc, &options, r->err);
		if (r->sim != NULL) {
			sim_run(r->sim);
			sim_summary(r->sim, &r->summary);
		}
	}
	return r->sc != NULL && (!whole || r->sim != NULL);
}

static double users_within(struct runs *r, const json_t *row)
{
	const char *const limits[] = {text_of(row, "limit")};
	const struct ccu_ask ask = {
		.base = r->sc,
		.data = r->ask->data,
		.limits = limits,
		.n_limits = 1,
		.threads = r->ask->threads,
	};
	struct ccu c = {0};
	double users = (double)NAN;
	if (ccu_search(&ask, &c, r->err)) {
		users = (double)c.found.best;
	}
	ccu_fini(&c);
	return users;
}

/* A limit's metric and statistic of the named service, or of the first one. */
static double observe(const struct runs *r, const json_t *row)
{
	const char *const service = text_of(row, "service");
	char *const limit = mem_printf("%s <= 1", text_of(row, "observe"));
	const char *why;
	struct slo slo;
	double value = (double)NAN;
	for (size_t i = 0; slo_parse(limit, &slo, &why) && i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		if (service == NULL || strcmp(service, s->name) == 0) {
			value = summary_observe(s, sim_log(r->sim), i, &slo);
			break;
		}
	}
	free(limit);
	return value;
}

/* Of the named service, or of all together. */
static double tokens_per_s(const struct runs *r, const char *service)
{
	double sum = 0.0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		const bool counts = service == NULL || strcmp(service, s->name) == 0;
		sum += counts && s->generates ? s->output_tokens_per_s : 0.0;
	}
	return sum;
}

/* Another row's simulated value over a third one's. */
static double ratio(const struct published *p, const json_t *pair)
{
	double value[2] = {(double)NAN, (double)NAN};
	for (size_t k = 0; k < 2; k++) {
		const char *const id = json_string_value(json_array_get(pair, k));
		for (size_t i = 0; i < p->n_rows; i++) {
			value[k] = strcmp(p->rows[i].id, id) == 0 ? p->rows[i].simulated : value[k];
		}
	}
	return value[0] / value[1];
}

static double simulate(struct runs *r, const struct published *p, const json_t *row)
{
	const char *const what = text_of(row, "observe");
	if (json_object_get(row, "ratio_of") != NULL) {
		return ratio(p, json_object_get(row, "ratio_of"));
	}
	if (what == NULL || !runs_get(r, row, strcmp(what, "ccu") != 0)) {
		return (double)NAN;
	}
	return strcmp(what, "ccu") == 0   ? users_within(r, row)
	       : strcmp(what, "tps") == 0 ? tokens_per_s(r, text_of(row, "service"))
	                                  : observe(r, row);
}

/* Place of a role in the list; that of its NULL when it is none. */
static int role_of(const char *name)
{
	int i = 0;
	while (published_roles[i] != NULL &&
	       (name == NULL || strcmp(published_roles[i], name) != 0)) {
		i++;
	}
	return i;
}

/* Everything that run_row reads is there; else an error per key that is not. */
static bool check_row(const struct json_at *at)
{
	static const char *const texts[] = {"id", "source", "figure", "gpu", "model", "metric"};
	const json_t *const row = at->value;
	const size_t before = err_count(at->err);
	const char *const what = text_of(row, "observe");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (text_of(row, texts[i]) == NULL) {
			json_fail(at, "missing key \"%s\", a text", texts[i]);
		}
	}
	if (!isfinite(number_of(row, "published"))) {
		json_fail(at, "missing key \"published\", a number");
	}
	if (published_roles[role_of(text_of(row, "role"))] == NULL) {
		json_fail(at, "\"role\" must be fitted, predicted or input");
	}
	if (what != NULL && text_of(row, "scenario") == NULL) {
		json_fail(at, "missing key \"scenario\", in which \"observe\" looks");
	}
	if (what != NULL && strcmp(what, "ccu") == 0 && text_of(row, "limit") == NULL) {
		json_fail(at, "missing key \"limit\", within which users are searched");
	}
	if (json_object_size(json_object_get(row, "set")) > MOST_SETTINGS) {
		json_fail(at, "\"set\" changes more than %d keys", MOST_SETTINGS);
	}
	return err_count(at->err) == before;
}

static void judge(struct published_row *row)
{
	row->error_pct = (double)NAN;
	row->judged =
		row->at_most || (row->role != PUBLISHED_INPUT && isfinite(row->tolerance_pct));
	row->ok = true;
	if (row->at_most) {
		row->ok = row->simulated <= row->published;
	} else if (row->role != PUBLISHED_INPUT) {
		row->error_pct = 100.0 * (row->simulated / row->published - 1.0);
		row->ok = !row->judged || fabs(row->error_pct) <= row->tolerance_pct;
	}
}

static bool run_row(struct runs *r, struct published *p, const json_t *row)
{
	struct published_row out = {
		.id = text_of(row, "id"),
		.source = text_of(row, "source"),
		.figure = text_of(row, "figure"),
		.gpu = text_of(row, "gpu"),
		.model = text_of(row, "model"),
		.metric = text_of(row, "metric"),
		.why = text_of(row, "why"),
		.published = number_of(row, "published"),
		.tolerance_pct = number_of(row, "tolerance_pct"),
		.role = role_of(text_of(row, "role")),
		.at_most = json_is_true(json_object_get(row, "at_most")),
	};
	if (r->ask->progress != NULL) {
		r->ask->progress(r->ask->progress_arg, out.figure);
	}
	out.simulated = simulate(r, p, row);
	judge(&out);
	p->rows[p->n_rows++] = out;
	return err_count(r->err) == 0;
}

/* Append the rows of one file; false with errors added. */
static bool run_file(struct runs *r, struct published *out, const char *name)
{
	const char *const file = data_dir_find(r->ask->data, "published", name, NULL);
	json_t *const document = file != NULL ? json_read(file, r->err) : NULL;
	if (file == NULL) {
		err_add(r->err, ERR_IO, "models/published", "no file %s.json", name);
	}
	json_array_append_new(out->documents, document != NULL ? document : json_null());
	const json_t *const rows = json_object_get(document, "rows");
	const struct json_at root = json_root(document, file, r->err);
	struct json_at list = root;
	bool ok = document != NULL && json_want_object(&root);
	if (ok && !json_get(&root, "rows", &list)) {
		json_fail(&root, "missing key \"rows\": the figures");
	}
	ok = ok && list.value != root.value && json_want_array(&list);
	out->rows =
		mem_resize(out->rows, out->n_rows + json_array_size(rows) + 1, sizeof(*out->rows));
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const struct json_at row = json_item(&list, i);
		ok = check_row(&row) && ok;
	}
	for (size_t i = 0; ok && i < json_array_size(rows); i++) {
		ok = run_row(r, out, json_array_get(rows, i));
	}
	return ok;
}

bool published_run(const struct published_ask *ask, struct published *out, struct err *err)
{
	struct runs r = {.ask = ask, .err = err};
	*out = (struct published){.documents = json_array()};
	const bool ok = run_file(&r, out, "fractioning") && run_file(&r, out, "swap");
	runs_clear(&r);
	return ok;
}

void published_fini(struct published *p)
{
	free(p->rows);
	json_decref(p->documents);
}

bool published_ok(const struct published *p)
{
	for (size_t i = 0; i < p->n_rows; i++) {
		if (!p->rows[i].ok) {
			return false;
		}
	}
	return true;
}
