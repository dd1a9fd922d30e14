/*
 * GPU memory swap (semantics.md section 4): replicas whose limits together exceed a GPU are there
 * in turn. A request to one that is in host memory waits at it and calls it back; who has nothing
 * to do goes out for it, and where all are busy one admits nobody until it has. Copies of a node
 * wait for each other at its links, in order. A full host pool, or a policy that sends nobody, lets
 * all be there at once, by requests and limits as without swap.
 */
#include "flow/swap.h"

#include "base/check.h"
#include "perf/swap.h"
#include "flow/life.h"
#include "flow/share_group.h"
#include "flow/storage.h"

static const struct gpu_spec *gpu_of(const struct sim *s, uint32_t replica)
{
	return s->sc->nodes[s->cluster.replicas[replica].gpu_kind].gpu;
}

static struct swap_link *link_of(const struct sim *s, uint32_t replica, uint32_t gpu)
{
	const uint32_t node = s->cluster.gpus[gpu].node;
	const uint32_t place = gpu - s->cluster.nodes[node].first;
	return &s->swap->links[s->swap->first_link[node] +
	                       place / (uint32_t)gpu_of(s, replica)->link_gpus];
}

/* --- copies --------------------------------------------------------------------------------------
 */

/* Those chosen fall asleep, then it wakes; from level 2 later, as it reads its weights. */
static ns_t sleep_time(const struct sim *s, uint32_t replica)
{
	const enum swap_method level = (enum swap_method)s->sc->swap.method;
	const struct start_ask wakes = start_ask_of(s, &s->cluster.replicas[replica]);
	const bool at_once = level == SWAP_SLEEP_1 && !life_starts(s, replica);
	ns_t sum = at_once ? perf_wake(&wakes, level) : 0;
	for (uint32_t i = 0; i < s->swap->n_chosen; i++) {
		const struct start_ask sleeps =
			start_ask_of(s, &s->cluster.replicas[s->swap->chosen[i]]);
		sum = ns_after(sum, perf_sleep(&sleeps, level));
	}
	return sum;
}

/* Add what a replica moves to the links of its GPUs. */
static void load_links(struct sim *s, uint32_t replica, bytes_t out, bytes_t in)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		struct swap_link *const link = link_of(s, replica, gpus[i]);
		link->out += out;
		link->in += in;
	}
}

/* The longest time that a link of its GPUs needs for the exchange, and when all are free. */
static ns_t link_time(const struct sim *s, uint32_t replica, ns_t *begin)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	ns_t longest = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct swap_link *const link = link_of(s, replica, gpus[i]);
		const struct swap_copies copies = {link->out, link->in,
		                                   perf_host_rate(gpu_of(s, replica), 1),
		                                   s->sc->swap.bidirectional};
		const ns_t time = perf_swap_copy(&copies);
		longest = time > longest ? time : longest;
		*begin = link->free > *begin ? link->free : *begin;
	}
	return longest;
}

static void hold_links(struct sim *s, uint32_t replica, ns_t until)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		*link_of(s, replica, gpus[i]) = (struct swap_link){.free = until};
	}
}

/* The exchange of a replica and those chosen: when it is over. */
static ns_t copy(struct sim *s, uint32_t replica)
{
	struct swap *const w = s->swap;
	ns_t begin = s->events.now, time = 0;
	if (s->sc->swap.method == SWAP_SLEEP_2) { /* nothing passes the links */
		return ns_after(begin, sleep_time(s, replica));
	}
	load_links(s, replica, 0, w->slots[replica].host / s->cluster.seats[replica].n_gpus);
	for (uint32_t i = 0; i < w->n_chosen; i++) {
		const uint32_t who = w->chosen[i];
		load_links(s, who, swap_moved(s, who, s->cluster.replicas[who].kv.capacity), 0);
	}
	for (uint32_t i = 0; i <= w->n_chosen; i++) {
		const uint32_t who = i < w->n_chosen ? w->chosen[i] : replica;
		const ns_t its = link_time(s, who, &begin);
		time = its > time ? its : time;
	}
	time = s->sc->swap.method == SWAP_MEMORY ? time : sleep_time(s, replica);
	for (uint32_t i = 0; i <= w->n_chosen; i++) {
		hold_links(s, i < w->n_chosen ? w->chosen[i] : replica, ns_after(begin, time));
	}
	return ns_after(begin, time);
}

/* A replica begins to go out for another. */
static void go(struct sim *s, uint32_t replica, uint32_t goes_for)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct swap_slot *const slot = &s->swap->slots[replica];
	const bool all = s->sc->swap.method == SWAP_MEMORY;
	slot->state = SLOT_GOING;
	slot->goes_for = goes_for;
	slot->blocks = all ? r->kv.capacity : -1;
	slot->host = swap_in_host(s, replica, r->kv.capacity);
	s->swap->pool[cluster_node_of(&s->cluster, replica)] += slot->host;
	sim_assert(s->swap->pool[cluster_node_of(&s->cluster, replica)] <= s->sc->swap.host_memory);
	if (!all) {
		prefix_forget(r);
	}
	r->state = REPLICA_AWAY;
	event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	memory_part(s, replica);
	if (r->waiting.n > 0) {
		batch_note_block(s, r, BLOCK_SWAP);
	}
}

static void come(struct sim *s, uint32_t replica)
{
	struct swap *const w = s->swap;
	w->slots[replica].asked = 0;
	w->asking[s->cluster.replicas[replica].group]--;
	if (w->n_chosen == 0 && life_starts(s, replica)) { /* nothing is to be copied */
		swap_enter(s, replica);
		return;
	}
	const ns_t over = copy(s, replica);
	for (uint32_t i = 0; i < w->n_chosen; i++) {
		go(s, w->chosen[i], replica);
	}
	w->slots[replica].state = SLOT_COMING;
	event_set(&s->events, replica, over, PHASE_ENGINE_START);
}

/* --- in turn -------------------------------------------------------------------------------------
 */

/* Who asked first of those not tried yet in this round; REQUEST_NONE: all were. */
static uint32_t next_asking(struct sim *s, const struct share_group *g)
{
	uint32_t best = REQUEST_NONE;
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t replica = g->members[i].replica;
		const struct swap_slot *const slot = &s->swap->slots[replica];
		if (slot->asked > 0 && slot->tried != s->swap->round &&
		    (best == REQUEST_NONE || slot->asked < s->swap->slots[best].asked)) {
			best = replica;
		}
	}
	return best;
}

/* Does somebody wait for one of its GPUs who asked before? If not, it does from now on. */
static bool comes_later(struct sim *s, uint32_t replica, bool claim)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	bool later = false;
	for (uint32_t i = 0; i < n; i++) {
		later = later || s->swap->claimed[gpus[i]] == s->swap->round;
		if (claim) {
			s->swap->claimed[gpus[i]] = s->swap->round;
		}
	}
	return later;
}

/* Those of a group who want to come, in the order in which they asked. */
static void serve(struct sim *s, uint32_t group)
{
	struct swap *const w = s->swap;
	uint32_t replica;
	w->round++;
	while (w->asking[group] > 0 &&
	       (replica = next_asking(s, &s->groups[group])) != REQUEST_NONE) {
		w->slots[replica].tried = w->round;
		if (comes_later(s, replica, false) || swap_choose(s, replica) == WAITS) {
			comes_later(s, replica, true);
		} else {
			come(s, replica);
		}
	}
}

void swap_look_again(struct sim *s, uint32_t group)
{
	if (s->swap->asking[group] > 0) {
		s->swap->round++;
		event_set(&s->events, next_asking(s, &s->groups[group]), s->events.now,
		          PHASE_ENGINE_START);
	}
}

void swap_ask(struct sim *s, uint32_t replica)
{
	s->swap->slots[replica].asked = ++s->swap->asked;
	s->swap->asking[s->cluster.replicas[replica].group]++;
}

void swap_queued(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	if (r->waiting.n > 1 || (r->state != REPLICA_AWAY && !r->yields)) {
		return;
	}
	batch_note_block(s, r, BLOCK_SWAP);
	if (r->state == REPLICA_AWAY && s->swap->slots[replica].state == SLOT_AWAY) {
		swap_ask(s, replica);
		serve(s, r->group);
	}
}

void swap_idle(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	r->yields = false;
	s->swap->slots[replica].fresh = false;
	s->swap->slots[replica].used = s->events.now;
	if (r->group != GROUP_NONE && s->swap->asking[r->group] > 0) {
		serve(s, r->group);
	}
}

/* An exchange is over: those who went for a replica, or with it, are away. */
static void be_away(struct sim *s, uint32_t replica)
{
	const struct share_group *const g = &s->groups[s->cluster.replicas[replica].group];
	for (uint32_t i = 0; i < g->n; i++) {
		const uint32_t other = g->members[i].replica;
		struct swap_slot *const o = &s->swap->slots[other];
		if (o->state == SLOT_GOING && o->goes_for == replica) {
			memory_leave(s, other);
			o->state = SLOT_AWAY;
			if (s->cluster.replicas[other].waiting.n > 0) {
				swap_ask(s, other);
			}
		}
	}
}

/* It has its memory again, and what was in it, unless its weights come from storage. */
static void be_back(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct swap_slot *const slot = &s->swap->slots[replica];
	bytes_t *const pool = &s->swap->pool[cluster_node_of(&s->cluster, replica)];
	memory_return(s, replica, slot->blocks);
	if (r->kv.capacity < slot->blocks) { /* it has lost some */
		prefix_forget(r);
	}
	*pool -= slot->host;
	sim_assert(*pool >= 0);
	slot->host = 0;
}

/* Until its first request can begin. */
static void warm_up(struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	ns_t warm = 0;
	if (s->sc->swap.method == SWAP_MEMORY) {
		const struct request *const head = &s->cluster.requests.at[r->waiting.head];
		warm = perf_swap_warmup(&s->services[r->service].spec->startup, head->input);
	} else if (s->sc->swap.method == SWAP_SLEEP_2) { /* its weights are there already */
		const struct start_ask ask = start_ask_of(s, r);
		warm = perf_wake(&ask, SWAP_SLEEP_2) - perf_read(&ask);
	}
	s->swap->slots[replica].state = SLOT_WARMING;
	event_set(&s->events, replica, ns_after(s->events.now, warm), PHASE_ENGINE_START);
}

/* An exchange is over: the one that came reads its weights, or warms up. */
static void be_there(struct sim *s, uint32_t replica)
{
	be_away(s, replica);
	if (life_starts(s, replica)) {
		swap_enter(s, replica);
		return;
	}
	be_back(s, replica);
	if (s->sc->swap.method == SWAP_SLEEP_2) {
		const struct start_ask ask = start_ask_of(s, &s->cluster.replicas[replica]);
		s->swap->slots[replica].state = SLOT_READING;
		storage_read(s, replica, &ask);
	} else {
		warm_up(s, replica);
	}
}

bool swap_event(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct swap_slot *const slot = &s->swap->slots[replica];
	const bool warm = slot->state == SLOT_WARMING;
	event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	if (slot->state == SLOT_COMING) {
		be_there(s, replica);
	} else if (slot->state == SLOT_GOING) { /* the one that was to come will not */
		be_away(s, replica);
	} else if (slot->state == SLOT_READING) {
		storage_stop(s, replica);
		warm_up(s, replica);
	} else if (warm) {
		slot->state = SLOT_THERE;
		slot->since = slot->used = s->events.now;
		slot->fresh = true;
		slot->count++;
		r->state = REPLICA_IDLE;
	} /* else it waited until somebody is old enough to go, or has left */
	serve(s, r->group);
	return warm && r->state == REPLICA_IDLE;
}
