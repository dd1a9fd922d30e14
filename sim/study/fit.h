/*
 * Nonlinear least squares with bounds and several starts on GSL: parameters are found in a
 * transformed space where every bound is at infinity, so that any step is legal. Knows nothing of
 * what is fitted.
 */
#ifndef ALIQUOT_STUDY_FIT_H
#define ALIQUOT_STUDY_FIT_H

#include <stdbool.h>
#include <stddef.h>

#define FIT_MOST 16 /* parameters */

struct fit_parameter {
	double start, low, high; /* low < start < high; on the scale of logarithms where low > 0 */
};

struct fit_result {
	double value[FIT_MOST];
	double low[FIT_MOST], high[FIT_MOST]; /* 95 % interval, inside the bounds */
	bool determined[FIT_MOST];            /* the rows say where in its bounds it is */
	double cost;                          /* sum of squared residuals */
	double deviation;                     /* of a residual: sqrt(cost / degrees of freedom) */
	size_t evaluations;
};

struct fit_problem {
	const struct fit_parameter *parameters;
	size_t n_parameters; /* up to FIT_MOST */
	size_t n_residuals;  /* at least as many */
	/* Residuals of a set of values; deterministic. */
	void (*residuals)(void *arg, const double *values, double *out);
	void *arg;
	size_t starts; /* at least 1: the given one, and others spread over the bounds */
};

/*
 * Levenberg-Marquardt (gsl_multifit_nlinear) from every start; the least cost wins. The interval is
 * value +- t(0.975, n - p) * sqrt(covariance) in the transformed space, carried back. A parameter
 * whose interval fills most of the way between its bounds, or which ends at one of them, is not
 * determined; nor is any with as many parameters as residuals. False when no start converged to a
 * finite cost.
 */
bool fit_solve(const struct fit_problem *problem, struct fit_result *out);

#endif
