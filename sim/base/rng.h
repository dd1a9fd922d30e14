/*
 * Named random streams on GSL's generators; the only file that calls gsl_rng. Draws use only the
 * basic IEEE operations, never libm, so that every machine and compiler gives the same bytes.
 */
#ifndef ALIQUOT_BASE_RNG_H
#define ALIQUOT_BASE_RNG_H

#include <stdint.h>

struct rng;

/* One stream per purpose: (seed, name) fixes it. Caller frees. */
struct rng *rng_new(uint64_t seed, const char *name);
void rng_free(struct rng *r);

double rng_uniform(struct rng *r);               /* in (0, 1) */
uint64_t rng_below(struct rng *r, uint64_t n);   /* integer in [0, n), unbiased, n >= 1 */
double rng_exponential(struct rng *r);           /* mean 1 */
double rng_normal(struct rng *r);                /* mean 0, deviation 1 (polar method) */
double rng_gamma(struct rng *r, double shape);   /* mean = shape, scale 1 (Marsaglia-Tsang 2000) */
double rng_weibull(struct rng *r, double shape); /* scale 1, mean rng_factorial(1 / shape) */

/* The gamma function of x + 1, x in [0, 150]; relative error below 1e-12. */
double rng_factorial(double x);

/* Natural logarithm and exponential from basic operations alone; relative error below 1e-14. */
double rng_log(double x);
double rng_exp(double x);

#endif
