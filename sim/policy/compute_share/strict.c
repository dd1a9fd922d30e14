/* Run:ai's strict time-slicing: everyone has its fraction, and no more when the others rest. */
#include "base/check.h"
#include "policy/compute_share.h"

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	int64_t request[SHARE_MOST], limit[SHARE_MOST];
	(void)self;
	sim_assert(n >= 1 && n <= SHARE_MOST);
	for (uint32_t i = 0; i < n; i++) {
		/* who asked for bytes of memory gets what is left over (semantics.md section 3) */
		const int64_t fraction = users[i].fraction;
		request[i] = fraction;
		limit[i] = fraction > 0 ? fraction : SHARE_ONE;
	}
	compute_share_fill(request, limit, n, SHARE_ONE, speed);
}

const struct compute_share_policy compute_share_strict = {
	.head = {.name = "strict", .help = "everyone has its fraction of the time, and no more"},
	.divide = divide,
	.slows_alone = true,
	.takes_turns = true,
	.by_fraction = true,
};
