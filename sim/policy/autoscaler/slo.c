/*
 * Keeps limits on TTFT and token gap, after Dynamo's SLA planner (semantics.md section 12): each
 * interval it predicts the load of the next one, corrects the cost model by what it was off, and
 * takes the fewest replicas that the model says keep the limits. Deviation: a replica does prompts
 * and answers, so that there is one number of replicas instead of two.
 */
#include "policy/autoscaler.h"

enum { PREDICT_CONSTANT, PREDICT_TREND };
static const char *const predictors[] = {"constant", "trend", NULL};

struct slo {
	struct autoscale_settings set;
	ns_t ttft, itl, interval;
	int predictor;
	bool correct;
	/* totals at the last look */
	ns_t last;
	struct autoscale_ask seen;
	double rate; /* of the interval before it */
	bool begun, knows_rate;
};

/* clang-format off */
static const struct option options[] = {
	{"ttft", OPTION_DURATION, offsetof(struct slo, ttft), 0, 3600e9, "0s", NULL, "s",
	 "limit on the mean time to first token; 0: none"},
	{"itl", OPTION_DURATION, offsetof(struct slo, itl), 0, 60e9, "0s", NULL, "s",
	 "limit on the mean gap between tokens; 0: none"},
	AUTOSCALE_BOUNDS_OPTIONS,
	AUTOSCALE_COMMON_OPTIONS,
	{"tick", OPTION_DURATION, offsetof(struct slo, interval), 1e9, 86400e9, "180s", NULL, "s",
	 "between decisions"},
	{"predictor", OPTION_CHOICE, offsetof(struct slo, predictor), 0, 0, "constant", predictors, NULL,
	 "of the next interval's requests: as many as in the last, or changing as much again"},
	{"correction", OPTION_BOOL, offsetof(struct slo, correct), 0, 0, "true", NULL, NULL,
	 "correct the cost model by what was measured"},
	{.name = NULL},
};
/* clang-format on */

/* What happened since the last look. */
struct past {
	struct autoscale_load load; /* of all replicas */
	double ttft, itl;           /* means, ns; 0: nothing was answered */
};

static void look_back(const struct slo *p, ns_t now, const struct autoscale_ask *ask,
                      struct past *out)
{
	const double requests = (double)(ask->arrived - p->seen.arrived);
	const double answers = (double)(ask->answered - p->seen.answered);
	const double gaps = (double)(ask->n_gaps - p->seen.n_gaps);
	*out = (struct past){.load = {0.0, 0.0, 0.0}};
	if (requests > 0.0) {
		out->load.rate = requests * 1e9 / (double)(now - p->last);
		out->load.input = (double)(ask->input - p->seen.input) / requests;
		out->load.output = (double)(ask->output - p->seen.output) / requests;
	}
	out->ttft = answers > 0.0 ? (double)(int64_t)(ask->ttft - p->seen.ttft) / answers : 0.0;
	out->itl = gaps > 0.0 ? (double)(int64_t)(ask->gaps - p->seen.gaps) / gaps : 0.0;
}

static bool predict(const struct autoscale_ask *ask, const struct autoscale_load *all, int64_t n,
                    ns_t *ttft, ns_t *itl)
{
	const struct autoscale_load one = {all->rate / (double)n, all->input, all->output};
	return ask->predict(ask->predict_arg, &one, ttft, itl);
}

/* Measured over predicted. A TTFT is longer for want of replicas before it shows that the model is
 * wrong, so that only a shorter one corrects it. */
struct correction {
	double ttft, itl;
};

static struct correction correct(const struct slo *p, const struct autoscale_ask *ask,
                                 const struct past *past)
{
	struct correction c = {1.0, 1.0};
	ns_t ttft, itl;
	if (!p->correct || ask->ready == 0 || !predict(ask, &past->load, ask->ready, &ttft, &itl)) {
		return c;
	}
	if (past->ttft > 0.0 && past->ttft < (double)ttft) {
		c.ttft = past->ttft / (double)ttft;
	}
	if (past->itl > 0.0 && itl > 0) {
		c.itl = past->itl / (double)itl;
	}
	return c;
}

/* Do `n` replicas keep the limits under that load? */
static bool keeps(const struct slo *p, const struct autoscale_ask *ask,
                  const struct autoscale_load *next, const struct correction *c, int64_t n)
{
	ns_t ttft, itl;
	return predict(ask, next, n, &ttft, &itl) &&
	       (p->ttft == 0 || (double)ttft * c->ttft <= (double)p->ttft) &&
	       (p->itl == 0 || (double)itl * c->itl <= (double)p->itl);
}

/* The fewest that keep the limits, or max. */
static int64_t fewest(const struct slo *p, const struct autoscale_ask *ask,
                      const struct autoscale_load *next, const struct correction *c,
                      enum autoscale_reason *reason)
{
	int64_t low = p->set.min > 1 ? p->set.min : 1, high = p->set.max;
	*reason = AUTOSCALE_UNREACHED;
	if (!keeps(p, ask, next, c, high)) {
		return high;
	}
	*reason = keeps(p, ask, next, c, low) && low == p->set.min ? AUTOSCALE_BOUNDS
	                                                           : AUTOSCALE_LOAD;
	while (low < high) {
		const int64_t middle = low + (high - low) / 2;
		if (keeps(p, ask, next, c, middle)) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return high;
}

static int64_t plan(struct slo *p, ns_t now, const struct autoscale_ask *ask,
                    enum autoscale_reason *reason)
{
	struct past past;
	look_back(p, now, ask, &past);
	const double before = p->rate;
	const bool trend = p->predictor == PREDICT_TREND && p->knows_rate;
	struct autoscale_load next = past.load;
	p->rate = past.load.rate;
	p->knows_rate = true;
	*reason = AUTOSCALE_NO_METRICS;
	if (!(past.load.rate > 0.0)) {
		return ask->wanted; /* nobody came: there is nothing to predict from */
	}
	next.rate += trend ? past.load.rate - before : 0.0;
	if (!(next.rate > 0.0)) {
		*reason = AUTOSCALE_BOUNDS;
		return p->set.min;
	}
	const struct correction c = correct(p, ask, &past);
	return fewest(p, ask, &next, &c, reason);
}

static void decide(void *self, const struct view *v, const struct autoscale_ask *ask,
                   struct autoscale_answer *out)
{
	struct slo *const p = self;
	enum autoscale_reason reason = AUTOSCALE_INITIAL;
	const int64_t n = p->begun ? plan(p, v->now, ask, &reason) : ask->wanted;
	p->begun = true;
	p->last = v->now;
	p->seen = *ask;
	*out = (struct autoscale_answer){
		.replicas = (uint32_t)n,
		.next = autoscale_tick(v->now, p->interval),
		.reason = reason,
	};
}

static const char *wrong(const void *self)
{
	const struct slo *const p = self;
	if (p->ttft == 0 && p->itl == 0) {
		return "it needs a limit to keep: ttft, itl or both";
	}
	return p->set.min < 1 ? "this autoscaler cannot reach zero: min must be 1 or more; kpa can"
	                      : NULL;
}

const struct autoscaler_policy autoscaler_slo = {
	.head =
		{
			.name = "slo",
			.help = "fewest that keep TTFT and ITL limits, by predicted load and cost",
			.options = options,
			.self_size = sizeof(struct slo),
		},
	.decide = decide,
	.wrong = wrong,
	.predicts = true,
};
