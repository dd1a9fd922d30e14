/*
 * Draws lengths and composes shared texts. Every purpose draws from its own stream, so changing one
 * distribution does not move the others.
 */
#include "workload/talk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/vec.h"

#define MOST_TOKENS (INT64_C(1) << 24) /* of one request: no model reads more */

/* Namespaces of texts within a load. */
enum text_kind { TEXT_PREFIX = 1, TEXT_ENTRY, TEXT_CONVERSATION };

struct said { /* one request's own lengths */
	int32_t prompt, answer;
};

struct entry { /* a prompt that is sent again */
	struct said said;
	uint64_t prefix;
};

struct conversation {
	uint64_t name, prefix;
	int64_t tokens;     /* of the turns so far, answers included, without the prefix */
	struct said next;   /* drawn when the answer before came */
	int64_t turns_left; /* after those sent; 0: none is going on */
};

struct talk {
	const struct scenario_load *load;
	const struct load_text *text;
	uint64_t names; /* all texts of this load */
	bool generates;
	int64_t image_tokens; /* of one request */
	int64_t context;      /* that the model takes */
	struct rng *lengths_in, *lengths_out, *prefixes, *turns, *delays;
	uint64_t sent, conversations;
	VEC(struct entry) entries; /* those sent so far */
	struct conversation *of;   /* [cap], by speaker */
	uint32_t cap;
	struct prompt_part parts[2]; /* of the last request */
};

static struct rng *stream(uint64_t seed, size_t index, const char *what)
{
	char *const name = mem_printf("loads.%zu.%s", index, what);
	struct rng *const rng = rng_new(seed, name);
	free(name);
	return rng;
}

struct talk *talk_new(const struct scenario_load *load, const struct llm_spec *llm, uint64_t seed,
                      size_t index)
{
	struct talk *const t = mem_new(1, sizeof(*t));
	t->load = load;
	t->text = &load->text;
	t->names = index + 1;
	t->generates = llm->task == LLM_GENERATE;
	t->image_tokens = load->images * llm->image_tokens;
	t->context = llm->context;
	t->lengths_in = stream(seed, index, "isl");
	t->lengths_out = stream(seed, index, "osl");
	t->prefixes = stream(seed, index, "prefix");
	t->turns = stream(seed, index, "turns");
	t->delays = stream(seed, index, "turn_delay");
	return t;
}

void talk_free(struct talk *t)
{
	rng_free(t->lengths_in);
	rng_free(t->lengths_out);
	rng_free(t->prefixes);
	rng_free(t->turns);
	rng_free(t->delays);
	free(t->entries.at);
	free(t->of);
	free(t);
}

bool talk_turns(const struct talk *t)
{
	return t->text->turns.mean > 0.0;
}

static int64_t draw_length(struct rng *rng, const struct length_dist *d)
{
	double v = d->mean;
	if (d->stddev > 0.0 && d->gamma) {
		const double shape = d->mean * d->mean / (d->stddev * d->stddev);
		v = rng_gamma(rng, shape) * d->mean / shape;
	} else if (d->stddev > 0.0) {
		v += d->stddev * rng_normal(rng);
	}
	const double least = d->min > 0 ? (double)d->min : 1.0;
	const double most = d->max > 0 ? (double)d->max : (double)MOST_TOKENS;
	v = v < least ? least : v > most ? most : v;
	return (int64_t)(v + 0.5);
}

static struct said draw_said(struct talk *t)
{
	const int64_t prompt = draw_length(t->lengths_in, &t->load->isl) + t->image_tokens;
	return (struct said){
		.prompt = (int32_t)(prompt < MOST_TOKENS ? prompt : MOST_TOKENS),
		.answer = t->generates ? (int32_t)draw_length(t->lengths_out, &t->load->osl) : 0,
	};
}

static uint64_t text_name(const struct talk *t, enum text_kind kind, uint64_t number)
{
	return prompt_mix(prompt_mix(t->names, (uint64_t)kind), number);
}

static uint64_t draw_prefix(struct talk *t)
{
	const uint64_t count = (uint64_t)t->text->prefixes;
	return text_name(t, TEXT_PREFIX, count > 1 ? rng_below(t->prefixes, count) : 0);
}

/* A request of `tokens` behind its prefix, with a part of its own that it shares, if any. */
static void compose(struct talk *t, struct arrival *out, uint64_t prefix, int64_t tokens,
                    struct prompt_part own)
{
	const int64_t all = t->text->prefix_tokens + tokens;
	out->input_tokens = (int32_t)(all < MOST_TOKENS ? all : MOST_TOKENS);
	out->n_parts = 0;
	out->parts = t->parts;
	if (t->text->prefix_tokens > 0) {
		t->parts[out->n_parts++] =
			(struct prompt_part){prefix, (int32_t)t->text->prefix_tokens};
	}
	if (own.tokens > 0) {
		t->parts[out->n_parts++] = own;
	}
}

/* A prompt nobody has sent before, but for its prefix. */
static void say_new(struct talk *t, struct arrival *out)
{
	const struct said said = draw_said(t);
	const struct prompt_part own = {0, 0};
	out->output_tokens = said.answer;
	if (load_text_before(t->text) > 0) {
		compose(t, out, draw_prefix(t), t->text->context_tokens + said.prompt, own);
	} else {
		out->input_tokens = said.prompt;
		out->n_parts = 0;
	}
}

/* The next of the distinct prompts. */
static void say_entry(struct talk *t, struct arrival *out)
{
	const size_t number = t->sent % (uint64_t)t->text->entries;
	if (number == t->entries.n) {
		const struct entry drawn = {draw_said(t), draw_prefix(t)};
		vec_push(&t->entries, drawn);
	}
	const struct entry *const e = &t->entries.at[number];
	const int64_t tokens = t->text->context_tokens + e->said.prompt;
	const struct prompt_part own = {text_name(t, TEXT_ENTRY, number),
	                                (int32_t)(tokens < MOST_TOKENS ? tokens : MOST_TOKENS)};
	out->output_tokens = e->said.answer;
	compose(t, out, e->prefix, tokens, own);
}

static struct conversation *conversation_of(struct talk *t, uint32_t speaker)
{
	if (speaker >= t->cap) {
		const uint32_t cap = speaker < 32 ? 64 : 2 * speaker;
		t->of = mem_resize(t->of, cap, sizeof(*t->of));
		for (uint32_t i = t->cap; i < cap; i++) {
			t->of[i] = (struct conversation){0};
		}
		t->cap = cap;
	}
	return &t->of[speaker];
}

static void begin_conversation(struct talk *t, struct conversation *c)
{
	*c = (struct conversation){
		.name = text_name(t, TEXT_CONVERSATION, t->conversations++),
		.prefix = draw_prefix(t),
		.tokens = t->text->context_tokens,
		.next = draw_said(t),
		.turns_left = draw_length(t->turns, &t->text->turns),
	};
}

static void say_turn(struct talk *t, uint32_t speaker, struct arrival *out)
{
	struct conversation *const c = conversation_of(t, speaker);
	if (c->turns_left == 0) {
		begin_conversation(t, c);
	}
	const struct prompt_part own = {c->name, PROMPT_OPEN};
	c->turns_left--;
	compose(t, out, c->prefix, c->tokens + c->next.prompt, own);
	out->output_tokens = c->next.answer;
	c->tokens += (int64_t)c->next.prompt + c->next.answer;
}

void talk_next(struct talk *t, uint32_t speaker, struct arrival *out)
{
	out->images = (int32_t)t->load->images;
	if (talk_turns(t)) {
		say_turn(t, speaker, out);
	} else if (t->text->entries > 0) {
		say_entry(t, out);
	} else {
		say_new(t, out);
	}
	t->sent++;
}

static ns_t draw_delay(struct talk *t)
{
	const struct load_text *const text = t->text;
	if (text->delay_stddev == 0) {
		return text->delay;
	}
	const double s = ns_to_seconds(text->delay) +
	                 ns_to_seconds(text->delay_stddev) * rng_normal(t->delays);
	return s <= 0.0 ? 0 : s >= ns_to_seconds(NS_HORIZON) ? NS_NEVER : ns_from_seconds(s);
}

bool talk_goes_on(struct talk *t, uint32_t speaker, ns_t *delay)
{
	struct conversation *const c = conversation_of(t, speaker);
	if (c->turns_left == 0) {
		return false;
	}
	const ns_t wait = draw_delay(t);
	c->next = draw_said(t);
	if (t->text->prefix_tokens + c->tokens + c->next.prompt + c->next.answer > t->context) {
		c->turns_left = 0;
		return false;
	}
	*delay = wait;
	return true;
}

void talk_break_off(struct talk *t, uint32_t speaker)
{
	if (talk_turns(t)) {
		conversation_of(t, speaker)->turns_left = 0;
	}
}
