/*
 * Replays a trace: the first request arrives at t = 0, the others at their distance from it,
 * divided by the speedup. Streams: holds one row, or with `spread` the rows of one timestamp. Knows
 * no file format; those are trace_*.c.
 */
#include "base/check.h"
#include "spec/llm_spec.h"
#include "workload/trace_private.h"
#include "workload/workload.h"

#include <math.h>
#include <stdlib.h>

/* 70 years: leaves room to add any duration of the simulation. */
#define LATEST_ARRIVAL (NS_NEVER / 4)

struct trace {
	struct workload workload;
	struct trace_source *source;
	const struct scenario_load *load;
	struct err *err;
	bool images;  /* the model can see */
	bool started; /* a row was read: first and last are valid */
	struct trace_row first, last;
	bool ended; /* no further rows */
	/* Rows of one timestamp (without spread: one row), and the row behind them. */
	VEC(struct trace_row) group;
	size_t next; /* row of the group that arrives next */
	bool has_ahead;
	struct trace_row ahead;
	ns_t gap; /* from the group to the next timestamp, on the file's clock */
	int64_t taken, measured;
	bool has_head; /* head is the next arrival */
	struct arrival head;
	uint64_t names;                        /* of the texts of this file */
	VEC(struct prompt_part) coming, given; /* of the head, and of the arrival before */
};

static const struct trace_reader *reader_of(enum trace_format format)
{
	switch (format) {
	case TRACE_AZURE:
		return &trace_azure;
	case TRACE_BURSTGPT:
		return &trace_burstgpt;
	case TRACE_MOONCAKE:
		return &trace_mooncake;
	case TRACE_AIPERF:
		return &trace_aiperf;
	case TRACE_GENAI_PERF:
		return &trace_genai_perf;
	case TRACE_CSV:
		return &trace_csv;
	case TRACE_VLLM_LOG:
		return &trace_vllm_log;
	case TRACE_GUESS:
		break;
	}
	return NULL;
}

static void fail_unknown(const char *file, struct err *err)
{
	err_add(err, ERR_INPUT, file,
	        "cannot tell the trace's format; known are azure (%s), burstgpt (%s), mooncake (%s), "
	        "aiperf (%s), genai-perf (%s), csv (%s), vllm-log (%s)",
	        trace_azure.mark, trace_burstgpt.mark, trace_mooncake.mark, trace_aiperf.mark,
	        trace_genai_perf.mark, trace_csv.mark, trace_vllm_log.mark);
}

/* The reader asked for, or the one the file's opening bytes call for; NULL with errors added. */
static const struct trace_reader *choose_reader(const struct scenario_load *load, struct err *err)
{
	const struct trace_reader *reader = reader_of((enum trace_format)load->format);
	struct trace_head head;

	if (trace_head_is_pipe(load->file)) {
		if (reader == NULL) {
			err_add(err, ERR_INPUT, load->file,
			        "a pipe is read once, so its format cannot be guessed; state it");
		}
		return reader;
	}
	if (!trace_head_read(load->file, &head, err)) {
		return NULL;
	}
	if (reader == NULL) {
		reader = trace_head_guess(&head);
		if (reader == NULL) {
			fail_unknown(load->file, err);
		} else {
			err_note(err, "%s: read as %s, %s", load->file, reader->name, reader->unit);
		}
	}
	free(head.text);
	return reader;
}

/* An error at the row's time. */
static void fail_row(const struct trace *t, const struct trace_row *row, const char *message)
{
	char *where = row->column > 0
	                      ? mem_printf("%s:%zu:%zu", t->load->file, row->position, row->column)
	                      : mem_printf("%s:%zu", t->load->file, row->position);

	err_add(t->err, ERR_INPUT, where, "%s", message);
	free(where);
}

static bool in_order(const struct trace *t, const struct trace_row *row)
{
	char *message;

	if (!t->started || row->at >= t->last.at) {
		return true;
	}
	message = mem_printf("%.9g s before row %zu; sort the file by time",
	                     ns_to_seconds(t->last.at - row->at), t->last.position);
	fail_row(t, row, message);
	free(message);
	return false;
}

/* The next row of the file; false at its end or when it turned out bad. */
static bool pull(struct trace *t, struct trace_row *out)
{
	enum trace_status status = TRACE_END;

	if (!t->ended) {
		status = t->source->reader->next(t->source, out);
	}
	if (status == TRACE_ROW && !in_order(t, out)) {
		free(out->blocks);
		status = TRACE_FAILED;
	}
	if (status != TRACE_ROW) {
		t->ended = true;
		t->workload.failed = t->workload.failed || status == TRACE_FAILED;
		return false;
	}
	if (!t->started) {
		t->first = *out;
		t->started = true;
	}
	t->last = *out;
	return true;
}

/* The first row of the next group. */
static bool start_group(struct trace *t)
{
	struct trace_row row = t->ahead;

	if (!t->has_ahead && !pull(t, &row)) {
		return false;
	}
	t->has_ahead = false;
	t->group.n = 0;
	t->next = 0;
	vec_push(&t->group, row);
	return true;
}

/* All further rows of the group's timestamp, and the row behind them. */
static void gather_ties(struct trace *t)
{
	while (pull(t, &t->ahead)) {
		if (t->ahead.at != t->group.at[0].at) {
			t->has_ahead = true;
			t->gap = t->ahead.at - t->group.at[0].at;
			return;
		}
		vec_push(&t->group, t->ahead);
	}
}

static bool next_group(struct trace *t)
{
	if (!start_group(t)) {
		return false;
	}
	if (t->load->spread) {
		gather_ties(t);
	}
	return !t->workload.failed;
}

/* Arrival time of row `t->next` of the group; false when it is too far away. */
static bool arrival_time(const struct trace *t, ns_t *out)
{
	const struct trace_row *row = &t->group.at[t->next];
	ns_t at = row->at - t->first.at;
	double scaled;

	if (t->group.n > 1) {
		at += (ns_t)((i128_t)t->gap * (i128_t)t->next / (i128_t)t->group.n);
	}
	scaled = (double)at / t->load->speedup;
	if (at > LATEST_ARRIVAL || scaled > (double)LATEST_ARRIVAL) {
		fail_row(t, row, "arrives more than 70 years after the first request");
		return false;
	}
	/* Seconds that need no scaling stay exact. */
	*out = t->load->speedup < 1 || t->load->speedup > 1 ? (ns_t)llround(scaled) : at;
	return true;
}

/* The shared text of a row, which is its own no longer. */
static void take_text(struct trace *t, struct trace_row *row)
{
	int64_t left = row->input;
	const int64_t block = t->load->hash_block;

	t->coming.n = 0;
	for (uint32_t i = 0; i < row->n_blocks; i++, left -= block) {
		const struct prompt_part part = {prompt_mix(t->names, row->blocks[i]),
		                                 (int32_t)(left < block ? left : block)};

		vec_push(&t->coming, part);
	}
	free(row->blocks);
	row->blocks = NULL;
}

/* Make the next arrival ready, if there is one. */
static void advance(struct trace *t)
{
	struct trace_row *row;
	ns_t at;

	t->has_head = false;
	if (t->workload.failed || (t->load->requests > 0 && t->measured >= t->load->requests) ||
	    (t->next == t->group.n && !next_group(t))) {
		return;
	}
	if (!arrival_time(t, &at)) {
		t->workload.failed = true;
		return;
	}
	row = &t->group.at[t->next++];
	take_text(t, row);
	t->head = (struct arrival){
		.at = at,
		.input_tokens = row->input,
		.output_tokens = row->output,
		.images = t->images ? row->images : 0,
		.warmup = row->warmup || t->taken < t->load->warmup_requests,
	};
	t->taken++;
	t->measured += !t->head.warmup;
	t->has_head = true;
}

static ns_t trace_peek(struct workload *w)
{
	const struct trace *t = (const struct trace *)w;

	return t->has_head ? t->head.at : NS_NEVER;
}

/* The text of the head is given out; the next one is made in the place of the one before. */
static void swap_texts(struct trace *t)
{
	struct prompt_part *const at = t->given.at;
	const size_t cap = t->given.cap;

	t->given.at = t->coming.at;
	t->given.n = t->coming.n;
	t->given.cap = t->coming.cap;
	t->coming.at = at;
	t->coming.n = 0;
	t->coming.cap = cap;
}

static bool trace_next(struct workload *w, struct arrival *out)
{
	struct trace *t = (struct trace *)w;

	sim_assert(t->has_head);
	*out = t->head;
	swap_texts(t);
	out->n_parts = (uint32_t)t->given.n;
	out->parts = t->given.at;
	advance(t);
	return true;
}

static void trace_close(struct workload *w)
{
	struct trace *t = (struct trace *)w;

	t->source->reader->close(t->source);
	for (size_t i = 0; i < t->group.n; i++) {
		free(t->group.at[i].blocks);
	}
	if (t->has_ahead) {
		free(t->ahead.blocks);
	}
	free(t->group.at);
	free(t->coming.at);
	free(t->given.at);
	free(t);
}

/* The same file has the same texts, whichever load replays it. FNV-1a. */
static uint64_t name_of(const char *file)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *file != '\0'; file++) {
		h = (h ^ (unsigned char)*file) * UINT64_C(1099511628211);
	}
	return h;
}

static const struct workload_ops trace_ops = {
	.peek = trace_peek,
	.next = trace_next,
	.finished = NULL,
	.close = trace_close,
};

struct workload *workload_open_trace(const struct scenario_load *load, const struct llm_spec *llm,
                                     struct err *err)
{
	const struct trace_ask ask = {.file = load->file,
	                              .load = load,
	                              .embeds = llm->task == LLM_EMBED,
	                              .sees = llm->image_tokens > 0,
	                              .err = err};
	const struct trace_reader *reader = choose_reader(load, err);
	struct trace_source *source;
	struct trace *t;

	sim_assert(load->speedup > 0 && load->hash_block > 0);
	source = reader == NULL ? NULL : reader->open(&ask);
	if (source == NULL) {
		return NULL;
	}
	t = mem_new(1, sizeof(*t));
	t->workload.ops = &trace_ops;
	t->source = source;
	t->load = load;
	t->err = err;
	t->images = llm->image_tokens > 0;
	t->names = name_of(load->file);
	advance(t);
	if (!t->has_head) {
		if (!t->workload.failed) {
			err_add(err, ERR_INPUT, load->file, "no requests");
		}
		trace_close(&t->workload);
		return NULL;
	}
	return &t->workload;
}
