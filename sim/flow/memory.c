/*
 * Memory of shared GPUs (semantics.md section 2): a request is always granted, what nobody uses is
 * lent up to the limits, and who asks inside its request while borrowers hold the memory gets it by
 * the death of a borrower.
 *
 * Memory that is given back is lent from the next nanosecond on. So it does not matter in which
 * order the replicas of one nanosecond ask, and those that wait need not be asked before.
 */
#include "base/check.h"
#include "flow/flow.h"

/* Bytes that may be lent now. */
static bytes_t to_lend(const struct sim *s, const struct gpu *g)
{
	const bytes_t fresh = g->returned_at == s->events.now ? g->returned : 0;
	const bytes_t lendable = g->memory - g->used - fresh;
	return lendable > 0 ? lendable : 0;
}

/* The least that any GPU of a replica has to lend, in its blocks. */
static int64_t blocks_to_lend(const struct sim *s, uint32_t replica)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	int64_t least = INT64_MAX;
	for (uint32_t i = 0; i < n; i++) {
		const int64_t blocks =
			to_lend(s, &s->cluster.gpus[gpus[i]]) / s->cluster.seats[replica].block;
		least = blocks < least ? blocks : least;
	}
	return least;
}

static void hold(struct sim *s, uint32_t replica, int64_t blocks)
{
	struct kv_cache *const kv = &s->cluster.replicas[replica].kv;
	const struct seat *const seat = &s->cluster.seats[replica];
	cluster_hold(&s->cluster, replica, (blocks - kv->capacity) * seat->block, s->events.now);
	kv->capacity = blocks;
}

/* Kill one who borrows on this GPU. There is one: requests fit together, and ours is not used up.
 */
static void kill_borrower(struct sim *s, uint32_t replica, uint32_t gpu)
{
	const struct cluster *const c = &s->cluster;
	struct oom_borrower borrowers[SHARE_MOST];
	uint32_t n = 0;
	for (uint32_t i = 0, other;
	     (other = share_member(s, &c->replicas[replica], i)) != REQUEST_NONE; i++) {
		const struct seat *const seat = &c->seats[other];
		const int64_t blocks = c->replicas[other].kv.capacity;
		if (other != replica && !seat->down && blocks > seat->own &&
		    cluster_sits_on(c, other, gpu)) {
			borrowers[n++] = (struct oom_borrower){
				.replica = other,
				.priority = s->services[c->replicas[other].service].spec->priority,
				.request = seat->base + seat->own * seat->block,
				.limit = seat->base + seat->most * seat->block,
				.used = seat->base + blocks * seat->block,
				.started = seat->started,
			};
		}
	}
	sim_assert(n > 0);
	const struct view view = {c, s->events.now, NULL};
	const uint32_t victim = s->oom_victim->choose(s->oom_victim_self, &view, borrowers, n);
	sim_assert(victim < n);
	kill_replica(s, borrowers[victim].replica);
}

/* Make `bytes` free on every GPU of a replica, whose request covers them. */
static void enforce(struct sim *s, uint32_t replica, bytes_t bytes)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		const struct gpu *const g = &s->cluster.gpus[gpus[i]];
		while (g->memory - g->used < bytes) {
			kill_borrower(s, replica, gpus[i]);
		}
	}
}

bool memory_grow(struct sim *s, struct replica *r, int64_t blocks)
{
	const uint32_t replica = (uint32_t)(r - s->cluster.replicas);
	const struct seat *const seat = &s->cluster.seats[replica];
	if (seat->step == 0 || blocks > seat->most || blocks <= r->kv.capacity) {
		return false;
	}
	const int64_t missing = blocks - r->kv.capacity;
	if (blocks <= seat->own) {
		enforce(s, replica, missing * seat->block);
	} else if (blocks_to_lend(s, replica) < missing) {
		return false;
	}
	/* a whole step, where it is there */
	int64_t target = (blocks + seat->step - 1) / seat->step * seat->step;
	const int64_t room = r->kv.capacity + blocks_to_lend(s, replica);
	target = target < seat->most ? target : seat->most;
	target = target < room ? target : room;
	hold(s, replica, target > blocks ? target : blocks);
	return true;
}

bool memory_is_fresh(const struct sim *s, const struct replica *r)
{
	const uint32_t replica = (uint32_t)(r - s->cluster.replicas);
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		const struct gpu *const g = &s->cluster.gpus[gpus[i]];
		if (s->cluster.seats[replica].step > 0 && g->returned > 0 &&
		    g->returned_at == s->events.now) {
			return true;
		}
	}
	return false;
}

void memory_wake(struct sim *s, const struct replica *r)
{
	for (uint32_t i = 0, other; (other = share_member(s, r, i)) != REQUEST_NONE; i++) {
		struct replica *const o = &s->cluster.replicas[other];
		if (o == r || !replica_wants_memory(o) || o->state != REPLICA_RUNNING ||
		    o->shared || s->cluster.seats[other].step == 0) {
			continue;
		}
		const int64_t boundary = replica_boundary_after(o, s->events.now + 1);
		if (boundary < o->planned) {
			o->planned = boundary;
			event_hasten(&s->events, other, replica_boundary(o, boundary),
			             PHASE_STEP_DONE);
		}
	}
}

void memory_shrink(struct sim *s, struct replica *r)
{
	const uint32_t replica = (uint32_t)(r - s->cluster.replicas);
	const int64_t step = s->cluster.seats[replica].step;
	if (step == 0 || r->kv.capacity - r->kv.used < 2 * step) {
		return;
	}
	hold(s, replica, (r->kv.used + step - 1) / step * step + step);
	memory_wake(s, r);
}

/* Blocks that a pool begins with. */
static int64_t first_blocks(const struct seat *seat)
{
	return seat->step > 0 && seat->step < seat->own ? seat->step : seat->own;
}

void memory_borrow(struct sim *s, uint32_t replica)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	if (seat->step == 0 && seat->most > seat->own) {
		const int64_t room = seat->own + blocks_to_lend(s, replica);
		hold(s, replica, room < seat->most ? room : seat->most);
	}
}

int64_t memory_first(const struct sim *s, uint32_t replica)
{
	return first_blocks(&s->cluster.seats[replica]);
}

/* On a GPU that it shares, and not in host memory? */
static bool is_there(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	return r->group != GROUP_NONE && r->state != REPLICA_AWAY;
}

void memory_begin(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		const struct seat *const seat = &s->cluster.seats[i];
		if (is_there(s, i)) {
			s->cluster.replicas[i].kv.capacity = first_blocks(seat);
			cluster_hold(&s->cluster, i, seat->base + first_blocks(seat) * seat->block,
			             0);
		}
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (is_there(s, i)) {
			memory_borrow(s, i);
		}
	}
}

void memory_enter(struct sim *s, uint32_t replica)
{
	struct seat *const seat = &s->cluster.seats[replica];
	const bytes_t bytes = seat->base + first_blocks(seat) * seat->block;
	seat->out = false;
	enforce(s, replica, bytes);
	cluster_hold(&s->cluster, replica, bytes, s->events.now);
	s->cluster.replicas[replica].kv.capacity = first_blocks(seat);
}

void memory_take(struct sim *s, uint32_t replica)
{
	memory_enter(s, replica);
	memory_borrow(s, replica);
}

void memory_give(struct sim *s, uint32_t replica)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	if (!seat->out) {
		cluster_hold(&s->cluster, replica, -(seat->base + r->kv.capacity * seat->block),
		             s->events.now);
		memory_wake(s, r);
	}
}

void memory_part(struct sim *s, uint32_t replica)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	if (r->kv.capacity > seat->own) {
		hold(s, replica, seat->own);
		memory_wake(s, r);
	}
}

void memory_leave(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	sim_assert(r->kv.used == 0 || r->kv.prefix != NULL);
	memory_give(s, replica);
	r->kv.capacity = 0;
	s->cluster.seats[replica].out = true;
}

/* Blocks that are free on every GPU of a replica, whoever gave them back and when. */
static int64_t free_blocks(const struct sim *s, uint32_t replica)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	int64_t least = INT64_MAX;
	for (uint32_t i = 0; i < n; i++) {
		const struct gpu *const g = &s->cluster.gpus[gpus[i]];
		const int64_t blocks = (g->memory - g->used) / s->cluster.seats[replica].block;
		least = blocks < least ? blocks : least;
	}
	return least;
}

void memory_return(struct sim *s, uint32_t replica, int64_t blocks)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const int64_t had = blocks >= 0 ? blocks : seat->step > 0 ? first_blocks(seat) : seat->most;
	const int64_t wanted = had < seat->most ? had : seat->most;
	const int64_t own = wanted < seat->own ? wanted : seat->own;
	s->cluster.seats[replica].out = false;
	enforce(s, replica, seat->base + own * seat->block);
	cluster_hold(&s->cluster, replica, seat->base + own * seat->block, s->events.now);
	s->cluster.replicas[replica].kv.capacity = own;
	const int64_t room = own + free_blocks(s, replica);
	if (wanted > own && room > own) {
		hold(s, replica, room < wanted ? room : wanted);
	}
}
