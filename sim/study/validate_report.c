/* Tables and JSON of a validation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "report/json_writer.h"
#include "study/campaign.h"
#include "study/validate.h"

#define FAILED_SHOWN 12

static const char *const role_names[] = {"fitted", "predicted", "input", "skipped"};

/* Rows whose errors are read together. */
struct group {
	const struct study_case *like;
	size_t n; /* simulated rows */
};

static bool alike(const struct study_case *a, const struct study_case *b)
{
	return strcmp(a->run->source, b->run->source) == 0 && strcmp(a->gpu, b->gpu) == 0 &&
	       strcmp(a->model, b->model) == 0 && strcmp(a->engine, b->engine) == 0 &&
	       strcmp(a->engine_version, b->engine_version) == 0 && a->precision == b->precision &&
	       a->tp == b->tp;
}

typedef VEC(struct group) groups_t;

static struct group *group_of(groups_t *groups, const struct study_case *c)
{
	for (size_t g = 0; g < groups->n; g++) {
		if (alike(groups->at[g].like, c)) {
			return &groups->at[g];
		}
	}
	const struct group fresh = {c, 0};
	vec_push(groups, fresh);
	return &groups->at[groups->n - 1];
}

static void list_groups(const struct validation *v, groups_t *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v->n_rows; i++) {
		if (v->rows[i].role != ROW_SKIPPED) {
			group_of(out, v->rows[i].at)->n++;
		}
	}
}

/* Which rows an error is taken over. */
struct pick {
	const struct study_case *like; /* NULL: any group */
	const char *metric;            /* NULL: any */
	int64_t from, below;           /* users; below 0: no bound */
	int role;                      /* or -1 */
	bool tails;                    /* percentiles instead of means */
};

static bool is_tail(const struct measured_value *v)
{
	return v->stat[0] == 'p' && v->stat[1] >= '0' && v->stat[1] <= '9' &&
	       strcmp(v->stat, "p50") != 0;
}

static bool picked(const struct pick *p, const struct validated_row *row)
{
	const int64_t users = row->at->run->users;

	return row->role != ROW_SKIPPED && (p->like == NULL || alike(p->like, row->at)) &&
	       (p->metric == NULL || strcmp(p->metric, row->value->metric) == 0) &&
	       (users == 0 || (users >= p->from && (p->below == 0 || users < p->below))) &&
	       (p->role < 0 || p->role == row->role) && is_tail(row->value) == p->tails;
}

static void errors_of(const struct validation *v, const struct pick *p, struct error_stats *out)
{
	double *const errors = mem_new(v->n_rows + 1, sizeof(*errors));
	size_t n = 0;

	for (size_t i = 0; i < v->n_rows; i++) {
		if (picked(p, &v->rows[i])) {
			errors[n++] = v->rows[i].error_pct / 100.0;
		}
	}
	error_stats_of(errors, n, out);
	free(errors);
}

static void print_cell(FILE *out, const struct error_stats *e, double value)
{
	if (e->n == 0) {
		fprintf(out, " %8s", "-");
	} else {
		fprintf(out, " %8.1f", value);
	}
}

static void print_groups(const struct validation *v, FILE *out)
{
	groups_t groups;

	list_groups(v, &groups);
	fprintf(out,
	        "group, 8 users and more%*s rows   TPOT %%    ITL %%  tok/s %%   TTFT %%  E2E %%\n"
	        "%*s      mean     mean     mean   median   mean\n",
	        25, "", 54, "");
	for (size_t g = 0; g < groups.n; g++) {
		const struct study_case *const c = groups.at[g].like;
		static const char *const metrics[] = {"tpot", "itl", "output_throughput", "ttft",
		                                      "e2e_latency"};
		char *const name =
			mem_printf("%s %s %s%s%s %s TP%lld", c->gpu, c->model, c->engine,
		                   c->engine_version[0] != '\0' ? " " : "", c->engine_version,
		                   precision_names[c->precision], (long long)c->tp);
		fprintf(out, "%-49.49s %4zu", name, groups.at[g].n);
		for (size_t m = 0; m < 5; m++) {
			const struct pick p = {c, metrics[m], campaign_users(metrics[m]),
			                       0, -1,         false};
			struct error_stats e;
			errors_of(v, &p, &e);
			print_cell(out, &e, m == 3 ? e.median : e.mean);
		}
		putc('\n', out);
		free(name);
	}
	free(groups.at);
}

static void print_loads(const struct validation *v, FILE *out)
{
	static const struct {
		const char *name;
		int64_t from, below;
	} loads[] = {{"below 8 users", 1, 8},
	             {"8 to 31 users", 8, 32},
	             {"32 to 127 users", 32, 128},
	             {"128 users and more", 128, 0}};

	fprintf(out, "\n|error| %% by load        TPOT rows     mean   median    worst   TTFT rows"
	             "     mean   median    worst\n");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		fprintf(out, "%-22s", loads[i].name);
		for (size_t m = 0; m < 2; m++) {
			const struct pick p = {
				NULL, m == 0 ? "tpot" : "ttft", loads[i].from, loads[i].below, -1,
				false};
			struct error_stats e;
			errors_of(v, &p, &e);
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

	if (dx != dy) {
		return dx > dy ? -1 : 1;
	}
	return x->value->line < y->value->line ? -1 : 1;
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
	for (size_t i = 0; i < n && i < FAILED_SHOWN; i++) {
		const struct validated_row *const row = failed[i];
		char *const id = validated_id(row);
		char *const metric = mem_printf("%s.%s", row->value->metric, row->value->stat);
		if (i == 0) {
			fprintf(out,
			        "\n%zu rows not within their tolerance, worst first%*s"
			        "measured  simulated\n",
			        n, 31, "");
		}
		fprintf(out, "  %-22.22s %-24.24s %-22.22s %10.4g %10.4g %+7.0f\n", id,
		        row->at->model, metric, row->value->value, row->simulated, row->error_pct);
		free(id);
		free(metric);
	}
	if (n > FAILED_SHOWN) {
		fprintf(out, "  and %zu more: --format json has them all\n", n - FAILED_SHOWN);
	}
	free(failed);
}

/* Names of the simulators that the rows quote. */
typedef VEC(const char *) names_t;

static void add_name(names_t *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->at[i], name) == 0) {
			return;
		}
	}
	vec_push(names, name);
}

static void list_others(const struct validation *v, names_t *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v->n_rows; i++) {
		for (size_t k = 0; k < v->rows[i].value->n_others; k++) {
			add_name(out, v->rows[i].value->others[k].simulator);
		}
	}
}

/* What a simulator says of a row; NULL: aliquot. NaN when it says nothing. */
static double said(const struct validated_row *row, const char *simulator)
{
	if (simulator == NULL) {
		return row->simulated;
	}
	for (size_t k = 0; k < row->value->n_others; k++) {
		if (strcmp(row->value->others[k].simulator, simulator) == 0) {
			return row->value->others[k].value;
		}
	}
	return (double)NAN;
}

/*
 * Errors of `of` over the means of a metric, on rows that `of` and `beside` both know and that were
 * simulated; `gpu` NULL: any.
 */
static void errors_beside(const struct validation *v, const char *metric, const char *of,
                          const char *beside, struct error_stats *out)
{
	double *const errors = mem_new(v->n_rows + 1, sizeof(*errors));
	size_t n = 0;

	for (size_t i = 0; i < v->n_rows; i++) {
		const struct validated_row *const row = &v->rows[i];
		if (row->role != ROW_SKIPPED && strcmp(row->value->metric, metric) == 0 &&
		    strcmp(row->value->stat, "mean") == 0 &&
		    strstr(row->at->run->source, "reasoning") == NULL && isfinite(said(row, of)) &&
		    isfinite(said(row, beside))) {
			errors[n++] = said(row, of) / row->value->value - 1.0;
		}
	}
	error_stats_of(errors, n, out);
	free(errors);
}

/* Median errors of other simulators, and of aliquot on the rows that they say something about. */
static void print_others(const struct validation *v, FILE *out)
{
	static const char *const metrics[] = {"e2e_latency", "ttft", "itl"};
	names_t names;

	list_others(v, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (i == 0) {
			fprintf(out,
			        "\nmedian |error| %% of means   rows      E2E  aliquot     TTFT  aliquot"
			        "      ITL  aliquot\n");
		}
		fprintf(out, "  %-24.24s", names.at[i]);
		for (size_t m = 0; m < 3; m++) {
			struct error_stats other, own;
			errors_beside(v, metrics[m], names.at[i], NULL, &other);
			errors_beside(v, metrics[m], NULL, names.at[i], &own);
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

static void put_others(struct json_writer *w, const struct validation *v)
{
	names_t names;

	list_others(v, &names);
	json_begin_array(w, "others");
	for (size_t i = 0; i < names.n; i++) {
		for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
			struct error_stats other, own;
			errors_beside(v, campaign_metrics[m], names.at[i], NULL, &other);
			errors_beside(v, campaign_metrics[m], NULL, names.at[i], &own);
			if (other.n == 0) {
				continue;
			}
			json_begin_object_flat(w, NULL);
			json_put_string(w, "simulator", names.at[i]);
			json_put_string(w, "metric", campaign_metrics[m]);
			json_put_int(w, "n", (int64_t)other.n);
			json_put_real(w, "median_pct", other.median);
			json_put_real(w, "aliquot_median_pct", own.median);
			json_end(w);
		}
	}
	json_end(w);
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

void validation_print(const struct validation *v, FILE *out)
{
	print_groups(v, out);
	print_loads(v, out);
	for (int role = ROW_FITTED; role <= ROW_PREDICTED; role++) {
		const struct pick p = {NULL, NULL, 0, 0, role, false};
		const struct pick tails = {NULL, NULL, 0, 0, role, true};
		struct error_stats e, t;
		errors_of(v, &p, &e);
		errors_of(v, &tails, &t);
		if (e.n + t.n > 0) {
			fprintf(out, "%s%s: %zu rows, mean |error| %.1f %%", role == 0 ? "\n" : "",
			        role_names[role], e.n, e.mean);
			if (t.n > 0) {
				fprintf(out, "; %zu rows of tails, %.1f %%", t.n, t.mean);
			}
			putc('\n', out);
		}
	}
	print_others(v, out);
	print_failed(v, out);
	print_skipped(v, out);
}

static void put_row(struct json_writer *w, const struct validated_row *row)
{
	char *const id = validated_id(row);

	json_begin_object_flat(w, NULL);
	json_put_string(w, "id", id);
	json_put_string(w, "source", row->at->run->source);
	json_put_string(w, "gpu", row->at->gpu);
	json_put_string(w, "model", row->at->model);
	json_put_string(w, "engine", row->at->engine);
	json_put_string(w, "metric", row->value->metric);
	json_put_string(w, "stat", row->value->stat);
	json_put_real(w, "published", row->value->value);
	json_put_real(w, "simulated", row->simulated);
	json_put_real(w, "error_pct", row->error_pct);
	json_put_string(w, "role", role_names[row->role]);
	json_put_real(w, "tolerance_pct", row->tolerance_pct);
	json_put_bool(w, "ok", row->ok);
	json_put_string(w, "why", row->why);
	json_end(w);
	free(id);
}

static void put_group(struct json_writer *w, const struct validation *v, const struct group *g)
{
	const struct study_case *const c = g->like;

	json_begin_object(w, NULL);
	json_put_string(w, "source", c->run->source);
	json_put_string(w, "gpu", c->gpu);
	json_put_string(w, "model", c->model);
	json_put_string(w, "engine", c->engine);
	json_put_string(w, "engine_version", c->engine_version);
	json_put_string(w, "precision", precision_names[c->precision]);
	json_put_int(w, "tensor_parallel", c->tp);
	json_begin_array(w, "errors");
	for (size_t m = 0; campaign_metrics[m] != NULL; m++) {
		for (int tails = 0; tails < 2; tails++) {
			const struct pick p = {
				c,  campaign_metrics[m], campaign_users(campaign_metrics[m]), 0,
				-1, tails == 1};
			struct error_stats e;
			errors_of(v, &p, &e);
			if (e.n == 0) {
				continue;
			}
			json_begin_object_flat(w, NULL);
			json_put_string(w, "metric", campaign_metrics[m]);
			json_put_bool(w, "tails", tails == 1);
			json_put_int(w, "n", (int64_t)e.n);
			json_put_real(w, "mean_pct", e.mean);
			json_put_real(w, "median_pct", e.median);
			json_put_real(w, "worst_pct", e.worst);
			json_put_real(w, "bias_pct", e.bias);
			json_end(w);
		}
	}
	json_end(w);
	json_end(w);
}

static void put_role(struct json_writer *w, const struct validation *v, int role)
{
	const struct pick p = {NULL, NULL, 0, 0, role, false};
	struct error_stats e;

	errors_of(v, &p, &e);
	json_begin_object_flat(w, role_names[role]);
	json_put_int(w, "n", (int64_t)e.n);
	json_put_real(w, "mape_pct", e.mean);
	json_put_real(w, "median_pct", e.median);
	json_end(w);
}

void validation_json(const struct validation *v, FILE *out)
{
	struct json_writer w;
	groups_t groups;
	int64_t skipped = 0;

	list_groups(v, &groups);
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/validate/1");
	json_begin_array(&w, "rows");
	for (size_t i = 0; i < v->n_rows; i++) {
		put_row(&w, &v->rows[i]);
		skipped += v->rows[i].role == ROW_SKIPPED;
	}
	json_end(&w);
	json_begin_array(&w, "groups");
	for (size_t i = 0; i < groups.n; i++) {
		put_group(&w, v, &groups.at[i]);
	}
	json_end(&w);
	put_others(&w, v);
	json_begin_object(&w, "summary");
	put_role(&w, v, ROW_PREDICTED);
	put_role(&w, v, ROW_FITTED);
	json_put_int(&w, "skipped", skipped);
	json_put_bool(&w, "ok", validation_ok(v));
	json_end(&w);
	json_end(&w);
	free(groups.at);
}
