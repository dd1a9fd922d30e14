/* The metrics of one request, and whether they keep to its limits. */
#include "metric/request_record.h"

#include "base/check.h"

#include <math.h>

bool request_value(const struct request_record *r, enum request_metric metric, int64_t *out)
{
	bool several = r->second > 0;

	switch (metric) {
	case METRIC_TTFT:
		*out = r->first - r->arrival;
		return true;
	case METRIC_TTST:
		*out = r->second - r->first;
		return several;
	case METRIC_TPOT:
		*out = several ? request_tpot(r) : 0;
		return several;
	case METRIC_LATENCY:
		*out = r->end - r->arrival;
		return true;
	case METRIC_QUEUE:
		*out = r->admitted - r->arrival;
		return true;
	case METRIC_INPUT:
		*out = r->input_tokens;
		return true;
	case METRIC_OUTPUT:
		*out = r->output_tokens;
		return true;
	case METRIC_TPS_USER:
	case METRIC_ITL:
		break;
	}
	check_fail(__FILE__, __LINE__, "metric with one whole number per request");
}

double request_tps_user(const struct request_record *r)
{
	int64_t tpot;

	if (!request_value(r, METRIC_TPOT, &tpot) || tpot == 0) {
		return (double)NAN;
	}
	return (double)NS_PER_S / (double)tpot;
}

bool request_level(const struct slo *slo)
{
	switch (slo->metric) {
	case SLO_TTFT:
	case SLO_TTST:
	case SLO_TPOT:
	case SLO_LATENCY:
	case SLO_QUEUE:
	case SLO_TPS_USER:
		return true;
	case SLO_ITL:
	case SLO_TPS:
	case SLO_RPS:
	case SLO_GOODPUT:
	case SLO_ERROR_RATE:
		break;
	}
	return false;
}

/* The value a limit speaks of, in its unit; false when the request has none. */
static bool limited_value(const struct request_record *r, enum slo_metric metric, double *out)
{
	static const enum request_metric times[] = {
		[SLO_TTFT] = METRIC_TTFT,   [SLO_TTST] = METRIC_TTST,
		[SLO_TPOT] = METRIC_TPOT,   [SLO_LATENCY] = METRIC_LATENCY,
		[SLO_QUEUE] = METRIC_QUEUE,
	};
	int64_t ns;

	if (metric == SLO_TPS_USER) {
		*out = request_tps_user(r);
		return !isnan(*out);
	}
	if (!request_value(r, times[metric], &ns)) {
		return false;
	}
	*out = ns_to_ms(ns);
	return true;
}

bool request_is_good(const struct request_record *r, const struct slo *slo, size_t n_slo)
{
	for (size_t i = 0; i < n_slo; i++) {
		double value;

		if (request_level(&slo[i]) && limited_value(r, slo[i].metric, &value) &&
		    !slo_holds(&slo[i], value)) {
			return false;
		}
	}
	return true;
}
