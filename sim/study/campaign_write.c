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
	double out = 0.0;

	snprintf(text, sizeof(text), "%.*e", digits - 1, v);
	sscanf(text, "%lf", &out);
	return out;
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

static bool write_file(const struct campaign *c, size_t from, const char *name, const char *dir,
                       const char *checked, const char *command, struct err *err)
{
	char *const file = mem_printf("%s.json", name);
	struct out *const out = out_open(dir, file, err);
	struct json_writer w;

	free(file);
	if (out == NULL) {
		return false;
	}
	json_writer_init(&w, out_file(out), false);
	put_calibration(&w, c, from, end_of(c, from), checked, command);
	return out_commit(out);
}

static void put_point(FILE *out, const struct campaign_set *set, const struct prediction *p)
{
	const struct measured_run *const run = set->ask.cases[p->run]->run;
	const struct measured_value *const v = &run->values[p->value];
	char users[40], measured[40], fitted[40], held_out[40];
	const double load = (double)(run->users > 0 ? run->users : run->max_num_seqs);

	fprintf(out, "%s %s %s %s\n", str_real(load, users, sizeof(users)),
	        str_real(v->value, measured, sizeof(measured)),
	        isfinite(p->fitted) ? str_real(p->fitted, fitted, sizeof(fitted)) : "?",
	        isfinite(p->held_out) ? str_real(p->held_out, held_out, sizeof(held_out)) : "?");
}

static void put_data(FILE *out, const struct campaign *c, size_t from, size_t to)
{
	static const char *const metrics[] = {"tpot", "ttft"};

	for (size_t m = 0; m < 2; m++) {
		fprintf(out, "# %s: users measured_ms fitted_ms held_out_ms\n", metrics[m]);
		for (size_t i = from; i < to; i++) {
			const struct calibration_result *const r = &c->sets[i].result;
			for (size_t k = 0; k < r->n_predictions; k++) {
				const struct prediction *const p = &r->predictions[k];
				const struct measured_value *const v =
					&c->sets[i].ask.cases[p->run]->run->values[p->value];
				if (strcmp(v->metric, metrics[m]) == 0 &&
				    strcmp(v->stat, "mean") == 0) {
					put_point(out, &c->sets[i], p);
				}
			}
		}
		fputs("0 ? ? ?\n\n\n", out); /* an index is never empty */
	}
}

static void put_script(FILE *out, const char *name)
{
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
	        "set border 3\nset tics nomirror\nset key top left\n"
	        "set multiplot layout 1,2 title \"%s: rows held out\"\n"
	        "set logscale xy\nset xlabel \"measured (ms)\"\nset ylabel \"simulated (ms)\"\n"
	        "plot data index 0 using 2:4 with points pt 6 lc rgb \"#000000\" title \"TPOT\", \\\n"
	        "     data index 1 using 2:4 with points pt 3 lc rgb \"#d55e00\" title \"TTFT\", \\\n"
	        "     x with lines lc rgb \"#888888\" dt 2 title \"equal\"\n"
	        "unset logscale y\nset logscale x 2\nset xlabel \"users\"\n"
	        "set ylabel \"simulated over measured - 1 (%%)\"\nset key top right\n"
	        "plot data index 0 using 1:(100*($4/$2-1)) with points pt 6 lc rgb \"#000000\" title \"TPOT\", \\\n"
	        "     data index 1 using 1:(100*($4/$2-1)) with points pt 3 lc rgb \"#d55e00\" title \"TTFT\", \\\n"
	        "     0 with lines lc rgb \"#888888\" dt 2 notitle\n"
	        "unset multiplot\n",
	        name, name, name, name, name, name);
}

static bool write_picture(const struct campaign *c, size_t from, size_t to, const char *name,
                          const char *dir, struct err *err)
{
	char *const plots = mem_printf("%s/plots", dir);
	char *const data = mem_printf("%s.dat", name), *const script = mem_printf("%s.gp", name);
	struct out *const a = out_open(plots, data, err);
	struct out *const b = out_open(plots, script, err);
	bool ok = a != NULL && b != NULL;

	if (ok) {
		put_data(out_file(a), c, from, to);
		put_script(out_file(b), name);
	}
	if (a != NULL) {
		ok = out_commit(a) && ok;
	}
	if (b != NULL) {
		ok = out_commit(b) && ok;
	}
	if (ok) {
		gnuplot_run(plots, name, err); /* adds a note when it cannot */
	}
	free(plots);
	free(data);
	free(script);
	return ok;
}

bool campaign_write(const struct campaign *c, const char *dir, const char *checked,
                    const char *command, struct err *err)
{
	bool ok = true;

	for (size_t from = 0; from < c->n_sets; from = end_of(c, from)) {
		char *const name = campaign_name(c, from);
		ok = write_file(c, from, name, dir, checked, command, err) &&
		     write_picture(c, from, end_of(c, from), name, dir, err) && ok;
		free(name);
	}
	return ok;
}
