/* Run:ai's fair time-slicing: at least the fraction, idle time in equal parts. */
#include "base/check.h"
#include "policy/compute_share.h"

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	int64_t request[SHARE_MOST], limit[SHARE_MOST];
	(void)self;
	sim_assert(n >= 1 && n <= SHARE_MOST);
	for (uint32_t i = 0; i < n; i++) {
		request[i] = users[i].fraction;
		limit[i] = SHARE_ONE;
	}
	compute_share_fill(request, limit, n, SHARE_ONE, speed);
}

const struct compute_share_policy compute_share_fair = {
	.head = {.name = "fair",
                 .help = "at least its fraction of the time, the rest in equal parts"},
	.divide = divide,
	.takes_turns = true,
	.by_fraction = true,
};
