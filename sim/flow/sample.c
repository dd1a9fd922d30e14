/* Periodic look at the settled state for time series; looks less often as the run gets longer. */
#include "flow/life.h"
#include "flow/node_level.h"
#include "flow/schedule.h"

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
	return schedule_goes_on(s);
}

/* MiB that the replicas of service i hold of their GPUs. */
static int64_t memory_of(const struct sim *s, size_t i)
{
	const struct service *const service = &s->cluster.services[i];
	bytes_t held = 0;
	for (uint32_t k = service->first; k < service->first + service->n; k++) {
		const struct seat *const seat = &s->cluster.seats[k];
		const bytes_t own = seat->base + s->cluster.replicas[k].kv.capacity * seat->block;
		const bool holds = !seat->down && s->cluster.replicas[k].group != GROUP_NONE;
		held += holds ? own * seat->n_gpus : 0;
	}
	return held >> 20;
}

void sample(struct sim *s)
{
	const ns_t now = s->events.now;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		series_add(s->series[i][SIM_RUNNING], now, s->cluster.services[i].running);
		series_add(s->series[i][SIM_WAITING], now, s->cluster.services[i].waiting);
		if (s->series[i][SIM_MEMORY] != NULL) {
			series_add(s->series[i][SIM_MEMORY], now, memory_of(s, i));
		}
		if (s->life != NULL) {
			series_add(s->series[i][SIM_READY], now,
			           life_count(s, (uint32_t)i, LIFE_READY));
			series_add(s->series[i][SIM_STARTING], now,
			           life_count(s, (uint32_t)i, LIFE_STARTING));
		}
		if (s->series[i][SIM_AWAY] != NULL) {
			series_add(s->series[i][SIM_AWAY], now, s->node_level->services[i].away);
		}
	}
	if (now >= s->sample_every * SAMPLE_POINTS) {
		s->sample_every *= 2;
	}
	event_set(&s->events, entity_sampler(s),
	          anything_left(s) ? now + s->sample_every : NS_NEVER, PHASE_SAMPLE);
}
