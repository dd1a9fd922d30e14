/* Any replica with equal chance, whatever its load. */
#include "policy/routing.h"

static uint32_t route(void *self, const struct view *v, const struct route_ask *ask)
{
	(void)self;
	const struct service *const s = &v->cluster->services[ask->service];
	return service_open(s, (uint32_t)rng_below(v->rng, s->n_open));
}

const struct routing_policy routing_random = {
	.head =
		{
			.name = "random",
			.help = "any replica with equal chance",
		},
	.measure = LOAD_NOT_KEPT,
	.route = route,
};
