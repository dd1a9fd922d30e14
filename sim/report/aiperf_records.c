/* AIPerf's profile_export.jsonl, one line per request (formats.md 2.3). */
#include "report/nvidia.h"

#include <math.h>
#include <stdio.h>

static void put_ms(struct json_writer *w, const char *tag, ns_t v)
{
	json_begin_object(w, tag);
	json_put_ms(w, "value", v);
	json_put_string(w, "unit", "ms");
	json_end(w);
}

static void put_tokens(struct json_writer *w, const char *tag, int64_t v)
{
	json_begin_object(w, tag);
	json_put_int(w, "value", v);
	json_put_string(w, "unit", "tokens");
	json_end(w);
}

static void put_id(struct json_writer *w, const char *key, char kind, uint64_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "%c%llu", kind, (unsigned long long)id);
	json_put_string(w, key, text);
}

static void put_metadata(struct json_writer *w, const struct request_record *r,
                         const struct service_summary *s)
{
	json_begin_object(w, "metadata");
	json_put_int(w, "session_num", (int64_t)r->id);
	put_id(w, "x_request_id", 'r', r->id);
	put_id(w, "x_correlation_id", 's', r->id);
	put_id(w, "conversation_id", 'c', r->id);
	json_put_int(w, "turn_index", 0);
	json_put_int(w, "credit_issued_ns", r->arrival);
	json_put_int(w, "request_start_ns", r->arrival);
	if (s->generates && s->streaming && r->outcome == REQUEST_FINISHED) {
		json_put_int(w, "request_ack_ns", r->arrival); /* the door answers at once */
	}
	json_put_int(w, "request_end_ns", r->end);
	put_id(w, "worker_id", 'w', r->user);
	json_put_string(w, "record_processor_id", "p0");
	json_put_string(w, "benchmark_phase", r->warmup ? "warmup" : "profiling");
	json_put_bool(w, "was_cancelled", false);
	json_put_string(w, "sim_service", s->name);
	json_put_int(w, "sim_user", r->user);
	if (r->outcome == REQUEST_FINISHED) {
		json_put_int(w, "sim_replica", r->replica);
		json_put_ms(w, "sim_queue_ms", r->admitted - r->arrival);
		json_put_int(w, "sim_preemptions", r->preemptions);
	}
	json_end(w);
}

static void put_stream_metrics(struct json_writer *w, const struct request_record *r)
{
	int64_t ns;

	put_ms(w, "time_to_first_token", r->first - r->arrival);
	if (request_value(r, METRIC_TTST, &ns)) {
		put_ms(w, "time_to_second_token", ns);
	}
	if (request_value(r, METRIC_TPOT, &ns)) {
		put_ms(w, "inter_token_latency", ns);
	}
	if (!isnan(request_tps_user(r))) {
		json_begin_object(w, "output_token_throughput_per_user");
		json_put_real(w, "value", request_tps_user(r));
		json_put_string(w, "unit", "tokens/sec/user");
		json_end(w);
	}
}

/* Every gap between its tokens, where the run noted them (--records-itl). */
static void put_gaps(struct json_writer *w, const ns_t *gaps, size_t n)
{
	if (n == 0) {
		return;
	}
	json_begin_object(w, "inter_chunk_latency");
	json_begin_array_flat(w, "value");
	for (size_t i = 0; i < n; i++) {
		json_put_ms(w, NULL, gaps[i]);
	}
	json_end(w);
	json_put_string(w, "unit", "ms");
	json_end(w);
}

static void put_metrics(struct json_writer *w, const struct report *report, size_t i)
{
	size_t n_gaps;
	const struct request_record *r = request_log_records(report->log, &n_gaps) + i;
	const struct service_summary *s = &report->summary->services[r->service];
	const ns_t *gaps = request_log_record_gaps(report->log, i, &n_gaps);

	json_begin_object(w, "metrics");
	if (r->outcome != REQUEST_FINISHED) {
		put_tokens(w, "error_isl", r->input_tokens);
	} else {
		put_tokens(w, "input_sequence_length", r->input_tokens);
		if (s->prefix_cache) {
			put_tokens(w, "usage_prompt_cache_read_tokens", r->cached_tokens);
		}
		put_ms(w, "request_latency", r->end - r->arrival);
		if (s->generates) {
			put_tokens(w, "output_sequence_length", r->output_tokens);
			put_tokens(w, "output_token_count", r->output_tokens);
		}
		if (s->generates && s->streaming) {
			put_stream_metrics(w, r);
			put_gaps(w, gaps, n_gaps);
		}
	}
	json_end(w);
}

static void put_error(struct json_writer *w, const struct request_record *r)
{
	if (r->outcome == REQUEST_FINISHED) {
		json_put_null(w, "error");
		return;
	}
	bool lost = r->outcome == REQUEST_LOST;

	json_begin_object(w, "error");
	json_put_int(w, "code", lost ? 500 : 503);
	json_put_string(w, "type", lost ? "RequestLost" : "RequestRejected");
	json_put_string(w, "message", lost ? "the replica ended" : "the waiting list was full");
	json_end(w);
}

void report_aiperf_records(FILE *out, const struct report *r)
{
	size_t n;
	const struct request_record *records = request_log_records(r->log, &n);

	for (size_t i = 0; i < n; i++) {
		const struct service_summary *s = &r->summary->services[records[i].service];
		struct json_writer w;

		json_writer_init(&w, out, true);
		json_begin_object(&w, NULL);
		put_metadata(&w, &records[i], s);
		put_metrics(&w, r, i);
		put_error(&w, &records[i]);
		json_end(&w);
	}
}
