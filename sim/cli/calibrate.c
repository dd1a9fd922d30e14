/* `aliquot calibrate`: fit cost constants to measured rows, or to tables of kernel times. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/json_writer.h"
#include "study/campaign.h"
#include "study/kernels.h"
#include "cli/cli.h"

struct lists { /* what the repeatable flags say */
	const char *free[FIT_MOST];
	size_t n_free;
	struct calibrate_hold held[FIT_MOST];
	size_t n_held;
	char *owned[FIT_MOST + 1];
	size_t n_owned;
};

/* The sheet's own name of a flag's value, or NULL with an error. */
static const char *canonical(struct cli *c, char letter, const char *flag, const char *kind,
                             bool required)
{
	const char *const given = cli_value(c, letter);
	const char *name = NULL;
	if (given == NULL) {
		if (required) {
			err_add(c->err, ERR_USAGE, NULL, "%s is missing; see aliquot %s --help",
			        flag, c->command->name);
		}
		return NULL;
	}
	if (data_dir_find(c->data, kind, given, &name) == NULL) {
		size_t n;
		const char *const *const names = data_dir_names(c->data, kind, &n);
		const char *const near = str_nearest(given, names, n);
		err_add(c->err, ERR_USAGE, NULL, "%s: unknown name \"%s\"%s%s%s", flag, given,
		        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
		return NULL;
	}
	return name;
}

static void read_free(struct cli *c, struct lists *l)
{
	const char *const given = cli_value(c, 'F');
	if (given == NULL) {
		return;
	}
	char *const text = mem_strdup(given);
	l->owned[l->n_owned++] = text;
	for (char *p = strtok(text, ","); p != NULL; p = strtok(NULL, ",")) {
		if (l->n_free == FIT_MOST) {
			err_add(c->err, ERR_USAGE, NULL, "--free: at most %d constants", FIT_MOST);
			return;
		}
		l->free[l->n_free++] = p;
	}
}

static void read_held(struct cli *c, struct lists *l)
{
	for (size_t i = 0; i < c->n_lists; i++) {
		if (c->lists[i].letter != 'H') {
			continue;
		}
		char *const text = mem_strdup(c->lists[i].value);
		char *const equals = strchr(text, '=');
		double value = 0.0;
		if (l->n_held == FIT_MOST || equals == NULL || !str_to_real(equals + 1, &value)) {
			err_add(c->err, ERR_USAGE, NULL,
			        "--hold needs NAME=NUMBER, at most %d times, got \"%s\"", FIT_MOST,
			        text);
			free(text);
			continue;
		}
		*equals = '\0';
		l->owned[l->n_owned++] = text;
		l->held[l->n_held++] = (struct calibrate_hold){text, value, "given by --hold"};
	}
}

static const char *quantity(const struct calibrate_constant *c, double v, char *buf, size_t size)
{
	if (c->option->unit != NULL && strcmp(c->option->unit, "s") == 0) {
		snprintf(buf, size, v < 1e-3 ? "%.3g us" : "%.3g ms", v * (v < 1e-3 ? 1e6 : 1e3));
	} else {
		snprintf(buf, size, "%.3f", v);
	}
	return buf;
}

static void print_constants(const struct campaign_set *set)
{
	printf("  constant     value        95 %% interval\n");
	for (size_t i = 0; i < set->result.n_constants; i++) {
		const struct calibrate_constant *const c = &set->result.constants[i];
		char value[32], low[32], high[32];
		quantity(c, c->value, value, sizeof(value));
		if (c->fitted) {
			printf("  %-12s %-12s %s to %s\n", c->option->name, value,
			       quantity(c, c->low, low, sizeof(low)),
			       quantity(c, c->high, high, sizeof(high)));
		} else {
			printf("  %-12s %-12s held: %s\n", c->option->name, value, c->why);
		}
	}
}

static void print_error(double pct, int width)
{
	if (isfinite(pct)) {
		printf(" %*.2f", width, pct);
	} else {
		printf(" %*s", width, "-"); /* nothing was held out */
	}
}

static void print_errors(const struct campaign_set *set)
{
	printf("  |error| %%                   rows   fitted   worst   held out: mean   median    worst\n");
	for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
		const char *const metric = campaign_metrics[m];
		const int64_t users = campaign_users(metric);
		struct error_stats fitted, held_out;
		calibrate_errors(&set->ask, &set->result, metric, users, false, &fitted);
		calibrate_errors(&set->ask, &set->result, metric, users, true, &held_out);
		if (fitted.n == 0) {
			continue;
		}
		char name[40];
		snprintf(name, sizeof(name), "%s, %lld+ users", metric, (long long)users);
		printf("  %-27.27s %4zu", name, fitted.n);
		print_error(fitted.mean, 8);
		print_error(fitted.worst, 7);
		print_error(held_out.mean, 16);
		print_error(held_out.median, 8);
		print_error(held_out.worst, 8);
		putchar('\n');
	}
}

/* "ISL 128 to 2048, "; nothing where the rows do not say. */
static void print_range(const char *name, const struct trust_range *r)
{
	if (r->high > 0.0) {
		printf("%s %g to %g, ", name, r->low, r->high);
	}
}

static void print_set(const struct campaign *c, const struct campaign_set *set)
{
	printf("%s %s %s, %s models, version %s: %zu configurations of %s\n  ", c->gpu, c->engine,
	       precision_names[set->precision], set->moe ? "mixture-of-experts" : "dense",
	       set->engine_version[0] != '\0' ? set->engine_version : "not said", set->ask.n_cases,
	       set->source);
	print_range("ISL", &set->isl);
	print_range("OSL", &set->osl);
	print_range("users", &set->users);
	printf("TP %g to %g\n", set->tensor_parallel.low, set->tensor_parallel.high);
	for (size_t i = 0; i < set->n_models; i++) {
		printf("%s%s", i > 0 ? ", " : "  ", set->models[i]);
	}
	putchar('\n');
	print_constants(set);
	print_errors(set);
	putchar('\n');
}

static void print(const struct cli *c, const struct campaign *campaign, const char *command)
{
	if (c->json) {
		campaign_json(stdout, campaign, command);
		return;
	}
	for (size_t i = 0; i < campaign->n_sets; i++) {
		print_set(campaign, &campaign->sets[i]);
	}
}

/* How to make the file again, without paths and outputs. */
static char *command_of(const struct cli *c, const struct campaign_ask *ask)
{
	const char *const rows = cli_value(c, 'R');
	const char *const slash = strrchr(rows, '/');
	char *text = mem_printf("aliquot calibrate --rows %s --gpu %s --engine %s",
	                        slash != NULL ? slash + 1 : rows, ask->gpu, ask->engine);
	static const struct {
		char letter;
		const char *flag;
	} others[] = {{'P', "--precision"}, {'M', "--model"}, {'V', "--engine-version"},
	              {'C', "--source"},    {'F', "--free"},  {'H', "--hold"}};

	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		for (size_t i = 0; i < c->n_lists; i++) {
			if (c->lists[i].letter == others[k].letter) {
				char *const longer = mem_printf("%s %s %s", text, others[k].flag,
				                                c->lists[i].value);
				free(text);
				text = longer;
			}
		}
	}
	return text;
}

static int fit_rows(struct cli *c, const struct lists *l, struct campaign_ask *ask)
{
	struct measured_table *const table = measured_read(cli_value(c, 'R'), c->err);
	struct progress *const progress = progress_new(c->quiet);
	struct case_list cases;
	struct campaign campaign;

	ask->free = l->free;
	ask->n_free = l->n_free;
	ask->held = l->held;
	ask->n_held = l->n_held;
	ask->cases = &cases;
	ask->progress = progress_say;
	ask->progress_arg = progress;
	if (table != NULL && case_list_make(&cases, table, c->data, c->err)) {
		if (campaign_run(ask, &campaign, c->err)) {
			char *const command = command_of(c, ask);
			if (campaign_write(&campaign, c->out_dir != NULL ? c->out_dir : ".",
			                   cli_value(c, 'c'), command, c->err)) {
				print(c, &campaign, command);
			}
			free(command);
			campaign_fini(&campaign);
		}
		case_list_fini(&cases);
	}
	progress_end(progress);
	measured_free(table);
	return 0;
}

static void print_kernels(const struct kernel_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct kernel_fit *const f = &r->fits[i];
		printf("%s, %zu points: mean error %.1f %%, worst %.0f %%\n  %s\n", f->title,
		       f->points, 100.0 * f->mean_error, 100.0 * f->worst_error, f->formula);
		for (size_t k = 0; k < f->n; k++) {
			const struct kernel_constant *const v = &f->at[k];
			char name[40];
			snprintf(name, sizeof(name), v->gpus > 0 ? "%s(%lld)" : "%s", v->name,
			         (long long)v->gpus);
			const bool time = strcmp(v->unit, "s") == 0;
			const double scale = time ? 1e6 : 1.0;
			printf("  %-14s %8.3f %s", name, v->value * scale, time ? "us" : v->unit);
			if (v->determined) {
				printf(" (%.3f to %.3f)\n", v->low * scale, v->high * scale);
			} else {
				printf(" (not determined by this table)\n");
			}
		}
	}
}

static void put_kernels(struct json_writer *w, const char *file, const struct kernel_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct kernel_fit *const f = &r->fits[i];
		json_begin_object(w, NULL);
		json_put_string(w, "file", file);
		json_put_string(w, "title", f->title);
		json_put_string(w, "formula", f->formula);
		json_put_int(w, "points", (int64_t)f->points);
		json_put_real(w, "mean_error_pct", 100.0 * f->mean_error);
		json_put_real(w, "worst_error_pct", 100.0 * f->worst_error);
		json_begin_array(w, "constants");
		for (size_t k = 0; k < f->n; k++) {
			const struct kernel_constant *const v = &f->at[k];
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
		json_end(w);
		json_end(w);
	}
}

static int fit_kernels(struct cli *c, const char *gpu_name)
{
	const char *const sheet = data_dir_find(c->data, "gpu", gpu_name, NULL);
	struct gpu_spec *const gpu = gpu_spec_read(sheet, c->err);
	struct json_writer w;

	if (gpu == NULL) {
		return 0;
	}
	if (c->json) {
		json_writer_init(&w, stdout, false);
		json_begin_object(&w, NULL);
		json_put_string(&w, "schema", "aliquot/kernels/1");
		json_begin_array(&w, "fits");
	}
	for (size_t i = 0; i < c->n_lists; i++) {
		struct kernel_report report;
		if (c->lists[i].letter != 'K' ||
		    !kernels_fit(&report, c->lists[i].value, gpu, c->err)) {
			continue;
		}
		if (c->json) {
			put_kernels(&w, c->lists[i].value, &report);
		} else {
			print_kernels(&report);
		}
	}
	if (c->json) {
		json_end(&w);
		json_end(&w);
	}
	gpu_spec_free(gpu);
	return 0;
}

int cli_calibrate(struct cli *c)
{
	struct lists l = {.n_free = 0};
	c->data = data_dir_open(c->data_flag, c->program, c->err);
	if (c->data == NULL) {
		return ERR_IO;
	}
	const bool kernels = cli_value(c, 'K') != NULL;
	struct campaign_ask ask = {
		.gpu = canonical(c, 'G', "--gpu", "gpu", true),
		.engine = canonical(c, 'E', "--engine", "engine", !kernels),
		.model = canonical(c, 'M', "--model", "llm", false),
		.precision = cli_value(c, 'P'),
		.engine_version = cli_value(c, 'V'),
		.source = cli_value(c, 'C'),
		.folds = (size_t)c->folds,
		.starts = (size_t)c->starts,
		.threads = (size_t)c->jobs,
	};
	if (!kernels && cli_value(c, 'R') == NULL) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--rows FILE (or --kernels FILE) is missing; see aliquot calibrate --help");
	}
	read_free(c, &l);
	read_held(c, &l);
	if (err_count(c->err) == 0) {
		if (kernels) {
			fit_kernels(c, ask.gpu);
		} else {
			fit_rows(c, &l, &ask);
		}
	}
	for (size_t i = 0; i < l.n_owned; i++) {
		free(l.owned[i]);
	}
	return 0;
}
