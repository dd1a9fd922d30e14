/*
 * The front end of a replica: one server through which every token leaves and every request comes,
 * one after the other (physics.md section 2). A step of D decoding sequences that ends at B begins
 * to deliver at base = max(B, base of the step before + D * stream). B(k) - k * D * stream is
 * convex in k, so its running maximum lies at the ends of a stretch, and many steps are accounted
 * at once; rounding down to ns commutes with maxima and with shifts by whole ns.
 */
#include "base/check.h"
#include "flow/flow.h"

/* Time of one step's tokens in the front end. */
static ns_t load_of(const struct replica *r)
{
	return (ns_t)r->n_decoding * r->stream;
}

/* When the tokens of step `to` begin to go out, from the state after step `done`. */
static ns_t base_after(const struct replica *r, int64_t to)
{
	const int64_t next = r->done + 1;
	const ns_t first = replica_boundary(r, next), last = replica_boundary(r, to);
	const ns_t base = first > r->front ? first : r->front;
	const i128_t queued = (i128_t)(to - next) * load_of(r);
	const ns_t behind = ns_after(base, queued < NS_HORIZON ? (ns_t)queued : NS_HORIZON);
	return behind > last ? behind : last;
}

ns_t front_send(struct sim *s, struct replica *r, ns_t base)
{
	r->front = ns_after(r->front > base ? r->front : base, r->stream);
	s->cluster.services[r->service].sending += r->stream;
	return r->front;
}

ns_t front_drained(const struct sim *s)
{
	ns_t drained = 0;
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		const ns_t front = s->cluster.replicas[i].front;
		drained = front > drained ? front : drained;
	}
	return drained;
}

double front_share(const struct sim *s, size_t i)
{
	const struct service *const service = &s->cluster.services[i];
	i128_t sending = service->sending;
	for (uint32_t k = service->first; k < service->first + service->n; k++) {
		const ns_t front = s->cluster.replicas[k].front;
		sending -= front > s->ended ? front - s->ended : 0; /* sends until then */
	}
	const double time = replica_time(s, i);
	return time > 0.0 ? (double)sending / time : 0.0;
}

ns_t front_at(const struct replica *r, ns_t now)
{
	if (r->state != REPLICA_RUNNING || !r->decode_step || r->shared || now < r->anchor) {
		return r->front;
	}
	const int64_t ended = replica_boundary_after(r, now + 1) - 1;
	return ended <= r->done ? r->front : ns_after(base_after(r, ended), load_of(r));
}

/* Lead of boundary k over a front end that never rests, in ns. */
static i128_t lead(const struct replica *r, int64_t k)
{
	return (replica_ticks(r, k) >> TICK_SHIFT) - (i128_t)k * load_of(r);
}

/* Boundary from which on steps last longer than the front end takes for them; at most `to`. */
static int64_t turning(const struct replica *r, int64_t from, int64_t to)
{
	const tick_t missing = (load_of(r) << TICK_SHIFT) - r->first - r->growth * from;
	if (missing <= 0) {
		return from;
	}
	if (r->growth == 0 || (missing - 1) / r->growth + 1 > to - from) {
		return to;
	}
	return from + (missing - 1) / r->growth + 1;
}

/* The front end rests at boundary k: the last boundary, up to `to`, without a queue in between. */
static int64_t last_free(const struct replica *r, int64_t k, int64_t to)
{
	const int64_t low = turning(r, k, to);
	int64_t free = k, queued = low + 1; /* the lead falls up to `low` */
	while (queued - free > 1) {
		const int64_t middle = free + (queued - free) / 2;
		if (lead(r, middle) >= lead(r, k)) {
			free = middle;
		} else {
			queued = middle;
		}
	}
	return free == low ? to : free;
}

/* The front end has a queue at boundary k: the first boundary where it has none, or to + 1. */
static int64_t first_free(const struct replica *r, int64_t k, int64_t to, ns_t base)
{
	const i128_t reached = (i128_t)(base - r->anchor) - (i128_t)k * load_of(r);
	int64_t queued = turning(r, k, to), free = to + 1;
	if (lead(r, queued) >= reached) {
		return queued;
	}
	while (free - queued > 1) {
		const int64_t middle = queued + (free - queued) / 2;
		if (lead(r, middle) >= reached) {
			free = middle;
		} else {
			queued = middle;
		}
	}
	return free;
}

static void note(struct sim *s, const struct replica *r, tick_t first, tick_t step, int64_t n)
{
	request_log_gaps(s->log, r->service, first, step, n, r->n_decoding - r->n_warm);
}

/* The step after `done`: its gap in ticks where nothing queues, else between two bases. */
static ns_t first_step(struct sim *s, const struct replica *r)
{
	const int64_t k = r->done + 1;
	const ns_t at = replica_boundary(r, k);
	const ns_t base = at > r->front ? at : r->front;
	if (k == 1 && r->gap_noted) {
		return base;
	}
	const bool rests = k == 1 || r->last_decode == replica_boundary(r, k - 1);
	if (rests && base == at) {
		note(s, r, r->first + r->growth * (k - 1), 0, 1);
	} else {
		note(s, r, gap_ticks(base - r->last_decode), 0, 1);
	}
	return base;
}

void front_advance(struct sim *s, struct replica *r, int64_t to)
{
	const ns_t load = load_of(r);
	int64_t k = r->done + 1;
	ns_t base = first_step(s, r);
	while (k < to) {
		int64_t until;
		if (base == replica_boundary(r, k)) {
			until = last_free(r, k, to);
			note(s, r, r->first + r->growth * k, r->growth, until - k);
			base = replica_boundary(r, until);
			k = until;
			if (k < to) { /* the next tokens are the first to queue */
				note(s, r, gap_ticks(load), 0, 1);
				base = ns_after(base, load);
				k++;
			}
			continue;
		}
		until = first_free(r, k, to, base);
		note(s, r, gap_ticks(load), 0, until - 1 - k);
		base = ns_after(base, (until - 1 - k) * load);
		k = until - 1;
		if (k < to) {
			k++;
			note(s, r, gap_ticks(replica_boundary(r, k) - base), 0, 1);
			base = replica_boundary(r, k);
		}
	}
	r->last_decode = base;
	r->front = ns_after(base, load);
	s->cluster.services[r->service].sending += (i128_t)(to - r->done) * load;
}
