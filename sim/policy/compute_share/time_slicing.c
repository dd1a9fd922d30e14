/*
 * Turns on the whole GPU, as the driver gives them: by default everyone who works has the same
 * part, whatever its fraction (semantics.md section 3).
 */
#include "base/check.h"
#include "policy/compute_share.h"

struct self {
	double switch_cost;
};

static const struct option options[] = {
	{"switch_cost", OPTION_SHARE, offsetof(struct self, switch_cost), 0, 0.9, "0", NULL, NULL,
         "of the GPU's time, lost while two or more take turns"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	const struct self *const own = self;
	int64_t request[SHARE_MOST], limit[SHARE_MOST];
	const int64_t lost = n > 1 ? (int64_t)(own->switch_cost * SHARE_WHOLE + 0.5) : 0;
	sim_assert(n >= 1 && n <= SHARE_MOST);
	for (uint32_t i = 0; i < n; i++) {
		request[i] = users[i].request;
		limit[i] = users[i].limit;
	}
	compute_share_fill(request, limit, n, SHARE_WHOLE - lost, speed);
}

const struct compute_share_policy compute_share_time_slicing = {
	.head = {.name = "time_slicing",
                 .help = "turns on the whole GPU, equal for all who work",
                 .options = options,
                 .self_size = sizeof(struct self)},
	.divide = divide,
	.takes_turns = true,
};
