/* Runs a logged run again and holds every request against its log. */
#include "study/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"
#include "metric/series.h"
#include "report/gnuplot.h"
#include "report/json_writer.h"
#include "report/out.h"
#include "flow/sim.h"
#include "study/calibrate.h"
#include "study/case.h"

struct compared { /* one metric over all requests */
	const char *name;
	double measured_mean_s, simulated_mean_s;
	double median_pct, p90_pct; /* of |simulated / measured - 1| */
};

struct replay {
	char *dir;
	struct measured_table *table;
	struct case_list cases;
	struct sim *sim;
	struct summary summary;
	struct compared ttft, e2e;
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void compare(struct replay *r, struct compared *out, bool whole)
{
	const struct measured_run *const run = &r->table->runs[0];
	size_t n;
	const struct request_record *const records = request_log_records(sim_log(r->sim), &n);
	double *const errors = mem_new(n + 1, sizeof(*errors));

	r->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct request_record *const q = &records[i];
		if (q->outcome != REQUEST_FINISHED || q->id >= run->n_requests) {
			continue;
		}
		const struct measured_request *const m = &run->requests[q->id];
		const double measured = whole ? m->e2e_s : m->ttft_s;
		const double simulated = ns_to_seconds((whole ? q->end : q->first) - q->arrival);
		out->measured_mean_s += measured;
		out->simulated_mean_s += simulated;
		errors[r->n++] = fabs(simulated / measured - 1.0);
	}
	qsort(errors, r->n, sizeof(*errors), by_value);
	out->name = whole ? "E2E" : "TTFT";
	out->measured_mean_s /= (double)r->n;
	out->simulated_mean_s /= (double)r->n;
	out->median_pct = 100.0 * errors[r->n / 2];
	out->p90_pct = 100.0 * errors[r->n * 9 / 10];
	free(errors);
}

struct replay *replay_run(const char *dir, struct data_dir *data, struct err *err)
{
	static const struct sim_options options = {.keep_records = true, .keep_series = true};
	struct replay *const r = mem_new(1, sizeof(*r));
	bool ok = false;

	r->dir = mem_strdup(dir);
	r->table = measured_read_folder(dir, err);
	if (r->table != NULL && case_list_make(&r->cases, r->table, data, err)) {
		if (r->cases.at[0].skipped != NULL) {
			err_add(err, ERR_INPUT, dir, "%s", r->cases.at[0].skipped);
		} else {
			r->sim = sim_new(r->cases.at[0].scenario, &options, err);
			ok = r->sim != NULL && sim_run(r->sim);
		}
	}
	if (!ok) {
		sim_free(r->sim);
		r->sim = NULL;
		replay_free(r);
		return NULL;
	}
	sim_summary(r->sim, &r->summary);
	compare(r, &r->ttft, false);
	compare(r, &r->e2e, true);
	return r;
}

void replay_free(struct replay *r)
{
	if (r == NULL) {
		return;
	}
	if (r->sim != NULL) {
		summary_fini(&r->summary);
		sim_free(r->sim);
	}
	case_list_fini(&r->cases);
	measured_free(r->table);
	free(r->dir);
	free(r);
}

static void print_compared(const struct compared *c, FILE *out)
{
	fprintf(out, "  %-5s %12.3f %12.3f %+9.1f %12.1f %10.1f\n", c->name, c->measured_mean_s,
	        c->simulated_mean_s, 100.0 * (c->simulated_mean_s / c->measured_mean_s - 1.0),
	        c->median_pct, c->p90_pct);
}

void replay_print(const struct replay *r, FILE *out)
{
	const struct study_case *const c = &r->cases.at[0];
	const struct service_summary *const s = &r->summary.services[0];

	fprintf(out, "%s: %zu of %zu requests replayed; %s on %lld %s, %s %s\n\n", r->dir, r->n,
	        c->run->n_requests, c->model, (long long)c->tp, c->gpu, c->engine,
	        c->run->engine_version);
	fprintf(out,
	        "          mean, measured   simulated   error %%   per request: median  p90 %%\n");
	print_compared(&r->ttft, out);
	print_compared(&r->e2e, out);
	fprintf(out, "\n  KV cache %lld tokens, peak %.0f %%; at most %lld running, %lld waiting\n",
	        (long long)s->kv_capacity_tokens,
	        100.0 * (double)s->kv_peak_tokens / (double)s->kv_capacity_tokens,
	        (long long)s->running_max, (long long)s->waiting_max);
}

static void put_compared(struct json_writer *w, const char *key, const struct compared *c)
{
	json_begin_object_flat(w, key);
	json_put_real(w, "measured_mean_s", c->measured_mean_s);
	json_put_real(w, "simulated_mean_s", c->simulated_mean_s);
	json_put_real(w, "median_error_pct", c->median_pct);
	json_put_real(w, "p90_error_pct", c->p90_pct);
	json_end(w);
}

void replay_json(const struct replay *r, FILE *out)
{
	const struct study_case *const c = &r->cases.at[0];
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/replay/1");
	json_put_string(&w, "source", r->dir);
	json_put_string(&w, "gpu", c->gpu);
	json_put_string(&w, "model", c->model);
	json_put_string(&w, "engine", c->engine);
	json_put_string(&w, "engine_version", c->run->engine_version);
	json_put_int(&w, "requests", (int64_t)r->n);
	put_compared(&w, "ttft", &r->ttft);
	put_compared(&w, "e2e", &r->e2e);
	json_end(&w);
}

/* Index 0: measured; false when the folder has no curve. */
static bool put_measured(FILE *out, const char *dir, struct err *err)
{
	char *const file = mem_printf("%s/timeseries.csv", dir);
	struct csv_reader *const csv = csv_open(file, err);
	const char *const *f;
	size_t n;
	double t, running, waiting;

	free(file);
	if (csv == NULL) {
		return false;
	}
	fputs("# measured: time_s running waiting\n", out);
	while (csv_next(csv, &f, &n)) { /* t,prompt_throughput,gen_throughput,running,waiting,... */
		if (n > 4 && str_to_real(f[0], &t) && str_to_real(f[3], &running) &&
		    str_to_real(f[4], &waiting)) {
			fprintf(out, "%g %g %g\n", t, running, waiting);
		}
	}
	fputs("\n\n", out);
	csv_close(csv);
	return true;
}

static void put_series(FILE *out, const char *name, const struct series *series)
{
	struct series_point *const points = mem_new(SERIES_POINTS, sizeof(*points));
	const size_t n = series_read(series, points);

	fprintf(out, "# simulated %s: time_s mean\n", name);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%.6f %.6g\n", ns_to_seconds(points[i].from), points[i].mean);
	}
	fputs("\n\n", out);
	free(points);
}

static void put_script(FILE *out, const struct replay *r)
{
	const struct study_case *const c = &r->cases.at[0];

	fprintf(out,
	        "# gnuplot -c replay.gp [png|svg [FOLDER]]: draws FOLDER/replay.png (or .svg)\n"
	        "kind = exists(\"ARG1\") && strlen(ARG1) > 0 ? ARG1 : \"png\"\n"
	        "folder = exists(\"ARG2\") && strlen(ARG2) > 0 ? ARG2 : \".\"\n"
	        "data = folder . \"/replay.dat\"\n"
	        "if (kind eq \"svg\") {\n"
	        "\tset terminal svg noenhanced size 900,480 font \"sans,14\" background \"white\"\n"
	        "} else {\n"
	        "\tset terminal pngcairo noenhanced size 900,480 font \"sans,11\"\n"
	        "}\n"
	        "set output folder . \"/replay.\" . kind\n"
	        "set grid lc rgb \"#cccccc\" lw 1 dt 1\nset border 3\nset tics nomirror\n"
	        "set title \"%s on %s, %s %s\"\n"
	        "set xlabel \"time (s)\"\nset ylabel \"requests\"\nset yrange [0:*]\n"
	        "set key bmargin center horizontal\n"
	        "plot data index 0 using 1:2 with steps lc rgb \"#000000\" lw 2 title \"running, measured\", \\\n"
	        "     data index 0 using 1:3 with steps lc rgb \"#d55e00\" lw 2 title \"waiting, measured\", \\\n"
	        "     data index 1 using 1:2 with steps lc rgb \"#000000\" dt 3 lw 2 title \"running, simulated\", \\\n"
	        "     data index 2 using 1:2 with steps lc rgb \"#d55e00\" dt 3 lw 2 title \"waiting, simulated\"\n",
	        c->model, c->gpu, c->engine, c->run->engine_version);
}

bool replay_write(const struct replay *r, const char *dir, struct err *err)
{
	struct out *const data = out_open(dir, "replay.dat", err);
	struct out *const script = data != NULL ? out_open(dir, "replay.gp", err) : NULL;
	bool ok = script != NULL && put_measured(out_file(data), r->dir, err);

	if (ok) {
		put_series(out_file(data), "running", sim_running(r->sim, 0));
		put_series(out_file(data), "waiting", sim_waiting(r->sim, 0));
		put_script(out_file(script), r);
		ok = out_commit(data);
		ok = out_commit(script) && ok;
		gnuplot_run(dir, "replay", err); /* adds a note when it cannot */
		return ok;
	}
	if (script != NULL) {
		out_abort(script);
	}
	if (data != NULL) {
		out_abort(data);
	}
	return false;
}
