/* Finds the figures of a preset in the columns of a table. */
#include "study/plot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "study/plot_table.h"

#define MOST_PANELS 6

/* What a preset shows of a sweep. */
struct preset {
	const char *name, *title, *x, *xlabel;
	bool proportional; /* as in struct plot */
	struct {
		const char *y, *per, *ylabel; /* per: divided by this column */
	} panels[3];                          /* y NULL ends them */
};

static const struct preset presets[] = {
	{"ccu-vs-gpus",
         "concurrent users that meet the limits",
         "gpus",
         "GPUs",
         true,
         {{"ccu", NULL, "concurrent users"}}},
	{"tps-vs-gpus",
         "output tokens per second",
         "gpus",
         "GPUs",
         true,
         {{"output_tokens_per_s", NULL, "tokens/s"}}},
	{"tps-vs-users",
         "output tokens per second under rising load",
         "users",
         "concurrent users",
         false,
         {{"output_tokens_per_s", NULL, "tokens/s"}}},
	{"latency-vs-users",
         "latency under rising load",
         "users",
         "concurrent users",
         false,
         {{"ttft_p95_ms", NULL, "TTFT p95 (ms)"},
          {"tpot_avg_ms", NULL, "time per token (ms)"},
          {"latency_p50_ms", NULL, "latency p50 (ms)"}}},
	{"fraction-efficiency",
         "what one GPU gives, by fraction",
         NULL, /* the varied key that ends in "fraction" */
         "GPU fraction of a replica",
         false,
         {{"output_tokens_per_s", "gpus", "tokens/s per GPU"}, {"ccu", "gpus", "users per GPU"}}},
};

const char *const plot_presets[] = {
	"ccu-vs-gpus", "tps-vs-gpus", "tps-vs-users", "latency-vs-users", "fraction-efficiency",
	"timeline",    NULL};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t want_column(const struct table *t, const char *name, struct err *err)
{
	const size_t k = table_column(t, name);
	if (k == t->n_columns) {
		err_add(err, ERR_INPUT, t->file, "no column \"%s\"%s", name,
		        strcmp(name, "ccu") == 0 ? "; it comes with aliquot sweep --ccu LIMIT"
		                                 : "");
	}
	return k;
}

/* The varied key that ends in "fraction": varied keys stand before "service". */
static size_t fraction_column(const struct table *t, struct err *err)
{
	static const char suffix[] = "fraction";
	const size_t end = table_column(t, "service");
	for (size_t k = 1; k < end && k < t->n_columns; k++) {
		const size_t length = strlen(t->cells[0][k]);
		if (length >= strlen(suffix) &&
		    strcmp(t->cells[0][k] + length - strlen(suffix), suffix) == 0) {
			return k;
		}
	}
	err_add(err, ERR_INPUT, t->file, "no varied key ends in \"fraction\"");
	return t->n_columns;
}

/* Does the value of x say what the value of column k is? */
static bool follows(const struct table *t, size_t k, size_t x)
{
	for (size_t i = 1; i < t->n_rows; i++) {
		for (size_t j = 1; j < i; j++) {
			if (strcmp(t->cells[i][x], t->cells[j][x]) == 0 &&
			    t->cells[i][x][0] != '\0' &&
			    strcmp(t->cells[i][k], t->cells[j][k]) != 0) {
				return false;
			}
		}
	}
	return true;
}

/* Which columns tell lines apart: varied keys that x does not fix, and the service. */
static size_t label_columns(const struct table *t, size_t x, size_t *columns)
{
	const size_t end = table_column(t, "service");
	size_t n = 0;
	for (size_t k = 1; k <= end && k < t->n_columns; k++) {
		if (k != x && table_varies(t, k) && (k == end || !follows(t, k, x))) {
			columns[n++] = k;
		}
	}
	return n;
}

/* The last part of a key, or all of it where another label ends alike. */
static const char *short_name(const struct table *t, const size_t *columns, size_t n, size_t i)
{
	const char *const key = t->cells[0][columns[i]], *const dot = strrchr(key, '.');
	bool alone = dot != NULL;
	for (size_t k = 0; k < n && alone; k++) {
		const char *const other = strrchr(t->cells[0][columns[k]], '.');
		alone = k == i || other == NULL || strcmp(other, dot) != 0;
	}
	return alone ? dot + 1 : key;
}

/* "fraction 0.5, chat": a short name and the value of each. Caller frees. */
static char *label_of(const struct table *t, size_t row, const size_t *columns, size_t n)
{
	const size_t service = table_column(t, "service");
	char *label = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		const char *const value = t->cells[row][columns[i]];
		char *const longer = columns[i] == service
		                             ? mem_printf("%s%s%s", label, i > 0 ? ", " : "", value)
		                             : mem_printf("%s%s%s %s", label, i > 0 ? ", " : "",
		                                          short_name(t, columns, n, i), value);
		free(label);
		label = longer;
	}
	return label;
}

/* One panel: y over x, a line per label. */
static void add_panel(struct plot *p, const struct table *t, size_t x, size_t y, size_t per)
{
	size_t *const columns = mem_new(t->n_columns, sizeof(*columns));
	const size_t n = label_columns(t, x, columns);
	for (size_t i = 1; i < t->n_rows; i++) {
		double vx, vy, vper = 1.0;
		const bool known = str_to_real(t->cells[i][x], &vx) &&
		                   str_to_real(t->cells[i][y], &vy) &&
		                   (per == t->n_columns || str_to_real(t->cells[i][per], &vper));
		if (known && vper > 0.0) {
			char *const label = label_of(t, i, columns, n);
			plot_add(plot_line(p, p->n_panels - 1, label), vx, vy / vper);
			free(label);
		}
	}
	free(columns);
}

static void begin_panel(struct plot *p, const char *ylabel)
{
	p->panels = mem_resize(p->panels, p->n_panels + 1, sizeof(*p->panels));
	p->panels[p->n_panels++] = (struct plot_panel){mem_strdup(ylabel)};
}

/* ": llama-3.1-8b-instruct on h100-nvl", as far as it is known. Caller frees. */
static char *subject(char *take_models, char *take_gpus)
{
	const bool models = take_models[0] != '\0', gpus = take_gpus[0] != '\0';
	char *const text = mem_printf("%s%s%s%s", models || gpus ? ": " : "", take_models,
	                              models && gpus ? " on " : "", take_gpus);
	free(take_models);
	free(take_gpus);
	return text;
}

static void from_sweep(struct plot *p, const struct preset *preset, const struct table *t,
                       struct err *err)
{
	const size_t before = err_count(err);
	const size_t x =
		preset->x != NULL ? want_column(t, preset->x, err) : fraction_column(t, err);
	p->title = preset->title;
	p->subject = subject(table_values(t, "model"), table_values(t, "gpu"));
	p->xlabel = preset->xlabel;
	p->proportional = preset->proportional;
	for (size_t i = 0; i < COUNT(preset->panels) && preset->panels[i].y != NULL; i++) {
		const bool optional = i > 0;
		const size_t y = optional ? table_column(t, preset->panels[i].y)
		                          : want_column(t, preset->panels[i].y, err);
		const size_t per = preset->panels[i].per != NULL
		                           ? want_column(t, preset->panels[i].per, err)
		                           : t->n_columns;
		if (err_count(err) == before && y < t->n_columns) {
			begin_panel(p, preset->panels[i].ylabel);
			add_panel(p, t, x, y, per);
		}
	}
}

/* A series of our own, as an axis says it; others keep their name. */
static const char *axis_of(const char *series)
{
	static const char *const known[][2] = {{"running", "requests running"},
	                                       {"waiting", "requests waiting"},
	                                       {"ready", "replicas ready"},
	                                       {"starting", "replicas starting"},
	                                       {"gpu_memory_mib", "GPU memory held (MiB)"}};
	for (size_t i = 0; i < COUNT(known); i++) {
		if (strcmp(series, known[i][0]) == 0) {
			return known[i][1];
		}
	}
	return series;
}

/* The panel of a quantity over time; MOST_PANELS when there are too many. */
static size_t panel_of(struct plot *p, const char *name)
{
	size_t i = 0;
	while (i < p->n_panels && strcmp(p->panels[i].ylabel, name) != 0) {
		i++;
	}
	if (i == p->n_panels && i < MOST_PANELS) {
		begin_panel(p, name);
	}
	return i;
}

/* Averages over time: a panel per quantity, a line per service, replica or GPU. */
static void from_timeslices(struct plot *p, const struct table *t, struct err *err)
{
	static const char suffix[] = "_avg";
	const size_t before = err_count(err);
	const size_t time = want_column(t, "time_s", err), name = want_column(t, "series", err);
	const size_t labels = want_column(t, "labels", err), value = want_column(t, "value", err);
	p->title = "averages over time";
	p->xlabel = "simulated time (s)";
	p->steps = true;
	for (size_t i = 1; i < t->n_rows && err_count(err) == before; i++) {
		const char *const series = t->cells[i][name];
		const size_t length = strlen(series);
		double x, y;
		if (length <= strlen(suffix) ||
		    strcmp(series + length - strlen(suffix), suffix) != 0 ||
		    !str_to_real(t->cells[i][time], &x) || !str_to_real(t->cells[i][value], &y)) {
			continue;
		}
		char *const quantity = mem_printf("%.*s", (int)(length - strlen(suffix)), series);
		const size_t panel = panel_of(p, axis_of(quantity));
		free(quantity);
		if (panel < MOST_PANELS) {
			plot_add(plot_line(p, panel, t->cells[i][labels]), x, y);
		}
	}
}

/* Too many lines in a panel are a picture of nothing. */
static void check_lines(const struct plot *p, struct err *err)
{
	size_t most = 0;
	for (size_t i = 0; i < p->n_panels; i++) {
		const size_t n = plot_lines_of(p, i);
		most = n > most ? n : most;
	}
	if (most > PLOT_MOST_LINES) {
		err_add(err, ERR_USAGE, NULL,
		        "%zu lines, of which %d can be told apart; choose with --where "
		        "COLUMN=VALUE,... (the first line is \"%.80s\")",
		        most, PLOT_MOST_LINES, p->lines[0].label);
	}
}

/* The table in a folder, or the file itself; caller frees. */
static char *table_file(const char *path, const char *name)
{
	struct stat st;
	const bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	return folder ? mem_printf("%s/%s", path, name) : mem_strdup(path);
}

/* Values of the keys "PREFIX...SUFFIX" in the options of a run.json, each once. Caller frees. */
static char *run_values(json_t *options, const char *prefix, const char *suffix)
{
	char *text = mem_strdup("");
	const char *key;
	json_t *option;
	json_object_foreach((json_t *)options, key, option) {
		const size_t length = strlen(key), tail = strlen(suffix);
		const char *const value = json_string_value(json_object_get(option, "value"));
		if (strncmp(key, prefix, strlen(prefix)) == 0 && length > tail &&
		    strcmp(key + length - tail, suffix) == 0 && value != NULL &&
		    strstr(text, value) == NULL) {
			char *const longer =
				mem_printf("%s%s%s", text, text[0] != '\0' ? ", " : "", value);
			free(text);
			text = longer;
		}
	}
	return text;
}

/* What the run of that folder was of, where its run.json says it. */
static char *run_subject(const char *folder)
{
	struct err *const none = err_new(); /* a table alone is a run too */
	char *const file = mem_printf("%s/run.json", folder);
	json_t *const run = json_read(file, none);
	json_t *const options = json_object_get(run, "options");
	char *const text = subject(run_values(options, "services.", ".model"),
	                           run_values(options, "cluster.nodes.", ".gpu"));
	json_decref(run);
	free(file);
	err_free(none);
	return text;
}

static void read_figure(struct plot *p, const struct plot_ask *ask, const char *file,
                        struct err *err)
{
	const size_t before = err_count(err);
	struct table t;
	const bool ok = table_read(&t, file, err) && table_keep(&t, ask->where, ask->n_where, err);
	if (ok && strcmp(ask->preset, "timeline") == 0) {
		from_timeslices(p, &t, err);
		p->subject = run_subject(ask->path);
	}
	for (size_t i = 0; ok && i < COUNT(presets); i++) {
		if (strcmp(presets[i].name, ask->preset) == 0) {
			from_sweep(p, &presets[i], &t, err);
		}
	}
	if (err_count(err) == before && p->n_lines == 0) {
		err_add(err, ERR_INPUT, file, "nothing to draw: no row has the figures of %s",
		        ask->preset);
	}
	table_fini(&t);
}

bool plot_read(const struct plot_ask *ask, struct plot *out, struct err *err)
{
	const bool timeline = strcmp(ask->preset, "timeline") == 0;
	char *const file = table_file(ask->path, timeline ? "timeslices.csv" : "sweep.csv");
	const size_t before = err_count(err);
	*out = (struct plot){.title = ""};
	read_figure(out, ask, file, err);
	if (err_count(err) == before) {
		check_lines(out, err);
	}
	free(file);
	return err_count(err) == before;
}
