/*
 * GPU memory swap beside replicas that come, go and fail, to the nanosecond: who goes for a start,
 * what it then takes, and that what leaves gives its host memory back.
 */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "test_run.h"

#define S NS_PER_S
#define MOST 4
#define LATE 1000 /* s: nobody asks before */

/* Llama 3.1 8B on an H100: what an elastic pool of 256 MiB steps holds of a GPU at first. */
#define WEIGHTS 16060522496.0
#define HELD (WEIGHTS + 2.5e9 + 268435456.0)
#define COPY ns_from_seconds(HELD / (64e9 * 0.84))
#define READ ns_from_seconds(WEIGHTS / 4e9)
#define PROCESS (10 * S)
#define BUILD (3 * S)
#define WARM ns_from_seconds(0.5 + 0.512) /* of a request of 512 tokens after a swap */
#define RESIDENCY (2 * S)

struct one {
	const char *keys;
	int asked; /* second of its request; 0: it has none */
};

struct swap_case {
	const char *swap, *more; /* keys of the swap, and of the scenario */
	int gpus;                /* of the node; 0: one */
	int warmup;              /* of a new process, s */
	struct one services[MOST];
};

#define BURST "\"fraction\": 0.3, \"fraction_limit\": 1"
#define GUARANTEED "\"fraction\": 0.3"

static void run(struct test_run *r, const struct swap_case *c)
{
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (int i = 0; i < MOST && c->services[i].keys != NULL; i++) {
		char *const all = mem_printf(
			"%s%s{\"name\": \"s%d\", \"model\": \"llama-3.1-8b-instruct\", "
			"\"calibration\": \"none\", \"engine_options\": {\"kv_pool\": \"elastic\", "
			"\"reserved_bytes\": \"2.5GB\"}, \"startup\": {\"schedule\": 0, \"image\": 0, "
			"\"process\": 10, \"trace\": 0, \"compile\": 0, \"capture\": 0, \"build\": 3, "
			"\"warmup\": %d, \"warmup_per_token\": 0, \"swap\": 0.5, \"swap_per_token\": "
			"0.001, \"sleep\": 0.25, \"wake\": 0.125, \"reload\": 1, "
			"\"safetensors_rate\": 0}, %s}",
			services, i > 0 ? ", " : "", i, c->warmup, c->services[i].keys);
		char *const asked =
			c->services[i].asked == 0
				? mem_strdup(loads)
				: mem_printf("%s%s{\"service\": \"s%d\", \"kind\": \"rate\", "
		                             "\"arrivals\": \"constant\", \"rate\": %.12g, "
		                             "\"requests\": 1, \"isl\": 512, \"osl\": 4}",
		                             loads, loads[0] != '\0' ? ", " : "", i,
		                             1.0 / c->services[i].asked);
		free(services);
		free(loads);
		services = all;
		loads = asked;
	}
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": 1, \"cluster\": {\"nodes\": [{\"name\": \"n\", \"gpu\": "
		"\"h100-sxm\", \"gpus\": %d, \"storage_bandwidth\": \"4GB\"}]}, \"scheduler\": "
		"{\"swap\": {%s}}, \"services\": [%s], \"loads\": [%s]%s}",
		c->gpus > 0 ? c->gpus : 1, c->swap, services, loads,
		c->more != NULL ? c->more : "");
	test_run(r, text, false);
	test_run_check(r);
	free(text);
	free(services);
	free(loads);
}

/* When a request of a service had its first token. */
static ns_t first(const struct test_run *r, size_t service)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->records[i].service == service) {
			return r->records[i].first;
		}
	}
	ck_abort_msg("no request of service %zu", service);
	return 0;
}

static ns_t arrival(const struct test_run *r, size_t service)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->records[i].service == service) {
			return r->records[i].arrival;
		}
	}
	ck_abort_msg("no request of service %zu", service);
	return 0;
}

static int64_t swaps(const struct test_run *r, size_t service)
{
	return r->summary.services[service].swaps;
}

/* From a request to its first token on a GPU where nobody else is. */
static ns_t prompt(void)
{
	const struct swap_case c = {.swap = "", .services = {{BURST, 10}}};
	struct test_run r;
	run(&r, &c);
	const ns_t t = first(&r, 0) - arrival(&r, 0);
	test_run_fini(&r);
	return t;
}

/* A start at 20 s wants its memory at 30 s: the resident goes out, and comes back when asked. */
START_TEST(a_start_displaces_a_resident)
{
	const struct swap_case c = {.swap = "",
	                            .services = {{BURST, LATE}, {BURST ", \"start\": 20", 25}}};
	struct test_run r;
	run(&r, &c);
	ck_assert_int_eq(first(&r, 1), 20 * S + PROCESS + COPY + READ + BUILD + prompt());
	ck_assert_int_eq(first(&r, 0), arrival(&r, 0) + COPY + WARM + prompt());
	ck_assert_int_eq(swaps(&r, 0), 1);
	ck_assert_int_eq(swaps(&r, 1), 0);
	ck_assert_int_eq(r.summary.services[1].cold_starts, 1);
	test_run_fini(&r);
}
END_TEST

/* Whoever only wants its request needs room too: all of it, at once, for good. */
START_TEST(a_start_that_stays_displaces_a_resident)
{
	const struct swap_case c = {.swap = "",
	                            .services = {{BURST, 100}, {GUARANTEED ", \"start\": 20", 25}}};
	struct test_run r;
	run(&r, &c);
	ck_assert_int_eq(first(&r, 1), 20 * S + PROCESS + COPY + READ + BUILD + prompt());
	/* it comes back beside it, with what is left of its limit */
	ck_assert_int_eq(first(&r, 0), arrival(&r, 0) + COPY + WARM + prompt());
	ck_assert_int_eq(swaps(&r, 0), 1);
	test_run_fini(&r);
}
END_TEST

/* No room in host memory, or a policy that sends nobody: they are there together. */
START_TEST(a_start_beside_a_resident)
{
	static const char *const never[] = {"\"host_memory\": \"10GB\"", "\"policy\": \"none\""};
	const struct swap_case c = {.swap = never[_i],
	                            .services = {{BURST, LATE}, {BURST ", \"start\": 20", 25}}};
	struct test_run r;
	run(&r, &c);
	ck_assert_int_eq(first(&r, 1), 20 * S + PROCESS + READ + BUILD + prompt());
	ck_assert_int_eq(first(&r, 0), arrival(&r, 0) + prompt());
	ck_assert_int_eq(swaps(&r, 0), 0);
	test_run_fini(&r);
}
END_TEST

/* One that starts cannot be swapped: who is asked meanwhile comes when it has been ready for 2 s.
 */
START_TEST(nobody_displaces_a_start)
{
	const struct swap_case c = {.swap = "",
	                            .services = {{BURST, 32}, {BURST ", \"start\": 20", 0}}};
	struct test_run r;
	run(&r, &c);
	const ns_t ready = 20 * S + PROCESS + COPY + READ + BUILD;
	ck_assert_int_eq(first(&r, 0), ready + RESIDENCY + COPY + WARM + prompt());
	test_run_fini(&r);
}
END_TEST

/*
 * Host memory for one. The second is in it, so that nobody can go for the third; unless the second
 * is scaled away before, by the scenario or as nobody asked it for long.
 */
START_TEST(who_leaves_gives_host_memory_back)
{
	static const char *const leave[] = {
		"", ", \"replicas_at\": [{\"at\": 20, \"replicas\": 0}]",
		", \"autoscaler\": {\"policy\": \"kpa\", \"metric\": \"concurrency\", \"target\": 10, "
		"\"min\": 0, \"max\": 1}"};
	char *const second = mem_printf("%s%s", BURST, leave[_i]);
	const struct swap_case c = {
		.swap = "\"host_memory\": \"30GB\"",
		.services = {{BURST, LATE}, {second, 0}, {BURST ", \"start\": 300", 305}}};
	struct test_run r;
	run(&r, &c);
	const ns_t goes = _i > 0 ? COPY : 0;
	ck_assert_int_eq(first(&r, 2), 300 * S + PROCESS + goes + READ + BUILD + prompt());
	ck_assert_int_eq(swaps(&r, 0), _i > 0);
	test_run_fini(&r);
	free(second);
}
END_TEST

/*
 * A GPU, or its node, fails while one of its two is in host memory: both start again, the second as
 * soon as the first can go, for which host memory has room again.
 */
START_TEST(a_fault_takes_host_memory_too)
{
	static const char *const kinds[] = {"gpu", "node"};
	char *const faults = mem_printf(", \"faults\": [{\"kind\": \"%s\", \"node\": \"n-0\"%s, "
	                                "\"at\": 20, \"for\": 10}]",
	                                kinds[_i], _i == 0 ? ", \"gpu\": 0" : "");
	const struct swap_case c = {.swap = "\"host_memory\": \"30GB\"",
	                            .more = faults,
	                            .services = {{BURST, LATE}, {BURST, 25}}};
	struct test_run r;
	run(&r, &c);
	const ns_t ready = 30 * S + PROCESS + READ + BUILD;
	ck_assert_int_eq(first(&r, 1), ready + RESIDENCY + COPY + READ + BUILD + prompt());
	ck_assert_int_eq(first(&r, 0), arrival(&r, 0) + COPY + WARM + prompt());
	ck_assert_int_eq(r.summary.faults[0].replicas, 2);
	test_run_fini(&r);
	free(faults);
}
END_TEST

/* Who was to come leaves in the middle of the exchange: who goes is away, and may come back. */
START_TEST(a_start_that_is_broken_off)
{
	const struct swap_case c = {
		.swap = "",
		.services = {{BURST, 30},
	                     {BURST ", \"start\": 19.9, \"replicas_at\": [{\"at\": 29.95, "
	                            "\"replicas\": 0}]",
	                      0}}};
	struct test_run r;
	run(&r, &c);
	const ns_t away = ns_from_seconds(19.9) + PROCESS + COPY;
	ck_assert_int_eq(first(&r, 0), away + COPY + WARM + prompt());
	ck_assert_int_eq(swaps(&r, 0), 1);
	ck_assert_int_eq(r.summary.services[1].cold_starts, 0);
	test_run_fini(&r);
}
END_TEST

/* A replica that was told to go while its request waits for its memory comes, answers, and goes. */
START_TEST(draining_in_host_memory)
{
	const struct swap_case c = {
		.swap = "\"min_residency\": \"30s\"",
		.services = {{BURST, 0},
	                     {BURST ", \"replicas_at\": [{\"at\": 21, \"replicas\": 0}]", 20}}};
	struct test_run r;
	run(&r, &c);
	ck_assert_int_eq(first(&r, 1), 30 * S + COPY + WARM + prompt());
	ck_assert_int_eq(swaps(&r, 1), 1);
	test_run_fini(&r);
}
END_TEST

/* Who waits for the age of one that is scaled away comes at once. */
START_TEST(who_waits_looks_again)
{
	const struct swap_case c = {
		.swap = "\"min_residency\": \"30s\"",
		.services = {{BURST ", \"replicas_at\": [{\"at\": 21, \"replicas\": 0}]", 0},
	                     {BURST, 20}}};
	struct test_run r;
	run(&r, &c);
	ck_assert_int_eq(first(&r, 1), 21 * S + COPY + WARM + prompt());
	test_run_fini(&r);
}
END_TEST

/* A first request that warms its new process up for 5 s is answered before another comes. */
START_TEST(nobody_goes_before_it_began)
{
	const struct swap_case c = {
		.swap = "", .warmup = 5, .services = {{BURST, 40}, {BURST ", \"start\": 20", 25}}};
	struct test_run r;
	run(&r, &c);
	const ns_t ready = 20 * S + PROCESS + COPY + READ + BUILD;
	const ns_t left = r.records[0].service == 1 ? r.records[0].end : r.records[1].end;
	ck_assert(arrival(&r, 0) > ready + RESIDENCY && arrival(&r, 0) < ready + 5 * S);
	ck_assert_int_eq(first(&r, 1), ready + 5 * S + prompt());
	ck_assert_int_eq(first(&r, 0), left + COPY + WARM + prompt());
	test_run_fini(&r);
}
END_TEST

/* Two that wake from level 2 at once read at half the speed, and beside a start too. */
START_TEST(wakes_share_the_storage)
{
	const ns_t read = ns_from_seconds(2.0 * WEIGHTS / 4e9);
	const ns_t wake = ns_from_seconds(0.125 + 1), sleep = ns_from_seconds(0.25);
	const struct swap_case wakes = {
		.swap = "\"method\": \"sleep_2\"",
		.gpus = 2,
		.services = {{"\"fraction\": 0.4, \"fraction_limit\": 1", 0},
	                     {"\"fraction\": 0.4, \"fraction_limit\": 1", 20},
	                     {"\"fraction\": 0.4, \"fraction_limit\": 1", 0},
	                     {"\"fraction\": 0.4, \"fraction_limit\": 1", 20}}};
	struct test_run r;
	run(&r, &wakes);
	ck_assert_int_eq(first(&r, 1), 20 * S + sleep + read + wake + prompt());
	ck_assert_int_eq(first(&r, 3), first(&r, 1));
	test_run_fini(&r);
	const struct swap_case beside = {
		.swap = "\"method\": \"sleep_2\"",
		.gpus = 2,
		.services = {{BURST, 0}, {BURST, 20}, {"\"start\": 10.25", 15}}};
	run(&r, &beside);
	ck_assert_int_eq(first(&r, 1), 20 * S + sleep + read + wake + prompt());
	ck_assert_int_eq(first(&r, 2), 20 * S + sleep + read + BUILD + prompt());
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("swap and lives");
	TCase *const c = tcase_create("swap and lives");
	SRunner *const runner = srunner_create(suite);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_start_displaces_a_resident);
	tcase_add_test(c, a_start_that_stays_displaces_a_resident);
	tcase_add_loop_test(c, a_start_beside_a_resident, 0, 2);
	tcase_add_test(c, nobody_displaces_a_start);
	tcase_add_loop_test(c, who_leaves_gives_host_memory_back, 0, 3);
	tcase_add_loop_test(c, a_fault_takes_host_memory_too, 0, 2);
	tcase_add_test(c, a_start_that_is_broken_off);
	tcase_add_test(c, draining_in_host_memory);
	tcase_add_test(c, who_waits_looks_again);
	tcase_add_test(c, nobody_goes_before_it_began);
	tcase_add_test(c, wakes_share_the_storage);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
