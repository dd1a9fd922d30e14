/* Finds the figures of a preset in the columns of a table. */
#include "study/plot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

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

/* A table in memory. */
struct table {
	char ***cells; /* row 0: the names of the columns */
	size_t n_rows, n_columns;
	const char *file;
};

static void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		for (size_t k = 0; k < t->n_columns; k++) {
			free(t->cells[i][k]);
		}
		free(t->cells[i]);
	}
	free(t->cells);
}

static void keep_row(struct table *t, const char *const *fields)
{
	t->cells = mem_resize(t->cells, t->n_rows + 1, sizeof(*t->cells));
	t->cells[t->n_rows] = mem_new(t->n_columns, sizeof(char *));
	for (size_t k = 0; k < t->n_columns; k++) {
		t->cells[t->n_rows][k] = mem_strdup(fields[k]);
	}
	t->n_rows++;
}

static bool table_read(struct table *t, const char *file, struct err *err)
{
	const char *const *fields;
	const size_t before = err_count(err);
	size_t n;
	struct csv_reader *const r = csv_open(file, err);
	*t = (struct table){.file = file};
	while (r != NULL && csv_next(r, &fields, &n)) {
		if (t->n_rows > 0 && n != t->n_columns) {
			csv_fail(r, n, "%zu fields, the first line has %zu", n, t->n_columns);
			break;
		}
		t->n_columns = n;
		keep_row(t, fields);
	}
	csv_close(r);
	if (err_count(err) == before && t->n_rows < 2) {
		err_add(err, ERR_INPUT, file, "no rows");
	}
	return err_count(err) == before;
}

/* The column of that name; n_columns when there is none. */
static size_t column(const struct table *t, const char *name)
{
	size_t k = 0;
	while (k < t->n_columns && strcmp(t->cells[0][k], name) != 0) {
		k++;
	}
	return k;
}

static size_t want_column(const struct table *t, const char *name, struct err *err)
{
	const size_t k = column(t, name);
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
	const size_t end = column(t, "service");
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

static bool varies(const struct table *t, size_t k)
{
	bool found = false;
	for (size_t i = 2; i < t->n_rows; i++) {
		found = found || strcmp(t->cells[i][k], t->cells[1][k]) != 0;
	}
	return found;
}

/* Which columns tell lines apart: varied keys that x does not fix, and the service. */
static size_t label_columns(const struct table *t, size_t x, size_t *columns)
{
	const size_t end = column(t, "service");
	size_t n = 0;
	for (size_t k = 1; k <= end && k < t->n_columns; k++) {
		if (k != x && varies(t, k) && (k == end || !follows(t, k, x))) {
			columns[n++] = k;
		}
	}
	return n;
}

/* "fraction=0.5 chat": the last part of each key. Caller frees. */
static char *label_of(const struct table *t, size_t row, const size_t *columns, size_t n)
{
	const size_t service = column(t, "service");
	char *label = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		const char *const key = t->cells[0][columns[i]];
		const char *const dot = strrchr(key, '.');
		const char *const value = t->cells[row][columns[i]];
		char *const longer = columns[i] == service
		                             ? mem_printf("%s%s%s", label, i > 0 ? ", " : "", value)
		                             : mem_printf("%s%s%s %s", label, i > 0 ? ", " : "",
		                                          dot != NULL ? dot + 1 : key, value);
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

static void from_sweep(struct plot *p, const struct preset *preset, const struct table *t,
                       struct err *err)
{
	const size_t before = err_count(err);
	const size_t x =
		preset->x != NULL ? want_column(t, preset->x, err) : fraction_column(t, err);
	p->title = preset->title;
	p->xlabel = preset->xlabel;
	p->proportional = preset->proportional;
	for (size_t i = 0; i < COUNT(preset->panels) && preset->panels[i].y != NULL; i++) {
		const bool optional = i > 0;
		const size_t y = optional ? column(t, preset->panels[i].y)
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

/* The table in a folder, or the file itself; caller frees. */
static char *table_file(const char *path, const char *name)
{
	struct stat st;
	const bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	return folder ? mem_printf("%s/%s", path, name) : mem_strdup(path);
}

bool plot_read(const char *path, const char *preset, struct plot *out, struct err *err)
{
	const bool timeline = strcmp(preset, "timeline") == 0;
	char *const file = table_file(path, timeline ? "timeslices.csv" : "sweep.csv");
	const size_t before = err_count(err);
	struct table t;
	*out = (struct plot){.title = ""};
	if (table_read(&t, file, err) && timeline) {
		from_timeslices(out, &t, err);
	}
	for (size_t i = 0; i < COUNT(presets) && err_count(err) == before; i++) {
		if (strcmp(presets[i].name, preset) == 0) {
			from_sweep(out, &presets[i], &t, err);
		}
	}
	if (err_count(err) == before && out->n_lines == 0) {
		err_add(err, ERR_INPUT, file, "nothing to draw: no row has the figures of %s",
		        preset);
	}
	table_fini(&t);
	free(file);
	return err_count(err) == before;
}
