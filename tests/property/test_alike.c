/*
 * Scenarios that must say the same although they are written otherwise, drawn at random: what
 * nobody asks for, what comes too late and what is only called otherwise changes nothing; what is
 * there from the start is there from the start, whoever says so; twice as much of everything is
 * twice as much.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "draw.h"
#include "test_run.h"

#define SCENARIOS 25

struct words {                /* of a scenario, what may be written in several ways */
	const char *names[2]; /* of the services */
	const char *replicas; /* of the first: "replicas" and whatever says the same */
	const char *more;     /* another service, after the others */
	const char *swap, *faults;
	int gpus; /* of the first node */
};

static const struct words plain = {
	{"first", "second"}, "\"replicas\": 2", "", "", "", 2,
};

/* Two services on halves of GPUs, or on 0.4 with a limit, whatever the words. */
static char *scenario(uint64_t number, const struct words *w)
{
	static const char *const shares[] = {"time_slicing", "sm_sharing"};
	static const char *const engines[] = {"vllm", "trtllm", "sglang"};
	static const char *const routings[] = {"round_robin", "least_outstanding", "least_tokens"};
	char *services = mem_strdup(""), *loads = mem_strdup("");
	draw_begin(number, "alike");
	const char *const share = PICK(shares);
	for (int i = 0; i < 2; i++) {
		services = join(
			services,
			mem_printf("{\"name\": \"%s\", \"model\": \"phi-4-mini\", \"engine\": "
		                   "\"%s\", %s, \"fraction\": 0.25, \"fraction_limit\": 0.%lld, "
		                   "\"routing\": \"%s\", \"engine_options\": {\"kv_pool\": "
		                   "\"elastic\", \"max_num_seqs\": %lld}}",
		                   w->names[i], PICK(engines),
		                   i == 0 ? w->replicas : "\"replicas\": 1", between(30, 45),
		                   PICK(routings), between(4, 64)));
		loads = join(
			loads,
			mem_printf(
				"{\"service\": \"%s\", \"kind\": \"stages\", \"isl\": {\"mean\": "
				"%lld, \"stddev\": 90}, \"osl\": {\"mean\": %lld, \"stddev\": 9}, "
				"\"stages\": [{\"rate\": %lld, \"for\": \"%llds\"}, {\"users\": "
				"%lld, \"for\": \"5s\"}]}",
				w->names[i], between(50, 1500), between(5, 80), between(1, 6),
				between(2, 9), between(1, 40)));
	}
	draw_end();
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": "
		"\"h100-nvl\", \"gpus\": %d}]}, \"scheduler\": {\"compute_share\": \"%s\"%s}, "
		"\"services\": [%s%s], \"loads\": [%s]%s}",
		(unsigned long long)number, w->gpus, share, w->swap, services, w->more, loads,
		w->faults);
	free(services);
	free(loads);
	return text;
}

/* Both say the same of every request. */
static void compare(uint64_t number, const struct words *other, const char *what)
{
	struct test_run one, two;
	char *const a = scenario(number, &plain), *const b = scenario(number, other);
	test_run(&one, a, false);
	test_run(&two, b, false);
	test_run_check(&two);
	quiet_assert(one.n == two.n, "%s: %zu records, not %zu\n%s\n%s", what, two.n, one.n, a, b);
	ck_assert_uint_gt(one.n, 0);
	for (size_t i = 0; i < one.n; i++) {
		quiet_assert(test_run_same(&one.records[i], &two.records[i]),
		             "%s: record %zu of scenario %llu\n%s\n%s", what, i,
		             (unsigned long long)number, a, b);
	}
	ck_assert_int_eq(one.summary.simulated, two.summary.simulated);
	test_run_fini(&one);
	test_run_fini(&two);
	free(a);
	free(b);
}

static void compare_all(const struct words *other, const char *what)
{
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		compare(i, other, what);
	}
}

START_TEST(names_say_nothing)
{
	struct words w = plain;
	w.names[0] = "zebra";
	w.names[1] = "ant";
	compare_all(&w, "other names");
}
END_TEST

START_TEST(who_has_nothing_to_do_is_not_felt)
{
	struct words w = plain;
	w.more = ", {\"name\": \"idle\", \"model\": \"phi-4-mini\", \"fraction\": 0.2}";
	compare_all(&w, "an idle neighbour");
}
END_TEST

START_TEST(what_fails_too_late_changes_nothing)
{
	struct words w = plain;
	w.faults = ", \"faults\": [{\"kind\": \"gpu\", \"at\": \"1h\"}, {\"kind\": \"node\", "
		   "\"at\": \"2h\", \"for\": \"1m\"}, {\"kind\": \"link\", \"at\": 0, \"factor\": "
		   "0.5}]";
	compare_all(&w, "faults after the end");
}
END_TEST

START_TEST(as_many_as_before_is_no_change)
{
	struct words w = plain;
	w.replicas = "\"replicas\": 2, \"replicas_at\": [{\"at\": 2, \"replicas\": 2}, "
		     "{\"at\": 5, \"replicas\": 2}]";
	compare_all(&w, "the same number of replicas");
	w.replicas = "\"replicas\": 2, \"autoscaler\": {\"policy\": \"fixed\"}";
	compare_all(&w, "a fixed number of replicas");
	w.replicas =
		"\"autoscaler\": {\"policy\": \"hpa\", \"initial\": 2, \"min\": 2, \"max\": 2, "
		"\"metric\": \"concurrency\", \"target\": 1, \"tick\": \"1s\"}";
	compare_all(&w, "an autoscaler without a choice");
}
END_TEST

/* Each has a GPU of its own. */
START_TEST(where_all_have_room_nobody_is_swapped)
{
	struct words w = plain;
	struct test_run r;
	w.gpus = 4;
	w.swap = ", \"placement\": \"spread\", \"swap\": {\"policy\": \"lru\", "
		 "\"reserved_gpu_memory\": 0}";
	for (uint64_t i = 0; i < SCENARIOS; i++) {
		char *const text = scenario(i, &w);
		struct words without = w;
		struct test_run other;
		without.swap = ", \"placement\": \"spread\"";
		char *const same = scenario(i, &without);
		test_run(&r, text, false);
		test_run(&other, same, false);
		ck_assert_uint_eq(r.n, other.n);
		for (size_t k = 0; k < r.n; k++) {
			quiet_assert(test_run_same(&r.records[k], &other.records[k]),
			             "swap: record %zu\n%s", k, text);
		}
		for (size_t k = 0; k < 2; k++) {
			ck_assert_int_eq(r.summary.services[k].swaps, 0);
		}
		test_run_fini(&r);
		test_run_fini(&other);
		free(text);
		free(same);
	}
}
END_TEST

/* Each of twice the GPUs has its own half of the users: nobody can tell. */
START_TEST(twice_as_much_of_all_is_the_same_twice)
{
	static const char *const form =
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"l40s\", "
		"\"gpus\": %d}]}, \"services\": [{\"name\": \"s\", \"model\": \"phi-4-mini\", "
		"\"replicas\": %d, \"routing\": \"round_robin\"}], \"loads\": [{\"service\": \"s\", "
		"\"kind\": \"concurrency\", \"users\": %d, \"requests\": %d, \"isl\": %d, \"osl\": %d}]}";
	for (int i = 0; i < SCENARIOS; i++) {
		const int gpus = 1 + i % 3, users = gpus * (1 + i), n = 5 * users;
		struct test_run once, twice;
		char *const a = mem_printf(form, 7ULL, gpus, gpus, users, n, 50 + 40 * i, 3 + i);
		char *const b = mem_printf(form, 7ULL, 2 * gpus, 2 * gpus, 2 * users, 2 * n,
		                           50 + 40 * i, 3 + i);
		test_run(&once, a, false);
		test_run(&twice, b, false);
		ck_assert_int_eq(2 * once.summary.services[0].finished,
		                 twice.summary.services[0].finished);
		ck_assert_int_eq(once.summary.simulated, twice.summary.simulated);
		ck_assert_double_eq(once.summary.services[0].ttft_ms.max,
		                    twice.summary.services[0].ttft_ms.max);
		test_run_fini(&once);
		test_run_fini(&twice);
		free(a);
		free(b);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("alike");
	TCase *const t = tcase_create("alike");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, names_say_nothing);
	tcase_add_test(t, who_has_nothing_to_do_is_not_felt);
	tcase_add_test(t, what_fails_too_late_changes_nothing);
	tcase_add_test(t, as_many_as_before_is_no_change);
	tcase_add_test(t, where_all_have_room_nobody_is_swapped);
	tcase_add_test(t, twice_as_much_of_all_is_the_same_twice);
	suite_add_tcase(suite, t);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
