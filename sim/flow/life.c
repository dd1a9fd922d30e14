/* Replicas that come and go: how many are wanted, who leaves, and what happens to them when. */
#include "flow/life.h"
#include "flow/schedule.h"

#include <stdlib.h>

#include "base/check.h"

#define PATIENCE (INT64_C(7) * 86400 * NS_PER_S) /* with doors that nobody opens */

bool life_needed(const struct scenario *sc)
{
	bool needed = sc->n_faults > 0 || sc->node_level;
	for (size_t i = 0; i < sc->n_services; i++) {
		const struct scenario_service *const spec = &sc->services[i];
		needed = needed || spec->autoscaler.policy.name != NULL || spec->n_changes > 0 ||
		         spec->initial != spec->places || scenario_may_evict(sc, spec);
	}
	return needed;
}

void life_new(struct sim *s)
{
	struct life *const l = mem_new(1, sizeof(*l));
	l->slots = mem_new(s->cluster.n_replicas, sizeof(*l->slots));
	l->services = mem_new(s->cluster.n_services, sizeof(*l->services));
	s->life = l;
}

void life_free(struct sim *s)
{
	if (s->life != NULL) {
		free(s->life->slots);
		free(s->life->services);
		free(s->life->start_ppm);
		free(s->life->images);
		free(s->life->coming.at);
		free(s->life);
	}
}

/* --- states --------------------------------------------------------------------------------------
 */

static bool is_bound(const struct life_slot *slot)
{
	return slot->state == LIFE_STARTING || slot->state == LIFE_READY ||
	       slot->state == LIFE_DRAINING;
}

void life_account(struct sim *s, uint32_t service, ns_t now)
{
	struct life_service *const v = &s->life->services[service];
	const ns_t span = now - v->since;
	service_count(&s->cluster.services[service], now, 0, 0);
	const i128_t waiting = s->cluster.services[service].waiting_area;
	v->late += v->count[LIFE_STARTING] > 0 ? waiting - v->waiting : 0;
	v->waiting = waiting;
	const i128_t at_door = (i128_t)s->cluster.services[service].door.n * span;
	for (int k = 0; k < LIFE_STATES; k++) {
		v->area[k] += (i128_t)v->count[k] * span;
	}
	if (v->count[LIFE_STARTING] > 0) {
		v->waits_start += at_door;
	} else if (v->count[LIFE_READY] > 0) {
		v->waits_limit += at_door;
	} else {
		v->waits_gpu += at_door;
	}
	v->since = now;
}

uint32_t life_count(const struct sim *s, uint32_t service, enum life_state state)
{
	return s->life->services[service].count[state];
}

bool life_starts(const struct sim *s, uint32_t replica)
{
	return s->life != NULL && s->life->slots[replica].state == LIFE_STARTING;
}

ns_t life_bound(const struct sim *s, uint32_t replica)
{
	const struct life_slot *const slot = &s->life->slots[replica];
	const bool later = !is_bound(slot) || slot->bound_at > s->ended;
	return slot->bound + (later ? 0 : s->ended - slot->bound_at);
}

void life_set_state(struct sim *s, uint32_t replica, enum life_state state)
{
	struct life_slot *const slot = &s->life->slots[replica];
	const uint32_t service = s->cluster.replicas[replica].service;
	struct life_service *const v = &s->life->services[service];
	life_account(s, service, s->events.now);
	s->life->pending +=
		(uint32_t)(state == LIFE_PENDING) - (uint32_t)(slot->state == LIFE_PENDING);
	v->count[slot->state]--;
	v->count[state]++;
	v->ready_max = v->count[LIFE_READY] > v->ready_max ? v->count[LIFE_READY] : v->ready_max;
	slot->state = (uint8_t)state;
	slot->due = NS_NEVER;
}

void life_stop_coming(struct life *l, uint32_t replica)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->coming.n; i++) {
		if (l->coming.at[i] != replica) {
			l->coming.at[kept++] = l->coming.at[i];
		}
	}
	l->coming.n = kept;
}

void life_plan(struct sim *s)
{
	const struct life *const l = s->life;
	ns_t next = NS_NEVER;
	for (size_t i = 0; i < l->coming.n; i++) {
		const struct life_slot *const slot = &l->slots[l->coming.at[i]];
		next = slot->due < next ? slot->due : next;
		next = slot->deadline < next ? slot->deadline : next;
	}
	next = l->change_at < next ? l->change_at : next;
	event_set(&s->events, entity_timer(s, TIMER_LIFE), next, PHASE_LIFE);
}

/* --- coming --------------------------------------------------------------------------------------
 */

static void be_wanted(struct sim *s, uint32_t replica)
{
	struct life_slot *const slot = &s->life->slots[replica];
	const ns_t timeout = s->services[s->cluster.replicas[replica].service].spec->start_timeout;
	life_set_state(s, replica, LIFE_PENDING);
	slot->born = s->life->births++;
	slot->wanted = s->events.now;
	slot->deadline = timeout > 0 ? ns_after(s->events.now, timeout) : NS_NEVER;
	vec_push(&s->life->coming, replica);
}

void life_bind(struct sim *s, uint32_t replica, const uint32_t *gpus)
{
	struct life_slot *const slot = &s->life->slots[replica];
	sim_assert(slot->state == LIFE_PENDING);
	place_on(s, replica, gpus);
	if (s->schedule != NULL) {
		schedule_hold(s, replica, 1);
	}
	life_set_state(s, replica, LIFE_STARTING);
	slot->bound_at = s->events.now;
	start_begin(s, replica);
	life_plan(s);
}

/* Its engine is built: it takes its memory and requests. */
static void be_ready(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct seat *const seat = &s->cluster.seats[replica];
	life_stop_coming(s->life, replica);
	s->life->slots[replica].deadline = NS_NEVER;
	life_set_state(s, replica, LIFE_READY);
	start_take(s, replica);
	seat->started = s->events.now;
	seat->starts++;
	r->state = REPLICA_IDLE;
	r->cold = true;
	service_let_in(&s->cluster.services[r->service], r->index);
	service_load_open(&s->cluster.services[r->service], r->index);
	fault_recovered(s, r->service);
	door_open(s, r->service);
}

/* --- how many ------------------------------------------------------------------------------------
 */

/* Who leaves first of those in a state: the newest; REQUEST_NONE: there is none. */
static uint32_t newest(const struct sim *s, const struct service *v, enum life_state state)
{
	uint32_t last = REQUEST_NONE;
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		const struct life_slot *const slot = &s->life->slots[i];
		if (slot->state == state &&
		    (last == REQUEST_NONE || slot->born > s->life->slots[last].born)) {
			last = i;
		}
	}
	return last;
}

static void send_away(struct sim *s, const struct service *v)
{
	static const enum life_state order[] = {LIFE_PENDING, LIFE_STARTING};
	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++) {
		const uint32_t replica = newest(s, v, order[k]);
		if (replica != REQUEST_NONE) {
			leave_break_off(s, replica, LIFE_ABSENT);
			return;
		}
	}
	leave_drain(s, newest(s, v, LIFE_READY));
}

/* As many as are wanted, as far as there are places. */
static void adjust(struct sim *s, uint32_t service)
{
	const struct service *const v = &s->cluster.services[service];
	const struct life_service *const l = &s->life->services[service];
	const uint32_t *const n = l->count;
	while (n[LIFE_PENDING] + n[LIFE_STARTING] + n[LIFE_READY] > l->wanted) {
		send_away(s, v);
	}
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		if (n[LIFE_PENDING] + n[LIFE_STARTING] + n[LIFE_READY] == l->wanted) {
			return;
		}
		if (s->life->slots[i].state == LIFE_ABSENT) {
			be_wanted(s, i);
		}
	}
}

/*
 * Pending replicas find GPUs: those of the highest priority first, then who has been wanted for
 * longest. A service whose replica found none is not asked about again.
 */
static void place_all(struct sim *s)
{
	struct life *const l = s->life;
	bool *const stuck = mem_new(s->cluster.n_services, sizeof(*stuck));
	for (;;) {
		uint32_t best = REQUEST_NONE;
		int64_t most = INT64_MIN;
		for (size_t i = 0; l->pending > 0 && i < l->coming.n; i++) {
			const uint32_t replica = l->coming.at[i];
			const uint32_t service = s->cluster.replicas[replica].service;
			const int64_t priority = s->services[service].spec->priority;
			if (l->slots[replica].state == LIFE_PENDING && !stuck[service] &&
			    (best == REQUEST_NONE || priority > most)) {
				best = replica;
				most = priority;
			}
		}
		if (best == REQUEST_NONE) {
			break;
		}
		stuck[s->cluster.replicas[best].service] = !place_pending(s, best);
	}
	free(stuck);
}

void life_settle(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		adjust(s, i);
	}
	if (s->schedule != NULL) { /* who places jobs places them too */
		schedule_wake(s);
	} else {
		place_all(s);
	}
	life_plan(s);
}

void life_want(struct sim *s, uint32_t service, uint32_t n)
{
	const struct service *const v = &s->cluster.services[service];
	struct life_service *const l = &s->life->services[service];
	for (uint32_t i = v->first; l->count[LIFE_FAILED] > 0 && i < v->first + v->n; i++) {
		if (s->life->slots[i].state == LIFE_FAILED) {
			life_set_state(s, i, LIFE_ABSENT);
		}
	}
	l->wanted = n < v->n ? n : v->n;
	life_settle(s);
	fault_recovered(s, service);
}

/* --- time ----------------------------------------------------------------------------------------
 */

/* What is due of a replica. */
static void go_on(struct sim *s, uint32_t replica)
{
	struct life_slot *const slot = &s->life->slots[replica];
	const uint32_t service = s->cluster.replicas[replica].service;
	if (slot->state == LIFE_DRAINING && slot->due <= s->events.now) {
		leave_gone(s, replica);
	} else if (slot->state == LIFE_DRAINING) { /* it was evicted, and has no more time */
		life_release(s, replica);
	} else if (slot->due <= s->events.now) {
		if (start_next(s, replica)) {
			be_ready(s, replica);
		}
	} else { /* its deadline */
		s->life->services[service].failed++;
		leave_break_off(s, replica, LIFE_FAILED);
	}
}

/* What the scenario wants from now on, and when it wants something else. */
static void follow_changes(struct sim *s)
{
	ns_t next = NS_NEVER;
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		const struct scenario_service *const spec = s->services[i].spec;
		struct life_service *const v = &s->life->services[i];
		for (; v->changes < spec->n_changes; v->changes++) {
			const struct scenario_change *const change = &spec->changes[v->changes];
			if (change->at > s->events.now) {
				next = change->at < next ? change->at : next;
				break;
			}
			v->wanted = (uint32_t)change->replicas;
		}
	}
	s->life->change_at = next;
}

void life_event(struct sim *s)
{
	struct life *const l = s->life;
	const ns_t now = s->events.now;
	bool done = false;
	if (l->change_at <= now) {
		follow_changes(s);
	}
	while (!done) { /* what happens to one may change the others */
		done = true;
		for (size_t i = 0; i < l->coming.n && done; i++) {
			const struct life_slot *const slot = &l->slots[l->coming.at[i]];
			done = slot->due > now && slot->deadline > now;
			if (!done) {
				go_on(s, l->coming.at[i]);
			}
		}
	}
	life_settle(s);
}

/*
 * May somebody still find GPUs, or be wanted, who is not now? Faults take only those who are there,
 * and an autoscaler may send them away, or want those who are asked for and are not coming.
 */
static bool may_change(const struct sim *s)
{
	const struct life *const l = s->life;
	bool due = false, there = false, unwanted = false;
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		const uint32_t *const n = l->services[i].count;
		there = there || n[LIFE_STARTING] + n[LIFE_READY] + n[LIFE_DRAINING] > 0;
		unwanted = unwanted || (s->cluster.services[i].door.n > 0 && n[LIFE_PENDING] == 0);
	}
	for (size_t i = 0; i < l->coming.n; i++) {
		const struct life_slot *const slot = &l->slots[l->coming.at[i]];
		due = due || slot->state != LIFE_PENDING || slot->deadline != NS_NEVER;
	}
	if (event_at(&s->events, entity_timer(s, TIMER_SCALE)) != NS_NEVER) {
		due = there || unwanted;
	}
	return due || (there && faults_may_come(s));
}

bool life_is_stuck(const struct sim *s)
{
	uint32_t at_doors = 0;
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		at_doors += s->cluster.services[i].door.n;
	}
	bool stuck = at_doors == s->cluster.requests.in_use && !schedule_goes_on(s) &&
	             s->life->change_at == NS_NEVER && !faults_will_mend(s);
	for (size_t i = 0; i < s->sc->n_loads; i++) {
		stuck = stuck && s->loads[i]->ops->peek(s->loads[i]) == NS_NEVER;
	}
	return stuck && (s->events.now - s->life->moved > PATIENCE || !may_change(s));
}

void life_begin(struct sim *s)
{
	struct life *const l = s->life;
	l->start_ppm = mem_new(s->cluster.n_nodes, sizeof(*l->start_ppm));
	l->images = mem_new((size_t)s->cluster.n_nodes * s->cluster.n_services, sizeof(bool));
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		l->start_ppm[i] = SHARE_WHOLE;
	}
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		struct service *const v = &s->cluster.services[i];
		service_shut(v);
		l->services[i].count[LIFE_ABSENT] = v->n;
		for (uint32_t k = 0; k < v->n; k++) {
			const uint32_t replica = v->first + k;
			l->slots[replica].due = l->slots[replica].deadline = NS_NEVER;
			if (s->cluster.seats[replica].n_gpus == 0) {
				s->cluster.replicas[replica].state = REPLICA_DOWN;
			} else { /* idle, or in host memory */
				life_set_state(s, replica, LIFE_READY);
				start_has_image(s, replica);
				l->slots[replica].born = l->births++;
				l->services[i].wanted++;
				service_let_in(v, k);
				service_load_open(v, k);
			}
		}
	}
	follow_changes(s);
	life_plan(s);
}
