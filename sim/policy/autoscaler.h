/* Autoscaler policies: how many replicas a service wants. */
#ifndef ALIQUOT_POLICY_AUTOSCALER_H
#define ALIQUOT_POLICY_AUTOSCALER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

/* Which rule said the last word. */
enum autoscale_reason {
	AUTOSCALE_INITIAL,    /* what it begins with; nothing is measured yet */
	AUTOSCALE_LOAD,       /* what the metric asks for */
	AUTOSCALE_PANIC,      /* the most of a panic, which never scales down */
	AUTOSCALE_RATE,       /* more, or fewer, at once is not allowed */
	AUTOSCALE_ACTIVATION, /* at least so many when there is anything to do */
	AUTOSCALE_DELAY,      /* the most of the last minutes, before it scales down */
	AUTOSCALE_BOUNDS,     /* min or max */
	AUTOSCALE_TOLERANCE,  /* near enough to the target */
	AUTOSCALE_NO_METRICS, /* nothing to go by, or not enough to be sure of the direction */
	AUTOSCALE_IDLE,       /* one is kept until it was active for a whole window */
	AUTOSCALE_GRACE,      /* inactive, but its replicas are kept a while */
	AUTOSCALE_ZERO,       /* nobody came for long enough */
	AUTOSCALE_STARTING,   /* nobody comes, but it is still being activated */
	AUTOSCALE_TIMED_OUT,  /* it was not activated in time */
	AUTOSCALE_UNREACHED,  /* the limits would be broken even with the most */
	AUTOSCALE_REASONS
};

/* "panic", for people. */
const char *autoscale_reason_name(enum autoscale_reason reason);

/* What one replica gets. */
struct autoscale_load {
	double rate;          /* requests/s */
	double input, output; /* mean tokens of one */
};

/*
 * What a policy is told. Totals are since the start of the run: policies remember where they were,
 * and so decide over which time they average.
 */
struct autoscale_ask {
	uint32_t wanted;    /* its last answer; at first what the service begins with */
	uint32_t ready;     /* replicas that take requests */
	uint32_t running;   /* the same, and those that start and whose process is there */
	uint32_t measured;  /* of which the metric is known */
	uint32_t in_flight; /* requests in the system now, those that wait for a replica too */
	bool poked;         /* it is not its time, but a request came after it said `poke` */
	i128_t busy;        /* requests in the system, integrated over time: x ns */
	uint64_t arrived;   /* requests */
	uint64_t input;     /* their tokens */
	uint64_t output;    /* their answers' tokens */
	uint64_t answered;  /* requests, to the last token */
	i128_t latency;     /* of those: ns from arrival to the last token */
	i128_t ttft;        /* and to the first */
	i128_t gaps;        /* and from the first to the last */
	uint64_t n_gaps;    /* tokens after the first */
	void *room;         /* memory of the policy besides self, zeroed at first */
	/*
	 * TTFT and token gap of a replica that serves `one` all the time, ns, by the cost model;
	 * false: it cannot, requests would pile up. NULL where `predicts` is false.
	 */
	bool (*predict)(const void *arg, const struct autoscale_load *one, ns_t *ttft, ns_t *itl);
	const void *predict_arg;
};

struct autoscale_answer {
	uint32_t replicas; /* wanted from now on */
	bool activator;    /* is in the path of requests: it holds those that no replica can take;
	                      else they wait where they were sent, if the policy `bypasses` */
	bool poke;         /* ask at once when a request comes */
	ns_t next;         /* ask then; NS_NEVER: only when poked */
	enum autoscale_reason reason;
};

/* The options that every autoscaler begins with; the scenario's, defaults filled in. */
struct autoscale_settings {
	int64_t min, max;   /* replicas */
	int64_t initial;    /* there at the start */
	int64_t hard_limit; /* requests at one replica; 0: none */
	ns_t timeout;       /* a replica that is not ready by then has failed */
};

struct autoscaler_policy {
	struct policy_head head;
	/*
	 * How many replicas from now on? Called by flow/scale.c when the service begins (`wanted`
	 * is what it begins with, nothing was measured), then at out->next, and in between when a
	 * request comes and it has said `poke`. Must answer from min to max. Required.
	 */
	void (*decide)(void *self, const struct view *v, const struct autoscale_ask *ask,
	               struct autoscale_answer *out);
	/* Bytes it needs beside self, with these options; NULL: none. */
	size_t (*room)(const void *self);
	/* What is wrong with its options, as a whole sentence; NULL (hook or answer): nothing. */
	const char *(*wrong)(const void *self);
	bool predicts; /* asks for `predict` */
	bool bypasses; /* its activator is not always in the path of requests */
};

/* --- for policies ------------------------------------------------------------------------------
 */

#define AUTOSCALE_MOST 1000000 /* replicas */

/* Rows of the option tables; self begins with struct autoscale_settings. */
/* clang-format off */
#define AUTOSCALE_COMMON_OPTIONS                                                                  \
	{"initial", OPTION_INT, offsetof(struct autoscale_settings, initial), 0, AUTOSCALE_MOST,  \
	 "", NULL, "replicas", "there at the start; the service's replicas, or min"},             \
	{"concurrency_hard_limit", OPTION_INT, offsetof(struct autoscale_settings, hard_limit),   \
	 0, 1e7, "0", NULL, "requests", "at one replica; 0: none"},                               \
	{"initialization_timeout", OPTION_DURATION, offsetof(struct autoscale_settings, timeout), \
	 1e9, 43200e9, "10m", NULL, "s", "a replica that is not ready by then has failed"}
#define AUTOSCALE_BOUNDS_OPTIONS                                                                  \
	{"min", OPTION_INT, offsetof(struct autoscale_settings, min), 0, AUTOSCALE_MOST, "",      \
	 NULL, "replicas", "of replicas at least; 0 lets it scale to zero"},                      \
	{"max", OPTION_INT, offsetof(struct autoscale_settings, max), 1, AUTOSCALE_MOST, NULL,    \
	 NULL, "replicas", "of replicas at most"}
/* clang-format on */

/* `n` between min and max; where that changes it, that is the reason. */
static inline int64_t autoscale_bound(int64_t n, int64_t min, int64_t max,
                                      enum autoscale_reason *reason)
{
	const int64_t low = n < min ? min : n, bound = low > max ? max : low;
	*reason = bound != n ? AUTOSCALE_BOUNDS : *reason;
	return bound;
}

/* The next multiple of `every` after `now`. */
static inline ns_t autoscale_tick(ns_t now, ns_t every)
{
	return ns_after(now - now % every, every);
}

#define AUTOSCALER(name) extern const struct autoscaler_policy autoscaler_##name;
#include "policy/policies.def"

#endif
