/*
 * Kernels side by side on a part of the SMs (MPS): whoever needs arithmetic less than memory hardly
 * feels the others (physics.md section 5). Shares of the SMs are divided as under time_slicing, the
 * bandwidth so that who needs little has what it needs.
 */
#include "base/check.h"
#include "policy/compute_share.h"

#define OF_THE_GPU (-1.0)

struct self {
	double loss;
};

static const struct option options[] = {
	{"loss", OPTION_REAL, offsetof(struct self, loss), OF_THE_GPU, 0.9, "-1", NULL, NULL,
         "of everyone's speed while two or more run; -1: what the GPU's data sheet says"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

/* Of everyone's speed. */
static int64_t kept_of(const struct self *own, const struct gpu_spec *gpu, uint32_t n)
{
	const double loss = own->loss < 0.0 ? gpu->sm_loss : own->loss;
	return n > 1 ? SHARE_WHOLE - (int64_t)(loss * SHARE_WHOLE + 0.5) : SHARE_WHOLE;
}

/* Of its time alone in which it needs all of the bandwidth. */
static int64_t bandwidth_of(const struct step_demand *d)
{
	const int64_t need = d->weights + d->cache;
	return need < SHARE_WHOLE ? need : SHARE_WHOLE;
}

static void divide(void *self, const struct share_user *users, uint32_t n, int64_t *speed)
{
	const struct self *const own = self;
	int64_t request[SHARE_MOST], limit[SHARE_MOST], none[SHARE_MOST], need[SHARE_MOST];
	int64_t sms[SHARE_MOST], bandwidth[SHARE_MOST], used = 0;
	sim_assert(n >= 1 && n <= SHARE_MOST);
	const int64_t kept = kept_of(own, users[0].gpu, n);
	for (uint32_t i = 0; i < n; i++) {
		request[i] = users[i].request;
		limit[i] = users[i].limit;
	}
	compute_share_fill(request, limit, n, SHARE_WHOLE, sms);
	for (uint32_t i = 0; i < n; i++) {
		used += sms[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		none[i] = 0;
		speed[i] = sms[i] > 0 ? perf_sm_speed(users[i].gpu, &users[i].demand, sms[i], used)
		                      : 0;
		need[i] = bandwidth_of(&users[i].demand) * speed[i] / SHARE_WHOLE;
	}
	compute_share_fill(none, need, n, SHARE_WHOLE, bandwidth); /* max-min fair */
	for (uint32_t i = 0; i < n; i++) {
		if (need[i] > 0 && bandwidth[i] < need[i]) {
			speed[i] = speed[i] * bandwidth[i] / need[i];
		}
		speed[i] = speed[i] * kept / SHARE_WHOLE;
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
