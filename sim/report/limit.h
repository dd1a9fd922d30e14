/* How what was observed of a limit is written: value, unit and margin. */
#ifndef ALIQUOT_REPORT_LIMIT_H
#define ALIQUOT_REPORT_LIMIT_H

#include <stddef.h>

#include "spec/slo.h"

/* How far inside the limit, as a share of it; negative outside, NaN where that has no meaning. */
double limit_margin(const struct slo *slo, double observed);

/* "ms", "tok/s", "req/s" or "%". */
const char *limit_unit(const struct slo *slo);

/*
 * An observed value in that unit: four figures, more where rounding would hide on which side of
 * the limit it is, "-" when there was nothing to observe. Returns `buf` or a constant.
 */
const char *limit_observed(const struct slo *slo, double v, char *buf, size_t size);

#endif
