/*
 * GPU memory swap to the nanosecond (semantics.md section 4): what a first request waits for, who
 * waits for whom at a link, and what a full host pool does.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "perf/swap.h"
#include "test_run.h"

#define LLAMA_WEIGHTS 16060522496.0
#define PHI_WEIGHTS 7672043520.0
#define RESERVED 2.5e9
#define FIRST_BLOCKS 268435456.0 /* 256 MiB of 2 MiB blocks: the first step of an elastic pool */
#define H100_RATE (64e9 * 0.84)
#define A100_RATE (32e9 * 0.69)

static char *services(int n, const char *model, const char *keys)
{
	char *all = mem_strdup("");
	for (int i = 0; i < n; i++) {
		char *const longer = mem_printf(
			"%s%s{\"name\": \"s%d\", \"model\": \"%s\", \"calibration\": \"none\", "
			"\"engine_options\": {\"kv_pool\": \"elastic\", \"reserved_bytes\": "
			"\"2.5GB\"}, \"startup\": {\"swap\": 0.5, \"swap_per_token\": 0.001, "
			"\"sleep\": 0.25, \"wake\": 0.125, \"reload\": 1, \"safetensors_rate\": 0}, "
			"%s}",
			all, i > 0 ? ", " : "", i, model, keys);
		free(all);
		all = longer;
	}
	return all;
}

/* A request of 512 tokens for service i at each of its times, in seconds. */
static char *loads(int n, const double *rates)
{
	char *all = mem_strdup("");
	for (int i = 0; i < n; i++) {
		char *const longer = mem_printf(
			"%s%s{\"service\": \"s%d\", \"kind\": \"rate\", \"arrivals\": \"constant\", "
			"\"rate\": %g, \"requests\": 1, \"isl\": 512, \"osl\": 4}",
			all, i > 0 ? ", " : "", i, rates[i] > 0 ? rates[i] : 0.001);
		free(all);
		all = longer;
	}
	return all;
}

struct ask {
	const char *gpu, *scheduler, *model, *keys;
	int gpus, n;
	const double *rates; /* of the services: one request after 1 / rate; 0: after 1000 s */
};

static void run(struct test_run *r, const struct ask *ask)
{
	char *const all = services(ask->n, ask->model, ask->keys);
	char *const load = loads(ask->n, ask->rates);
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\", "
		"\"gpus\": %d, \"storage_bandwidth\": \"4GB\"}]}, \"scheduler\": {%s}, "
		"\"services\": [%s], \"loads\": [%s]}",
		ask->gpu, ask->gpus, ask->scheduler, all, load);
	test_run(r, text, false);
	test_run_check(r);
	free(all);
	free(load);
	free(text);
}

/* From arrival to first token of the first request of a service. */
static ns_t ttft(const struct test_run *r, size_t service)
{
	ns_t arrival = NS_NEVER, first = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct request_record *const q = &r->records[i];
		if (q->service == service && q->arrival < arrival) {
			arrival = q->arrival;
			first = q->first;
		}
	}
	return first - arrival;
}

/* The same where its service is alone and there is no swap. */
static ns_t alone(const char *gpu, const char *model, const char *keys, int gpus)
{
	const double rates[] = {0.1};
	const struct ask ask = {gpu, "", model, keys, gpus, 1, rates};
	struct test_run r;
	run(&r, &ask);
	const ns_t t = ttft(&r, 0);
	test_run_fini(&r);
	return t;
}

#define LLAMA "llama-3.1-8b-instruct"
#define BURST "\"fraction\": 0.4, \"fraction_limit\": 1"

static const double second_only[] = {0, 0.1};

static ns_t second_of_pair(const char *gpu, const char *swap, const char *keys, int gpus)
{
	const struct ask ask = {gpu, swap, LLAMA, keys, gpus, 2, second_only};
	struct test_run r;
	run(&r, &ask);
	const ns_t t = ttft(&r, 1);
	ck_assert_int_eq(r.summary.services[0].swaps, 1); /* it comes back after 1000 s */
	ck_assert_int_eq(r.summary.services[1].swaps, 1);
	ck_assert_int_eq(r.summary.services[0].lost + r.summary.services[1].lost, 0);
	test_run_fini(&r);
	return t;
}

/* 18.83 GB out and in over 53.76 GB/s, 0.5 s + 512 x 1 ms, then the prompt. */
START_TEST(one_pair)
{
	const double bytes = LLAMA_WEIGHTS + RESERVED + FIRST_BLOCKS;
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const ns_t warm = ns_from_seconds(0.5 + 0.512);
	ck_assert_int_eq(second_of_pair("h100-sxm", "\"swap\": {}", BURST, 1),
	                 prompt + warm + ns_from_seconds(bytes / H100_RATE));
	ck_assert_int_eq(
		second_of_pair("h100-sxm", "\"swap\": {\"bidirectional\": false}", BURST, 1),
		prompt + warm + ns_from_seconds((bytes + bytes) / H100_RATE));
}
END_TEST

/* A request of less than the weights is placed as such, and there with all of its limit: ten of
 * them on a GPU that holds one pay what two of 0.4 pay. */
START_TEST(ten_on_one_gpu)
{
	static const double rates[10] = {0, 0, 0, 0, 0, 0, 0, 0, 0.05, 0.1};
	const char *const keys = "\"fraction\": 0.1, \"fraction_limit\": 1";
	const struct ask ask = {
		"h100-sxm", "\"swap\": {\"host_memory\": \"200GB\"}", LLAMA, keys, 1, 10, rates};
	const double bytes = LLAMA_WEIGHTS + RESERVED + FIRST_BLOCKS;
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const ns_t swapped =
		prompt + ns_from_seconds(0.5 + 0.512) + ns_from_seconds(bytes / H100_RATE);
	struct test_run r;
	run(&r, &ask);
	ck_assert_int_eq(ttft(&r, 9), swapped);
	ck_assert_int_eq(ttft(&r, 8), swapped);
	ck_assert_int_eq(r.summary.services[8].swaps, 1);
	ck_assert_int_eq(r.summary.services[9].swaps, 1);
	for (size_t i = 0; i < 10; i++) {
		ck_assert_int_eq(r.summary.services[i].finished, 1);
		ck_assert_int_eq(r.summary.services[i].oom_kills, 0);
	}
	test_run_fini(&r);
}
END_TEST

/* Two GPUs of a replica move together: over a link each, or over one that they share. */
START_TEST(all_gpus_of_a_replica_together)
{
	const char *const keys = BURST ", \"gpus_per_replica\": 2";
	const double bytes = LLAMA_WEIGHTS / 2.0 + RESERVED + FIRST_BLOCKS;
	const ns_t warm = ns_from_seconds(0.5 + 0.512);
	ck_assert_int_eq(second_of_pair("h100-sxm", "\"swap\": {}", keys, 2),
	                 alone("h100-sxm", LLAMA, keys, 2) + warm +
	                         ns_from_seconds(bytes / H100_RATE));
	ck_assert_int_eq(second_of_pair("a100-sxm", "\"swap\": {}", keys, 2),
	                 alone("a100-sxm", LLAMA, keys, 2) + warm +
	                         ns_from_seconds((bytes + bytes) / A100_RATE));
}
END_TEST

/* vLLM's levels: weights alone, KV cache dropped, no first request that is slower. */
START_TEST(sleep_levels)
{
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const ns_t copy = ns_from_seconds(0.25 + LLAMA_WEIGHTS / H100_RATE) +
	                  ns_from_seconds(0.125 + LLAMA_WEIGHTS / H100_RATE);
	ck_assert_int_eq(
		second_of_pair("h100-sxm", "\"swap\": {\"method\": \"sleep_1\"}", BURST, 1),
		prompt + copy);
	ck_assert_int_eq(
		second_of_pair("h100-sxm", "\"swap\": {\"method\": \"sleep_2\"}", BURST, 1),
		prompt + ns_from_seconds(0.25) + ns_from_seconds(0.125 + 1 + LLAMA_WEIGHTS / 4e9));
}
END_TEST

/* Six models of which three fit: three exchanges at once go over the one link in turn. */
START_TEST(three_queued_on_one_link)
{
	static const double last_three[] = {0, 0, 0, 0.1, 0.1, 0.1};
	const char *const keys = "\"fraction\": 0.16, \"fraction_limit\": 0.33";
	const struct ask ask = {"h100-sxm", "\"swap\": {}", "phi-4-mini", keys, 1, 6, last_three};
	const ns_t prompt = alone("h100-sxm", "phi-4-mini", keys, 1);
	const ns_t copy = ns_from_seconds((PHI_WEIGHTS + RESERVED + FIRST_BLOCKS) / H100_RATE);
	struct test_run r;
	run(&r, &ask);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(ttft(&r, 3 + i),
		                 prompt + (ns_t)(i + 1) * copy + ns_from_seconds(0.5 + 0.512));
	}
	test_run_fini(&r);
}
END_TEST

/* Nobody is sent out where host memory is full: the second comes beside the first. */
START_TEST(a_full_pool)
{
	const double bytes = LLAMA_WEIGHTS + RESERVED + FIRST_BLOCKS;
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const struct ask ask = {
		"h100-sxm", "\"swap\": {\"host_memory\": \"30GB\"}", LLAMA, BURST, 1, 2,
		second_only};
	struct test_run r;
	run(&r, &ask);
	ck_assert_int_eq(ttft(&r, 1), prompt + ns_from_seconds(0.5 + 0.512) +
	                                      ns_from_seconds(bytes / H100_RATE));
	ck_assert_int_eq(ttft(&r, 0), prompt); /* it never left */
	ck_assert_int_eq(r.summary.services[0].swaps, 0);
	ck_assert_int_eq(r.summary.services[1].swaps, 1);
	test_run_fini(&r);
}
END_TEST

/* Without room in host memory at all, or with a policy that sends nobody, all are there. */
START_TEST(nobody_goes)
{
	static const char *const never[] = {"\"swap\": {\"host_memory\": \"1GB\"}",
	                                    "\"swap\": {\"policy\": \"none\"}"};
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const struct ask ask = {"h100-sxm", never[_i], LLAMA, BURST, 1, 2, second_only};
	struct test_run r;
	run(&r, &ask);
	ck_assert_int_eq(ttft(&r, 0), prompt);
	ck_assert_int_eq(ttft(&r, 1), prompt);
	ck_assert_int_eq(r.summary.services[0].swaps + r.summary.services[1].swaps, 0);
	test_run_fini(&r);
}
END_TEST

/* Limits that fit together: no need to go. */
START_TEST(those_who_fit_stay)
{
	const char *const keys = "\"fraction\": 0.4, \"fraction_limit\": 0.5";
	const struct ask ask = {"h100-sxm", "\"swap\": {}", LLAMA, keys, 1, 2, second_only};
	struct test_run r;
	run(&r, &ask);
	ck_assert_int_eq(ttft(&r, 1), alone("h100-sxm", LLAMA, keys, 1));
	ck_assert_int_eq(r.summary.services[0].swaps + r.summary.services[1].swaps, 0);
	test_run_fini(&r);
}
END_TEST

/* Whoever came last stays for min_residency: the next waits for that, not for its request. */
START_TEST(residency)
{
	static const double both[] = {0.0999, 0.1}; /* at 10.01 s and 10 s */
	const double bytes = LLAMA_WEIGHTS + RESERVED + FIRST_BLOCKS;
	const ns_t prompt = alone("h100-sxm", LLAMA, BURST, 1);
	const ns_t copy = ns_from_seconds(bytes / H100_RATE);
	const ns_t warm = ns_from_seconds(0.5 + 0.512);
	const struct ask ask = {
		"h100-sxm", "\"swap\": {\"min_residency\": \"7s\"}", LLAMA, BURST, 1, 2, both};
	struct test_run r;
	run(&r, &ask);
	ck_assert_int_eq(ttft(&r, 1), prompt + copy + warm);
	/* the first is asked while it is on its way out: it comes 7 s after the second was there */
	const ns_t there = 10 * NS_PER_S + copy + warm;
	const ns_t asked = r.records[0].service == 0 ? r.records[0].arrival : r.records[1].arrival;
	ck_assert_int_eq(ttft(&r, 0), there + 7 * NS_PER_S + copy + warm + prompt - asked);
	/* who is seldom asked waits little of the time, and so does each of its requests */
	ck_assert_msg(strncmp(r.summary.binding, "memory swap: ", 13) == 0, "%s",
	              r.summary.binding);
	test_run_fini(&r);
}
END_TEST

/* Both always have something to do: they take turns of two seconds, or of a batch, and nobody
 * starves. */
START_TEST(busy_ones_take_turns)
{
	static const char *const turns[] = {"2s", "0s"};
	/* the time there and until the batch is done, then 1.36 s to change */
	static const int64_t shortest[] = {6, 3}, longest[] = {9, 6};
	char *const all = services(2, LLAMA, BURST);
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", "
		"\"gpus\": 1}]}, \"scheduler\": {\"swap\": {\"min_residency\": \"%s\"}}, "
		"\"services\": [%s], \"loads\": ["
		"{\"service\": \"s0\", \"kind\": \"stages\", \"isl\": 512, \"osl\": 64, \"stages\": "
		"[{\"users\": 8, \"for\": \"60s\"}]}, {\"service\": \"s1\", \"kind\": \"stages\", "
		"\"isl\": 512, \"osl\": 64, \"stages\": [{\"users\": 8, \"for\": \"60s\"}]}]}",
		turns[_i], all);
	struct test_run r;
	test_run(&r, text, false);
	test_run_check(&r);
	for (size_t i = 0; i < 2; i++) {
		const struct service_summary *const s = &r.summary.services[i];
		ck_assert_int_ge(s->swaps, 60 / longest[_i] - 1);
		ck_assert_int_le(s->swaps, 60 / shortest[_i] + 1);
		ck_assert_int_gt(s->finished, _i == 0 ? 200 : 50);
		ck_assert(s->ttft_ms.max < 9000.0);
		ck_assert_int_eq(s->lost, 0);
	}
	test_run_fini(&r);
	free(text);
	free(all);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("swap");
	TCase *const c = tcase_create("swap");
	SRunner *const runner = srunner_create(suite);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, one_pair);
	tcase_add_test(c, ten_on_one_gpu);
	tcase_add_test(c, all_gpus_of_a_replica_together);
	tcase_add_test(c, sleep_levels);
	tcase_add_test(c, three_queued_on_one_link);
	tcase_add_test(c, a_full_pool);
	tcase_add_loop_test(c, nobody_goes, 0, 2);
	tcase_add_test(c, those_who_fit_stay);
	tcase_add_test(c, residency);
	tcase_add_loop_test(c, busy_ones_take_turns, 0, 2);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
