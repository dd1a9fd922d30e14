/* Requests running and waiting over time in a replayed run, beside those that were measured. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "metric/series.h"
#include "report/gnuplot.h"
#include "report/out.h"
#include "study/replay_private.h"

typedef VEC(struct curve_point) curve_t;

enum { CURVE_T, CURVE_RUNNING, CURVE_WAITING, N_CURVE };

/* Where the columns t, running and waiting are; SIZE_MAX where one is not. */
static void find_columns(const char *const *names, size_t n, size_t *at)
{
	static const char *const wanted[N_CURVE] = {"t", "running", "waiting"};

	for (size_t k = 0; k < N_CURVE; k++) {
		at[k] = SIZE_MAX;
		for (size_t i = 0; i < n; i++) {
			at[k] = strcmp(names[i], wanted[k]) == 0 ? i : at[k];
		}
	}
}

/* A row of timeseries.csv as a point, unless one of its values is no number. */
static void read_point(const char *const *f, size_t n, const size_t *at, curve_t *out)
{
	double values[N_CURVE] = {0};

	for (size_t k = 0; k < N_CURVE; k++) {
		if (at[k] >= n || !str_to_real(f[at[k]], &values[k])) {
			return;
		}
	}
	const struct curve_point p = {values[CURVE_T], values[CURVE_RUNNING],
	                              values[CURVE_WAITING]};
	vec_push(out, p);
}

/* The points of timeseries.csv. */
static void read_points(struct csv_reader *csv, curve_t *out)
{
	const char *const *f;
	size_t n, at[N_CURVE];

	if (!csv_next(csv, &f, &n)) {
		return;
	}
	find_columns(f, n, at);
	while (csv_next(csv, &f, &n)) {
		read_point(f, n, at, out);
	}
}

/* Mean value around a time, 0 after the end. */
static double value_at(const struct series_point *points, size_t n, double t_s)
{
	for (size_t i = 0; i < n; i++) {
		if (t_s < ns_to_seconds(points[i].until)) {
			return points[i].mean;
		}
	}
	return 0.0;
}

void replay_read_curve(struct replay *r)
{
	char *const file = mem_printf("%s/timeseries.csv", r->dir);
	struct err *const err = err_new(); /* a folder without a curve is no mistake */
	struct csv_reader *const csv = csv_open(file, err);
	struct series_point *const running = mem_new(SERIES_POINTS, sizeof(*running));
	struct series_point *const waiting = mem_new(SERIES_POINTS, sizeof(*waiting));
	const size_t n_running = series_read(sim_series(r->sim, 0, SIM_RUNNING), running);
	const size_t n_waiting = series_read(sim_series(r->sim, 0, SIM_WAITING), waiting);
	curve_t points = {0};

	if (csv != NULL) {
		read_points(csv, &points);
		csv_close(csv);
	}
	for (size_t i = 0; i < points.n; i++) {
		const struct curve_point *const p = &points.at[i];
		r->running_off += fabs(value_at(running, n_running, p->t_s) - p->running);
		r->waiting_off += fabs(value_at(waiting, n_waiting, p->t_s) - p->waiting);
	}
	if (points.n > 0) {
		r->running_off /= (double)points.n;
		r->waiting_off /= (double)points.n;
	}
	r->curve = points.at;
	r->n_curve = points.n;
	free(running);
	free(waiting);
	err_free(err);
	free(file);
}

static void put_measured(FILE *out, const struct replay *r)
{
	fputs("# measured: time_s running waiting\n", out);
	for (size_t i = 0; i < r->n_curve; i++) {
		fprintf(out, "%g %g %g\n", r->curve[i].t_s, r->curve[i].running,
		        r->curve[i].waiting);
	}
	fputs(r->n_curve > 0 ? "\n\n" : "0 0 0\n\n\n", out);
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

	if (script != NULL) {
		put_measured(out_file(data), r);
		put_series(out_file(data), "running", sim_series(r->sim, 0, SIM_RUNNING));
		put_series(out_file(data), "waiting", sim_series(r->sim, 0, SIM_WAITING));
		put_script(out_file(script), r);
		bool ok = out_commit(data);
		ok = out_commit(script) && ok;
		gnuplot_run(dir, "replay", err); /* adds a note when it cannot */
		return ok;
	}
	if (data != NULL) {
		out_abort(data);
	}
	return false;
}
