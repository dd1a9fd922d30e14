/*
 * Kubernetes' horizontal pod autoscaler with the behaviour of autoscaling/v2 (semantics.md section
 * 12): a ratio to the target, tolerance, stabilisation, and limits on changes per period. The
 * metric is one of the pods', averaged since the last look; ratios are exact, not in thousandths.
 */
#include "policy/autoscaler.h"
#include "policy/window.h"

#define MICRO INT64_C(1000000)

enum { METRIC_CONCURRENCY, METRIC_THROUGHPUT, METRIC_LATENCY };
static const char *const metrics[] = {"concurrency", "throughput", "latency", NULL};

struct hpa {
	struct autoscale_settings set;
	int metric;
	double target, tolerance, up_share, down_share;
	int64_t up_replicas, down_replicas;
	ns_t sync, up_delay, down_delay, period;
	/* state */
	struct window low, high;  /* recommendations, least and most first; least as negatives */
	struct window ups, downs; /* changes */
	ns_t last;
	i128_t total;
	uint64_t answered;
	bool begun;
};

/* clang-format off */
static const struct option options[] = {
	{"metric", OPTION_CHOICE, offsetof(struct hpa, metric), 0, 0, "concurrency", metrics, NULL,
	 "of a replica: requests at it, requests/s, or mean latency of the answered ones"},
	{"target", OPTION_REAL, offsetof(struct hpa, target), 1e-6, 1e9, NULL, NULL, NULL,
	 "of that metric: requests, requests/s, or ms"},
	AUTOSCALE_BOUNDS_OPTIONS,
	AUTOSCALE_COMMON_OPTIONS,
	{"tolerance", OPTION_SHARE, offsetof(struct hpa, tolerance), 0, 1, "0.1", NULL, NULL,
	 "from the target, within which nothing changes"},
	{"tick", OPTION_DURATION, offsetof(struct hpa, sync), 1e8, 600e9, "15s", NULL, "s", "between decisions"},
	{"scale_up_delay", OPTION_DURATION, offsetof(struct hpa, up_delay), 0, 3600e9, "0s", NULL, "s",
	 "the least recommended over so long is taken: stabilisation upwards"},
	{"scale_down_delay", OPTION_DURATION, offsetof(struct hpa, down_delay), 0, 3600e9, "300s", NULL, "s",
	 "the most recommended over so long is taken: stabilisation downwards"},
	{"scale_up_share", OPTION_REAL, offsetof(struct hpa, up_share), 0, 1000, "1", NULL, NULL,
	 "of the replicas, that may be added in a period; or, if that is more,"},
	{"scale_up_replicas", OPTION_INT, offsetof(struct hpa, up_replicas), 0, AUTOSCALE_MOST, "4", NULL,
	 "replicas", "so many"},
	{"scale_down_share", OPTION_REAL, offsetof(struct hpa, down_share), 0, 1, "1", NULL, NULL,
	 "of the replicas, that may be removed in a period; or, if that is more,"},
	{"scale_down_replicas", OPTION_INT, offsetof(struct hpa, down_replicas), 0, AUTOSCALE_MOST, "0", NULL,
	 "replicas", "so many"},
	{"rate_period", OPTION_DURATION, offsetof(struct hpa, period), 1e9, 1800e9, "15s", NULL, "s",
	 "of those changes"},
	{.name = NULL},
};
/* clang-format on */

static int64_t micro(double x)
{
	return (int64_t)(x * (double)MICRO + 0.5);
}

static uint32_t slots_for(const struct hpa *h, ns_t span)
{
	return (uint32_t)((span + h->sync - 1) / h->sync) + 2;
}

static size_t room(const void *self)
{
	const struct hpa *const h = self;
	return ((size_t)slots_for(h, h->up_delay) + slots_for(h, h->down_delay) +
	        2 * (size_t)slots_for(h, h->period)) *
	       sizeof(struct window_slot);
}

static void set_slots(struct hpa *h, struct window_slot *slots)
{
	h->low.slots = slots;
	h->low.cap = slots_for(h, h->up_delay);
	h->high.slots = h->low.slots + h->low.cap;
	h->high.cap = slots_for(h, h->down_delay);
	h->ups.slots = h->high.slots + h->high.cap;
	h->ups.cap = slots_for(h, h->period);
	h->downs.slots = h->ups.slots + h->ups.cap;
	h->downs.cap = h->ups.cap;
}

static i128_t total_of(const struct hpa *h, const struct autoscale_ask *ask)
{
	return h->metric == METRIC_CONCURRENCY  ? ask->busy
	       : h->metric == METRIC_THROUGHPUT ? (i128_t)ask->arrived * NS_PER_S
	                                        : ask->latency;
}

/*
 * The metric of all measured replicas together over the target of one, as a fraction: 3.5 when they
 * have as much as three and a half should. *den 0: there is nothing to go by.
 */
struct ratio {
	i128_t num, den;
};

static struct ratio measure(const struct hpa *h, ns_t now, const struct autoscale_ask *ask)
{
	const i128_t grown = total_of(h, ask) - h->total;
	const int64_t target = micro(h->target);
	struct ratio r = {0, 0};
	if (ask->measured == 0) {
		return r;
	}
	if (h->metric == METRIC_LATENCY) { /* ns over answers; a target in ms is MICRO ns */
		r.num = grown * ask->measured;
		r.den = (i128_t)(ask->answered - h->answered) * target;
	} else {
		r.num = grown * MICRO;
		r.den = (i128_t)(now - h->last) * target;
	}
	return r;
}

/* Sign of the mean of `n` replicas less the target. */
static int compare(const struct ratio *r, int64_t n)
{
	const i128_t target = r->den * n;
	return (r->num > target) - (r->num < target);
}

static bool is_near(const struct hpa *h, const struct ratio *r, int64_t n)
{
	const i128_t off = r->num - r->den * n;
	return (off < 0 ? -off : off) * MICRO <= (i128_t)micro(h->tolerance) * r->den * n;
}

static int64_t round_up(const struct ratio *r)
{
	const i128_t n = (r->num + r->den - 1) / r->den;
	return n < AUTOSCALE_MOST ? (int64_t)n : AUTOSCALE_MOST;
}

/*
 * What the metric recommends. Replicas that run and of which nothing is known, as those that still
 * load their weights, count as being at the target when there seem to be too many, and as idle when
 * there seem to be too few; so do, then, those that do not run yet. If that turns the direction,
 * nothing changes.
 */
static int64_t recommend(const struct hpa *h, const struct ratio *seen,
                         const struct autoscale_ask *ask, enum autoscale_reason *reason)
{
	const int64_t unready = ask->wanted > ask->running ? ask->wanted - ask->running : 0;
	const int64_t missing = ask->running - ask->measured;
	struct ratio r = *seen;
	int64_t n = ask->measured;
	*reason = AUTOSCALE_NO_METRICS;
	if (r.den == 0) {
		return ask->wanted;
	}
	const int way = compare(&r, n);
	const bool waits = unready > 0 && way > 0;
	if (waits || missing > 0) {
		r.num += way < 0 ? missing * r.den : 0;
		n += missing + (waits ? unready : 0);
		if (way * compare(&r, n) < 0) {
			return ask->wanted;
		}
	}
	*reason = AUTOSCALE_TOLERANCE;
	if (is_near(h, &r, n)) {
		return ask->wanted;
	}
	const int64_t to = round_up(&r);
	*reason = AUTOSCALE_NO_METRICS;
	if ((waits || missing > 0) && (to - (int64_t)ask->wanted) * compare(&r, n) < 0) {
		return ask->wanted; /* the number of those that count would turn it */
	}
	*reason = AUTOSCALE_LOAD;
	return to;
}

/* Between the least of the one and the most of the other window, as near to `current` as may be. */
static int64_t stabilise(struct hpa *h, ns_t now, int64_t current, int64_t n,
                         enum autoscale_reason *reason)
{
	window_forget(&h->low, now - h->up_delay);
	window_forget(&h->high, now - h->down_delay);
	window_put_max(&h->low, now, -n);
	window_put_max(&h->high, now, n);
	const int64_t up = (int64_t)-window_at(&h->low, 0)->value;
	const int64_t down = (int64_t)window_at(&h->high, 0)->value;
	int64_t to = current;
	to = to < up ? up : to;
	to = to > down ? down : to;
	*reason = to != n ? AUTOSCALE_DELAY : *reason;
	return to;
}

/* The most, and the fewest, that the changes of the last period leave. */
static int64_t limit_rate(const struct hpa *h, ns_t now, int64_t current, int64_t n,
                          enum autoscale_reason *reason)
{
	const int64_t added = (int64_t)window_sum(&h->ups, now - h->period);
	const int64_t removed = (int64_t)window_sum(&h->downs, now - h->period);
	const int64_t then = current - added + removed;
	const int64_t up_by_share = (then * (MICRO + micro(h->up_share)) + MICRO - 1) / MICRO;
	const int64_t up_by_count = then + h->up_replicas;
	const int64_t down_by_share = then * (MICRO - micro(h->down_share)) / MICRO;
	const int64_t down_by_count = then - h->down_replicas;
	int64_t most = up_by_share > up_by_count ? up_by_share : up_by_count;
	int64_t least = down_by_share < down_by_count ? down_by_share : down_by_count;
	most = most < current ? current : most;
	least = least > current ? current : least;
	const int64_t held = n > most ? most : n < least ? least : n;
	*reason = held != n ? AUTOSCALE_RATE : *reason;
	return held;
}

static void remember(struct hpa *h, ns_t now, const struct autoscale_ask *ask)
{
	h->last = now;
	h->total = total_of(h, ask);
	h->answered = ask->answered;
}

static void begin(struct hpa *h, ns_t now, const struct autoscale_ask *ask)
{
	window_put_max(&h->low, now, -(i128_t)ask->wanted);
	window_put_max(&h->high, now, ask->wanted);
	remember(h, now, ask);
	h->begun = true;
}

static void decide(void *self, const struct view *v, const struct autoscale_ask *ask,
                   struct autoscale_answer *out)
{
	struct hpa *const h = self;
	const int64_t current = ask->wanted;
	enum autoscale_reason reason = AUTOSCALE_INITIAL;
	int64_t n = current;
	set_slots(h, ask->room);
	if (!h->begun) {
		begin(h, v->now, ask);
	} else {
		const struct ratio seen = measure(h, v->now, ask);
		n = recommend(h, &seen, ask, &reason);
		if (seen.den > 0) { /* without a metric nothing is recommended, nor noted */
			n = stabilise(h, v->now, current, n, &reason);
			n = limit_rate(h, v->now, current, n, &reason);
		}
		n = autoscale_bound(n, h->set.min, h->set.max, &reason);
		remember(h, v->now, ask);
	}
	if (n != current) {
		window_put(n > current ? &h->ups : &h->downs, v->now,
		           n > current ? n - current : current - n);
	}
	*out = (struct autoscale_answer){
		.replicas = (uint32_t)n,
		.next = autoscale_tick(v->now, h->sync),
		.reason = reason,
	};
}

static const char *wrong(const void *self)
{
	const struct hpa *const h = self;
	return h->set.min < 1 ? "this autoscaler cannot reach zero: min must be 1 or more; kpa can"
	                      : NULL;
}

const struct autoscaler_policy autoscaler_hpa = {
	.head =
		{
			.name = "hpa",
			.help = "Kubernetes': a ratio to a target, tolerance, stabilisation",
			.options = options,
			.self_size = sizeof(struct hpa),
		},
	.decide = decide,
	.room = room,
	.wrong = wrong,
};
