/* What every registered autoscaler must keep, on random loads. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"

#define RUNS 60
#define STEPS 400

static bool predict(const void *arg, const struct autoscale_load *one, ns_t *ttft, ns_t *itl)
{
	(void)arg;
	*ttft = NS_PER_MS * (1 + (ns_t)one->rate);
	*itl = NS_PER_MS;
	return one->rate < 50.0;
}

struct player {
	const struct autoscaler_policy *policy;
	void *self, *room;
	struct autoscale_ask ask;
	struct autoscale_answer answer;
	ns_t now;
};

static void open_player(struct player *p, const char *options, int64_t initial)
{
	struct err *const err = err_new();
	json_t *const block = json_loads(options, 0, NULL);
	const struct json_at at = json_root(block, "options", err);
	p->self = mem_new(1, p->policy->head.self_size);
	ck_assert(option_fill(p->policy->head.options, p->self, &at, "test", NULL));
	((struct autoscale_settings *)p->self)->initial = initial;
	p->room = mem_new(1, 1 + (p->policy->room != NULL ? p->policy->room(p->self) : 0));
	p->ask = (struct autoscale_ask){.wanted = (uint32_t)initial, .room = p->room};
	p->ask.predict = p->policy->predicts ? predict : NULL;
	p->now = 0;
	json_decref(block);
	err_free(err);
}

/* Time passes until it is asked again: requests come and go, replicas become ready or fail. */
static void advance(struct player *p, struct rng *rng, bool quiet)
{
	struct autoscale_ask *const a = &p->ask;
	const bool asleep = p->answer.next == NS_NEVER;
	const bool poke = p->answer.poke && (asleep || (!quiet && rng_below(rng, 4) == 0));
	const ns_t span = asleep ? NS_PER_S * 100 : p->answer.next - p->now;
	const ns_t passed = poke && !asleep ? 1 + (ns_t)rng_below(rng, (uint64_t)span) : span;
	const uint64_t load = quiet || rng_below(rng, 3) == 0 ? 0 : rng_below(rng, 400);
	const uint64_t came = load * (uint64_t)passed / (uint64_t)NS_PER_S;
	p->now += passed;
	a->poked = poke && p->now != p->answer.next;
	a->busy += (i128_t)load * passed;
	a->arrived += came;
	a->input += came * 100;
	a->output += came * 10;
	a->answered += came;
	a->latency += (i128_t)came * 30000000;
	a->ttft += (i128_t)came * 3000000;
	a->gaps += (i128_t)came * 27000000;
	a->n_gaps += came * 9;
	a->in_flight = (uint32_t)load + a->poked;
	a->ready = (uint32_t)rng_below(rng, (uint64_t)a->wanted + 1);
	a->running = a->ready + (uint32_t)rng_below(rng, (uint64_t)a->wanted - a->ready + 1);
	a->measured = (uint32_t)rng_below(rng, (uint64_t)a->ready + 1);
}

static void ask_twice(struct player *p)
{
	const size_t size = p->policy->head.self_size;
	const size_t room = p->policy->room != NULL ? p->policy->room(p->self) : 0;
	const struct view v = {NULL, p->now, NULL};
	unsigned char *const before = mem_new(1, size + room + 1);
	struct autoscale_answer second;
	memcpy(before, p->self, size);
	memcpy(before + size, p->room, room);
	p->policy->decide(p->self, &v, &p->ask, &second);
	memcpy(p->self, before, size);
	memcpy(p->room, before + size, room);
	p->policy->decide(p->self, &v, &p->ask, &p->answer);
	ck_assert_uint_eq(second.replicas, p->answer.replicas);
	ck_assert_int_eq(second.reason, p->answer.reason);
	ck_assert_int_eq(second.next, p->answer.next);
	free(before);
}

/* From min to max, later than now, the same twice, with a known reason. */
START_TEST(answers_are_legal_and_repeatable)
{
	const struct autoscaler_policy *const policy = autoscaler_policies[_i];
	const bool fixed = strcmp(policy->head.name, "fixed") == 0;
	const bool limits = strcmp(policy->head.name, "slo") == 0;
	const char *const options = fixed    ? "{}"
	                            : limits ? "{\"min\": 2, \"max\": 40, \"ttft\": \"20ms\"}"
	                                     : "{\"min\": 2, \"max\": 40, \"target\": 10}";
	struct rng *const rng = rng_new(31, policy->head.name);
	for (int i = 0; i < RUNS; i++) {
		struct player p = {.policy = policy};
		open_player(&p, options, 2 + (int64_t)rng_below(rng, 9));
		p.ask.ready = p.ask.measured = (uint32_t)rng_below(rng, p.ask.wanted + 1);
		p.ask.running = p.ask.ready;
		for (int k = 0; k < STEPS; k++) {
			ask_twice(&p);
			ck_assert(k > 0 || p.answer.reason == AUTOSCALE_INITIAL);
			ck_assert_uint_ge(p.answer.replicas, fixed ? p.ask.wanted : 2);
			ck_assert_uint_le(p.answer.replicas, fixed ? p.ask.wanted : 40);
			ck_assert_int_gt(p.answer.next, p.now);
			ck_assert_int_lt((int)p.answer.reason, AUTOSCALE_REASONS);
			if (p.answer.next == NS_NEVER && !p.answer.poke) {
				break;
			}
			p.ask.wanted = p.answer.replicas;
			advance(&p, rng, false);
		}
		free(p.self);
		free(p.room);
	}
	rng_free(rng);
}
END_TEST

/* Zero and back, again and again: whoever waits is seen, whoever is gone is forgotten. */
START_TEST(zero_is_left_as_soon_as_someone_comes)
{
	struct rng *const rng = rng_new(32, "zero");
	struct player p = {.policy = &autoscaler_kpa};
	int slept = 0;
	open_player(&p, "{\"min\": 0, \"max\": 40, \"target\": 10}", 0);
	for (int k = 0; k < 100 * STEPS; k++) {
		ask_twice(&p);
		ck_assert(p.answer.replicas > 0 || !p.ask.poked);
		ck_assert(p.answer.replicas > 0 || p.answer.poke);
		ck_assert(p.answer.replicas > 0 || p.answer.activator);
		slept += p.answer.next == NS_NEVER;
		p.ask.wanted = p.answer.replicas;
		advance(&p, rng, k % 100 < 60); /* two minutes without anybody */
		p.ask.ready = p.ask.running = p.ask.wanted;
	}
	ck_assert_int_gt(slept, 0);
	free(p.self);
	free(p.room);
	rng_free(rng);
}
END_TEST

START_TEST(options_that_contradict_each_other_are_refused)
{
	static const struct {
		const struct autoscaler_policy *policy;
		const char *options, *word; /* of the complaint; NULL: none */
	} cases[] = {
		{&autoscaler_hpa, "{\"max\": 4, \"target\": 1, \"min\": 0}", "zero"},
		{&autoscaler_hpa, "{\"max\": 4, \"target\": 1, \"min\": 1}", NULL},
		{&autoscaler_slo, "{\"max\": 4, \"min\": 1}", "limit"},
		{&autoscaler_slo, "{\"max\": 4, \"min\": 0, \"itl\": 1}", "zero"},
		{&autoscaler_slo, "{\"max\": 4, \"min\": 1, \"itl\": 1}", NULL},
		{&autoscaler_kpa, "{\"max\": 4, \"tick\": 70}", "tick"},
		{&autoscaler_kpa, "{\"max\": 4, \"activation\": 5}", "activation"},
		{&autoscaler_kpa, "{\"max\": 4, \"activation\": 4}", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct player p = {.policy = cases[i].policy};
		open_player(&p, cases[i].options, 1);
		const char *const wrong = p.policy->wrong(p.self);
		ck_assert_msg((wrong == NULL) == (cases[i].word == NULL) &&
		                      (wrong == NULL || strstr(wrong, cases[i].word) != NULL),
		              "case %zu: %s", i, wrong != NULL ? wrong : "nothing");
		free(p.self);
		free(p.room);
	}
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (autoscaler_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("autoscaler");
	TCase *const t = tcase_create("autoscaler");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, answers_are_legal_and_repeatable, 0, (int)n);
	tcase_add_test(t, zero_is_left_as_soon_as_someone_comes);
	tcase_add_test(t, options_that_contradict_each_other_are_refused);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
