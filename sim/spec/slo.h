/* The one grammar for limits: METRIC[.STAT] OP VALUE[UNIT] (cli.md 4.3). */
#ifndef ALIQUOT_SPEC_SLO_H
#define ALIQUOT_SPEC_SLO_H

#include <stdbool.h>

#include "base/err.h"

enum slo_metric {
	SLO_TTFT,
	SLO_TTST,
	SLO_TPOT,
	SLO_ITL,
	SLO_LATENCY,
	SLO_QUEUE,    /* times, ms */
	SLO_TPS_USER, /* tok/s per user */
	SLO_TPS,
	SLO_RPS,
	SLO_GOODPUT,    /* of the service, per second */
	SLO_ERROR_RATE, /* share of requests rejected or lost */
};
enum slo_stat { SLO_AVG, SLO_MIN, SLO_MAX, SLO_STD, SLO_PERCENTILE, SLO_NONE /* scalar metrics */ };
enum slo_op { SLO_LT, SLO_LE, SLO_GT, SLO_GE, SLO_EQ };

struct slo {
	enum slo_metric metric;
	enum slo_stat stat;
	double percentile; /* valid only for SLO_PERCENTILE: 50, 95, 99.9 */
	enum slo_op op;
	double value;  /* ms, tok/s, req/s or share */
	char text[64]; /* canonical: "ttft.p95 <= 1000 ms" */
};

/* Does the limit hold for this value? NaN (nothing observed) never does. */
static inline bool slo_holds(const struct slo *limit, double observed)
{
	switch (limit->op) {
	case SLO_LT:
		return observed < limit->value;
	case SLO_LE:
		return observed <= limit->value;
	case SLO_GT:
		return observed > limit->value;
	case SLO_GE:
		return observed >= limit->value;
	case SLO_EQ:
		break;
	}
	return observed >= limit->value && observed <= limit->value;
}

/*
 * Parse "ttft.p95<=1s", long names (time_to_first_token), GenAI-Perf's "time_to_first_token:1000"
 * and AIPerf's "time_to_first_token:p95:lt:1000". Default statistic: p95 for times, none else.
 * False with *why set to a static or thread-local message.
 */
bool slo_parse(const char *text, struct slo *out, const char **why);

/* The metric's name in the exports of GenAI-Perf and AIPerf: "time_to_first_token". */
const char *slo_long_name(const struct slo *slo);

/* Is the metric about tokens, which only generating models emit? */
bool slo_needs_tokens(const struct slo *slo);

/*
 * Cut "LIMIT @SERVICE", or "METRIC@SERVICE <= VALUE", into its limit and the name behind the last
 * "@", NULL when there is none. Caller frees both.
 */
char *slo_split(const char *text, char **service);

#endif
