/* `aliquot calibrate --kernels`: fit cost constants to tables of kernel times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "report/json_writer.h"
#include "study/kernels.h"
#include "cli/cli.h"

struct table { /* a file and what was fitted to it */
	const char *file;
	struct kernel_report report;
};

typedef VEC(struct table) tables_t;

static void print_constant(const struct kernel_constant *v)
{
	const bool time = strcmp(v->unit, "s") == 0;
	const bool tiny = time && v->value < 1e-9;
	const double scale = tiny ? 1e12 : time ? 1e6 : 1.0;
	char name[40];
	snprintf(name, sizeof(name), v->gpus > 0 ? "%s(%lld)" : "%s", v->name, (long long)v->gpus);
	printf("  %-14s %8.3f %s", name, v->value * scale, tiny ? "ps" : time ? "us" : v->unit);
	if (v->determined) {
		printf(" (%.3f to %.3f)\n", v->low * scale, v->high * scale);
	} else {
		printf(" (not determined by this table)\n");
	}
}

static void print_tables(const tables_t *tables)
{
	for (size_t t = 0; t < tables->n; t++) {
		const struct kernel_report *const r = &tables->at[t].report;
		for (size_t i = 0; i < r->n; i++) {
			const struct kernel_fit *const f = &r->fits[i];
			printf("%s, %zu points: mean error %.1f %%, worst %.0f %%\n  %s\n",
			       f->title, f->points, 100.0 * f->mean_error, 100.0 * f->worst_error,
			       f->formula);
			for (size_t k = 0; k < f->n; k++) {
				print_constant(&f->at[k]);
			}
		}
	}
}

static void put_constant(struct json_writer *w, const struct kernel_constant *v)
{
	json_begin_object_flat(w, NULL);
	json_put_string(w, "name", v->name);
	json_put_string(w, "unit", v->unit);
	if (v->gpus > 0) {
		json_put_int(w, "gpus", v->gpus);
	}
	json_put_real(w, "value", v->value);
	json_put_real(w, "low", v->determined ? v->low : (double)NAN);
	json_put_real(w, "high", v->determined ? v->high : (double)NAN);
	json_end(w);
}

static void put_fit(struct json_writer *w, const char *file, const struct kernel_fit *f)
{
	json_begin_object(w, NULL);
	json_put_string(w, "file", file);
	json_put_string(w, "title", f->title);
	json_put_string(w, "formula", f->formula);
	json_put_int(w, "points", (int64_t)f->points);
	json_put_real(w, "mean_error_pct", 100.0 * f->mean_error);
	json_put_real(w, "worst_error_pct", 100.0 * f->worst_error);
	json_begin_array(w, "constants");
	for (size_t k = 0; k < f->n; k++) {
		put_constant(w, &f->at[k]);
	}
	json_end(w);
	json_end(w);
}

static void put_tables(const tables_t *tables)
{
	struct json_writer w;
	json_writer_init(&w, stdout, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/kernels/1");
	json_begin_array(&w, "fits");
	for (size_t t = 0; t < tables->n; t++) {
		for (size_t i = 0; i < tables->at[t].report.n; i++) {
			put_fit(&w, tables->at[t].file, &tables->at[t].report.fits[i]);
		}
	}
	json_end(&w);
	json_end(&w);
}

static void add_table(tables_t *tables, const struct table *t)
{
	vec_push(tables, *t);
}

void cli_kernels(struct cli *c, const char *gpu_name)
{
	struct gpu_spec *const gpu =
		gpu_spec_read(data_dir_find(c->data, "gpu", gpu_name, NULL), c->err);
	const char *const model = cli_sheet(c, 'M', "llm");
	struct llm_spec *const llm =
		model != NULL ? llm_spec_read(data_dir_find(c->data, "llm", model, NULL), c->err)
			      : NULL;
	tables_t tables = {0};

	for (size_t i = 0; gpu != NULL && i < c->n_lists; i++) {
		struct table t = {.file = c->lists[i].value};
		if (c->lists[i].letter == 'K' && kernels_fit(&t.report, t.file, gpu, llm, c->err)) {
			add_table(&tables, &t);
		}
	}
	if (err_count(c->err) == 0) {
		(c->json ? put_tables : print_tables)(&tables);
	}
	free(tables.at);
	llm_spec_free(llm);
	gpu_spec_free(gpu);
}
