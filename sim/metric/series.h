/*
 * A quantity over time (running sequences, KV tokens, ...) in constant memory: time-weighted mean
 * and maximum per interval of equal width, which doubles whenever 512 of them no longer reach.
 */
#ifndef ALIQUOT_METRIC_SERIES_H
#define ALIQUOT_METRIC_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

#define SERIES_POINTS 512

struct series;

struct series_point {
	ns_t from, until;
	double mean;
	int64_t max;
};

/* A series whose value is 0 from time 0 on; caller frees. */
struct series *series_new(void);
void series_free(struct series *s);

/* The value is `value` from time t on; t must not lie before the last call's. A few ns. */
void series_add(struct series *s, ns_t t, int64_t value);

/* The covered intervals into out[SERIES_POINTS]; returns how many. Add the end of the run first. */
size_t series_read(const struct series *s, struct series_point *out);

#endif
