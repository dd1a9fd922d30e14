/* Levenberg-Marquardt from several starts, in a space without bounds. */
#include "study/fit.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define MOST_ITERATIONS 60
#define STEP 0.03        /* relative, of differences: simulated figures have jumps of a per cent */
#define LEAST_STEP 0.003 /* share of the bounds' distance, for values near zero */
#define TOLERANCE 1e-5
#define AT_BOUND 0.01    /* share of the way between the bounds that counts as being at one */
#define UNDETERMINED 0.8 /* share of the bounds' distance that an interval may fill */

struct context {
	const struct fit_problem *problem;
	double *values;
	size_t evaluations;
	gsl_vector *at, *above, *below; /* of the jacobian: the point, the residuals beside it */
};

/* Bounds at infinity: x in R to a value in (low, high), on the scale of logarithms where low > 0.
 */
static double to_value(const struct fit_parameter *p, double x)
{
	const double share = 1.0 / (1.0 + exp(-x));
	return p->low > 0.0 ? p->low * pow(p->high / p->low, share)
	                    : p->low + (p->high - p->low) * share;
}

static double to_share(const struct fit_parameter *p, double value)
{
	return p->low > 0.0 ? log(value / p->low) / log(p->high / p->low)
	                    : (value - p->low) / (p->high - p->low);
}

static double from_share(double share)
{
	const double s = fmin(fmax(share, 1e-6), 1.0 - 1e-6);
	return log(s / (1.0 - s));
}

static int residuals(const gsl_vector *x, void *arg, gsl_vector *f)
{
	struct context *const c = arg;
	const struct fit_problem *const p = c->problem;

	for (size_t i = 0; i < p->n_parameters; i++) {
		c->values[i] = to_value(&p->parameters[i], gsl_vector_get(x, i));
	}
	p->residuals(p->arg, c->values, f->data);
	c->evaluations++;
	for (size_t i = 0; i < p->n_residuals; i++) {
		if (!isfinite(gsl_vector_get(f, i))) {
			return GSL_EDOM;
		}
	}
	return GSL_SUCCESS;
}

/* How far to either side of a value a difference is taken. */
static double step_of(const struct fit_parameter *p, double value)
{
	return p->low > 0.0 ? STEP * value
	                    : fmax(STEP * fabs(value), LEAST_STEP * (p->high - p->low));
}

/*
 * Central differences over a step of each value. GSL's own step is relative to the transformed
 * parameter, hence nothing where that is zero, in the middle of the bounds.
 */
static int jacobian(const gsl_vector *x, void *arg, gsl_matrix *j)
{
	struct context *const c = arg;
	const struct fit_problem *const p = c->problem;
	int status = GSL_SUCCESS;

	for (size_t i = 0; i < p->n_parameters && status == GSL_SUCCESS; i++) {
		const struct fit_parameter *const q = &p->parameters[i];
		gsl_vector_memcpy(c->at, x);
		const double value = to_value(q, gsl_vector_get(x, i));
		const double step = step_of(q, value);
		const double up = from_share(to_share(q, value + step));
		const double down = from_share(to_share(q, value - step));
		gsl_vector_set(c->at, i, up);
		status = residuals(c->at, arg, c->above);
		gsl_vector_set(c->at, i, down);
		status = status == GSL_SUCCESS ? residuals(c->at, arg, c->below) : status;
		for (size_t k = 0; k < p->n_residuals; k++) {
			gsl_matrix_set(j, k, i,
			               (gsl_vector_get(c->above, k) - gsl_vector_get(c->below, k)) /
			                       (up - down));
		}
	}
	return status;
}

/* Start k of the transformed parameters: the given one, then a quasi-random spread. */
static void set_start(const struct fit_problem *p, gsl_qrng *spread, size_t k, gsl_vector *x)
{
	double share[FIT_MOST];

	if (k > 0) {
		gsl_qrng_get(spread, share);
	}
	for (size_t i = 0; i < p->n_parameters; i++) {
		const struct fit_parameter *const q = &p->parameters[i];
		gsl_vector_set(x, i,
		               from_share(k == 0 ? to_share(q, q->start) : 0.15 + 0.7 * share[i]));
	}
}

/* Values, intervals and what is determined, from the solver's state. */
static void read_result(const struct fit_problem *p, gsl_multifit_nlinear_workspace *w, double cost,
                        struct fit_result *out)
{
	const size_t n = p->n_parameters;
	const size_t spare = p->n_residuals - n; /* 0: values are met, however wrong they are */
	const double freedom = spare > 0 ? (double)spare : 1.0;
	const double t = gsl_cdf_tdist_Pinv(0.975, freedom);
	gsl_matrix *const covariance = gsl_matrix_alloc(n, n);

	gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), 0.0, covariance);
	out->cost = cost;
	out->deviation = sqrt(cost / freedom);
	for (size_t i = 0; i < n; i++) {
		const struct fit_parameter *const q = &p->parameters[i];
		const double x = gsl_vector_get(gsl_multifit_nlinear_position(w), i);
		const double variance = gsl_matrix_get(covariance, i, i);
		const double half = spare > 0 && variance > 0.0
		                            ? t * out->deviation * sqrt(variance)
		                            : (double)INFINITY;
		out->value[i] = to_value(q, x);
		out->low[i] = to_value(q, x - half);
		out->high[i] = to_value(q, x + half);
		const double share = to_share(q, out->value[i]);
		const double filled = to_share(q, out->high[i]) - to_share(q, out->low[i]);
		out->determined[i] =
			share > AT_BOUND && share < 1.0 - AT_BOUND && filled < UNDETERMINED;
	}
	gsl_matrix_free(covariance);
}

bool fit_solve(const struct fit_problem *problem, struct fit_result *out)
{
	const size_t n = problem->n_parameters;
	double values[FIT_MOST];
	struct context context = {problem,
	                          values,
	                          0,
	                          gsl_vector_alloc(n),
	                          gsl_vector_alloc(problem->n_residuals),
	                          gsl_vector_alloc(problem->n_residuals)};
	gsl_multifit_nlinear_parameters options = gsl_multifit_nlinear_default_parameters();
	gsl_multifit_nlinear_fdf fdf = {.f = residuals,
	                                .df = jacobian,
	                                .n = problem->n_residuals,
	                                .p = n,
	                                .params = &context};
	bool found = false;

	sim_assert(n >= 1 && n <= FIT_MOST && problem->n_residuals >= n);
	gsl_error_handler_t *const handler = gsl_set_error_handler_off();
	gsl_multifit_nlinear_workspace *const w = gsl_multifit_nlinear_alloc(
		gsl_multifit_nlinear_trust, &options, problem->n_residuals, n);
	gsl_vector *const x = gsl_vector_alloc(n);
	gsl_qrng *const spread = gsl_qrng_alloc(gsl_qrng_halton, (unsigned)n);

	for (size_t k = 0; k < problem->starts; k++) {
		int info;
		set_start(problem, spread, k, x);
		if (gsl_multifit_nlinear_init(x, &fdf, w) != GSL_SUCCESS) {
			continue;
		}
		gsl_multifit_nlinear_driver(MOST_ITERATIONS, TOLERANCE, TOLERANCE, TOLERANCE, NULL,
		                            NULL, &info, w);
		const double norm = gsl_blas_dnrm2(gsl_multifit_nlinear_residual(w));
		if (isfinite(norm) && (!found || norm * norm < out->cost)) {
			found = true;
			read_result(problem, w, norm * norm, out);
		}
	}
	out->evaluations = context.evaluations;
	gsl_qrng_free(spread);
	gsl_vector_free(context.at);
	gsl_vector_free(context.above);
	gsl_vector_free(context.below);
	gsl_vector_free(x);
	gsl_multifit_nlinear_free(w);
	gsl_set_error_handler(handler);
	return found;
}
