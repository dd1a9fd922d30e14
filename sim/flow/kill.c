/* A GPU process is killed: its batch is lost, its memory free, and it starts again later. */
#include "base/check.h"
#include "flow/life.h"

/* The steps that are over count; the one that runs never ends. */
static void stop_stretch(struct sim *s, struct replica *r)
{
	if (r->state == REPLICA_RUNNING && !r->shared) {
		const int64_t k = replica_boundary_after(r, s->events.now + 1) - 1;
		if (k > r->done) {
			stretch_advance(s, r, k);
		}
	}
	stretch_end(r);
}

static void lose(struct sim *s, const struct replica *r, uint32_t index)
{
	const struct request *const q = &s->cluster.requests.at[index];
	struct request_record record;
	engine_record(r, q, s->events.now, &record);
	record.outcome = REQUEST_LOST;
	request_log_add(s->log, &record);
	s->cluster.services[r->service].lost++;
	engine_release(s, r, index, ns_after(s->events.now, s->sc->loads[q->load].retry));
}

static void lose_batch(struct sim *s, struct replica *r)
{
	struct request_pool *const pool = &s->cluster.requests;
	while (r->n_decoding > 0) {
		const uint32_t index = replica_pop_newest(r);
		struct request *const q = &pool->at[index];
		const int64_t length = q->context + r->iteration - q->joined;
		kv_cache_leave(&r->kv, length, r->iteration);
		r->context -= length;
		r->n_warm -= q->warmup;
		prefix_leave(r, q,
		             kv_cache_blocks(&r->kv,
		                             r->kv.grows ? length : (int64_t)q->input + q->output));
		lose(s, r, index);
	}
	while (r->prefilling.n > 0) {
		const uint32_t index = r->prefilling.tail;
		struct request *const q = &pool->at[index];
		request_list_remove(&r->prefilling, pool, index);
		prefix_leave(r, q,
		             kv_cache_blocks(&r->kv, r->kv.grows ? (int64_t)q->context
		                                                 : (int64_t)q->input + q->output));
		lose(s, r, index);
	}
	r->n_fresh = 0;
}

void end_process(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	sim_assert(!s->cluster.seats[replica].down);
	stop_stretch(s, r);
	if (r->group != GROUP_NONE) {
		share_leave(s, r);
	}
	lose_batch(s, r);
	prefix_forget(r);
	sim_assert(r->kv.used == 0);
	if (r->group != GROUP_NONE) {
		memory_give(s, replica);
	}
	r->changed = true;
	r->shared = false;
	r->state = REPLICA_DOWN;
}

void lose_waiting(struct sim *s, const struct replica *r, uint32_t request)
{
	struct service *const service = &s->cluster.services[r->service];
	service_count(service, s->events.now, 1, -1); /* lost ones leave from the running ones */
	lose(s, r, request);
}

void kill_restart(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct seat *const seat = &s->cluster.seats[replica];
	if (!seat->down) {
		end_process(s, replica);
		swap_killed(s, replica);
		seat->down = true;
		seat->died = s->events.now;
		if (!r->leaving) { /* else it is closed already */
			service_load_close(&s->cluster.services[r->service], r->index);
		}
	}
	if (r->leaving) { /* it does not come back */
		life_drained(s, replica);
		return;
	}
	event_set(&s->events, replica, ns_after(s->events.now, start_again_time(s, r)),
	          PHASE_ENGINE_START);
}

void kill_replica(struct sim *s, uint32_t replica)
{
	sim_assert(!s->cluster.seats[replica].down);
	s->cluster.seats[replica].kills++;
	kill_restart(s, replica);
}

void kill_over(struct sim *s, uint32_t replica)
{
	struct seat *const seat = &s->cluster.seats[replica];
	struct replica *const r = &s->cluster.replicas[replica];
	memory_take(s, replica);
	service_load_open(&s->cluster.services[r->service], r->index);
	seat->down = false;
	seat->was_down += s->events.now - seat->died;
	seat->started = s->events.now;
	seat->starts++;
	r->cold = true;
	r->state = REPLICA_IDLE;
}
