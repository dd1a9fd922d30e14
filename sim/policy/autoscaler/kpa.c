/*
 * Knative's pod autoscaler, by its source (semantics.md section 12): a stable and a panic window
 * over concurrency or requests per second, and the way to zero and back. Deviations: windows are
 * whole ticks instead of seconds, and averages are exact instead of sampled.
 */
#include "policy/autoscaler.h"
#include "policy/window.h"

#define MICRO INT64_C(1000000) /* targets and rates are counted in millionths */
#define ACTIVATION_BUFFER (10 * NS_PER_S)
#define NOT NS_NEVER /* a state it is not in */

enum { METRIC_CONCURRENCY, METRIC_THROUGHPUT };
static const char *const metrics[] = {"concurrency", "throughput", NULL};

enum phase_of_life { LIFE_ACTIVATING, LIFE_ACTIVE, LIFE_INACTIVE };

struct kpa {
	struct autoscale_settings set;
	int metric;
	double target, utilization, panic_window, panic_threshold, up_rate, down_rate;
	int64_t activation, burst;
	ns_t stable, tick, delay, grace, retention;
	/* what follows from the options */
	int64_t total, per_replica; /* capacity of one replica, and what it is to be used for */
	ns_t panic;                 /* the panic window */
	/* state */
	struct window loads, wants; /* totals at past ticks; answers, for the delay */
	ns_t panic_since;           /* or last seen; NOT: no panic */
	int64_t panic_most;
	ns_t since;   /* in this phase of its life */
	ns_t proxy;   /* the activator is in the path since then; NOT: it is not */
	uint8_t life; /* enum phase_of_life */
	bool begun;
	bool settled; /* it was once ready with as many as it begins with */
};

/* clang-format off */
static const struct option options[] = {
	{"metric", OPTION_CHOICE, offsetof(struct kpa, metric), 0, 0, "concurrency", metrics, NULL,
	 "what is counted: requests in the system, or those that come per second"},
	{"target", OPTION_REAL, offsetof(struct kpa, target), 0.01, 1e9, "", NULL, NULL,
	 "of one replica: 100 requests, or 200 requests/s, unless the hard limit says less"},
	{"target_utilization", OPTION_SHARE, offsetof(struct kpa, utilization), 0.01, 1, "0.7", NULL, NULL,
	 "of the target, that is aimed at"},
	AUTOSCALE_BOUNDS_OPTIONS,
	AUTOSCALE_COMMON_OPTIONS,
	{"activation", OPTION_INT, offsetof(struct kpa, activation), 1, AUTOSCALE_MOST, "1", NULL, "replicas",
	 "at least, when there is anything to do"},
	{"stable_window", OPTION_DURATION, offsetof(struct kpa, stable), 6e9, 3600e9, "60s", NULL, "s",
	 "over which the load is averaged, and without load before it is inactive"},
	{"panic_window", OPTION_SHARE, offsetof(struct kpa, panic_window), 0.01, 1, "0.1", NULL, NULL,
	 "of the stable window"},
	{"panic_threshold", OPTION_REAL, offsetof(struct kpa, panic_threshold), 1.1, 10, "2", NULL, NULL,
	 "times the ready replicas wanted over the panic window: panic, no scaling down"},
	{"tick", OPTION_DURATION, offsetof(struct kpa, tick), 1e8, 600e9, "2s", NULL, "s", "between decisions"},
	{"max_scale_up_rate", OPTION_REAL, offsetof(struct kpa, up_rate), 1.000001, 1e6, "1000", NULL, NULL,
	 "times the ready replicas, at once"},
	{"max_scale_down_rate", OPTION_REAL, offsetof(struct kpa, down_rate), 1.000001, 1e6, "2", NULL, NULL,
	 "ready replicas divided by this stay, at once"},
	{"scale_down_delay", OPTION_DURATION, offsetof(struct kpa, delay), 0, 3600e9, "0s", NULL, "s",
	 "the most wanted over so long stays"},
	{"scale_to_zero_after", OPTION_DURATION, offsetof(struct kpa, retention), 0, 604800e9, "0s", NULL, "s",
	 "the last replica stays so long once inactive; when given, min is 0"},
	{"scale_to_zero_grace", OPTION_DURATION, offsetof(struct kpa, grace), 0, 3600e9, "30s", NULL, "s",
	 "to take the activator into the path before the last replica goes"},
	{"target_burst_capacity", OPTION_INT, offsetof(struct kpa, burst), -1, 1e7, "211", NULL, "requests",
	 "to be left, or the activator is in the path; -1: always, 0: only at zero"},
	{.name = NULL},
};
/* clang-format on */

static int64_t micro(double x)
{
	return (int64_t)(x * (double)MICRO + 0.5);
}

static uint32_t ticks_of(const struct kpa *k, ns_t span)
{
	return (uint32_t)((span + k->tick - 1) / k->tick);
}

/* One slot before the window, and one for the answer that is put before the oldest is dropped. */
static uint32_t load_slots(const struct kpa *k)
{
	return ticks_of(k, k->stable) + 2;
}

static size_t room(const void *self)
{
	const struct kpa *const k = self;
	return ((size_t)load_slots(k) + ticks_of(k, k->delay) + 2) * sizeof(struct window_slot);
}

static i128_t total_of(const struct kpa *k, const struct autoscale_ask *ask)
{
	return k->metric == METRIC_THROUGHPUT ? (i128_t)ask->arrived * NS_PER_S : ask->busy;
}

static void set_life(struct kpa *k, enum phase_of_life life, ns_t now)
{
	if (k->life != life) {
		k->life = (uint8_t)life;
		k->since = now;
	}
}

/* A capacity of its own makes the smaller of the two the target. */
static double capacity(const struct kpa *k)
{
	const double usual = k->metric == METRIC_THROUGHPUT ? 200.0 : 100.0;
	const double hard = (double)k->set.hard_limit;
	if (k->metric == METRIC_THROUGHPUT || k->set.hard_limit == 0) {
		return k->target > 0.0 ? k->target : usual;
	}
	return k->target > 0.0 && k->target < hard ? k->target : hard;
}

static void begin(struct kpa *k, ns_t now, const struct autoscale_ask *ask)
{
	const double total = capacity(k), used = total * k->utilization;
	k->total = micro(total);
	k->per_replica = micro(used > 0.01 ? used : 0.01);
	k->stable = ticks_of(k, k->stable) * k->tick;
	k->panic = ticks_of(k, (ns_t)((double)k->stable * k->panic_window)) * k->tick;
	k->loads.cap = load_slots(k);
	k->wants.cap = ticks_of(k, k->delay) + 2;
	/* without a past it keeps what it has until it knows better */
	k->panic_since = ask->ready > 1 ? now : NOT;
	k->panic_most = ask->ready > 1 ? ask->ready : 0;
	k->proxy = NOT;
	k->life = ask->ready > 0 ? LIFE_ACTIVE : ask->wanted > 0 ? LIFE_ACTIVATING : LIFE_INACTIVE;
	k->since = now;
	k->settled = ask->ready >= k->set.initial;
	k->begun = true;
}

/* Replicas for `grown` over `span`, rounded up. */
static int64_t replicas_for(const struct kpa *k, i128_t grown, ns_t span)
{
	const i128_t one = (i128_t)span * k->per_replica;
	const i128_t n = (grown * MICRO + one - 1) / one;
	return n < AUTOSCALE_MOST ? (int64_t)n : AUTOSCALE_MOST;
}

struct demand {
	int64_t stable, panic; /* replicas, before any rule */
	i128_t grown;          /* the metric's total, over the panic window */
	ns_t over;             /* what there is of that */
};

static void observe(struct kpa *k, ns_t now, const struct autoscale_ask *ask, struct demand *d)
{
	const i128_t total = total_of(k, ask);
	ns_t over;
	const i128_t grown = window_growth(&k->loads, now, total, k->stable, &over);
	d->grown = window_growth(&k->loads, now, total, k->panic, &d->over);
	d->over = d->over > k->tick ? d->over : k->tick; /* woken sooner: as if it were a tick */
	/* the activator reports the request that wakes it as one that is there */
	const i128_t here = ask->poked && ask->in_flight > 0 ? 1 : 0;
	d->stable = replicas_for(k, grown > here ? grown : here, over > k->tick ? over : k->tick);
	d->panic = replicas_for(k, d->grown > here ? d->grown : here, d->over);
}

/* Not more, and not fewer, than the rates allow; at least the activation scale. */
static int64_t allowed(const struct kpa *k, int64_t n, int64_t ready, enum autoscale_reason *reason)
{
	const int64_t most = (ready * micro(k->up_rate) + MICRO - 1) / MICRO;
	const int64_t least = ready * MICRO / micro(k->down_rate);
	const int64_t kept = n > least ? n : least, held = kept < most ? kept : most;
	*reason = held != n ? AUTOSCALE_RATE : AUTOSCALE_LOAD;
	if (n > 0 && k->activation > 1 && held < k->activation) {
		*reason = AUTOSCALE_ACTIVATION;
		return k->activation;
	}
	return held;
}

static void watch_panic(struct kpa *k, ns_t now, const struct demand *d, int64_t ready)
{
	if ((i128_t)d->panic * MICRO >= (i128_t)micro(k->panic_threshold) * ready) {
		k->panic_since = now;
	} else if (k->panic_since != NOT && now - k->panic_since > k->stable) {
		k->panic_since = NOT;
		k->panic_most = 0;
	}
}

/* What the two windows ask for together. */
static int64_t desired(struct kpa *k, ns_t now, const struct demand *d, int64_t ready,
                       enum autoscale_reason *reason)
{
	enum autoscale_reason why;
	int64_t n = allowed(k, d->stable, ready, reason);
	watch_panic(k, now, d, ready);
	if (k->panic_since == NOT) {
		return n;
	}
	const int64_t now_wanted = allowed(k, d->panic, ready, &why);
	if (now_wanted > n) {
		n = now_wanted;
		*reason = why == AUTOSCALE_LOAD ? AUTOSCALE_PANIC : why;
	}
	if (n >= k->panic_most) {
		k->panic_most = n;
		return n;
	}
	*reason = AUTOSCALE_PANIC;
	return k->panic_most;
}

static int64_t delayed(struct kpa *k, ns_t now, int64_t n, enum autoscale_reason *reason)
{
	if (k->delay == 0) {
		return n;
	}
	window_forget(&k->wants, now - k->delay);
	window_put_max(&k->wants, now, n);
	const int64_t most = (int64_t)window_at(&k->wants, 0)->value;
	*reason = most != n ? AUTOSCALE_DELAY : *reason;
	return most;
}

/* The last replica has done nothing for a while: may it go? */
static int64_t to_zero(const struct kpa *k, ns_t now, int64_t current,
                       enum autoscale_reason *reason)
{
	const ns_t inactive = now - k->since;
	const ns_t proxied = k->proxy == NOT ? 0 : now - k->proxy;
	const bool kept = inactive < k->retention || (inactive < k->grace && proxied < k->grace);
	*reason = kept && current > 0 ? AUTOSCALE_GRACE : AUTOSCALE_ZERO;
	return kept ? current : 0;
}

/*
 * Nothing is wanted: what happens depends on where the service is in its life. In *wish what counts
 * as wanted, which may be less than what is there; -1: unknown.
 */
static int64_t idle(const struct kpa *k, ns_t now, int64_t current, int64_t *wish,
                    enum autoscale_reason *reason)
{
	*wish = 0;
	if (k->life == LIFE_INACTIVE) {
		return to_zero(k, now, current, reason);
	}
	if (k->life == LIFE_ACTIVATING) {
		const bool late = now - k->since >= k->set.timeout + ACTIVATION_BUFFER;
		*wish = late ? 0 : -1;
		*reason = late ? AUTOSCALE_TIMED_OUT : AUTOSCALE_STARTING;
		return late ? 0 : current;
	}
	if (now - k->since >= k->stable) {
		*reason = AUTOSCALE_GRACE; /* inactive from now on */
		return current;
	}
	*wish = 1;
	*reason = AUTOSCALE_IDLE;
	return 1;
}

/* How many must be ready for it to be active. */
static int64_t enough(const struct kpa *k)
{
	const int64_t at_first = k->set.initial > k->set.min ? k->set.initial : k->set.min;
	const int64_t later = k->set.min > 1 ? k->set.min : 1;
	return k->settled ? later : at_first;
}

static void live(struct kpa *k, ns_t now, int64_t ready, int64_t wish)
{
	const int64_t needed = enough(k);
	k->settled = k->settled || ready >= needed;
	if (wish == 0 || needed == 0) {
		set_life(k, LIFE_INACTIVE, now);
	} else if (wish > 0 || k->life != LIFE_INACTIVE) {
		set_life(k, ready < needed ? LIFE_ACTIVATING : LIFE_ACTIVE, now);
	}
}

/* Would a burst find fewer free places than it should? */
static bool lacks_burst(const struct kpa *k, const struct demand *d, int64_t ready)
{
	if (k->burst <= 0) {
		return k->burst < 0;
	}
	const i128_t spare = (i128_t)ready * k->total - (i128_t)k->burst * MICRO;
	return spare * d->over < d->grown * MICRO;
}

static void remember(struct kpa *k, ns_t now, i128_t total)
{
	while (k->loads.n > 1 && window_at(&k->loads, 1)->at <= now - k->stable) {
		window_forget(&k->loads, window_at(&k->loads, 0)->at);
	}
	window_put(&k->loads, now, total);
}

static void decide(void *self, const struct view *v, const struct autoscale_ask *ask,
                   struct autoscale_answer *out)
{
	struct kpa *const k = self;
	struct demand d = {.over = 1};
	k->loads.slots = ask->room;
	k->wants.slots = (struct window_slot *)ask->room + load_slots(k);
	if (!k->begun) {
		begin(k, v->now, ask);
		remember(k, v->now, total_of(k, ask));
		*out = (struct autoscale_answer){
			.replicas = ask->wanted,
			.activator = ask->wanted == 0 || lacks_burst(k, &d, ask->ready),
			.poke = ask->wanted == 0,
			.next = autoscale_tick(v->now, k->tick),
			.reason = AUTOSCALE_INITIAL,
		};
		return;
	}
	enum autoscale_reason reason;
	const int64_t ready = ask->ready > 1 ? ask->ready : 1;
	observe(k, v->now, ask, &d);
	int64_t n = delayed(k, v->now, desired(k, v->now, &d, ready, &reason), &reason);
	const int64_t min = k->settled || k->set.initial < k->set.min ? k->set.min : k->set.initial;
	n = autoscale_bound(n, min, k->set.max, &reason);
	int64_t wish = n;
	if (n == 0) {
		n = idle(k, v->now, ask->wanted, &wish, &reason);
	}
	live(k, v->now, ask->ready, wish);
	const bool proxies = wish == 0 || (wish < 0 && k->life == LIFE_INACTIVE) ||
	                     lacks_burst(k, &d, ask->ready);
	k->proxy = !proxies ? NOT : k->proxy == NOT ? v->now : k->proxy;
	if (!ask->poked) {
		remember(k, v->now, total_of(k, ask));
	}
	const bool asleep = n == 0 && ask->in_flight == 0;
	*out = (struct autoscale_answer){
		.replicas = (uint32_t)n,
		.activator = proxies,
		.poke = wish == 0,
		.next = asleep ? NS_NEVER : autoscale_tick(v->now, k->tick),
		.reason = reason,
	};
}

static const char *wrong(const void *self)
{
	const struct kpa *const k = self;
	if (k->tick > k->stable) {
		return "tick is longer than stable_window";
	}
	if (k->activation > k->set.max) {
		return "activation is more than max";
	}
	return NULL;
}

const struct autoscaler_policy autoscaler_kpa = {
	.head =
		{
			.name = "kpa",
			.help = "Knative's: stable and panic windows, to zero and back",
			.options = options,
			.self_size = sizeof(struct kpa),
		},
	.decide = decide,
	.room = room,
	.wrong = wrong,
	.bypasses = true,
};
