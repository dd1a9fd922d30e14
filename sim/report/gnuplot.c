/* Data, script and run of the figure: cumulative distributions above, requests over time below. */
#include "report/gnuplot.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CURVES 4
#define TITLE_WIDTH 104 /* characters of a line */
#define STEPS 400       /* of the cumulative curves, a quarter of a per cent each */

static const struct {
	enum request_metric metric;
	const char *column, *title;
} curves[CURVES] = {
	{METRIC_TTFT, "ttft_ms", "time to first token"},
	{METRIC_TPOT, "tpot_ms", "time per token, mean of a request"},
	{METRIC_ITL, "itl_ms", "every token gap"},
	{METRIC_LATENCY, "latency_ms", "whole request"},
};

/* gnuplot reads "?" as no value, which log axes need for zero as well. */
static void put_value(FILE *out, double v)
{
	char buf[40];

	fprintf(out, " %s", isfinite(v) && v > 0.0 ? str_real(v, buf, sizeof(buf)) : "?");
}

static void put_distributions(FILE *out, const struct report *r, size_t service)
{
	double p[STEPS + 1], v[CURVES][STEPS + 1];

	for (size_t i = 0; i <= STEPS; i++) {
		p[i] = 100.0 * (double)i / STEPS;
	}
	fputs("# percent", out);
	for (size_t c = 0; c < CURVES; c++) {
		fprintf(out, " %s", curves[c].column);
		request_log_quantiles(r->log, service, curves[c].metric, p, STEPS + 1, v[c]);
	}
	putc('\n', out);
	for (size_t i = 0; i <= STEPS; i++) {
		char buf[40];

		fputs(str_real(p[i], buf, sizeof(buf)), out);
		for (size_t c = 0; c < CURVES; c++) {
			put_value(out, v[c][i]);
		}
		putc('\n', out);
	}
}

/* Over time there are requests; other quantities are for `aliquot plot`. */
static bool is_drawn(const struct report_series *s, size_t service)
{
	return s->service == service && s->unit == REPORT_REQUESTS;
}

void gnuplot_data(FILE *out, const struct report *r, size_t service)
{
	struct series_point *points = mem_new(SERIES_POINTS, sizeof(*points));

	put_distributions(out, r, service);
	for (size_t i = 0; i < r->n_series; i++) {
		if (!is_drawn(&r->series[i], service)) {
			continue;
		}
		size_t n = series_read(r->series[i].series, points);

		fprintf(out, "\n\n# time_s %s_avg %s_max\n", r->series[i].name, r->series[i].name);
		for (size_t k = 0; k < n; k++) {
			char t[40], mean[40];

			fprintf(out, "%s %s %lld\n",
			        str_real(ns_to_seconds(points[k].from), t, sizeof(t)),
			        str_real(points[k].mean, mean, sizeof(mean)),
			        (long long)points[k].max);
			if (k + 1 == n) { /* the last step has a width too */
				fprintf(out, "%s %s %lld\n",
				        str_real(ns_to_seconds(points[k].until), t, sizeof(t)),
				        mean, (long long)points[k].max);
			}
		}
	}
	free(points);
}

static void put_quoted(FILE *out, const char *text, size_t length)
{
	putc('\'', out);
	for (const char *p = text; p < text + length; p++) {
		if (*p == '\'') {
			putc('\'', out);
		}
		putc(*p == '\n' ? ' ' : *p, out);
	}
	putc('\'', out);
}

/* Length of the first line of a text: up to the last blank that fits, or all of it. */
static size_t line_length(const char *text)
{
	const size_t all = strlen(text);
	size_t length = TITLE_WIDTH;
	if (all <= TITLE_WIDTH) {
		return all;
	}
	while (length > 0 && text[length] != ' ') {
		length--;
	}
	return length > 0 ? length : TITLE_WIDTH;
}

void gnuplot_title(FILE *out, const char *text)
{
	fputs("set title ", out);
	for (bool first = true; first || *text != '\0'; first = false) {
		const size_t length = line_length(text);
		fputs(first ? "" : " . \"\\n\" . ", out);
		put_quoted(out, text, length);
		text += length;
		text += strspn(text, " ");
	}
	putc('\n', out);
}

void gnuplot_text(FILE *out, const char *text)
{
	put_quoted(out, text, strlen(text));
}

static void put_head(FILE *out, const char *stem, bool two)
{
	fprintf(out,
	        "# gnuplot -c %s.gp [png|svg [FOLDER]]: draws FOLDER/%s.png (or .svg) from FOLDER/%s.dat\n"
	        "kind = exists(\"ARG1\") && strlen(ARG1) > 0 ? ARG1 : \"png\"\n"
	        "folder = exists(\"ARG2\") && strlen(ARG2) > 0 ? ARG2 : \".\"\n"
	        "data = folder . \"/%s.dat\"\n"
	        "set datafile missing \"?\"\n"
	        "if (kind eq \"svg\") {\n"
	        "\tset terminal svg noenhanced size 900,%d font \"sans,14\" background \"white\"\n"
	        "} else {\n"
	        "\tset terminal pngcairo noenhanced size 900,%d font \"sans,11\"\n"
	        "}\n"
	        "set output folder . \"/%s.\" . kind\n"
	        "set style line 1 lc rgb \"#000000\" lw 2 dt 1\n"
	        "set style line 2 lc rgb \"#0072b2\" lw 2 dt 2\n"
	        "set style line 3 lc rgb \"#009e73\" lw 2 dt 3\n"
	        "set style line 4 lc rgb \"#d55e00\" lw 2 dt 4\n"
	        "set grid lc rgb \"#cccccc\" lw 1 dt 1\n"
	        "set border 3\n"
	        "set tics nomirror\n",
	        stem, stem, stem, stem, two ? 900 : 480, two ? 900 : 480, stem);
}

/* Room on both sides of the curves, so that a curve that is one vertical line has an axis too. */
static void put_range(FILE *out, const struct dist *const samples[CURVES])
{
	double low = (double)INFINITY, high = 0.0;
	char from[40], to[40];

	for (size_t c = 0; c < CURVES; c++) {
		if (samples[c] != NULL && samples[c]->max > 0.0) {
			low = samples[c]->min > 0.0 && samples[c]->min < low ? samples[c]->min
			                                                     : low;
			high = samples[c]->max > high ? samples[c]->max : high;
		}
	}
	if (low <= high) {
		fprintf(out, "set xrange [%s:%s]\n", str_real(0.8 * low, from, sizeof(from)),
		        str_real(1.25 * high, to, sizeof(to)));
	}
}

static void put_upper(FILE *out, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	const struct dist *samples[CURVES] = {&s->ttft_ms, &s->tpot_ms, &s->itl_ms, &s->latency_ms};
	const char *comma = "";
	char *const gpus = scenario_gpus_text(r->scenario);
	char *title = mem_printf("%s: %s, %s on %s (simulated)", r->summary->scenario_name, s->name,
	                         r->scenario->services[service].model_name, gpus);

	for (size_t c = 0; c < CURVES; c++) {
		if (samples[c]->count == 0 ||
		    (!s->generates && curves[c].metric != METRIC_LATENCY)) {
			samples[c] = NULL;
		}
	}
	gnuplot_title(out, title);
	fputs("set logscale x\n", out);
	put_range(out, samples);
	fputs("set xlabel \"time (ms)\"\nset ylabel \"share of requests or gaps (%)\"\n"
	      "set yrange [0:100]\nset key bmargin center horizontal\nplot",
	      out);
	for (size_t c = 0; c < CURVES; c++) {
		if (samples[c] != NULL) {
			fprintf(out, "%s data index 0 using %zu:1 with lines ls %zu title \"%s\"",
			        comma, c + 2, c + 1, curves[c].title);
			comma = ", \\\n    ";
		}
	}
	if (comma[0] == '\0') {
		fputs(" [1:10] 0 with lines ls 1 title \"nothing finished\"", out);
	}
	putc('\n', out);
	free(title);
	free(gpus);
}

static void put_lower(FILE *out, const struct report *r, size_t service)
{
	const char *comma = "";
	size_t index = 1;

	fputs("unset title\nunset logscale x\nset xrange [*:*]\nset xlabel \"simulated time (s)\"\n"
	      "set ylabel \"requests\"\nset yrange [0:*]\nset key bmargin center horizontal\nplot",
	      out);
	for (size_t i = 0; i < r->n_series; i++) {
		if (!is_drawn(&r->series[i], service)) {
			continue;
		}
		fprintf(out, "%s data index %zu using 1:2 with steps ls %zu title \"%s\"", comma,
		        index, (index - 1) % CURVES + 1, r->series[i].name);
		comma = ", \\\n    ";
		index++;
	}
	putc('\n', out);
}

void gnuplot_script(FILE *out, const struct report *r, size_t service, const char *stem)
{
	bool two = false;

	for (size_t i = 0; i < r->n_series; i++) {
		two = two || is_drawn(&r->series[i], service);
	}
	put_head(out, stem, two);
	if (two) {
		fputs("set multiplot layout 2,1\n", out);
	}
	put_upper(out, r, service);
	if (two) {
		put_lower(out, r, service);
		fputs("unset multiplot\n", out);
	}
}

/* Run gnuplot without a shell; its exit status, or -1 with *why set. What it prints goes to stderr.
 */
static int draw(char *const argv[], int *why)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	*why = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (*why != 0) {
		return -1;
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		return 1;
	}
	return WEXITSTATUS(status);
}

bool gnuplot_run(const char *dir, const char *stem, struct err *err)
{
	static const char *const kinds[] = {"png", "svg"};
	char *script = mem_printf("%s/%s.gp", dir, stem);
	bool ok = true;

	for (size_t i = 0; i < 2 && ok; i++) {
		char program[] = "gnuplot", flag[] = "-c";
		char *kind = mem_strdup(kinds[i]), *folder = mem_strdup(dir);
		char *argv[] = {program, flag, script, kind, folder, NULL};
		int why, status = draw(argv, &why);

		if (status != 0) {
			err_note(err, "%s; draw later with: gnuplot -c %s %s %s",
			         status < 0 ? "gnuplot is not installed, no figure drawn"
			                    : "gnuplot failed, figure not drawn",
			         script, kind, dir);
			ok = false;
		}
		free(kind);
		free(folder);
	}
	free(script);
	return ok;
}
