/* The borrower whose process started last. */
#include "policy/oom_victim.h"

static uint32_t choose(void *self, const struct view *v, const struct oom_borrower *borrowers,
                       uint32_t n)
{
	uint32_t newest = 0;
	(void)self;
	(void)v;
	for (uint32_t i = 1; i < n; i++) {
		newest = borrowers[i].started > borrowers[newest].started ? i : newest;
	}
	return newest;
}

const struct oom_victim_policy oom_victim_newest = {
	.head = {.name = "newest", .help = "the borrower whose process started last"},
	.choose = choose,
};
