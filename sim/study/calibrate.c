/* Least squares over simulated cases. */
#include "study/calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
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
	{"t_request", 1e-5, 0.5}, {"t_logit", 1e-12, 1e-8}, {"e_kv_mixed", 0.05, 0.95},
};
#define APART 1.25 /* from the optimum, where refits without a fold start */
#define N_BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

struct target { /* one residual */
	size_t run, value;
	double weight, log_measured;
};

struct problem {
	const struct calibrate_ask *ask;
	size_t n_free;
	const struct option *options[FIT_MOST]; /* of the free constants */
	const char *over[2 * FIT_MOST]; /* held and free constants: they go over a protocol's */
	size_t n_held;
	struct cost_constants costs;
	size_t *runs; /* cases in this fit */
	size_t n_runs;
	struct target *targets; /* grouped by run; of all cases */
	size_t n_targets;
	size_t *first;     /* [cases + 1]: targets of a case */
	double *simulated; /* [n_targets] */
	struct fit_parameter parameters[FIT_MOST];
};

static const char *profile_name(const struct calibrate_ask *ask)
{
	return ask->profile_name != NULL ? ask->profile_name : "the engine profile's";
}

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

	*q = (struct fit_parameter){0.0, 0.0, 0.0};
	for (size_t k = 0; k < N_BOUNDS; k++) {
		if (strcmp(bounds[k].name, name) == 0) {
			q->low = bounds[k].low;
			q->high = bounds[k].high;
		}
	}
	sim_assert(q->low > 0.0); /* every constant has bounds */
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
	struct err *const err = err_new(); /* what does not fit has no figures, see usable() */

	case_set_costs(p->ask->cases[k], &p->costs, p->over, p->n_held + p->n_free);
	case_figures(p->ask->cases[k], &p->simulated[p->first[k]], err);
	err_free(err);
}

/* Simulate the cases of this fit; `values` are the free constants', NULL: as they stand. */
static void simulate_all(struct problem *p, const double *values)
{
	for (size_t i = 0; i < p->n_free; i++) {
		p->over[p->n_held + i] = p->options[i]->name;
	}
	for (size_t i = 0; values != NULL && i < p->n_free; i++) {
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

/* Nothing to fit: how far off the constants are as they stand. */
static void judge_start(struct problem *p, size_t n_residuals, struct fit_result *out)
{
	double *const r = mem_new(n_residuals, sizeof(*r));

	*out = (struct fit_result){.evaluations = 1};
	residuals(p, NULL, r);
	for (size_t i = 0; i < n_residuals; i++) {
		out->cost += r[i] * r[i];
	}
	out->deviation = sqrt(out->cost / (double)n_residuals);
	free(r);
}

static bool solve(struct problem *p, size_t starts, struct fit_result *out)
{
	struct fit_problem fit = {p->parameters, p->n_free, 0, residuals, p, starts};

	for (size_t i = 0; i < p->n_runs; i++) {
		for (size_t t = p->first[p->runs[i]]; t < p->first[p->runs[i] + 1]; t++) {
			fit.n_residuals += p->targets[t].weight > 0.0;
		}
	}
	if (fit.n_residuals == 0 || fit.n_residuals < fit.n_parameters) {
		return false;
	}
	if (fit.n_parameters == 0) {
		judge_start(p, fit.n_residuals, out);
		return true;
	}
	return fit_solve(&fit, out);
}

static void list_targets(struct problem *p)
{
	const size_t n = p->ask->n_cases;

	p->first = mem_new(n + 1, sizeof(*p->first));
	for (size_t k = 0; k < n; k++) {
		p->first[k + 1] = p->first[k] + p->ask->cases[k]->run->n_values;
	}
	p->n_targets = p->first[n];
	p->targets = mem_new(p->n_targets, sizeof(*p->targets));
	p->simulated = mem_new(p->n_targets, sizeof(*p->simulated));
	p->runs = mem_new(n, sizeof(*p->runs));
	for (size_t k = 0; k < n; k++) {
		const struct measured_value *const values = p->ask->cases[k]->run->values;
		for (size_t t = p->first[k]; t < p->first[k + 1]; t++) {
			const struct measured_value *const v = &values[t - p->first[k]];
			p->targets[t] = (struct target){k, t - p->first[k], calibrate_weight(v),
			                                log(v->value)};
		}
	}
}

/* The cases of a fold, or all others, become those of the fit. */
static void pick_runs(struct problem *p, size_t fold, bool inside)
{
	p->n_runs = 0;
	for (size_t k = 0; k < p->ask->n_cases; k++) {
		if ((k % p->ask->folds == fold) == inside) {
			p->runs[p->n_runs++] = k;
		}
	}
}

/* Refit without each fold in turn and note what it says of that fold. */
static void cross_validate(struct problem *p, const struct fit_result *all,
                           struct calibration_result *out)
{
	for (size_t i = 0; i < p->n_free; i++) {
		/* beside the optimum of all rows: at it, a search would see no reason to leave */
		struct fit_parameter *const q = &p->parameters[i];
		const double away = all->value[i] * APART;
		q->start = away < q->high ? away : all->value[i] / APART;
		q->start = q->start > q->low ? q->start : sqrt(q->low * q->high);
	}
	for (size_t fold = 0; fold < p->ask->folds; fold++) {
		struct fit_result fit;
		pick_runs(p, fold, false);
		if (!solve(p, 1, &fit)) {
			continue; /* the others do not carry the constants: nothing is held out */
		}
		pick_runs(p, fold, true);
		simulate_all(p, fit.value);
		for (size_t k = fold; k < p->ask->n_cases; k += p->ask->folds) {
			for (size_t t = p->first[k]; t < p->first[k + 1]; t++) {
				out->predictions[t].held_out = p->simulated[t];
			}
		}
	}
}

/* Put a held constant over the profile's; false with an error added. */
static bool hold(struct problem *p, const struct calibrate_hold *held,
                 struct calibration_result *out, struct err *err)
{
	const struct option *const o = find_cost(held->name, err);

	if (o == NULL) {
		return false;
	}
	if ((o->min < 0.0 || o->max > 0.0) && !(held->value >= o->min && held->value <= o->max)) {
		err_add(err, ERR_USAGE, NULL, "constant %s cannot be %g: it lies from %g to %g",
		        held->name, held->value, o->min, o->max);
		return false;
	}
	*cost_at(&p->costs, o) = held->value;
	p->over[p->n_held++] = o->name;
	snprintf(out->constants[o - engine_cost_table].why, sizeof(out->constants[0].why), "%s",
	         held->why);
	return true;
}

/* Look a free constant up; false with an error added. */
static bool set_free(struct problem *p, const char *name, struct err *err)
{
	const struct option *const o = find_cost(name, err);
	bool ok = o != NULL;

	for (size_t i = 0; ok && i < p->n_free; i++) {
		if (p->options[i] == o) {
			err_add(err, ERR_USAGE, NULL, "constant %s is named twice", name);
			ok = false;
		}
	}
	for (size_t i = 0; ok && i < p->ask->n_held; i++) {
		if (strcmp(p->ask->held[i].name, name) == 0) {
			err_add(err, ERR_USAGE, NULL, "constant %s is both fitted and held", name);
			ok = false;
		}
	}
	p->options[p->n_free] = o;
	p->n_free += ok;
	return ok;
}

/* The profile with the held constants over it; false with errors added. */
static bool start_constants(struct problem *p, struct calibration_result *out, struct err *err)
{
	const struct calibrate_ask *const ask = p->ask;
	bool ok = true;

	sim_assert(ask->n_free <= FIT_MOST && ask->n_held <= FIT_MOST);
	p->costs = *ask->profile;
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		struct calibrate_constant *const c = &out->constants[out->n_constants++];
		sim_assert(out->n_constants <= CALIBRATE_MOST);
		c->option = o;
		snprintf(c->why, sizeof(c->why), "%s", profile_name(ask));
	}
	for (size_t i = 0; i < ask->n_held; i++) {
		ok = hold(p, &ask->held[i], out, err) && ok;
	}
	for (size_t i = 0; i < ask->n_free; i++) {
		ok = set_free(p, ask->free[i], err) && ok;
	}
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
	         "not determined (%.3g to %.3g): %s", fit->low[widest], fit->high[widest],
	         profile_name(p->ask));
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
		if (all) {
			return true;
		}
		drop_widest(p, fit, &start, out);
	}
}

static bool is_held(const struct problem *p, const struct option *o)
{
	for (size_t i = 0; i < p->n_held; i++) {
		if (strcmp(p->over[i], o->name) == 0) {
			return true;
		}
	}
	return false;
}

/* Do the protocols of all cases set a constant to the same value? It then held in the fit. */
static bool set_by_protocol(const struct problem *p, const struct option *o, double *out)
{
	const struct calibrate_ask *const ask = p->ask;

	for (size_t k = 0; k < ask->n_cases; k++) {
		struct scenario_service *const s = &ask->cases[k]->scenario->services[0];
		const double v = *cost_at(&s->costs[0].constants, o);
		if (!service_sets_cost(s, o->name) || (k > 0 && (v < *out || v > *out))) {
			return false;
		}
		*out = v;
	}
	return ask->n_cases > 0;
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
		double *const value = cost_at(&p->costs, c->option), set;
		if (!c->fitted && !is_held(p, c->option) && set_by_protocol(p, c->option, &set)) {
			*value = set;
			snprintf(c->why, sizeof(c->why), "set by the protocol of these rows");
		}
		c->value = *value;
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

/* Leave out figures that are none of a run, or of one that does not fit, with a note. */
static void leave_out(struct problem *p, struct err *err)
{
	const struct target *first = NULL;
	size_t n = 0;

	simulate_all(p, NULL);
	for (size_t t = 0; t < p->n_targets; t++) {
		if (p->targets[t].weight > 0.0 &&
		    !(p->simulated[t] > 0.0 && isfinite(p->simulated[t]))) {
			p->targets[t].weight = 0.0;
			first = n++ == 0 ? &p->targets[t] : first;
		}
	}
	if (first != NULL) {
		const struct measured_run *const run = p->ask->cases[first->run]->run;
		const struct measured_value *const v = &run->values[first->value];
		err_note(err,
		         "%zu figures that cannot be simulated are left out, first %s:%zu, %s.%s",
		         n, run->source, v->line, v->metric, v->stat);
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
	leave_out(&p, err);
	const bool ok = fit_determined(&p, &fit, out);
	if (ok) {
		all_runs(&p);
		simulate_all(&p, fit.value);
		read_constants(&p, &fit, out);
		read_predictions(&p, out);
		cross_validate(&p, &fit, out);
	} else {
		err_add(err, ERR_INPUT, ask->title,
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
