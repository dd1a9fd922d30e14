/* Published figures beside simulated ones, as a table and as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/json_writer.h"
#include "study/campaign.h"
#include "study/published.h"

static const char *figure(double v, char *buf, size_t size)
{
	if (!isfinite(v)) {
		return "-";
	}
	if (v < 10.0) {
		snprintf(buf, size, "%.3g", v);
		return buf;
	}
	return str_thousands((int64_t)(v + 0.5), buf, size);
}

static void print_row(const struct published_row *row, FILE *out)
{
	char published[32], simulated[32], error[32] = "", tolerance[32] = "";
	if (isfinite(row->error_pct)) {
		snprintf(error, sizeof(error), "%+.1f", row->error_pct);
	}
	if (isfinite(row->error_pct) && row->judged) {
		snprintf(tolerance, sizeof(tolerance), "%.0f", row->tolerance_pct);
	}
	fprintf(out, "%-9.9s %-44.44s %c%9s %10s %8s %5s %s\n", published_roles[row->role],
	        row->figure, row->at_most ? '<' : ' ',
	        figure(row->published, published, sizeof(published)),
	        figure(row->simulated, simulated, sizeof(simulated)), error, tolerance,
	        !row->judged ? "-"
	        : row->ok    ? "ok"
	                     : "OFF");
}

/* Errors of one role, with a sign, where they are judged. */
static struct error_stats errors_of(const struct published *p, enum published_role role)
{
	double *const errors = mem_new(p->n_rows + 1, sizeof(*errors));
	size_t n = 0;
	struct error_stats e;
	for (size_t i = 0; i < p->n_rows; i++) {
		const struct published_row *const row = &p->rows[i];
		if (row->role == (int)role && row->judged && isfinite(row->error_pct)) {
			errors[n++] = row->error_pct / 100.0;
		}
	}
	error_stats_of(errors, n, &e);
	free(errors);
	return e;
}

void published_print(const struct published *p, FILE *out)
{
	fprintf(out, "%-54s  %9s %10s %8s %5s\n", "", "published", "simulated", "error %", "tol.");
	for (size_t i = 0; i < p->n_rows; i++) {
		const struct published_row *const row = &p->rows[i];
		char key[128];
		snprintf(key, sizeof(key), "%s on %s", row->model, row->gpu);
		if (i == 0 || strcmp(row->model, p->rows[i - 1].model) != 0 ||
		    strcmp(row->gpu, p->rows[i - 1].gpu) != 0) {
			fprintf(out, "%s\n", key);
		}
		print_row(row, out);
	}
	fputs("\n-: shown and not judged; --format json says why\n", out);
	for (int role = PUBLISHED_FITTED; role <= PUBLISHED_PREDICTED; role++) {
		const struct error_stats e = errors_of(p, (enum published_role)role);
		fprintf(out, "%s: %zu figures, |error| mean %.1f %%, worst %.1f %%\n",
		        published_roles[role], e.n, e.mean, e.worst);
	}
}

static void put_row(struct json_writer *w, const struct published_row *row)
{
	json_begin_object_flat(w, NULL);
	json_put_string(w, "id", row->id);
	json_put_string(w, "source", row->source);
	json_put_string(w, "figure", row->figure);
	json_put_string(w, "gpu", row->gpu);
	json_put_string(w, "model", row->model);
	json_put_string(w, "metric", row->metric);
	json_put_real(w, "published", row->published);
	json_put_real(w, "simulated", row->simulated);
	json_put_real(w, "error_pct", row->error_pct);
	json_put_string(w, "role", published_roles[row->role]);
	json_put_real(w, "tolerance_pct", row->tolerance_pct);
	json_put_bool(w, "at_most", row->at_most);
	json_put_bool(w, "judged", row->judged);
	json_put_bool(w, "ok", row->ok);
	json_put_string(w, "why", row->why);
	json_end(w);
}

static void put_summary(struct json_writer *w, const struct published *p, enum published_role role)
{
	const struct error_stats e = errors_of(p, role);
	json_begin_object_flat(w, published_roles[role]);
	json_put_int(w, "n", (int64_t)e.n);
	json_put_real(w, "mape_pct", e.mean);
	json_end(w);
}

void published_json(const struct published *p, FILE *out)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/validation/1");
	json_begin_array(&w, "rows");
	for (size_t i = 0; i < p->n_rows; i++) {
		put_row(&w, &p->rows[i]);
	}
	json_end(&w);
	json_begin_object(&w, "summary");
	put_summary(&w, p, PUBLISHED_PREDICTED);
	put_summary(&w, p, PUBLISHED_FITTED);
	json_put_int(&w, "skipped", 0);
	json_end(&w);
	json_end(&w);
}
