/*
 * Arrivals made up: closed loops (users who wait for their answer), open rates, and stages of both.
 * What is said, and whether a conversation goes on, is talk.c: here each of its turns is a wake of
 * its speaker, who is a user of the closed loop, or a guest who came with an open one.
 */
#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vec.h"
#include "workload/talk.h"
#include "workload/workload.h"

struct wake { /* a speaker's next request */
	ns_t at;
	uint64_t order; /* of the answer: first answered, first served */
	uint32_t user;
};

struct synthetic {
	struct workload base;
	const struct scenario_load *load;
	struct talk *talk;
	struct rng *gaps;
	int64_t sent, total;     /* requests; total INT64_MAX: without end */
	int64_t begun, sessions; /* conversations, or single requests of users; the same */
	/* open loop */
	ns_t next;     /* NS_NEVER: the open loop is silent */
	ns_t gap_from; /* the next gap starts here */
	double gap;    /* and is so long, in mean gaps */
	/* closed loop */
	struct wake *heap;
	size_t n_heap, cap_heap;
	uint64_t order;
	uint32_t users;     /* at most; guests are numbered from here */
	uint32_t active;    /* users 0..active-1 may send */
	bool *parked;       /* [users]: has no request in flight and no wake planned */
	uint32_t guests;    /* places for them so far */
	VEC(uint32_t) left; /* places of guests who left */
	/* stages */
	size_t stage;
	ns_t stage_end; /* NS_NEVER without stages */
};

static bool earlier(const struct wake *a, const struct wake *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void heap_push(struct synthetic *s, ns_t at, uint32_t user)
{
	const struct wake w = {at, s->order++, user};
	if (s->n_heap == s->cap_heap) {
		s->cap_heap = s->cap_heap == 0 ? 64 : 2 * s->cap_heap;
		s->heap = mem_resize(s->heap, s->cap_heap, sizeof(*s->heap));
	}
	size_t i = s->n_heap++;
	while (i > 0 && earlier(&w, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = w;
	if (user < s->users) {
		s->parked[user] = false;
	}
}

static struct wake heap_pop(struct synthetic *s)
{
	const struct wake top = s->heap[0];
	const struct wake last = s->heap[--s->n_heap];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= s->n_heap) {
			break;
		}
		if (child + 1 < s->n_heap && earlier(&s->heap[child + 1], &s->heap[child])) {
			child++;
		}
		if (!earlier(&s->heap[child], &last)) {
			break;
		}
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return top;
}

/* May another conversation begin? Then it is counted. */
static bool begin_session(struct synthetic *s)
{
	if (s->begun == s->sessions) {
		return false;
	}
	s->begun++;
	return true;
}

/* Wake every parked user below the target, evenly over `stagger`. */
static void activate(struct synthetic *s, int64_t users, ns_t from, ns_t stagger)
{
	s->active = (uint32_t)users;
	for (uint32_t u = 0; u < s->active; u++) {
		if (s->parked[u] && begin_session(s)) {
			heap_push(s, ns_after(from, (ns_t)((i128_t)stagger * u / users)), u);
		}
	}
}

/* A gap of mean 1. */
static double draw_gap(struct synthetic *s)
{
	switch ((enum arrivals)s->load->arrivals) {
	case ARRIVALS_CONSTANT:
		return 1.0;
	case ARRIVALS_GAMMA: /* shape k, mean kept: vLLM's burstiness, AIPerf's smoothness */
		return rng_gamma(s->gaps, s->load->smoothness) / s->load->smoothness;
	case ARRIVALS_POISSON:
		break;
	}
	return rng_exponential(s->gaps);
}

static void open_next(struct synthetic *s, double rate)
{
	if (s->begun == s->sessions) {
		s->next = NS_NEVER;
		return;
	}
	const double seconds = s->gap / rate;
	s->next = seconds < ns_to_seconds(NS_HORIZON)
	                  ? ns_after(s->gap_from, ns_from_seconds(seconds))
	                  : NS_NEVER;
	s->gap_from = s->next;
	s->gap = draw_gap(s); /* of the arrival after: nobody waits for it now */
}

/* Enter stage `i` at time `from`, or end the load after the last one. */
static void enter_stage(struct synthetic *s, size_t i, ns_t from)
{
	s->stage = i;
	s->next = NS_NEVER;
	if (i == s->load->n_stages) {
		s->active = 0;
		s->n_heap = 0;
		s->stage_end = NS_NEVER;
		s->total = s->sent;
		return;
	}
	const struct load_stage *const stage = &s->load->stages[i];
	s->stage_end = ns_after(from, stage->span);
	activate(s, stage->users, from, 0);
	if (stage->rate > 0.0) {
		s->gap_from = from;
		open_next(s, stage->rate);
	}
}

/* Earliest wish to send, stages aside; drops wakes of users who are no longer active. */
static ns_t wish(struct synthetic *s)
{
	while (s->n_heap > 0 && s->heap[0].user >= s->active && s->heap[0].user < s->users) {
		const uint32_t user = heap_pop(s).user;
		s->parked[user] = true;
		talk_break_off(s->talk, user);
	}
	const ns_t closed = s->n_heap > 0 ? s->heap[0].at : NS_NEVER;
	return closed < s->next ? closed : s->next;
}

static ns_t peek(struct workload *w)
{
	struct synthetic *const s = (struct synthetic *)w;
	if (s->sent >= s->total) {
		return NS_NEVER;
	}
	const ns_t at = wish(s);
	return at < s->stage_end ? at : s->stage_end;
}

/* A place for one more conversation of the open loop. */
static uint32_t new_guest(struct synthetic *s)
{
	if (s->left.n > 0) {
		return s->left.at[--s->left.n];
	}
	return s->users + s->guests++;
}

static bool next(struct workload *w, struct arrival *out)
{
	struct synthetic *const s = (struct synthetic *)w;
	const struct scenario_load *const load = s->load;
	out->at = peek(w);
	sim_assert(out->at != NS_NEVER);
	if (out->at == s->stage_end) { /* answers up to now belonged to the old stage */
		enter_stage(s, s->stage + 1, s->stage_end);
		return false;
	}
	uint32_t speaker = s->users;
	if (s->n_heap > 0 && s->heap[0].at == out->at) {
		speaker = heap_pop(s).user;
		out->user = speaker + 1;
	} else {
		s->begun++;
		open_next(s, load->kind == LOAD_STAGES ? load->stages[s->stage].rate : load->rate);
		speaker = talk_turns(s->talk) ? new_guest(s) : speaker;
		out->user = talk_turns(s->talk) ? speaker + 1 : 0;
	}
	talk_next(s->talk, speaker, out);
	out->warmup = s->sent < load->warmup_requests;
	s->sent++;
	return true;
}

/* A user was answered: the conversation goes on, another one begins, or it is over with them. */
static void user_answered(struct synthetic *s, uint32_t user, ns_t now)
{
	ns_t wait = s->load->think;
	bool again = user < s->active;
	if (again && talk_turns(s->talk)) {
		again = talk_goes_on(s->talk, user, &wait) || begin_session(s);
	}
	if (again) {
		heap_push(s, ns_after(now, wait), user);
		return;
	}
	s->parked[user] = true;
	talk_break_off(s->talk, user);
}

static void finished(struct workload *w, uint32_t user, ns_t now)
{
	struct synthetic *const s = (struct synthetic *)w;
	const uint32_t speaker = user - 1;
	ns_t wait;
	if (user == 0) { /* of an open stage */
		return;
	}
	if (speaker < s->users) {
		user_answered(s, speaker, now);
	} else if (talk_goes_on(s->talk, speaker, &wait)) {
		heap_push(s, ns_after(now, wait), speaker);
	} else { /* a guest's conversation is over: the place is free */
		vec_push(&s->left, speaker);
	}
}

static void close_synthetic(struct workload *w)
{
	struct synthetic *const s = (struct synthetic *)w;
	talk_free(s->talk);
	rng_free(s->gaps);
	free(s->heap);
	free(s->parked);
	free(s->left.at);
	free(s);
}

static const struct workload_ops closed_ops = {peek, next, finished, close_synthetic};
static const struct workload_ops open_ops = {peek, next, NULL, close_synthetic};

static int64_t most_users(const struct scenario_load *load)
{
	int64_t most = load->kind == LOAD_CONCURRENCY ? load->users : 0;
	for (size_t i = 0; i < load->n_stages; i++) {
		most = load->stages[i].users > most ? load->stages[i].users : most;
	}
	return most;
}

struct workload *workload_open_synthetic(const struct scenario_load *load,
                                         const struct llm_spec *llm, uint64_t seed, size_t index)
{
	struct synthetic *const s = mem_new(1, sizeof(*s));
	const int64_t users = most_users(load);
	s->load = load;
	s->talk = talk_new(load, llm, seed, index);
	s->base.ops = users > 0 || talk_turns(s->talk) ? &closed_ops : &open_ops;
	s->users = (uint32_t)users;
	s->sessions = load->text.sessions > 0 ? load->text.sessions : INT64_MAX;
	char *const name = mem_printf("loads.%zu.arrivals", index);
	s->gaps = rng_new(seed, name);
	free(name);
	s->gap = draw_gap(s);
	s->total = load->requests > 0 ? load->requests + load->warmup_requests : INT64_MAX;
	s->next = NS_NEVER;
	s->stage_end = NS_NEVER;
	s->parked = mem_new((size_t)users + 1, sizeof(*s->parked));
	for (int64_t u = 0; u < users; u++) {
		s->parked[u] = true;
	}
	switch ((enum load_kind)load->kind) {
	case LOAD_CONCURRENCY:
		activate(s, load->users, 0, load->stagger);
		break;
	case LOAD_RATE:
		open_next(s, load->rate);
		break;
	case LOAD_STAGES:
		enter_stage(s, 0, 0);
		break;
	case LOAD_TRACE:
	case LOAD_SERVEGEN:
		sim_assert(load_has_lengths(load)); /* workload_open sees to it */
		break;
	}
	return &s->base;
}
