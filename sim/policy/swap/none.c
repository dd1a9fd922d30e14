/* Nobody goes: all stay on their GPUs, and memory goes by requests and limits. */
#include "policy/swap.h"

static uint32_t pick_out(void *self, const struct view *v, const struct swap_candidate *candidates,
                         uint32_t n)
{
	(void)self;
	(void)v;
	(void)candidates;
	(void)n;
	return SWAP_NOBODY;
}

const struct swap_policy swap_none = {
	.head = {.name = "none", .help = "nobody goes out"},
	.pick_out = pick_out,
};
