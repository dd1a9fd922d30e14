/* Integrals of step functions, exact without decay and in 64-bit fractions with it. */
#include "sched/history.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

/*
 * What was used: amounts times nanoseconds without decay. With a half-life h the weight of what was
 * held t ago is 2^(-t/h), and the integral is kept in units of h / ln 2, where holding an amount
 * forever is worth that amount: then no step needs a logarithm. Fractions have 64 bits.
 */
typedef u128_t worth_t;

enum { FRACTION = 64 };

struct meter {
	int64_t amount; /* held since `since` */
	ns_t since;
	worth_t worth; /* at `since`, of the part of the window it is in */
	worth_t *past; /* at the end of each part before, by number modulo HISTORY_PARTS */
};

struct history {
	struct history_options options;
	ns_t part;                /* of a sliding window, duration */
	uint64_t of_part;         /* what decay leaves of something over a part */
	uint64_t roots[FRACTION]; /* 2^(-1/2), 2^(-1/4), ...; 64-bit fractions */
	uint32_t n_queues;
	struct meter *meters; /* [queue][resource], the cluster after the last queue */
};

/* --- arithmetic -------------------------------------------------------------------------------
 */

/* x times a fraction, rounded down; the product of a 128-bit number and 64 bits, without the
 * last 64.
 */
static worth_t times(worth_t x, uint64_t fraction)
{
	const worth_t low = (worth_t)(uint64_t)x * fraction;
	return (x >> FRACTION) * fraction + (low >> FRACTION);
}

/* The root of a fraction, rounded down, bit by bit. */
static uint64_t root_of(uint64_t fraction)
{
	const u128_t square = (u128_t)fraction << FRACTION;
	uint64_t root = 0;
	for (uint64_t bit = UINT64_C(1) << 63; bit > 0; bit >>= 1) {
		const u128_t next = root | bit;
		root = next * next <= square ? root | bit : root;
	}
	return root;
}

/* a of b, 0 <= a < b, as a fraction. */
static uint64_t fraction_of(uint64_t a, uint64_t b)
{
	return (uint64_t)(((u128_t)a << FRACTION) / b);
}

/* 2^(-d / half-life) for d > 0. */
static uint64_t decay(const struct history *h, ns_t d)
{
	const ns_t whole = d / h->options.half_life;
	uint64_t rest =
		fraction_of((uint64_t)(d % h->options.half_life), (uint64_t)h->options.half_life);
	if (whole >= FRACTION) {
		return 0;
	}
	worth_t left = (worth_t)1 << FRACTION;
	for (int i = 0; rest != 0; i++, rest <<= 1) {
		left = rest >> 63 != 0 ? times(left, h->roots[i]) : left;
	}
	left >>= whole;
	return left >> FRACTION != 0 ? UINT64_MAX : (uint64_t)left;
}

/* What something is worth after `amount` was held for d more; `factor`: decay over d. */
static worth_t held_on(const struct history *h, worth_t worth, int64_t amount, ns_t d,
                       uint64_t factor)
{
	if (h->options.half_life == 0) {
		return worth + (worth_t)amount * (u128_t)d;
	}
	const worth_t limit = (worth_t)amount << FRACTION;
	return worth > limit ? limit + times(worth - limit, factor)
	                     : limit - times(limit - worth, factor);
}

static worth_t hold_on(const struct history *h, worth_t worth, int64_t amount, ns_t d)
{
	return d <= 0 ? worth
	              : held_on(h, worth, amount, d, h->options.half_life > 0 ? decay(h, d) : 0);
}

static worth_t hold_part(const struct history *h, int64_t amount)
{
	return held_on(h, 0, amount, h->part, h->of_part);
}

/* --- sliding windows --------------------------------------------------------------------------
 */

/* What was held in part k is worth at its end, k before the part of `now`. */
static worth_t worth_of_part(const struct history *h, const struct meter *m, ns_t k)
{
	const ns_t open = m->since / h->part; /* the part in which `worth` is */
	if (k < open) {
		return m->past[k % HISTORY_PARTS];
	}
	return k > open ? hold_part(h, m->amount)
	                : hold_on(h, m->worth, m->amount, (k + 1) * h->part - m->since);
}

/* The same for what lies after `from`, which is in part k. */
static worth_t worth_of_rest(const struct history *h, const struct meter *m, ns_t k, ns_t from)
{
	const worth_t all = worth_of_part(h, m, k);
	const ns_t kept = (k + 1) * h->part - from;
	if (kept == h->part) {
		return all;
	}
	if (h->options.half_life == 0) {
		return times(all, fraction_of((uint64_t)kept, (uint64_t)h->part));
	}
	const uint64_t lost = ~h->of_part;
	const uint64_t rest = ~decay(h, kept);
	return rest < lost ? times(all, fraction_of(rest, lost)) : all;
}

static worth_t sliding_worth(const struct history *h, const struct meter *m, ns_t now)
{
	const ns_t last = now / h->part;
	const ns_t from = now > h->options.window ? now - h->options.window : 0;
	ns_t k = from / h->part;
	const bool decays = h->options.half_life > 0;
	worth_t sum = k < last ? worth_of_rest(h, m, k, from) : 0;
	for (k++; k < last; k++) {
		sum = (decays ? times(sum, h->of_part) : sum) + worth_of_part(h, m, k);
	}
	const ns_t start = last * h->part;
	if (decays && now > start) {
		sum = times(sum, decay(h, now - start));
	}
	return sum + (m->since >= start ? hold_on(h, m->worth, m->amount, now - m->since)
	                                : hold_on(h, 0, m->amount, now - start));
}

/* Close the parts that end up to `now`. */
static void close_parts(const struct history *h, struct meter *m, ns_t now)
{
	const ns_t last = now / h->part;
	const ns_t open = m->since / h->part;
	const ns_t first = last - open > HISTORY_PARTS ? last - HISTORY_PARTS : open;
	for (ns_t k = first; k < last; k++) {
		m->past[k % HISTORY_PARTS] = worth_of_part(h, m, k);
	}
	if (last > open) {
		m->worth = 0;
		m->since = last * h->part;
	}
}

/* --- meters -----------------------------------------------------------------------------------
 */

/* The last time at or before `now` at which a tumbling window began anew; 0: none did. */
static ns_t last_start(const struct history *h, ns_t now)
{
	const ns_t gone = now - h->options.offset;
	return gone < 0 ? 0 : now - gone % h->options.window;
}

static worth_t worth_at(const struct history *h, const struct meter *m, ns_t now)
{
	sim_assert(now >= m->since);
	if (h->options.kind == HISTORY_SLIDING) {
		return sliding_worth(h, m, now);
	}
	const ns_t start = h->options.kind == HISTORY_TUMBLING ? last_start(h, now) : 0;
	return start > m->since ? hold_on(h, 0, m->amount, now - start)
	                        : hold_on(h, m->worth, m->amount, now - m->since);
}

static void meter_hold(const struct history *h, struct meter *m, int64_t amount, ns_t at)
{
	sim_assert(amount >= 0 && at >= m->since);
	if (amount == m->amount) {
		return;
	}
	if (h->options.kind == HISTORY_SLIDING) {
		close_parts(h, m, at);
		m->worth = hold_on(h, m->worth, m->amount, at - m->since);
	} else {
		m->worth = worth_at(h, m, at);
	}
	m->amount = amount;
	m->since = at;
}

static uint64_t ppm_of(worth_t part, worth_t whole)
{
	while (part >> 100 != 0 || whole >> 100 != 0) {
		part >>= 1;
		whole >>= 1;
	}
	return whole == 0 ? 0 : (uint64_t)((2 * part * 1000000 + whole) / (2 * whole));
}

/* --- for all queues ---------------------------------------------------------------------------
 */

static void hold_all(struct history *h, uint32_t queue, const struct sched_amount *amount, ns_t at)
{
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		meter_hold(h, &h->meters[(size_t)queue * SCHED_RESOURCES + (size_t)r],
		           amount->of[r], at);
	}
}

struct history *history_new(const struct history_options *options, uint32_t n_queues)
{
	const bool slides = options->kind == HISTORY_SLIDING;
	const size_t n = ((size_t)n_queues + 1) * SCHED_RESOURCES;
	struct history *const h = mem_new(1, sizeof(*h));
	sim_assert(options->kind == HISTORY_EVER || options->window >= HISTORY_LEAST);
	sim_assert(options->half_life == 0 || options->half_life >= HISTORY_LEAST);
	h->options = *options;
	h->n_queues = n_queues;
	h->roots[0] = root_of(UINT64_C(1) << 63);
	for (int i = 1; i < FRACTION; i++) {
		h->roots[i] = root_of(h->roots[i - 1]);
	}
	h->part = slides ? (options->window + HISTORY_PARTS - 1) / HISTORY_PARTS : 0;
	h->of_part = slides && options->half_life > 0 ? decay(h, h->part) : 0;
	h->meters = mem_new(n, sizeof(*h->meters));
	for (size_t i = 0; slides && i < n; i++) {
		h->meters[i].past = mem_new(HISTORY_PARTS, sizeof(*h->meters[i].past));
	}
	return h;
}

void history_free(struct history *h)
{
	if (h != NULL) {
		for (size_t i = 0; i < ((size_t)h->n_queues + 1) * SCHED_RESOURCES; i++) {
			free(h->meters[i].past);
		}
		free(h->meters);
		free(h);
	}
}

void history_hold(struct history *h, uint32_t queue, const struct sched_amount *amount, ns_t at)
{
	sim_assert(queue < h->n_queues);
	hold_all(h, queue, amount, at);
}

void history_offer(struct history *h, const struct sched_amount *amount, ns_t at)
{
	hold_all(h, h->n_queues, amount, at);
}

struct sched_amount history_used_ppm(const struct history *h, uint32_t queue, ns_t now)
{
	struct sched_amount out;
	sim_assert(queue < h->n_queues);
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		const size_t of_queue = (size_t)queue * SCHED_RESOURCES + (size_t)r;
		const size_t of_cluster = (size_t)h->n_queues * SCHED_RESOURCES + (size_t)r;
		out.of[r] = (int64_t)ppm_of(worth_at(h, &h->meters[of_queue], now),
		                            worth_at(h, &h->meters[of_cluster], now));
	}
	return out;
}
