/* Batch means: sums over long batches of a correlated series are nearly independent and normal. */
#include "interval.h"

#include <check.h>
#include <math.h>

#define BATCHES 30
#define STUDENT_99 2.756 /* two-sided 99 % point of Student's t with 29 degrees of freedom */
#define WIDEST 0.05      /* half width as a share of the expected value */

struct interval interval_of(const double *samples, size_t n)
{
	const size_t skip = n / 10;
	const size_t size = (n - skip) / BATCHES;
	double mean[BATCHES];
	double sum = 0.0, squares = 0.0;

	ck_assert_uint_ge(size, 1);
	for (size_t b = 0; b < BATCHES; b++) {
		mean[b] = 0.0;
		for (size_t i = 0; i < size; i++) {
			mean[b] += samples[skip + b * size + i] / (double)size;
		}
		sum += mean[b] / BATCHES;
	}
	for (size_t b = 0; b < BATCHES; b++) {
		squares += (mean[b] - sum) * (mean[b] - sum);
	}
	return (struct interval){sum, STUDENT_99 * sqrt(squares / (BATCHES - 1) / BATCHES)};
}

void interval_check(const char *what, struct interval i, double expected)
{
	ck_assert_msg(fabs(i.mean - expected) <= i.half, "%s: %.6g +- %.3g, expected %.6g", what,
	              i.mean, i.half, expected);
	ck_assert_msg(i.half <= WIDEST * expected, "%s: %.6g +- %.3g says little about %.6g", what,
	              i.mean, i.half, expected);
}
