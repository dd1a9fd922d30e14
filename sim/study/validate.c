/* Simulates the cases and judges each measured figure. */
#include "study/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/sim.h"
#include "study/jobs.h"

/*
 * What a single row may be off before it is called wrong: about four times the mean error that a
 * calibrated group is expected to reach. TTFT holds the queue, tails hold few requests.
 */
static const struct validate_tolerance usual[] = {
	{"tpot", 15.0},    {"itl", 15.0},           {"output_throughput", 15.0},
	{"ttft", 40.0},    {"e2e_latency", 20.0},   {"request_throughput", 15.0},
	{"queue", 40.0},   {"prefill_latency", 25}, {"decode_step_latency", 25},
	{"running", 10.0},
};
#define OTHER_PCT 25.0
#define TAIL_FACTOR 2.0

static double tolerance_of(const struct validate_ask *ask, const struct measured_value *v)
{
	const bool tail = v->stat[0] == 'p' && strcmp(v->stat, "p50") != 0;
	double pct = OTHER_PCT;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		pct = strcmp(usual[i].metric, v->metric) == 0 ? usual[i].pct : pct;
	}
	pct *= tail ? TAIL_FACTOR : 1.0;
	for (size_t i = 0; i < ask->n_tolerances; i++) {
		pct = strcmp(ask->tolerances[i].metric, v->metric) == 0 ? ask->tolerances[i].pct
		                                                        : pct;
	}
	return pct;
}

/* Was this row among those that the constants in use were fitted to? */
static int role_of(const struct study_case *c)
{
	const struct calibration_set *const set = c->scenario->services[0].costs[0].set;

	if (set == NULL || strcmp(set->source, c->run->source) != 0 ||
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
	size_t *first; /* [cases]: first row of a case */
};

static bool wanted(const struct validate_ask *ask, const struct study_case *c)
{
	return (ask->gpu == NULL || strcmp(ask->gpu, c->gpu) == 0) &&
	       (ask->engine == NULL || strcmp(ask->engine, c->engine) == 0);
}

static void judge(struct validated_row *row, double simulated)
{
	row->simulated = simulated;
	row->error_pct = 100.0 * (simulated / row->value->value - 1.0);
	if (!isfinite(row->error_pct)) {
		row->role = ROW_SKIPPED;
		row->why = mem_printf("metric \"%s.%s\" is not simulated", row->value->metric,
		                      row->value->stat);
		return;
	}
	row->role = role_of(row->at);
	row->ok = fabs(row->error_pct) <= row->tolerance_pct;
}

static void run_case(void *arg, size_t i)
{
	const struct work *const w = arg;
	const struct study_case *const c = &w->ask->cases->at[i];
	struct err *const err = err_new();
	struct sim *sim = NULL;
	struct summary summary;
	const bool ok = c->skipped == NULL && wanted(w->ask, c) && case_run(c, &sim, &summary, err);

	for (size_t k = 0; k < c->run->n_values && wanted(w->ask, c); k++) {
		struct validated_row *const row = &w->out->rows[w->first[i] + k];
		row->at = c;
		row->value = &c->run->values[k];
		row->tolerance_pct = tolerance_of(w->ask, row->value);
		row->ok = true;
		if (ok) {
			judge(row, case_observe(c, &summary, row->value));
		} else {
			row->role = ROW_SKIPPED;
			row->simulated = row->error_pct = (double)NAN;
			row->why =
				mem_strdup(c->skipped != NULL ? c->skipped : err_message(err, 0));
		}
	}
	if (ok) {
		summary_fini(&summary);
		sim_free(sim);
	}
	err_free(err);
}

void validate(const struct validate_ask *ask, struct validation *out)
{
	struct work w = {ask, out, mem_new(ask->cases->n + 1, sizeof(*w.first))};

	*out = (struct validation){0};
	for (size_t i = 0; i < ask->cases->n; i++) {
		w.first[i] = out->n_rows;
		out->n_rows +=
			wanted(ask, &ask->cases->at[i]) ? ask->cases->at[i].run->n_values : 0;
	}
	out->rows = mem_new(out->n_rows + 1, sizeof(*out->rows));
	jobs_run(ask->cases->n, ask->threads, run_case, &w);
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
