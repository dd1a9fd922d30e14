/*
 * Replicas that are swapped, on random scenarios: exact stepping and fast-forward write the same
 * records, every request is accounted for, and no GPU and no host ever holds more than it has
 * (asserted at every change of theirs).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "draw.h"
#include "test_run.h"

#define SCENARIOS INT64_C(60)

/* There from start to end, or quick to come and go. */
static char *when(bool lives, long long replicas)
{
	static const char *const scalers[] = {
		"\"policy\": \"kpa\", \"min\": 0, \"scale_to_zero_grace\": \"4s\", "
		"\"stable_window\": \"12s\"",
		"\"policy\": \"hpa\", \"min\": 1, \"scale_down_delay\": \"10s\", \"tick\": \"5s\"",
	};
	const long long kind = lives ? between(0, 3) : 0;
	if (kind == 0) {
		return mem_printf("\"replicas\": %lld", replicas);
	}
	if (kind == 1) {
		return mem_printf("\"autoscaler\": {%s, \"metric\": \"concurrency\", \"target\": "
		                  "5, \"max\": %lld, \"initialization_timeout\": \"%llds\"}",
		                  pick(scalers, 2), replicas + 1, between(5, 60));
	}
	return mem_printf("\"replicas\": %lld, \"start\": %lld, \"replicas_at\": [{\"at\": %lld, "
	                  "\"replicas\": %lld}, {\"at\": %lld, \"replicas\": 1}]",
	                  replicas, between(0, 1) * between(1, 20), between(21, 40), between(0, 2),
	                  between(41, 70));
}

/* Starts of a few seconds. */
static char *startup(void)
{
	return mem_printf("\"startup\": {\"schedule\": 0, \"image\": 0, \"process\": %lld, "
	                  "\"trace\": 0, \"compile\": %lld, \"capture\": 0, \"build\": 0, "
	                  "\"warmup\": %lld, \"warmup_per_token\": 0, \"loader\": \"streamer\", "
	                  "\"streamer_share\": 0.%lld}",
	                  between(0, 5), between(0, 6), between(0, 4), between(1, 9));
}

/* `thin`: some request less than their engine needs, which swap must always find room for. */
static char *service(int i, bool lives, bool thin)
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
	char *const there = when(lives, gpus == 1 ? between(1, 2) : 1), *const start = startup();
	char *const text = mem_printf(
		"{\"name\": \"s%d\", \"model\": \"%s\", \"engine\": \"%s\", %s, %s, "
		"\"gpus_per_replica\": %d, \"fraction\": 0.%02lld, \"fraction_limit\": 0.%02lld, "
		"\"engine_options\": {\"kv_pool\": \"%s\", \"kv_step\": \"%lldMiB\", "
		"\"max_num_seqs\": %lld}, \"priority\": \"%s\"}",
		i, pick(models, 2), pick(engines, 3), there, start, gpus, fraction, limit,
		pick(pools, 2), between(1, 700), between(2, 256), pick(classes, 3));
	free(there);
	free(start);
	return text;
}

/* What fails, of one node or of two. */
static char *faults(void)
{
	static const char *const kinds[] = {"gpu", "gpu", "node"};
	static const char *const slow[] = {"link", "slow_start"};
	if (between(0, 2) == 0) {
		return mem_strdup("");
	}
	return mem_printf("{\"kind\": \"%s\", \"every\": %lld, \"for\": %lld}, {\"kind\": \"%s\", "
	                  "\"every\": %lld, \"for\": %lld, \"factor\": 0.%lld}",
	                  pick(kinds, 3), between(5, 60), between(1, 30), pick(slow, 2),
	                  between(5, 60), between(1, 20), between(1, 9));
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

static char *scenario(uint64_t number, bool lives)
{
	static const char *const shares[] = {"time_slicing", "sm_sharing"};
	static const char *const policies[] = {"lru", "fifo", "priority", "none"};
	static const char *const methods[] = {"memory", "memory", "sleep_1", "sleep_2"};
	static const char *const hosts[] = {"1GB", "20GB", "45GB", "70GB", "500GB"};
	draw_begin(number, lives ? "swapped lives" : "swapped replicas");
	const bool thin = !lives && number % 3 == 0;
	char *services = service(0, lives, thin), *loads = load(0);
	for (int i = 1; i < 3; i++) {
		char *const one = service(i, lives, thin), *const other = load(i);
		char *const both = mem_printf("%s, %s", services, one);
		char *const all = mem_printf("%s, %s", loads, other);
		free(services);
		free(loads);
		free(one);
		free(other);
		services = both;
		loads = all;
	}
	char *const fails = lives ? faults() : mem_strdup("");
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\", "
		"\"count\": %lld, \"gpus\": 2}]}, \"scheduler\": {\"compute_share\": \"%s\", \"swap\": {\"policy\": "
		"\"%s\", \"method\": \"%s\", \"host_memory\": \"%s\", \"min_residency\": "
		"\"%lldms\", \"bidirectional\": %s}}, \"services\": [%s, {\"name\": \"last\", "
		"\"model\": \"phi-4-mini\", \"fraction\": 0.15, \"fraction_limit\": 0.4}], "
		"\"loads\": [%s, {\"service\": \"last\", \"kind\": \"rate\", \"rate\": 0.5, "
		"\"requests\": 20, \"isl\": 200, \"osl\": 20}], \"faults\": [%s]%s}",
		(unsigned long long)number, between(0, 1) != 0 ? "h100-nvl" : "a100-sxm",
		lives ? between(1, 2) : 1, pick(shares, 2), pick(policies, thin ? 3 : 4),
		pick(methods, 4), thin ? "900GB" : pick(hosts, 5), between(0, 1) * between(0, 4000),
		between(0, 1) != 0 ? "true" : "false", services, loads, fails,
		lives ? ", \"stop\": {\"after\": \"400s\"}" : "");
	free(services);
	free(loads);
	free(fails);
	draw_end();
	return text;
}

struct seen { /* so that the corners are known to be reached */
	int64_t swaps, kills, starts, lost, faults;
};

static int64_t look(const struct test_run *r, bool lives, struct seen *seen)
{
	int64_t swaps = 0;
	seen->faults += (int64_t)r->summary.n_faults;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		swaps += s->swaps;
		seen->kills += s->oom_kills;
		seen->starts += s->cold_starts;
		seen->lost += s->lost;
		ck_assert_int_eq(s->submitted, s->finished + s->lost + s->rejected + s->unfinished);
		ck_assert(lives || s->unfinished == 0); /* who waits is served in the end */
		ck_assert(s->lost == 0 || s->oom_kills > 0 || r->summary.n_faults > 0);
	}
	seen->swaps += swaps;
	return swaps;
}

static void compare(const struct test_run *exact, const struct test_run *fast, const char *text)
{
	quiet_assert(strcmp(exact->summary.binding, fast->summary.binding) == 0, "%s, %s\n%s",
	             exact->summary.binding, fast->summary.binding, text);
	quiet_assert(exact->n == fast->n, "%zu and %zu records\n%s", exact->n, fast->n, text);
	for (size_t k = 0; k < fast->n; k++) {
		quiet_assert(test_run_same(&exact->records[k], &fast->records[k]),
		             "record %zu differs\n%s", k, text);
	}
}

static void try_one(uint64_t number, bool lives, struct seen *seen)
{
	struct test_run exact, fast;
	struct seen ignored = {0};
	char *const text = scenario(number, lives);
	test_run(&exact, text, true);
	test_run(&fast, text, false);
	test_run_check(&fast);
	compare(&exact, &fast, text);
	ck_assert_int_eq(look(&exact, lives, &ignored), look(&fast, lives, seen));
	test_run_fini(&exact);
	test_run_fini(&fast);
	free(text);
}

static void try_all(bool lives, struct seen *seen)
{
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		try_one(i, lives, seen);
	}
}

START_TEST(who_is_swapped_is_so_exactly)
{
	struct seen seen = {0};
	try_all(false, &seen);
	printf("%lld swaps, %lld kills\n", (long long)seen.swaps, (long long)seen.kills);
	ck_assert_int_gt(seen.swaps, 5 * SCENARIOS); /* else nothing was tried */
	ck_assert_int_gt(seen.kills, 0);
}
END_TEST

START_TEST(who_is_swapped_comes_goes_and_fails_exactly)
{
	struct seen seen = {0};
	try_all(true, &seen);
	printf("with lives: %lld swaps, %lld kills, %lld starts, %lld faults, %lld lost\n",
	       (long long)seen.swaps, (long long)seen.kills, (long long)seen.starts,
	       (long long)seen.faults, (long long)seen.lost);
	ck_assert_int_gt(seen.swaps, 3 * SCENARIOS);
	ck_assert_int_gt(seen.starts, SCENARIOS);
	ck_assert_int_gt(seen.faults, SCENARIOS);
	ck_assert(seen.kills > 0 && seen.lost > 0);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("swap");
	TCase *const c = tcase_create("swap");
	SRunner *const runner = srunner_create(suite);
	tcase_set_timeout(c, 600);
	tcase_add_test(c, who_is_swapped_is_so_exactly);
	tcase_add_test(c, who_is_swapped_comes_goes_and_fails_exactly);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
