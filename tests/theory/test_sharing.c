/*
 * Replicas on one GPU against closed forms (physics.md section 5). Work comes in single steps,
 * prompts of an embedding model, whose length is asked of the cost model once; what sharing makes
 * of it is worked out here by hand.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "perf/perf.h"
#include "interval.h"
#include "test_run.h"

#define FULL (INT64_C(1) << TICK_SHIFT) /* ticks of work per ns of a GPU of one's own */
#define HALF (FULL / 2)
#define ONE 1000000 /* ppm */

#define MS 1000000 /* ns */

/* --- scenarios -----------------------------------------------------------------------------------
 */

struct item {                      /* a service and its load */
	const char *model, *share; /* share: keys of its part of the GPUs */
	int replicas;
	double t_layer, h_step; /* seconds; other costs are 0, or those of the kernels */
	const char *load;       /* without its service */
};

static char *scenario(const char *gpus, const char *compute_share, const struct item *items,
                      size_t n)
{
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		char *const s = mem_printf(
			"%s%s{\"name\": \"s%zu\", \"model\": \"%s\", \"engine\": \"vllm\", %s,"
			"\"replicas\": %d, \"routing\": \"least_outstanding\", \"costs\": {\"t_stream\": 0,"
			"\"t_request\": 0, \"t_eager\": 0, \"t_layer\": %.9g, \"h_step\": %.9g,"
			"\"h_seq\": 0, \"h_request\": 0}, \"engine_options\": {\"max_num_seqs\": 1,"
			"\"kv_pool\": \"static\", \"reserved_bytes\": 0, \"overlap\": false,"
			"\"batching\": \"chunked_prefill\", \"prefill_cut\": \"tokens\","
			"\"max_prefill_tokens_per_step\": 8192, \"max_num_batched_tokens\": 16384}}",
			services, i > 0 ? ", " : "", i, items[i].model, items[i].share,
			items[i].replicas, items[i].t_layer, items[i].h_step);
		char *const l = mem_printf("%s%s{\"service\": \"s%zu\", %s}", loads,
		                           i > 0 ? ", " : "", i, items[i].load);
		free(services);
		free(loads);
		services = s;
		loads = l;
	}
	char *const json =
		mem_printf("{\"aliquot\": 1, \"seed\": 5, \"cluster\": {\"nodes\": [{\"gpu\": "
	                   "\"h200-sxm\", \"gpus\": %s}]}, \"scheduler\": {\"placement\": "
	                   "\"first_fit\", \"compute_share\": %s},"
	                   "\"services\": [%s], \"loads\": [%s]}",
	                   gpus, compute_share, services, loads);
	free(services);
	free(loads);
	return json;
}

/* A load of `n` equal requests, from `at` on, each when the one before is answered; caller frees.
 */
static char *queue_of(ns_t at, int n, int input, int output)
{
	char *const wait =
		at > 0 ? mem_printf("{\"rate\": 0.001, \"for\": \"%lldns\"},", (long long)at)
		       : mem_strdup("");
	char *const osl =
		output > 0 ? mem_printf(", \"osl\": {\"mean\": %d}", output) : mem_strdup("");
	char *const load = mem_printf(
		"\"kind\": \"stages\", \"arrivals\": \"constant\", \"stages\": [%s{\"users\": 1, \"for\": "
		"\"1h\"}], \"requests\": %d, \"isl\": {\"mean\": %d}%s",
		wait, n, input, osl);
	free(osl);
	free(wait);
	return load;
}

/* What the cost model says of a step of a service. */
static struct step_cost cost_of(const struct test_run *r, size_t service,
                                const struct step_shape *shape)
{
	const struct scenario *const sc = r->scenario.sc;
	const struct scenario_service *const s = &sc->services[service];
	struct llm_shape model;
	struct step_cost cost;
	llm_spec_shape(s->llm, (enum precision)s->precision, (enum precision)s->kv_precision,
	               &model);
	const struct perf_ask ask = {
		.gpu = sc->nodes[0].gpu,
		.llm = &model,
		.costs = &s->costs[0].constants,
		.weights = (enum precision)s->precision,
		.overlap = s->options.overlap,
		.tensor_parallel = s->tensor_parallel,
		.max_seqs = s->options.max_num_seqs,
	};
	struct perf *const perf = perf_new(&ask);
	perf_step(perf, shape, &cost);
	perf_free(perf);
	return cost;
}

static struct step_cost cost_of_prompt(const struct test_run *r, size_t service, int64_t input,
                                       bool sampled)
{
	const struct step_shape shape = {.chunks = 1,
	                                 .finishing = sampled,
	                                 .prompt = input,
	                                 .pairs2 = input * input,
	                                 .admitted = 1};
	return cost_of(r, service, &shape);
}

/* The end of the request number i (from 0) of a service, in order of completion. */
static ns_t end_of(const struct test_run *r, size_t service, size_t i)
{
	for (size_t k = 0; k < r->n; k++) {
		if (r->records[k].service == service && i-- == 0) {
			return r->records[k].end;
		}
	}
	ck_abort_msg("no such request");
	return 0;
}

static ns_t whole_ns(tick_t work, tick_t speed)
{
	return work / speed;
}

/* What the GPU does after the whole ns of the host, and those. */
static tick_t gpu_work(const struct step_cost *c)
{
	return c->gpu + c->host % FULL;
}
static ns_t host_ns(const struct step_cost *c)
{
	return c->host / FULL;
}

/* --- M/G/1 processor sharing ---------------------------------------------------------------------
 */

#define EMBED "qwen3-embedding-0.6b"
#define MANY "\"fraction\": 0.03125" /* so that hardly ever all are busy */

/* Mean work of what was asked, by the cost model, in seconds. */
static double mean_work_s(const struct test_run *r)
{
	double sum = 0.0;
	for (size_t i = 0; i < r->n; i++) {
		const struct step_cost c =
			cost_of_prompt(r, r->records[i].service, r->records[i].input_tokens, false);
		sum += (double)c.gpu / (double)FULL / 1e9;
	}
	return sum / (double)r->n;
}

/*
 * Customers are requests, each with a replica of its own: whatever the law of their lengths, their
 * mean stay is E[S] / (1 - load).
 */
START_TEST(m_g_1_processor_sharing)
{
	static const struct {
		const char *isl;
		double rate;
	} laws[] = {
		{"\"mean\": 4000", 75.0},
		{"\"mean\": 2000, \"stddev\": 1500, \"max\": 8000", 157.0},
		{"\"mean\": 1, \"stddev\": 3000, \"max\": 8000", 245.0},
	};
	struct test_run r;
	char *const load = mem_printf("\"kind\": \"rate\", \"rate\": %g, \"requests\": 600000, "
	                              "\"isl\": {%s}",
	                              laws[_i].rate, laws[_i].isl);
	const struct item item = {EMBED, MANY, 32, 0.0, 0.0, load};
	char *const json = scenario("1", "\"time_slicing\"", &item, 1);
	test_run(&r, json, false);
	test_run_check(&r);
	double *const stay = mem_new(r.n, sizeof(*stay));
	for (size_t i = 0; i < r.n; i++) {
		stay[r.records[i].id] = ns_to_seconds(r.records[i].end - r.records[i].arrival);
	}
	const double work = mean_work_s(&r);
	const double used = laws[_i].rate * work;
	interval_check("stay", interval_of(stay, r.n), work / (1.0 - used));
	free(stay);
	test_run_fini(&r);
	free(json);
	free(load);
}
END_TEST

/* --- who gets how much ---------------------------------------------------------------------------
 */

/*
 * What three quarters of a GPU do while a quarter of it does 400 steps, as a ratio; both always
 * have work, the larger one rests for `host` seconds before each of its steps.
 */
static double ratio_of(const char *compute_share, double host)
{
	struct test_run r;
	const char *const load = "\"kind\": \"concurrency\", \"users\": 2, \"requests\": 400,"
				 "\"isl\": {\"mean\": 1000}";
	const char *const more = "\"kind\": \"concurrency\", \"users\": 2, \"requests\": 4000,"
				 "\"isl\": {\"mean\": 1000}";
	const struct item items[] = {{EMBED, "\"fraction\": 0.25", 1, 0.0, 0.0, load},
	                             {EMBED, "\"fraction\": 0.75", 1, 0.0, host, more}};
	char *const json = scenario("1", compute_share, items, 2);
	test_run(&r, json, false);
	const ns_t until = end_of(&r, 0, 399);
	int beside = 0;
	for (size_t i = 0; i < r.n; i++) {
		beside += r.records[i].service == 1 && r.records[i].end <= until;
	}
	test_run_fini(&r);
	free(json);
	return beside / 400.0;
}

START_TEST(quarter_beside_three_quarters)
{
	ck_assert_double_eq_tol(ratio_of("\"time_slicing\"", 0.0), 1.0, 0.005);
	ck_assert_double_eq_tol(ratio_of("\"strict\"", 0.0), 3.0, 0.005);
	ck_assert_double_eq_tol(ratio_of("\"fair\"", 0.0), 3.0, 0.005);
}
END_TEST

/*
 * A step alone takes w. The larger one works for 4/3 w at three quarters of the GPU and rests for
 * w: of 7/3 w the smaller one has a quarter of 4/3 w and, where it may, all of w.
 */
START_TEST(what_one_does_not_use_goes_to_the_other_under_fair)
{
	struct test_run r;
	const char *const one = "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 1,"
				"\"isl\": {\"mean\": 1000}";
	const struct item item = {EMBED, "\"fraction\": 0.25", 1, 0.0, 0.0, one};
	char *const json = scenario("1", "\"fair\"", &item, 1);
	test_run(&r, json, false);
	const double work = (double)cost_of_prompt(&r, 0, 1000, false).gpu / FULL / 1e9;
	ck_assert_double_eq_tol(ratio_of("\"fair\"", work), 1.0 / (1.0 / 3.0 + 1.0), 0.005);
	ck_assert_double_eq_tol(ratio_of("\"strict\"", work), 4.0 / (7.0 / 3.0), 0.01);
	test_run_fini(&r);
	free(json);
}
END_TEST

/* One request of a service of 0.25 while the other 0.75 rests. */
START_TEST(alone_it_has_all_but_under_strict_and_a_limit)
{
	static const struct {
		const char *compute_share, *part;
		int64_t ppm;
	} cases[] = {
		{"\"time_slicing\"", "\"fraction\": 0.25", ONE},
		{"{\"policy\": \"time_slicing\", \"switch_cost\": 0.3}", "\"fraction\": 0.25", ONE},
		{"\"fair\"", "\"fraction\": 0.25", ONE},
		{"\"strict\"", "\"fraction\": 0.25", ONE / 4},
		{"\"time_slicing\"", "\"fraction\": 0.25, \"compute_limit\": 0.5", ONE / 2},
	};
	struct test_run r;
	char *const one = queue_of(0, 1, 700, 0), *const later = queue_of(NS_PER_S, 1, 700, 0);
	const struct item items[] = {{EMBED, cases[_i].part, 1, 0.0, 1e-3, one},
	                             {EMBED, "\"fraction\": 0.75", 1, 0.0, 0.0, later}};
	char *const json = scenario("1", cases[_i].compute_share, items, 2);
	test_run(&r, json, false);
	const struct step_cost c = cost_of_prompt(&r, 0, 700, false);
	ck_assert_int_eq(end_of(&r, 0, 0),
	                 host_ns(&c) + whole_ns(gpu_work(&c), cases[_i].ppm * FULL / ONE));
	test_run_fini(&r);
	free(one);
	free(later);
	free(json);
}
END_TEST

/* --- turns ---------------------------------------------------------------------------------------
 */

/*
 * A quarter of a GPU has the first 1.25 s of each plan of 5 s. A prompt of w that comes at `at` has
 * what is left of the turn, and the rest of it begins with the next plan; under fair only while the
 * other three quarters have work.
 */
START_TEST(a_step_waits_for_its_turn)
{
	static const struct {
		const char *policy;
		int64_t at_ms;
		bool neighbour;  /* is at work all the time */
		int64_t turn_ms; /* the turn that ends it begins; -1: it does not wait */
	} cases[] = {
		{"strict", 300, false, -1},   {"strict", 1300, false, 5000},
		{"strict", 4990, true, 5000}, {"strict", 6249, true, 10000},
		{"fair", 300, true, -1},      {"fair", 1300, false, -1},
		{"fair", 1300, true, 5000},   {"fair", 4999, true, 5000},
	};
	const char *const rest = "\"kind\": \"concurrency\", \"users\": 2, \"requests\": 1000,"
				 "\"isl\": {\"mean\": 4000}";
	struct test_run r;
	const ns_t at = cases[_i].at_ms * MS;
	char *const one = queue_of(at, 1, 4000, 0), *const later =
							    queue_of(60 * NS_PER_S, 1, 4000, 0);
	const struct item items[] = {
		{EMBED, "\"fraction\": 0.25", 1, 0.0, 0.0, one},
		{EMBED, "\"fraction\": 0.75", 1, 0.0, 0.0, cases[_i].neighbour ? rest : later}};
	char *const turns =
		mem_printf("{\"policy\": \"%s\", \"lease\": \"250ms\"}", cases[_i].policy);
	char *const json = scenario("1", turns, items, 2);
	test_run(&r, json, false);
	const struct step_cost c = cost_of_prompt(&r, 0, 4000, false);
	const ns_t work = whole_ns(gpu_work(&c), FULL), turn = cases[_i].turn_ms * MS;
	const ns_t before = cases[_i].at_ms == 6249 ? 1 * MS : 0; /* done in the turn before */
	ck_assert_int_gt(work, 2 * MS);
	ck_assert_int_eq(end_of(&r, 0, 0), turn < 0 ? at + work : turn + work - before);
	test_run_fini(&r);
	free(turns);
	free(one);
	free(later);
	free(json);
}
END_TEST

/* Over whole plans turns give what the speeds give. */
START_TEST(turns_give_what_the_fluid_form_gives)
{
	const char *const turns = "{\"policy\": \"strict\", \"lease\": \"1ms\"}";
	ck_assert_double_eq_tol(ratio_of(turns, 0.0), ratio_of("\"strict\"", 0.0), 0.05);
	ck_assert_double_eq_tol(ratio_of("{\"policy\": \"fair\", \"lease\": \"1ms\"}", 0.0), 3.0,
	                        0.05);
}
END_TEST

/* --- slices --------------------------------------------------------------------------------------
 */

/* The end of one prompt on a 3g.71gb slice, its neighbours at work or not; and on the whole GPU. */
static ns_t end_on(const char *share, bool neighbours, struct step_cost *whole)
{
	struct test_run r;
	const char *const rest = "\"kind\": \"concurrency\", \"users\": 8, \"requests\": 200,"
				 "\"isl\": {\"mean\": 4000}";
	char *const one = queue_of(0, 1, 4000, 0), *const later = queue_of(60 * NS_PER_S, 1, 9, 0);
	const struct item items[] = {
		{EMBED, share, 1, 0.0, 1e-3, one},
		{EMBED, "\"mig_profile\": \"1g.18gb\"", 3, 0.0, 0.0, neighbours ? rest : later}};
	char *const json = scenario("1", "\"mig\"", items, strstr(share, "3g") != NULL ? 2 : 1);
	test_run(&r, json, false);
	*whole = cost_of_prompt(&r, 0, 4000, false);
	const ns_t end = end_of(&r, 0, 0);
	test_run_fini(&r);
	free(one);
	free(later);
	free(json);
	return end;
}

/*
 * A long prompt needs arithmetic, of which 3 of 7 slices are there, and hardly anything else; the
 * host is what it was.
 */
START_TEST(a_slice_is_a_smaller_gpu_and_nobody_elses)
{
	struct step_cost c;
	const ns_t end = end_on("\"mig_profile\": \"3g.71gb\"", true, &c);
	ck_assert_int_eq(end_on("\"mig_profile\": \"3g.71gb\"", false, &c), end);
	const double gpu = (double)c.gpu / FULL, host = (double)c.host / FULL;
	ck_assert_double_eq_tol((double)end - host, gpu * 7.0 / 3.0, 5e-3 * gpu);
	const ns_t all = end_on("\"mig_profile\": \"7g.141gb\"", false, &c);
	ck_assert_int_eq(all, host_ns(&c) + whole_ns(gpu_work(&c), FULL));
	ck_assert_int_eq(end_on("\"fraction\": 1", false, &c), all);
}
END_TEST

/* --- host gaps -----------------------------------------------------------------------------------
 */

#define STEPS 100
#define HOST_S 1.77e-3
#define LAYER_S 0.1442e-3 /* so that the GPU part is 4.27 ms */

/*
 * `n` engines with a queue each, each starting `lag` after the one before; returns the step time of
 * the first one, checked to be the same for each of its steps; -1 where it is not.
 */
static ns_t step_time(const char *compute_share, int n, ns_t lag, struct step_cost *cost,
                      ns_t *last)
{
	struct item items[4];
	char *queues[4];
	struct test_run r;
	for (int i = 0; i < n; i++) {
		queues[i] = queue_of(i * lag, STEPS, 16, 0);
		items[i] =
			(struct item){EMBED, "\"fraction\": 0.25", 1, LAYER_S, HOST_S, queues[i]};
	}
	char *const json = scenario("1", compute_share, items, (size_t)n);
	test_run(&r, json, false);
	*cost = cost_of_prompt(&r, 0, 16, false);
	ns_t step = end_of(&r, 0, 0);
	for (size_t i = 1; i < STEPS; i++) {
		step = end_of(&r, 0, i) - end_of(&r, 0, i - 1) == step ? step : -1;
	}
	*last = r.records[r.n - 1].end;
	test_run_fini(&r);
	for (int i = 0; i < n; i++) {
		free(queues[i]);
	}
	free(json);
	return step;
}

/*
 * Two engines, the second `lag` behind: it has the GPU for itself while the first is on its host,
 * which makes up for what both lose. Measured by memgap: one 6.04, two 9.13, four 17.1 ms.
 */
START_TEST(host_gaps_of_two_engines)
{
	static const ns_t lags[] = {0, 1, 400003, 1180000, 1770000};
	struct step_cost c;
	ns_t last;
	ck_assert_int_eq(step_time("\"time_slicing\"", 1, 0, &c, &last), c.step / FULL);
	ck_assert_double_eq_tol((double)c.step / FULL / MS, 6.04, 0.03);
	for (size_t i = 0; i < sizeof(lags) / sizeof(lags[0]); i++) {
		const ns_t step = step_time("\"time_slicing\"", 2, lags[i], &c, &last);
		ck_assert_int_eq(step, host_ns(&c) + whole_ns(gpu_work(&c), HALF) - lags[i]);
		if (lags[i] == 1180000) {
			ck_assert_double_eq_tol((double)step / MS, 9.13, 0.05);
		}
	}
}
END_TEST

/* Four keep the GPU busy: it does their work one after the other, and the host costs nothing. */
START_TEST(host_gaps_of_four_engines)
{
	struct step_cost c;
	ns_t last;
	step_time("\"time_slicing\"", 4, 4 * MS, &c, &last);
	const double all = 4.0 * STEPS * (double)c.gpu / FULL;
	ck_assert_double_eq_tol((double)last - all, (double)host_ns(&c), 2.0 * HOST_S * 1e9);
	ck_assert_double_eq_tol((double)last / STEPS / MS, 17.1, 0.1);
}
END_TEST

START_TEST(changing_turns_costs_time)
{
	struct step_cost c;
	ns_t last;
	const ns_t step =
		step_time("{\"policy\": \"time_slicing\", \"switch_cost\": 0.1}", 2, 0, &c, &last);
	ck_assert_int_eq(step, host_ns(&c) + whole_ns(gpu_work(&c), INT64_C(450000) * FULL / ONE));
}
END_TEST

/* --- two GPUs ------------------------------------------------------------------------------------
 */

/*
 * A pair on both GPUs; beside it one on one of them and two on the other: a third of the latter is
 * all it gets, although the former would give half.
 */
START_TEST(several_gpus_run_at_the_smallest_share)
{
	static const char *const parts[2][3] = {{"0.7", "0.3", "0.3"}, {"0.3", "0.3", "0.7"}};
	const size_t lone = _i == 0 ? 1 : 3;
	struct test_run r;
	char *const pair = queue_of(0, 1, 500, 0), *const beside = queue_of(0, 1, 8000, 0);
	char *part[3];
	struct item items[4] = {
		{EMBED, "\"fraction\": 0.2, \"gpus_per_replica\": 2", 1, 0.0, 0.0, pair}};
	for (size_t i = 0; i < 3; i++) {
		part[i] = mem_printf("\"fraction\": %s", parts[_i][i]);
		items[i + 1] = (struct item){EMBED, part[i], 1, 0.0, 0.0, beside};
	}
	char *const json = scenario("2", "\"time_slicing\"", items, 4);
	test_run(&r, json, false);
	const struct step_cost own = cost_of_prompt(&r, 0, 500, false);
	const struct step_cost other = cost_of_prompt(&r, lone, 8000, false);
	/* the first of three gets the millionth that is left over */
	const tick_t third = (ONE / 3 + 1) * FULL / ONE;
	const ns_t end = whole_ns(own.gpu, third);
	ck_assert_int_eq(end_of(&r, 0, 0), end);
	/* the neighbour alone with the pair has half all the while, and then everything */
	ck_assert_int_eq(end_of(&r, lone, 0), end + whole_ns(other.gpu - end * HALF, FULL));
	test_run_fini(&r);
	for (size_t i = 0; i < 3; i++) {
		free(part[i]);
	}
	free(pair);
	free(beside);
	free(json);
}
END_TEST

/* --- a neighbour wakes up and falls asleep -------------------------------------------------------
 */

#define INPUT 100
#define OUTPUT 12
#define CHAT_HOST_S 2e-3

struct chat {                  /* one request, decoding alone, until a neighbour comes */
	ns_t first;            /* its prompt is done: the stretch begins */
	struct step_cost cost; /* of its steps from there */
};

static struct step_cost decode_cost(const struct test_run *r, int64_t context)
{
	const struct step_shape shape = {.decodes = 1, .context = context};
	return cost_of(r, 0, &shape);
}

static tick_t steps_ticks(const struct step_cost *c, int64_t k)
{
	return k * c->step + k * (k - 1) / 2 * c->growth;
}

static ns_t boundary_of(const struct chat *c, int64_t k)
{
	return c->first + steps_ticks(&c->cost, k) / FULL;
}

static void chat_read(struct chat *c, const struct test_run *r)
{
	c->first = cost_of_prompt(r, 0, INPUT, true).step / FULL;
	c->cost = decode_cost(r, INPUT);
}

/* Run the chat with `n` neighbouring requests from `at`. */
static void run_chat(struct test_run *r, ns_t at, int n, int input)
{
	char *const chat = queue_of(0, 1, INPUT, OUTPUT), *const beside = queue_of(at, n, input, 0);
	const struct item items[] = {
		{"phi-4-mini", "\"fraction\": 0.5", 1, 0.0, CHAT_HOST_S, chat},
		{EMBED, "\"fraction\": 0.25", 1, 0.0, 0.0, beside},
	};
	char *const json = scenario("1", "\"time_slicing\"", items, 2);
	test_run(r, json, false);
	free(chat);
	free(beside);
	free(json);
}

/*
 * The neighbour comes at `at` with `work`, in step k of the chat, and is done before that step is.
 * Its own end into *neighbour; returns the end of the step.
 */
static ns_t disturbed_end(const struct chat *c, int64_t k, ns_t at, tick_t work, ns_t *neighbour)
{
	const tick_t host_over = steps_ticks(&c->cost, k) + c->cost.host;
	const ns_t host_end = c->first + host_over / FULL;
	tick_t left = c->cost.gpu + k * c->cost.gpu_growth;
	if (at < host_end) { /* until then the neighbour has the GPU */
		left += host_over % FULL;
		if (whole_ns(work, FULL) < host_end - at) {
			*neighbour = at + whole_ns(work, FULL);
			return host_end + whole_ns(left, FULL);
		}
		work -= (host_end - at) * FULL;
		at = host_end;
	} else {
		left += host_over - (at - c->first) * FULL;
	}
	*neighbour = at + whole_ns(work, HALF);
	left -= (*neighbour - at) * HALF;
	ck_assert_int_gt(left, 0);
	return *neighbour + whole_ns(left, FULL);
}

/* Where in step 3 of the chat the neighbour wakes up, in its share of host or GPU part. */
START_TEST(a_neighbour_wakes_and_sleeps)
{
	static const struct {
		int64_t step;
		double host, gpu; /* shares of these parts that are over when it comes */
		ns_t after;
	} places[] = {
		{3, 0.0, 0.0, 0}, {3, 0.0, 0.0, 1}, {3, 0.5, 0.0, 0}, {3, 0.9, 0.0, 0},
		{3, 1.0, 0.0, 0}, {3, 1.0, 0.0, 1}, {3, 1.0, 0.3, 0}, {0, 0.5, 0.0, 0},
		{0, 1.0, 0.2, 0}, {9, 1.0, 0.2, 0},
	};
	struct test_run r;
	struct chat chat;
	run_chat(&r, NS_PER_S, 1, 16);
	chat_read(&chat, &r);
	ck_assert_int_eq(r.records[0].first, chat.first);
	ck_assert_int_eq(r.records[0].second, boundary_of(&chat, 1));
	ck_assert_int_eq(r.records[0].end, boundary_of(&chat, OUTPUT - 1));
	test_run_fini(&r);

	const ns_t at = boundary_of(&chat, places[_i].step) + places[_i].after +
	                (ns_t)(places[_i].host * (double)chat.cost.host / FULL) +
	                (ns_t)(places[_i].gpu * (double)chat.cost.gpu / FULL);
	run_chat(&r, at, 1, 16);
	const struct step_cost work = cost_of_prompt(&r, 1, 16, false);
	const int64_t k = places[_i].step;
	ns_t neighbour;
	const ns_t end = disturbed_end(&chat, k, at, work.gpu, &neighbour);
	const struct step_cost rest = decode_cost(&r, INPUT + k + 1);
	ck_assert_int_eq(end_of(&r, 1, 0), neighbour);
	ck_assert_int_eq(end_of(&r, 0, 0), end + steps_ticks(&rest, OUTPUT - 2 - k) / FULL);
	ck_assert_int_eq(r.records[1].second, k == 0 ? end : boundary_of(&chat, 1));
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("sharing");
	TCase *const t = tcase_create("closed forms");
	tcase_add_loop_test(t, m_g_1_processor_sharing, 0, 3);
	tcase_add_test(t, quarter_beside_three_quarters);
	tcase_add_test(t, what_one_does_not_use_goes_to_the_other_under_fair);
	tcase_add_loop_test(t, alone_it_has_all_but_under_strict_and_a_limit, 0, 5);
	tcase_add_loop_test(t, a_step_waits_for_its_turn, 0, 8);
	tcase_add_test(t, turns_give_what_the_fluid_form_gives);
	tcase_add_test(t, a_slice_is_a_smaller_gpu_and_nobody_elses);
	tcase_add_test(t, host_gaps_of_two_engines);
	tcase_add_test(t, host_gaps_of_four_engines);
	tcase_add_test(t, changing_turns_costs_time);
	tcase_add_loop_test(t, several_gpus_run_at_the_smallest_share, 0, 2);
	tcase_add_loop_test(t, a_neighbour_wakes_and_sleeps, 0, 10);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
