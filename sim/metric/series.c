/* Filling and halving a time series. */
#include "metric/series.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

#define FIRST_SHIFT 20 /* intervals of 1.05 ms at first */

struct series_interval {
	i128_t area; /* integral of the value over the covered part of the interval, value * ns */
	int64_t max; /* valid only when some of the interval is covered */
};

struct series {
	struct series_interval at[SERIES_POINTS];
	unsigned shift; /* intervals are 2^shift ns wide */
	ns_t last;      /* covered from 0 up to here */
	int64_t value;  /* from `last` on */
};

struct series *series_new(void)
{
	struct series *s = mem_new(1, sizeof(*s));

	s->shift = FIRST_SHIFT;
	return s;
}

void series_free(struct series *s)
{
	free(s);
}

/* Twice as wide intervals, half as many. */
static void halve(struct series *s)
{
	for (size_t i = 0; i < SERIES_POINTS; i++) {
		struct series_interval wide = {0};

		if (2 * i < SERIES_POINTS) {
			const struct series_interval *a = &s->at[2 * i], *b = &s->at[2 * i + 1];

			wide.area = a->area + b->area;
			wide.max = a->max > b->max ? a->max : b->max;
		}
		s->at[i] = wide;
	}
	s->shift++;
}

/* Let the present value last until t. */
static void cover(struct series *s, ns_t t)
{
	while ((t - 1) >> s->shift >= SERIES_POINTS) {
		halve(s);
	}
	while (s->last < t) {
		size_t i = (size_t)(s->last >> s->shift);
		ns_t end = (ns_t)(i + 1) << s->shift;
		struct series_interval *in = &s->at[i];
		bool fresh = s->last == (ns_t)i << s->shift;

		end = end < t ? end : t;
		in->area += (i128_t)s->value * (end - s->last);
		in->max = fresh || s->value > in->max ? s->value : in->max;
		s->last = end;
	}
}

void series_add(struct series *s, ns_t t, int64_t value)
{
	sim_assert(t >= s->last);
	if (t > s->last) {
		cover(s, t);
	}
	s->value = value;
}

size_t series_read(const struct series *s, struct series_point *out)
{
	size_t n = 0;

	for (; n < SERIES_POINTS && (ns_t)n << s->shift < s->last; n++) {
		ns_t from = (ns_t)n << s->shift, until = (ns_t)(n + 1) << s->shift;

		until = until < s->last ? until : s->last;
		out[n] = (struct series_point){
			.from = from,
			.until = until,
			.mean = (double)s->at[n].area / (double)(until - from),
			.max = s->at[n].max,
		};
	}
	return n;
}
