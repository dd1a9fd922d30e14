/* For the tests of traces: a trace in a temporary file, replayed, and what came out of it. */
#ifndef ALIQUOT_UNIT_TRACE_REPLAY_H
#define ALIQUOT_UNIT_TRACE_REPLAY_H

#include "base/mem.h"
#include "spec/llm_spec.h"
#include "workload/workload.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ARRIVALS 64

/* A trace in a temporary file and what came out of it. */
struct replay {
	char file[64];
	struct err *err;
	struct arrival arrivals[MAX_ARRIVALS]; /* their parts are in `parts`, at most three */
	struct prompt_part parts[MAX_ARRIVALS][3];
	size_t n;
	bool opened, failed;
};

static inline struct scenario_load load_of(const char *format_or_null)
{
	static const char *const names[] = {"azure",      "burstgpt", "mooncake", "aiperf",
	                                    "genai-perf", "csv",      "vllm-log"};
	struct scenario_load load = {
		.kind = LOAD_TRACE, .speedup = 1, .hash_block = 512, .format = TRACE_GUESS};

	for (int i = 0; format_or_null != NULL && i < 7; i++) {
		if (strcmp(names[i], format_or_null) == 0) {
			load.format = TRACE_AZURE + i;
		}
	}
	return load;
}

static inline void replay_bytes(struct replay *r, struct scenario_load load, int task,
                                const char *bytes, size_t size)
{
	const struct llm_spec llm = {.task = task, .image_tokens = 256};
	struct workload *w;
	int fd;

	*r = (struct replay){.err = err_new()};
	(void)snprintf(r->file, sizeof(r->file), "/tmp/test_trace_XXXXXX");
	fd = mkstemp(r->file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	(void)close(fd);
	load.file = r->file;
	w = workload_open(&load, &llm, 1, 0, r->err);
	r->opened = w != NULL;
	while (w != NULL && w->ops->peek(w) != NS_NEVER) {
		ns_t at = w->ops->peek(w);

		ck_assert_uint_lt(r->n, MAX_ARRIVALS);
		w->ops->next(w, &r->arrivals[r->n]);
		ck_assert_int_eq(r->arrivals[r->n].at, at);
		for (uint32_t i = 0; i < r->arrivals[r->n].n_parts && i < 3; i++) {
			r->parts[r->n][i] = r->arrivals[r->n].parts[i];
		}
		r->n++;
	}
	if (w != NULL) {
		r->failed = w->failed;
		w->ops->close(w);
	}
	(void)unlink(r->file);
}

static inline void replay_text(struct replay *r, struct scenario_load load, const char *text)
{
	replay_bytes(r, load, LLM_GENERATE, text, strlen(text));
}

static inline void replay_free(struct replay *r)
{
	err_free(r->err);
}

/* The notes and errors as printed, with the file's name replaced by FILE; caller frees. */
static inline char *printed(const struct replay *r)
{
	char *text = NULL, *out, *to;
	size_t size = 0, n = strlen(r->file);
	FILE *stream = open_memstream(&text, &size);

	err_print(r->err, stream);
	(void)fclose(stream);
	out = to = mem_new(size + 1, 1);
	for (const char *s = text; *s != '\0';) {
		if (strncmp(s, r->file, n) == 0) {
			memcpy(to, "FILE", 4);
			to += 4;
			s += n;
		} else {
			*to++ = *s++;
		}
	}
	free(text);
	return out;
}

static inline void assert_printed(const struct replay *r, const char *part)
{
	char *text = printed(r);

	ck_assert_msg(strstr(text, part) != NULL, "expected \"%s\" in:\n%s", part, text);
	free(text);
}

static inline void assert_not_printed(const struct replay *r, const char *part)
{
	char *text = printed(r);

	ck_assert_msg(strstr(text, part) == NULL, "expected no \"%s\" in:\n%s", part, text);
	free(text);
}

/* The text is refused with this message, after `good` arrivals. */
static inline void assert_refused(const char *format, const char *text, size_t good,
                                  const char *message)
{
	struct replay r;

	replay_text(&r, load_of(format), text);
	assert_printed(&r, message);
	ck_assert_uint_eq(err_count(r.err), 1);
	ck_assert_int_eq(err_exit_code(r.err), ERR_INPUT);
	ck_assert_uint_eq(r.n, good);
	ck_assert(r.opened ? r.failed : good == 0);
	replay_free(&r);
}

static inline void assert_arrival(const struct replay *r, size_t i, ns_t at, int input, int output)
{
	ck_assert_uint_lt(i, r->n);
	ck_assert_int_eq(r->arrivals[i].at, at);
	ck_assert_int_eq(r->arrivals[i].input_tokens, input);
	ck_assert_int_eq(r->arrivals[i].output_tokens, output);
	ck_assert_uint_eq(r->arrivals[i].user, 0);
}

#endif
