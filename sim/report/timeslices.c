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

static void put_row(FILE *out, double t, const char *name, const char *stat, const char *service,
                    double value)
{
	char time[40], number[40];
	char *label = mem_printf("service=%s", service);

	fprintf(out, "%s,%s_%s,", str_real(t, time, sizeof(time)), name, stat);
	put_text(out, label);
	fprintf(out, ",%s\n", str_real(value, number, sizeof(number)));
	free(label);
}

void report_timeslices(FILE *out, const struct report *r)
{
	struct series_point *points = mem_new(SERIES_POINTS, sizeof(*points));

	fputs("time_s,series,labels,value\n", out);
	for (size_t i = 0; i < r->n_series; i++) {
		const struct report_series *s = &r->series[i];
		const char *service = r->summary->services[s->service].name;
		size_t n = series_read(s->series, points);

		for (size_t k = 0; k < n; k++) {
			double t = ns_to_seconds(points[k].from);

			put_row(out, t, s->name, "avg", service, points[k].mean);
			put_row(out, t, s->name, "max", service, (double)points[k].max);
		}
	}
	free(points);
}
