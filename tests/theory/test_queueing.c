/*
 * Queues with a closed form, built from a language-model service whose steps have a constant
 * length: with asynchronous scheduling and a host time above the GPU's, a step takes exactly the
 * host time, so that a request of n output tokens is a customer that wants n steps of service.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "interval.h"
#include "test_run.h"

#define STEP_S 0.02 /* above any GPU time of the loads here */

/* One replica of at most `seqs` sequences, one step of h_step + h_seq * sequences; `load` as JSON.
 */
static char *scenario(int seed, int seqs, double h_step, double h_seq, const char *load)
{
	return mem_printf(
		"{\"aliquot\": 1, \"seed\": %d, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\"}]},"
		"\"services\": [{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", \"engine\": \"vllm\","
		"\"engine_options\": {\"overlap\": true, \"max_num_seqs\": %d},"
		"\"costs\": {\"t_layer\": 0, \"t_eager\": 0, \"h_step\": %g, \"h_seq\": %g,"
		"\"h_request\": 0, \"t_stream\": 0}}], \"loads\": [{\"service\": \"s\", %s}]}",
		seed, seqs, h_step, h_seq, load);
}

enum measure { WAIT, STAY };

/* Seconds per request in order of arrival; caller frees. */
static double *samples(const struct test_run *r, enum measure measure)
{
	double *const v = mem_new(r->n, sizeof(*v));
	for (size_t i = 0; i < r->n; i++) {
		const struct request_record *const q = &r->records[i];
		quiet_assert(q->id < r->n, "request ids have gaps");
		v[q->id] = ns_to_seconds((measure == WAIT ? q->admitted : q->end) - q->arrival);
	}
	return v;
}

/* Run, check what holds in every run, and give the mean of a measure. */
static struct interval run_mean(char *json, enum measure measure)
{
	struct test_run r;
	test_run(&r, json, false);
	test_run_check(&r);
	double *const v = samples(&r, measure);
	const struct interval i = interval_of(v, r.n);
	free(v);
	test_run_fini(&r);
	free(json);
	return i;
}

/*
 * A trace of Poisson arrivals with geometric output lengths, the discrete form of exponential
 * service times: with a mean of 1,000 steps the two differ by 0.05 % in the second moment. Caller
 * unlinks.
 */
static void write_markov_trace(char *name, double rate, double mean_steps, int n)
{
	const int fd = mkstemp(name);
	FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct rng *const rng = rng_new(7, "trace");
	const double log_stay = log(1.0 - 1.0 / mean_steps);
	double at = 0.0;

	ck_assert_ptr_nonnull(f);
	fputs("arrival_s,input_tokens,output_tokens\n", f);
	for (int i = 0; i < n; i++) {
		at += rng_exponential(rng) / rate;
		fprintf(f, "%.9f,1,%.0f\n", at, ceil(log(rng_uniform(rng)) / log_stay));
	}
	ck_assert_int_eq(fclose(f), 0);
	rng_free(rng);
}

static struct interval markov_wait(int servers, double load, int n)
{
	const double steps = 1000.0;
	char name[] = "/tmp/aliquot-trace-XXXXXX";
	write_markov_trace(name, load * servers / (steps * STEP_S), steps, n);
	char *const trace =
		mem_printf("\"kind\": \"trace\", \"format\": \"csv\", \"file\": \"%s\"", name);
	const struct interval i = run_mean(scenario(1, servers, STEP_S, 0.0, trace), WAIT);
	free(trace);
	unlink(name);
	return i;
}

START_TEST(m_m_1_wait)
{
	static const double loads[] = {0.3, 0.7};
	const double load = loads[_i];
	const double service = 1000.0 * STEP_S;
	interval_check("M/M/1 wait", markov_wait(1, load, 400000), load * service / (1.0 - load));
}
END_TEST

/* Erlang's C formula: the chance to find all servers busy, by his recursion for B. */
static double erlang_c(int servers, double offered)
{
	double b = 1.0;
	for (int k = 1; k <= servers; k++) {
		b = offered * b / (k + offered * b);
	}
	return b / (1.0 - offered / servers * (1.0 - b));
}

/* A batch of c sequences is c servers: all advance with every step, whatever their number. */
START_TEST(m_m_c_wait)
{
	static const int servers[] = {2, 4, 8};
	const int c = servers[_i];
	const double load = 0.7;
	const double service = 1000.0 * STEP_S;
	interval_check("M/M/c wait", markov_wait(c, load, 1000000),
	               erlang_c(c, c * load) * service / (c * (1.0 - load)));
}
END_TEST

/* The service time of M/D/1 is measured, not assumed: one lone request of one token. */
static double lone_service_s(void)
{
	struct test_run r;
	char *const json = scenario(1, 1, STEP_S, 0.0,
	                            "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 1,"
	                            "\"isl\": {\"mean\": 8}, \"osl\": {\"mean\": 1}");
	test_run(&r, json, false);
	ck_assert_uint_eq(r.n, 1);
	const double service = ns_to_seconds(r.records[0].end - r.records[0].arrival);
	test_run_fini(&r);
	free(json);
	return service;
}

START_TEST(m_d_1_wait)
{
	static const double loads[] = {0.5, 0.8};
	const double load = loads[_i];
	const double service = lone_service_s();
	char *const rate = mem_printf("\"kind\": \"rate\", \"rate\": %.17g, \"requests\": 400000,"
	                              "\"isl\": {\"mean\": 8}, \"osl\": {\"mean\": 1}",
	                              load / service);
	/* Pollaczek and Khinchine with no variance of the service time */
	interval_check("M/D/1 wait", run_mean(scenario(3, 1, STEP_S, 0.0, rate), WAIT),
	               load * service / (2.0 * (1.0 - load)));
	free(rate);
}
END_TEST

/*
 * With a step time proportional to the batch every sequence gets an equal part of a constant rate:
 * processor sharing, whose mean stay depends on the mean service time only.
 */
START_TEST(m_g_1_processor_sharing)
{
	static const double deviations[] = {0.0, 120.0};
	const double load = 0.7;
	const double service = 400.0 * STEP_S;
	char *const rate =
		mem_printf("\"kind\": \"rate\", \"rate\": %.17g, \"requests\": 200000,"
	                   "\"isl\": {\"mean\": 1}, \"osl\": {\"mean\": 400, \"stddev\": %g}",
	                   load / service, deviations[_i]);
	interval_check("M/G/1-PS stay", run_mean(scenario(5, 256, 0.0, STEP_S, rate), STAY),
	               service / (1.0 - load));
	free(rate);
}
END_TEST

/* Mean value analysis of a closed loop: one processor-sharing station and thinking. */
static double repairman_stay(int users, double service, double think)
{
	double queue = 0.0, stay = 0.0;
	for (int n = 1; n <= users; n++) {
		stay = service * (1.0 + queue);
		queue = n / (think + stay) * stay;
	}
	return stay;
}

START_TEST(machine_repairman)
{
	static const int users[] = {3, 10};
	const double service = 400.0 * STEP_S, think = 40.0;
	char *const loop =
		mem_printf("\"kind\": \"concurrency\", \"users\": %d, \"requests\": 60000,"
	                   "\"think\": \"%gs\", \"isl\": {\"mean\": 1},"
	                   "\"osl\": {\"mean\": 400, \"stddev\": 120}",
	                   users[_i], think);
	interval_check("machine-repairman stay",
	               run_mean(scenario(9, 256, 0.0, STEP_S, loop), STAY),
	               repairman_stay(users[_i], service, think));
	free(loop);
}
END_TEST

/* Nothing is random: after the first rounds every stay is max(D, N D - Z) to the nanosecond. */
START_TEST(deterministic_repairman)
{
	static const int users[] = {2, 5, 12};
	const int n = users[_i];
	const ns_t service = ns_from_seconds(STEP_S), think = 5 * service;
	const ns_t full = n * service - think;
	struct test_run r;
	char *const loop =
		mem_printf("\"kind\": \"concurrency\", \"users\": %d, \"requests\": 2000,"
	                   "\"think\": \"%gs\", \"isl\": {\"mean\": 1}, \"osl\": {\"mean\": 1}",
	                   n, 5 * STEP_S);
	char *const json = scenario(1, 1, STEP_S, 0.0, loop);
	test_run(&r, json, false);
	test_run_check(&r);
	for (size_t i = 3 * (size_t)n; i < r.n; i++) {
		ck_assert_int_eq(r.records[i].end - r.records[i].arrival,
		                 full > service ? full : service);
	}
	test_run_fini(&r);
	free(json);
	free(loop);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("queueing");
	TCase *const t = tcase_create("closed forms");
	tcase_add_loop_test(t, m_m_1_wait, 0, 2);
	tcase_add_loop_test(t, m_m_c_wait, 0, 3);
	tcase_add_loop_test(t, m_d_1_wait, 0, 2);
	tcase_add_loop_test(t, m_g_1_processor_sharing, 0, 2);
	tcase_add_loop_test(t, machine_repairman, 0, 2);
	tcase_add_loop_test(t, deterministic_repairman, 0, 3);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
