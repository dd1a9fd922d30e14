/*
 * Who sits on which GPU of a node, wherever the cluster's scheduler booked it. Who was spread goes
 * back when its place is needed, and stays there: nothing says that it is spread again while it
 * runs, and each move costs it a start.
 */
#include "flow/node_level.h"

#include <stdlib.h>

#include "base/check.h"
#include "flow/life.h"
#include "flow/schedule.h"

static bool is_idle(const struct gpu *g)
{
	return g->residents == 0 && g->faults == 0;
}

/* --- GPUs ----------------------------------------------------------------------------------------
 */

uint32_t node_level_idle(const struct cluster *c, uint32_t node, const uint32_t *taken, uint32_t n)
{
	const struct node *const at = &c->nodes[node];
	uint32_t best = NODE_NONE;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		if (is_idle(&c->gpus[i]) && !gpu_is_among(taken, n, i) &&
		    (best == NODE_NONE || c->gpus[i].sitters < c->gpus[best].sitters)) {
			best = i;
		}
	}
	return best;
}

void node_level_prefer(const struct cluster *c, uint32_t *gpus, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct gpu *const g = &c->gpus[gpus[i]];
		if (!is_idle(g) || g->sitters == 0) {
			continue;
		}
		const uint32_t other = node_level_idle(c, g->node, gpus, n);
		if (other != NODE_NONE && c->gpus[other].sitters < g->sitters) {
			gpus[i] = other;
		}
	}
	gpu_sort(gpus, n);
}

/* GPUs of a node that workers of jobs have. */
static int64_t held_by_workers(const struct sim *s, uint32_t node)
{
	return s->schedule != NULL ? s->schedule->at_work[node] : 0;
}

/* GPUs that nobody is booked on or sits on, without as many as workers have; below 0: too few. */
static int64_t spare_gpus(const struct sim *s, uint32_t node)
{
	const struct node *const at = &s->cluster.nodes[node];
	int64_t spare = -held_by_workers(s, node);
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		spare += is_idle(&s->cluster.gpus[i]) && s->cluster.gpus[i].sitters == 0;
	}
	return spare;
}

/* --- sitting down --------------------------------------------------------------------------------
 */

void node_level_account(struct sim *s, uint32_t service, ns_t now)
{
	struct node_level_service *const v = &s->node_level->services[service];
	v->area += (i128_t)v->away * (now - v->since);
	v->since = now;
}

/* A replica comes to other GPUs than it is booked on (1), or no longer (-1). */
static void count_away(struct sim *s, uint32_t replica, int sign)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	if (cluster_is_away(&s->cluster, replica)) {
		node_level_account(s, service, s->events.now);
		s->node_level->services[service].away += (uint32_t)sign;
	}
}

/* May a replica be spread there, while so many GPUs are left to spare? */
static bool takes(const struct sim *s, uint32_t replica, uint32_t gpu, int64_t left)
{
	const struct gpu *const g = &s->cluster.gpus[gpu];
	const bool enough = s->node_level->most > 0 && g->sitters >= s->node_level->most;
	const bool spared = is_idle(g) && g->sitters == 0 && left <= 0;
	return g->faults == 0 && !g->whole && g->sitters < GPU_MOST_RESIDENTS && !enough &&
	       !spared && g->claimed + s->cluster.seats[replica].part.bytes <= g->memory;
}

/* Is a seat on GPU a better than one on b: where fewer sit, its own, or where fewer are booked? */
static bool is_better(const struct cluster *c, uint32_t replica, uint32_t a, uint32_t b)
{
	const struct gpu *const x = &c->gpus[a], *const y = &c->gpus[b];
	const bool own = cluster_is_booked_on(c, replica, a);
	if (x->sitters != y->sitters) {
		return x->sitters < y->sitters;
	}
	return own != cluster_is_booked_on(c, replica, b) ? own : x->residents < y->residents;
}

/* The best seat, of equals the first; NODE_NONE: no GPU takes it. */
static uint32_t pick_seat(const struct sim *s, uint32_t replica, const uint32_t *gpus, uint32_t n,
                          int64_t left)
{
	const struct cluster *const c = &s->cluster;
	const struct node *const at = &c->nodes[cluster_node_of(c, replica)];
	uint32_t best = NODE_NONE;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		if (gpu_is_among(gpus, n, i) || !takes(s, replica, i, left)) {
			continue;
		}
		if (best == NODE_NONE || is_better(c, replica, i, best)) {
			best = i;
		}
	}
	return best;
}

/* Where a replica that has got up sits down, ascending, into gpus[]; false: there is no room. */
static bool pick_seats(const struct sim *s, uint32_t replica, uint32_t *gpus)
{
	const uint32_t n = s->cluster.seats[replica].n_gpus;
	int64_t left = spare_gpus(s, cluster_node_of(&s->cluster, replica));
	for (uint32_t i = 0; i < n; i++) {
		gpus[i] = pick_seat(s, replica, gpus, i, left);
		if (gpus[i] == NODE_NONE) {
			return false;
		}
		const struct gpu *const g = &s->cluster.gpus[gpus[i]];
		left -= is_idle(g) && g->sitters == 0;
	}
	gpu_sort(gpus, n);
	return true;
}

/* A replica that has got up sits down: spread, or where it is booked. */
static void sit_down(struct sim *s, uint32_t replica)
{
	struct cluster *const c = &s->cluster;
	uint32_t n;
	const uint32_t *const booked = cluster_booked_of(c, replica, &n);
	uint32_t *const gpus = mem_new(n, sizeof(*gpus));
	cluster_sit(c, replica, pick_seats(s, replica, gpus) ? gpus : booked);
	free(gpus);
	count_away(s, replica, 1);
}

/* --- going back ----------------------------------------------------------------------------------
 */

/* Its process ends here and starts there; false: it has none yet. */
static bool begin_again(struct sim *s, struct node_move *m)
{
	struct replica *const r = &s->cluster.replicas[m->replica];
	const struct life_slot *const slot = &s->life->slots[m->replica];
	if (slot->state == LIFE_STARTING && slot->stage != STAGE_PREPARE) {
		start_anew(s, m->replica);
		return true;
	}
	if (slot->state != LIFE_READY && slot->state != LIFE_DRAINING) {
		return false;
	}
	m->start = r->leaving ? NS_NEVER : start_again_time(s, r);
	m->lost = replica_batch(r);
	kill_restart(s, m->replica);
	return true;
}

/* A replica goes to the GPUs that it is booked on. */
static void go_back(struct sim *s, uint32_t replica, uint32_t needed)
{
	struct cluster *const c = &s->cluster;
	struct replica *const r = &c->replicas[replica];
	uint32_t n;
	const uint32_t *const booked = cluster_booked_of(c, replica, &n);
	struct node_move m = {
		.at = s->events.now,
		.start = NS_NEVER,
		.replica = replica,
		.from = *cluster_gpus_of(c, replica, &n),
		.to = booked[0],
		.needed = needed,
	};
	const bool moved = begin_again(s, &m);
	const bool member = r->group != GROUP_NONE;
	if (member) {
		share_part(s, r);
	}
	count_away(s, replica, -1);
	cluster_rise(c, replica);
	cluster_sit(c, replica, booked);
	if (member) {
		share_join(s, r);
	}
	if (moved) {
		vec_push(&s->node_level->moves, m);
	}
}

/* Who goes back first of those that sit on a GPU and are booked elsewhere: the least important, of
 * equals the youngest. There must be one. */
static uint32_t first_to_go(const struct sim *s, uint32_t gpu)
{
	const struct cluster *const c = &s->cluster;
	uint32_t best = REQUEST_NONE;
	int64_t least = 0;
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		if (c->seats[i].n_gpus == 0 || !cluster_sits_on(c, i, gpu) ||
		    cluster_is_booked_on(c, i, gpu)) {
			continue;
		}
		const int64_t priority = s->services[c->replicas[i].service].spec->priority;
		if (best == REQUEST_NONE || priority < least ||
		    (priority == least && s->life->slots[i].born >= s->life->slots[best].born)) {
			best = i;
			least = priority;
		}
	}
	sim_assert(best != REQUEST_NONE);
	return best;
}

/* A GPU from which somebody has to go; NODE_NONE: all is well on the node. */
static uint32_t find_crowded(const struct sim *s, uint32_t node)
{
	const struct cluster *const c = &s->cluster;
	const struct node *const at = &c->nodes[node];
	uint32_t lent = NODE_NONE; /* the idle one with the fewest who sit on it */
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		const struct gpu *const g = &c->gpus[i];
		if (g->claimed > g->memory || g->sitters > GPU_MOST_RESIDENTS) {
			return i;
		}
		if (is_idle(g) && g->sitters > 0 &&
		    (lent == NODE_NONE || g->sitters < c->gpus[lent].sitters)) {
			lent = i;
		}
	}
	return lent != NODE_NONE && spare_gpus(s, node) < 0 ? lent : NODE_NONE;
}

/* Everybody goes back whose place is needed; each of them once, as bookings fit together. */
static void clear(struct sim *s, uint32_t node, uint32_t needed)
{
	for (uint32_t gpu = find_crowded(s, node); gpu != NODE_NONE; gpu = find_crowded(s, node)) {
		go_back(s, first_to_go(s, gpu), needed);
	}
}

/* --- events --------------------------------------------------------------------------------------
 */

bool node_level_spreads(const struct sim *s, size_t service)
{
	return s->node_level != NULL && scenario_borrows(s->services[service].spec);
}

static bool is_spread(const struct sim *s, uint32_t replica)
{
	return s->cluster.seats[replica].n_gpus > 0 &&
	       node_level_spreads(s, s->cluster.replicas[replica].service);
}

void node_level_begin(struct sim *s)
{
	if (!s->sc->node_level) {
		return;
	}
	s->node_level = mem_new(1, sizeof(*s->node_level));
	s->node_level->most = (uint32_t)s->sc->workloads_per_gpu;
	s->node_level->services = mem_new(s->cluster.n_services, sizeof(*s->node_level->services));
	/* those who stay sit already */
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (is_spread(s, i)) {
			cluster_rise(&s->cluster, i);
		}
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (is_spread(s, i)) {
			sit_down(s, i);
		}
	}
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		clear(s, i, REQUEST_NONE);
	}
}

void node_level_free(struct sim *s)
{
	if (s->node_level != NULL) {
		free(s->node_level->services);
		free(s->node_level->moves.at);
		free(s->node_level);
	}
}

void node_level_place(struct sim *s, uint32_t replica)
{
	if (s->node_level == NULL) {
		return;
	}
	if (is_spread(s, replica)) {
		cluster_rise(&s->cluster, replica);
		sit_down(s, replica);
	}
	clear(s, cluster_node_of(&s->cluster, replica), replica);
}

void node_level_workers(struct sim *s)
{
	for (uint32_t i = 0; s->node_level != NULL && i < s->cluster.n_nodes; i++) {
		clear(s, i, REQUEST_NONE);
	}
}

void node_level_leave(struct sim *s, uint32_t replica)
{
	if (s->node_level != NULL) {
		count_away(s, replica, -1);
	}
}

/* Where a replica may be booked instead of `gpu`: where it sits, or else the first with room. */
static uint32_t find_booking(const struct sim *s, uint32_t replica, uint32_t gpu)
{
	const struct cluster *const c = &s->cluster;
	const struct node *const at = &c->nodes[c->gpus[gpu].node];
	const bool idle = (int64_t)at->idle > held_by_workers(s, c->gpus[gpu].node);
	uint32_t best = NODE_NONE;
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		const bool fits = i != gpu && !cluster_is_booked_on(c, replica, i) &&
		                  (idle || !is_idle(&c->gpus[i])) &&
		                  gpu_takes(&c->gpus[i], &c->seats[replica].part);
		if (fits && (best == NODE_NONE || (cluster_sits_on(c, replica, i) &&
		                                   !cluster_sits_on(c, replica, best)))) {
			best = i;
		}
	}
	return best;
}

void node_level_rebook(struct sim *s, uint32_t gpu)
{
	struct cluster *const c = &s->cluster;
	const bool needed = s->node_level != NULL && gpu != NODE_NONE;
	for (uint32_t i = 0; needed && i < c->n_replicas; i++) {
		if (c->seats[i].n_gpus == 0 || !cluster_is_booked_on(c, i, gpu) ||
		    cluster_sits_on(c, i, gpu)) {
			continue;
		}
		const uint32_t to = find_booking(s, i, gpu);
		if (to != NODE_NONE) {
			count_away(s, i, -1);
			cluster_rebook(c, i, gpu, to);
			count_away(s, i, 1);
		}
	}
}

/* --- afterwards ----------------------------------------------------------------------------------
 */

static struct move_summary summarise_move(const struct sim *s, const struct node_move *m)
{
	const struct cluster *const c = &s->cluster;
	const uint32_t node = c->gpus[m->from].node;
	return (struct move_summary){
		.at = m->at,
		.start = m->start,
		.service = c->replicas[m->replica].service,
		.replica = c->replicas[m->replica].index,
		.nodes = s->sc->nodes[c->nodes[node].kind].name,
		.node = node - cluster_first_of(c, c->nodes[node].kind),
		.from = m->from - c->nodes[node].first,
		.to = m->to - c->nodes[node].first,
		.needed = m->needed != REQUEST_NONE ? (int64_t)c->replicas[m->needed].service : -1,
		.lost = m->lost,
	};
}

void node_level_summarise(const struct sim *s, struct summary *out)
{
	const struct node_level *const l = s->node_level;
	if (l == NULL) {
		return;
	}
	for (size_t i = 0; i < out->n_services; i++) {
		const double there = replica_time(s, i);
		out->services[i].moves = node_level_spreads(s, i) ? 0 : -1;
		out->services[i].away = there > 0.0 ? (double)l->services[i].area / there : 0.0;
	}
	out->moves = mem_new(l->moves.n, sizeof(*out->moves));
	for (size_t i = 0; i < l->moves.n; i++) {
		const struct move_summary m = summarise_move(s, &l->moves.at[i]);
		out->moves[out->n_moves++] = m;
		out->services[m.service].moves++;
		out->services[m.service].moved_lost += m.lost;
	}
}
