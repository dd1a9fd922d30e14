/* Least squares over simulated cases. */
#include "study/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
	{"e_compute", 0.1, 0.95},  {"e_memory", 0.2, 0.95}, {"e_kv", 0.2, 0.95},
	{"e_attn", 0.1, 0.95},     {"t_layer", 1e-6, 2e-3}, {"t_eager", 1e-4, 0.5},
	{"h_step", 1e-5, 0.1},     {"h_seq", 1e-6, 1e-3},   {"h_request", 1e-5, 0.1},
	{"t_stream", 1e-7, 1e-3},  {"t_link", 1e-7, 5e-4},
};
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
	const char *const name = p->ask->free[i];
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
	const struct study_case *const c = &p->ask->cases->at[k];
	struct err *const err = err_new();
	struct sim *sim;
	struct summary summary;

	c->scenario->services[0].costs = p->costs;
	const bool ok = case_run(c, &sim, &summary, err);
	for (size_t t = p->first[k]; t < p->first[k + 1]; t++) {
		p->simulated[t] = ok ? case_observe(c, &summary,
		                                    &c->run->values[p->targets[t].value])
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
	for (size_t i = 0; i < p->ask->n_free; i++) {
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
	struct fit_problem fit = {p->parameters, p->ask->n_free, 0, residuals, p, starts};

	for (size_t i = 0; i < p->n_runs; i++) {
		for (size_t t = p->first[p->runs[i]]; t < p->first[p->runs[i] + 1]; t++) {
			fit.n_residuals += p->targets[t].weight > 0.0;
		}
	}
	return fit.n_residuals >= fit.n_parameters && fit_solve(&fit, out);
}

static void list_targets(struct problem *p)
{
	const struct case_list *const cases = p->ask->cases;
	VEC(struct target) list = {0};

	p->first = mem_new(cases->n + 1, sizeof(*p->first));
	for (size_t k = 0; k < cases->n; k++) {
		const struct measured_run *const run = cases->at[k].run;
		p->first[k] = list.n;
		for (size_t v = 0; v < run->n_values; v++) {
			const struct target t = {k, v, calibrate_weight(&run->values[v]),
			                         log(run->values[v].value)};
			vec_push(&list, t);
		}
	}
	p->first[cases->n] = list.n;
	p->targets = list.at;
	p->n_targets = list.n;
	p->simulated = mem_new(list.n, sizeof(*p->simulated));
	p->runs = mem_new(cases->n, sizeof(*p->runs));
}

/* Refit without each fold in turn and note what it says of that fold. */
static void cross_validate(struct problem *p, const struct fit_result *all,
                           struct calibration_result *out)
{
	const size_t n = p->ask->cases->n;

	for (size_t i = 0; i < p->ask->n_free; i++) {
		p->parameters[i].start = all->value[i];
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

bool calibrate(const struct calibrate_ask *ask, struct calibration_result *out, struct err *err)
{
	struct problem p = {.ask = ask};
	bool ok = true;

	memset(out, 0, sizeof(*out));
	p.costs = ask->cases->at[0].scenario->services[0].costs;
	for (size_t i = 0; i < ask->n_held; i++) {
		const struct option *const o = find_cost(ask->held[i].name, err);
		ok = o != NULL && ok;
		if (o != NULL) {
			*cost_at(&p.costs, o) = ask->held[i].value;
		}
	}
	for (size_t i = 0; i < ask->n_free; i++) {
		p.options[i] = find_cost(ask->free[i], err);
		ok = p.options[i] != NULL && ok;
	}
	if (!ok) {
		return false;
	}
	for (size_t i = 0; i < ask->n_free; i++) {
		set_parameter(&p, i);
	}
	list_targets(&p);
	p.n_runs = ask->cases->n;
	for (size_t k = 0; k < p.n_runs; k++) {
		p.runs[k] = k;
	}
	ok = solve(&p, ask->starts, &out->fit);
	if (!ok) {
		err_add(err, ERR_INPUT, NULL, "no start of the fit converged");
	} else {
		simulate_all(&p, out->fit.value);
		out->costs = p.costs;
		out->n_predictions = p.n_targets;
		out->predictions = mem_new(p.n_targets, sizeof(*out->predictions));
		for (size_t t = 0; t < p.n_targets; t++) {
			out->predictions[t] = (struct prediction){
				p.targets[t].run, p.targets[t].value, p.simulated[t],
				(double)NAN,      p.targets[t].weight > 0.0};
		}
		cross_validate(&p, &out->fit, out);
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
