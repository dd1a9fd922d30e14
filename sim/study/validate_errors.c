/* Groups of validated rows and errors over some of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/validate_private.h"

const char *const validate_roles[] = {"fitted", "predicted", "input", "skipped"};

/* Loads of all kinds are alike, steps and starts are not. */
static const char *kind_of(const struct study_case *c)
{
	return case_is_load(c) ? "" : c->run->load;
}

static bool alike(const struct study_case *a, const struct study_case *b)
{
	return strcmp(a->run->source, b->run->source) == 0 && strcmp(a->gpu, b->gpu) == 0 &&
	       strcmp(a->model, b->model) == 0 && strcmp(a->engine, b->engine) == 0 &&
	       strcmp(a->engine_version, b->engine_version) == 0 && a->precision == b->precision &&
	       a->tp == b->tp && a->guessed == b->guessed && strcmp(kind_of(a), kind_of(b)) == 0 &&
	       (case_part(a) < 1.0) == (case_part(b) < 1.0) &&
	       (case_is_step(a) || (a->run->replicas == b->run->replicas &&
	                            strcmp(a->run->sharing, b->run->sharing) == 0));
}

static struct row_group *group_of(row_groups_t *groups, const struct study_case *c)
{
	for (size_t g = 0; g < groups->n; g++) {
		if (alike(groups->at[g].like, c)) {
			return &groups->at[g];
		}
	}
	const struct row_group fresh = {c, 0};
	vec_push(groups, fresh);
	return &groups->at[groups->n - 1];
}

void validate_groups(const struct validation *v, row_groups_t *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < v->n_rows; i++) {
		if (v->rows[i].role != ROW_SKIPPED) {
			group_of(out, v->rows[i].at)->n++;
		}
	}
}

bool validate_is_tail(const struct measured_value *v)
{
	return v->stat[0] == 'p' && v->stat[1] >= '0' && v->stat[1] <= '9' &&
	       strcmp(v->stat, "p50") != 0;
}

static bool picked(const struct row_pick *p, const struct validated_row *row)
{
	const int64_t users = row->at->run->users;

	return row->role != ROW_SKIPPED && (p->like == NULL || alike(p->like, row->at)) &&
	       (p->metric == NULL || strcmp(p->metric, row->value->metric) == 0) &&
	       (users == 0 ? !p->closed
	                   : users >= p->from && (p->below == 0 || users < p->below)) &&
	       (p->role < 0 || p->role == row->role) &&
	       (p->tails < 0 || validate_is_tail(row->value) == (p->tails == 1));
}

void validate_errors(const struct validation *v, const struct row_pick *p, struct error_stats *out)
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

static void add_name(names_t *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->at[i], name) == 0) {
			return;
		}
	}
	vec_push(names, name);
}

void validate_others(const struct validation *v, names_t *out)
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

void validate_errors_beside(const struct validation *v, const char *metric, const char *of,
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
