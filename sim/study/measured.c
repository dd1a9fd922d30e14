/* Reads tables of measured figures and gathers the lines of one configuration. */
#include "study/measured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/measured_private.h"

enum column {
	C_SOURCE,
	C_GPU,
	C_MODEL,
	C_METRIC,
	C_VALUE,
	C_REQUIRED, /* those before must be there */
	C_PRECISION = C_REQUIRED,
	C_GPU_COUNT,
	C_FRACTION,
	C_REPLICAS,
	C_ISL,
	C_OSL,
	C_USERS,
	C_ENGINE,
	C_VERSION,
	C_TP,
	C_LOAD,
	C_RATE,
	C_PROMPTS,
	C_SEQS,
	C_SHARING,
	C_SPECULATIVE,
	C_CONFIGURATION_END, /* those up to here tell configurations apart, metric and value not */
	C_STAT = C_CONFIGURATION_END,
	C_UNIT,
	C_NOTE,
	C_COUNT
};

static const char *const column_names[C_COUNT] = {
	[C_SOURCE] = "source",
	[C_GPU] = "gpu",
	[C_MODEL] = "model",
	[C_METRIC] = "metric",
	[C_VALUE] = "value",
	[C_PRECISION] = "precision",
	[C_GPU_COUNT] = "gpu_count",
	[C_FRACTION] = "fraction_request",
	[C_REPLICAS] = "replicas",
	[C_ISL] = "isl",
	[C_OSL] = "osl",
	[C_USERS] = "concurrency",
	[C_ENGINE] = "engine",
	[C_VERSION] = "engine_version",
	[C_TP] = "tp",
	[C_LOAD] = "load",
	[C_RATE] = "rate",
	[C_PROMPTS] = "prompts",
	[C_SEQS] = "max_num_seqs",
	[C_SHARING] = "sharing",
	[C_SPECULATIVE] = "speculative",
	[C_STAT] = "stat",
	[C_UNIT] = "unit",
	[C_NOTE] = "note",
};

static const char *cell(const struct measured_reader *r, enum column c)
{
	return r->at[c] < r->n_fields ? r->fields[r->at[c]] : "";
}

size_t measured_column(const struct measured_reader *r, const char *name)
{
	for (size_t i = 0; i < r->n_fields; i++) {
		if (strcmp(r->fields[i], name) == 0) {
			return i;
		}
	}
	return SIZE_MAX;
}

void measured_missing(const struct measured_reader *r, const char *name)
{
	const char *const near = str_nearest(name, r->fields, r->n_fields);
	csv_fail(r->csv, 1, "column \"%s\" is missing%s%s%s", name, near != NULL ? "; is \"" : "",
	         near != NULL ? near : "", near != NULL ? "\" meant?" : "");
}

/* A column that is no known one but looks like one that is not there; others are ignored. */
static void suggest(const struct measured_reader *r, size_t field)
{
	const char *const got = r->fields[field];
	const char *const near = str_nearest(got, column_names, C_COUNT);

	for (enum column c = 0; c < C_COUNT; c++) {
		if (strcmp(got, column_names[c]) == 0) {
			return;
		}
	}
	if (near != NULL && measured_column(r, near) == SIZE_MAX) {
		err_note(r->err, "%s: column \"%s\" is not read; is \"%s\" meant?", r->file, got,
		         near);
	}
}

static bool find_columns(struct measured_reader *r)
{
	bool ok = true;

	for (enum column c = 0; c < C_COUNT; c++) {
		r->at[c] = measured_column(r, column_names[c]);
		if (c < C_REQUIRED && r->at[c] == SIZE_MAX) {
			measured_missing(r, column_names[c]);
			ok = false;
		}
		for (size_t i = r->at[c] + 1; r->at[c] != SIZE_MAX && i < r->n_fields; i++) {
			if (strcmp(r->fields[i], column_names[c]) == 0) {
				csv_fail(r->csv, i + 1, "column \"%s\" is there twice",
				         column_names[c]);
				ok = false;
			}
		}
	}
	for (size_t i = 0; ok && i < r->n_fields; i++) {
		suggest(r, i);
	}
	r->n_columns = r->n_fields;
	return ok;
}

/* "0.5", or "1/2" as tables of shared GPUs write it. */
static bool to_share(const char *text, double *v)
{
	const char *const slash = strchr(text, '/');
	double part, whole;

	if (slash == NULL) {
		return str_to_real(text, v);
	}
	char *const before = mem_printf("%.*s", (int)(slash - text), text);
	const bool ok = str_to_real(before, &part) && str_to_real(slash + 1, &whole) && whole > 0.0;

	free(before);
	*v = ok ? part / whole : 0.0;
	return ok;
}

/* A number of the row; 0 when it is absent or none, which `run` then says. */
static double number(const struct measured_reader *r, enum column c, struct measured_run *run)
{
	const char *const text = cell(r, c);
	double v = 0.0;

	if (text[0] == '\0' || strcmp(text, "inf") == 0) {
		return 0.0;
	}
	if ((c == C_FRACTION ? to_share(text, &v) : str_to_real(text, &v)) && v >= 0.0) {
		return v;
	}
	if (run->odd == NULL) {
		run->odd = mem_printf("%s \"%s\" is no number", column_names[c], text);
	}
	return 0.0;
}

static int64_t count(const struct measured_reader *r, enum column c, struct measured_run *run)
{
	const double v = number(r, c, run);

	if (v <= MEASURED_MOST && v >= floor(v) && v <= floor(v)) {
		return (int64_t)v;
	}
	if (run->odd == NULL) {
		run->odd = mem_printf("%s \"%s\" is no count", column_names[c], cell(r, c));
	}
	return 0;
}

/* Was a start timed? Such rows need no load. */
static bool is_start(const struct measured_reader *r)
{
	static const char *const metrics[] = {
		"weight_load_time", "engine_ready_time", "cold_load_time",   "cold_start_stage",
		"wake_time_level1", "wake_time_level2",  "sleep_time_level1"};

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		if (strcmp(cell(r, C_METRIC), metrics[i]) == 0) {
			return cell(r, C_LOAD)[0] == '\0';
		}
	}
	return false;
}

static void read_run(const struct measured_reader *r, struct measured_run *run)
{
	run->gpu_count = count(r, C_GPU_COUNT, run);
	run->replicas = count(r, C_REPLICAS, run);
	run->users = count(r, C_USERS, run);
	run->tp = count(r, C_TP, run);
	run->prompts = count(r, C_PROMPTS, run);
	run->max_num_seqs = count(r, C_SEQS, run);
	run->rate = number(r, C_RATE, run);
	run->fraction = number(r, C_FRACTION, run);
	run->isl = number(r, C_ISL, run);
	run->osl = number(r, C_OSL, run);
	run->source = mem_strdup(cell(r, C_SOURCE));
	run->gpu = mem_strdup(cell(r, C_GPU));
	run->model = mem_strdup(cell(r, C_MODEL));
	run->precision = mem_strdup(cell(r, C_PRECISION));
	run->engine = mem_strdup(cell(r, C_ENGINE));
	run->engine_version = mem_strdup(cell(r, C_VERSION));
	run->load = mem_strdup(is_start(r) ? MEASURED_START : cell(r, C_LOAD));
	run->note = is_start(r) ? mem_strdup(cell(r, C_NOTE)) : NULL;
	run->workload = mem_strdup("");
	run->sharing = mem_strdup(cell(r, C_SHARING));
	run->speculative = cell(r, C_SPECULATIVE)[0] != '\0';
}

/* What tells configurations apart; caller frees. */
static char *key_of(const struct measured_reader *r)
{
	char *key = mem_strdup("");

	for (enum column c = 0; c < C_CONFIGURATION_END; c++) {
		if (c != C_METRIC && c != C_VALUE) {
			char *const longer = mem_printf("%s%s\n", key, cell(r, c));
			free(key);
			key = longer;
		}
	}
	if (is_start(r)) {
		char *const longer = mem_printf("%s%s\n", key, cell(r, C_NOTE));
		free(key);
		key = longer;
	}
	return key;
}

struct measured_run *measured_run_of(struct measured_reader *r, char *key, bool *fresh)
{
	struct measured_table *const t = r->table;

	*fresh = false;
	for (size_t i = t->n_runs; i > 0; i--) { /* lines of one run mostly stand together */
		if (strcmp(r->keys[i - 1], key) == 0) {
			free(key);
			return &t->runs[i - 1];
		}
	}
	if (t->n_runs == r->cap) {
		r->cap = r->cap == 0 ? 64 : 2 * r->cap;
		t->runs = mem_resize(t->runs, r->cap, sizeof(*t->runs));
		r->keys = mem_resize(r->keys, r->cap, sizeof(*r->keys));
	}
	struct measured_run *const run = &t->runs[t->n_runs];
	memset(run, 0, sizeof(*run));
	r->keys[t->n_runs++] = key;
	*fresh = true;
	return run;
}

struct measured_value *measured_add(struct measured_reader *r, struct measured_run *run,
                                    const char *metric, const char *stat, const char *unit,
                                    double value)
{
	run->values = mem_resize(run->values, run->n_values + 1, sizeof(*run->values));
	struct measured_value *const v = &run->values[run->n_values++];
	*v = (struct measured_value){.metric = mem_strdup(metric),
	                             .stat = mem_strdup(stat),
	                             .unit = mem_strdup(unit),
	                             .note = mem_strdup(""),
	                             .value = value,
	                             .line = csv_line(r->csv)};
	r->table->n_values++;
	return v;
}

static void read_row(struct measured_reader *r)
{
	double value;
	bool fresh;

	if (r->n_fields > r->n_columns) {
		csv_fail(
			r->csv, r->n_columns + 1,
			"more fields than the header has columns: a text with a comma needs quotes");
		return;
	}
	if (!str_to_real(cell(r, C_VALUE), &value)) {
		csv_fail(r->csv, r->at[C_VALUE] + 1, "value: expected a number, got \"%s\"",
		         cell(r, C_VALUE));
		return;
	}
	struct measured_run *const run = measured_run_of(r, key_of(r), &fresh);
	if (fresh) {
		read_run(r, run);
	}
	struct measured_value *const v =
		measured_add(r, run, cell(r, C_METRIC), cell(r, C_STAT), cell(r, C_UNIT), value);
	free(v->note);
	v->note = mem_strdup(cell(r, C_NOTE));
}

/* What the columns say that the table is. */
static bool read_table(struct measured_reader *r)
{
	if (!csv_next(r->csv, &r->fields, &r->n_fields)) {
		err_add(r->err, ERR_INPUT, r->file,
		        "no header line: expected columns source, gpu, model, metric, value and others");
		return false;
	}
	if (measured_column(r, "rate_rps") != SIZE_MAX) {
		return measured_read_stages(r);
	}
	if (measured_column(r, "simulator") != SIZE_MAX) {
		return measured_read_errors(r);
	}
	if (!find_columns(r)) {
		return false;
	}
	while (csv_next(r->csv, &r->fields, &r->n_fields)) {
		read_row(r);
	}
	return true;
}

struct measured_table *measured_read(const char *file, struct err *err)
{
	const size_t before = err_count(err);
	struct measured_reader r = {.csv = csv_open(file, err), .file = file, .err = err};

	if (r.csv == NULL) {
		return NULL;
	}
	r.table = mem_new(1, sizeof(*r.table));
	r.table->file = mem_strdup(file);
	if (read_table(&r) && r.table->n_runs == 0 && err_count(err) == before) {
		err_add(err, ERR_INPUT, file, "no rows after the header line");
	}
	csv_close(r.csv);
	for (size_t i = 0; i < r.table->n_runs; i++) {
		free(r.keys[i]);
	}
	free(r.keys);
	if (err_count(err) > before) {
		measured_free(r.table);
		return NULL;
	}
	return r.table;
}

static void free_run(struct measured_run *run)
{
	for (size_t i = 0; i < run->n_values; i++) {
		free(run->values[i].metric);
		free(run->values[i].stat);
		free(run->values[i].unit);
		free(run->values[i].note);
		for (size_t k = 0; k < run->values[i].n_others; k++) {
			free(run->values[i].others[k].simulator);
		}
		free(run->values[i].others);
	}
	free(run->values);
	free(run->source);
	free(run->gpu);
	free(run->model);
	free(run->precision);
	free(run->engine);
	free(run->engine_version);
	free(run->load);
	free(run->note);
	free(run->sharing);
	free(run->odd);
	free(run->workload);
	free(run->trace);
	free(run->requests);
}

void measured_free(struct measured_table *t)
{
	if (t == NULL) {
		return;
	}
	for (size_t i = 0; i < t->n_runs; i++) {
		free_run(&t->runs[i]);
	}
	free(t->runs);
	free(t->file);
	free(t);
}

const struct measured_value *measured_find(const struct measured_run *run, const char *metric,
                                           const char *stat)
{
	for (size_t i = 0; i < run->n_values; i++) {
		if (strcmp(run->values[i].metric, metric) == 0 &&
		    strcmp(run->values[i].stat, stat) == 0) {
			return &run->values[i];
		}
	}
	return NULL;
}
