/* Replicas leave: they drain, or lose their GPUs at once, or never were ready. */
#include "base/check.h"
#include "flow/life.h"
#include "flow/schedule.h"

/* A replica that holds nothing any more leaves its GPUs. */
static void leave_gpus(struct sim *s, uint32_t replica, enum life_state state)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct life_slot *const slot = &s->life->slots[replica];
	slot->bound += s->events.now - slot->bound_at;
	swap_part(s, replica);
	share_part(s, r);
	if (s->schedule != NULL) {
		schedule_hold(s, replica, -1);
	}
	place_leave(s, replica);
	life_stop_coming(s->life, replica);
	slot->deadline = NS_NEVER;
	batch_note_block(s, r, BLOCK_NONE);
	r->state = REPLICA_DOWN;
	r->leaving = false;
	event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	life_set_state(s, replica, state);
}

void leave_break_off(struct sim *s, uint32_t replica, enum life_state state)
{
	if (s->life->slots[replica].state == LIFE_STARTING) {
		start_stop(s, replica);
		leave_gpus(s, replica, state);
	} else {
		life_stop_coming(s->life, replica);
		s->life->slots[replica].deadline = NS_NEVER;
		life_set_state(s, replica, state);
	}
}

/* A ready replica gets no more requests. */
static void shut(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct service *const v = &s->cluster.services[r->service];
	const bool down = s->cluster.seats[replica].down;
	if (r->full) { /* it is closed, if it is down twice */
		r->full = false;
		if (down) {
			service_load_open(v, r->index);
		}
		return;
	}
	service_keep_out(v, r->index);
	if (!down) { /* else it is closed */
		service_load_close(v, r->index);
	}
}

void leave_drain(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	if (s->cluster.seats[replica].down) {
		life_release(s, replica);
		return;
	}
	shut(s, replica);
	life_set_state(s, replica, LIFE_DRAINING);
	vec_push(&s->life->coming, replica);
	r->leaving = true;
	if (replica_batch(r) == 0 && r->waiting.n == 0) { /* it may be in host memory */
		life_drained(s, replica);
	}
}

void life_drained(struct sim *s, uint32_t replica)
{
	const ns_t now = s->events.now, front = s->cluster.replicas[replica].front;
	s->life->slots[replica].due = front > now ? front : now;
	life_plan(s);
}

void leave_gone(struct sim *s, uint32_t replica)
{
	struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	if (seat->down) {
		seat->down = false;
		door_return(s, replica);
	} else if (r->group != GROUP_NONE) {
		memory_give(s, replica);
	}
	leave_gpus(s, replica, LIFE_ABSENT);
	door_open(s, r->service);
}

void life_release(struct sim *s, uint32_t replica)
{
	const struct life_slot *const slot = &s->life->slots[replica];
	const bool open = slot->state == LIFE_READY;
	sim_assert(s->cluster.seats[replica].n_gpus > 0);
	if (slot->state == LIFE_STARTING) {
		leave_break_off(s, replica, LIFE_ABSENT);
		return;
	}
	if (open) {
		shut(s, replica);
	}
	if (!s->cluster.seats[replica].down) {
		end_process(s, replica);
	}
	s->cluster.seats[replica].down = false;
	door_return(s, replica);
	leave_gpus(s, replica, LIFE_ABSENT);
	door_open(s, s->cluster.replicas[replica].service);
}

void life_evict(struct sim *s, uint32_t replica)
{
	struct life_slot *const slot = &s->life->slots[replica];
	s->life->services[s->cluster.replicas[replica].service].evicted++;
	if (slot->state == LIFE_STARTING) {
		leave_break_off(s, replica, LIFE_ABSENT);
	} else if (s->sc->grace == 0) {
		life_release(s, replica);
	} else {
		leave_drain(s, replica);
	}
	if (slot->state == LIFE_DRAINING) {
		slot->deadline = ns_after(s->events.now, s->sc->grace);
		life_plan(s);
	}
}
