/*
 * Slices that MIG cuts: each is a smaller GPU of its own, and nobody feels the others (physics.md
 * section 5). What it is slower by, the cost model of the slice says.
 */
#include "policy/compute_share.h"

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	(void)self;
	(void)users;
	for (uint32_t i = 0; i < n; i++) {
		speed[i] = SHARE_WHOLE;
	}
}

const struct compute_share_policy compute_share_mig = {
	.head = {.name = "mig", .help = "everyone has a slice of its own, by mig_profile"},
	.divide = divide,
	.cuts = true,
};
