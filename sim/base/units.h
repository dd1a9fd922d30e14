/*
 * Integer types for time, bytes, tokens and shares, and the only conversions between them and
 * floating point. Does not print or parse: that is str.h.
 */
#ifndef ALIQUOT_BASE_UNITS_H
#define ALIQUOT_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t ns_t;     /* simulated time and durations, nanoseconds */
typedef int64_t tick_t;   /* durations inside a stretch of steps, 2^-20 ns */
typedef int64_t bytes_t;  /* memory; signed so that UBSan traps an underflow */
typedef int64_t tokens_t; /* tokens */
typedef int32_t ppm_t;    /* share of one GPU, 1 000 000 = whole */
__extension__ typedef unsigned __int128 u128_t;
__extension__ typedef __int128 i128_t;

#define NS_NEVER INT64_MAX
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
/* No run goes beyond a hundred years. */
#define NS_HORIZON (INT64_C(100) * 365 * 86400 * NS_PER_S)
#define SHARE_WHOLE 1000000 /* a whole GPU, or all of its time, in ppm */
#define TICK_SHIFT 20       /* ticks per nanosecond = 2^20 */

/* Round a duration in seconds to nanoseconds, to nearest. Asserts finite, >= 0 and in range. */
ns_t ns_from_seconds(double seconds);

/* Round a duration in seconds to ticks, to nearest. Asserts finite, >= 0 and below 8000 s. */
tick_t tick_from_seconds(double seconds);

/* A time `span` after `t`, both >= 0; NS_NEVER beyond the horizon, so that times never overflow. */
static inline ns_t ns_after(ns_t t, ns_t span)
{
	return t <= NS_HORIZON && span <= NS_HORIZON - t ? t + span : NS_NEVER;
}

/* Nanoseconds as seconds, for printing and statistics only. */
static inline double ns_to_seconds(ns_t t)
{
	return (double)t / 1e9;
}

/* Nanoseconds as milliseconds, for printing and statistics only. */
static inline double ns_to_ms(ns_t t)
{
	return (double)t / 1e6;
}

#endif
