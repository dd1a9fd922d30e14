/* Drawing from base/rng. */
#include "draw.h"

#include <stddef.h>

#include "base/rng.h"

static struct rng *rng;

void draw_begin(uint64_t number, const char *name)
{
	rng = rng_new(number, name);
}

void draw_end(void)
{
	rng_free(rng);
	rng = NULL;
}

long long between(long long low, long long high)
{
	return low + (long long)rng_below(rng, (uint64_t)(high - low + 1));
}

const char *pick(const char *const *words, uint64_t n)
{
	return words[rng_below(rng, n)];
}
