/*
 * Kernels side by side on a part of the SMs (MPS): whoever needs arithmetic less than memory hardly
 * feels the others (physics.md section 5). Shares of the SMs are divided as under time_slicing, the
 * bandwidth so that who needs little has what it needs.
 */
#include "base/check.h"
#include "policy/compute_share.h"

struct self {
	double loss;
};

static const struct option options[] = {
	{"loss", OPTION_SHARE, offsetof(struct self, loss), 0, 0.9, "0.12", NULL, NULL,
         "of everyone's speed while two or more run"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

/* At most what is needed, in ppm of the speed alone. */
static int64_t speed_of(int64_t share, int64_t need)
{
	return need <= share ? SHARE_ONE : share * SHARE_ONE / need;
}

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	const struct self *const own = self;
	int64_t request[SHARE_MOST], limit[SHARE_MOST], none[SHARE_MOST], need[SHARE_MOST];
	int64_t sms[SHARE_MOST], bandwidth[SHARE_MOST];
	sim_assert(n >= 1 && n <= SHARE_MOST);
	const int64_t kept = n > 1 ? SHARE_ONE - (int64_t)(own->loss * SHARE_ONE + 0.5) : SHARE_ONE;
	for (uint32_t i = 0; i < n; i++) {
		request[i] = users[i].request;
		limit[i] = users[i].limit;
	}
	compute_share_fill(request, limit, n, SHARE_ONE, sms);
	for (uint32_t i = 0; i < n; i++) {
		none[i] = 0;
		need[i] = users[i].memory * speed_of(sms[i], users[i].compute) / SHARE_ONE;
	}
	compute_share_fill(none, need, n, SHARE_ONE, bandwidth); /* max-min fair */
	for (uint32_t i = 0; i < n; i++) {
		const int64_t a = speed_of(sms[i], users[i].compute);
		const int64_t b = speed_of(bandwidth[i], users[i].memory);
		speed[i] = (a < b ? a : b) * kept / SHARE_ONE;
	}
}

const struct compute_share_policy compute_share_sm_sharing = {
	.head = {.name = "sm_sharing",
                 .help = "kernels side by side, each on a part of the SMs",
                 .options = options,
                 .self_size = sizeof(struct self)},
	.divide = divide,
	.needs_demand = true,
};
