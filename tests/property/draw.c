/* Drawing from base/rng. */
#include "draw.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
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

bool chance(long long percent)
{
	return between(0, 99) < percent;
}

const char *pick(const char *const *words, uint64_t n)
{
	return words[rng_below(rng, n)];
}

char *join(char *list, char *more)
{
	char *const both = list[0] == '\0' ? mem_strdup(more) : mem_printf("%s, %s", list, more);
	free(list);
	free(more);
	return both;
}
