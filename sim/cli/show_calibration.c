/* `aliquot show calibration`: constants with intervals and origin, errors, and the region. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "spec/calibration.h"
#include "report/facts.h"
#include "report/trust.h"
#include "cli/cli.h"

#define WHY_COLUMN 65

static const struct option *find_cost(const char *name)
{
	const struct option *o = engine_cost_table;
	while (strcmp(o->name, name) != 0) {
		o++;
	}
	return o;
}

static void print_constant(const struct calibrated_constant *k)
{
	const struct option *const cost = find_cost(k->name);
	char value[40], low[40], high[40], interval[96] = "";
	facts_quantity(k->value, cost->unit, value, sizeof(value));
	if (k->low < k->high) {
		snprintf(interval, sizeof(interval), "%s to %s",
		         facts_quantity(k->low, cost->unit, low, sizeof(low)),
		         facts_quantity(k->high, cost->unit, high, sizeof(high)));
	}
	printf("  %-10s  %9s  %-24s  %-12s  ", k->name, value, interval, constant_roles[k->role]);
	facts_fold(k->why != NULL ? k->why : cost->help, WHY_COLUMN, stdout);
}

static void print_errors(const struct calibration_set *set)
{
	if (set->n_errors == 0) {
		return;
	}
	printf("\n  %-20s %9s  %21s  %32s\n", "error, per cent", "", "rows fitted",
	       "rows held out");
	printf("  %-20s %9s  %10s %10s  %10s %10s %10s\n", "", "values", "mean", "worst", "mean",
	       "median", "worst");
	for (size_t i = 0; i < set->n_errors; i++) {
		const struct calibrated_error *const e = &set->errors[i];
		const double errors[] = {e->fitted_mean, e->fitted_worst, e->held_out_mean,
		                         e->held_out_median, e->held_out_worst};
		char text[40];
		printf("  %-20s %9s ", trust_metric(e->metric),
		       str_thousands(e->n, text, sizeof(text)));
		for (size_t k = 0; k < 5; k++) {
			printf("%s %10s", k == 0 || k == 2 ? " " : "",
			       trust_percent(errors[k], text, sizeof(text)));
		}
		putchar('\n');
	}
}

/* "a, b and c" of the models and ranges; caller frees. */
static char *region_text(const struct calibration_set *set)
{
	char *text = NULL;
	size_t size;
	FILE *const out = open_memstream(&text, &size);
	if (out == NULL) {
		return mem_strdup("");
	}
	trust_region(out, set);
	for (size_t i = 0; i < set->n_models; i++) {
		fprintf(out, "%s%s", i == 0 ? "; " : ", ", set->models[i]);
	}
	fclose(out);
	return text;
}

static void print_set(const struct calibration *c, const struct calibration_set *set)
{
	char *const region = region_text(set);
	char rows[40];
	printf("\n%s, %s", set->moe ? "mixtures of experts" : "dense models", c->engine);
	printf("%s%s\n", set->engine_version[0] != '\0' ? " " : "", set->engine_version);
	printf("  %-10s  %9s  %-24s  %-12s  %s\n", "constant", "value", "95 % interval", "role",
	       "from where, or what");
	for (size_t i = 0; i < set->n_constants; i++) {
		print_constant(&set->constants[i]);
	}
	print_errors(set);
	if (set->configurations > 0) {
		printf("\n  rows    %s measured configuration%s of %s\n",
		       str_thousands(set->configurations, rows, sizeof(rows)),
		       set->configurations == 1 ? "" : "s", set->source);
	}
	printf("%s  region  ", set->configurations > 0 ? "" : "\n");
	facts_fold(region, 10, stdout);
	free(region);
}

static void print_text(const struct calibration *c)
{
	printf("%s: engine %s on %s, %s weights\n", c->name, c->engine, c->gpu,
	       precision_names[c->precision]);
	if (c->checked != NULL) {
		printf("checked %s\n", c->checked);
	}
	if (c->note != NULL) {
		printf("note: ");
		facts_fold(c->note, 6, stdout);
	}
	for (size_t i = 0; i < c->n_sets; i++) {
		print_set(c, &c->sets[i]);
	}
}

/* The file itself, which is checked: nothing to add but what it is. */
static void print_json(const struct calibration *c, const char *file)
{
	json_t *const content = json_load_file(file, 0, NULL);
	json_t *const doc = json_pack("{s:s, s:s, s:s, s:o}", "schema", "aliquot/show/1", "kind",
	                              "calibration", "name", c->name, "calibration", content);
	json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(doc);
}

int cli_show_calibration(struct cli *c, const char *file)
{
	struct calibration *const calibration = calibration_read(file, c->data, c->err);
	if (calibration != NULL && c->json) {
		print_json(calibration, file);
	} else if (calibration != NULL) {
		print_text(calibration);
	}
	calibration_free(calibration);
	return err_exit_code(c->err);
}
