/*
 * AIPerf's profile_export.jsonl, in the shape of October 2025 and later ones: a measured run
 * offered again. Records come in order of completion, so they are kept and sorted; failed ones are
 * skipped.
 */
#include "workload/trace_private.h"

#include <string.h>

static bool aiperf_guess(const struct trace_head *head)
{
	return trace_head_has_key(head, "metadata") && trace_head_has_key(head, "metrics");
}

/* metrics.TAG.value */
static bool find_metric(const struct json_at *metrics, const char *tag, struct json_at *out)
{
	struct json_at metric;

	if (!json_get(metrics, tag, &metric) || !json_is_object(metric.value)) {
		return false;
	}
	/* The parent must outlive the child, so the metric itself stands for both. */
	*out = metric;
	out->value = json_object_get(metric.value, "value");
	return out->value != NULL && !json_is_null(out->value);
}

static bool read_time(const struct json_at *metadata, ns_t *out)
{
	static const char *const keys[] = {"request_start_ns", "timestamp_ns", "credit_issued_ns"};
	struct json_at at;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_get(metadata, keys[i], &at)) {
			return trace_parse_time(&at, 1, out);
		}
	}
	json_fail(metadata, "no request_start_ns (or timestamp_ns in older files)");
	return false;
}

static bool is_warmup(const struct json_at *metadata)
{
	static const char *const keys[] = {"benchmark_phase", "credit_phase"};
	struct json_at at;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_get(metadata, keys[i], &at) && json_is_string(at.value)) {
			return strcmp(json_string_value(at.value), "warmup") == 0;
		}
	}
	return false;
}

static bool read_lengths(const struct trace_ask *ask, const struct json_at *metrics,
                         struct trace_row *out)
{
	struct json_at at;

	if (!find_metric(metrics, "input_sequence_length", &at)) {
		json_fail(metrics, "no input_sequence_length");
		return false;
	}
	if (!trace_parse_tokens(&at, 1, &out->input)) {
		return false;
	}
	if (ask->embeds) {
		return true;
	}
	if (find_metric(metrics, "output_sequence_length", &at) ||
	    find_metric(metrics, "output_token_count", &at)) {
		return trace_parse_tokens(&at, 1, &out->output);
	}
	json_fail(metrics, "no output_sequence_length");
	return false;
}

static bool read_record(struct trace_list *list, const struct json_at *row, size_t line)
{
	struct trace_row out = {.position = line};
	struct json_at error, metadata, metrics;

	if (json_get(row, "error", &error)) {
		list->skipped++;
		return true;
	}
	if (!json_get(row, "metadata", &metadata) || !json_get(row, "metrics", &metrics)) {
		json_fail(row, "no \"metadata\" or no \"metrics\": not a record of AIPerf");
		return false;
	}
	if (!json_want_object(&metadata) || !json_want_object(&metrics) ||
	    !read_time(&metadata, &out.at) || !read_lengths(&list->source.ask, &metrics, &out)) {
		return false;
	}
	out.warmup = is_warmup(&metadata);
	vec_push(&list->rows, out);
	return true;
}

static bool read_records(struct trace_list *list)
{
	struct trace_lines lines;
	enum trace_status status = TRACE_FAILED;
	struct json_at row;
	json_t *value;
	bool ok = trace_lines_init(&lines, &list->source.ask);

	while (ok) {
		status = trace_lines_next(&lines, &value, &row);
		if (status != TRACE_ROW) {
			break;
		}
		ok = read_record(list, &row, lines.number);
		json_decref(value);
	}
	trace_lines_fini(&lines);
	return ok && status == TRACE_END;
}

static struct trace_source *aiperf_open(const struct trace_ask *ask)
{
	struct trace_list *list = trace_list_new(ask, &trace_aiperf);

	if (!read_records(list)) {
		trace_list_close(&list->source);
		return NULL;
	}
	trace_list_sort(list);
	return &list->source;
}

const struct trace_reader trace_aiperf = {
	.name = "aiperf",
	.unit = "times in ns",
	.mark = "JSON lines with metadata,metrics",
	.guess = aiperf_guess,
	.open = aiperf_open,
	.next = trace_list_next,
	.close = trace_list_close,
};
