/*
 * What holds between any two events, and costs too much to ask about in a release: nobody is
 * forgotten, and what is counted twice is the same both times. Memory, KV blocks and requests are
 * cluster_verify's, places in turn swap_verify's.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/scale.h"
#include "flow/schedule.h"
#include "flow/share_group.h"
#include "flow/storage.h"
#include "flow/swap.h"

/* --- replicas ------------------------------------------------------------------------------------
 */

/* Whoever has something to do has an event, or its group has one for it. */
static bool has_event(const struct replica *r, ns_t due)
{
	switch ((enum replica_state)r->state) {
	case REPLICA_IDLE:
		return due == NS_NEVER;
	case REPLICA_STARTING:
		return due != NS_NEVER;
	case REPLICA_RUNNING:
		return r->shared == (due == NS_NEVER) && r->done < r->planned &&
		       r->planned <= r->limit;
	case REPLICA_AWAY: /* it may wait for others who have one */
	case REPLICA_DOWN:
		return true;
	}
	return false;
}

/* Only who is at work has a batch, and nobody rests while requests wait. */
static bool has_requests(const struct replica *r, bool killed)
{
	switch ((enum replica_state)r->state) {
	case REPLICA_IDLE:
		return replica_batch(r) + r->waiting.n == 0;
	case REPLICA_STARTING:
		return replica_batch(r) + r->waiting.n > 0;
	case REPLICA_RUNNING:
		return replica_batch(r) > 0;
	case REPLICA_AWAY:
		return replica_batch(r) == 0;
	case REPLICA_DOWN:
		return replica_batch(r) == 0 && r->kv.used == 0 && (r->waiting.n == 0 || killed);
	}
	return false;
}

static void verify_replica(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	const ns_t due = event_at(&s->events, replica);
	sim_assert(due >= s->events.now);
	sim_assert(!r->shared || r->state == REPLICA_RUNNING);
	sim_assert(has_event(r, due));
	sim_assert(has_requests(r, s->cluster.seats[replica].down));
}

/* --- those that share GPUs -----------------------------------------------------------------------
 */

static void verify_member(const struct sim *s, const struct share_group *g, uint32_t i)
{
	const struct share_member *const m = &g->members[i];
	const struct replica *const r = &s->cluster.replicas[m->replica];
	sim_assert(r->group == (uint32_t)(g - s->groups) && r->member == i);
	sim_assert(i == 0 || m->replica > g->members[i - 1].replica);
	sim_assert((m->phase != SHARE_OFF) == r->shared);
	sim_assert((m->phase != SHARE_OFF) == (m->due != NS_NEVER) || m->phase == SHARE_GPU);
	sim_assert(m->phase == SHARE_OFF || m->due >= s->events.now);
}

static void verify_group(const struct sim *s, const struct share_group *g)
{
	uint32_t on = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		verify_member(s, g, i);
		on += g->members[i].phase != SHARE_OFF;
	}
	sim_assert(on == g->on && (on == 0 || g->alone == GROUP_NONE));
	if (g->alone != GROUP_NONE) {
		sim_assert(g->alone < g->n);
		sim_assert(s->cluster.replicas[g->members[g->alone].replica].state ==
		           REPLICA_RUNNING);
	}
}

/* --- those that come and go ----------------------------------------------------------------------
 */

static bool is_open(const struct service *v, uint32_t index)
{
	for (uint32_t k = 0; k < v->n_open; k++) {
		if (service_open(v, k) == index) {
			return true;
		}
	}
	return false;
}

static uint32_t times_coming(const struct life *l, uint32_t replica)
{
	uint32_t n = 0;
	for (size_t i = 0; i < l->coming.n; i++) {
		n += l->coming.at[i] == replica;
	}
	return n;
}

/* Does it what its state says? */
static bool does_as_said(const struct sim *s, uint32_t replica)
{
	const struct life_slot *const slot = &s->life->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	if (slot->state == LIFE_READY || slot->state == LIFE_DRAINING) {
		return (slot->state == LIFE_DRAINING) == r->leaving;
	}
	/* beside swap a start may have to wait until others made room */
	const bool waits = slot->state == LIFE_STARTING && r->state == REPLICA_AWAY;
	return !r->leaving && r->waiting.n == 0 && !s->cluster.seats[replica].down &&
	       (r->state == REPLICA_DOWN || waits);
}

/* Is it looked after until it is there, or gone? */
static bool is_on_its_way(const struct life_slot *slot)
{
	return slot->state == LIFE_PENDING || slot->state == LIFE_STARTING ||
	       slot->state == LIFE_DRAINING;
}

/* Where a replica is and what it does is what its state says. */
static void verify_life(const struct sim *s, uint32_t replica)
{
	const struct life_slot *const slot = &s->life->slots[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	const bool placed = slot->state == LIFE_READY || slot->state == LIFE_STARTING ||
	                    slot->state == LIFE_DRAINING;
	sim_assert(placed == (s->cluster.seats[replica].n_gpus > 0));
	sim_assert(does_as_said(s, replica));
	sim_assert(times_coming(s->life, replica) == is_on_its_way(slot));
	/* where nothing is left to answer, lives stand still */
	sim_assert(slot->due >= s->events.now ||
	           event_at(&s->events, entity_timer(s, TIMER_LIFE)) == NS_NEVER);
	sim_assert(slot->deadline == NS_NEVER || is_on_its_way(slot));
	sim_assert(is_open(&s->cluster.services[r->service], r->index) ==
	           (slot->state == LIFE_READY && !r->full));
}

/* As many in each state as are counted, and as many as are wanted, where there are places. */
static void verify_numbers(const struct sim *s, uint32_t service)
{
	const struct service *const v = &s->cluster.services[service];
	const struct life_service *const l = &s->life->services[service];
	uint32_t n[LIFE_STATES] = {0};
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		verify_life(s, i);
		n[s->life->slots[i].state]++;
	}
	for (int k = 0; k < LIFE_STATES; k++) {
		sim_assert(n[k] == l->count[k]);
	}
	sim_assert(v->door.n == 0 || v->n_open == 0);
	if (s->ended > 0) { /* the first event is over */
		const uint32_t there = n[LIFE_PENDING] + n[LIFE_STARTING] + n[LIFE_READY];
		sim_assert(there <= l->wanted && (there == l->wanted || n[LIFE_ABSENT] == 0));
	}
}

/* --- storage -------------------------------------------------------------------------------------
 */

static bool reads(const struct sim *s, uint32_t replica)
{
	const struct life_slot *const slot = s->life != NULL ? &s->life->slots[replica] : NULL;
	return (slot != NULL && slot->state == LIFE_STARTING && slot->stage == STAGE_READ) ||
	       (s->swap != NULL && s->swap->slots[replica].state == SLOT_READING);
}

/* Whoever reads weights reads them from its node, once. */
static void verify_reader(const struct sim *s, uint32_t replica)
{
	uint32_t times = 0;
	for (uint32_t node = 0; node < s->cluster.n_nodes; node++) {
		const struct storage *const d = &s->storage[node];
		for (size_t i = 0; i < d->readers.n; i++) {
			times += d->readers.at[i].replica == replica;
			sim_assert(d->readers.at[i].replica != replica ||
			           cluster_node_of(&s->cluster, replica) == node);
		}
	}
	sim_assert(times == reads(s, replica));
}

/* --- hard limits ---------------------------------------------------------------------------------
 */

static void verify_limit(const struct sim *s, const struct replica *r)
{
	const int64_t limit = s->services[r->service].spec->autoscaler.hard_limit;
	const uint64_t there = r->waiting.n + replica_batch(r);
	if (limit == 0) {
		sim_assert(!r->full);
		return;
	}
	/* requests that no activator held back may wait at the replica besides */
	sim_assert(replica_batch(r) <= (uint64_t)limit);
	sim_assert(there <= (uint64_t)limit || s->scalers[r->service].policy->bypasses);
	sim_assert(there < (uint64_t)limit || r->full || r->leaving ||
	           !scale_holds_back(s, r->service));
}

/* --- those who share the cluster -----------------------------------------------------------------
 */

/* GPUs of a node on which workers are, as its nodes say of each. */
static int64_t workers_on(const struct schedule *d, const struct scenario *sc, uint32_t node)
{
	int64_t gpus = 0;
	for (size_t i = 0; i < d->open.n; i++) {
		const uint32_t job = d->open.at[i];
		for (int64_t k = 0; k < d->jobs[job].most; k++) {
			gpus += d->nodes[job][k] == node ? sc->jobs[job].gpus_per_worker : 0;
		}
	}
	return gpus;
}

/* Workers are on GPUs that work and that nobody else has. */
static void verify_node(const struct sim *s, uint32_t node)
{
	const struct node *const at = &s->cluster.nodes[node];
	const int64_t workers = workers_on(s->schedule, s->sc, node);
	int64_t taken = 0;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		taken += s->cluster.gpus[i].residents > 0 || s->cluster.gpus[i].faults > 0;
	}
	sim_assert(workers == s->schedule->at_work[node] && workers + taken <= at->n);
}

/* Take `ppm` off what a project and those above it hold. */
static void take_off(const struct scenario *sc, int64_t *held, size_t project, int64_t ppm)
{
	for (; project != PROJECT_NONE; project = sc->projects[project].parent) {
		held[project] -= ppm;
	}
}

/* What projects hold is what their replicas and workers hold. */
static void verify_projects(const struct sim *s)
{
	const struct schedule *const d = s->schedule;
	int64_t *const held = mem_new(s->sc->n_projects, sizeof(*held));
	for (size_t i = 0; i < s->sc->n_projects; i++) {
		held[i] = d->held[i].ppm;
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->cluster.seats[i].n_gpus > 0) {
			take_off(s->sc, held,
			         s->services[s->cluster.replicas[i].service].spec->project,
			         pods_charge(s, i));
		}
	}
	for (size_t i = 0; i < d->open.n; i++) {
		const struct scenario_job *const spec = &s->sc->jobs[d->open.at[i]];
		take_off(s->sc, held, spec->project,
		         d->jobs[d->open.at[i]].workers * spec->gpus_per_worker * SHARE_WHOLE);
	}
	for (size_t i = 0; i < s->sc->n_projects; i++) {
		sim_assert(held[i] == 0);
	}
	free(held);
}

void flow_verify(const struct sim *s)
{
	uint32_t pending = 0;
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		verify_replica(s, i);
		verify_limit(s, &s->cluster.replicas[i]);
		verify_reader(s, i);
	}
	for (uint32_t i = 0; i < s->n_groups; i++) {
		verify_group(s, &s->groups[i]);
	}
	swap_verify(s);
	for (uint32_t i = 0; i < s->cluster.n_services && s->life != NULL; i++) {
		verify_numbers(s, i);
		pending += s->life->services[i].count[LIFE_PENDING];
	}
	sim_assert(s->life == NULL || pending == s->life->pending);
	for (uint32_t i = 0; i < s->cluster.n_nodes && s->schedule != NULL; i++) {
		verify_node(s, i);
	}
	if (s->schedule != NULL) {
		verify_projects(s);
	}
}
