/* Who reads weights from the storage of a node, and when each of them is done. */
#include "flow/storage.h"

#include <stdlib.h>

#include "base/check.h"
#include "flow/life.h"

void storage_begin(struct sim *s)
{
	s->storage = mem_new(s->cluster.n_nodes, sizeof(*s->storage));
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		s->storage[i].speed_ppm = SHARE_WHOLE;
	}
}

void storage_free(struct sim *s)
{
	for (uint32_t i = 0; s->storage != NULL && i < s->cluster.n_nodes; i++) {
		free(s->storage[i].readers.at);
	}
	free(s->storage);
}

/* Time of a reader that is alone, over its time now, in ppm; at least 1. */
static int64_t slowdown(const struct storage *d, const struct reader *reader)
{
	const int64_t shared =
		(int64_t)((i128_t)d->readers.n * reader->use_ppm * SHARE_WHOLE / d->speed_ppm);
	return shared > SHARE_WHOLE ? shared : SHARE_WHOLE;
}

/* Count what was read up to now. */
static void progress(struct storage *d, ns_t now)
{
	const i128_t span = (i128_t)(now - d->since) << TICK_SHIFT;
	d->since = now;
	for (size_t i = 0; i < d->readers.n && span > 0; i++) {
		struct reader *const reader = &d->readers.at[i];
		const tick_t read = (tick_t)(span * SHARE_WHOLE / slowdown(d, reader));
		reader->left -= read < reader->left ? read : reader->left;
	}
}

/* When those who read are done, if nobody else comes. */
static void plan(struct sim *s, const struct storage *d)
{
	for (size_t i = 0; i < d->readers.n; i++) {
		const struct reader *const reader = &d->readers.at[i];
		const i128_t ticks =
			((i128_t)reader->left * slowdown(d, reader) + SHARE_WHOLE - 1) /
			SHARE_WHOLE;
		const i128_t ns = (ticks + (INT64_C(1) << TICK_SHIFT) - 1) >> TICK_SHIFT;
		const ns_t at = ns_after(s->events.now, ns < NS_HORIZON ? (ns_t)ns : NS_HORIZON);
		if (life_starts(s, reader->replica)) {
			s->life->slots[reader->replica].due = at;
		} else {
			event_set(&s->events, reader->replica, at, PHASE_ENGINE_START);
		}
	}
	if (s->life != NULL) {
		life_plan(s);
	}
}

static struct storage *storage_of(const struct sim *s, uint32_t replica)
{
	return &s->storage[cluster_node_of(&s->cluster, replica)];
}

void storage_read(struct sim *s, uint32_t replica, const struct start_ask *ask)
{
	struct storage *const d = storage_of(s, replica);
	const double use = perf_weight_rate(ask) / ask->storage;
	const struct reader reader = {
		.replica = replica,
		.left = perf_read(ask) << TICK_SHIFT,
		.use_ppm = use < 1.0 ? (int64_t)(use * (double)SHARE_WHOLE + 0.5) : SHARE_WHOLE,
	};
	progress(d, s->events.now);
	vec_push(&d->readers, reader);
	plan(s, d);
}

void storage_stop(struct sim *s, uint32_t replica)
{
	struct storage *const d = storage_of(s, replica);
	size_t kept = 0;
	progress(d, s->events.now);
	for (size_t i = 0; i < d->readers.n; i++) {
		if (d->readers.at[i].replica != replica) {
			d->readers.at[kept++] = d->readers.at[i];
		}
	}
	sim_assert(kept + 1 == d->readers.n);
	d->readers.n = kept;
	plan(s, d);
}

void storage_slow(struct sim *s, uint32_t node, int64_t speed_ppm)
{
	struct storage *const d = &s->storage[node];
	progress(d, s->events.now);
	d->speed_ppm = speed_ppm;
	plan(s, d);
}
