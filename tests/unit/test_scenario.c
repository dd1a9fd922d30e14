/* Whole scenarios: defaults, sources, cross checks, and the manual that must name every key. */
#include "spec/scenario.h"

#include "base/mem.h"
#include "spec/scenario_private.h"
#include "policy/registry.h"
#include "scenario.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLUSTER "\"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\"}]}"
#define SERVICE "\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\"}]"
#define LOAD                                                                                               \
	"{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, \"requests\": 8, \"isl\": 100, " \
	"\"osl\": {\"mean\": 10, \"stddev\": 2}}"
#define HEAD "{\"aliquot\": 1, " CLUSTER ", " SERVICE ", "
#define MINIMAL HEAD "\"loads\": [" LOAD "]}"

static struct data_dir *data;
static struct err *errors;
static struct scenario *sc;
static char *name;

static void setup(void)
{
	errors = err_new();
	data = data_dir_open(UNCALIBRATED, NULL, errors);
	ck_assert_msg(data != NULL, "run from the project's root");
}

static void teardown(void)
{
	scenario_free(sc);
	sc = NULL;
	data_dir_close(data);
	err_free(errors);
	free(name);
	name = NULL;
}

static struct scenario *load_with(const char *text, const struct scenario_override *overrides,
                                  size_t n)
{
	name = mem_strdup("/tmp/aliquot_scenario_XXXXXX");
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	sc = scenario_read(name, data, overrides, n, errors);
	unlink(name);
	return sc;
}

static void load_good(const char *text)
{
	load_with(text, NULL, 0);
	ck_assert_msg(sc != NULL, "%s", err_message(errors, 0));
	ck_assert_uint_eq(err_count(errors), 0);
}

/* Message i without the file's name. */
static const char *message(size_t i)
{
	const char *text = err_message(errors, i);

	ck_assert_ptr_nonnull(text);
	size_t length = strlen(name);

	return strncmp(text, name, length) == 0 ? text + length + 2 : text;
}

static void expect_error(const char *text, const char *wanted)
{
	setup();
	load_with(text, NULL, 0);
	ck_assert_ptr_null(sc);
	ck_assert_str_eq(message(0), wanted);
	ck_assert_msg(err_count(errors) == 1, "also: %s", err_message(errors, 1));
	teardown();
}

/* The logged value of a path, as "value (source)"; caller frees. */
static char *logged(const char *path)
{
	for (size_t i = 0; i < option_log_size(sc->log); i++) {
		const struct option_seen *seen = option_log_at(sc->log, i);

		if (strcmp(seen->path, path) == 0) {
			return mem_printf("%s (%s)", seen->value, seen->source);
		}
	}
	return mem_strdup("absent");
}

static void expect_logged(const char *path, const char *wanted)
{
	char *text = logged(path);

	ck_assert_msg(strcmp(text, wanted) == 0, "%s: %s, not %s", path, text, wanted);
	free(text);
}

START_TEST(a_minimal_scenario_gets_its_defaults)
{
	load_good(MINIMAL);
	ck_assert_uint_eq(sc->seed, 1);
	ck_assert_int_eq(sc->stop_after, NS_NEVER);
	ck_assert(sc->n_nodes == 1 && sc->n_services == 1 && sc->n_loads == 1);
	ck_assert(sc->nodes[0].count == 1 && sc->nodes[0].gpus == 8);
	ck_assert_str_eq(sc->nodes[0].name, "nodes-0");
	ck_assert_str_eq(sc->nodes[0].gpu->name, "h100-nvl");
	const struct scenario_service *service = &sc->services[0];

	ck_assert(service->replicas == 1 && service->gpus_per_replica == 1);
	ck_assert(service->tensor_parallel == 1 && service->precision == PRECISION_BF16);
	ck_assert(service->kv_precision == PRECISION_BF16 && service->n_slo == 0);
	ck_assert_str_eq(service->engine_name, "vllm");
	ck_assert_str_eq(service->routing.name, "least_outstanding");
	ck_assert_str_eq(service->routing.path, "services.0.routing");
	ck_assert_ptr_null(service->routing.block);
	const struct scenario_load *load = &sc->loads[0];

	ck_assert(load->kind == LOAD_CONCURRENCY && load->users == 4 && load->requests == 8);
	ck_assert(load->warmup_requests == 0 && load->streaming && load->think == 0);
	ck_assert(fabs(load->isl.mean - 100) < 1e-9 && fabs(load->osl.stddev - 2) < 1e-9);
	ck_assert(load->isl.min == 1 && load->isl.max == 0 && load->osl.min == 1);
	ck_assert_str_eq(load->name, "loads.0");
	ck_assert_uint_eq(strlen(sc->hash), 16);
}
END_TEST

START_TEST(every_key_is_logged_with_its_source)
{
	const struct scenario_override overrides[] = {
		{"loads.0.users", "6"},
		{"services.chat.engine_options", "{\"max_num_seqs\": 128}"},
		{"seed", "9"},
	};

	load_with(MINIMAL, overrides, 3);
	ck_assert_msg(sc != NULL, "%s", err_message(errors, 0));
	ck_assert_uint_eq(sc->seed, 9);
	ck_assert_int_eq(sc->loads[0].users, 6);
	ck_assert_int_eq(sc->services[0].options.max_num_seqs, 128);
	expect_logged("seed", "9 (--set)");
	expect_logged("loads.0.users", "6 (--set)");
	expect_logged("loads.0.requests", "8 (scenario)");
	expect_logged("loads.0.think", "0 s (default)");
	expect_logged("loads.0.rate", "absent");
	expect_logged("loads.0.isl.mean", "100 (scenario)");
	expect_logged("loads.0.osl.stddev", "2 (scenario)");
	expect_logged("loads.0.osl.min", "1 (default)");
	expect_logged("services.0.engine_options.max_num_seqs", "128 (--set)");
	expect_logged("services.0.kv_precision", "bf16 (default)");
	expect_logged("services.0.tensor_parallel", "1 (default)");
	expect_logged("services.0.routing", "least_outstanding (default)");
	expect_logged("cluster.nodes.0.gpu", "h100-nvl (scenario)");
	expect_logged("cluster.nodes.0.host_memory", "1 TiB (default)");
	expect_logged("scheduler.kind", "runai (default)");
	expect_logged("stop.after", "never (default)");
	char *text = logged("services.0.engine_options.kv_block_tokens");

	ck_assert_ptr_nonnull(strstr(text, "(engine profile vllm)"));
	free(text);
	text = logged("services.0.costs.e_memory");
	ck_assert_ptr_nonnull(strstr(text, "(engine profile vllm)"));
	free(text);
}
END_TEST

START_TEST(the_hash_sees_values_and_not_spelling)
{
	load_good(MINIMAL);
	char *first = mem_strdup(sc->hash);

	teardown();
	setup();
	load_good("{ \"loads\":[ " LOAD " ],\n" SERVICE ",\n" CLUSTER ", \"aliquot\": 1}");
	ck_assert_str_eq(sc->hash, first);
	teardown();
	setup();
	const struct scenario_override override = {"seed", "2"};

	load_with(MINIMAL, &override, 1);
	ck_assert_str_ne(sc->hash, first);
	free(first);
}
END_TEST

START_TEST(a_full_service_and_all_kinds_of_load)
{
	load_good(
		"{\"aliquot\": 1, \"about\": \"all\", \"seed\": 7, \"scheduler\": {\"kind\": "
		"\"kubernetes\"}, \"cluster\": {\"nodes\": [{\"name\": \"a\", \"count\": 2, \"gpu\": "
		"\"H100_NVL\", \"gpus\": 4, \"cpus\": 64, \"host_memory\": \"512GiB\", "
		"\"storage_bandwidth\": \"2GB\"}]}, \"services\": [{\"name\": \"chat\", \"model\": "
		"\"llama-3.1-8b-instruct\", \"precision\": \"fp8\", \"engine\": \"nim-trtllm\", "
		"\"engine_options\": {\"max_num_seqs\": 32}, \"costs\": {\"e_memory\": 0.5}, "
		"\"replicas\": 2, \"gpus_per_replica\": 2, \"tensor_parallel\": 2, \"routing\": "
		"{\"policy\": \"round_robin\"}, \"slo\": [\"ttft <= 1s\", \"tps>=100\"]}, {\"name\": "
		"\"embed\", \"model\": \"qwen3-embedding-0.6b\", \"slo\": \"latency.max < 2s\"}], "
		"\"loads\": [{\"service\": \"chat\", \"name\": \"x\", \"kind\": \"rate\", \"rate\": "
		"\"1.5k\", \"arrivals\": \"gamma\", \"smoothness\": 0.5, \"isl\": {\"mean\": 10, \"min\": "
		"4, \"max\": 20}, \"osl\": 5}, {\"service\": \"embed\", \"kind\": \"stages\", \"isl\": 9, "
		"\"stages\": [{\"users\": 4, \"for\": \"10s\"}, {\"rate\": 2.5, \"for\": 20}]}, "
		"{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 10, \"isl\": 5, \"osl\": 5, "
		"\"requests_per_user\": 10, \"warmup_requests_per_user\": 1, \"think\": \"250ms\", "
		"\"stagger\": \"2s\"}], \"stop\": {\"after\": \"10m\"}, \"assumptions\": [\"none\"]}");
	const struct scenario_service *service = &sc->services[0];

	ck_assert(service->precision == PRECISION_FP8 && service->kv_precision == PRECISION_FP8);
	ck_assert(service->options.max_num_seqs == 32 &&
	          fabs(service->costs[0].constants.e_memory - 0.5) < 1e-12);
	ck_assert_str_eq(service->routing.name, "round_robin");
	ck_assert_ptr_nonnull(service->routing.block);
	ck_assert(service->n_slo == 2 && sc->services[1].n_slo == 1);
	ck_assert_str_eq(service->slo[0].text, "ttft.p95 <= 1000 ms");
	ck_assert(sc->loads[0].kind == LOAD_RATE && sc->loads[0].arrivals == ARRIVALS_GAMMA);
	ck_assert(fabs(sc->loads[0].rate - 1500) < 1e-9 && sc->loads[0].isl.max == 20);
	ck_assert(sc->loads[1].kind == LOAD_STAGES && sc->loads[1].n_stages == 2);
	ck_assert(sc->loads[1].service == 1 && sc->loads[1].stages[0].users == 4);
	ck_assert_int_eq(sc->loads[1].stages[1].span, 20 * NS_PER_S);
	ck_assert(sc->loads[2].requests == 100 && sc->loads[2].warmup_requests == 10);
	ck_assert_int_eq(sc->loads[2].think, 250 * NS_PER_MS);
	ck_assert_int_eq(sc->stop_after, 600 * NS_PER_S);
	ck_assert(sc->n_assumptions == 1 && sc->seed == 7);
	ck_assert_str_eq(sc->nodes[0].gpu_name, "h100-nvl");
	expect_logged("loads.2.requests", "100 (requests_per_user)");
	expect_logged("services.0.routing.policy", "round_robin (scenario)");
	expect_logged("services.0.slo.1", "tps >= 100 tok/s (scenario)");
	expect_logged("loads.1.stages.1.for", "20 s (scenario)");
}
END_TEST

START_TEST(cross_checks)
{
	teardown();
	expect_error(HEAD "\"loads\": []}", "loads: needs at least one load");
	expect_error("{\"aliquot\": 2, " CLUSTER ", " SERVICE ", \"loads\": [" LOAD "]}",
	             "aliquot: schema 2 is newer than this program, which reads 1");
	expect_error("{\"aliquot\": 1, " CLUSTER ", \"services\": [], \"loads\": [" LOAD "]}",
	             "services: needs at least one service");
	expect_error("[1]", "expected an object, got an array");
	expect_error(HEAD "\"loads\": [" LOAD
	                  "], \"jobs\": [{\"name\": \"t\", \"work\": 1, \"fraction\": 1}]}",
	             "jobs.0.fraction: not supported in this version");
	expect_error(HEAD
	             "\"loads\": [{\"service\": \"chta\", \"kind\": \"concurrency\", \"users\": 4, "
	             "\"requests\": 8, \"isl\": 1, \"osl\": 1}]}",
	             "loads.0.service: unknown service \"chta\"; did you mean \"chat\"?");
	expect_error(
		HEAD "\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, "
		     "\"isl\": 1, \"osl\": 1}]}",
		"loads.0: never ends: give \"requests\" or \"requests_per_user\", or \"stop\": {\"after\": "
		"...} for the run");
	expect_error(
		HEAD "\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, "
		     "\"requests\": 8, \"isl\": 1}]}",
		"loads.0: missing key \"osl\": answer lengths, like {\"mean\": 128, \"stddev\": 0}");
	expect_error(
		HEAD
		"\"loads\": [{\"service\": \"chat\", \"kind\": \"rate\", \"rate\": 4, \"users\": 2, "
		"\"requests\": 8, \"isl\": 1, \"osl\": 1}]}",
		"loads.0.users: does not go with kind \"rate\"");
	expect_error(HEAD "\"loads\": [{\"service\": \"chat\", \"kind\": \"conc\", \"users\": 4}]}",
	             "loads.0.kind: unknown kind \"conc\"; did you mean \"concurrency\"?");
	expect_error(
		HEAD
		"\"loads\": [{\"service\": \"chat\", \"kind\": \"trace\", \"file\": \"gone.csv\"}]}",
		"loads.0.file: cannot open \"/tmp/gone.csv\": No such file or directory");
	expect_error(
		HEAD "\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, "
		     "\"requests\": 8, \"requests_per_user\": 2, \"isl\": 1, \"osl\": 1}]}",
		"loads.0.requests_per_user: give either \"requests\" or \"requests_per_user\"");
	expect_error(HEAD
	             "\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, "
	             "\"requests\": 8, \"isl\": 200000, \"osl\": 1}]}",
	             "loads.0: mean isl + osl of 200001 tokens is more than the 131072 that model "
	             "\"llama-3.1-8b-instruct\" takes");
	expect_error(
		HEAD
		"\"loads\": [{\"service\": \"chat\", \"kind\": \"stages\", \"isl\": 1, \"osl\": 1, "
		"\"stages\": [{\"users\": 1, \"rate\": 1, \"for\": 1}]}]}",
		"loads.0.stages.0: needs either \"users\" (closed) or \"rate\" (open)");
	setup();
}
END_TEST

START_TEST(service_checks)
{
	static const char end[] = "}], \"loads\": [" LOAD "]}";
	static const char begin[] =
		"{\"aliquot\": 1, " CLUSTER
		", \"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", ";
	static const struct {
		const char *keys, *message;
	} cases[] = {
		{"\"fraction_limit\": 0.5",
	         "services.0.fraction_limit: needs \"fraction\", the part that is guaranteed"},
		{"\"fraction\": 0.5, \"fraction_limit\": 0.4",
	         "services.0.fraction_limit: is below fraction"},
		{"\"fraction\": 1.5", "services.0.fraction: 1.5 is more than one GPU; use "
	                              "gpus_per_replica: 2, or a value in (0, 1]"},
		{"\"fraction\": 0",
	         "services.0.fraction: must be a part of a GPU, in (0, 1], got 0"},
		{"\"fraction\": 0.5, \"gpu_memory\": \"20GiB\"",
	         "services.0.gpu_memory: a replica asks for a fraction or for gpu_memory, not for both"},
		{"\"gpu_memory\": 1000", "services.0.gpu_memory: must be at least 1 MiB, got 1000"},
		{"\"compute_limit\": 1.2",
	         "services.0.compute_limit: must be from 0 to 1, got 1.2"},
		{"\"compute_limit\": 0",
	         "services.0.compute_limit: must be above 0: it would never run"},
		{"\"compute_request\": 0.6, \"compute_limit\": 0.5",
	         "services.0.compute_limit: limit 0.5 is below request 0.6"},
		{"\"replicas\": 0", "services.0.replicas: must be at least 1, got 0"},
		{"\"tensor_parallel\": 2",
	         "services.0.tensor_parallel: must equal gpus_per_replica, 1, got 2"},
		{"\"gpus_per_replica\": 3",
	         "services.0: gpus_per_replica 3 does not divide the model's 32 "
	         "attention heads"},
		{"\"precision\": \"int4\"",
	         "services.0.precision: unknown precision \"int4\"; known: bf16, fp8, "
	         "nvfp4, fp16"},
		{"\"kv_precision\": \"fp9\"",
	         "services.0.kv_precision: unknown kv_precision \"fp9\"; did you mean "
	         "\"fp8\"?"},
		{"\"engine\": \"vlm\"",
	         "services.0.engine: unknown engine \"vlm\"; did you mean \"vllm\"?"},
		{"\"slo\": [\"ttft.p95 1s\"]",
	         "services.0.slo.0: expected a limit like \"ttft.p95 <= 1s\", got "
	         "\"ttft.p95 1s\""},
		{"\"routing\": {}",
	         "services.0.routing: missing key \"policy\": the policy's name"},
		{"\"routing\": 3",
	         "services.0.routing: expected a policy's name or {\"policy\": NAME, ...}, got a "
	         "number"},
		{"\"engine_options\": {\"max_num_seq\": 3}",
	         "services.0.engine_options: unknown key \"max_num_seq\"; did you mean \"max_num_seqs\"?"},
	};

	teardown();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = mem_printf("%s%s%s", begin, cases[i].keys, end);

		expect_error(text, cases[i].message);
		free(text);
	}
	setup();
}
END_TEST

START_TEST(all_errors_of_a_file_are_shown)
{
	load_with(
		"{\"aliquot\": 1, \"sead\": 3, \"cluster\": {\"nodes\": [{\"gpu\": \"h2000\"}]}, "
		"\"services\": [{\"name\": \"a b\", \"model\": \"lama\"}, {\"name\": \"12\"}], \"loads\": "
		"[{\"kind\": \"rate\", \"rate\": -1}]}",
		NULL, 0);
	ck_assert_ptr_null(sc);
	ck_assert_uint_eq(err_count(errors), 8);
	ck_assert_str_eq(message(0), "unknown key \"sead\"; did you mean \"seed\"?");
	ck_assert_str_eq(message(1),
	                 "cluster.nodes.0.gpu: unknown GPU \"h2000\"; did you mean \"h200-nvl\"?");
	ck_assert_str_eq(
		message(2),
		"services.0.name: expected 1 to 64 letters, digits, \".\", \"_\" or \"-\", "
		"got \"a b\"");
	ck_assert_ptr_nonnull(strstr(message(3), "services.0.model: unknown model \"lama\""));
	ck_assert_ptr_nonnull(strstr(message(4), "services.1: missing key \"model\""));
	ck_assert_ptr_nonnull(strstr(message(5), "services.1.name: a name must not be a number"));
	ck_assert_ptr_nonnull(strstr(message(6), "loads.0: missing key \"service\""));
	ck_assert_str_eq(message(7), "loads.0.rate: must be greater than 0, got -1");
	ck_assert_int_eq(err_exit_code(errors), ERR_INPUT);
}
END_TEST

START_TEST(overrides_that_fail_are_usage_errors)
{
	const struct scenario_override override = {"loads.5.users", "1"};

	ck_assert_ptr_null(load_with(MINIMAL, &override, 1));
	ck_assert_int_eq(err_exit_code(errors), ERR_USAGE);
	ck_assert_uint_eq(err_count(errors), 1);
}
END_TEST

START_TEST(missing_files_are_looked_for_among_the_bundled)
{
	name = mem_strdup("");
	ck_assert_ptr_null(scenario_read("no-such-scenario", data, NULL, 0, errors));
	ck_assert_ptr_nonnull(
		strstr(err_message(errors, 0), "no such file, and no bundled scenario"));
	ck_assert_int_eq(err_exit_code(errors), ERR_IO);
}
END_TEST

/* `check` says of every key what it means, also of those that the scenario leaves out. */
START_TEST(every_logged_key_has_a_meaning)
{
	static const char *const keys[] = {
		"faults",         "assumptions",           "scheduler.kind",
		"services.0.slo", "services.0.priority",   "services.0.autoscaler",
		"loads.0.name",   "services.0.replicas_at"};

	load_good(MINIMAL);
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		const struct option_seen *seen = NULL;

		for (size_t i = 0; i < option_log_size(sc->log); i++) {
			const struct option_seen *const at = option_log_at(sc->log, i);

			seen = strcmp(at->path, keys[k]) == 0 ? at : seen;
		}
		ck_assert_msg(seen != NULL && seen->help != NULL, "%s", keys[k]);
	}
}
END_TEST

static void find_in_manual(const char *manual, const char *section, const struct option *table)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		char *row = mem_printf("| `%s` |", o->name);

		if (o->help != scenario_later) {
			ck_assert_msg(strstr(manual, row) != NULL,
			              "scenarios/README.md lacks %s.%s", section, o->name);
		}
		free(row);
	}
}

static bool has_key(const struct option *table, const char *key, size_t length)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		if (strlen(o->name) == length && strncmp(o->name, key, length) == 0) {
			return true;
		}
	}
	return false;
}

/* Every `| `key` |` row of the manual must be in a table: documented keys that are gone. */
static bool is_a_key(const char *key, size_t length)
{
	const struct option *more[] = {engine_option_table, engine_cost_table, engine_startup_table,
	                               NULL};

	for (const struct scenario_section *s = scenario_sections; s->title != NULL; s++) {
		if (has_key(s->table, key, length)) {
			return true;
		}
	}
	for (size_t i = 0; more[i] != NULL; i++) {
		if (has_key(more[i], key, length)) {
			return true;
		}
	}
	for (size_t i = 0; autoscaler_policies[i] != NULL; i++) {
		if (has_key(autoscaler_policies[i]->head.options, key, length)) {
			return true;
		}
	}
	return false;
}

START_TEST(the_manual_names_every_key_and_no_other)
{
	FILE *in = fopen("scenarios/README.md", "rb");

	ck_assert_ptr_nonnull(in);
	char *manual = mem_new((size_t)1 << 20, 1);
	size_t size = fread(manual, 1, ((size_t)1 << 20) - 1, in);

	fclose(in);
	ck_assert_uint_gt(size, 0);
	for (const struct scenario_section *s = scenario_sections; s->title != NULL; s++) {
		find_in_manual(manual, s->title, s->table);
	}
	find_in_manual(manual, "engine_options", engine_option_table);
	find_in_manual(manual, "costs", engine_cost_table);
	find_in_manual(manual, "startup", engine_startup_table);
	for (size_t i = 0; autoscaler_policies[i] != NULL; i++) {
		find_in_manual(manual, autoscaler_policies[i]->head.name,
		               autoscaler_policies[i]->head.options);
	}
	const char *end_of_keys = strstr(manual, "## Traces");

	ck_assert_ptr_nonnull(end_of_keys);
	for (const char *at = manual; (at = strstr(at, "\n| `")) != NULL && at < end_of_keys;) {
		at += strlen("\n| `");
		size_t length = strcspn(at, "`");

		/* options of recorded lines have a table of their own */
		ck_assert_msg(at[0] == '-' || is_a_key(at, length),
		              "scenarios/README.md names \"%.*s\", which is no key", (int)length,
		              at);
	}
	free(manual);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scenario");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_minimal_scenario_gets_its_defaults);
	tcase_add_test(tcase, every_key_is_logged_with_its_source);
	tcase_add_test(tcase, the_hash_sees_values_and_not_spelling);
	tcase_add_test(tcase, a_full_service_and_all_kinds_of_load);
	tcase_add_test(tcase, cross_checks);
	tcase_add_test(tcase, service_checks);
	tcase_add_test(tcase, all_errors_of_a_file_are_shown);
	tcase_add_test(tcase, overrides_that_fail_are_usage_errors);
	tcase_add_test(tcase, missing_files_are_looked_for_among_the_bundled);
	tcase_add_test(tcase, every_logged_key_has_a_meaning);
	tcase_add_test(tcase, the_manual_names_every_key_and_no_other);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
