/*
 * Finds the text, and the token counts where stated, in one response chunk of profile_export.json:
 * OpenAI events and documents, Hugging Face answers, Triton text, TensorRT-LLM token ids.
 */
#include "workload/trace_private.h"

#include <string.h>

static bool has_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0;
}

static int64_t stated_count(const json_t *usage, const char *key, int64_t before)
{
	const json_t *count = json_object_get(usage, key);

	return json_is_integer(count) ? json_integer_value(count) : before;
}

/* Text of a choice: streamed ("delta"), whole ("message") or plain ("text"). */
static bool choice_has_text(const json_t *choice)
{
	static const char *const parts[] = {"delta", "message"};
	static const char *const texts[] = {"content", "reasoning_content", "reasoning"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *part = json_object_get(choice, parts[i]);

		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			if (has_text(json_object_get(part, texts[k]))) {
				return true;
			}
		}
	}
	return has_text(json_object_get(choice, "text"));
}

static void read_document(const json_t *document, struct trace_chunk *out)
{
	const json_t *usage = json_object_get(document, "usage");
	const json_t *choice = json_array_get(json_object_get(document, "choices"), 0);
	const json_t *token = json_object_get(document, "token");

	out->prompt_tokens = stated_count(usage, "prompt_tokens", out->prompt_tokens);
	out->completion_tokens = stated_count(usage, "completion_tokens", out->completion_tokens);
	out->tokens += choice_has_text(choice) ||
	               has_text(json_object_get(document, "generated_text")) ||
	               has_text(json_object_get(token, "text"));
}

/* One JSON document as text; anything else ("[DONE]") holds no token. */
static void read_text(const char *text, size_t size, struct trace_chunk *out)
{
	json_t *document = json_loadb(text, size, 0, NULL);

	if (json_is_array(document)) {
		read_document(json_array_get(document, 0), out);
	} else {
		read_document(document, out);
	}
	json_decref(document);
}

/* Server-sent events: every "data:" line is a document of its own. */
static void read_events(const char *text, struct trace_chunk *out)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\r\n");

		if (strncmp(text, "data:", 5) == 0) {
			read_text(text + 5, size - 5, out);
		}
		text += size;
		text += strspn(text, "\r\n");
	}
}

void trace_chunk_read(const json_t *output, struct trace_chunk *out)
{
	const json_t *ids = json_object_get(output, "output_ids");
	const json_t *response = json_object_get(output, "response");

	*out = (struct trace_chunk){.prompt_tokens = -1, .completion_tokens = -1};
	if (json_is_string(response)) {
		const char *text = json_string_value(response);

		text += strspn(text, " \t\r\n");
		if (*text == '{' || *text == '[') {
			read_text(text, strlen(text), out);
		} else {
			read_events(text, out);
		}
	}
	if (has_text(json_object_get(output, "text_output")) || json_is_integer(ids)) {
		out->tokens++;
	}
	out->tokens += (int64_t)json_array_size(ids);
}
