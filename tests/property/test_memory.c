/*
 * Replicas that lend memory to each other and kill for it, on random scenarios of crowded GPUs:
 * exact stepping and fast-forward write the same records, and every request is accounted for.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "draw.h"
#include "test_run.h"

#define SCENARIOS 30

static char *service(int i)
{
	static const char *const engines[] = {"vllm", "trtllm", "sglang"};
	static const char *const pools[] = {"elastic", "elastic", "static"};
	static const char *const reservations[] = {"on_demand", "full"};
	static const char *const classes[] = {"inference", "build", "train"};
	const long long fraction = between(24, 30);
	const int gpus = i == 0 ? (int)between(1, 2) : 1; /* the first may need both GPUs */
	const int replicas = gpus == 1 ? (int)between(1, 2) : 1;
	return mem_printf(
		"{\"name\": \"s%d\", \"model\": \"llama-3.1-8b-instruct\", \"engine\": \"%s\", "
		"\"replicas\": %d, \"gpus_per_replica\": %d, \"fraction\": 0.%02lld, "
		"\"fraction_limit\": 0.%02lld, "
		"\"engine_options\": {\"kv_pool\": \"%s\", \"kv_step\": \"%lldMiB\", "
		"\"max_num_seqs\": %lld, \"kv_reservation\": \"%s\", \"overlap\": %s}, "
		"\"priority\": \"%s\"}",
		i, pick(engines, 3), replicas, gpus, fraction, between(fraction, 99),
		pick(pools, 3), between(1, 700), between(30, 256), pick(reservations, 2),
		between(0, 1) != 0 ? "true" : "false", pick(classes, 3));
}

static char *load(int i)
{
	return mem_printf(
		"{\"service\": \"s%d\", \"kind\": \"stages\", \"isl\": {\"mean\": %lld, \"stddev\": "
		"%lld}, \"osl\": {\"mean\": %lld, \"stddev\": %lld}, \"stages\": [{\"rate\": 0.5, "
		"\"for\": \"%llds\"}, {\"users\": %lld, \"for\": \"%llds\"}, {\"rate\": 0.2, \"for\": "
		"\"%llds\"}, {\"users\": %lld, \"for\": \"20s\"}]}",
		i, between(500, 4000), between(0, 400), between(50, 500), between(0, 50),
		between(1, 30), between(50, 250), between(10, 40), between(1, 30),
		between(10, 200));
}

static char *scenario(uint64_t number)
{
	static const char *const shares[] = {"time_slicing", "fair", "strict", "sm_sharing"};
	static const char *const victims[] = {"largest_overuse", "lowest_priority", "newest"};
	draw_begin(number, "crowded GPUs");
	const char *const share = pick(shares, 4), *const victim = pick(victims, 3);
	char *services = service(0), *loads = load(0);
	for (int i = 1; i < 3; i++) {
		char *const one = service(i), *const other = load(i);
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
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\", "
		"\"gpus\": 2}]}, \"scheduler\": {\"compute_share\": \"%s\", \"oom_victim\": \"%s\"}, "
		"\"services\": [%s], \"loads\": [%s]}",
		(unsigned long long)number, share, victim, services, loads);
	free(services);
	free(loads);
	draw_end();
	return text;
}

static int64_t total(const struct test_run *r, int64_t *lost)
{
	int64_t kills = 0;
	*lost = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		kills += s->oom_kills;
		*lost += s->lost;
		ck_assert_int_eq(s->submitted, s->finished + s->lost + s->rejected + s->unfinished);
		ck_assert_int_ge(s->oom_kills, s->cold_starts);
	}
	return kills;
}

START_TEST(who_lends_kills_and_comes_back_does_so_exactly)
{
	int64_t kills = 0, lost = 0;
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		struct test_run exact, fast;
		char *const text = scenario(i);
		int64_t lost_exactly, lost_fast;
		test_run(&exact, text, true);
		test_run(&fast, text, false);
		test_run_check(&fast);
		kills += total(&fast, &lost_fast);
		total(&exact, &lost_exactly);
		lost += lost_fast;
		ck_assert_int_eq(lost_exactly, lost_fast);
		ck_assert_uint_eq(exact.n, fast.n);
		for (size_t k = 0; k < fast.n; k++) {
			quiet_assert(test_run_same(&exact.records[k], &fast.records[k]),
			             "scenario %llu differs at record %zu\n%s",
			             (unsigned long long)i, k, text);
		}
		test_run_fini(&exact);
		test_run_fini(&fast);
		free(text);
	}
	printf("%lld kills, %lld requests lost\n", (long long)kills, (long long)lost);
	ck_assert_int_gt(kills, SCENARIOS / 3); /* else nothing was tried */
	ck_assert_int_gt(lost, kills);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("memory on loan");
	TCase *const t = tcase_create("random scenarios");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, who_lends_kills_and_comes_back_does_so_exactly);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
