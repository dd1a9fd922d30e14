/*
 * What happened to each request, and the statistics that follow. Metrics, defined here once:
 * TTFT first token - arrival (waiting included); TTST second - first token; latency last token -
 * arrival; TPOT (last - first) / (output - 1), GenAI-Perf's inter_token_latency; ITL every gap
 * between consecutive tokens, AIPerf's inter_chunk_latency; queue admission - arrival.
 * Constant memory per finished request unless records are kept.
 */
#ifndef ALIQUOT_METRIC_REQUEST_LOG_H
#define ALIQUOT_METRIC_REQUEST_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

enum request_end { REQUEST_FINISHED, REQUEST_REJECTED, REQUEST_LOST };

struct request_record {
	uint64_t id;       /* order of arrival within the run, from 0 */
	ns_t arrival;
	ns_t admitted;     /* first time in a batch; valid only when finished */
	ns_t first;        /* first token delivered; = end without output tokens */
	ns_t second;       /* second token delivered; 0 when output < 2 */
	ns_t end;          /* last token delivered, or time of rejection */
	int32_t input_tokens, output_tokens;
	uint32_t replica;  /* within the service */
	uint32_t user;
	uint16_t service;
	uint16_t preemptions;
	uint8_t outcome;   /* enum request_end */
	bool warmup;
};

struct request_log;

/*
 * keep_records: keep every record in memory for exact quantiles and the record files. Otherwise
 * log-linear histograms (relative error below 0.1 %).
 */
struct request_log *request_log_new(size_t n_services, bool keep_records);
void request_log_free(struct request_log *log);

/* Note a finished, rejected or lost request. Warm-up requests are kept as records but not counted. */
void request_log_add(struct request_log *log, const struct request_record *r);

/*
 * Note token gaps of one service: `weight` sequences each saw the `n` gaps first, first + step,
 * first + 2 step, ... in ticks (2^-20 ns). Cost follows the histogram cells crossed, not n.
 */
void request_log_gaps(struct request_log *log, size_t service, tick_t first, tick_t step, int64_t n,
                      int64_t weight);

/* The kept records in order of completion (NULL, 0 when not kept); borrowed. */
const struct request_record *request_log_records(const struct request_log *log, size_t *n);

#endif
