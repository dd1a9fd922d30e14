/*
 * Per-request logs of a vLLM engine as LLMServingSim publishes them: one request per line with its
 * lengths and the engine's clock. A request is replayed when the engine queued it.
 */
#include "workload/trace_private.h"

#include <stdlib.h>

struct vllm_log {
	struct trace_source source;
	struct trace_lines lines;
};

static bool vllm_log_guess(const struct trace_head *head)
{
	return trace_head_has_key(head, "queued_ts") && trace_head_has_key(head, "input_toks");
}

static struct trace_source *vllm_log_open(const struct trace_ask *ask)
{
	struct vllm_log *const v = mem_new(1, sizeof(*v));

	v->source.reader = &trace_vllm_log;
	v->source.ask = *ask;
	if (!trace_lines_init(&v->lines, &v->source.ask)) {
		trace_vllm_log.close(&v->source);
		return NULL;
	}
	return &v->source;
}

static bool read_tokens(const struct json_at *row, const char *key, int32_t *out)
{
	struct json_at at;

	if (!json_get(row, key, &at)) {
		json_fail(row, "no %s", key);
		return false;
	}
	return trace_parse_tokens(&at, 1, out);
}

static bool read_queued(const struct json_at *row, ns_t *out)
{
	struct json_at at;

	if (!json_get(row, "queued_ts", &at)) {
		json_fail(row, "no queued_ts");
		return false;
	}
	return trace_parse_time(&at, NS_PER_S, out);
}

static enum trace_status vllm_log_next(struct trace_source *s, struct trace_row *out)
{
	struct vllm_log *const v = (struct vllm_log *)s;
	struct json_at row;
	json_t *value;
	enum trace_status status = trace_lines_next(&v->lines, &value, &row);

	if (status != TRACE_ROW) {
		return status;
	}
	*out = (struct trace_row){.position = v->lines.number};
	if (!read_queued(&row, &out->at) || !read_tokens(&row, "input_toks", &out->input) ||
	    !read_tokens(&row, "output_toks", &out->output)) {
		status = TRACE_FAILED;
	}
	json_decref(value);
	return status;
}

static void vllm_log_close(struct trace_source *s)
{
	struct vllm_log *const v = (struct vllm_log *)s;

	trace_lines_fini(&v->lines);
	free(v);
}

const struct trace_reader trace_vllm_log = {
	.name = "vllm-log",
	.unit = "times in s",
	.mark = "JSON lines with queued_ts,input_toks,output_toks",
	.guess = vllm_log_guess,
	.open = vllm_log_open,
	.next = vllm_log_next,
	.close = vllm_log_close,
};
