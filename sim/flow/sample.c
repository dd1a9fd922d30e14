/* Periodic look at the settled state for time series; looks less often as the run gets longer. */
#include "flow/flow.h"

bool anything_left(const struct sim *s)
{
	if (s->cluster.requests.in_use > 0) {
		return true;
	}
	for (uint32_t i = 0; i < s->sc->n_loads; i++) {
		if (s->loads[i]->ops->peek(s->loads[i]) != NS_NEVER) {
			return true;
		}
	}
	return false;
}

void sample(struct sim *s)
{
	const ns_t now = s->events.now;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		series_add(s->running[i], now, s->cluster.services[i].running);
		series_add(s->waiting[i], now, s->cluster.services[i].waiting);
	}
	if (now >= s->sample_every * SAMPLE_POINTS) {
		s->sample_every *= 2;
	}
	event_set(&s->events, entity_sampler(s),
	          anything_left(s) ? now + s->sample_every : NS_NEVER, PHASE_SAMPLE);
}
