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

static ns_t ready_area(const struct test_run *r)
{
	return (ns_t)r->sim->life->services[0].area[LIFE_READY];
}

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
	ck_assert_int_eq(ready_area(&r), (100 * S - first) + (100 * S - second));
	test_run_fini(&probe);
	test_run_fini(&r);
	free(replicas);
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
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
