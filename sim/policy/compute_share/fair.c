/* Run:ai's fair time-slicing: at least the fraction, idle time in equal parts. */
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
		request[i] = users[i].fraction;
		limit[i] = SHARE_WHOLE;
	}
	compute_share_fill(request, limit, n, SHARE_WHOLE, speed);
}

static ns_t lease(const void *self)
{
	return ((const struct share_turns *)self)->lease;
}

/* What the plan leaves over and what its owner does not need is for all who work, in turn. */
static uint32_t holder(const void *self, const struct share_user *users, uint32_t n, int64_t turn)
{
	const struct share_turn t = share_turn_of(self, users, n, turn);
	uint64_t busy = 0;
	if (t.owner != SHARE_NOBODY && users[t.owner].busy) {
		return t.owner;
	}
	for (uint32_t i = 0; i < n; i++) {
		busy += users[i].busy;
	}
	for (uint32_t i = 0, k = 0; i < n && busy > 0; i++) {
		if (users[i].busy && k++ == t.spare % busy) {
			return i;
		}
	}
	return SHARE_NOBODY;
}

const struct compute_share_policy compute_share_fair = {
	.head = {.name = "fair",
                 .help = "at least its fraction of the time, the rest in equal parts",
                 .options = options,
                 .self_size = sizeof(struct share_turns)},
	.divide = divide,
	.lease = lease,
	.holder = holder,
	.takes_turns = true,
	.by_fraction = true,
};
