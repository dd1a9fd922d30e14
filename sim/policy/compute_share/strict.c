/* Run:ai's strict time-slicing: everyone has its fraction, and no more when the others rest. */
#include "base/check.h"
#include "policy/compute_share.h"

static const struct option options[] = {
	SHARE_TURN_OPTIONS,
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	int64_t request[SHARE_MOST], limit[SHARE_MOST];
	(void)self;
	sim_assert(n >= 1 && n <= SHARE_MOST);
	for (uint32_t i = 0; i < n; i++) {
		/* who asked for bytes of memory gets what is left over (semantics.md section 3) */
		const int64_t fraction = users[i].fraction;
		request[i] = fraction;
		limit[i] = fraction > 0 ? fraction : SHARE_WHOLE;
	}
	compute_share_fill(request, limit, n, SHARE_WHOLE, speed);
}

static ns_t lease(const void *self)
{
	return ((const struct share_turns *)self)->lease;
}

/* What the plan leaves over is for those without a fraction, one after the other. */
static uint32_t leftover(const struct share_user *users, uint32_t n, uint64_t spare)
{
	uint64_t open = 0;
	for (uint32_t i = 0; i < n; i++) {
		open += users[i].busy && users[i].fraction == 0;
	}
	for (uint32_t i = 0, k = 0; i < n && open > 0; i++) {
		if (users[i].busy && users[i].fraction == 0 && k++ == spare % open) {
			return i;
		}
	}
	return SHARE_NOBODY;
}

static uint32_t holder(const void *self, const struct share_user *users, uint32_t n, int64_t turn)
{
	const struct share_turn t = share_turn_of(self, users, n, turn);
	if (t.owner == SHARE_NOBODY) {
		return leftover(users, n, t.spare);
	}
	return users[t.owner].busy ? t.owner : SHARE_NOBODY;
}

const struct compute_share_policy compute_share_strict = {
	.head = {.name = "strict",
                 .help = "everyone has its fraction of the time, and no more",
                 .options = options,
                 .self_size = sizeof(struct share_turns)},
	.divide = divide,
	.lease = lease,
	.holder = holder,
	.slows_alone = true,
	.takes_turns = true,
	.by_fraction = true,
};
