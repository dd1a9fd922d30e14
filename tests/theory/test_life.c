/*
 * Replicas that come and go, timed by hand to the nanosecond: starts and what they share, requests
 * at the door, draining, failures.
 */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "flow/life.h"
#include "test_run.h"

#define S NS_PER_S

/* Stages of a start: schedule 1 s, image 2 s, process 3 s, weights at 2 GB/s, engine 5 s. */
#define START                                                                                 \
	"\"startup\": {\"schedule\": 1, \"image\": 2, \"process\": 3, \"download_rate\": 0, " \
	"\"loader\": \"streamer\", \"streamer_share\": %g, \"trace\": 0, \"compile\": 0, "    \
	"\"capture\": 0, \"build\": 5, \"build_vision\": 0, \"warmup\": 0.5, "                \
	"\"warmup_per_token\": 0.001}"
#define BEFORE (6 * S) /* its weights, the image included */
#define IMAGE (2 * S)
#define BUILD (5 * S)
#define WARM (3 * S / 2) /* 0.5 s and 1,000 tokens */

struct life_case {
	int nodes, gpus;      /* nodes; GPUs of one */
	double loader;        /* share of the storage that a lone reader has */
	const char *replicas; /* keys of the service */
	const char *load;     /* of the load */
	const char *more;     /* of the scenario */
};

static void run(struct test_run *r, const struct life_case *c)
{
	char *const start = mem_printf(START, c->loader > 0.0 ? c->loader : 1.0);
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"name\": \"n\", \"gpu\": \"h100-sxm\", "
		"\"count\": %d, \"gpus\": %d, \"storage_bandwidth\": \"2GB\"}]}, \"services\": "
		"[{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", %s, %s}], \"loads\": "
		"[{\"service\": \"s\", \"isl\": 1000, \"osl\": 200, %s}]%s}",
		c->nodes > 0 ? c->nodes : 1, c->gpus > 0 ? c->gpus : 1, start, c->replicas, c->load,
		c->more != NULL ? c->more : "");
	test_run(r, text, false);
	test_run_check(r);
	free(text);
	free(start);
}

/* Weights of one replica from a storage that it has to itself. */
static ns_t reading(const struct test_run *r)
{
	struct sim_fit fit;
	sim_fit(r->sim, 0, &fit);
	return ns_from_seconds((double)fit.memory.weights / 2e9);
}

static i128_t area(const struct test_run *r, enum life_state state)
{
	return r->sim->life->services[0].area[state];
}

#define ONE "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 1"
#define TWO "\"kind\": \"concurrency\", \"users\": 2, \"requests\": 2"
#define TWO_APART TWO ", \"stagger\": \"4s\""

/* One request before there is a replica: it waits for every stage, and for the warm-up. */
START_TEST(a_cold_start_takes_its_stages)
{
	struct test_run warm, cold;
	run(&warm, &(struct life_case){.replicas = "\"replicas\": 1", .load = ONE});
	run(&cold, &(struct life_case){.replicas = "\"start\": \"10s\"", .load = ONE});
	const ns_t ready = 10 * S + BEFORE + reading(&cold) + BUILD;
	ck_assert_int_eq(cold.records[0].arrival, 0);
	ck_assert_int_eq(cold.records[0].first, ready + WARM + warm.records[0].first);
	ck_assert_int_eq(cold.records[0].end, ready + WARM + warm.records[0].end);
	ck_assert_int_eq(cold.records[0].admitted, ready + WARM);
	ck_assert_int_eq(cold.summary.services[0].cold_starts, 1);
	ck_assert_int_eq(cold.summary.services[0].at_door, 1);
	ck_assert_double_eq_tol(cold.summary.services[0].door_s, ns_to_seconds(ready), 1e-9);
	ck_assert_double_eq_tol(cold.summary.services[0].replicas_avg,
	                        1.0 - 10e9 / (double)cold.summary.simulated, 1e-12);
	ck_assert_ptr_nonnull(strstr(cold.summary.binding, "cold start: 100.0 %"));
	test_run_fini(&warm);
	test_run_fini(&cold);
}
END_TEST

/* Two requests at the door go in together, in order, as if they had come at one time. */
START_TEST(two_at_the_door_go_in_together)
{
	struct test_run warm, cold;
	run(&warm, &(struct life_case){.replicas = "\"replicas\": 1", .load = TWO});
	run(&cold, &(struct life_case){.replicas = "\"start\": \"10s\"", .load = TWO_APART});
	const ns_t begin = 10 * S + BEFORE + reading(&cold) + BUILD + WARM;
	ck_assert_uint_eq(cold.n, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(cold.records[i].id, i);
		ck_assert_int_eq(cold.records[i].arrival, (ns_t)i * 2 * S);
		ck_assert_int_eq(cold.records[i].first, begin + warm.records[i].first);
		ck_assert_int_eq(cold.records[i].end, begin + warm.records[i].end);
	}
	test_run_fini(&warm);
	test_run_fini(&cold);
}
END_TEST

/* Two that read at one time from one node take twice as long; from two nodes, or with a loader that
 * needs half of the storage, they do not. */
START_TEST(readers_share_the_storage_of_a_node)
{
	static const struct life_case cases[] = {
		{.nodes = 1,
	         .gpus = 2,
	         .replicas = "\"replicas\": 2, \"start\": \"10s\"",
	         .load = ONE},
		{.nodes = 2,
	         .gpus = 1,
	         .replicas = "\"replicas\": 2, \"start\": \"10s\"",
	         .load = ONE},
		{.nodes = 1,
	         .gpus = 2,
	         .loader = 0.5,
	         .replicas = "\"replicas\": 2, \"start\": \"10s\"",
	         .load = ONE},
	};
	static const int times[] = {2, 1, 2};
	for (size_t i = 0; i < 3; i++) {
		struct test_run r;
		run(&r, &cases[i]);
		const ns_t first = 10 * S + BEFORE + times[i] * reading(&r) + BUILD;
		const ns_t got = r.records[0].admitted - WARM;
		ck_assert_msg(llabs(got - first) <= 1, "case %zu: %lld, by hand %lld", i,
		              (long long)got, (long long)first);
		test_run_fini(&r);
	}
}
END_TEST

/*
 * The second begins to read when the first has half of its weights. The other half takes the first
 * twice as long; when it is done, the second has half of its own, and reads the rest alone.
 */
START_TEST(a_second_reader_slows_down_the_first)
{
	struct test_run probe, r;
	run(&probe, &(struct life_case){.replicas = "\"start\": \"10s\"", .load = ONE});
	const ns_t whole = reading(&probe);
	const ns_t half = whole / 2;
	/* the image is there by then: 4 s before it reads */
	char *const replicas =
		mem_printf("\"start\": \"10s\", \"replicas_at\": [{\"at\": "
	                   "\"%lld.%09llds\", \"replicas\": 2}]",
	                   (long long)((12 * S + half) / S), (long long)((12 * S + half) % S));
	run(&r, &(struct life_case){.gpus = 2,
	                            .replicas = replicas,
	                            .load = "\"kind\": \"rate\", \"rate\": 1",
	                            .more = ", \"stop\": {\"after\": \"100s\"}"});
	const ns_t first = 16 * S + half + 2 * (whole - half) + BUILD;
	const ns_t second = 16 * S + half + 2 * (whole - half) + half + BUILD;
	ck_assert_int_eq(r.records[0].admitted - WARM, first);
	ck_assert_int_eq((ns_t)area(&r, LIFE_READY), (100 * S - first) + (100 * S - second));
	test_run_fini(&probe);
	test_run_fini(&r);
	free(replicas);
}
END_TEST

#define STOP_AT(s) ", \"stop\": {\"after\": \"" s "\"}"

/*
 * One of two has to go: the newest gets nothing new, answers what it has as if nothing were, and
 * has its GPU until the last token is out, also of a slow front end.
 */
START_TEST(who_drains_answers_first)
{
	static const char *const replicas[] = {
		"\"replicas\": 2, \"replicas_at\": [{\"at\": 1, \"replicas\": 1}]",
		"\"costs\": {\"t_stream\": 0.02}, \"replicas\": 2, \"replicas_at\": [{\"at\": 1, "
		"\"replicas\": 1}]"};
	struct test_run r;
	run(&r, &(struct life_case){
			.gpus = 2,
			.replicas = replicas[_i],
			.load = "\"kind\": \"concurrency\", \"users\": 2, \"requests\": 6"});
	ns_t end = 0;
	size_t by_second = 0;
	for (size_t i = 0; i < r.n; i++) {
		ck_assert_int_eq(r.records[i].outcome, REQUEST_FINISHED);
		if (r.records[i].replica == 1) {
			by_second++;
			end = r.records[i].end;
			ck_assert_int_eq(r.records[i].arrival, 0);
		}
	}
	ck_assert_uint_eq(r.n, 6);
	ck_assert_uint_eq(by_second, 1);
	ck_assert_int_gt(end, 1 * S);
	ck_assert_int_eq(life_bound(r.sim, 1), end);
	ck_assert_int_eq(life_bound(r.sim, 0), r.summary.simulated);
	ck_assert_int_eq((ns_t)area(&r, LIFE_DRAINING), end - 1 * S);
	test_run_fini(&r);
}
END_TEST

/* Of those that are too many the pending one goes first, then the one that starts. */
START_TEST(the_least_advanced_leave_first)
{
	struct test_run r;
	run(&r, &(struct life_case){
			.gpus = 2,
			.replicas = "\"replicas_at\": [{\"at\": 1, \"replicas\": 3}, {\"at\": 2, "
				    "\"replicas\": 2}, {\"at\": 3, \"replicas\": 1}]",
			.load = "\"kind\": \"rate\", \"rate\": 1",
			.more = STOP_AT("10s")});
	ck_assert_int_eq((ns_t)area(&r, LIFE_READY), 10 * S);
	ck_assert_int_eq((ns_t)area(&r, LIFE_PENDING), 1 * S);
	ck_assert_int_eq((ns_t)area(&r, LIFE_STARTING), 2 * S);
	ck_assert_int_eq((ns_t)area(&r, LIFE_DRAINING), 0);
	ck_assert_int_eq(life_bound(r.sim, 0) + life_bound(r.sim, 1), 12 * S);
	test_run_fini(&r);
}
END_TEST

/* A replica that finds no GPU is pending; it starts in the nanosecond in which one comes free. */
START_TEST(who_is_pending_starts_when_a_gpu_is_free)
{
	struct test_run r;
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1, "
		"\"storage_bandwidth\": \"2GB\"}]}, \"services\": [{\"name\": \"a\", \"model\": "
		"\"llama-3.1-8b-instruct\", \"replicas_at\": [{\"at\": 20, \"replicas\": 0}]}, "
		"{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", \"start\": \"5s\", " START
		"}], \"loads\": [{\"service\": \"s\", \"isl\": 1000, \"osl\": 200, %s}]}",
		1.0, ONE);
	test_run(&r, text, false);
	/* the image of the same engine is there */
	const ns_t ready = 20 * S + BEFORE - IMAGE + reading(&r) + BUILD;
	ck_assert_int_eq((ns_t)r.sim->life->services[1].area[LIFE_PENDING], 15 * S);
	ck_assert_int_eq(r.records[0].admitted, ready + WARM);
	ck_assert_int_eq(life_bound(r.sim, 0), 20 * S);
	test_run_fini(&r);
	free(text);
}
END_TEST

/* One long request of b, and one of a, which begins when its engine is built, on the same GPU. */
static void run_beside(struct test_run *r, const char *requests_of_a, bool exact)
{
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1, "
		"\"storage_bandwidth\": \"2GB\"}]}, \"services\": [{\"name\": \"a\", \"model\": "
		"\"llama-3.1-8b-instruct\", \"fraction\": 0.45, \"start\": \"5s\", " START
		"}, {\"name\": \"b\", \"model\": \"llama-3.1-8b-instruct\", \"fraction\": 0.45}], "
		"\"loads\": [{\"service\": \"a\", \"isl\": 1000, \"osl\": 200, \"kind\": \"rate\", "
		"\"rate\": 1, \"requests\": %s}, {\"service\": \"b\", \"isl\": 100, \"osl\": 6000, "
		"%s}]}",
		1.0, requests_of_a, ONE);
	test_run(r, text, exact);
	free(text);
}

static const struct request_record *last_of(const struct test_run *r, uint16_t service)
{
	const struct request_record *last = NULL;
	for (size_t i = 0; i < r->n; i++) {
		last = r->records[i].service == service ? &r->records[i] : last;
	}
	return last;
}

/*
 * A replica with a lower number joins the GPU on which another runs alone, in the middle of its
 * steps: from its first step on they share it, and what the one loses the other had.
 */
START_TEST(who_comes_shares_with_who_is_there)
{
	struct test_run one, two, exact;
	run_beside(&one, "1", false);
	run_beside(&two, "2", false);
	run_beside(&exact, "2", true);
	/* one more request of a in the same batch: b is later by what its steps take longer */
	const struct request_record *const a = last_of(&two, 0), *const b = last_of(&two, 1);
	const struct request_record *const alone = last_of(&one, 1);
	ck_assert_int_gt(a->admitted, b->first);
	ck_assert_int_lt(a->end, b->end);
	ck_assert_int_gt(b->end, alone->end);
	ck_assert_int_eq(b->end, last_of(&exact, 1)->end);
	ck_assert_int_eq(a->end, last_of(&exact, 0)->end);
	/* alone a request of 200 tokens takes 1.4 s; beside each other both are half as fast */
	const double slow = (double)(a->end - a->admitted) / 1e9;
	ck_assert_msg(slow > 2.4 && slow < 3.2, "%.3f s", slow);
	test_run_fini(&one);
	test_run_fini(&two);
	test_run_fini(&exact);
}
END_TEST

/* A GPU fails under a request: that is lost, and the replica comes back elsewhere, or there later.
 */
START_TEST(a_failed_gpu_costs_a_start)
{
	static const ns_t mended[] = {12 * S, 1 * S}; /* on another one it starts at once */
	struct test_run r;
	run(&r,
	    &(struct life_case){
		    .gpus = _i + 1,
		    .replicas = "\"replicas\": 1",
		    .load = "\"kind\": \"concurrency\", \"users\": 1, \"requests\": 2",
		    .more = ", \"faults\": [{\"kind\": \"gpu\", \"at\": \"1s\", \"for\": \"11s\", "
			    "\"node\": \"n-0\", \"gpu\": 0}]"});
	const ns_t ready = mended[_i] + BEFORE - IMAGE + reading(&r) + BUILD;
	ck_assert_uint_eq(r.n, 2);
	ck_assert_int_eq(r.records[0].outcome, REQUEST_LOST);
	ck_assert_int_eq(r.records[0].end, 1 * S);
	ck_assert_int_eq(r.records[1].outcome, REQUEST_FINISHED);
	ck_assert_int_eq(r.records[1].admitted, ready + WARM);
	ck_assert_uint_eq(r.summary.n_faults, 1);
	ck_assert_int_eq(r.summary.faults[0].replicas, 1);
	ck_assert_int_eq(r.summary.faults[0].lost, 1);
	ck_assert_int_eq(r.summary.faults[0].recovery, ready - 1 * S);
	test_run_fini(&r);
}
END_TEST

/*
 * A start that takes longer than it may is given up, to the nanosecond. Who then waits at the door
 * waits for nobody: a run without an end says so, instead of going on for ever.
 */
START_TEST(a_start_that_takes_too_long_is_given_up)
{
	struct test_run r;
	run(&r, &(struct life_case){
			.gpus = 2,
			.replicas = "\"autoscaler\": {\"policy\": \"fixed\", \"initial\": 1, "
				    "\"initialization_timeout\": \"5s\"}",
			.load = "\"kind\": \"rate\", \"rate\": 1, \"arrivals\": \"constant\", "
				"\"requests\": 20",
			.more = ", \"faults\": [{\"kind\": \"gpu\", \"at\": \"3500ms\", "
				"\"node\": \"n-0\", \"gpu\": 0}]"});
	const struct service_summary *const v = &r.summary.services[0];
	ck_assert_int_eq((ns_t)area(&r, LIFE_STARTING), 5 * S);
	ck_assert_int_eq(v->failed_starts, 1);
	ck_assert_int_eq(v->cold_starts, 0);
	ck_assert_int_gt(v->unfinished, 15);
	ck_assert_int_eq(v->unfinished, v->at_door);
	ck_assert(r.summary.incomplete);
	ck_assert_int_le(r.summary.simulated, 21 * S);
	ck_assert_int_eq(r.summary.faults[0].recovery, NS_NEVER);
	test_run_fini(&r);
}
END_TEST

/*
 * GPUs fail one after the other and none is mended: when the last has gone nothing will ever be
 * answered any more, however many faults are still to come. Where
 * autoscalers ask in vain for a GPU that another service has, the run ends a week after anything
 * moved.
 */
START_TEST(a_run_in_which_nothing_will_move_ends)
{
	const char *const load = "\"kind\": \"rate\", \"rate\": 1, \"requests\": 200";
	struct test_run broken, full;
	run(&broken, &(struct life_case){.replicas = "\"replicas\": 1",
	                                 .load = load,
	                                 .more = ", \"faults\": [{\"kind\": \"gpu\", "
	                                         "\"every\": 30}]"});
	ck_assert(broken.summary.incomplete);
	ck_assert_int_eq(broken.summary.services[0].unfinished, broken.summary.services[0].at_door);
	ck_assert_int_le(broken.summary.simulated, 600 * S);
	test_run(
		&full,
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\", \"gpus\": 1}]}, "
		"\"services\": [{\"name\": \"there\", \"model\": \"phi-4-mini\", "
		"\"autoscaler\": {\"policy\": \"kpa\", \"min\": 1, \"max\": 2}}, "
		"{\"name\": \"late\", \"model\": \"phi-4-mini\", "
		"\"autoscaler\": {\"policy\": \"kpa\", \"min\": 0, \"initial\": 0, \"max\": 2}}], "
		"\"loads\": [{\"service\": \"late\", \"kind\": \"rate\", \"rate\": 1, "
		"\"requests\": 200, \"isl\": 1000, \"osl\": 200}]}",
		false);
	ck_assert(full.summary.incomplete);
	ck_assert_int_eq(full.summary.services[1].unfinished, 200);
	ck_assert_int_le(full.summary.simulated, (7 * 86400 + 600) * S);
	test_run_fini(&broken);
	test_run_fini(&full);
}
END_TEST

/* A link at half its speed from the middle of the weights on; starts at half their speed. */
START_TEST(slow_links_and_starts)
{
	struct test_run probe, link, slow;
	run(&probe, &(struct life_case){.replicas = "\"start\": \"10s\"", .load = ONE});
	const ns_t whole = reading(&probe), half = whole / 2, at = 16 * S + half;
	char *const fault = mem_printf(
		", \"faults\": [{\"kind\": \"link\", \"at\": \"%lld.%09llds\", \"factor\": 0.5}]",
		(long long)(at / S), (long long)(at % S));
	run(&link,
	    &(struct life_case){.replicas = "\"start\": \"10s\"", .load = ONE, .more = fault});
	ck_assert_int_eq(link.records[0].admitted - WARM, at + 2 * (whole - half) + BUILD);
	run(&slow,
	    &(struct life_case){.replicas = "\"start\": \"10s\"",
	                        .load = ONE,
	                        .more = ", \"faults\": [{\"kind\": \"slow_start\", \"at\": 0, "
	                                "\"for\": \"20s\", \"factor\": 0.5}]"});
	/* 6 s take 12; the engine is built when it is over */
	ck_assert_int_eq(slow.records[0].admitted - WARM, 10 * S + 2 * BEFORE + whole + BUILD);
	test_run_fini(&probe);
	test_run_fini(&link);
	test_run_fini(&slow);
	free(fault);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("life");
	TCase *const t = tcase_create("by hand");
	tcase_add_test(t, a_cold_start_takes_its_stages);
	tcase_add_test(t, two_at_the_door_go_in_together);
	tcase_add_test(t, readers_share_the_storage_of_a_node);
	tcase_add_test(t, a_second_reader_slows_down_the_first);
	tcase_add_loop_test(t, who_drains_answers_first, 0, 2);
	tcase_add_test(t, the_least_advanced_leave_first);
	tcase_add_test(t, who_is_pending_starts_when_a_gpu_is_free);
	tcase_add_test(t, who_comes_shares_with_who_is_there);
	tcase_add_loop_test(t, a_failed_gpu_costs_a_start, 0, 2);
	tcase_add_test(t, a_start_that_takes_too_long_is_given_up);
	tcase_add_test(t, a_run_in_which_nothing_will_move_ends);
	tcase_add_test(t, slow_links_and_starts);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
