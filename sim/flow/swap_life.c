/* Where replicas are swapped, others start and leave: they need room, and give it back. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "flow/life.h"
#include "flow/share_group.h"
#include "flow/storage.h"
#include "flow/swap.h"

bool swap_start(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct swap_slot *const slot = &s->swap->slots[replica];
	share_join(s, r);
	if (r->group == GROUP_NONE) {
		return false;
	}
	sim_assert(slot->state == SLOT_ABSENT && slot->host == 0);
	slot->state = SLOT_AWAY;
	slot->swaps = swap_can(s, replica);
	slot->most = s->cluster.seats[replica].most;
	if (!slot->swaps) {
		swap_change_room(s, replica, -1);
	}
	s->cluster.seats[replica].out = true;
	r->kv.capacity = 0;
	r->state = REPLICA_AWAY;
	swap_ask(s, replica);
	swap_look_again(s, r->group);
	return true;
}

void swap_enter(struct sim *s, uint32_t replica)
{
	s->swap->slots[replica].state = SLOT_STARTING;
	memory_enter(s, replica);
	start_load(s, replica);
}

void swap_started(struct sim *s, uint32_t replica)
{
	struct swap_slot *const slot = &s->swap->slots[replica];
	if (slot->state == SLOT_STARTING) {
		memory_borrow(s, replica);
	}
	slot->state = SLOT_THERE;
	slot->since = slot->used = s->events.now;
	slot->fresh = true;
	s->cluster.replicas[replica].yields = false;
	swap_look_again(s, s->cluster.replicas[replica].group);
}

void swap_killed(struct sim *s, uint32_t replica)
{
	struct swap_slot *const slot = s->swap != NULL ? &s->swap->slots[replica] : NULL;
	if (slot != NULL && slot->state == SLOT_READING) {
		storage_stop(s, replica);
	}
	if (slot != NULL) {
		slot->state = SLOT_THERE;
	}
}

/* Who goes for a replica that will not come goes on: one of them sees to the end of it. */
static void pass_on(struct sim *s, uint32_t replica)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	uint32_t heir = REQUEST_NONE;
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t other = g->members[i].replica;
		struct swap_slot *const slot = &s->swap->slots[other];
		if (other == replica || slot->state != SLOT_GOING || slot->goes_for != replica) {
			continue;
		}
		if (heir == REQUEST_NONE) {
			heir = other;
			event_set(&s->events, heir, event_at(&s->events, replica),
			          PHASE_ENGINE_START);
		}
		slot->goes_for = heir;
	}
}

void swap_part(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct swap *const w = s->swap;
	if (w == NULL || r->group == GROUP_NONE) {
		return;
	}
	struct swap_slot *const slot = &w->slots[replica];
	bytes_t *const pool = &w->pool[cluster_node_of(&s->cluster, replica)];
	pass_on(s, replica);
	if (slot->state == SLOT_STARTING) {
		memory_give(s, replica);
	} else if (slot->state == SLOT_READING) {
		storage_stop(s, replica);
	}
	if (!slot->swaps) {
		swap_change_room(s, replica, 1);
	}
	w->asking[r->group] -= slot->asked > 0;
	*pool -= slot->host;
	sim_assert(*pool >= 0);
	*slot = (struct swap_slot){.count = slot->count};
	s->cluster.seats[replica].out = false;
	r->yields = false;
	prefix_forget(r);
	swap_look_again(s, r->group);
}

/* --- what adds up --------------------------------------------------------------------------------
 */

static void verify_slot(const struct sim *s, uint32_t replica)
{
	const struct swap_slot *const slot = &s->swap->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	const bool gone = slot->state == SLOT_AWAY || slot->state == SLOT_COMING;
	const bool moves = slot->state == SLOT_GOING || slot->state == SLOT_READING ||
	                   slot->state == SLOT_WARMING || slot->state == SLOT_STARTING;
	sim_assert(!slot->chosen);
	sim_assert(slot->asked == 0 || slot->state == SLOT_AWAY);
	sim_assert(slot->host == 0 || slot->state == SLOT_GOING || gone);
	sim_assert(s->cluster.seats[replica].out == gone);
	sim_assert((r->state == REPLICA_AWAY) == (gone || moves));
	sim_assert(slot->state != SLOT_ABSENT || r->group == GROUP_NONE || s->life == NULL);
	sim_assert(!gone || slot->asked > 0 || slot->state == SLOT_COMING || r->waiting.n == 0);
}

/* Take what a replica counts for off these, which then are 0 where everything adds up. */
static void take_off(const struct sim *s, uint32_t replica, struct swap *of)
{
	const struct swap_slot *const slot = &s->swap->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	if (slot->state == SLOT_ABSENT) {
		return;
	}
	of->pool[cluster_node_of(&s->cluster, replica)] -= slot->host;
	of->asking[r->group] -= slot->asked > 0;
	for (uint32_t k = 0; k < n && !slot->swaps; k++) {
		of->room[gpus[k]] +=
			scenario_request(s->services[r->service].spec, &s->sc->nodes[r->gpu_kind]);
	}
}

static void *copy_of(const void *from, size_t bytes)
{
	return memcpy(mem_new(bytes, 1), from, bytes);
}

void swap_verify(const struct sim *s)
{
	const struct swap *const w = s->swap;
	if (w == NULL) {
		return;
	}
	struct swap left = {
		.pool = copy_of(w->pool, s->cluster.n_nodes * sizeof(*w->pool)),
		.room = copy_of(w->room, s->cluster.n_gpus * sizeof(*w->room)),
		.asking = copy_of(w->asking, s->n_groups * sizeof(*w->asking)),
	};
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		verify_slot(s, i);
		take_off(s, i, &left);
	}
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		sim_assert(left.pool[i] == 0 && w->pool[i] <= s->sc->swap.host_memory);
	}
	for (uint32_t i = 0; i < s->cluster.n_gpus; i++) {
		sim_assert(left.room[i] == s->cluster.gpus[i].memory);
	}
	for (uint32_t i = 0; i < s->n_groups; i++) {
		sim_assert(left.asking[i] == 0);
	}
	free(left.pool);
	free(left.room);
	free(left.asking);
}
