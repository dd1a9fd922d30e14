/* Names and sizes of the number formats of weights and KV cache. */
#include "spec/precision.h"

#include <stddef.h>

#include "base/check.h"

const char *const precision_names[] = {"bf16", "fp8", "nvfp4", NULL};

double precision_bytes(enum precision p)
{
	static const double bytes[PRECISION_COUNT] = {
		2.0, 1.0, 0.5625, /* nvfp4: 4 bits and an 8-bit scale for 16 values */
	};

	sim_assert((int)p >= 0 && p < PRECISION_COUNT);
	return bytes[p];
}
