/* timeslices.csv: series in tidy long form, one row per thing (formats.md 6.3). */
#include "base/mem.h"
#include "base/str.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

/* A text as a CSV cell: quoted when it holds a comma, a quote or a line break. */
static void put_text(FILE *out, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"') {
			putc('"', out);
		}
		putc(*p, out);
	}
	putc('"', out);
}

static void put_row(FILE *out, double t, const char *name, const char *stat, const char *label,
                    double value)
{
	char time[40], number[40];

	fprintf(out, "%s,%s_%s,", str_real(t, time, sizeof(time)), name, stat);
	put_text(out, label);
	fprintf(out, ",%s\n", str_real(value, number, sizeof(number)));
}

static void put_series(FILE *out, const struct report *r, const struct report_series *s,
                       struct series_point *points)
{
	const size_t n = series_read(s->series, points);
	const double scale = s->unit == REPORT_MILLI_GPUS ? 1e3 : 1.0;
	char *label = s->project != NULL
	                      ? mem_printf("project=%s", s->project)
	                      : mem_printf("service=%s", r->summary->services[s->service].name);

	for (size_t k = 0; k < n; k++) {
		const double t = ns_to_seconds(points[k].from);

		put_row(out, t, s->name, "avg", label, points[k].mean / scale);
		put_row(out, t, s->name, "max", label, (double)points[k].max / scale);
	}
	free(label);
}

void report_timeslices(FILE *out, const struct report *r)
{
	struct series_point *points = mem_new(SERIES_POINTS, sizeof(*points));

	fputs("time_s,series,labels,value\n", out);
	for (size_t i = 0; i < r->n_series; i++) {
		put_series(out, r, &r->series[i], points);
	}
	free(points);
}
