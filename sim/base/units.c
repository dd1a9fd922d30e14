/*
 * The rounding (to nearest, ties to even) from seconds as floating point to integer time; nothing
 * else rounds to a clock.
 */
#include "base/units.h"

#include "base/check.h"

#include <math.h>

#define NS_LIMIT 9.2e18     /* just under INT64_MAX */
#define TICK_LIMIT_S 8000.0 /* 8000 s * 1e9 * 2^20 is just under INT64_MAX */

ns_t ns_from_seconds(double seconds)
{
	sim_assert(isfinite(seconds) && seconds >= 0.0);
	sim_assert(seconds * 1e9 < NS_LIMIT);
	return llrint(seconds * 1e9);
}

tick_t tick_from_seconds(double seconds)
{
	sim_assert(isfinite(seconds) && seconds >= 0.0 && seconds < TICK_LIMIT_S);
	return llrint(seconds * 1e9 * (double)(INT64_C(1) << TICK_SHIFT));
}
