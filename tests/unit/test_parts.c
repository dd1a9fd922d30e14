/* Parts of GPUs as scenarios ask for them: roundings, and what placement sees of them. */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "flow/flow.h"
#include "scenario.h"

#define MIB (INT64_C(1) << 20)

/* A scenario of one service per item of `parts`, on `gpus` GPUs of one node. */
static void read_parts(struct test_scenario *t, const char *gpu, int gpus, const char *const *parts,
                       size_t n)
{
	char *services = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		char *const more = mem_printf(
			"%s%s{\"name\": \"s%zu\", \"model\": \"qwen3-embedding-0.6b\", %s}",
			services, i > 0 ? ", " : "", i, parts[i]);
		free(services);
		services = more;
	}
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\", \"gpus\": %d}]}, "
		"\"services\": [%s], \"loads\": [{\"service\": \"s0\", \"kind\": \"rate\", \"rate\": 1, "
		"\"requests\": 1, \"isl\": 10}]}",
		gpu, gpus, services);
	test_scenario_read(t, text);
	free(text);
	free(services);
}

/*
 * A GPU's memory is rounded down to 100 MiB, a fraction of that down to MiB (semantics.md section
 * 1); a whole GPU has all that its data sheet says.
 */
START_TEST(requests_are_rounded_down)
{
	static const struct {
		const char *gpu, *part;
		int64_t request_mib, limit_mib;
	} cases[] = {
		{"h100-nvl", "\"fraction\": 0.5", 47900, 47900},
		{"h100-nvl", "\"fraction\": 0.333333", 31933, 31933},
		{"h100-nvl", "\"fraction\": 0.125, \"fraction_limit\": 0.333333", 11975, 31933},
		{"h100-nvl", "\"fraction\": 0.5, \"fraction_limit\": 1", 47900, 95800},
		{"h100-nvl", "\"gpu_memory\": \"10240.9MiB\"", 10240, 10240},
		{"h100-nvl", "\"gpu_memory\": \"10GiB\", \"gpu_memory_limit\": \"20GiB\"", 10240,
	         20480},
		/* a limit beyond the GPU is all of the GPU */
		{"h100-nvl", "\"gpu_memory\": \"10GiB\", \"gpu_memory_limit\": \"200GiB\"", 10240,
	         95800},
		{"l40s", "\"fraction\": 0.29", 13340, 13340},
		{"l40s", "\"fraction\": 1", 46000, 46000},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_scenario t;
		read_parts(&t, cases[i].gpu, 1, &cases[i].part, 1);
		const struct scenario_service *const s = &t.sc->services[0];
		const struct scenario_nodes *const nodes = &t.sc->nodes[0];
		ck_assert_msg(scenario_request(s, nodes) == cases[i].request_mib * MIB,
		              "%s: %lld MiB", cases[i].part,
		              (long long)(scenario_request(s, nodes) / MIB));
		ck_assert_msg(scenario_limit(s, nodes) == cases[i].limit_mib * MIB, "%s: %lld MiB",
		              cases[i].part, (long long)(scenario_limit(s, nodes) / MIB));
		ck_assert_int_eq(scenario_gpu_memory(nodes) % (100 * MIB), 0);
		ck_assert_int_le(scenario_gpu_memory(nodes), nodes->gpu->memory_bytes);
		ck_assert_int_eq(scenario_visible(s, nodes), s->fraction_ppm == SHARE_WHOLE
		                                                     ? nodes->gpu->memory_bytes
		                                                     : cases[i].request_mib * MIB);
		test_scenario_fini(&t);
	}
}
END_TEST

/* Do these services find room? */
static bool have_room(int gpus, const char *const *parts, size_t n)
{
	const struct sim_options options = {.exact = false};
	struct test_scenario t;
	read_parts(&t, "h100-nvl", gpus, parts, n);
	struct sim *const sim = sim_new(t.sc, &options, t.err);
	const bool room = sim != NULL;
	ck_assert(room || err_exit_code(t.err) == ERR_INFEASIBLE);
	sim_free(sim);
	test_scenario_fini(&t);
	return room;
}

/* Requests fill a GPU, limits are not looked at; who has all of a GPU is alone on it. */
START_TEST(placement_sees_requests_and_no_limits)
{
	static const char *const half = "\"fraction\": 0.5, \"fraction_limit\": 1";
	static const char *const more = "\"fraction\": 0.500011"; /* a MiB more than a half */
	static const char *const little = "\"fraction\": 0.05";
	static const char *const whole = "\"fraction\": 1";
	static const char *const mib =
		"\"gpu_memory\": \"47900MiB\", \"gpu_memory_limit\": \"80GiB\"";
	static const char *const pair = "\"fraction\": 0.5, \"gpus_per_replica\": 2";
	static const struct {
		const char *parts[3];
		size_t n;
		int gpus;
		bool room;
	} cases[] = {
		{{half, half}, 2, 1, true},
		{{half, mib}, 2, 1, true},
		{{half, more}, 2, 1, false},
		{{half, half, little}, 3, 1, false},
		{{half, half, little}, 3, 2, true},
		{{whole, little}, 2, 1, false},
		{{little, whole}, 2, 1, false},
		{{whole, little}, 2, 2, true},
		{{pair, pair}, 2, 2, true},
		{{pair, little, whole}, 3, 2, false}, /* the pair is on both GPUs */
		{{pair, pair, little}, 3, 2, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(have_room(cases[i].gpus, cases[i].parts, cases[i].n) == cases[i].room,
		              "case %zu", i);
	}
}
END_TEST

/* Placed replicas hold a part of each of their GPUs; a shared GPU is not idle any more. */
START_TEST(a_fraction_takes_a_gpu_from_the_idle_ones)
{
	static const char *const parts[] = {"\"fraction\": 0.25, \"gpus_per_replica\": 2",
	                                    "\"fraction\": 0.25", "\"fraction\": 1"};
	const struct sim_options options = {.exact = false};
	struct test_scenario t;
	read_parts(&t, "h100-nvl", 4, parts, 3);
	struct sim *const sim = sim_new(t.sc, &options, t.err);
	ck_assert_ptr_nonnull(sim);
	const struct cluster *const c = &sim->cluster;
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(c, 0, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_ne(gpus[0], gpus[1]);
	ck_assert_uint_eq(c->nodes[0].idle, 1);
	bytes_t requested = 0;
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		requested += c->gpus[i].requested;
	}
	ck_assert_int_eq(requested, (3 * 23950 + 95800) * MIB);
	sim_free(sim);
	test_scenario_fini(&t);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("parts of GPUs");
	TCase *const t = tcase_create("parts");
	tcase_add_test(t, requests_are_rounded_down);
	tcase_add_test(t, placement_sees_requests_and_no_limits);
	tcase_add_test(t, a_fraction_takes_a_gpu_from_the_idle_ones);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
