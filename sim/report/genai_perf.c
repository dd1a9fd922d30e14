/* GenAI-Perf's profile_export_genai_perf.json and .csv (formats.md 1.5, 1.6). */
#include "base/str.h"
#include "report/nvidia.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct service_summary, field)

/* In the order of the CSV. */
static const struct nvidia_dist rows[] = {
	{"time_to_first_token", "Time To First Token", "ms", AT(ttft_ms), NEED_STREAM},
	{"time_to_second_token", "Time To Second Token", "ms", AT(ttst_ms), NEED_STREAM},
	{"request_latency", "Request Latency", "ms", AT(latency_ms), NEED_NOTHING},
	{"inter_token_latency", "Inter Token Latency", "ms", AT(tpot_ms), NEED_STREAM},
	{"output_token_throughput_per_user", "Output Token Throughput Per User", "tokens/sec/user",
         AT(tps_user), NEED_STREAM},
	{"output_sequence_length", "Output Sequence Length", "tokens", AT(output_tokens),
         NEED_TOKENS},
	{"input_sequence_length", "Input Sequence Length", "tokens", AT(input_tokens), NEED_TOKENS},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Order of the JSON. */
static const char *const json_order[ROWS] = {
	"request_latency",
	"time_to_first_token",
	"time_to_second_token",
	"inter_token_latency",
	"output_token_throughput_per_user",
	"output_sequence_length",
	"input_sequence_length",
};

static void put_scalar(struct json_writer *w, const char *tag, const char *unit, double v)
{
	json_begin_object_flat(w, tag);
	json_put_string(w, "unit", unit);
	json_put_real(w, "avg", v);
	json_end(w);
}

static void put_dist(struct json_writer *w, const struct nvidia_dist *row, const struct dist *d)
{
	json_begin_object(w, row->tag);
	json_put_string(w, "unit", row->unit);
	json_put_real(w, "avg", d->avg);
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		json_put_real(w, nvidia_percentile_key(i), d->p[i]);
	}
	json_put_real(w, "min", d->min);
	json_put_real(w, "max", d->max);
	json_put_real(w, "std", d->std);
	json_end(w);
}

static void put_stimulus(struct json_writer *w, const struct scenario_load *load)
{
	json_begin_object(w, "perf_analyzer");
	json_begin_object_flat(w, "stimulus");
	if (load != NULL && load->kind == LOAD_CONCURRENCY) {
		json_put_int(w, "concurrency", load->users);
	} else if (load != NULL && load->kind == LOAD_RATE) {
		json_put_real(w, "request_rate", load->rate);
	} else if (load != NULL && load->kind == LOAD_TRACE) {
		json_put_bool(w, "fixed_schedule", true);
	}
	json_end(w);
	if (load != NULL && load->requests > 0) {
		json_put_int(w, "request_count", load->requests);
	}
	if (load != NULL && load->warmup_requests > 0) {
		json_put_int(w, "warmup_request_count", load->warmup_requests);
	}
	json_end(w);
}

static void put_input(struct json_writer *w, const struct report *r,
                      const struct scenario_load *load)
{
	json_begin_object(w, "input");
	json_put_int(w, "random_seed", (int64_t)r->scenario->seed);
	if (load != NULL && load_has_lengths(load)) {
		json_begin_object_flat(w, "synthetic_tokens");
		json_put_real(w, "mean", load->isl.mean);
		json_put_real(w, "stddev", load->isl.stddev);
		json_end(w);
		json_begin_object_flat(w, "output_tokens");
		json_put_real(w, "mean", load->osl.mean);
		json_put_real(w, "stddev", load->osl.stddev);
		json_end(w);
	}
	json_end(w);
}

static void put_config(struct json_writer *w, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	const struct scenario_load *load = nvidia_load(r, service);

	json_begin_object(w, "input_config");
	json_begin_array_flat(w, "model_names");
	json_put_string(w, NULL, r->scenario->services[service].model_name);
	json_end(w);
	json_put_string(w, "subcommand", "profile");
	json_begin_object(w, "endpoint");
	json_put_string(w, "type", s->generates ? "chat" : "embeddings");
	json_put_bool(w, "streaming", s->generates && s->streaming);
	json_end(w);
	put_stimulus(w, load);
	put_input(w, r, load);
	json_end(w);
}

void report_genai_perf_json(FILE *out, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	put_scalar(&w, "request_throughput", "requests/sec", s->requests_per_s);
	if (!isnan(s->goodput_per_s)) {
		put_scalar(&w, "request_goodput", "requests/sec", s->goodput_per_s);
	}
	put_scalar(&w, "request_count", "count", (double)s->finished);
	if (s->generates) {
		put_scalar(&w, "output_token_throughput", "tokens/sec", s->output_tokens_per_s);
	}
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t k = 0; k < ROWS; k++) {
			const struct dist *d = nvidia_dist_of(&rows[k], s);

			if (d != NULL && strcmp(rows[k].tag, json_order[i]) == 0) {
				put_dist(&w, &rows[k], d);
			}
		}
	}
	put_config(&w, r, service);
	json_end(&w);
}

/* Two decimals with thousands commas, as a CSV cell: in quotes when there is a comma. */
static void put_cell(FILE *out, double v)
{
	char plain[400], grouped[600];
	size_t n = 0;

	snprintf(plain, sizeof(plain), "%.2f", v);
	size_t whole = strcspn(plain, "."), start = plain[0] == '-' ? 1 : 0;

	for (size_t i = 0; plain[i] != '\0'; i++) {
		if (i > start && i < whole && (whole - i) % 3 == 0) {
			grouped[n++] = ',';
		}
		grouped[n++] = plain[i];
	}
	grouped[n] = '\0';
	fprintf(out, strchr(grouped, ',') != NULL ? ",\"%s\"" : ",%s", grouped);
}

static void put_row(FILE *out, const struct nvidia_dist *row, const struct dist *d)
{
	fprintf(out, "%s (%s)", row->header, row->unit);
	put_cell(out, d->avg);
	put_cell(out, d->min);
	put_cell(out, d->max);
	for (size_t i = DIST_PERCENTILES; i > 0; i--) {
		put_cell(out, d->p[i - 1]);
	}
	fputs("\r\n", out);
}

static void put_value(FILE *out, const char *name, double v)
{
	if (!isnan(v)) {
		fputs(name, out);
		put_cell(out, v);
		fputs("\r\n", out);
	}
}

void report_genai_perf_csv(FILE *out, const struct report *r, size_t service)
{
	const struct service_summary *s = &r->summary->services[service];

	fputs("Metric,avg,min,max,p99,p95,p90,p75,p50,p25,p10,p5,p1\r\n", out);
	for (size_t i = 0; i < ROWS; i++) {
		const struct dist *d = nvidia_dist_of(&rows[i], s);

		if (d != NULL) {
			put_row(out, &rows[i], d);
		}
	}
	fputs("\r\nMetric,Value\r\n", out);
	if (s->generates) {
		put_value(out, "Output Token Throughput (tokens/sec)", s->output_tokens_per_s);
	}
	put_value(out, "Request Throughput (per sec)", s->requests_per_s);
	put_value(out, "Request Goodput (per sec)", s->goodput_per_s);
	put_value(out, "Request Count (count)", (double)s->finished);
}
