/* As many as there are at the start, whatever comes. */
#include "policy/autoscaler.h"

static const struct option options[] = {
	AUTOSCALE_COMMON_OPTIONS,
	{.name = NULL},
};

static void decide(void *self, const struct view *v, const struct autoscale_ask *ask,
                   struct autoscale_answer *out)
{
	const struct autoscale_settings *const set = self;
	(void)v;
	(void)ask;
	*out = (struct autoscale_answer){
		.replicas = (uint32_t)set->initial,
		.next = NS_NEVER,
		.reason = AUTOSCALE_INITIAL,
	};
}

const struct autoscaler_policy autoscaler_fixed = {
	.head =
		{
			.name = "fixed",
			.help = "as many as at the start, whatever comes",
			.options = options,
			.self_size = sizeof(struct autoscale_settings),
		},
	.decide = decide,
};
