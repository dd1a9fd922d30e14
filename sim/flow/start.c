/*
 * The start of a replica, stage by stage (physics.md section 6). Where others may be swapped it
 * waits for its memory before its weights are read.
 */
#include "perf/start.h"
#include "base/check.h"
#include "flow/life.h"
#include "flow/storage.h"

/* Is the image of a replica's engine on its node? Services of one engine have one image. */
static bool *image_of(const struct sim *s, uint32_t replica)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	uint32_t first = 0;
	while (s->services[first].spec->engine != s->services[service].spec->engine) {
		first++;
	}
	const size_t node = cluster_node_of(&s->cluster, replica);
	return &s->life->images[node * s->cluster.n_services + first];
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

/* --- stages --------------------------------------------------------------------------------------
 */

void start_slow(struct sim *s, uint32_t node, int64_t storage_ppm, int64_t start_ppm)
{
	s->life->start_ppm[node] = start_ppm;
	storage_slow(s, node, storage_ppm);
}

/* When a stage that does not read is over, at the speed of the node when it begins. */
static ns_t stage_end(const struct sim *s, uint32_t replica, ns_t alone)
{
	const uint32_t node = cluster_node_of(&s->cluster, replica);
	const i128_t ns = (i128_t)alone * SHARE_WHOLE / s->life->start_ppm[node];
	return ns_after(s->events.now, ns < NS_HORIZON ? (ns_t)ns : NS_HORIZON);
}

/* A start, of a pod or of a process whose pod is there. */
static void begin(struct sim *s, uint32_t replica, bool of_pod)
{
	struct life_slot *const slot = &s->life->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	struct start_ask ask = start_ask_of(s, r);
	ask.image_cached = *image_of(s, replica);
	ns_t of[START_STAGES];
	perf_start(&ask, of);
	const ns_t pod = of[START_SCHEDULE] + of[START_IMAGE] + of[START_DOWNLOAD];
	const ns_t before = of[START_PROCESS] + (of_pod ? pod : 0);
	slot->stage = STAGE_PREPARE;
	slot->due = stage_end(s, replica, before);
	slot->runs = stage_end(s, replica, of_pod ? of[START_SCHEDULE] + of[START_IMAGE] : 0);
	slot->build = of[START_TRACE] + of[START_COMPILE] + of[START_CAPTURE] + of[START_BUILD];
}

void start_begin(struct sim *s, uint32_t replica)
{
	begin(s, replica, true);
}

void start_load(struct sim *s, uint32_t replica)
{
	const struct start_ask ask = start_ask_of(s, &s->cluster.replicas[replica]);
	s->life->slots[replica].stage = STAGE_READ;
	storage_read(s, replica, &ask);
}

bool start_next(struct sim *s, uint32_t replica)
{
	struct life_slot *const slot = &s->life->slots[replica];
	switch ((enum life_stage)slot->stage) {
	case STAGE_PREPARE:
		start_has_image(s, replica);
		if (s->swap != NULL && swap_start(s, replica)) {
			slot->stage = STAGE_ROOM;
			slot->due = NS_NEVER;
		} else {
			start_load(s, replica);
		}
		return false;
	case STAGE_READ:
		storage_stop(s, replica);
		slot->stage = STAGE_BUILD;
		slot->due = stage_end(s, replica, slot->build);
		return false;
	case STAGE_BUILD:
		return true;
	case STAGE_ROOM:
		break;
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

void start_take(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	if (r->group != GROUP_NONE) { /* it has had its memory since its weights came */
		swap_started(s, replica);
		return;
	}
	share_join(s, r);
	if (r->group != GROUP_NONE) {
		memory_take(s, replica);
	}
}

void start_stop(struct sim *s, uint32_t replica)
{
	if (s->life->slots[replica].stage == STAGE_READ) {
		storage_stop(s, replica);
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
