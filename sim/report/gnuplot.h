/*
 * The figure of a run for gnuplot: whitespace columns and a script that draws them, readable in
 * black and white. Draws it too where gnuplot is installed.
 */
#ifndef ALIQUOT_REPORT_GNUPLOT_H
#define ALIQUOT_REPORT_GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "report/report.h"

/*
 * Columns of one service: index 0, percentiles of TTFT, TPOT, ITL and latency in ms; then one index
 * per series of the service: time, mean and maximum.
 */
void gnuplot_data(FILE *out, const struct report *r, size_t service);

/*
 * The script for them: stem.dat beside it, draws stem.png, or stem.svg when ARG1 is "svg". ARG2 is
 * the folder of both, "." when absent.
 */
void gnuplot_script(FILE *out, const struct report *r, size_t service, const char *stem);

/* Text in gnuplot's single quotes, where a quote is written twice; names get no subscripts. */
void gnuplot_text(FILE *out, const char *text);

/* "set title" with a text, in lines that fit the picture. */
void gnuplot_title(FILE *out, const char *text);

/*
 * Draw stem.gp in `dir` as stem.png and stem.svg. False when gnuplot is not installed or failed; a
 * note is added to `err` that says which and how to draw it later.
 */
bool gnuplot_run(const char *dir, const char *stem, struct err *err);

#endif
