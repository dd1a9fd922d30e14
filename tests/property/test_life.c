/*
 * Replicas that come and go, GPUs that fail and neighbours that lend memory, on random scenarios:
 * exact stepping and fast-forward write the same records, every request is accounted for, and, in
 * builds with slow assertions, no memory, slice or GPU is given twice at any event.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "draw.h"
#include "test_run.h"

#define SCENARIOS 30

/* A list of JSON values; takes over both. */
static char *join(char *list, char *more)
{
	char *const both = list[0] == '\0' ? mem_strdup(more) : mem_printf("%s, %s", list, more);
	free(list);
	free(more);
	return both;
}

/* An autoscaler decides, quick ones so that much happens. */
static char *scaler(void)
{
	static const char *const policies[] = {
		"\"policy\": \"kpa\", \"min\": 0, \"scale_to_zero_grace\": \"4s\", \"stable_window\": \"12s\", \"target_burst_capacity\": 20",
		"\"policy\": \"hpa\", \"min\": 1, \"scale_down_delay\": \"10s\", \"tick\": \"5s\"",
	};
	const long long limit = between(0, 2) * between(1, 40);
	return mem_printf("\"autoscaler\": {%s, \"metric\": \"concurrency\", \"target\": %lld, "
	                  "\"max\": %lld, \"concurrency_hard_limit\": %lld, "
	                  "\"initialization_timeout\": \"%llds\"}",
	                  pick(policies, 2), between(1, 40), between(2, 4), limit, between(10, 90));
}

/* When there are how many replicas; some services are not there at first, some never change. */
static char *changes(void)
{
	if (between(0, 2) == 0) {
		return scaler();
	}
	char *list = mem_strdup("");
	long long at = between(0, 1) * between(1, 40);
	char *const start = mem_printf("\"start\": %lld", at);
	for (long long n = between(0, 5); n > 0; n--) {
		at += between(1, 60);
		list = join(list,
		            mem_printf("{\"at\": %lld, \"replicas\": %lld}", at, between(0, 4)));
	}
	char *const all = mem_printf("%s, \"replicas_at\": [%s]", start, list);
	free(start);
	free(list);
	return all;
}

/* Starts of a few seconds: process, weights over a storage that others read too, engine. */
static char *startup(void)
{
	return mem_printf("\"startup\": {\"schedule\": %lld, \"image\": %lld, \"process\": %lld, "
	                  "\"build\": %lld, \"warmup\": %lld, \"warmup_per_token\": 0.000%lld, "
	                  "\"loader\": \"streamer\", \"streamer_share\": 0.%lld}",
	                  between(0, 1), between(0, 3), between(0, 5), between(0, 6), between(0, 2),
	                  between(0, 9), between(1, 9));
}

/* What it asks of its GPUs. */
static char *part(bool cut)
{
	static const char *const slices[] = {"3g.47gb", "4g.47gb", "7g.94gb"};
	const long long fraction = between(24, 60);
	const long long gpus = between(0, 3) == 0 ? 2 : 1;
	if (between(0, 3) == 0) {
		return mem_printf("\"gpus_per_replica\": %lld", gpus);
	}
	if (cut) {
		return mem_printf("\"mig_profile\": \"%s\"", pick(slices, 3));
	}
	return mem_printf("\"gpus_per_replica\": %lld, \"fraction\": 0.%lld, "
	                  "\"fraction_limit\": 0.%lld",
	                  gpus, fraction, between(fraction, 99));
}

static char *service(int i, bool cut)
{
	static const char *const engines[] = {"vllm", "trtllm", "sglang"};
	static const char *const pools[] = {"elastic", "elastic", "static"};
	static const char *const reservations[] = {"on_demand", "full"};
	static const char *const classes[] = {"inference", "build", "train"};
	static const char *const routings[] = {"round_robin", "random", "least_outstanding",
	                                       "least_tokens"};
	char *const ask = part(cut), *const when = changes(), *const start = startup();
	char *const text = mem_printf(
		"{\"name\": \"s%d\", \"model\": \"llama-3.1-8b-instruct\", \"engine\": \"%s\", "
		"\"replicas\": %lld, %s, %s, %s, \"routing\": \"%s\", \"engine_options\": "
		"{\"kv_pool\": \"%s\", \"kv_step\": \"%lldMiB\", \"max_num_seqs\": %lld, "
		"\"kv_reservation\": \"%s\", \"overlap\": %s, \"queue_limit\": %lld}, "
		"\"costs\": {\"t_stream\": %s}, \"priority\": \"%s\"}",
		i, pick(engines, 3), between(1, 2), ask, when, start, pick(routings, 4),
		pick(pools, 3), between(1, 700), between(4, 256), pick(reservations, 2),
		between(0, 1) != 0 ? "true" : "false", between(0, 2) * between(0, 100),
		between(0, 1) != 0 ? "0" : "0.0005", pick(classes, 3));
	free(ask);
	free(when);
	free(start);
	return text;
}

static char *load(int i)
{
	static const char *const texts[] = {"", "\"prefix\": {\"tokens\": 300, \"count\": 4}, ",
	                                    "\"turns\": {\"mean\": 4, \"stddev\": 1}, "};
	return mem_printf(
		"{\"service\": \"s%d\", \"kind\": \"stages\", %s\"isl\": {\"mean\": %lld, \"stddev\": "
		"%lld}, \"osl\": {\"mean\": %lld, \"stddev\": %lld}, \"stages\": [{\"rate\": 0.5, "
		"\"for\": \"%llds\"}, {\"users\": %lld, \"for\": \"%llds\"}, {\"rate\": %lld, \"for\": "
		"\"%llds\"}, {\"users\": %lld, \"for\": \"20s\"}]}",
		i, pick(texts, 3), between(100, 4000), between(0, 400), between(20, 500),
		between(0, 50), between(1, 30), between(5, 120), between(10, 60), between(1, 20),
		between(1, 30), between(10, 100));
}

static char *faults(void)
{
	char *list = mem_strdup("");
	for (long long n = between(0, 3); n > 0; n--) {
		static const char *const kinds[] = {"gpu", "gpu", "node"};
		list = join(list, mem_printf("{\"kind\": \"%s\", \"%s\": %lld, \"for\": %lld}",
		                             pick(kinds, 3), between(0, 1) != 0 ? "at" : "every",
		                             between(1, 120), between(1, 60)));
	}
	if (between(0, 2) == 0) {
		static const char *const kinds[] = {"link", "slow_start"};
		list = join(list, mem_printf("{\"kind\": \"%s\", \"every\": %lld, \"for\": %lld, "
		                             "\"factor\": 0.%lld}",
		                             pick(kinds, 2), between(5, 60), between(1, 60),
		                             between(1, 9)));
	}
	return list;
}

/* Training of two teams beside the services, which takes the GPUs that they leave. */
static char *jobs(void)
{
	char *list = mem_strdup("");
	for (long long n = between(1, 5); n > 0; n--) {
		list = join(
			list,
			mem_printf("{\"name\": \"j%lld\", \"workers\": %lld, \"min_workers\": 1, "
		                   "\"work\": \"%llds\", \"submit\": \"%llds\", "
		                   "\"checkpoint_every\": \"20s\"}",
		                   n, between(1, 6), between(10, 400), between(0, 200)));
	}
	return list;
}

static char *scenario(uint64_t number)
{
	static const char *const shares[] = {
		"\"time_slicing\"",
		"\"fair\"",
		"\"strict\"",
		"\"sm_sharing\"",
		"\"mig\"",
		"{\"policy\": \"fair\", \"lease\": \"70ms\", \"granularity\": 0.1}"};
	static const char *const placements[] = {"binpack", "spread", "first_fit", "random"};
	draw_begin(number, "lives");
	const uint64_t share = (uint64_t)between(0, sizeof(shares) / sizeof(*shares) - 1);
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (int i = 0; i < 3; i++) {
		services = join(services, service(i, share == 4));
		loads = join(loads, load(i));
	}
	const bool trains = share != 4 && between(0, 2) == 0;
	char *const more = trains ? jobs() : faults();
	/* 2 nodes of 4 GPUs: they may be too few for all who are wanted */
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\", "
		"\"count\": 2, \"gpus\": 6}]}, \"scheduler\": {\"compute_share\": %s, \"placement\": "
		"\"%s\"}, \"services\": [%s], \"loads\": [%s], \"%s\": [%s], \"stop\": "
		"{\"after\": \"%llds\"}}",
		(unsigned long long)number, shares[share], pick(placements, 4), services, loads,
		trains ? "jobs" : "faults", more, between(100, 600));
	free(services);
	free(loads);
	free(more);
	draw_end();
	return text;
}

struct seen { /* so that the corners are known to be reached */
	int64_t starts, lost, at_door, faults, kills;
};

static void look(const struct test_run *r, struct seen *seen)
{
	seen->faults += (int64_t)r->summary.n_faults;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		seen->starts += s->cold_starts;
		seen->lost += s->lost;
		seen->at_door += s->at_door;
		seen->kills += s->oom_kills;
	}
}

static void try_one(uint64_t number, struct seen *seen)
{
	struct test_run exact, fast;
	char *const text = scenario(number);
	test_run(&exact, text, true);
	test_run(&fast, text, false);
	test_run_check(&fast);
	look(&fast, seen);
	quiet_assert(exact.n == fast.n, "scenario %llu: %zu and %zu records\n%s",
	             (unsigned long long)number, exact.n, fast.n, text);
	for (size_t k = 0; k < fast.n; k++) {
		quiet_assert(test_run_same(&exact.records[k], &fast.records[k]),
		             "scenario %llu differs at record %zu\n%s", (unsigned long long)number,
		             k, text);
	}
	for (size_t i = 0; i < fast.summary.n_services; i++) {
		ck_assert_double_eq(exact.summary.services[i].replicas_avg,
		                    fast.summary.services[i].replicas_avg);
		ck_assert_double_eq(exact.summary.services[i].door_s,
		                    fast.summary.services[i].door_s);
	}
	test_run_fini(&exact);
	test_run_fini(&fast);
	free(text);
}

/* ALIQUOT_LIFE_SCENARIOS: so many instead (make lives). */
START_TEST(who_comes_goes_and_fails_does_so_exactly)
{
	const char *const wanted = getenv("ALIQUOT_LIFE_SCENARIOS");
	const uint64_t n = wanted != NULL ? strtoull(wanted, NULL, 10) : SCENARIOS;
	struct seen seen = {0};
	for (uint64_t i = 0; i < n; i++) {
		try_one(i, &seen);
	}
	printf("%llu scenarios: %lld starts, %lld faults, %lld kills, %lld requests lost, %lld at doors\n",
	       (unsigned long long)n, (long long)seen.starts, (long long)seen.faults,
	       (long long)seen.kills, (long long)seen.lost, (long long)seen.at_door);
	ck_assert_int_gt(seen.starts, (int64_t)n);
	ck_assert_int_gt(seen.faults, (int64_t)n);
	ck_assert_int_gt(seen.lost, (int64_t)n);
	ck_assert_int_gt(seen.at_door, 10 * (int64_t)n);
	ck_assert_int_gt(seen.kills, 0);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("lives");
	TCase *const t = tcase_create("random scenarios");
	tcase_set_timeout(t, getenv("ALIQUOT_LIFE_SCENARIOS") != NULL ? 0 : 300);
	tcase_add_test(t, who_comes_goes_and_fails_does_so_exactly);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
