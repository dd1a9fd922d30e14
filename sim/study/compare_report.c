/* A comparison for people and for programs. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "report/json_writer.h"
#include "study/compare.h"

static const char *const verdicts[] = {"same", "better", "worse"};

static const char *value(double v, char *buf, size_t size)
{
	return isfinite(v) ? str_human(v, buf, size) : "-";
}

static void put_row(FILE *out, const struct compare_row *row)
{
	char base[40], new[40], delta[40] = "-", allowed[40] = "";
	char name[80];
	snprintf(name, sizeof(name), "%s%s%s", row->service, row->service[0] != '\0' ? " " : "",
	         row->metric);
	value(row->base, base, sizeof(base));
	value(row->new, new, sizeof(new));
	if (isfinite(row->delta_pct)) {
		snprintf(delta, sizeof(delta), "%+.3g %%", row->delta_pct);
	}
	if (row->tolerance_pct > 0.0) {
		snprintf(allowed, sizeof(allowed), "  > %.6g %% allowed", row->tolerance_pct);
	}
	fprintf(out, "  %-30.40s %12s %12s %11s   %s%s\n", name, isfinite(row->base) ? base : "-",
	        isfinite(row->new) ? new : "-", delta, verdicts[row->verdict], allowed);
}

void comparison_print(FILE *out, const struct comparison *c)
{
	size_t counts[3] = {0, 0, 0};
	const char *scenario = NULL;
	for (size_t i = 0; i < c->n_rows; i++) {
		const struct compare_row *const row = &c->rows[i];
		counts[row->verdict]++;
		if (row->verdict == COMPARE_SAME) {
			continue;
		}
		if (scenario == NULL || strcmp(scenario, row->scenario) != 0) {
			fprintf(out, "%-32.32s %12s %12s %11s   verdict\n", row->scenario, "base",
			        "new", "change");
		}
		scenario = row->scenario;
		put_row(out, row);
	}
	fprintf(out, "%s: %zu worse, %zu better, %zu same in %zu scenario%s\n",
	        verdicts[c->verdict], counts[COMPARE_WORSE], counts[COMPARE_BETTER],
	        counts[COMPARE_SAME], c->n_scenarios, c->n_scenarios == 1 ? "" : "s");
}

void comparison_json(FILE *out, const struct comparison *c)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/compare/1");
	json_begin_array(&w, "rows");
	for (size_t i = 0; i < c->n_rows; i++) {
		const struct compare_row *const row = &c->rows[i];
		json_begin_object_flat(&w, NULL);
		json_put_string(&w, "scenario", row->scenario);
		json_put_string(&w, "service", row->service[0] != '\0' ? row->service : NULL);
		json_put_string(&w, "metric", row->metric);
		json_put_real(&w, "base", row->base);
		json_put_real(&w, "new", row->new);
		json_put_real(&w, "delta_pct", row->delta_pct);
		json_put_real(&w, "tolerance_pct", row->tolerance_pct);
		json_put_string(&w, "verdict", verdicts[row->verdict]);
		json_end(&w);
	}
	json_end(&w);
	json_put_string(&w, "verdict", verdicts[c->verdict]);
	json_end(&w);
}
