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
};

struct calibrate_ask {
	const struct case_list *cases; /* those to fit; none skipped */
	const char *const *free;       /* names of the constants to fit */
	size_t n_free;
	const struct calibrate_hold *held;
	size_t n_held;
	size_t folds; /* 0: no cross-validation */
	size_t starts, threads;
	void (*progress)(void *arg, const char *what); /* may be NULL */
	void *progress_arg;
};

/* Errors of one metric over a set of rows, per cent. */
struct error_stats {
	const char *metric;
	size_t n;
	double mean, median, worst, bias; /* of |error|; bias is signed */
};

/* A measured value beside what was simulated. */
struct prediction {
	size_t run;   /* index of the case */
	size_t value; /* index within the run */
	double fitted, held_out; /* simulated with the final constants; without its fold */
	bool used;               /* in the fit */
};

struct calibration_result {
	struct cost_constants costs; /* profile, held and fitted */
	struct fit_result fit;       /* by place in `free` */
	struct prediction *predictions;
	size_t n_predictions;
};

/* Share of a metric in the sum of squares; 0: not fitted. */
double calibrate_weight(const struct measured_value *v);

/* False with errors added when no start converges or the rows are fewer than the constants. */
bool calibrate(const struct calibrate_ask *ask, struct calibration_result *out, struct err *err);
void calibration_result_fini(struct calibration_result *r);

#endif
