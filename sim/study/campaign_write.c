/* Calibration files and their pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/gnuplot.h"
#include "report/json_writer.h"
#include "report/out.h"
#include "study/campaign.h"

#define DIGITS 4 /* of a fitted constant: more would only be noise of the machine's libm */

/* Rounded so that the file is the same wherever it is made. */
static double rounded(double v, int digits)
{
	char text[40];

	snprintf(text, sizeof(text), "%.*e", digits - 1, v);
	return strtod(text, NULL);
}

/* Caller frees. */
static char *campaign_name(const struct campaign *c, size_t set)
{
	return mem_printf("%s__%s__%s", c->gpu, c->engine, precision_names[c->sets[set].precision]);
}

static void put_constant(struct json_writer *w, const struct calibrate_constant *c)
{
	json_begin_object_flat(w, NULL);
	json_put_string(w, "name", c->option->name);
	json_put_real(w, "value", rounded(c->value, DIGITS));
	if (c->fitted) {
		json_put_real(w, "low", rounded(c->low, DIGITS));
		json_put_real(w, "high", rounded(c->high, DIGITS));
	}
	json_put_string(w, "role", c->fitted ? "fitted" : "held");
	if (!c->fitted) {
		json_put_string(w, "why", c->why);
	}
	json_end(w);
}

static void put_errors(struct json_writer *w, const struct campaign_set *set)
{
	json_begin_array(w, "errors");
	for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
		const char *const metric = campaign_metrics[m];
		struct error_stats fitted, held_out;
		calibrate_errors(&set->ask, &set->result, metric, campaign_users(metric), false,
		                 &fitted);
		calibrate_errors(&set->ask, &set->result, metric, campaign_users(metric), true,
		                 &held_out);
		if (fitted.n == 0 || held_out.n == 0) {
			continue;
		}
		json_begin_object_flat(w, NULL);
		json_put_string(w, "metric", metric);
		json_put_int(w, "n", (int64_t)fitted.n);
		json_put_real(w, "fitted_mean_pct", rounded(fitted.mean, 3));
		json_put_real(w, "fitted_worst_pct", rounded(fitted.worst, 3));
		json_put_real(w, "held_out_mean_pct", rounded(held_out.mean, 3));
		json_put_real(w, "held_out_median_pct", rounded(held_out.median, 3));
		json_put_real(w, "held_out_worst_pct", rounded(held_out.worst, 3));
		json_end(w);
	}
	json_end(w);
}

static void put_range(struct json_writer *w, const char *key, const struct trust_range *r)
{
	json_begin_array_flat(w, key);
	json_put_real(w, NULL, r->low);
	json_put_real(w, NULL, r->high);
	json_end(w);
}

static void put_set(struct json_writer *w, const struct campaign_set *set)
{
	json_begin_object(w, NULL);
	json_put_string(w, "models", set->moe ? "moe" : "dense");
	json_put_string(w, "engine_version", set->engine_version);
	json_begin_array(w, "constants");
	for (size_t i = 0; i < set->result.n_constants; i++) {
		put_constant(w, &set->result.constants[i]);
	}
	json_end(w);
	json_begin_object_flat(w, "rows");
	json_put_string(w, "source", set->source);
	json_put_int(w, "configurations", (int64_t)set->ask.n_cases);
	json_end(w);
	put_errors(w, set);
	json_begin_object(w, "trust");
	json_begin_array_flat(w, "models");
	for (size_t i = 0; i < set->n_models; i++) {
		json_put_string(w, NULL, set->models[i]);
	}
	json_end(w);
	put_range(w, "isl", &set->isl);
	put_range(w, "osl", &set->osl);
	put_range(w, "users", &set->users);
	put_range(w, "tensor_parallel", &set->tensor_parallel);
	json_end(w);
	json_end(w);
}

/* The sets [from, to), which share a precision, as one calibration. */
static void put_calibration(struct json_writer *w, const struct campaign *c, size_t from, size_t to,
                            const char *checked, const char *command)
{
	char *const name = campaign_name(c, from);

	json_begin_object(w, NULL);
	json_put_string(w, "name", name);
	json_put_string(w, "gpu", c->gpu);
	json_put_string(w, "engine", c->engine);
	json_put_string(w, "precision", precision_names[c->sets[from].precision]);
	if (checked != NULL) {
		json_put_string(w, "checked", checked);
	}
	json_put_string(w, "note", command);
	json_begin_array(w, "sets");
	for (size_t i = from; i < to; i++) {
		put_set(w, &c->sets[i]);
	}
	json_end(w);
	json_end(w);
	free(name);
}

/* End of the sets that share a precision with the first. */
static size_t end_of(const struct campaign *c, size_t from)
{
	size_t to = from + 1;

	while (to < c->n_sets && c->sets[to].precision == c->sets[from].precision) {
		to++;
	}
	return to;
}

void campaign_json(FILE *out, const struct campaign *c, const char *command)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/calibrate/1");
	json_begin_array(&w, "calibrations");
	for (size_t from = 0; from < c->n_sets; from = end_of(c, from)) {
		put_calibration(&w, c, from, end_of(c, from), NULL, command);
	}
	json_end(&w);
	json_end(&w);
}

/* `name`.json in `dir`, open for writing; NULL with an error added. */
static struct out *open_file(const char *dir, const char *name, struct err *err)
{
	char *const file = mem_printf("%s.json", name);
	struct out *const out = out_open(dir, file, err);

	free(file);
	return out;
}

static bool write_file(struct out *out, const struct campaign *c, size_t from, const char *checked,
                       const char *command)
{
	struct json_writer w;

	if (out == NULL) {
		return false;
	}
	json_writer_init(&w, out_file(out), false);
	put_calibration(&w, c, from, end_of(c, from), checked, command);
	return out_commit(out);
}

/* Users of a closed loop, requests/s of an open one, the largest batch of a flood. */
static double load_of(const struct measured_run *run)
{
	return run->users > 0  ? (double)run->users
	       : run->rate > 0 ? run->rate
	                       : (double)run->max_num_seqs;
}

/* From the unit of a row to that of the picture: times in ms. */
static double scale_of(const struct measured_value *v)
{
	return strcmp(v->unit, "s") == 0 ? 1e3 : strcmp(v->unit, "us") == 0 ? 1e-3 : 1.0;
}

static void put_point(FILE *out, const struct campaign_set *set, const struct prediction *p)
{
	const struct measured_run *const run = set->ask.cases[p->run]->run;
	const struct measured_value *const v = &run->values[p->value];
	const double scale = scale_of(v);
	char load[40], measured[40], fitted[40], held_out[40];

	fprintf(out, "%s %s %s %s\n", str_real(load_of(run), load, sizeof(load)),
	        str_real(scale * v->value, measured, sizeof(measured)),
	        isfinite(p->fitted) ? str_real(scale * p->fitted, fitted, sizeof(fitted)) : "?",
	        isfinite(p->held_out) ? str_real(scale * p->held_out, held_out, sizeof(held_out))
	                              : "?");
}

/* Figures that the picture shows; the unit of a point is the metric's. */
static const struct {
	const char *metric, *title, *unit;
	int point;
	const char *colour;
} shown[] = {
	{"tpot", "TPOT", "ms", 6, "#000000"},
	{"itl", "ITL", "ms", 4, "#0072b2"},
	{"ttft", "TTFT", "ms", 3, "#d55e00"},
	{"output_throughput", "tokens/s", "tokens/s", 8, "#009e73"},
};
#define N_SHOWN (sizeof(shown) / sizeof(shown[0]))

struct extent {
	size_t n[N_SHOWN]; /* points of a figure */
	double low, high;
	bool users, rates; /* loads are known, as these */
};

/* The points of one figure over one set. */
static void put_points(FILE *out, const struct campaign_set *set, size_t m, struct extent *extent)
{
	for (size_t k = 0; k < set->result.n_predictions; k++) {
		const struct prediction *const p = &set->result.predictions[k];
		const struct measured_run *const run = set->ask.cases[p->run]->run;
		const struct measured_value *const v = &run->values[p->value];
		if (strcmp(v->metric, shown[m].metric) != 0 || v->stat[0] != 'm' ||
		    !isfinite(p->held_out)) {
			continue;
		}
		put_point(out, set, p);
		extent->n[m]++;
		extent->users = extent->users || run->users > 0;
		extent->rates = extent->rates || (run->users == 0 && run->rate > 0.0);
		extent->low = fmin(extent->low, scale_of(v) * fmin(v->value, p->held_out));
		extent->high = fmax(extent->high, scale_of(v) * fmax(v->value, p->held_out));
	}
}

static void put_data(FILE *out, const struct campaign *c, size_t from, size_t to,
                     struct extent *extent)
{
	*extent = (struct extent){.low = (double)INFINITY};
	for (size_t m = 0; m < N_SHOWN; m++) {
		fprintf(out, "# %s: load measured fitted held_out, %s\n", shown[m].metric,
		        shown[m].unit);
		for (size_t i = from; i < to; i++) {
			put_points(out, &c->sets[i], m, extent);
		}
		fputs("0 ? ? ?\n\n\n", out); /* an index is never empty */
	}
}

static void put_plot(FILE *out, const struct extent *extent, const char *using, const char *last)
{
	fputs("plot ", out);
	for (size_t m = 0; m < N_SHOWN; m++) {
		if (extent->n[m] > 0) {
			fprintf(out,
			        "data index %zu using %s with points pt %d lc rgb \"%s\" title \"%s\", \\\n     ",
			        m, using, shown[m].point, shown[m].colour, shown[m].title);
		}
	}
	fprintf(out, "%s with lines lc rgb \"#888888\" dt 2 notitle\n", last);
}

static void put_script(FILE *out, const char *name, const struct extent *extent)
{
	char low[40], high[40];
	const bool load = extent->users || extent->rates;

	fprintf(out,
	        "# gnuplot -c %s.gp [png|svg [FOLDER]]: draws FOLDER/%s.png (or .svg) from FOLDER/%s.dat\n"
	        "kind = exists(\"ARG1\") && strlen(ARG1) > 0 ? ARG1 : \"png\"\n"
	        "folder = exists(\"ARG2\") && strlen(ARG2) > 0 ? ARG2 : \".\"\n"
	        "data = folder . \"/%s.dat\"\n"
	        "set datafile missing \"?\"\n"
	        "if (kind eq \"svg\") {\n"
	        "\tset terminal svg noenhanced size 1000,480 font \"sans,14\" background \"white\"\n"
	        "} else {\n"
	        "\tset terminal pngcairo noenhanced size 1000,480 font \"sans,11\"\n"
	        "}\n"
	        "set output folder . \"/%s.\" . kind\n"
	        "set grid lc rgb \"#cccccc\" lw 1 dt 1\n"
	        "set border 3\nset tics nomirror\nset key bmargin center horizontal\n"
	        "set multiplot layout 1,2 title \"%s: rows held out\"\n",
	        name, name, name, name, name, name);
	fprintf(out,
	        "set logscale xy\nset xrange [%s:%s]\nset yrange [%s:%s]\n"
	        "set xlabel \"measured, ms or tokens/s\"\n"
	        "set ylabel \"simulated, rows held out\"\n",
	        str_real(0.8 * extent->low, low, sizeof(low)),
	        str_real(1.25 * extent->high, high, sizeof(high)), low, high);
	put_plot(out, extent, "2:4", "x");
	fprintf(out,
	        "unset logscale\nset autoscale\n%sset xlabel \"%s\"\n"
	        "set ylabel \"simulated over measured - 1 (%%)\"\n",
	        load ? "set logscale x 2\n" : "",
	        extent->users && extent->rates ? "users, or requests/s"
	        : extent->users                ? "users"
	        : load                         ? "requests/s"
	                                       : "row");
	put_plot(out, extent, load ? "1:(100*($4/$2-1))" : "0:(100*($4/$2-1))", "0");
	fputs("unset multiplot\n", out);
}

/* Commit where `ok`, else throw away; `o` may be NULL. */
static bool finish(struct out *o, bool ok)
{
	if (o != NULL && !ok) {
		out_abort(o);
	}
	return ok && o != NULL && out_commit(o);
}

/* Nothing where no row was held out, as there is nothing to see. */
static bool write_picture(const struct campaign *c, size_t from, size_t to, const char *name,
                          const char *dir, struct err *err)
{
	char *const plots = mem_printf("%s/plots", dir);
	char *const data = mem_printf("%s.dat", name), *const script = mem_printf("%s.gp", name);
	struct out *const a = out_open(plots, data, err);
	struct out *const b = a != NULL ? out_open(plots, script, err) : NULL;
	bool ok = b != NULL;
	struct extent extent = {.high = 0.0};

	if (ok) {
		put_data(out_file(a), c, from, to, &extent);
		put_script(out_file(b), name, &extent);
	}
	const bool seen = extent.high > 0.0;
	const bool written = finish(a, ok && seen);
	ok = finish(b, ok && seen && written) || (ok && !seen);
	if (ok && seen) {
		gnuplot_run(plots, name, err); /* adds a note when it cannot */
	}
	free(plots);
	free(data);
	free(script);
	return ok;
}

/* Is there a group of this precision with rows held out? */
static bool any_folds(const struct campaign *c, size_t from)
{
	for (size_t i = from; i < end_of(c, from); i++) {
		if (c->sets[i].ask.folds > 0) {
			return true;
		}
	}
	return false;
}

bool campaign_write(const struct campaign *c, const char *dir, const char *checked,
                    const char *command, struct err *err)
{
	bool ok = true;

	for (size_t from = 0; from < c->n_sets; from = end_of(c, from)) {
		char *const name = campaign_name(c, from);
		ok = write_file(open_file(dir, name, err), c, from, checked, command) &&
		     (!any_folds(c, from) ||
		      write_picture(c, from, end_of(c, from), name, dir, err)) &&
		     ok;
		free(name);
	}
	return ok;
}
