/*
 * Fits cost constants to measured rows (physics.md section 7): nonlinear least squares on log
 * ratios of simulated to measured figures, judged on rows that were not fitted (k-fold by
 * configuration).
 */
#ifndef ALIQUOT_STUDY_CALIBRATE_H
#define ALIQUOT_STUDY_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "spec/engine_spec.h"
#include "study/case.h"
#include "study/fit.h"

struct calibrate_hold { /* a constant that is not fitted */
	const char *name;
	double value; /* in its unit */
	const char *why;
};

struct calibrate_ask {
	const char *title;                     /* for messages; may be NULL */
	const struct study_case *const *cases; /* those to fit, n_cases of them; none skipped */
	size_t n_cases;
	const struct cost_constants *profile; /* start, and values of what is not fitted */
	const char *profile_name;             /* whose they are; NULL: the engine profile's */
	const char *const *free;              /* names of the constants to fit */
	size_t n_free;                        /* up to FIT_MOST */
	const struct calibrate_hold *held;
	size_t n_held;
	size_t folds; /* 0: no cross-validation */
	size_t starts, threads;
};

/* A measured value beside what was simulated. */
struct prediction {
	size_t run, value;       /* index of the case, of the value within its run */
	double fitted, held_out; /* simulated with the final constants; without its fold */
	bool used;               /* in the fit */
};

struct calibrate_constant {
	const struct option *option; /* of engine_cost_table */
	double value, low, high;     /* 95 % interval where fitted, else the value */
	bool fitted;
	char why[160]; /* where a value that was not fitted comes from */
};
#define CALIBRATE_MOST 16 /* constants */

struct calibration_result {
	struct cost_constants costs;
	struct calibrate_constant constants[CALIBRATE_MOST]; /* all of engine_cost_table */
	size_t n_constants;
	double deviation; /* standard deviation of a log ratio of weight 1 */
	size_t evaluations;
	struct prediction *predictions;
	size_t n_predictions;
};

/* How many constants were fitted. */
size_t calibrate_n_fitted(const struct calibration_result *r);

/* Share of a value in the sum of squares; 0: judged, not fitted. */
double calibrate_weight(const struct measured_value *v);

/*
 * Fit. A constant that the rows do not determine is said to be so, goes back to the profile's value
 * and the rest is fitted again, down to none at all. Figures that cannot be simulated are noted and
 * left out. False with errors added: unknown constants, values out of range, fewer figures than
 * constants, no start that converges. Free with calibration_result_fini.
 */
bool calibrate(const struct calibrate_ask *ask, struct calibration_result *out, struct err *err);
void calibration_result_fini(struct calibration_result *r);

/* Errors of one metric, |simulated / measured - 1|, per cent. NaN without rows. */
struct error_stats {
	size_t n;
	double mean, median, worst, bias; /* bias is signed */
};
void error_stats_of(double *errors, size_t n, struct error_stats *out); /* sorts `errors` */

/*
 * Errors over the predictions of a metric: mean and max statistics only, of runs with at least
 * `users` users (closed loops; other loads count always); held out or fitted.
 */
void calibrate_errors(const struct calibrate_ask *ask, const struct calibration_result *r,
                      const char *metric, int64_t users, bool held_out, struct error_stats *out);

#endif
