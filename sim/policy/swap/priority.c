/* The replica whose service is least important; among equals whose last request is longest ago. */
#include "policy/swap.h"

static bool goes_first(const struct swap_candidate *a, const struct swap_candidate *b)
{
	return a->priority < b->priority || (a->priority == b->priority && a->used < b->used);
}

static uint32_t pick_out(void *self, const struct view *v, const struct swap_candidate *candidates,
                         uint32_t n)
{
	(void)self;
	(void)v;
	return swap_first(candidates, n, goes_first);
}

const struct swap_policy swap_priority = {
	.head = {.name = "priority", .help = "who is least important"},
	.pick_out = pick_out,
};
