/* Who goes when a replica wants to come: idle ones, else a busy one as soon as it can. */
#include "base/check.h"
#include "flow/share_group.h"
#include "flow/swap.h"

bytes_t swap_moved(const struct sim *s, uint32_t replica, int64_t blocks)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	switch ((enum swap_method)s->sc->swap.method) {
	case SWAP_MEMORY:
		return seat->base + blocks * seat->block;
	case SWAP_SLEEP_1:
		return s->services[r->service].memory[r->gpu_kind].weights;
	case SWAP_SLEEP_2:
		break;
	}
	return 0;
}

bytes_t swap_in_host(const struct sim *s, uint32_t replica, int64_t blocks)
{
	return swap_moved(s, replica, blocks) * s->cluster.seats[replica].n_gpus;
}

/* --- who goes ------------------------------------------------------------------------------------
 */

static bool takes_room(const struct swap_slot *slot)
{
	return slot->state != SLOT_ABSENT && slot->state != SLOT_GOING &&
	       slot->state != SLOT_AWAY && !slot->chosen;
}

void swap_size(struct sim *s, uint32_t replica)
{
	struct swap_slot *const slot = &s->swap->slots[replica];
	struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	if (!slot->swaps) {
		return;
	}
	slot->reserve = scenario_limit(s->services[r->service].spec, &s->sc->nodes[r->gpu_kind]);
	for (uint32_t i = 0; i < n; i++) {
		const bytes_t room = s->swap->room[gpus[i]];
		slot->reserve = room < slot->reserve ? room : slot->reserve;
	}
	const int64_t most = (slot->reserve - seat->base) / seat->block;
	seat->most = most < slot->most ? most : slot->most;
	seat->own = seat->own < seat->most ? seat->own : seat->most;
}

bool swap_lacks(const struct sim *s, uint32_t replica, uint32_t gpu)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	bytes_t taken = s->swap->slots[replica].reserve;
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t other = g->members[i].replica;
		const struct swap_slot *const slot = &s->swap->slots[other];
		if (other != replica && slot->swaps && takes_room(slot) &&
		    cluster_sits_on(&s->cluster, other, gpu)) {
			taken += slot->reserve;
		}
	}
	return taken > s->swap->room[gpu];
}

static bool is_idle(const struct replica *r)
{
	return r->state == REPLICA_IDLE && r->waiting.n == 0;
}

/* Those on a GPU who may go now: of the idle ones, or of the busy ones. */
static uint32_t candidates(const struct sim *s, uint32_t replica, uint32_t gpu, bool idle,
                           struct swap_candidate *out)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	const ns_t now = s->events.now;
	uint32_t n = 0; /* an idle one that leaves is about to go for good */
	for (uint32_t i = 0; i < g->n && n < GPU_MOST_RESIDENTS; i++) {
		const uint32_t other = g->members[i].replica;
		const struct swap_slot *const slot = &s->swap->slots[other];
		const struct replica *const r = &s->cluster.replicas[other];
		if (slot->swaps && slot->state == SLOT_THERE && !slot->chosen && !r->yields &&
		    r->state != REPLICA_DOWN && is_idle(r) == idle && !(idle && r->leaving) &&
		    ns_after(slot->since, s->sc->swap.residency) <= now &&
		    cluster_sits_on(&s->cluster, other, gpu)) {
			const struct seat *const seat = &s->cluster.seats[other];
			out[n++] = (struct swap_candidate){
				.replica = other,
				.priority = s->services[r->service].spec->priority,
				.held = seat->base + r->kv.capacity * seat->block,
				.since = slot->since,
				.used = idle ? slot->used : now,
			};
		}
	}
	return n;
}

/* When the first of those on a GPU has been there for long enough; NS_NEVER: none is too young. */
static ns_t first_of_age(const struct sim *s, uint32_t replica, uint32_t gpu)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	ns_t first = NS_NEVER;
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t other = g->members[i].replica;
		const struct swap_slot *const slot = &s->swap->slots[other];
		const ns_t at = ns_after(slot->since, s->sc->swap.residency);
		if (slot->swaps && slot->state == SLOT_THERE && !slot->chosen &&
		    at > s->events.now && at < first && cluster_sits_on(&s->cluster, other, gpu)) {
			first = at;
		}
	}
	return first;
}

static bool somebody_yields(const struct sim *s, uint32_t replica, uint32_t gpu)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t other = g->members[i].replica;
		if (s->cluster.replicas[other].yields && cluster_sits_on(&s->cluster, other, gpu)) {
			return true;
		}
	}
	return false;
}

/* One of the idle ones on a GPU goes, else one of the busy ones, when it has nothing in work. */
static enum verdict choose_one(struct sim *s, uint32_t replica, uint32_t gpu)
{
	struct swap *const w = s->swap;
	const struct view view = {&s->cluster, s->events.now, NULL};
	struct swap_candidate list[GPU_MOST_RESIDENTS];
	if (!w->sends) {
		return COMES_ALSO;
	}
	uint32_t n = candidates(s, replica, gpu, true, list);
	if (n == 0) {
		const ns_t later = first_of_age(s, replica, gpu);
		n = candidates(s, replica, gpu, false, list);
		if (later != NS_NEVER) {
			event_set(&s->events, replica, later, PHASE_ENGINE_START);
		}
		if (n == 0 || somebody_yields(s, replica, gpu)) {
			return WAITS;
		}
	}
	const uint32_t place = w->policy->pick_out(w->self, &view, list, n);
	sim_assert(place < n || place == SWAP_NOBODY);
	if (place == SWAP_NOBODY) {
		return COMES_ALSO;
	}
	const uint32_t who = list[place].replica;
	struct replica *const r = &s->cluster.replicas[who];
	if (replica_batch(r) > 0 || (r->waiting.n > 0 && w->slots[who].fresh)) {
		r->yields = true;
		if (r->waiting.n > 0) {
			batch_note_block(s, r, BLOCK_SWAP);
		}
		return WAITS;
	}
	w->slots[who].chosen = true;
	w->chosen[w->n_chosen++] = who;
	return COMES;
}

/* Does what goes find room in host memory? */
static bool host_takes(const struct sim *s, uint32_t node)
{
	bytes_t sum = s->swap->pool[node];
	for (uint32_t i = 0; i < s->swap->n_chosen; i++) {
		const uint32_t who = s->swap->chosen[i];
		sum += swap_in_host(s, who, s->cluster.replicas[who].kv.capacity);
	}
	return sum <= s->sc->swap.host_memory;
}

enum verdict swap_choose(struct sim *s, uint32_t replica)
{
	struct swap *const w = s->swap;
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	enum verdict verdict = COMES;
	w->n_chosen = 0;
	swap_size(s, replica);
	for (uint32_t i = 0; i < n && verdict == COMES; i++) {
		while (verdict == COMES && swap_lacks(s, replica, gpus[i])) {
			verdict = choose_one(s, replica, gpus[i]);
		}
	}
	if (verdict == COMES && !host_takes(s, cluster_node_of(&s->cluster, replica))) {
		verdict = COMES_ALSO;
	}
	sim_assert(verdict != COMES_ALSO || !w->overdrawn[cluster_node_of(&s->cluster, replica)]);
	for (uint32_t i = 0; i < w->n_chosen; i++) {
		w->slots[w->chosen[i]].chosen = false;
	}
	w->n_chosen = verdict == COMES ? w->n_chosen : 0;
	return verdict;
}
