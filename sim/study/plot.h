/*
 * Figures of sweeps and runs for gnuplot: the numbers, the script, and the picture where gnuplot is
 * installed. Readable in black and white: lines differ in dashes and marks as well as in colour.
 */
#ifndef ALIQUOT_STUDY_PLOT_H
#define ALIQUOT_STUDY_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct plot_point {
	double x, y;
};

struct plot_line {
	size_t panel;
	char *label;
	struct plot_point *points;
	size_t n;
};

struct plot_panel {
	char *ylabel;
};

struct plot {
	const char *title, *xlabel; /* not owned */
	char *subject;              /* goes on behind the title: ": MODEL on GPU"; NULL: nothing */
	bool steps;                 /* a value holds until the next one */
	bool proportional;          /* y is expected to grow as x does: x is never logarithmic */
	struct plot_panel *panels;  /* one above the other */
	size_t n_panels;
	struct plot_line *lines;
	size_t n_lines;
};

/* Lines of a panel that differ in black and white too. */
#define PLOT_MOST_LINES 15

/* Only rows whose `column`, or the one that ends so, has one of these values, parted by commas. */
struct plot_where {
	const char *column, *values;
};

struct plot_ask {
	const char *path, *preset; /* a sweep's table, or the folder of it or of a run */
	const struct plot_where *where;
	size_t n_where;
};

/* Names of the presets, NULL ends the list. */
extern const char *const plot_presets[];

/*
 * The figure of a preset from a sweep's table (a file or a folder with sweep.csv), or of `timeline`
 * from a run's timeslices.csv. False with errors added; `out` is to be freed either way.
 */
bool plot_read(const struct plot_ask *ask, struct plot *out, struct err *err);
void plot_fini(struct plot *p);

/*
 * stem.dat and stem.gp into a folder, and stem.png and stem.svg where gnuplot is installed (a note
 * says so where it is not). False with ERR_IO errors added.
 */
bool plot_write(const struct plot *p, const char *dir, const char *stem, struct err *err);

/* The line of that label in that panel, made when missing. */
struct plot_line *plot_line(struct plot *p, size_t panel, const char *label);
void plot_add(struct plot_line *line, double x, double y);

/* Lines of a panel. */
size_t plot_lines_of(const struct plot *p, size_t panel);

#endif
