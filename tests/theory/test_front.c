/*
 * The front end in tandem with deterministic steps, dated by hand to the nanosecond. Steps last
 * exactly STEP: asynchronous scheduling with a host time above any GPU time here. A step of n
 * tokens that ends at B sends them from max(B, end of the tokens before) on, sigma each.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "test_run.h"

#define MS NS_PER_MS
#define STEP (20 * MS)

static ns_t later(ns_t a, ns_t b)
{
	return a > b ? a : b;
}

/* Run a load on one replica of at most `seqs` sequences; `after` is what the scenario has besides.
 */
static void run_until(struct test_run *r, int seqs, ns_t sigma, const char *load, bool exact,
                      const char *after)
{
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\"}]}, \"services\":"
		"[{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", \"engine\": \"vllm\","
		"\"engine_options\": {\"overlap\": true, \"schedule_ahead\": false,"
		"\"prefill_cut\": \"tokens\", \"stream_interval\": 1, \"max_num_seqs\": %d},"
		"\"costs\": {\"t_layer\": 0, \"t_eager\": 0, \"h_step\": 0.02, \"h_seq\": 0,"
		"\"h_request\": 0, \"t_request\": 0, \"t_stream\": %.9f}}],"
		"\"loads\": [{\"service\": \"s\", %s}]%s}",
		seqs, (double)sigma / 1e9, load, after);
	test_run(r, json, exact);
	test_run_check(r);
	free(json);
}

static void run(struct test_run *r, int seqs, ns_t sigma, const char *load, bool exact)
{
	run_until(r, seqs, sigma, load, exact, "");
}

/* A load of n requests: when, and for how many tokens. Caller unlinks `name`, which is filled in.
 */
static char *trace(char *name, const ns_t *at, const int *output, int n)
{
	const int fd = mkstemp(name);
	FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
	ck_assert_ptr_nonnull(f);
	fputs("arrival_s,input_tokens,output_tokens\n", f);
	for (int i = 0; i < n; i++) {
		fprintf(f, "%.9f,1,%d\n", (double)at[i] / 1e9, output[i]);
	}
	ck_assert_int_eq(fclose(f), 0);
	return mem_printf("\"kind\": \"trace\", \"format\": \"csv\", \"file\": \"%s\"", name);
}

/* The record of the request that came as number `id`. */
static const struct request_record *record(const struct test_run *r, uint64_t id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->records[i].id == id) {
			return &r->records[i];
		}
	}
	ck_abort_msg("request %llu has no record", (unsigned long long)id);
	return NULL;
}

/* Below the limit of STEP / 8 per token, at it, above it by a nanosecond, far above it. */
static const ns_t sigmas[] = {MS, STEP / 8, STEP / 8 + 1, 5 * MS};

/*
 * Forty requests at once for eight places: five waves of eight, L steps each, so that step j sends
 * its token of rank k at base(j) + k sigma. Saturated, that is the token after 8 j + k - 1 others:
 * one per sigma, without a pause from the first step's end to the last token.
 */
static void check_waves(ns_t sigma, bool exact)
{
	enum { SEQS = 8, WAVES = 5, L = 25, N = SEQS * WAVES };
	char name[] = "/tmp/aliquot-front-XXXXXX";
	ns_t at[N] = {0}, last = 0;
	int output[N];
	struct test_run r;
	for (int i = 0; i < N; i++) {
		output[i] = L;
	}
	char *const load = trace(name, at, output, N);
	run(&r, SEQS, sigma, load, exact);
	const ns_t period = later(STEP, SEQS * sigma); /* between two bases */
	for (int i = 0; i < N; i++) {
		const struct request_record *const q = record(&r, (uint64_t)i);
		const int wave = i / SEQS, rank = i % SEQS + 1;
		const ns_t first = STEP + (ns_t)wave * L * period + rank * sigma;
		ck_assert_int_eq(q->admitted, (ns_t)wave * L * STEP);
		ck_assert_int_eq(q->first, first);
		ck_assert_int_eq(q->second, first + period);
		ck_assert_int_eq(q->end, first + (L - 1) * period);
		last = later(last, q->end);
	}
	if (SEQS * sigma >= STEP) {
		ck_assert_int_eq(last - STEP, (ns_t)N * L * sigma);
	}
	ck_assert_int_eq(r.summary.simulated, last);
	const struct dist *const itl = &r.summary.services[0].itl_ms;
	ck_assert_int_eq(itl->count, N * (L - 1));
	ck_assert(fabs(itl->sum - ns_to_ms(period) * N * (L - 1)) <= 1e-6 * itl->sum);
	test_run_fini(&r);
	unlink(name);
	free(load);
}

START_TEST(waves_of_requests)
{
	check_waves(sigmas[_i], false);
	check_waves(sigmas[_i], true);
}
END_TEST

/* Alone: TTFT = step + sigma; the last token comes as many steps, or sigmas, later. */
START_TEST(lone_request)
{
	static const ns_t alone[] = {1, MS, STEP, STEP + 1, 3 * STEP};
	enum { L = 30 };
	const ns_t sigma = alone[_i];
	struct test_run r;
	run(&r, 8, sigma,
	    "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 5, \"isl\": {\"mean\": 1},"
	    "\"osl\": {\"mean\": 30}",
	    false);
	ck_assert_uint_eq(r.n, 5);
	for (size_t i = 0; i < r.n; i++) {
		const struct request_record *const q = &r.records[i];
		ck_assert_int_eq(q->first - q->arrival, STEP + sigma);
		ck_assert_int_eq(q->end - q->first, (L - 1) * later(STEP, sigma));
	}
	test_run_fini(&r);
}
END_TEST

/*
 * A sends a token each 20 ms into a front end that takes 50 ms for each. After m of its steps the
 * front end is free at 20 + 50 m ms. B comes at 120 ms, as the sixth step ends: it is handed over
 * at 320 ms, a boundary too, and enters with the step that begins. C comes at 1 s, after A's last
 * of 30 steps: nothing runs, and its step begins with the hand-over. D comes 1 ms later and does
 * not wait for C's tokens.
 */
START_TEST(requests_queue_behind_tokens)
{
	static const ns_t at[] = {0, 120 * MS, 1000 * MS, 1001 * MS};
	static const int output[] = {30, 1, 1, 2};
	char name[] = "/tmp/aliquot-front-XXXXXX";
	struct test_run r;
	char *const load = trace(name, at, output, 4);
	run(&r, 8, 50 * MS, load, _i == 1);
	const struct request_record *const a = record(&r, 0), *const b = record(&r, 1),
					   *const c = record(&r, 2), *const d = record(&r, 3);
	ck_assert_int_eq(a->first, 70 * MS);
	ck_assert_int_eq(a->end, (20 + 31 * 50) * MS); /* thirty of its own and B's */
	ck_assert_int_eq(b->admitted, 320 * MS);
	ck_assert_int_eq(b->end, (20 + 18 * 50) * MS); /* seventeen of A's before it */
	ck_assert_int_eq(c->admitted, a->end);
	ck_assert_int_eq(c->end, a->end + STEP + 50 * MS);
	ck_assert_int_eq(d->admitted, a->end);
	ck_assert_int_eq(d->first, c->end + 50 * MS);
	ck_assert_int_eq(d->end, d->first + 50 * MS);
	test_run_fini(&r);
	unlink(name);
	free(load);
}
END_TEST

/*
 * A closed loop that the front end holds up: U users go round together, and the engine rests while
 * tokens queue. Whoever is answered first waits longest to be taken in, so that every TTFT is STEP
 * + U sigma, and a round of L tokens each takes STEP + U L sigma.
 */
START_TEST(closed_loop)
{
	enum { U = 10, L = 12, ROUNDS = 20 };
	const ns_t sigma = 5 * MS;
	struct test_run r;
	run(&r, U, sigma,
	    "\"kind\": \"concurrency\", \"users\": 10, \"requests\": 200, \"isl\": {\"mean\": 1},"
	    "\"osl\": {\"mean\": 12}",
	    _i == 1);
	ck_assert_uint_eq(r.n, U * ROUNDS);
	for (uint64_t i = U; i < r.n; i++) {
		const struct request_record *const q = record(&r, i);
		ck_assert_int_eq(q->first - q->arrival, STEP + U * sigma);
	}
	ck_assert_int_eq(r.summary.simulated, ROUNDS * (STEP + U * L * sigma));
	test_run_fini(&r);
}
END_TEST

/* What is in the queue when the run is stopped is not delivered. */
START_TEST(stopped_before_the_last_token)
{
	static const ns_t at[] = {0, 0};
	static const int output[] = {10, 20};
	char name[] = "/tmp/aliquot-front-XXXXXX";
	struct test_run r;
	static const char *const stops[] = {", \"stop\": {\"after\": \"969999999ns\"}",
	                                    ", \"stop\": {\"after\": \"970ms\"}"};
	/* the engine is done at 400 ms; the tenth token of the first one is the 19th of all */
	char *const load = trace(name, at, output, 2);
	run_until(&r, 8, 50 * MS, load, false, stops[_i]);
	ck_assert_uint_eq(r.n, _i == 0 ? 0 : 1);
	ck_assert_int_eq(r.summary.services[0].unfinished, _i == 0 ? 2 : 1);
	ck_assert_int_eq(r.summary.simulated, 970 * MS - (_i == 0));
	test_run_fini(&r);
	unlink(name);
	free(load);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("front end");
	TCase *const t = tcase_create("by hand");
	tcase_add_loop_test(t, waves_of_requests, 0, sizeof(sigmas) / sizeof(sigmas[0]));
	tcase_add_loop_test(t, lone_request, 0, 5);
	tcase_add_loop_test(t, requests_queue_behind_tokens, 0, 2);
	tcase_add_loop_test(t, closed_loop, 0, 2);
	tcase_add_loop_test(t, stopped_before_the_last_token, 0, 2);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
