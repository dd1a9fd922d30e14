/* Least squares over simulated cases. */
#include "study/calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "flow/sim.h"
#include "study/jobs.h"

/* Where the constants may lie: generous physics, so that a fit that wants out is suspicious. */
static const struct {
	const char *name;
	double low, high;
} bounds[] = {
	{"e_compute", 0.1, 0.95}, {"e_memory", 0.2, 0.95},  {"e_kv", 0.2, 0.95},
	{"e_attn", 0.1, 0.95},    {"e_link", 0.2, 0.95},    {"t_layer", 1e-6, 2e-3},
	{"t_eager", 1e-4, 0.5},   {"h_step", 1e-5, 0.1},    {"h_seq", 1e-6, 1e-3},
	{"h_request", 1e-5, 0.1}, {"t_stream", 1e-7, 1e-3}, {"t_link", 1e-7, 5e-4},
	{"t_request", 1e-5, 0.5},
};
#define APART 1.25 /* from the optimum, where refits without a fold start */
#define N_BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

double calibrate_weight(const struct measured_value *v)
{
	if (strcmp(v->stat, "mean") != 0 && strcmp(v->stat, "max") != 0) {
		return 0.0; /* tails are judged, not fitted */
	}
	if (strcmp(v->metric, "ttft") == 0) {
		return 0.2; /* it holds the queue, which small errors of capacity blow up */
	}
	return strcmp(v->metric, "itl") == 0 ? 0.0 : 1.0;
}

struct target { /* one residual */
	size_t run, value;
	double weight, log_measured;
};

struct problem {
	const struct calibrate_ask *ask;
	size_t n_free;
	const struct option *options[FIT_MOST]; /* of the free constants */
	struct cost_constants costs;
	size_t *runs; /* cases in this fit */
	size_t n_runs;
	struct target *targets; /* grouped by run; of all cases */
	size_t n_targets;
	size_t *first;     /* [cases + 1]: targets of a case */
	double *simulated; /* [n_targets] */
	struct fit_parameter parameters[FIT_MOST];
};

static const struct option *find_cost(const char *name, struct err *err)
{
	const char *names[32];
	size_t n = 0;

	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0) {
			return o;
		}
		names[n++] = o->name;
	}
	const char *const near = str_nearest(name, names, n);
	err_add(err, ERR_USAGE, NULL, "unknown constant \"%s\"%s%s%s", name,
	        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	        near != NULL ? "\"?" : "");
	return NULL;
}

static double *cost_at(struct cost_constants *costs, const struct option *o)
{
	return (double *)(void *)((char *)costs + o->offset);
}

static void set_parameter(struct problem *p, size_t i)
{
	const char *const name = p->options[i]->name;
	struct fit_parameter *const q = &p->parameters[i];

	for (size_t k = 0; k < N_BOUNDS; k++) {
		if (strcmp(bounds[k].name, name) == 0) {
			q->low = bounds[k].low;
			q->high = bounds[k].high;
		}
	}
	q->start = *cost_at(&p->costs, p->options[i]);
	if (!(q->start > 1.05 * q->low && q->start < 0.95 * q->high)) {
		q->start = sqrt(q->low * q->high);
	}
}

/* Simulate one case with the constants at hand. */
static void simulate(void *arg, size_t i)
{
	struct problem *const p = arg;
	const size_t k = p->runs[i];
	const struct study_case *const c = p->ask->cases[k];
	struct err *const err = err_new();
	struct sim *sim;
	struct summary summary;

	c->scenario->services[0].costs[0].constants = p->costs;
	const bool ok = case_run(c, &sim, &summary, err);
	for (size_t t = p->first[k]; t < p->first[k + 1]; t++) {
		p->simulated[t] =
			ok ? case_observe(c, &summary, &c->run->values[p->targets[t].value])
			   : (double)NAN;
	}
	if (ok) {
		summary_fini(&summary);
		sim_free(sim);
	}
	err_free(err);
}

static void simulate_all(struct problem *p, const double *values)
{
	for (size_t i = 0; i < p->n_free; i++) {
		*cost_at(&p->costs, p->options[i]) = values[i];
	}
	jobs_run(p->n_runs, p->ask->threads, simulate, p);
}

static void residuals(void *arg, const double *values, double *out)
{
	struct problem *const p = arg;
	size_t n = 0;

	simulate_all(p, values);
	for (size_t i = 0; i < p->n_runs; i++) {
		for (size_t t = p->first[p->runs[i]]; t < p->first[p->runs[i] + 1]; t++) {
			if (p->targets[t].weight > 0.0) {
				out[n++] = sqrt(p->targets[t].weight) *
				           (log(p->simulated[t]) - p->targets[t].log_measured);
			}
		}
	}
}

static bool solve(struct problem *p, size_t starts, struct fit_result *out)
{
	struct fit_problem fit = {p->parameters, p->n_free, 0, residuals, p, starts};

	for (size_t i = 0; i < p->n_runs; i++) {
		for (size_t t = p->first[p->runs[i]]; t < p->first[p->runs[i] + 1]; t++) {
			fit.n_residuals += p->targets[t].weight > 0.0;
		}
	}
	return fit.n_residuals >= fit.n_parameters && fit_solve(&fit, out);
}

static void list_targets(struct problem *p)
{
	const size_t n = p->ask->n_cases;
	VEC(struct target) list = {0};

	p->first = mem_new(n + 1, sizeof(*p->first));
	for (size_t k = 0; k < n; k++) {
		const struct measured_run *const run = p->ask->cases[k]->run;
		p->first[k] = list.n;
		for (size_t v = 0; v < run->n_values; v++) {
			const struct target t = {k, v, calibrate_weight(&run->values[v]),
			                         log(run->values[v].value)};
			vec_push(&list, t);
		}
	}
	p->first[n] = list.n;
	p->targets = list.at;
	p->n_targets = list.n;
	p->simulated = mem_new(list.n, sizeof(*p->simulated));
	p->runs = mem_new(n, sizeof(*p->runs));
}

/* Refit without each fold in turn and note what it says of that fold. */
static void cross_validate(struct problem *p, const struct fit_result *all,
                           struct calibration_result *out)
{
	const size_t n = p->ask->n_cases;

	for (size_t i = 0; i < p->n_free; i++) {
		/* beside the optimum of all rows: at it, a search would see no reason to leave */
		struct fit_parameter *const q = &p->parameters[i];
		const double away = all->value[i] * APART;
		q->start = away < q->high ? away : all->value[i] / APART;
		q->start = q->start > q->low ? q->start : sqrt(q->low * q->high);
	}
	for (size_t fold = 0; fold < p->ask->folds; fold++) {
		struct fit_result fit = *all;
		p->n_runs = 0;
		for (size_t k = 0; k < n; k++) {
			if (k % p->ask->folds != fold) {
				p->runs[p->n_runs++] = k;
			}
		}
		solve(p, 1, &fit);
		p->n_runs = 0;
		for (size_t k = fold; k < n; k += p->ask->folds) {
			p->runs[p->n_runs++] = k;
		}
		simulate_all(p, fit.value);
		for (size_t i = 0; i < p->n_runs; i++) {
			for (size_t t = p->first[p->runs[i]]; t < p->first[p->runs[i] + 1]; t++) {
				out->predictions[t].held_out = p->simulated[t];
			}
		}
	}
}

/* The profile with the held constants over it; false with errors added. */
static bool start_constants(struct problem *p, struct calibration_result *out, struct err *err)
{
	const struct calibrate_ask *const ask = p->ask;
	bool ok = true;

	p->costs = *ask->profile;
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		struct calibrate_constant *const c = &out->constants[out->n_constants++];
		sim_assert(out->n_constants <= CALIBRATE_MOST);
		c->option = o;
		snprintf(c->why, sizeof(c->why), "the engine profile's");
	}
	for (size_t i = 0; i < ask->n_held; i++) {
		const struct option *const o = find_cost(ask->held[i].name, err);
		ok = o != NULL && ok;
		if (o != NULL) {
			*cost_at(&p->costs, o) = ask->held[i].value;
			snprintf(out->constants[o - engine_cost_table].why,
			         sizeof(out->constants[0].why), "%s", ask->held[i].why);
		}
	}
	for (size_t i = 0; i < ask->n_free; i++) {
		p->options[i] = find_cost(ask->free[i], err);
		ok = p->options[i] != NULL && ok;
	}
	p->n_free = ask->n_free;
	return ok;
}

static void all_runs(struct problem *p)
{
	p->n_runs = p->ask->n_cases;
	for (size_t k = 0; k < p->n_runs; k++) {
		p->runs[k] = k;
	}
}

/* Width of an interval on the scale of logarithms. */
static double width(const struct fit_result *fit, size_t i)
{
	return log(fit->high[i] / fit->low[i]);
}

/* Give up the constant that the rows say least about: back to where it started. */
static void drop_widest(struct problem *p, const struct fit_result *fit,
                        const struct cost_constants *start, struct calibration_result *out)
{
	size_t widest = p->n_free;

	for (size_t i = 0; i < p->n_free; i++) {
		if (!fit->determined[i] &&
		    (widest == p->n_free || width(fit, i) > width(fit, widest))) {
			widest = i;
		}
	}
	const struct option *const o = p->options[widest];
	struct cost_constants profile = *start;
	*cost_at(&p->costs, o) = *cost_at(&profile, o);
	snprintf(out->constants[o - engine_cost_table].why, sizeof(out->constants[0].why),
	         "not determined by these rows (between %.3g and %.3g); the engine profile's",
	         fit->low[widest], fit->high[widest]);
	for (size_t i = widest; i + 1 < p->n_free; i++) {
		p->options[i] = p->options[i + 1];
	}
	p->n_free--;
}

/* Fit and drop until the rows determine all that is left. */
static bool fit_determined(struct problem *p, struct fit_result *fit,
                           struct calibration_result *out)
{
	const struct cost_constants start = p->costs;

	for (;;) {
		struct cost_constants from = start;
		bool all = true;
		for (size_t i = 0; i < p->n_free; i++) {
			*cost_at(&p->costs, p->options[i]) = *cost_at(&from, p->options[i]);
			set_parameter(p, i);
		}
		if (!solve(p, p->ask->starts, fit)) {
			return false;
		}
		out->evaluations += fit->evaluations;
		for (size_t i = 0; i < p->n_free; i++) {
			all = all && fit->determined[i];
		}
		if (all || p->n_free == 1) {
			return true;
		}
		drop_widest(p, fit, &start, out);
	}
}

static void read_constants(struct problem *p, const struct fit_result *fit,
                           struct calibration_result *out)
{
	for (size_t i = 0; i < p->n_free; i++) {
		struct calibrate_constant *const c =
			&out->constants[p->options[i] - engine_cost_table];
		c->fitted = true;
		c->low = fit->low[i];
		c->high = fit->high[i];
		c->why[0] = '\0';
	}
	for (size_t i = 0; i < out->n_constants; i++) {
		struct calibrate_constant *const c = &out->constants[i];
		c->value = *cost_at(&p->costs, c->option);
		if (!c->fitted) {
			c->low = c->high = c->value;
		}
	}
	out->costs = p->costs;
	out->deviation = fit->deviation;
}

static void read_predictions(struct problem *p, struct calibration_result *out)
{
	out->n_predictions = p->n_targets;
	out->predictions = mem_new(p->n_targets, sizeof(*out->predictions));
	for (size_t t = 0; t < p->n_targets; t++) {
		out->predictions[t] =
			(struct prediction){p->targets[t].run, p->targets[t].value, p->simulated[t],
		                            (double)NAN, p->targets[t].weight > 0.0};
	}
}

bool calibrate(const struct calibrate_ask *ask, struct calibration_result *out, struct err *err)
{
	struct problem p = {.ask = ask};
	struct fit_result fit;

	memset(out, 0, sizeof(*out));
	if (!start_constants(&p, out, err)) {
		return false;
	}
	list_targets(&p);
	all_runs(&p);
	const bool ok = fit_determined(&p, &fit, out);
	if (ok) {
		all_runs(&p);
		simulate_all(&p, fit.value);
		read_constants(&p, &fit, out);
		read_predictions(&p, out);
		cross_validate(&p, &fit, out);
	} else {
		err_add(err, ERR_INPUT, NULL,
		        "no fit: %zu configurations with %zu figures do not carry %zu constants",
		        ask->n_cases, p.n_targets, p.n_free);
	}
	free(p.targets);
	free(p.first);
	free(p.simulated);
	free(p.runs);
	return ok;
}

void calibration_result_fini(struct calibration_result *r)
{
	free(r->predictions);
}

static int by_size(const void *a, const void *b)
{
	const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
	return x < y ? -1 : x > y;
}

void error_stats_of(double *errors, size_t n, struct error_stats *out)
{
	double sum = 0.0, bias = 0.0;

	*out = (struct error_stats){0, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
	if (n == 0) {
		return;
	}
	qsort(errors, n, sizeof(*errors), by_size);
	for (size_t i = 0; i < n; i++) {
		sum += fabs(errors[i]);
		bias += errors[i];
	}
	out->n = n;
	out->mean = 100.0 * sum / (double)n;
	out->bias = 100.0 * bias / (double)n;
	out->median = 50.0 * (fabs(errors[(n - 1) / 2]) + fabs(errors[n / 2]));
	out->worst = 100.0 * fabs(errors[n - 1]);
}

void calibrate_errors(const struct calibrate_ask *ask, const struct calibration_result *r,
                      const char *metric, int64_t users, bool held_out, struct error_stats *out)
{
	double *const errors = mem_new(r->n_predictions + 1, sizeof(*errors));
	size_t n = 0;

	for (size_t i = 0; i < r->n_predictions; i++) {
		const struct prediction *const p = &r->predictions[i];
		const struct measured_run *const run = ask->cases[p->run]->run;
		const struct measured_value *const v = &run->values[p->value];
		const double simulated = held_out ? p->held_out : p->fitted;
		if (strcmp(v->metric, metric) == 0 && isfinite(simulated) &&
		    (strcmp(v->stat, "mean") == 0 || strcmp(v->stat, "max") == 0) &&
		    (run->users == 0 || run->users >= users)) {
			errors[n++] = simulated / v->value - 1.0;
		}
	}
	error_stats_of(errors, n, out);
	free(errors);
}
