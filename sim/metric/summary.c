/* From a log of requests to what every report prints. */
#include "metric/summary.h"

#include "base/check.h"

#include <math.h>
#include <stdlib.h>

void summary_fini(struct summary *s)
{
	for (size_t i = 0; i < s->n_services; i++) {
		free(s->services[i].placed);
	}
	for (size_t i = 0; i < s->n_shared; i++) {
		free(s->shared[i].residents);
	}
	free(s->services);
	free(s->shared);
	free(s->faults);
	free(s->moves);
	free(s->limits);
	free(s->jobs);
	free(s->projects);
	s->jobs = NULL;
	s->projects = NULL;
	s->n_jobs = 0;
	s->n_projects = 0;
	s->services = NULL;
	s->n_services = 0;
	s->limits = NULL;
	s->shared = NULL;
	s->n_shared = 0;
}

/* Requests of service i that meet every request-level limit; NaN without such a limit. */
static double count_good(const struct request_log *log, size_t i, const struct slo *slo,
                         size_t n_slo)
{
	struct request_counts counts;
	size_t n, good = 0;
	bool limited = false;
	const struct request_record *r = request_log_records(log, &n);

	if (r == NULL) {
		request_log_counts(log, i, &counts);
		return counts.limited ? (double)counts.good : (double)NAN;
	}
	for (size_t k = 0; k < n_slo; k++) {
		limited = limited || request_level(&slo[k]);
	}
	for (size_t k = 0; k < n && limited; k++) {
		if (r[k].service == i && r[k].outcome == REQUEST_FINISHED && !r[k].warmup &&
		    request_is_good(&r[k], slo, n_slo)) {
			good++;
		}
	}
	return limited ? (double)good : (double)NAN;
}

static void set_counts(const struct request_counts *c, struct service_summary *out)
{
	out->finished = c->finished;
	out->rejected = c->rejected;
	out->lost = c->lost;
	out->warmup = c->warmup;
	out->cached_tokens = c->cached_tokens;
	out->first_arrival = c->finished > 0 ? c->first_arrival : 0;
	out->last_end = c->finished > 0 ? c->last_end : 0;
}

void summary_service(const struct request_log *log, size_t i, const struct slo *slo, size_t n_slo,
                     struct service_summary *out)
{
	struct dist *const dists[] = {
		[METRIC_TTFT] = &out->ttft_ms,         [METRIC_TTST] = &out->ttst_ms,
		[METRIC_TPOT] = &out->tpot_ms,         [METRIC_LATENCY] = &out->latency_ms,
		[METRIC_QUEUE] = &out->queue_ms,       [METRIC_INPUT] = &out->input_tokens,
		[METRIC_OUTPUT] = &out->output_tokens, [METRIC_TPS_USER] = &out->tps_user,
		[METRIC_ITL] = &out->itl_ms,
	};
	struct request_counts counts;

	request_log_counts(log, i, &counts);
	set_counts(&counts, out);
	for (size_t m = 0; m < sizeof(dists) / sizeof(dists[0]); m++) {
		request_log_dist(log, i, (enum request_metric)m, dists[m]);
	}
	out->prefix_hit_rate = out->prefix_cache && out->input_tokens.sum > 0.0
	                               ? (double)out->cached_tokens / out->input_tokens.sum
	                               : (double)NAN;
	double seconds = ns_to_seconds(out->last_end - out->first_arrival);
	bool known = seconds > 0.0;

	out->input_tokens_per_s = known ? out->input_tokens.sum / seconds : (double)NAN;
	out->output_tokens_per_s = known ? out->output_tokens.sum / seconds : (double)NAN;
	out->requests_per_s = known ? (double)out->finished / seconds : (double)NAN;
	out->goodput_per_s = known ? count_good(log, i, slo, n_slo) / seconds : (double)NAN;
}

/* The metric a limit speaks of; METRIC_INPUT, which no limit does, for those that are one number.
 */
static enum request_metric limited_metric(enum slo_metric metric)
{
	switch (metric) {
	case SLO_TTFT:
		return METRIC_TTFT;
	case SLO_TTST:
		return METRIC_TTST;
	case SLO_TPOT:
		return METRIC_TPOT;
	case SLO_ITL:
		return METRIC_ITL;
	case SLO_LATENCY:
		return METRIC_LATENCY;
	case SLO_QUEUE:
		return METRIC_QUEUE;
	case SLO_TPS_USER:
		return METRIC_TPS_USER;
	case SLO_TPS:
	case SLO_RPS:
	case SLO_GOODPUT:
	case SLO_ERROR_RATE:
		break;
	}
	return METRIC_INPUT;
}

static double observe_scalar(const struct service_summary *s, enum slo_metric metric)
{
	double failed = (double)(s->rejected + s->lost);
	double ended = failed + (double)s->finished;

	switch (metric) {
	case SLO_TPS:
		return s->output_tokens_per_s;
	case SLO_RPS:
		return s->requests_per_s;
	case SLO_GOODPUT:
		return s->goodput_per_s;
	case SLO_ERROR_RATE:
		return ended > 0.0 ? failed / ended : (double)NAN;
	case SLO_TTFT:
	case SLO_TTST:
	case SLO_TPOT:
	case SLO_ITL:
	case SLO_LATENCY:
	case SLO_QUEUE:
	case SLO_TPS_USER:
		break;
	}
	check_fail(__FILE__, __LINE__, "a metric that is one number");
}

double summary_observe(const struct service_summary *s, const struct request_log *log, size_t i,
                       const struct slo *limit)
{
	const struct dist *const dists[] = {
		[METRIC_TTFT] = &s->ttft_ms,      [METRIC_TTST] = &s->ttst_ms,
		[METRIC_TPOT] = &s->tpot_ms,      [METRIC_LATENCY] = &s->latency_ms,
		[METRIC_QUEUE] = &s->queue_ms,    [METRIC_INPUT] = NULL,
		[METRIC_TPS_USER] = &s->tps_user, [METRIC_ITL] = &s->itl_ms,
	};
	const enum request_metric metric = limited_metric(limit->metric);
	const struct dist *d = dists[metric];
	double value;

	if (metric == METRIC_INPUT) {
		return observe_scalar(s, limit->metric);
	}
	switch (limit->stat) {
	case SLO_AVG:
		return d->avg;
	case SLO_MIN:
		return d->min;
	case SLO_MAX:
		return d->max;
	case SLO_STD:
		return d->std;
	case SLO_PERCENTILE:
		request_log_quantiles(log, i, metric, &limit->percentile, 1, &value);
		return value;
	case SLO_NONE:
		break;
	}
	check_fail(__FILE__, __LINE__, "a distribution needs a statistic");
}
