/* One after the other, whatever their load. */
#include "policy/routing.h"

struct round_robin {
	uint32_t next;
};

static uint32_t route(void *self, const struct view *v, const struct route_ask *ask)
{
	struct round_robin *const rr = self;
	const struct service *const s = &v->cluster->services[ask->service];
	const uint32_t k = rr->next < s->n_open ? rr->next : 0;
	rr->next = k + 1 < s->n_open ? k + 1 : 0;
	return service_open(s, k);
}

const struct routing_policy routing_round_robin = {
	.head =
		{
			.name = "round_robin",
			.help = "each replica in turn, whatever its load",
			.self_size = sizeof(struct round_robin),
		},
	.measure = LOAD_NOT_KEPT,
	.route = route,
};
