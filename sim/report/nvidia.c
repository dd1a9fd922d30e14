/* What the writers of NVIDIA's formats share. */
#include "report/nvidia.h"

const struct dist *nvidia_dist_of(const struct nvidia_dist *row, const struct service_summary *s)
{
	const void *at = (const char *)s + row->offset;
	const struct dist *d = at;
	bool has = row->need == NEED_NOTHING || (s->generates && row->need == NEED_TOKENS) ||
	           (s->generates && s->streaming);

	return has && d->count > 0 ? d : NULL;
}

double nvidia_seconds(const struct service_summary *s)
{
	return s->finished > 0 ? ns_to_seconds(s->last_end - s->first_arrival) : 0.0;
}

const struct scenario_load *nvidia_load(const struct report *r, size_t service)
{
	for (size_t i = 0; i < r->scenario->n_loads; i++) {
		if (r->scenario->loads[i].service == service) {
			return &r->scenario->loads[i];
		}
	}
	return NULL;
}

const char *nvidia_percentile_key(size_t i)
{
	static const char *const keys[DIST_PERCENTILES] = {"p1",  "p5",  "p10", "p25", "p50",
	                                                   "p75", "p90", "p95", "p99"};

	return keys[i];
}
