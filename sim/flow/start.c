/*
 * The start of a replica, stage by stage (physics.md section 6). The storage of a node is shared by
 * those that read weights from it: each has an equal part, and what one does not need of its part
 * nobody gets. Work is in ticks of a reader that is alone, so that everything adds up exactly.
 */
#include "perf/start.h"
#include "base/check.h"
#include "flow/life.h"

#define PPM INT64_C(1000000)

static uint32_t node_of(const struct sim *s, uint32_t replica)
{
	uint32_t n;
	return s->cluster.gpus[cluster_gpus_of(&s->cluster, replica, &n)[0]].node;
}

/* Is the image of a replica's engine on its node? Services of one engine have one image. */
static bool *image_of(const struct sim *s, uint32_t replica)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	uint32_t first = 0;
	while (s->services[first].spec->engine != s->services[service].spec->engine) {
		first++;
	}
	return &s->life->images[(size_t)node_of(s, replica) * s->cluster.n_services + first];
}

void start_has_image(struct sim *s, uint32_t replica)
{
	*image_of(s, replica) = true;
}

struct start_ask start_ask_of(const struct sim *s, const struct replica *r)
{
	const struct bound_service *const b = &s->services[r->service];
	return perf_start_ask(b->spec, &s->sc->nodes[r->gpu_kind],
	                      b->memory[r->gpu_kind].weights * b->spec->gpus_per_replica);
}

/* --- reading weights -----------------------------------------------------------------------------
 */

/* Time of a reader that is alone, over its time now, in ppm; at least 1. */
static int64_t slowdown(const struct storage *d, const struct life_slot *slot)
{
	const int64_t shared = (int64_t)((i128_t)d->readers * slot->use_ppm * PPM / d->speed_ppm);
	return shared > PPM ? shared : PPM;
}

static bool reads(const struct sim *s, uint32_t replica, uint32_t node)
{
	const struct life_slot *const slot = &s->life->slots[replica];
	return slot->state == LIFE_STARTING && slot->stage == STAGE_READ &&
	       node_of(s, replica) == node;
}

/* Count what was read from a node up to now. */
static void progress(struct sim *s, uint32_t node)
{
	struct storage *const d = &s->life->storage[node];
	const i128_t span = (i128_t)(s->events.now - d->since) << TICK_SHIFT;
	d->since = s->events.now;
	for (size_t i = 0; i < s->life->coming.n && span > 0; i++) {
		struct life_slot *const slot = &s->life->slots[s->life->coming.at[i]];
		if (reads(s, s->life->coming.at[i], node)) {
			const tick_t read = (tick_t)(span * PPM / slowdown(d, slot));
			slot->left -= read < slot->left ? read : slot->left;
		}
	}
}

/* When those who read from a node are done, if nobody else comes. */
static void plan_readers(struct sim *s, uint32_t node)
{
	const struct storage *const d = &s->life->storage[node];
	for (size_t i = 0; i < s->life->coming.n; i++) {
		struct life_slot *const slot = &s->life->slots[s->life->coming.at[i]];
		if (reads(s, s->life->coming.at[i], node)) {
			const i128_t ticks =
				((i128_t)slot->left * slowdown(d, slot) + PPM - 1) / PPM;
			const i128_t ns = (ticks + (INT64_C(1) << TICK_SHIFT) - 1) >> TICK_SHIFT;
			slot->due =
				ns_after(s->events.now, ns < NS_HORIZON ? (ns_t)ns : NS_HORIZON);
		}
	}
}

/* One reader more, or less. */
static void change_readers(struct sim *s, uint32_t replica, int32_t by)
{
	const uint32_t node = node_of(s, replica);
	progress(s, node);
	s->life->storage[node].readers += (uint32_t)by;
	s->life->slots[replica].stage = by > 0 ? STAGE_READ : STAGE_BUILD;
	plan_readers(s, node);
}

void start_slow(struct sim *s, uint32_t node, int64_t storage_ppm, int64_t start_ppm)
{
	struct storage *const d = &s->life->storage[node];
	progress(s, node);
	d->speed_ppm = storage_ppm;
	d->start_ppm = start_ppm;
	plan_readers(s, node);
	life_plan(s);
}

/* --- stages --------------------------------------------------------------------------------------
 */

/* Time of a stage that does not read, at the speed of the node when it begins. */
static ns_t stage_time(const struct sim *s, uint32_t node, ns_t alone)
{
	const i128_t ns = (i128_t)alone * PPM / s->life->storage[node].start_ppm;
	return ns < NS_HORIZON ? (ns_t)ns : NS_HORIZON;
}

/* A start, of a pod or of a process whose pod is there. */
static void begin(struct sim *s, uint32_t replica, bool of_pod)
{
	struct life_slot *const slot = &s->life->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	const uint32_t node = node_of(s, replica);
	struct start_ask ask = start_ask_of(s, r);
	ask.image_cached = *image_of(s, replica);
	ns_t of[START_STAGES];
	perf_start(&ask, of);
	const ns_t pod = of[START_SCHEDULE] + of[START_IMAGE] + of[START_DOWNLOAD];
	const ns_t before = of[START_PROCESS] + (of_pod ? pod : 0);
	const double use = perf_weight_rate(&ask) / ask.storage;
	slot->stage = STAGE_PREPARE;
	slot->due = ns_after(s->events.now, stage_time(s, node, before));
	slot->runs =
		ns_after(s->events.now, stage_time(s, node, of[START_SCHEDULE] + of[START_IMAGE]));
	slot->use_ppm = use < 1.0 ? (int64_t)(use * (double)PPM + 0.5) : PPM;
	slot->left = of[START_WEIGHTS] << TICK_SHIFT;
	slot->build = of[START_TRACE] + of[START_COMPILE] + of[START_CAPTURE] + of[START_BUILD];
}

void start_begin(struct sim *s, uint32_t replica)
{
	begin(s, replica, true);
}

bool start_next(struct sim *s, uint32_t replica)
{
	struct life_slot *const slot = &s->life->slots[replica];
	switch ((enum life_stage)slot->stage) {
	case STAGE_PREPARE:
		start_has_image(s, replica);
		change_readers(s, replica, 1);
		return false;
	case STAGE_READ:
		change_readers(s, replica, -1);
		slot->due =
			ns_after(s->events.now, stage_time(s, node_of(s, replica), slot->build));
		return false;
	case STAGE_BUILD:
		return true;
	}
	return false;
}

uint32_t start_running(const struct sim *s, uint32_t service)
{
	const struct service *const v = &s->cluster.services[service];
	uint32_t n = 0;
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		const struct life_slot *const slot = &s->life->slots[i];
		n += slot->state == LIFE_STARTING && slot->runs <= s->events.now;
	}
	return n;
}

void start_stop(struct sim *s, uint32_t replica)
{
	if (s->life->slots[replica].stage == STAGE_READ) {
		change_readers(s, replica, -1);
	}
}

void start_anew(struct sim *s, uint32_t replica)
{
	start_stop(s, replica);
	begin(s, replica, false);
	life_plan(s);
}

ns_t start_again_time(const struct sim *s, const struct replica *r)
{
	const struct start_ask ask = start_ask_of(s, r);
	ns_t of[START_STAGES];
	return perf_start(&ask, of) - of[START_SCHEDULE] - of[START_DOWNLOAD];
}

ns_t start_warm(const struct sim *s, struct replica *r, const struct request *first)
{
	if (!r->cold) {
		return 0;
	}
	r->cold = false;
	return perf_start_warmup(&s->services[r->service].spec->startup, first->input);
}
