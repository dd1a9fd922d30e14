/*
 * Requests of ServeGen's clients. Each window of a client is a piece of a steady stream with gaps
 * of its family: it begins in the middle of a gap, so that it has as many requests as its rate
 * says, however bursty they come. Who is next comes from a tournament of all clients.
 */
#include "workload/servegen.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "event/event.h"
#include "workload/workload.h"

/* A client on its way through its profile. */
struct asker {
	struct servegen_client client;
	struct rng *gaps, *lengths;
	size_t window;
	size_t length; /* window of lengths */
	ns_t at;       /* of its next request, on the profile's clock; NS_NEVER: it is done */
};

struct servegen {
	struct workload base;
	const struct scenario_load *load;
	bool embeds;
	struct asker *askers;
	uint32_t n;
	struct event_list order; /* next request of each, on the load's clock */
	int64_t sent, total;
};

/* A gap of mean 1 with the shape of a window. */
static double draw_gap(struct asker *a, const struct servegen_window *w)
{
	if (w->family == SERVEGEN_GAMMA) {
		return rng_gamma(a->gaps, w->shape) / w->shape;
	}
	return rng_weibull(a->gaps, w->shape) / rng_factorial(1.0 / w->shape);
}

/*
 * The rest of a gap that is under way when one looks at any time: long gaps are looked into more
 * often (shape + 1 of a gamma; of a Weibull its power is gamma with 1 + 1 / shape), and evenly.
 * Without it a bursty client would begin with a burst.
 */
static double draw_rest(struct asker *a, const struct servegen_window *w)
{
	const double part = rng_uniform(a->gaps);
	if (w->family == SERVEGEN_GAMMA) {
		return part * rng_gamma(a->gaps, w->shape + 1.0) / w->shape;
	}
	const double power = rng_gamma(a->gaps, 1.0 + 1.0 / w->shape);
	return part * rng_exp(rng_log(power) / w->shape) / rng_factorial(1.0 / w->shape);
}

/* The window that holds `at` or, where that is silent, the next one that is not; NULL: none. */
static const struct servegen_window *live_window(struct asker *a)
{
	while (a->window < a->client.windows.n) {
		const struct servegen_window *const w = &a->client.windows.at[a->window];
		if (w->rate > 0.0 && a->at < w->until) {
			a->at = a->at > w->from ? a->at : w->from;
			return w;
		}
		a->window++;
	}
	return NULL;
}

/* Move `at` by a gap in mean gaps; where the window ends before, on to the first of a later one. */
static void go(struct asker *a, const struct servegen_window *w, double gap, double scale)
{
	while (w != NULL) {
		const double seconds = gap / (w->rate * scale);
		if (seconds < ns_to_seconds(w->until - a->at)) {
			a->at = ns_after(a->at, ns_from_seconds(seconds));
			return;
		}
		a->at = w->until;
		w = live_window(a);
		gap = w != NULL ? draw_rest(a, w) : 0.0;
	}
	a->at = NS_NEVER;
}

static void plan(struct servegen *s, uint32_t i)
{
	const ns_t at = s->askers[i].at;
	event_set(&s->order, i, at == NS_NEVER ? NS_NEVER : at - s->load->from, PHASE_ARRIVAL);
}

static int32_t draw_value(struct rng *r, const struct servegen_values *v)
{
	const double u = rng_uniform(r);
	size_t from = 0, to = v->n - 1;
	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		if (v->upto[middle] < u) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return v->value[from];
}

/* The lengths that hold at the client's time: the latest, or the first ones before there are any.
 */
static const struct servegen_lengths *lengths_at(struct asker *a)
{
	while (a->length + 1 < a->client.lengths.n &&
	       a->client.lengths.at[a->length + 1].from <= a->at) {
		a->length++;
	}
	return &a->client.lengths.at[a->length];
}

static void draw_lengths(const struct servegen *s, struct asker *a, struct arrival *out)
{
	const struct servegen_lengths *const l = lengths_at(a);
	int64_t input = 0;
	for (int i = 0; i <= SERVEGEN_VIDEO; i++) {
		input += l->fields[i].n > 0 ? draw_value(a->lengths, &l->fields[i]) : 0;
	}
	out->input_tokens = input > 1 ? (int32_t)input : 1;
	out->images = l->fields[SERVEGEN_IMAGES].n > 0
	                      ? draw_value(a->lengths, &l->fields[SERVEGEN_IMAGES])
	                      : 0;
	if (!s->embeds) {
		const int32_t output = draw_value(a->lengths, &l->fields[SERVEGEN_OUTPUT]);
		out->output_tokens = output > 1 ? output : 1;
	}
}

static ns_t peek(struct workload *w)
{
	struct servegen *const s = (struct servegen *)w;
	return s->sent < s->total ? event_peek(&s->order).at : NS_NEVER;
}

static bool next(struct workload *w, struct arrival *out)
{
	struct servegen *const s = (struct servegen *)w;
	const struct event e = event_peek(&s->order);
	struct asker *const a = &s->askers[e.entity];
	sim_assert(e.at != NS_NEVER && s->sent < s->total);
	*out = (struct arrival){.at = e.at, .warmup = s->sent < s->load->warmup_requests};
	draw_lengths(s, a, out);
	s->sent++;
	const struct servegen_window *const window = &a->client.windows.at[a->window];
	go(a, window, draw_gap(a, window), s->load->scale);
	plan(s, e.entity);
	return true;
}

static void close_servegen(struct workload *w)
{
	struct servegen *const s = (struct servegen *)w;
	for (uint32_t i = 0; i < s->n; i++) {
		servegen_client_fini(&s->askers[i].client);
		rng_free(s->askers[i].gaps);
		rng_free(s->askers[i].lengths);
	}
	free(s->askers);
	event_list_fini(&s->order);
	free(s);
}

static const struct workload_ops servegen_ops = {peek, next, NULL, close_servegen};

static struct rng *stream(uint64_t seed, size_t index, int64_t client, const char *what)
{
	char *const name = mem_printf("loads.%zu.client.%" PRId64 ".%s", index, client, what);
	struct rng *const r = rng_new(seed, name);
	free(name);
	return r;
}

/* Read a client and plan its first request; false with errors added. */
static bool begin(struct servegen *s, uint32_t i, const struct servegen_ask *ask, int64_t number,
                  uint64_t seed, size_t index)
{
	struct asker *const a = &s->askers[i];
	a->gaps = stream(seed, index, number, "gaps");
	a->lengths = stream(seed, index, number, "lengths");
	if (!servegen_read(ask, number, &a->client)) {
		return false;
	}
	a->at = s->load->from;
	const struct servegen_window *const w = live_window(a);
	go(a, w, w != NULL ? draw_rest(a, w) : 0.0, s->load->scale);
	plan(s, i);
	return true;
}

struct workload *workload_open_servegen(const struct scenario_load *load,
                                        const struct llm_spec *llm, uint64_t seed, size_t index,
                                        struct err *err)
{
	const struct servegen_ask ask = {.folder = load->folder,
	                                 .embeds = llm->task == LLM_EMBED,
	                                 .sees = llm_spec_sees(llm),
	                                 .err = err};
	size_t n = load->n_clients;
	int64_t *const listed = n == 0 ? servegen_list(&ask, &n) : NULL;
	const int64_t *const numbers = load->n_clients > 0 ? load->clients : listed;
	struct servegen *const s = mem_new(1, sizeof(*s));
	*s = (struct servegen){.base = {.ops = &servegen_ops},
	                       .load = load,
	                       .embeds = ask.embeds,
	                       .askers = mem_new(n, sizeof(*s->askers)),
	                       .n = (uint32_t)n,
	                       .total = load->requests > 0 ? load->requests + load->warmup_requests
	                                                   : INT64_MAX};
	event_list_init(&s->order, s->n > 0 ? s->n : 1);
	bool ok = n > 0;
	for (uint32_t i = 0; ok && i < s->n; i++) {
		ok = begin(s, i, &ask, numbers[i], seed, index);
	}
	free(listed);
	if (ok && peek(&s->base) == NS_NEVER) {
		err_add(err, ERR_INPUT, load->folder,
		        "no requests: the clients have no traffic from there on");
		ok = false;
	}
	if (!ok) {
		close_servegen(&s->base);
	}
	return ok ? &s->base : NULL;
}
