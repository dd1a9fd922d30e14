/* Labelled lines of the screen whose parts are separated by commas. */
#ifndef ALIQUOT_REPORT_LINE_H
#define ALIQUOT_REPORT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_LABEL 14 /* column where the text starts */

struct line {
	FILE *out; /* borrowed */
	size_t column;
	bool filled;
};

/* Write the label; what is added comes behind it. */
struct line line_start(FILE *out, const char *label);

/* Add a part; it goes onto a new line where it would pass column 100. */
__attribute__((format(printf, 2, 3))) void line_add(struct line *l, const char *fmt, ...);

void line_end(struct line *l);

#endif
