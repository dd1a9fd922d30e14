/* The replica that is on the GPU for longest. */
#include "policy/swap.h"

static uint32_t pick_out(void *self, const struct view *v, const struct swap_candidate *candidates,
                         uint32_t n)
{
	uint32_t best = 0;
	(void)self;
	(void)v;
	for (uint32_t i = 1; i < n; i++) {
		best = candidates[i].since < candidates[best].since ? i : best;
	}
	return best;
}

const struct swap_policy swap_fifo = {
	.head = {.name = "fifo", .help = "who is on the GPU for the longest time"},
	.pick_out = pick_out,
};
