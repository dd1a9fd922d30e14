/* Confidence intervals of correlated samples, for comparing a run with a closed form. */
#ifndef ALIQUOT_TESTS_THEORY_INTERVAL_H
#define ALIQUOT_TESTS_THEORY_INTERVAL_H

#include <stddef.h>

struct interval {
	double mean, half; /* mean +- half holds the true mean in 99 of 100 runs */
};

/* By batch means: the first tenth is left out as warm-up, the rest cut into 30 batches. */
struct interval interval_of(const double *samples, size_t n);

/*
 * Fails the running test unless `expected` lies inside, and the interval is narrow enough (5 % of
 * the expected value) for that to mean something.
 */
void interval_check(const char *what, struct interval i, double expected);

#endif
