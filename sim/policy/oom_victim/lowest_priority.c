/* The borrower whose service is least important; among equals the process started last. */
#include "policy/oom_victim.h"

static bool worse(const struct oom_borrower *a, const struct oom_borrower *b)
{
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

const struct oom_victim_policy oom_victim_lowest_priority = {
	.head = {.name = "lowest_priority", .help = "the borrower that is least important"},
	.choose = choose,
};
