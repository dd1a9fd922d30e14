/* Which figures count in a fit, and how far off it is on them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/calibrate.h"

double calibrate_weight(const struct measured_value *v)
{
	if ((strcmp(v->stat, "mean") != 0 && strcmp(v->stat, "max") != 0) || !(v->value > 0.0)) {
		return 0.0; /* tails are judged, not fitted */
	}
	if (strcmp(v->metric, "ttft") == 0) {
		return 0.2; /* it holds the queue, which small errors of capacity blow up */
	}
	return strcmp(v->metric, "itl") == 0 ? 0.0 : 1.0;
}

size_t calibrate_n_fitted(const struct calibration_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_constants; i++) {
		n += r->constants[i].fitted;
	}
	return n;
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
