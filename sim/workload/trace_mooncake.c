/*
 * Mooncake traces and their supersets, the GenAI-Perf payload file and AIPerf's mooncake_trace: one
 * request per line, times in ms. Block ids say which prompts begin alike; sessions are refused.
 */
#include "workload/trace_private.h"

#include <stdlib.h>
#include <string.h>

struct mooncake {
	struct trace_source source;
	struct trace_lines lines;
	struct trace_tally unused;
};

static bool mooncake_guess(const struct trace_head *head)
{
	static const char *const keys[] = {"input_length", "text_input",   "hash_ids",
	                                   "timestamp",    "session_id",   "messages",
	                                   "text",         "output_length"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (trace_head_has_key(head, keys[i])) {
			return true;
		}
	}
	return false;
}

static struct trace_source *mooncake_open(const struct trace_ask *ask)
{
	struct mooncake *m = mem_new(1, sizeof(*m));

	m->source.reader = &trace_mooncake;
	m->source.ask = *ask;
	if (!trace_lines_init(&m->lines, &m->source.ask)) {
		trace_mooncake.close(&m->source);
		return NULL;
	}
	return &m->source;
}

static bool read_time(const struct json_at *row, ns_t *out)
{
	struct json_at at;

	if (json_get(row, "timestamp", &at)) {
		return trace_parse_time(&at, NS_PER_MS, out);
	}
	json_fail(row,
	          json_get(row, "session_id", &at) || json_get(row, "delay", &at)
	                  ? "no timestamp: turns that wait for the answer before are not replayed"
	                  : "no timestamp");
	return false;
}

/* Lengths that a line leaves out are the load's means, as GenAI-Perf does it. */
static bool read_input(const struct trace_ask *ask, const struct json_at *row, int32_t *out)
{
	static const char *const texts[] = {"text_input", "text", "messages"};
	struct json_at at;

	if (json_get(row, "input_length", &at)) {
		return trace_parse_tokens(&at, 1, out);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (json_get(row, texts[i], &at)) {
			json_fail(row,
			          "%s without input_length: the length in tokens is needed, as "
			          "counting it takes the model's tokenizer",
			          texts[i]);
			return false;
		}
	}
	*out = trace_mean_tokens(&ask->load->isl);
	if (*out == 0) {
		json_fail(row, "no input_length, and the load has no \"isl\" to stand in");
	}
	return *out > 0;
}

static bool read_output(const struct trace_ask *ask, const struct json_at *row, int32_t *out)
{
	struct json_at at;

	if (ask->embeds) {
		*out = 0;
		return true;
	}
	if (json_get(row, "output_length", &at)) {
		return trace_parse_tokens(&at, 1, out);
	}
	*out = trace_mean_tokens(&ask->load->osl);
	if (*out == 0) {
		json_fail(row, "no output_length, and the load has no \"osl\" to stand in");
	}
	return *out > 0;
}

/* As many blocks as the prompt fills, the last perhaps in part: AIPerf's rule. */
static bool check_count(const struct trace_ask *ask, const struct json_at *ids, size_t n,
                        int32_t input)
{
	const int64_t block = ask->load->hash_block;

	if ((int64_t)n == (input + block - 1) / block) {
		return true;
	}
	json_fail(
		ids,
		"%zu blocks of %lld tokens for %d tokens; \"hash_block\" of the load says how long "
		"one is",
		n, (long long)block, (int)input);
	return false;
}

/* Block ids say which prompts begin alike; the block size is not in the file. */
static bool read_blocks(const struct trace_ask *ask, const struct json_at *row,
                        struct trace_row *out)
{
	struct json_at at;
	size_t n;

	if (!json_get(row, "hash_ids", &at)) {
		return true;
	}
	if (!json_want_array(&at)) {
		return false;
	}
	n = json_array_size(at.value);
	for (size_t i = 0; i < n; i++) {
		const json_t *id = json_array_get(at.value, i);

		if (!json_is_integer(id) || json_integer_value(id) < 0) {
			struct json_at item = json_item(&at, i);

			json_fail(&item, "expected a block id, a number from 0");
			return false;
		}
	}
	if (n == 0 || !check_count(ask, &at, n, out->input)) {
		return n == 0;
	}
	out->blocks = mem_new(n, sizeof(*out->blocks));
	out->n_blocks = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		out->blocks[i] = (uint64_t)json_integer_value(json_array_get(at.value, i));
	}
	return true;
}

static void tally_unused(struct mooncake *m, json_t *object)
{
	static const char *const used[] = {"timestamp", "input_length", "output_length",
	                                   "hash_ids"};
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		size_t i = 0;

		while (i < sizeof(used) / sizeof(used[0]) && strcmp(key, used[i]) != 0) {
			i++;
		}
		if (i == sizeof(used) / sizeof(used[0])) {
			trace_tally_add(&m->unused, key);
		}
	}
}

static enum trace_status mooncake_next(struct trace_source *s, struct trace_row *out)
{
	struct mooncake *m = (struct mooncake *)s;
	enum trace_status status;
	struct json_at row;
	json_t *value;

	status = trace_lines_next(&m->lines, &value, &row);
	if (status != TRACE_ROW) {
		return status;
	}
	*out = (struct trace_row){.position = m->lines.number};
	if (!read_time(&row, &out->at) || !read_input(&s->ask, &row, &out->input) ||
	    !read_output(&s->ask, &row, &out->output) || !read_blocks(&s->ask, &row, out)) {
		status = TRACE_FAILED;
	}
	tally_unused(m, value);
	json_decref(value);
	return status;
}

static void mooncake_close(struct trace_source *s)
{
	struct mooncake *m = (struct mooncake *)s;

	trace_tally_note(&m->unused, &s->ask);
	trace_lines_fini(&m->lines);
	free(m);
}

const struct trace_reader trace_mooncake = {
	.name = "mooncake",
	.unit = "times in ms",
	.mark = "JSON lines with timestamp,input_length,output_length",
	.guess = mooncake_guess,
	.open = mooncake_open,
	.next = mooncake_next,
	.close = mooncake_close,
};
