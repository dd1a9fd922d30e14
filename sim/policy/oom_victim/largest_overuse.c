/*
 * Who holds the largest part of what it may borrow; among equals the least important, among those
 * the process started last (semantics.md section 2).
 */
#include "policy/oom_victim.h"

/* Is a's (used - request) / (limit - request) larger than b's? */
static bool worse(const struct oom_borrower *a, const struct oom_borrower *b)
{
	const i128_t own = (i128_t)(a->used - a->request) * (b->limit - b->request);
	const i128_t other = (i128_t)(b->used - b->request) * (a->limit - a->request);
	if (own != other) {
		return own > other;
	}
	return a->priority < b->priority || (a->priority == b->priority && a->started > b->started);
}

static uint32_t choose(void *self, const struct view *v, const struct oom_borrower *borrowers,
                       uint32_t n)
{
	uint32_t worst = 0;
	(void)self;
	(void)v;
	for (uint32_t i = 1; i < n; i++) {
		worst = worse(&borrowers[i], &borrowers[worst]) ? i : worst;
	}
	return worst;
}

const struct oom_victim_policy oom_victim_largest_overuse = {
	.head = {.name = "largest_overuse", .help = "who holds the largest part of its loan"},
	.choose = choose,
};
