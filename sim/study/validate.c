/* Simulates the cases and judges each measured figure. */
#include "study/validate.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/jobs.h"
#include "study/validate_private.h"

/*
 * What a single row may be off before it is called wrong: about four times the mean error that a
 * calibrated group is expected to reach. TTFT holds the queue, tails hold few requests.
 */
static const struct validate_tolerance usual[] = {
	{"tpot", 15.0},
	{"itl", 15.0},
	{"output_throughput", 15.0},
	{"ttft", 40.0},
	{"e2e_latency", 20.0},
	{"request_throughput", 15.0},
	{"prefill_latency", 25},
	{"decode_step_latency", 25},
	{"weight_load_time", 15},
	{"engine_ready_time", 15},
	{"cold_load_time", 15},
	{"cold_start_stage", 15},
	{"sleep_time_level1", 15},
	{"wake_time_level1", 15},
	{"wake_time_level2", 15},
};
#define N_USUAL (sizeof(usual) / sizeof(usual[0]))
#define OTHER_PCT 25.0
#define TAIL_FACTOR 2.0

bool validate_knows(const char *metric, const char **near)
{
	const char *names[N_USUAL];

	for (size_t i = 0; i < N_USUAL; i++) {
		names[i] = usual[i].metric;
		if (strcmp(names[i], metric) == 0) {
			return true;
		}
	}
	*near = str_nearest(metric, names, N_USUAL);
	return false;
}

static double tolerance_of(const struct validate_ask *ask, const struct measured_value *v)
{
	double pct = OTHER_PCT;

	for (size_t i = 0; i < N_USUAL; i++) {
		pct = strcmp(usual[i].metric, v->metric) == 0 ? usual[i].pct : pct;
	}
	pct *= validate_is_tail(v) ? TAIL_FACTOR : 1.0;
	for (size_t i = 0; i < ask->n_tolerances; i++) {
		pct = strcmp(ask->tolerances[i].metric, v->metric) == 0 ? ask->tolerances[i].pct
		                                                        : pct;
	}
	return pct;
}

/*
 * Was this row's configuration among those that the constants in use were fitted to, or that the
 * numbers of its protocol were chosen by?
 */
static int role_of(const struct study_case *c)
{
	const struct calibration_set *const set = c->scenario->services[0].costs[0].set;

	if (c->fitted) {
		return ROW_FITTED;
	}
	if (c->guessed || set == NULL || set->source == NULL ||
	    strcmp(set->source, c->run->source) != 0 ||
	    strcmp(set->engine_version, c->engine_version) != 0) {
		return ROW_PREDICTED;
	}
	for (size_t i = 0; i < set->n_models; i++) {
		if (strcmp(set->models[i], c->model) == 0) {
			return ROW_FITTED;
		}
	}
	return ROW_PREDICTED;
}

struct work {
	const struct validate_ask *ask;
	struct validation *out;
	size_t *first;        /* [cases]: first row of a case */
	pthread_mutex_t lock; /* of what follows */
	size_t done;
};

/* Say how far it is; a thread at a time. */
static void tell(struct work *w)
{
	if (w->ask->progress == NULL) {
		return;
	}
	pthread_mutex_lock(&w->lock);
	char *const what = mem_printf("%zu of %zu configurations", ++w->done, w->ask->cases->n);
	w->ask->progress(w->ask->progress_arg, what);
	free(what);
	pthread_mutex_unlock(&w->lock);
}

static bool wanted(const struct validate_ask *ask, const struct study_case *c)
{
	return (ask->gpu == NULL || strcmp(ask->gpu, c->gpu) == 0) &&
	       (ask->engine == NULL || strcmp(ask->engine, c->engine) == 0);
}

static void skip(struct validated_row *row, const char *why)
{
	row->role = ROW_SKIPPED;
	row->simulated = row->error_pct = (double)NAN;
	row->why = mem_strdup(why);
}

static void judge(struct validated_row *row, double simulated)
{
	const struct measured_value *const v = row->value;
	char why[200];

	if (!isfinite(simulated)) {
		snprintf(why, sizeof(why), "metric \"%s\", statistic \"%s\"%s%s%s is not simulated",
		         v->metric, v->stat, v->unit[0] != '\0' ? " in \"" : "", v->unit,
		         v->unit[0] != '\0' ? "\"" : "");
		skip(row, why);
		return;
	}
	if (!(v->value > 0.0)) {
		skip(row, "no error against a figure that is not positive");
		return;
	}
	row->simulated = simulated;
	row->error_pct = 100.0 * (simulated / v->value - 1.0);
	row->role = role_of(row->at);
	row->ok = fabs(row->error_pct) <= row->tolerance_pct;
}

static void run_case(void *arg, size_t i)
{
	struct work *const w = arg;
	const struct study_case *const c = &w->ask->cases->at[i];
	const size_t n = c->run->n_values;

	if (!wanted(w->ask, c)) {
		return;
	}
	struct err *const err = err_new();
	double *const figures = mem_new(n, sizeof(*figures));
	const bool ok = c->skipped == NULL && case_figures(c, figures, err);

	for (size_t k = 0; k < n; k++) {
		struct validated_row *const row = &w->out->rows[w->first[i] + k];
		row->at = c;
		row->value = &c->run->values[k];
		row->tolerance_pct = tolerance_of(w->ask, row->value);
		row->ok = true;
		if (ok) {
			judge(row, figures[k]);
		} else {
			skip(row, c->skipped != NULL ? c->skipped : err_message(err, 0));
		}
	}
	free(figures);
	err_free(err);
	tell(w);
}

void validate(const struct validate_ask *ask, struct validation *out)
{
	struct work w = {ask, out, mem_new(ask->cases->n + 1, sizeof(*w.first)),
	                 PTHREAD_MUTEX_INITIALIZER, 0};

	*out = (struct validation){0};
	for (size_t i = 0; i < ask->cases->n; i++) {
		w.first[i] = out->n_rows;
		out->n_rows +=
			wanted(ask, &ask->cases->at[i]) ? ask->cases->at[i].run->n_values : 0;
	}
	out->rows = mem_new(out->n_rows + 1, sizeof(*out->rows));
	jobs_run(ask->cases->n, ask->threads, run_case, &w);
	pthread_mutex_destroy(&w.lock);
	free(w.first);
}

void validation_fini(struct validation *v)
{
	for (size_t i = 0; i < v->n_rows; i++) {
		free(v->rows[i].why);
	}
	free(v->rows);
	*v = (struct validation){0};
}

char *validated_id(const struct validated_row *row)
{
	return mem_printf("%s:%zu", row->at->run->source, row->value->line);
}

bool validation_ok(const struct validation *v)
{
	for (size_t i = 0; i < v->n_rows; i++) {
		if (!v->rows[i].ok) {
			return false;
		}
	}
	return true;
}
