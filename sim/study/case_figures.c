/* Runs cases and reads the figures that were measured. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "flow/sim.h"
#include "study/case.h"

bool case_run(const struct study_case *c, struct sim **sim, struct summary *out, struct err *err)
{
	static const struct sim_options options = {.exact = false};

	*sim = sim_new(c->scenario, &options, err);
	if (*sim == NULL) {
		return false;
	}
	if (!sim_run(*sim)) {
		sim_free(*sim);
		return false;
	}
	sim_summary(*sim, out);
	return true;
}

static double statistic(const struct dist *d, const char *stat)
{
	static const char *const percentiles[DIST_PERCENTILES] = {"p1",  "p5",  "p10", "p25", "p50",
	                                                          "p75", "p90", "p95", "p99"};
	if (strcmp(stat, "mean") == 0 || strcmp(stat, "avg") == 0) {
		return d->avg;
	}
	if (strcmp(stat, "max") == 0 || strcmp(stat, "min") == 0) {
		return strcmp(stat, "max") == 0 ? d->max : d->min;
	}
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		if (strcmp(stat, percentiles[i]) == 0 || (i == 4 && strcmp(stat, "median") == 0)) {
			return d->p[i];
		}
	}
	return (double)NAN;
}

/* A time in the unit of a row; NaN when that is none. */
static double in_unit(double ms, const char *unit)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {{"ms", 1.0}, {"", 1.0}, {"s", 1e3}, {"us", 1e-3}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].name) == 0) {
			return ms / units[i].ms;
		}
	}
	return (double)NAN;
}

/* A rate per second, where the row means one of the whole service. */
static double as_rate(double per_s, const char *unit, const char *usual)
{
	return unit[0] == '\0' || strcmp(unit, usual) == 0 ? per_s : (double)NAN;
}

double case_observe(const struct summary *s, const struct measured_value *v)
{
	const struct service_summary *const service = &s->services[0];
	const struct {
		const char *metric;
		const struct dist *dist;
	} dists[] = {
		{"ttft", &service->ttft_ms},
		{"tpot", &service->tpot_ms},
		{"itl", &service->itl_ms},
		{"e2e_latency", &service->latency_ms},
	};

	if (strcmp(v->metric, "output_throughput") == 0) {
		return as_rate(service->output_tokens_per_s, v->unit, "tokens/s");
	}
	if (strcmp(v->metric, "request_throughput") == 0) {
		return as_rate(service->requests_per_s, v->unit, "requests/s");
	}
	for (size_t i = 0; i < sizeof(dists) / sizeof(dists[0]); i++) {
		if (strcmp(v->metric, dists[i].metric) == 0) {
			return in_unit(statistic(dists[i].dist, v->stat), v->unit);
		}
	}
	return (double)NAN;
}

static bool is_named(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

void case_set_costs(const struct study_case *c, const struct cost_constants *costs,
                    const char *const *over, size_t n_over)
{
	const struct scenario_service *const service = &c->scenario->services[0];
	struct cost_constants own = *costs;

	if (service->own_costs != NULL) { /* checked when the scenario was built */
		struct err *const err = err_new();
		const struct json_at at = json_root(service->own_costs, "", err);
		option_override(engine_cost_table, &own, &at, "scenario", NULL);
		err_free(err);
	}
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (is_named(o->name, over, n_over)) {
			memcpy((char *)&own + o->offset, (const char *)costs + o->offset,
			       sizeof(double));
		}
	}
	service->costs[0].constants = own;
}

bool case_figures(const struct study_case *c, double *out, struct err *err)
{
	const struct measured_run *const run = c->run;
	const bool load = case_is_load(c);
	struct sim *sim = NULL;
	struct summary summary;
	const bool ok = !load || case_run(c, &sim, &summary, err);

	for (size_t i = 0; i < run->n_values; i++) {
		const struct measured_value *const v = &run->values[i];
		if (!load) {
			const double ms =
				case_is_step(c) ? case_step_ms(c, v->metric) : case_start_ms(c, v);
			out[i] = in_unit(ms, v->unit);
		} else {
			out[i] = ok ? case_observe(&summary, v) : (double)NAN;
		}
	}
	if (ok && load) {
		summary_fini(&summary);
		sim_free(sim);
	}
	return ok;
}
