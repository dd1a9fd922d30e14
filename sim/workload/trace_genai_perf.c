/*
 * GenAI-Perf's raw profile_export.json, one document: the first experiment's requests, sorted by
 * send time. Tokens written are chunks with text unless "usage" states them; prompt lengths come
 * from "usage", the engine's input, or the load, since there is no tokenizer here.
 */
#include "workload/trace_private.h"

static bool genai_perf_guess(const struct trace_head *head)
{
	return trace_head_has_key(head, "experiments") || trace_head_has_key(head, "service_kind");
}

/* Everything the chunks of one request say. */
struct answer {
	struct trace_chunk sum;
	size_t chunks; /* with text */
};

static void read_answer(const json_t *outputs, struct answer *out)
{
	*out = (struct answer){.sum = {.prompt_tokens = -1, .completion_tokens = -1}};
	for (size_t i = 0; i < json_array_size(outputs); i++) {
		struct trace_chunk chunk;

		trace_chunk_read(json_array_get(outputs, i), &chunk);
		out->sum.tokens += chunk.tokens;
		out->chunks += chunk.tokens > 0;
		if (chunk.prompt_tokens >= 0) {
			out->sum.prompt_tokens = chunk.prompt_tokens;
		}
		if (chunk.completion_tokens >= 0) {
			out->sum.completion_tokens = chunk.completion_tokens;
		}
	}
}

/* Was the answer streamed, so that chunks can stand for tokens? Only OpenAI payloads say no. */
static bool is_streamed(const json_t *inputs, const json_t *outputs)
{
	const json_t *payload = json_object_get(inputs, "payload");
	const json_t *first = json_array_get(outputs, 0);
	json_t *document;
	bool streamed;

	if (json_array_size(outputs) > 1 || !json_is_string(json_object_get(first, "response"))) {
		return true;
	}
	document = json_is_string(payload) ? json_loads(json_string_value(payload), 0, NULL) : NULL;
	streamed = json_is_true(json_object_get(document, "stream"));
	json_decref(document);
	return streamed;
}

static bool tokens_in_range(const struct json_at *request, const char *what, int64_t tokens)
{
	if (tokens < 1 || tokens > TRACE_MAX_TOKENS) {
		json_fail(request, "%s: expected 1 to %d tokens, got %lld", what,
		          (int)TRACE_MAX_TOKENS, (long long)tokens);
		return false;
	}
	return true;
}

/* Prompt tokens as stated by the server, else by the engine's own input; 0: neither. */
static int64_t stated_input(const json_t *inputs, const struct answer *answer)
{
	const json_t *lengths = json_object_get(inputs, "input_lengths");

	if (answer->sum.prompt_tokens >= 0) {
		return answer->sum.prompt_tokens;
	}
	if (json_is_array(lengths)) {
		lengths = json_array_get(lengths, 0);
	}
	if (json_is_integer(lengths)) {
		return json_integer_value(lengths);
	}
	return (int64_t)json_array_size(json_object_get(inputs, "input_ids"));
}

static bool read_input(const struct trace_ask *ask, const struct json_at *request,
                       const struct answer *answer, int32_t *out)
{
	int64_t tokens = stated_input(json_object_get(request->value, "request_inputs"), answer);

	if (tokens == 0) {
		tokens = trace_mean_tokens(&ask->load->isl);
	}
	if (tokens == 0) {
		json_fail(request,
		          "the prompt's length in tokens is not in this file: give the load "
		          "an \"isl\"");
		return false;
	}
	if (!tokens_in_range(request, "prompt", tokens)) {
		return false;
	}
	*out = (int32_t)tokens;
	return true;
}

static bool read_output(const struct trace_ask *ask, const struct json_at *request,
                        const struct answer *answer, int32_t *out)
{
	const json_t *inputs = json_object_get(request->value, "request_inputs");
	const json_t *outputs = json_object_get(request->value, "response_outputs");
	int64_t tokens = answer->sum.completion_tokens;

	if (tokens < 0) {
		tokens = is_streamed(inputs, outputs) ? answer->sum.tokens
		                                      : trace_mean_tokens(&ask->load->osl);
	}
	if (tokens == 0) {
		json_fail(request,
		          "the answer's length in tokens is not in this file (not streamed, "
		          "no usage): give the load an \"osl\"");
		return false;
	}
	if (!tokens_in_range(request, "answer", tokens)) {
		return false;
	}
	*out = (int32_t)tokens;
	return true;
}

static bool read_request(struct trace_list *list, const struct json_at *request, size_t position)
{
	const struct trace_ask *ask = &list->source.ask;
	struct trace_row row = {.position = position};
	struct answer answer;
	struct json_at at;

	if (!json_want_object(request)) {
		return false;
	}
	if (!json_get(request, "timestamp", &at)) {
		json_fail(request, "no timestamp");
		return false;
	}
	if (!trace_parse_time(&at, 1, &row.at)) {
		return false;
	}
	read_answer(json_object_get(request->value, "response_outputs"), &answer);
	if (!ask->embeds && answer.chunks == 0) {
		list->skipped++;
		return true;
	}
	if (!read_input(ask, request, &answer, &row.input) ||
	    (!ask->embeds && !read_output(ask, request, &answer, &row.output))) {
		return false;
	}
	vec_push(&list->rows, row);
	return true;
}

static bool read_document(struct trace_list *list, const struct json_at *root)
{
	const struct trace_ask *ask = &list->source.ask;
	struct json_at experiments, first, requests;

	if (!json_want_object(root)) {
		return false;
	}
	if (!json_get(root, "experiments", &experiments)) {
		json_fail(root, "no \"experiments\": not a profile_export.json of GenAI-Perf");
		return false;
	}
	if (!json_want_array(&experiments) || json_array_size(experiments.value) == 0) {
		json_fail(&experiments, "no experiment");
		return false;
	}
	first = json_item(&experiments, 0);
	if (!json_want_object(&first) || !json_get(&first, "requests", &requests) ||
	    !json_want_array(&requests)) {
		json_fail(&first, "no list of requests");
		return false;
	}
	for (size_t i = 0; i < json_array_size(requests.value); i++) {
		struct json_at request = json_item(&requests, i);

		if (!read_request(list, &request, i + 1)) {
			return false;
		}
	}
	if (json_array_size(experiments.value) > 1) {
		err_note(ask->err, "%s: only the first of %zu experiments is replayed", ask->file,
		         json_array_size(experiments.value));
	}
	return true;
}

static struct trace_source *genai_perf_open(const struct trace_ask *ask)
{
	struct trace_list *list = trace_list_new(ask, &trace_genai_perf);
	json_t *document = json_read(ask->file, ask->err);
	bool ok = false;

	if (document != NULL) {
		struct json_at root = json_root(document, ask->file, ask->err);

		ok = read_document(list, &root);
		json_decref(document);
	}
	if (!ok) {
		trace_list_close(&list->source);
		return NULL;
	}
	trace_list_sort(list);
	return &list->source;
}

const struct trace_reader trace_genai_perf = {
	.name = "genai-perf",
	.unit = "times in ns",
	.mark = "a JSON document with experiments",
	.guess = genai_perf_guess,
	.open = genai_perf_open,
	.next = trace_list_next,
	.close = trace_list_close,
};
