/*
 * Sizes that can be worked out by hand: replicas that serve one request at a time, in steps of
 * constant host time that no neighbour slows, are servers with a constant service time.
 */
#include "study/size.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "scenario.h"

#define STEP_S 0.02 /* above twice any GPU time here */
#define STEPS 25
#define SERVICE_S (STEP_S * STEPS)

/* A scenario file and what was found. */
struct sized {
	char file[40];
	struct data_dir *data;
	struct err *err;
	struct size found;
};

/* `service` and `load` are members as JSON; `nodes` the groups. */
static char *scenario(const char *nodes, const char *service, const char *load)
{
	return mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [%s]}, \"services\": [{\"name\": \"s\","
		"\"model\": \"llama-3.1-8b-instruct\", \"engine\": \"vllm\","
		"\"costs\": {\"t_layer\": 0, \"t_eager\": 0, \"h_step\": %g, \"h_seq\": 0,"
		"\"h_request\": 0, \"t_stream\": 0, \"t_request\": 0}, %s}],"
		"\"loads\": [{\"service\": \"s\", \"isl\": 8, \"osl\": %d, %s}]}",
		nodes, STEP_S, service, STEPS, load);
}

#define ONE_AT_A_TIME "\"engine_options\": {\"overlap\": true, \"max_num_seqs\": 1}"
#define NODES "{\"gpu\": \"h100-sxm\", \"gpus\": 4}"

static void size_begin(struct sized *s, char *json)
{
	strcpy(s->file, "/tmp/aliquot-size-XXXXXX");
	const int fd = mkstemp(s->file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, json, strlen(json)), (ssize_t)strlen(json));
	close(fd);
	free(json);
	s->err = err_new();
	s->data = data_dir_open(UNCALIBRATED, "build/test", s->err);
	ck_assert_ptr_nonnull(s->data);
}

static void size_end(struct sized *s)
{
	size_fini(&s->found);
	data_dir_close(s->data);
	err_free(s->err);
	unlink(s->file);
}

static void search(struct sized *s, struct size_ask ask)
{
	ask.cells.file = s->file;
	ask.cells.data = s->data;
	ask.cells.threads = ask.cells.threads > 0 ? ask.cells.threads : 1;
	const bool ok = size_search(&ask, &s->found, s->err);
	if (!ok) {
		err_print(s->err, stderr);
	}
	ck_assert(ok);
}

/* The answer of the only cell; fails where there is none. */
static const struct size_cell *answer(const struct sized *s)
{
	ck_assert_uint_lt(s->found.best, s->found.n_cells);
	return &s->found.cells[s->found.best];
}

/* One fewer was tried, on a GPU fewer, and broke the limit. */
static void fails_below(const struct size_cell *c, int64_t servers)
{
	const struct search_probe *const p = size_smaller(c);
	ck_assert(servers == 1 ? p == NULL : p->value == servers - 1);
	if (p != NULL) {
		const struct size_run *const run = p->result;
		ck_assert(!run->limits[0].ok);
		ck_assert_int_eq(run->gpus, servers - 1);
	}
}

/* Without variation a queue stays short with ceil(rate * service time) servers, and grows with
 * one fewer. */
START_TEST(servers_of_a_steady_stream)
{
	static const double rates[] = {1.9, 3.3, 9.9, 21.0, 41.7};
	const double rate = rates[_i];
	const int64_t servers = (int64_t)ceil(rate * SERVICE_S);
	struct sized s;
	char *const load = mem_printf("\"kind\": \"rate\", \"arrivals\": \"constant\","
	                              "\"rate\": %g, \"requests\": 4000",
	                              rate);
	size_begin(&s, scenario(NODES, ONE_AT_A_TIME ", \"slo\": \"queue.max <= 100ms\"", load));
	search(&s, (struct size_ask){.users = 0});
	const struct size_cell *const c = answer(&s);
	ck_assert_int_eq(c->replicas, servers);
	ck_assert_int_eq(c->gpus, servers);
	ck_assert_int_eq(c->nodes, (servers + 3) / 4);
	ck_assert_int_eq(c->found.passes_above, 0);
	fails_below(c, servers);
	free(load);
	size_end(&s);
}
END_TEST

/* A burst of u requests on r servers ends after ceil(u / r) service times. */
START_TEST(servers_of_a_burst)
{
	static const struct {
		int users, rounds;
	} bursts[] = {{24, 4}, {24, 5}, {24, 7}, {24, 24}, {24, 1}, {100, 9}};
	const int u = bursts[_i].users, k = bursts[_i].rounds;
	struct sized s;
	char *const service = mem_printf(ONE_AT_A_TIME ", \"slo\": \"latency.max <= %gs\"",
	                                 (k + 0.5) * SERVICE_S);
	size_begin(&s,
	           scenario(NODES, service,
	                    "\"kind\": \"concurrency\", \"users\": 7, \"requests_per_user\": 1"));
	search(&s, (struct size_ask){.users = u});
	ck_assert_int_eq(answer(&s)->replicas, (u + k - 1) / k);
	ck_assert_int_eq(answer(&s)->scenario->loads[0].users, u);
	free(service);
	size_end(&s);
}
END_TEST

/* Parts that do not slow each other: two halves or three thirds need as many GPUs fewer. */
START_TEST(parts_fill_gpus)
{
	static const struct {
		double fraction;
		int on_a_gpu;
	} parts[] = {{0.5, 2}, {0.34, 2}, {0.33, 3}, {1.0, 1}};
	struct sized s;
	char *const service =
		mem_printf(ONE_AT_A_TIME ", \"fraction\": %g, \"slo\": \"queue.max <= 100ms\"",
	                   parts[_i].fraction);
	size_begin(&s, scenario(NODES, service,
	                        "\"kind\": \"rate\", \"arrivals\": \"constant\", \"rate\": 13.5,"
	                        "\"requests\": 4000"));
	search(&s, (struct size_ask){.users = 0});
	const struct size_cell *const c = answer(&s);
	const int n = parts[_i].on_a_gpu;
	ck_assert_int_eq(c->replicas, 7);
	ck_assert_int_eq(c->gpus, (7 + n - 1) / n);
	ck_assert_double_eq_tol(c->share, 7 * parts[_i].fraction, 0.01);
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct size_run *const run = c->found.probes[i].result;
		ck_assert_int_eq(run->gpus, (c->found.probes[i].value + n - 1) / n);
	}
	free(service);
	size_end(&s);
}
END_TEST

/* Replicas of two GPUs each: of nodes of three one GPU stays empty. */
START_TEST(wide_replicas_leave_gaps)
{
	struct sized s;
	size_begin(&s, scenario("{\"gpu\": \"h100-sxm\", \"gpus\": 3}",
	                        ONE_AT_A_TIME ", \"gpus_per_replica\": 2,"
	                                      "\"slo\": \"queue.max <= 100ms\"",
	                        "\"kind\": \"rate\", \"arrivals\": \"constant\", \"rate\": 9.9,"
	                        "\"requests\": 4000"));
	search(&s, (struct size_ask){.users = 0});
	ck_assert_int_eq(answer(&s)->replicas, 5);
	ck_assert_int_eq(answer(&s)->gpus, 4 * 3 + 2);
	ck_assert_int_eq(answer(&s)->nodes, 5);
	size_end(&s);
}
END_TEST

/* Who refuses is quick with the others: none may be refused, unless a limit says how many. */
START_TEST(refused_requests_are_not_served)
{
	struct sized s;
	char *const service = mem_printf(
		"\"engine_options\": {\"overlap\": true, \"max_num_seqs\": 1, \"queue_limit\": 1},"
		"\"slo\": [\"queue.max <= 10s\"%s]",
		_i == 1 ? ", \"error_rate <= 30%\"" : "");
	size_begin(&s, scenario(NODES, service,
	                        "\"kind\": \"rate\", \"arrivals\": \"constant\", \"rate\": 9.9,"
	                        "\"requests\": 4000"));
	search(&s, (struct size_ask){.users = 0});
	/* 4.95 servers' worth of requests: 4 servers refuse 19 % of them, 3 refuse 39 % */
	ck_assert_int_eq(answer(&s)->replicas, _i == 1 ? 4 : 5);
	const struct size_run *const run = size_smaller(answer(&s))->result;
	ck_assert_double_eq_tol(run->limits[1].observed, 1.0 - (_i == 1 ? 3.0 : 4.0) / 4.95, 0.01);
	free(service);
	size_end(&s);
}
END_TEST

/* Steps cost the same on both GPUs, so that the price decides; the second group stays. */
START_TEST(the_price_decides)
{
	static const struct size_price prices[] = {
		{"h100-sxm", 3.0}, {"h200-sxm", 2.5}, {"b200", 1.0}};
	struct sized s;
	struct axis axis;
	size_begin(&s, scenario(NODES ", {\"gpu\": \"b200\", \"gpus\": 2}",
	                        ONE_AT_A_TIME ", \"slo\": \"queue.max <= 100ms\"",
	                        "\"kind\": \"rate\", \"arrivals\": \"constant\", \"rate\": 13.5,"
	                        "\"requests\": 2000"));
	ck_assert(axis_read("cluster.nodes.0.gpu=h100-sxm,h200", &axis, s.err));
	search(&s, (struct size_ask){.cells = {.axes = &axis, .n_axes = 1, .threads = 2},
	                             .prices = prices,
	                             .n_prices = 3});
	ck_assert_uint_eq(s.found.best, 1);
	ck_assert_int_eq(answer(&s)->replicas, 7);
	ck_assert_int_eq(answer(&s)->gpus, 7); /* two of them of the second group */
	ck_assert_double_eq_tol(answer(&s)->cost_per_hour, 5 * 2.5 + 2 * 1.0, 1e-9);
	ck_assert_double_eq_tol(s.found.cells[0].cost_per_hour, 5 * 3.0 + 2 * 1.0, 1e-9);
	axis_fini(&axis);
	size_end(&s);
}
END_TEST

/* Two services with a load grow in proportion, the third has none and stays. */
START_TEST(services_grow_in_proportion)
{
	struct sized s;
	char *const one = mem_printf(
		"\"engine\": \"vllm\", \"model\": \"llama-3.1-8b-instruct\", " ONE_AT_A_TIME
		", \"costs\": {\"t_layer\": 0, \"t_eager\": 0, \"h_step\": %g, \"h_seq\": 0,"
		"\"h_request\": 0, \"t_stream\": 0, \"t_request\": 0}",
		STEP_S);
	size_begin(
		&s,
		mem_printf(
			"{\"aliquot\": 1, \"cluster\": {\"nodes\": [" NODES "]}, \"services\": ["
			"{\"name\": \"a\", \"replicas\": 6, \"slo\": \"queue.max <= 100ms\", %s},"
			"{\"name\": \"b\", \"replicas\": 4, %s}, {\"name\": \"c\", \"replicas\": 1, %s}],"
			"\"loads\": [{\"service\": \"a\", \"kind\": \"rate\", \"arrivals\": \"constant\","
			"\"rate\": 13.5, \"requests\": 2000, \"isl\": 8, \"osl\": %d},"
			"{\"service\": \"b\", \"kind\": \"rate\", \"rate\": 0.1, \"requests\": 5,"
			"\"isl\": 8, \"osl\": 2}]}",
			one, one, one, STEPS));
	search(&s, (struct size_ask){.cells = {.service = _i == 1 ? "a" : NULL}});
	/* a needs 7: 9 in steps of 3, with 6 of b */
	static const int64_t expected[2][4] = {{9, 6, 1, 16}, {7, 4, 1, 12}};
	const struct scenario *const sc = answer(&s)->scenario;
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(sc->services[i].replicas, expected[_i][i]);
	}
	ck_assert_int_eq(answer(&s)->gpus, expected[_i][3]);
	free(one);
	size_end(&s);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("size");
	TCase *const c = tcase_create("size");
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, servers_of_a_steady_stream, 0, 5);
	tcase_add_loop_test(c, servers_of_a_burst, 0, 6);
	tcase_add_loop_test(c, parts_fill_gpus, 0, 4);
	tcase_add_test(c, wide_replicas_leave_gaps);
	tcase_add_loop_test(c, refused_requests_are_not_served, 0, 2);
	tcase_add_test(c, the_price_decides);
	tcase_add_loop_test(c, services_grow_in_proportion, 0, 2);
	suite_add_tcase(suite, c);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
