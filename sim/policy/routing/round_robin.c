/* One after the other, whatever their load. */
#include "policy/routing.h"

struct round_robin {
	uint32_t next;
};

static uint32_t route(void *self, const struct view *v, const struct route_ask *ask)
{
	struct round_robin *const rr = self;
	const uint32_t chosen = rr->next;
	rr->next = chosen + 1 < v->cluster->services[ask->service].n ? chosen + 1 : 0;
	return chosen;
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
