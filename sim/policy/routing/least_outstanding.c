/* The replica with the fewest requests sent and not answered. */
#include "policy/routing.h"

static uint32_t route(void *self, const struct view *v, const struct route_ask *ask)
{
	(void)self;
	return service_least_loaded(&v->cluster->services[ask->service]);
}

const struct routing_policy routing_least_outstanding = {
	.head =
		{
			.name = "least_outstanding",
			.help = "fewest requests sent and not answered",
		},
	.measure = LOAD_REQUESTS,
	.route = route,
};
