/*
 * The statistics of all requests of a run: noted as they finish, read at the end. What a metric
 * means is request_record.h. Constant memory, whatever the number of requests, unless records are
 * kept.
 */
#ifndef ALIQUOT_METRIC_REQUEST_LOG_H
#define ALIQUOT_METRIC_REQUEST_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"
#include "spec/slo.h"
#include "metric/dist.h"
#include "metric/request_record.h"

struct request_log;

/*
 * keep_records: keep every record in memory (96 bytes each) for the record files. Otherwise the
 * first REQUEST_LOG_EXACT records, so that the quantiles of runs that are no longer are exact all
 * the same and a verdict does not depend on what is written; longer runs read log-linear histograms
 * (relative error below 0.1 %) in constant memory.
 */
#define REQUEST_LOG_EXACT 32768
struct request_log *request_log_new(size_t n_services, bool keep_records);
void request_log_free(struct request_log *log);

/*
 * The limits that goodput of one service counts against; call before the first request. `slo` is
 * borrowed for the life of the log. Without this call its goodput is undefined.
 */
void request_log_set_limits(struct request_log *log, size_t service, const struct slo *slo,
                            size_t n_slo);

/*
 * Note a finished, rejected or lost request. Warm-up requests are kept as records but not counted.
 * Called once per request: some 30 ns without limits.
 */
void request_log_add(struct request_log *log, const struct request_record *r);

/* The n token gaps of the request just added; records must be kept. */
void request_log_add_gaps(struct request_log *log, const ns_t *gaps, size_t n);

/* Token gaps of record i, n of them; NULL when none were noted. Borrowed. */
const ns_t *request_log_record_gaps(const struct request_log *log, size_t i, size_t *n);

/*
 * Note token gaps of one service: `weight` sequences each saw the `n` gaps first, first + step,
 * first + 2 step, ... in ticks (2^-20 ns), each counted in whole ns, rounded down. The same result
 * however a progression is cut into pieces. Cost follows the histogram cells crossed, not n.
 */
void request_log_gaps(struct request_log *log, size_t service, tick_t first, tick_t step, int64_t n,
                      int64_t weight);

/* The records in order of completion; NULL, 0 unless all were to be kept. Borrowed. */
const struct request_record *request_log_records(const struct request_log *log, size_t *n);

/* Counts of one service's measured requests. */
struct request_counts {
	int64_t finished, rejected, lost;
	int64_t warmup;               /* finished but not measured */
	int64_t cached_tokens;        /* of the prompts of the finished: found in a prefix cache */
	int64_t good;                 /* finished within every request-level limit */
	bool limited;                 /* there is such a limit: `good` means something */
	ns_t first_arrival, last_end; /* of the finished; valid only when finished > 0 */
};
void request_log_counts(const struct request_log *log, size_t service, struct request_counts *out);

/* Distribution of one metric over the measured finished requests of a service. */
void request_log_dist(const struct request_log *log, size_t service, enum request_metric metric,
                      struct dist *out);

/* Its percentiles p[n], each in [0, 100], into out[n], NaN without samples. */
void request_log_quantiles(const struct request_log *log, size_t service,
                           enum request_metric metric, const double *p, size_t n, double *out);

#endif
