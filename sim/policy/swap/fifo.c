/* The replica that is on the GPU for longest. */
#include "policy/swap.h"

static bool goes_first(const struct swap_candidate *a, const struct swap_candidate *b)
{
	return a->since < b->since;
}

static uint32_t pick_out(void *self, const struct view *v, const struct swap_candidate *candidates,
                         uint32_t n)
{
	(void)self;
	(void)v;
	return swap_first(candidates, n, goes_first);
}

const struct swap_policy swap_fifo = {
	.head = {.name = "fifo", .help = "who is on the GPU for the longest time"},
	.pick_out = pick_out,
};
