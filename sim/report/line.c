/* Labelled lines whose parts are separated by commas and that break before column 100. */
#include "report/line.h"

#include <stdarg.h>
#include <string.h>

#define WIDTH 100

struct line line_start(FILE *out, const char *label)
{
	const size_t end = strlen(label) + 2;

	fprintf(out, "  %-*s%s", LINE_LABEL - 2, label, end < LINE_LABEL ? "" : " ");
	return (struct line){.out = out, .column = end < LINE_LABEL ? LINE_LABEL : end + 1};
}

void line_add(struct line *l, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);

	va_end(args);
	size_t length = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

	if (l->filled && l->column + 2 + length > WIDTH - 1) { /* a comma may follow */
		fprintf(l->out, ",\n%*s", LINE_LABEL, "");
		l->column = LINE_LABEL;
	} else if (l->filled) {
		fputs(", ", l->out);
		l->column += 2;
	}
	fputs(text, l->out);
	l->column += length;
	l->filled = true;
}

void line_end(struct line *l)
{
	putc('\n', l->out);
}
