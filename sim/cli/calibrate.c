/* `aliquot calibrate`: fit cost constants to measured rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/campaign.h"
#include "cli/cli.h"

struct lists { /* what the repeatable flags say */
	const char *free[FIT_MOST];
	size_t n_free;
	struct calibrate_hold held[FIT_MOST];
	size_t n_held;
	char *owned[FIT_MOST + 1];
	size_t n_owned;
};

static void read_free(struct cli *c, struct lists *l)
{
	const char *const given = cli_value(c, 'F');
	if (given == NULL) {
		return;
	}
	char *text = mem_strdup(given);
	l->owned[l->n_owned++] = text;
	for (bool more = true; more;) {
		const size_t length = strcspn(text, ",");
		more = text[length] == ',';
		text[length] = '\0';
		if (length == 0 || l->n_free == FIT_MOST) {
			err_add(c->err, ERR_USAGE, NULL,
			        "--free needs NAME,..., at most %d of them, got \"%s\"", FIT_MOST,
			        given);
			return;
		}
		l->free[l->n_free++] = text;
		text += length + 1;
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
		const double scale = v > 0.0 && v < 1e-9 ? 1e12 : v < 1e-3 ? 1e6 : 1e3;
		snprintf(buf, size, "%.3g %s", v * scale,
		         scale == 1e12  ? "ps"
		         : scale == 1e6 ? "us"
		                        : "ms");
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
		if (!c->fitted && c->value == 0.0 && strcmp(c->option->name, "e_kv_mixed") == 0) {
			continue; /* the same as e_kv */
		}
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

/* Add a flag and its value to a command, quoted for a shell where it must be. */
static char *with_flag(char *command, const char *flag, const char *value)
{
	const bool plain = strcspn(value, " \t\"$`\\&|;<>()*?[]#~") == strlen(value);
	char *const longer = mem_printf("%s %s %s%s%s", command, flag, plain ? "" : "'", value,
	                                plain ? "" : "'");
	free(command);
	return longer;
}

static char *with_number(char *command, const char *flag, int64_t value, int64_t usual)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	return value != usual ? with_flag(command, flag, text) : command;
}

/* How to make the file again, without paths and outputs. */
static char *command_of(const struct cli *c, const struct campaign_ask *ask)
{
	char *text = mem_strdup("aliquot calibrate");
	const struct {
		const char *flag, *value;
	} given[] = {{"--gpu", ask->gpu},
	             {"--engine", ask->engine},
	             {"--precision", ask->precision},
	             {"--model", ask->model},
	             {"--engine-version", ask->engine_version},
	             {"--source", ask->source},
	             {"--tp", cli_value(c, 'J')},
	             {"--free", cli_value(c, 'F')}};

	for (size_t i = 0; i < c->n_lists; i++) {
		const char *const file = c->lists[i].value;
		if (c->lists[i].letter == 'L') {
			const char *const slash = strrchr(file, '/');
			text = with_flag(text, "--rows", slash != NULL ? slash + 1 : file);
		}
	}
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (given[i].value != NULL) {
			text = with_flag(text, given[i].flag, given[i].value);
		}
	}
	for (size_t i = 0; i < c->n_lists; i++) {
		if (c->lists[i].letter == 'H') {
			text = with_flag(text, "--hold", c->lists[i].value);
		}
	}
	text = with_number(text, "--folds", c->folds, CLI_FOLDS);
	return with_number(text, "--starts", c->starts, CLI_STARTS);
}

static void fit_cases(struct cli *c, const struct campaign_ask *ask)
{
	struct campaign campaign;
	if (!campaign_run(ask, &campaign, c->err)) {
		return;
	}
	char *const command = command_of(c, ask);
	progress_wipe(ask->progress_arg);
	if (campaign_write(&campaign, c->out_dir != NULL ? c->out_dir : ".", cli_value(c, 'c'),
	                   command, c->err)) {
		print(c, &campaign, command);
	}
	free(command);
	campaign_fini(&campaign);
}

/* All the rows, each measurement once; NULL with errors added. */
static struct measured_table *read_rows(struct cli *c)
{
	struct measured_table *table = NULL;
	for (size_t i = 0; i < c->n_lists; i++) {
		struct measured_table *const next =
			c->lists[i].letter == 'L' ? measured_read(c->lists[i].value, c->err) : NULL;
		if (table == NULL) {
			table = next;
		} else if (next != NULL) {
			measured_join(table, next, true);
		}
	}
	return table;
}

static void fit_rows(struct cli *c, const struct campaign_ask *usual)
{
	struct measured_table *const table = read_rows(c);
	struct progress *const progress = progress_new(c->quiet);
	struct case_list cases;
	if (table != NULL && err_count(c->err) == 0 &&
	    case_list_make(&cases, table, c->data, c->err)) {
		struct campaign_ask ask = *usual;
		ask.cases = &cases;
		ask.progress = progress_say;
		ask.progress_arg = progress;
		fit_cases(c, &ask);
		case_list_fini(&cases);
	}
	progress_end(progress);
	measured_free(table);
}

/* What rows to fit, as the flags say; a wrong name is an error. */
static void read_ask(struct cli *c, const struct lists *l, struct campaign_ask *ask)
{
	const char *const precision = cli_value(c, 'P');
	*ask = (struct campaign_ask){
		.gpu = cli_sheet(c, 'G', "gpu"),
		.engine = cli_sheet(c, 'E', "engine"),
		.model = cli_sheet(c, 'M', "llm"),
		.precision = precision,
		.engine_version = cli_value(c, 'V'),
		.source = cli_value(c, 'C'),
		.tp = cli_positive(c, 'J'),
		.free = l->free,
		.n_free = l->n_free,
		.held = l->held,
		.n_held = l->n_held,
		.folds = (size_t)c->folds,
		.starts = (size_t)c->starts,
		.threads = (size_t)c->jobs,
	};
	bool known = precision == NULL;
	for (size_t i = 0; i < PRECISION_COUNT && !known; i++) {
		known = strcmp(precision_names[i], precision) == 0;
	}
	if (!known) {
		const char *const near = str_nearest(precision, precision_names, PRECISION_COUNT);
		err_add(c->err, ERR_USAGE, NULL, "--precision: unknown name \"%s\"%s%s%s",
		        precision, near != NULL ? "; did you mean \"" : "",
		        near != NULL ? near : "", near != NULL ? "\"?" : "");
	}
}

/* Flags that must be there, and those that exclude each other. */
static void check_flags(struct cli *c)
{
	const bool kernels = cli_value(c, 'K') != NULL;
	const struct {
		char letter;
		const char *flag;
		bool needed;
	} wanted[] = {{'L', "--rows FILE (or --kernels FILE)", !kernels},
	              {'G', "--gpu NAME", true},
	              {'E', "--engine NAME", !kernels}};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (wanted[i].needed && cli_value(c, wanted[i].letter) == NULL) {
			err_add(c->err, ERR_USAGE, NULL,
			        "%s is missing; see aliquot calibrate --help", wanted[i].flag);
		}
	}
	if (kernels && cli_value(c, 'L') != NULL) {
		err_add(c->err, ERR_USAGE, NULL, "--rows and --kernels are fitted one at a time");
	}
}

int cli_calibrate(struct cli *c)
{
	struct lists l = {.n_free = 0};
	struct campaign_ask ask;
	c->data = data_dir_open(c->data_flag, c->program, c->err);
	if (c->data == NULL) {
		return ERR_IO;
	}
	check_flags(c);
	read_free(c, &l);
	read_held(c, &l);
	read_ask(c, &l, &ask);
	if (err_count(c->err) == 0 && cli_value(c, 'K') != NULL) {
		cli_kernels(c, ask.gpu);
	} else if (err_count(c->err) == 0 && cli_can_write(c)) {
		fit_rows(c, &ask);
	}
	for (size_t i = 0; i < l.n_owned; i++) {
		free(l.owned[i]);
	}
	return 0;
}
