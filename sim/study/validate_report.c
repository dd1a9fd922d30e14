/* A validation as tables of at most 100 columns. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/campaign.h"
#include "study/validate_private.h"

#define FAILED_SHOWN 12
#define MOST_SHOWN 999999.0 /* per cent: more would break the table */

static void print_cell(FILE *out, const struct error_stats *e, double value)
{
	if (e->n == 0) {
		fprintf(out, " %8s", "-");
	} else {
		fprintf(out, " %8.1f", fmin(value, MOST_SHOWN));
	}
}

/* What its rows have in common; caller frees. */
static char *group_name(const struct study_case *c)
{
	char *const shared =
		case_is_step(c) || case_part(c) >= 1.0
			? mem_strdup(c->guessed ? ", data set lengths" : "")
			: mem_printf(", %lld x %s", (long long)c->run->replicas, c->run->sharing);
	char *const name =
		mem_printf("%s%s%s %s TP%lld, %s%s", c->engine,
	                   c->engine_version[0] != '\0' ? " " : "", c->engine_version,
	                   precision_names[c->precision], (long long)c->tp, c->run->source, shared);

	free(shared);
	return name;
}

static void print_group(const struct validation *v, const struct row_group *g, FILE *out)
{
	static const char *const metrics[] = {"tpot", "itl", "output_throughput", "ttft",
	                                      "e2e_latency"};
	const struct study_case *const c = g->like;
	char *const name = group_name(c);

	fprintf(out, "  %-48.48s %4zu", name, g->n);
	for (size_t m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		const struct row_pick p = {c,  metrics[m], campaign_users(metrics[m]), 0, false,
		                           -1, 0};
		struct error_stats e;
		validate_errors(v, &p, &e);
		print_cell(out, &e, strcmp(metrics[m], "ttft") == 0 ? e.median : e.mean);
	}
	putc('\n', out);
	free(name);
}

static bool same_place(const struct row_group *a, const struct row_group *b)
{
	return strcmp(a->like->gpu, b->like->gpu) == 0 &&
	       strcmp(a->like->model, b->like->model) == 0;
}

/* Is it the first of its GPU and model, and are requests sent? */
static bool leads(const row_groups_t *groups, size_t g)
{
	for (size_t i = 0; i < g; i++) {
		if (same_place(&groups->at[i], &groups->at[g]) &&
		    case_is_load(groups->at[i].like)) {
			return false;
		}
	}
	return case_is_load(groups->at[g].like);
}

/* Groups of which requests are sent. */
static size_t n_loads(const row_groups_t *groups)
{
	size_t n = 0;

	for (size_t g = 0; g < groups->n; g++) {
		n += case_is_load(groups->at[g].like);
	}
	return n;
}

/* Under a line for each GPU and model. */
static void print_groups(const struct validation *v, FILE *out)
{
	row_groups_t groups;

	validate_groups(v, &groups);
	if (n_loads(&groups) > 0) {
		fprintf(out,
		        "%-51srows   TPOT %%    ITL %%  tok/s %%   TTFT %%    E2E %%\n"
		        "%-55s     mean     mean     mean   median     mean\n",
		        "|error| by group,", "8 users and more (TTFT 32)");
	}
	for (size_t g = 0; g < groups.n; g++) {
		if (!leads(&groups, g)) {
			continue;
		}
		fprintf(out, "%.40s %.58s\n", groups.at[g].like->gpu, groups.at[g].like->model);
		for (size_t i = g; i < groups.n; i++) {
			if (same_place(&groups.at[g], &groups.at[i]) &&
			    case_is_load(groups.at[i].like)) {
				print_group(v, &groups.at[i], out);
			}
		}
	}
	free(groups.at);
}

/* Steps that were timed alone, on all SMs and on shares of them. */
static void print_steps(const struct validation *v, FILE *out)
{
	static const char *const metrics[] = {"prefill_latency", "decode_step_latency"};
	row_groups_t groups;
	bool first = true;

	validate_groups(v, &groups);
	for (size_t g = 0; g < groups.n; g++) {
		const struct study_case *const c = groups.at[g].like;
		if (!case_is_step(c)) {
			continue;
		}
		if (first) {
			fprintf(out,
			        "\n%-43s prefill rows     mean    worst  decode     mean    worst\n",
			        "|error| % of single steps");
		}
		first = false;
		char *const name = mem_printf("%s %s %s, %s", c->gpu, c->model, c->engine,
		                              case_part(c) < 1.0 ? "shares of SMs" : "all SMs");
		fprintf(out, "  %-41.41s", name);
		for (size_t m = 0; m < 2; m++) {
			const struct row_pick p = {c, metrics[m], 0, 0, false, -1, 0};
			struct error_stats e;
			validate_errors(v, &p, &e);
			fprintf(out, m == 0 ? " %12zu" : " %7zu", e.n);
			print_cell(out, &e, e.mean);
			print_cell(out, &e, e.worst);
		}
		putc('\n', out);
		free(name);
	}
	free(groups.at);
}

/* Closed loops by their users; nothing where there are none. */
static void print_loads(const struct validation *v, FILE *out)
{
	static const struct {
		const char *name;
		int64_t from, below;
	} loads[] = {{"below 8 users", 1, 8},
	             {"8 to 31 users", 8, 32},
	             {"32 to 127 users", 32, 128},
	             {"128 users and more", 128, 0}};
	static const char *const metrics[] = {"tpot", "ttft"};
	const struct row_pick any = {NULL, NULL, 1, 0, true, -1, 0};
	struct error_stats e;

	validate_errors(v, &any, &e);
	if (e.n == 0) {
		return;
	}
	fprintf(out, "\n|error| %% by load        TPOT rows     mean   median    worst   TTFT rows"
	             "     mean   median    worst\n");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		fprintf(out, "%-22s", loads[i].name);
		for (size_t m = 0; m < 2; m++) {
			const struct row_pick p = {
				NULL, metrics[m], loads[i].from, loads[i].below, true, -1, 0};
			validate_errors(v, &p, &e);
			fprintf(out, " %11zu", e.n);
			print_cell(out, &e, e.mean);
			print_cell(out, &e, e.median);
			print_cell(out, &e, e.worst);
		}
		putc('\n', out);
	}
}

static int by_error(const void *a, const void *b)
{
	const struct validated_row *const x = *(const struct validated_row *const *)a;
	const struct validated_row *const y = *(const struct validated_row *const *)b;
	const double dx = fabs(x->error_pct) / x->tolerance_pct;
	const double dy = fabs(y->error_pct) / y->tolerance_pct;

	if (dx > dy || dx < dy) {
		return dx > dy ? -1 : 1;
	}
	return x->value->line < y->value->line ? -1 : x->value->line > y->value->line;
}

static void print_row(const struct validated_row *row, FILE *out)
{
	char *const id = validated_id(row);
	char *const metric = mem_printf("%s.%s", row->value->metric, row->value->stat);

	fprintf(out, "  %-22.22s %-22.22s %-24.24s %9.4g %9.4g %+7.0f\n", id, row->at->model,
	        metric, row->value->value, row->simulated, fmin(row->error_pct, MOST_SHOWN));
	free(id);
	free(metric);
}

/* The rows furthest from what is allowed. */
static void print_failed(const struct validation *v, FILE *out)
{
	const struct validated_row **const failed = mem_new(v->n_rows + 1, sizeof(*failed));
	size_t n = 0;

	for (size_t i = 0; i < v->n_rows; i++) {
		if (!v->rows[i].ok) {
			failed[n++] = &v->rows[i];
		}
	}
	qsort(failed, n, sizeof(*failed), by_error);
	if (n > 0) {
		char *const title =
			mem_printf("%zu rows not within their tolerance, worst first", n);
		fprintf(out, "\n%-73s measured simulated error %%\n", title);
		free(title);
	}
	for (size_t i = 0; i < n && i < FAILED_SHOWN; i++) {
		print_row(failed[i], out);
	}
	if (n > FAILED_SHOWN) {
		fprintf(out, "  and %zu more: --format json has them all\n", n - FAILED_SHOWN);
	}
	free(failed);
}

/* Median errors of other simulators, and of aliquot on the rows that they say something about. */
static void print_others(const struct validation *v, FILE *out)
{
	static const char *const metrics[] = {"e2e_latency", "ttft", "itl"};
	names_t names;

	validate_others(v, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (i == 0) {
			fprintf(out,
			        "\nmedian |error| %% of means   rows      E2E  aliquot     TTFT  aliquot"
			        "      ITL  aliquot\n");
		}
		fprintf(out, "  %-24.24s", names.at[i]);
		for (size_t m = 0; m < 3; m++) {
			struct error_stats other, own;
			validate_errors_beside(v, metrics[m], names.at[i], NULL, &other);
			validate_errors_beside(v, metrics[m], NULL, names.at[i], &own);
			if (m == 0) {
				fprintf(out, " %5zu", other.n);
			}
			print_cell(out, &other, other.median);
			print_cell(out, &own, own.median);
		}
		putc('\n', out);
	}
	free(names.at);
}

struct reason {
	const char *why;
	size_t n;
};

typedef VEC(struct reason) reasons_t;

static void add_reason(reasons_t *reasons, const char *why)
{
	for (size_t k = 0; k < reasons->n; k++) {
		if (strcmp(reasons->at[k].why, why) == 0) {
			reasons->at[k].n++;
			return;
		}
	}
	const struct reason fresh = {why, 1};
	vec_push(reasons, fresh);
}

static void print_skipped(const struct validation *v, FILE *out)
{
	reasons_t reasons = {0};

	for (size_t i = 0; i < v->n_rows; i++) {
		if (v->rows[i].role == ROW_SKIPPED) {
			add_reason(&reasons, v->rows[i].why);
		}
	}
	for (size_t k = 0; k < reasons.n; k++) {
		fprintf(out, "%s%5zu  %.90s\n", k == 0 ? "\nskipped rows\n" : "", reasons.at[k].n,
		        reasons.at[k].why);
	}
	free(reasons.at);
}

/* All rows of a role in a line. */
static void print_role(const struct validation *v, int role, FILE *out)
{
	const struct row_pick means = {NULL, NULL, 0, 0, false, role, 0};
	const struct row_pick tails = {NULL, NULL, 0, 0, false, role, 1};
	struct error_stats e, t;

	validate_errors(v, &means, &e);
	validate_errors(v, &tails, &t);
	if (e.n + t.n == 0) {
		return;
	}
	fprintf(out, "%s:", validate_roles[role]);
	if (e.n > 0) {
		fprintf(out, " %zu rows, |error| mean %.1f %%, median %.1f %%", e.n,
		        fmin(e.mean, MOST_SHOWN), fmin(e.median, MOST_SHOWN));
	}
	if (t.n > 0) {
		fprintf(out, "%s %zu rows of tails, mean %.1f %%", e.n > 0 ? ";" : "", t.n,
		        fmin(t.mean, MOST_SHOWN));
	}
	putc('\n', out);
}

/* Starts, sleeps and their stages by source. */
static void print_starts(const struct validation *v, FILE *out)
{
	row_groups_t groups;
	size_t lines = 0;

	validate_groups(v, &groups);
	for (size_t g = 0; g < groups.n; g++) {
		const struct study_case *const c = groups.at[g].like;
		const struct row_pick p = {c, NULL, 0, 0, false, -1, -1};
		struct error_stats e;
		if (!case_is_start(c)) {
			continue;
		}
		validate_errors(v, &p, &e);
		char *const name = mem_printf("%s %s TP%lld, %s", c->gpu, c->model,
		                              (long long)c->tp, c->run->source);
		fprintf(out, "%s  %-65.65s %4zu %8.1f %8.1f\n",
		        lines++ == 0
		                ? "\n|error| % of starts and sleeps                                   "
		                  "   rows     mean    worst\n"
		                : "",
		        name, e.n, fmin(e.mean, MOST_SHOWN), fmin(e.worst, MOST_SHOWN));
		free(name);
	}
	free(groups.at);
}

void validation_print(const struct validation *v, FILE *out)
{
	print_groups(v, out);
	print_steps(v, out);
	print_starts(v, out);
	print_loads(v, out);
	putc('\n', out);
	print_role(v, ROW_FITTED, out);
	print_role(v, ROW_PREDICTED, out);
	print_others(v, out);
	print_failed(v, out);
	print_skipped(v, out);
}
