/* Writes a figure: columns, script, and the picture. */
#include "study/plot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/gnuplot.h"
#include "report/out.h"

#define COLOURS 8
#define CHARACTER 8   /* pixels, of a label */
#define LOG_FROM 20.0 /* a span of x wider than this is drawn in doublings */

struct plot_line *plot_line(struct plot *p, size_t panel, const char *label)
{
	for (size_t i = 0; i < p->n_lines; i++) {
		if (p->lines[i].panel == panel && strcmp(p->lines[i].label, label) == 0) {
			return &p->lines[i];
		}
	}
	p->lines = mem_resize(p->lines, p->n_lines + 1, sizeof(*p->lines));
	p->lines[p->n_lines] = (struct plot_line){.panel = panel, .label = mem_strdup(label)};
	return &p->lines[p->n_lines++];
}

void plot_add(struct plot_line *line, double x, double y)
{
	if (line->n == 0 || (line->n & (line->n - 1)) == 0) { /* full at powers of two */
		line->points = mem_resize(line->points, line->n > 0 ? 2 * line->n : 1,
		                          sizeof(*line->points));
	}
	line->points[line->n++] = (struct plot_point){x, y};
}

void plot_fini(struct plot *p)
{
	for (size_t i = 0; i < p->n_panels; i++) {
		free(p->panels[i].ylabel);
	}
	for (size_t i = 0; i < p->n_lines; i++) {
		free(p->lines[i].label);
		free(p->lines[i].points);
	}
	free(p->panels);
	free(p->lines);
	free(p->subject);
}

size_t plot_lines_of(const struct plot *p, size_t panel)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_lines; i++) {
		n += p->lines[i].panel == panel;
	}
	return n;
}

static int by_x(const void *a, const void *b)
{
	const struct plot_point *const p = a, *const q = b;
	if (p->x < q->x || p->x > q->x) {
		return p->x < q->x ? -1 : 1;
	}
	return p->y < q->y ? -1 : p->y > q->y ? 1 : 0;
}

static void put_data(FILE *out, const struct plot *p)
{
	char x[40], y[40];
	for (size_t i = 0; i < p->n_lines; i++) {
		const struct plot_line *const line = &p->lines[i];
		fprintf(out, "%s# %s: %s\n", i > 0 ? "\n\n" : "", p->panels[line->panel].ylabel,
		        line->label[0] != '\0' ? line->label : "all");
		qsort(line->points, line->n, sizeof(*line->points), by_x);
		for (size_t k = 0; k < line->n; k++) {
			fprintf(out, "%s %s\n", str_real(line->points[k].x, x, sizeof(x)),
			        str_real(line->points[k].y, y, sizeof(y)));
		}
	}
}

/*
 * Okabe and Ito's colours, each with dashes and a mark of its own. Beyond eight, where colours come
 * again, marks are others and lines thinner.
 */
static void put_styles(FILE *out)
{
	static const char *const colours[COLOURS] = {"#000000", "#0072b2", "#d55e00", "#009e73",
	                                             "#cc79a7", "#56b4e9", "#e69f00", "#666666"};
	static const char *const dashes[COLOURS] = {"1", "2",      "3",     "4",
	                                            "5", "(18,6)", "(2,9)", "(14,4,2,4,2,4)"};
	static const int marks[PLOT_MOST_LINES] = {7,  5,  9,  11, 6, 4, 8, 10,
	                                           13, 12, 15, 14, 1, 2, 3};
	for (int i = 0; i < PLOT_MOST_LINES; i++) {
		fprintf(out, "set style line %d lc rgb \"%s\" lw %d dt %s pt %d ps 0.9\n", i + 1,
		        colours[i % COLOURS], i < COLOURS ? 2 : 1, dashes[i % COLOURS], marks[i]);
	}
}

static bool wide(const struct plot *p)
{
	double low = 0.0, high = 0.0;
	for (size_t i = 0; i < p->n_lines; i++) {
		for (size_t k = 0; k < p->lines[i].n; k++) {
			const double x = p->lines[i].points[k].x;
			low = (i == 0 && k == 0) || x < low ? x : low;
			high = x > high ? x : high;
		}
	}
	return !p->steps && !p->proportional && low > 0.0 && high / low > LOG_FROM;
}

/* Pixels for a legend beside the picture; 0 where it is short enough for below. */
static int legend_width(const struct plot *p)
{
	size_t longest = 0, most = 0;
	for (size_t i = 0; i < p->n_lines; i++) {
		const size_t length = strlen(p->lines[i].label),
			     n = plot_lines_of(p, p->lines[i].panel);
		longest = length > longest ? length : longest;
		most = n > most ? n : most;
	}
	return most > COLOURS ? CHARACTER * (int)longest + 100 : 0;
}

static void put_head(FILE *out, const struct plot *p, const char *stem)
{
	const int height = p->n_panels == 1 ? 480 : 120 + 300 * (int)p->n_panels;
	const int legend = legend_width(p), width = 900 + legend;
	fprintf(out,
	        "# gnuplot -c %s.gp [png|svg [FOLDER]]: draws FOLDER/%s.png (or .svg) from "
	        "FOLDER/%s.dat\n"
	        "kind = exists(\"ARG1\") && strlen(ARG1) > 0 ? ARG1 : \"png\"\n"
	        "folder = exists(\"ARG2\") && strlen(ARG2) > 0 ? ARG2 : \".\"\n"
	        "data = folder . \"/%s.dat\"\n"
	        "if (kind eq \"svg\") {\n"
	        "\tset terminal svg noenhanced size %d,%d font \"sans,14\" background \"white\"\n"
	        "} else {\n"
	        "\tset terminal pngcairo noenhanced size %d,%d font \"sans,11\"\n"
	        "}\n"
	        "set output folder . \"/%s.\" . kind\n",
	        stem, stem, stem, stem, width, height, width, height, stem);
	put_styles(out);
	fputs("set grid lc rgb \"#cccccc\" lw 1 dt 1\nset border 3\nset tics nomirror\n"
	      "set format y \"%.6g\"\nset yrange [0:*]\nset lmargin 10\n",
	      out);
	fputs(legend > 0 ? "set key outside right center vertical\n"
	                 : "set key bmargin center horizontal height 0.8\n",
	      out);
	if (wide(p)) {
		fputs("set logscale x 2\n", out);
	}
}

static void put_panel(FILE *out, const struct plot *p, size_t panel)
{
	const char *comma = "";
	size_t style = 0;
	char *const title =
		mem_printf("%s%s (simulated)", p->title, p->subject != NULL ? p->subject : "");
	if (panel == 0) {
		gnuplot_title(out, title);
	} else {
		fputs("unset title\n", out);
	}
	free(title);
	if (panel + 1 == p->n_panels) {
		fputs("set xlabel ", out);
		gnuplot_text(out, p->xlabel);
		putc('\n', out);
	}
	fputs("set ylabel ", out);
	gnuplot_text(out, p->panels[panel].ylabel);
	fputs("\nplot", out);
	for (size_t i = 0; i < p->n_lines; i++) {
		if (p->lines[i].panel != panel) {
			continue;
		}
		fprintf(out, "%s data index %zu using 1:2 with %s ls %zu ", comma, i,
		        p->steps ? "steps" : "linespoints", style++ % PLOT_MOST_LINES + 1);
		if (p->lines[i].label[0] != '\0') {
			fputs("title ", out);
			gnuplot_text(out, p->lines[i].label);
		} else {
			fputs("notitle", out);
		}
		comma = ", \\\n    ";
	}
	putc('\n', out);
}

static void put_script(FILE *out, const struct plot *p, const char *stem)
{
	put_head(out, p, stem);
	if (p->n_panels > 1) {
		fprintf(out, "set multiplot layout %zu,1\n", p->n_panels);
	}
	for (size_t i = 0; i < p->n_panels; i++) {
		put_panel(out, p, i);
	}
	if (p->n_panels > 1) {
		fputs("unset multiplot\n", out);
	}
}

bool plot_write(const struct plot *p, const char *dir, const char *stem, struct err *err)
{
	char *const data = mem_printf("%s.dat", stem), *const script = mem_printf("%s.gp", stem);
	struct out *o = out_open(dir, data, err);
	bool ok = o != NULL;
	if (ok) {
		put_data(out_file(o), p);
		ok = out_commit(o);
	}
	o = ok ? out_open(dir, script, err) : NULL;
	ok = o != NULL;
	if (ok) {
		put_script(out_file(o), p, stem);
		ok = out_commit(o);
	}
	if (ok) {
		gnuplot_run(dir, stem, err);
	}
	free(data);
	free(script);
	return ok;
}
