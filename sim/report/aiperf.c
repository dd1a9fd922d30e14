/* AIPerf's profile_export_aiperf.json (schema 1.4) and .csv (formats.md 2.4, 2.5). */
#include "report/nvidia.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct service_summary, field)

/* Sorted by name, as the CSV wants them. */
static const struct nvidia_dist rows[] = {
	{"input_sequence_length", "Input Sequence Length", "tokens", AT(input_tokens),
         NEED_NOTHING},
	{"inter_chunk_latency", "Inter Chunk Latency", "ms", AT(itl_ms), NEED_STREAM},
	{"inter_token_latency", "Inter Token Latency", "ms", AT(tpot_ms), NEED_STREAM},
	{"output_sequence_length", "Output Sequence Length", "tokens", AT(output_tokens),
         NEED_TOKENS},
	{"output_token_count", "Output Token Count", "tokens", AT(output_tokens), NEED_TOKENS},
	{"output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user",
         AT(tps_user), NEED_STREAM},
	{"request_latency", "Request Latency", "ms", AT(latency_ms), NEED_NOTHING},
	{"time_to_first_token", "Time to First Token", "ms", AT(ttft_ms), NEED_STREAM},
	{"time_to_second_token", "Time to Second Token", "ms", AT(ttst_ms), NEED_STREAM},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

struct scalar {
	const char *tag, *header, *unit;
	double value; /* NaN: left out */
};
#define SCALARS 13

/* The metrics that are one number, sorted by name; NaN for those that this service has not. */
static void fill_scalars(const struct service_summary *s, struct scalar out[SCALARS])
{
	double none = (double)NAN;
	double errors = (double)(s->rejected + s->lost);
	double osl = s->generates ? s->output_tokens.sum : none;
	double tps = s->generates ? s->output_tokens_per_s : none;
	double seconds = nvidia_seconds(s);
	bool any = s->finished > 0;
	const struct scalar all[SCALARS] = {
		{"benchmark_duration", "Benchmark Duration", "sec", any ? seconds : none},
		{"error_request_count", "Error Request Count", "requests",
	         errors > 0.0 ? errors : none},
		{"good_request_count", "Good Request Count", "requests",
	         floor(s->goodput_per_s * seconds + 0.5)},
		{"goodput", "Goodput", "requests/sec", s->goodput_per_s},
		{"max_response_timestamp", "Maximum Response Timestamp", "ns",
	         any ? (double)s->last_end : none},
		{"min_request_timestamp", "Minimum Request Timestamp", "ns",
	         any ? (double)s->first_arrival : none},
		{"output_token_throughput", "Output Token Throughput", "tokens/sec", tps},
		{"request_count", "Request Count", "requests", (double)s->finished},
		{"request_throughput", "Request Throughput", "requests/sec", s->requests_per_s},
		{"total_isl", "Total Input Sequence Length", "tokens", s->input_tokens.sum},
		{"total_osl", "Total Output Sequence Length", "tokens", osl},
		{"total_output_tokens", "Total Output Tokens", "tokens", osl},
		{"total_token_throughput", "Total Token Throughput", "tokens/sec",
	         tps + s->input_tokens_per_s},
	};

	memcpy(out, all, sizeof(all));
}

static void put_dist(struct json_writer *w, const struct nvidia_dist *row, const struct dist *d)
{
	json_begin_object(w, row->tag);
	json_put_string(w, "unit", row->unit);
	json_put_real(w, "avg", d->avg);
	json_put_real(w, "sum", d->sum);
	json_put_real(w, "min", d->min);
	json_put_real(w, "max", d->max);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		json_put_real(w, nvidia_percentile_key(i), d->p[i]);
	}
	json_put_real(w, "std", d->std);
	json_put_int(w, "count", d->count);
	json_end(w);
}

static void put_metrics(struct json_writer *w, const struct service_summary *s)
{
	struct scalar scalars[SCALARS];

	for (size_t i = 0; i < ROWS; i++) {
		const struct dist *d = nvidia_dist_of(&rows[i], s);

		if (d != NULL) {
			put_dist(w, &rows[i], d);
		}
	}
	fill_scalars(s, scalars);
	for (size_t i = 0; i < SCALARS; i++) {
		if (!isnan(scalars[i].value)) {
			json_begin_object_flat(w, scalars[i].tag);
			json_put_string(w, "unit", scalars[i].unit);
			json_put_real(w, "avg", scalars[i].value);
			json_end(w);
		}
	}
}

static void put_lengths(struct json_writer *w, const char *key, const struct length_dist *d)
{
	json_begin_object_flat(w, key);
	json_put_real(w, "mean", d->mean);
	json_put_real(w, "stddev", d->stddev);
	json_end(w);
}

static void put_loadgen(struct json_writer *w, const struct scenario_load *load)
{
	static const char *const patterns[] = {
		[ARRIVALS_POISSON] = "poisson",
		[ARRIVALS_CONSTANT] = "constant",
		[ARRIVALS_GAMMA] = "gamma",
	};

	json_begin_object(w, "loadgen");
	if (load->kind == LOAD_CONCURRENCY) {
		json_put_int(w, "concurrency", load->users);
	} else if (load->kind == LOAD_RATE) {
		json_put_real(w, "request_rate", load->rate);
		json_put_string(w, "arrival_pattern", patterns[load->arrivals]);
	} else if (load->kind == LOAD_TRACE) {
		json_put_bool(w, "fixed_schedule", true);
	}
	if (load->requests > 0) {
		json_put_int(w, "request_count", load->requests);
	}
	if (load->warmup_requests > 0) {
		json_put_int(w, "warmup_request_count", load->warmup_requests);
	}
	json_end(w);
}

static void put_config(struct json_writer *w, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	const struct scenario_load *load = nvidia_load(r, service);

	json_begin_object(w, "input_config");
	json_begin_object(w, "endpoint");
	json_begin_array_flat(w, "model_names");
	json_put_string(w, NULL, r->scenario->services[service].model_name);
	json_end(w);
	json_put_string(w, "type", s->generates ? "chat" : "embeddings");
	json_put_bool(w, "streaming", s->generates && s->streaming);
	json_end(w);
	if (load != NULL && load_has_lengths(load)) {
		json_begin_object(w, "input");
		json_begin_object(w, "prompt");
		put_lengths(w, "input_tokens", &load->isl);
		if (s->generates) {
			put_lengths(w, "output_tokens", &load->osl);
		}
		json_end(w);
		json_end(w);
	}
	if (load != NULL) {
		put_loadgen(w, load);
	}
	json_end(w);
}

static void put_error(struct json_writer *w, int64_t count, int64_t code, const char *type,
                      const char *message)
{
	if (count == 0) {
		return;
	}
	json_begin_object(w, NULL);
	json_begin_object_flat(w, "error_details");
	json_put_int(w, "code", code);
	json_put_string(w, "type", type);
	json_put_string(w, "message", message);
	json_end(w);
	json_put_int(w, "count", count);
	json_end(w);
}

/* Simulated time as the civil time that many ns after 1970 began; days beyond the month roll over.
 */
static void put_time(struct json_writer *w, const char *key, ns_t t)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t us = t / 1000, s = us / 1000000, day = s / 86400, year = 1970;
	size_t month = 0;
	char text[80];

	for (; day >= 365 + (year % 4 == 0); year++) { /* right until 2100 */
		day -= 365 + (year % 4 == 0);
	}
	for (;; month++) {
		int64_t days = month_days[month] + (month == 1 && year % 4 == 0);

		if (day < days) {
			break;
		}
		day -= days;
	}
	snprintf(text, sizeof(text), "%04lld-%02zu-%02lldT%02lld:%02lld:%02lld.%06lld",
	         (long long)year, month + 1, (long long)day + 1, (long long)(s / 3600 % 24),
	         (long long)(s / 60 % 60), (long long)(s % 60), (long long)(us % 1000000));
	json_put_string(w, key, text);
}

void report_aiperf_json(FILE *out, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema_version", "1.4");
	json_begin_object(&w, "run_info");
	json_put_string(&w, "benchmark_id", r->summary->scenario_hash);
	json_put_int(&w, "random_seed", (int64_t)r->summary->seed);
	json_put_string(&w, "run_label", r->summary->scenario_name);
	json_put_string(&w, "clock", "simulated");
	json_put_string(&w, "sim_service", s->name);
	json_put_string(&w, "sim_version", r->summary->version);
	json_end(&w);
	put_metrics(&w, s);
	put_config(&w, r, service);
	json_put_bool(&w, "was_cancelled", r->summary->incomplete);
	json_begin_array(&w, "error_summary");
	put_error(&w, s->too_long, 400, "RequestTooLong",
	          "longer than the context or the KV cache");
	put_error(&w, s->rejected - s->too_long, 503, "RequestRejected",
	          "the waiting list was full");
	put_error(&w, s->lost, 500, "RequestLost", "the replica ended");
	json_end(&w);
	put_time(&w, "start_time", 0);
	put_time(&w, "end_time", r->summary->simulated);
	json_end(&w);
}

void report_aiperf_csv(FILE *out, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	struct scalar scalars[SCALARS];

	fputs("Metric,avg,min,max,sum", out);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		fprintf(out, ",%s", nvidia_percentile_key(i));
	}
	fputs(",std\r\n", out);
	for (size_t i = 0; i < ROWS; i++) {
		const struct dist *d = nvidia_dist_of(&rows[i], s);

		if (d == NULL) {
			continue;
		}
		fprintf(out, "%s (%s),%.2f,%.2f,%.2f,%.2f", rows[i].header, rows[i].unit, d->avg,
		        d->min, d->max, d->sum);
		for (size_t k = 0; k < DIST_PERCENTILES; k++) {
			fprintf(out, ",%.2f", d->p[k]);
		}
		fprintf(out, ",%.2f\r\n", d->std);
	}
	fputs("\r\nMetric,Value\r\n", out);
	fill_scalars(s, scalars);
	for (size_t i = 0; i < SCALARS; i++) {
		bool counted = strcmp(scalars[i].unit, "requests") == 0;

		if (isnan(scalars[i].value)) {
			continue;
		}
		fputs(scalars[i].header, out);
		if (!counted) {
			fprintf(out, " (%s)", scalars[i].unit);
		}
		fprintf(out, ",%.2f\r\n", scalars[i].value);
	}
}
