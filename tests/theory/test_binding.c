/* What binds on a shared GPU, and what its GPUs say of themselves. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "test_run.h"

#define ELASTIC ", \"engine_options\": {\"kv_pool\": \"elastic\", \"kv_step\": \"64MiB\"}"

struct tenant {
	const char *part;
	int users;
	int after_s; /* one request until then */
};

/* Services a, b, ... of the 8B model on H100 NVLs, each with its users for 60 s. */
static void run_tenants(struct test_run *r, const char *scheduler, const struct tenant *tenants,
                        size_t n, bool exact)
{
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		const char *const comma = i > 0 ? ", " : "";
		char *const s = mem_printf("%s%s{\"name\": \"%c\", \"model\": "
		                           "\"llama-3.1-8b-instruct\", \"fraction\": %s}",
		                           services, comma, (char)('a' + i), tenants[i].part);
		char *const l = mem_printf(
			"%s%s{\"service\": \"%c\", \"kind\": \"stages\", \"isl\": 1000, \"osl\": 1000, "
			"\"stages\": [{\"rate\": 0.001, \"for\": \"%dms\"}, {\"users\": %d, \"for\": "
			"\"60s\"}]}",
			loads, comma, (char)('a' + i), 1000 * tenants[i].after_s + 1,
			tenants[i].users);
		free(services);
		free(loads);
		services = s;
		loads = l;
	}
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"name\": \"nvl\", \"gpu\": \"h100-nvl\", "
		"\"count\": 2, \"gpus\": 1}]}, \"scheduler\": {%s}, \"services\": [%s], \"loads\": "
		"[%s]}",
		scheduler, services, loads);
	test_run(r, text, exact);
	free(text);
	free(services);
	free(loads);
}

START_TEST(the_cause_is_named)
{
	static const struct {
		const char *scheduler;
		struct tenant tenants[2];
		size_t n;
		const char *begin, *more; /* of the line, and what comes later in it */
	} cases[] = {
		{"", {{"0.5", 8, 0}}, 1, "GPU speed: hardly a queue at a;", "prompts"},
		{"", {{"0.5", 8, 0}, {"0.5", 16, 0}}, 2, "neighbours: steps of ", "of the time"},
		{"",
	         {{"0.5, \"compute_limit\": 0.5", 8, 0}},
	         1,
	         "compute limit: steps of a",
	         "time"},
		{"\"compute_share\": \"strict\"",
	         {{"0.4", 8, 0}},
	         1,
	         "compute limit: steps of a",
	         "time"},
		{"", {{"0.35", 150, 0}}, 1, "memory limit: a waits for blocks", "of the time"},
		{"",
	         {{"0.35", 150, 0}, {"0.35", 8, 0}},
	         2,
	         "memory limit: a waits for blocks",
	         "; its steps wait for others on the GPU"},
		{"",
	         {{"1, \"engine_options\": {\"gpu_memory_utilization\": 0.36}", 150, 0}},
	         1,
	         "KV cache: a waits for blocks",
	         "of the time"},
		/* b borrowed when it began, and keeps it: a could have 0.8 */
		{"",
	         {{"0.3, \"fraction_limit\": 0.8" ELASTIC, 150, 0},
	          {"0.3, \"fraction_limit\": 0.7", 1, 0}},
	         2,
	         "memory of neighbours: a waits for blocks",
	         "%"},
		{"",
	         {{"0.35, \"fraction_limit\": 0.9" ELASTIC, 200, 0}, {"0.5" ELASTIC, 100, 10}},
	         2,
	         "memory asked back: a was killed once for it, and down",
	         "of the time"},
	};
	struct test_run r[2];
	for (int exact = 0; exact < 2; exact++) {
		run_tenants(&r[exact], cases[_i].scheduler, cases[_i].tenants, cases[_i].n,
		            exact == 1);
	}
	const char *const line = r[0].summary.binding, *const begin = cases[_i].begin;
	ck_assert_msg(strncmp(line, begin, strlen(begin)) == 0, "%s", line);
	ck_assert_msg(strstr(line, cases[_i].more) != NULL, "%s", line);
	ck_assert_str_eq(line, r[1].summary.binding);
	test_run_fini(&r[0]);
	test_run_fini(&r[1]);
}
END_TEST

/* Two alike that always have work lose half of their time to each other, less what their hosts do;
 * what both do is the work of the GPU. */
START_TEST(what_two_lose_the_gpu_does)
{
	struct test_run r;
	const struct tenant two[] = {{"0.5", 32, 0}, {"0.5", 32, 0}};
	run_tenants(&r, "", two, 2, false);
	const struct service_summary *const a = &r.summary.services[0], *const b = a + 1;
	ck_assert_double_eq_tol(a->slowed, b->slowed, 0.01);
	ck_assert(a->slowed > 0.3 && a->slowed < 0.5);
	ck_assert_double_le(a->slowed + a->gpu_busy, 1.0);
	ck_assert_uint_eq(r.summary.n_shared, 1);
	const struct gpu_summary *const g = &r.summary.shared[0];
	ck_assert_double_eq_tol(g->busy, a->gpu_busy + b->gpu_busy, 1e-12);
	ck_assert(g->busy > 0.9 && g->busy <= 1.0);
	ck_assert_double_eq_tol(r.summary.gpu_busy, g->busy / 2.0, 1e-12); /* of two */
	ck_assert_double_eq_tol(g->requested, 1.0, 1e-12);
	test_run_fini(&r);
}
END_TEST

/* Which GPUs are shared, where they are, and what they held at most. */
START_TEST(shared_gpus_say_what_they_hold)
{
	struct test_run r;
	const struct tenant three[] = {
		{"1", 8, 0}, {"0.25" ELASTIC, 8, 0}, {"0.5, \"fraction_limit\": 0.75", 8, 0}};
	run_tenants(&r, "", three, 3, false);
	ck_assert_uint_eq(r.summary.n_shared, 1); /* the other one is whole */
	const struct gpu_summary *const g = &r.summary.shared[0];
	ck_assert_str_eq(g->nodes, "nvl");
	ck_assert_uint_eq(g->node, 1);
	ck_assert_uint_eq(g->index, 0);
	ck_assert(g->residents[0] == 0 && g->residents[1] == 1 && g->residents[2] == 1);
	ck_assert_double_eq_tol(g->requested, 0.75, 1e-4);
	/* the static pool has 0.9 of its limit, the elastic one weights, reserve and a little */
	ck_assert(g->peak > 0.9 * 0.75 + 0.18 && g->peak < 0.95);
	ck_assert(!r.summary.services[0].shares && r.summary.services[1].shares);
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("binding");
	TCase *const t = tcase_create("shared GPUs");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, the_cause_is_named, 0, 9);
	tcase_add_test(t, what_two_lose_the_gpu_does);
	tcase_add_test(t, shared_gpus_say_what_they_hold);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
