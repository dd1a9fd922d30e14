/* The replica with the fewest tokens in its unanswered requests, output as long as it will be. */
#include "policy/routing.h"

static uint32_t route(void *self, const struct view *v, const struct route_ask *ask)
{
	(void)self;
	return service_least_loaded(&v->cluster->services[ask->service]);
}

const struct routing_policy routing_least_tokens = {
	.head =
		{
			.name = "least_tokens",
			.help = "fewest prompt and output tokens sent and not answered",
		},
	.measure = LOAD_TOKENS,
	.route = route,
};
