/*
 * What happened to one request, and the metrics of it, defined here once: TTFT first token -
 * arrival (waiting included); TTST second - first token; latency last token - arrival; TPOT (last -
 * first) / (output - 1), GenAI-Perf's inter_token_latency; ITL every gap between consecutive
 * tokens, AIPerf's inter_chunk_latency; queue admission - arrival; tokens per second per user 1 /
 * TPOT.
 */
#ifndef ALIQUOT_METRIC_REQUEST_RECORD_H
#define ALIQUOT_METRIC_REQUEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "spec/slo.h"

enum request_end { REQUEST_FINISHED, REQUEST_REJECTED, REQUEST_LOST };

struct request_record {
	uint64_t id; /* order of arrival within the run, from 0 */
	ns_t arrival;
	ns_t admitted; /* first time in a batch; valid only when finished */
	ns_t first;    /* first token delivered; = end without output tokens */
	ns_t second;   /* second response (token) delivered; 0 when there was one only */
	ns_t end;      /* last token delivered, or time of rejection */
	int32_t input_tokens, output_tokens;
	int32_t cached_tokens; /* of the input: found in the prefix cache; valid only when finished
	                        */
	uint32_t replica;      /* within the service */
	uint32_t user;
	uint16_t service;
	uint16_t preemptions;
	uint8_t outcome; /* enum request_end */
	bool warmup;
};

/* What one finished request has a value of, and ITL, which has many per request. */
enum request_metric {
	METRIC_TTFT, /* ns, as all times; distributions are in ms */
	METRIC_TTST,
	METRIC_TPOT,
	METRIC_LATENCY,
	METRIC_QUEUE,
	METRIC_INPUT, /* tokens */
	METRIC_OUTPUT,
	METRIC_TPS_USER, /* tokens/s, follows from TPOT: request_tps_user */
	METRIC_ITL,
};
#define REQUEST_METRICS METRIC_TPS_USER /* those with one whole number per request */

/*
 * The value of one metric of a finished request; false when it has none: TTST and TPOT need two
 * output tokens. TPOT is rounded to whole ns, halves to even, as GenAI-Perf does.
 */
bool request_value(const struct request_record *r, enum request_metric metric, int64_t *out);

/* Tokens per second per user, 1e9 / TPOT in ns; NaN without a TPOT above 0. */
double request_tps_user(const struct request_record *r);

/*
 * Does a finished request meet every request-level limit among `slo` (ttft, ttst, tpot, latency,
 * queue, tps_user; the statistic they name is ignored)? A metric it has no value of breaks none.
 */
bool request_is_good(const struct request_record *r, const struct slo *slo, size_t n_slo);

/* True when a limit is one that request_is_good looks at. */
bool request_level(const struct slo *slo);

/*
 * num / den rounded to nearest, halves to even; num >= 0, den > 0. The quotient of doubles is off
 * by at most a few units, which the remainder puts right: several times faster than dividing
 * integers.
 */
static inline int64_t divide_half_even(int64_t num, int64_t den)
{
	int64_t q = (int64_t)((double)num / (double)den);
	int64_t rest = num - q * den;

	for (; rest < 0; rest += den) {
		q--;
	}
	for (; rest >= den; rest -= den) {
		q++;
	}
	return q + (rest > den - rest || (rest == den - rest && (q & 1) != 0) ? 1 : 0);
}

/* TPOT of a request with two output tokens or more, in ns. */
static inline int64_t request_tpot(const struct request_record *r)
{
	return divide_half_even(r->end - r->first, r->output_tokens - 1);
}

#endif
