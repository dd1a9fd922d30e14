/*
 * Replicas that are swapped, on random scenarios: exact stepping and fast-forward write the same
 * records, every request is accounted for, and no GPU and no host ever holds more than it has
 * (asserted at every change of theirs).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "draw.h"
#include "test_run.h"

#define SCENARIOS 60

/* `thin`: some request less than their engine needs, which swap must always find room for. */
static char *service(int i, bool thin)
{
	static const char *const engines[] = {"vllm", "trtllm", "sglang"};
	static const char *const pools[] = {"elastic", "static"};
	static const char *const models[] = {"phi-4-mini", "llama-3.1-8b-instruct"};
	static const char *const classes[] = {"inference", "build", "train"};
	const int gpus = i == 0 ? (int)between(1, 2) : 1; /* the first may need both GPUs */
	const bool stays = !thin && between(0, 5) == 0;
	const long long least = between(26, 28); /* holds either model */
	const long long fraction = thin ? between(1, least) : least;
	const long long limit = stays ? fraction : between(least, 99);
	return mem_printf(
		"{\"name\": \"s%d\", \"model\": \"%s\", \"engine\": \"%s\", \"replicas\": %lld, "
		"\"gpus_per_replica\": %d, \"fraction\": 0.%02lld, \"fraction_limit\": 0.%02lld, "
		"\"engine_options\": {\"kv_pool\": \"%s\", \"kv_step\": \"%lldMiB\", "
		"\"max_num_seqs\": %lld}, \"priority\": \"%s\"}",
		i, pick(models, 2), pick(engines, 3), gpus == 1 ? between(1, 2) : 1, gpus, fraction,
		limit, pick(pools, 2), between(1, 700), between(2, 256), pick(classes, 3));
}

static char *load(int i)
{
	return mem_printf(
		"{\"service\": \"s%d\", \"kind\": \"stages\", \"isl\": {\"mean\": %lld, \"stddev\": "
		"%lld}, \"osl\": {\"mean\": %lld, \"stddev\": %lld}, \"prefix\": {\"tokens\": %lld, "
		"\"count\": 3}, \"stages\": [{\"rate\": 0.5, \"for\": \"%llds\"}, {\"users\": %lld, "
		"\"for\": \"%llds\"}, {\"rate\": 0.2, \"for\": \"%llds\"}]}",
		i, between(100, 2000), between(0, 400), between(5, 100), between(0, 20),
		between(1, 500), between(1, 30), between(1, 40), between(5, 30), between(1, 60));
}

static char *scenario(uint64_t number)
{
	static const char *const shares[] = {"time_slicing", "sm_sharing"};
	static const char *const policies[] = {"lru", "fifo", "priority", "none"};
	static const char *const methods[] = {"memory", "memory", "sleep_1", "sleep_2"};
	static const char *const hosts[] = {"1GB", "20GB", "45GB", "70GB", "500GB"};
	draw_begin(number, "swapped replicas");
	const bool thin = number % 3 == 0;
	char *services = service(0, thin), *loads = load(0);
	for (int i = 1; i < 3; i++) {
		char *const one = service(i, thin), *const other = load(i);
		char *const both = mem_printf("%s, %s", services, one);
		char *const all = mem_printf("%s, %s", loads, other);
		free(services);
		free(loads);
		free(one);
		free(other);
		services = both;
		loads = all;
	}
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\", "
		"\"gpus\": 2}]}, \"scheduler\": {\"compute_share\": \"%s\", \"swap\": {\"policy\": "
		"\"%s\", \"method\": \"%s\", \"host_memory\": \"%s\", \"min_residency\": "
		"\"%lldms\", \"bidirectional\": %s}}, \"services\": [%s, {\"name\": \"last\", "
		"\"model\": \"phi-4-mini\", \"fraction\": 0.15, \"fraction_limit\": 0.4}], "
		"\"loads\": [%s, {\"service\": \"last\", \"kind\": \"rate\", \"rate\": 0.5, "
		"\"requests\": 20, \"isl\": 200, \"osl\": 20}]}",
		(unsigned long long)number, between(0, 1) != 0 ? "h100-nvl" : "a100-sxm",
		pick(shares, 2), pick(policies, thin ? 3 : 4), pick(methods, 4),
		thin ? "900GB" : pick(hosts, 5), between(0, 4000),
		between(0, 1) != 0 ? "true" : "false", services, loads);
	free(services);
	free(loads);
	draw_end();
	return text;
}

static int64_t total(const struct test_run *r, int64_t *kills)
{
	int64_t swaps = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		swaps += s->swaps;
		*kills += s->oom_kills;
		ck_assert_int_eq(s->submitted, s->finished + s->lost + s->rejected + s->unfinished);
		ck_assert_int_eq(s->unfinished, 0); /* who waits is served in the end */
		ck_assert(s->lost == 0 || s->oom_kills > 0);
	}
	return swaps;
}

START_TEST(who_is_swapped_is_so_exactly)
{
	int64_t swaps = 0, kills = 0, ignored = 0;
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		struct test_run exact, fast;
		char *const text = scenario(i);
		test_run(&exact, text, true);
		test_run(&fast, text, false);
		test_run_check(&fast);
		const int64_t n = total(&fast, &kills);
		swaps += n;
		ck_assert_int_eq(total(&exact, &ignored), n);
		ck_assert_uint_eq(exact.n, fast.n);
		ck_assert_str_eq(exact.summary.binding, fast.summary.binding);
		for (size_t k = 0; k < fast.n; k++) {
			quiet_assert(test_run_same(&exact.records[k], &fast.records[k]),
			             "scenario %llu differs at record %zu\n%s",
			             (unsigned long long)i, k, text);
		}
		test_run_fini(&exact);
		test_run_fini(&fast);
		free(text);
	}
	printf("%lld swaps, %lld kills\n", (long long)swaps, (long long)kills);
	ck_assert_int_gt(swaps, 5 * SCENARIOS); /* else nothing was tried */
	ck_assert_int_gt(kills, 0);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("swap");
	TCase *const c = tcase_create("swap");
	SRunner *const runner = srunner_create(suite);
	tcase_set_timeout(c, 600);
	tcase_add_test(c, who_is_swapped_is_so_exactly);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
