/*
 * Steps on a part of the SMs (physics.md section 5). Arithmetic has the SMs' share of the GPU, and
 * somewhat more while the others rest: clocks and caches are its own. A few SMs cannot ask for all
 * of the bandwidth, but it saturates long before all of them work. Launches take what they take.
 */
#include <math.h>

#include "base/check.h"
#include "perf/perf.h"

#define ALL 1e6 /* ppm */

int64_t perf_sm_speed(const struct gpu_spec *gpu, const struct step_demand *demand, int64_t share,
                      int64_t used)
{
	sim_assert(share > 0 && share <= used && used <= (int64_t)ALL);
	const double s = (double)share / ALL, rest = 1.0 - (double)used / ALL;
	const double half = gpu->sm_half * gpu->sm_half;
	const double slower = 1.0 / (s * (1.0 + gpu->sm_gain * rest)); /* arithmetic */
	const double longer = sqrt((s * s + half) / (1.0 + half)) / s; /* reading */
	const double matrices = (double)demand->matrices, weights = (double)demand->weights;
	const double both = fmax(matrices, weights);
	const double others =
		ALL - both - (double)demand->attention - (double)demand->cache; /* launches */
	const double time = fmax(matrices * slower, weights * longer) +
	                    (double)demand->attention * slower + (double)demand->cache * longer +
	                    fmax(others, 0.0);

	return time > ALL ? (int64_t)(ALL * ALL / time) : (int64_t)ALL;
}
