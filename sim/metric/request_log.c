/* Counting finished requests as they come; one struct per service so that adding stays in cache. */
#include "metric/request_log.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "metric/quantile.h"

#include <math.h>
#include <stdlib.h>

struct tally {
	struct histogram histogram;
	struct moments moments;
};

struct service_log {
	struct tally of[REQUEST_METRICS]; /* empty when records are kept */
	struct histogram gaps;
	i128_t gap_ticks; /* sum of all gaps */
	const struct slo *slo;
	size_t n_slo;
	struct request_counts counts;
};

/* Where the gaps of a record are. */
struct gap_list {
	size_t from, n;
};

struct request_log {
	struct service_log *services;
	int64_t *cells; /* of all histograms */
	size_t n_services;
	bool keep;  /* every record */
	bool exact; /* the records are all there is so far */
	VEC(struct request_record) records;
	VEC(struct gap_list) lists; /* of the records, in their order; may be shorter */
	VEC(ns_t) gaps;
};

/*
 * All cells are one piece of memory, of which only pages that are written to exist where it is
 * large: a service of few requests uses some hundredths of its histograms.
 */
static void open_histograms(struct request_log *log)
{
	const size_t each = log->keep ? 1 : 1 + REQUEST_METRICS;
	int64_t *at = log->cells =
		mem_new(log->n_services * each * HISTOGRAM_CELLS, sizeof(*log->cells));

	for (size_t i = 0; i < log->n_services; i++) {
		struct service_log *s = &log->services[i];

		histogram_init_at(&s->gaps, at);
		at += HISTOGRAM_CELLS;
		for (size_t m = 0; m + 1 < each; m++) {
			histogram_init_at(&s->of[m].histogram, at);
			at += HISTOGRAM_CELLS;
		}
	}
}

struct request_log *request_log_new(size_t n_services, bool keep_records)
{
	struct request_log *log = mem_new(1, sizeof(*log));

	log->services = mem_new_aligned(n_services, sizeof(*log->services));
	log->n_services = n_services;
	log->keep = keep_records;
	log->exact = true;
	log->records.cap = 1024; /* kept but none yet is not the same as not kept */
	log->records.at = mem_new(log->records.cap, sizeof(*log->records.at));
	open_histograms(log);
	for (size_t i = 0; i < n_services; i++) {
		struct service_log *s = &log->services[i];

		s->counts.first_arrival = INT64_MAX;
		s->counts.last_end = INT64_MIN;
	}
	return log;
}

void request_log_free(struct request_log *log)
{
	if (log == NULL) {
		return;
	}
	free(log->cells);
	free(log->services);
	free(log->records.at);
	free(log->lists.at);
	free(log->gaps.at);
	free(log);
}

void request_log_set_limits(struct request_log *log, size_t service, const struct slo *slo,
                            size_t n_slo)
{
	sim_assert(service < log->n_services);
	struct service_log *s = &log->services[service];

	s->slo = slo;
	s->n_slo = n_slo;
	s->counts.limited = false;
	for (size_t i = 0; i < n_slo; i++) {
		s->counts.limited = s->counts.limited || request_level(&slo[i]);
	}
}

static inline void tally_add(struct service_log *s, enum request_metric metric, int64_t v)
{
	histogram_add(&s->of[metric].histogram, v, 1);
	moments_add(&s->of[metric].moments, v);
}

static void add_values(struct service_log *s, const struct request_record *r)
{
	tally_add(s, METRIC_TTFT, r->first - r->arrival);
	tally_add(s, METRIC_LATENCY, r->end - r->arrival);
	tally_add(s, METRIC_QUEUE, r->admitted - r->arrival);
	tally_add(s, METRIC_INPUT, r->input_tokens);
	tally_add(s, METRIC_OUTPUT, r->output_tokens);
	if (r->second > 0) {
		tally_add(s, METRIC_TTST, r->second - r->first);
		tally_add(s, METRIC_TPOT, request_tpot(r)); /* tps_user follows from it */
	}
}

/* A measured request that finished. */
static void count_finished(struct service_log *s, const struct request_record *r)
{
	struct request_counts *c = &s->counts;

	c->finished++;
	c->cached_tokens += r->cached_tokens;
	c->first_arrival = r->arrival < c->first_arrival ? r->arrival : c->first_arrival;
	c->last_end = r->end > c->last_end ? r->end : c->last_end;
	if (c->limited && request_is_good(r, s->slo, s->n_slo)) {
		c->good++;
	}
}

/* One record more, or none any longer once they are too many. */
static void keep(struct request_log *log, const struct request_record *r)
{
	if (log->keep || log->records.n < REQUEST_LOG_EXACT) {
		vec_push(&log->records, *r);
		return;
	}
	log->exact = false;
	free(log->records.at);
	log->records.at = NULL;
	log->records.n = 0;
	log->records.cap = 0;
}

void request_log_add(struct request_log *log, const struct request_record *r)
{
	sim_assert(r->service < log->n_services);
	struct service_log *s = &log->services[r->service];

	if (log->exact) {
		keep(log, r);
	}
	if (r->outcome == REQUEST_FINISHED && !r->warmup) {
		count_finished(s, r);
		if (!log->keep) {
			add_values(s, r);
		}
	} else if (r->outcome == REQUEST_FINISHED) {
		s->counts.warmup++;
	} else if (!r->warmup) {
		s->counts.lost += r->outcome == REQUEST_LOST ? 1 : 0;
		s->counts.rejected += r->outcome == REQUEST_LOST ? 0 : 1;
	}
}

/* Give every record so far a list, empty where it has none. */
static void open_lists(struct request_log *log)
{
	const struct gap_list none = {log->gaps.n, 0};

	while (log->lists.n < log->records.n) {
		vec_push(&log->lists, none);
	}
}

void request_log_add_gaps(struct request_log *log, const ns_t *gaps, size_t n)
{
	sim_assert(log->keep && log->records.n > 0);
	open_lists(log);
	log->lists.at[log->records.n - 1].n = n;
	for (size_t i = 0; i < n; i++) {
		vec_push(&log->gaps, gaps[i]);
	}
}

const ns_t *request_log_record_gaps(const struct request_log *log, size_t i, size_t *n)
{
	*n = i < log->lists.n ? log->lists.at[i].n : 0;
	return *n > 0 ? log->gaps.at + log->lists.at[i].from : NULL;
}

void request_log_gaps(struct request_log *log, size_t service, tick_t first, tick_t step, int64_t n,
                      int64_t weight)
{
	sim_assert(service < log->n_services);
	struct service_log *s = &log->services[service];

	if (n <= 0 || weight <= 0) {
		return;
	}
	histogram_add_progression(&s->gaps, first, step, n, weight);
	/* a sequence of slow tokens can last longer than the 2.4 h that 64 bits of ticks hold */
	s->gap_ticks += ((i128_t)n * first + (i128_t)(n * (n - 1) / 2) * step) * weight;
}

const struct request_record *request_log_records(const struct request_log *log, size_t *n)
{
	*n = log->keep ? log->records.n : 0;
	return log->keep ? log->records.at : NULL;
}

void request_log_counts(const struct request_log *log, size_t service, struct request_counts *out)
{
	sim_assert(service < log->n_services);
	*out = log->services[service].counts;
}

/* Factor between the integer unit of a metric and the reported one. */
static double unit_of(enum request_metric metric)
{
	switch (metric) {
	case METRIC_INPUT:
	case METRIC_OUTPUT:
		return 1.0;
	case METRIC_TTFT:
	case METRIC_TTST:
	case METRIC_TPOT:
	case METRIC_LATENCY:
	case METRIC_QUEUE:
	case METRIC_ITL:
	case METRIC_TPS_USER:
		break;
	}
	return (double)NS_PER_MS;
}

/* Sorted values of one metric from the kept records; caller frees. */
static int64_t *gather(const struct request_log *log, size_t service, enum request_metric metric,
                       size_t *n)
{
	int64_t *v = mem_new((size_t)log->services[service].counts.finished, sizeof(*v));

	*n = 0;
	for (size_t i = 0; i < log->records.n; i++) {
		const struct request_record *r = &log->records.at[i];

		if (r->service == service && r->outcome == REQUEST_FINISHED && !r->warmup &&
		    request_value(r, metric, &v[*n])) {
			(*n)++;
		}
	}
	quantile_sort_int(v, *n);
	return v;
}

/*
 * Sorted tokens per second per user, unrounded: of the TPOTs from the longest to the shortest,
 * those of 0 left out. Caller frees.
 */
static double *gather_tps_user(const struct request_log *log, size_t service, size_t *n)
{
	size_t n_tpot;
	int64_t *tpot = gather(log, service, METRIC_TPOT, &n_tpot);
	double *v = mem_new(n_tpot, sizeof(*v));

	*n = 0;
	for (size_t i = n_tpot; i > 0 && tpot[i - 1] > 0; i--) {
		v[(*n)++] = (double)NS_PER_S / (double)tpot[i - 1];
	}
	free(tpot);
	return v;
}

/* Percentile p of 1 / TPOT in tokens/s: the mirrored one of TPOT, which falls as the rate rises. */
static double tps_user_quantile(const struct service_log *s, double p)
{
	return (double)NS_PER_S / histogram_quantile(&s->of[METRIC_TPOT].histogram, 100.0 - p);
}

static size_t clamped_cell(int64_t v)
{
	return histogram_cell(v < HISTOGRAM_MAX ? v : HISTOGRAM_MAX);
}

/* Tokens per second per user from the cells of TPOT, each read as its middle; 0 is left out. */
static void tps_user_dist(const struct service_log *s, struct dist *out)
{
	const struct histogram *const h = &s->of[METRIC_TPOT].histogram;
	double sum = 0.0, squares = 0.0;

	dist_of_nothing(out);
	out->count = h->n - h->cells[0];
	if (out->count == 0) {
		return;
	}
	const size_t from = h->min > 0 ? clamped_cell(h->min) : 1, to = clamped_cell(h->max);
	for (size_t cell = from; cell <= to; cell++) {
		sum += (double)h->cells[cell] * ((double)NS_PER_S / histogram_middle(h, cell));
	}
	out->sum = sum;
	out->avg = sum / (double)out->count;
	for (size_t cell = from; cell <= to; cell++) {
		const double off = (double)NS_PER_S / histogram_middle(h, cell) - out->avg;

		squares += (double)h->cells[cell] * (off * off);
	}
	out->std = h->min < h->max ? sqrt(squares / (double)out->count) : 0.0;
	out->min = (double)NS_PER_S / (double)h->max;
	out->max = (double)NS_PER_S / (double)(h->min > 0 ? h->min : 1);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		out->p[i] = tps_user_quantile(s, dist_percentiles[i]);
	}
}

static void gaps_dist(const struct service_log *s, struct dist *out)
{
	struct moments none = {0};

	dist_of_histogram(&s->gaps, &none, (double)NS_PER_MS, out);
	if (out->count > 0) {
		out->sum = (double)s->gap_ticks / (double)(INT64_C(1) << TICK_SHIFT) /
		           (double)NS_PER_MS;
		out->avg = out->sum / (double)out->count;
		out->std = histogram_std(&s->gaps) / (double)NS_PER_MS;
	}
}

void request_log_dist(const struct request_log *log, size_t service, enum request_metric metric,
                      struct dist *out)
{
	sim_assert(service < log->n_services);
	const struct service_log *s = &log->services[service];
	size_t n;

	if (metric == METRIC_ITL) {
		gaps_dist(s, out);
	} else if (!log->exact && metric == METRIC_TPS_USER) {
		tps_user_dist(s, out);
	} else if (!log->exact) {
		dist_of_histogram(&s->of[metric].histogram, &s->of[metric].moments, unit_of(metric),
		                  out);
	} else if (metric == METRIC_TPS_USER) {
		double *v = gather_tps_user(log, service, &n);

		dist_of_reals(v, n, out);
		free(v);
	} else {
		int64_t *v = gather(log, service, metric, &n);

		dist_of_ints(v, n, unit_of(metric), out);
		free(v);
	}
}

/* Percentiles from the cells. */
static void counted_quantiles(const struct service_log *s, enum request_metric metric,
                              const double *p, size_t n, double *out)
{
	for (size_t i = 0; i < n; i++) {
		if (metric == METRIC_TPS_USER) {
			out[i] = tps_user_quantile(s, p[i]);
		} else if (metric == METRIC_ITL) {
			out[i] = histogram_quantile(&s->gaps, p[i]) / unit_of(metric);
		} else {
			out[i] = histogram_quantile(&s->of[metric].histogram, p[i]) /
			         unit_of(metric);
		}
	}
}

void request_log_quantiles(const struct request_log *log, size_t service,
                           enum request_metric metric, const double *p, size_t n, double *out)
{
	sim_assert(service < log->n_services);
	size_t n_values;

	if (metric == METRIC_ITL || !log->exact) {
		counted_quantiles(&log->services[service], metric, p, n, out);
	} else if (metric == METRIC_TPS_USER) {
		double *v = gather_tps_user(log, service, &n_values);

		for (size_t i = 0; i < n; i++) {
			out[i] = quantile_real(v, n_values, p[i]);
		}
		free(v);
	} else {
		int64_t *v = gather(log, service, metric, &n_values);

		for (size_t i = 0; i < n; i++) {
			out[i] = quantile_int(v, n_values, p[i]) / unit_of(metric);
		}
		free(v);
	}
}
