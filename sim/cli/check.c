/* `aliquot check`: every key with its value and where it came from, and whether each model fits. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "perf/perf.h"
#include "perf/start.h"
#include "report/facts.h"
#include "report/trust.h"
#include "flow/sim.h"
#include "cli/check_policy.h"
#include "cli/cli.h"

#define COSTS_COLUMN 11

/* What the costs rest on, as far as it shows before the run. */
static void print_trust(const struct scenario *sc, size_t service)
{
	struct trust *const list = mem_new(sc->n_nodes, sizeof(*list));
	const size_t n = trust_of(sc, service, NULL, list);
	for (size_t k = 0; k < n; k++) {
		char *const text = trust_text(&list[k]);
		printf("    costs: ");
		facts_fold(text, COSTS_COLUMN, stdout);
		free(text);
		trust_fini(&list[k]);
	}
	free(list);
}

/* Do replicas of a service start while time passes? */
static bool starts(const struct scenario *sc, const struct scenario_service *service)
{
	return sc->n_faults > 0 || service->autoscaler.policy.name != NULL ||
	       service->n_changes > 0 || service->initial != service->places;
}

static double seconds(ns_t t)
{
	return (double)t / (double)NS_PER_S;
}

#define SHORT_PROMPT 128 /* tokens; what was published of first requests is of these two */
#define LONG_PROMPT 2048

/* A start on a node that it has for itself and that lacks the image, stage by stage. */
static void print_start(const struct scenario_service *service, const struct sim_fit *fit)
{
	struct start_ask ask = perf_start_ask(service, fit->nodes,
	                                      fit->memory.weights * service->gpus_per_replica);
	const struct engine_startup *const s = &service->startup;
	ns_t of[START_STAGES];
	char more[64];
	ask.image_cached = false;
	char *line = mem_printf("%.1f s", seconds(perf_start(&ask, of)));
	for (size_t i = 0, n = 0; i < START_STAGES; i++) {
		if (of[i] > 0) {
			char *const longer =
				mem_printf("%s%s %s %.1f s", line, n++ > 0 ? "," : ":",
			                   start_stage_names[i], (double)of[i] / (double)NS_PER_S);
			free(line);
			line = longer;
		}
	}
	snprintf(more, sizeof(more), " at %d tokens, %.1f s at %d", SHORT_PROMPT,
	         seconds(perf_start_warmup(s, LONG_PROMPT)), LONG_PROMPT);
	char *const text = mem_printf("%s; the first request waits %.1f s more%s", line,
	                              seconds(perf_start_warmup(s, SHORT_PROMPT)),
	                              s->warmup_per_token_s > 0.0 ? more : "");
	printf("    start: ");
	facts_fold(text, COSTS_COLUMN, stdout);
	free(text);
	free(line);
}

static void print_fit(const struct scenario *sc, const struct sim *sim, size_t i)
{
	const struct scenario_service *const service = &sc->services[i];
	char weights[32], reserved[32], memory[32], kv[32], tokens[32];
	struct sim_fit fit;
	sim_fit(sim, i, &fit);
	printf("  %s: %s %s on %s", service->name, service->model_name,
	       precision_names[service->precision], fit.nodes->gpu_name);
	if (service->gpus_per_replica > 1 || service->fraction_ppm != SHARE_WHOLE) {
		char *const part = scenario_part_text(service);
		printf(", %s per replica", part);
		free(part);
	}
	if (scenario_borrows(service)) {
		printf(", up to %s", scenario_limit_text(service, memory, sizeof(memory)));
	}
	printf("\n    fits: %s weights + %s reserved of %s per GPU, %s left for KV\n",
	       str_bytes(fit.memory.weights, weights, sizeof(weights)),
	       str_bytes(fit.memory.reserved, reserved, sizeof(reserved)),
	       str_bytes(fit.memory.memory, memory, sizeof(memory)),
	       str_bytes(fit.memory.kv, kv, sizeof(kv)));
	printf("    KV cache holds %s tokens per replica%s",
	       str_thousands(fit.capacity_tokens, tokens, sizeof(tokens)),
	       scenario_borrows(service) ? " at its limit" : "");
	if (fit.users > 0) {
		const int64_t cap = service->options.max_num_seqs;
		printf(": %s request%s of mean length at once",
		       str_thousands(fit.users, tokens, sizeof(tokens)), fit.users == 1 ? "" : "s");
		if (fit.users >= cap) {
			printf(";\n    max_num_seqs lets %s run",
			       str_thousands(cap, tokens, sizeof(tokens)));
		}
	}
	putchar('\n');
	if (starts(sc, service)) {
		print_start(service, &fit);
	}
	print_trust(sc, i);
}

#define TITLE_WIDTH 100

/* The name and the question, word by word within the width. */
static void print_title(const struct scenario *sc)
{
	const char *word = sc->about != NULL ? sc->about : "no \"about\"";
	size_t column = strlen(sc->name) + 1;

	printf("%s:", sc->name);
	while (*word != '\0') {
		const size_t length = strcspn(word, " ");

		if (column + 1 + length > TITLE_WIDTH) {
			fputs("\n ", stdout);
			column = 1;
		}
		printf(" %.*s", (int)length, word);
		column += 1 + length;
		word += length;
		word += *word == ' ';
	}
	putchar('\n');
}

/* Length of the object's path: everything before the last dot. */
static size_t object_length(const char *path)
{
	const char *const dot = strrchr(path, '.');
	return dot != NULL ? (size_t)(dot - path) : 0;
}

#define VALUE_COLUMN 30
#define MEANING_COLUMN 68

/*
 * "engine profile trtllm" is said short, and of a calibration that it is one: the column is for
 * where to look, not for prose, and which calibration is said above.
 */
static const char *short_source(const char *source)
{
	static const char prefix[] = "engine ", calibration[] = "calibration";
	const size_t n = sizeof(prefix) - 1;
	if (strncmp(source, calibration, sizeof(calibration) - 1) == 0) {
		return calibration;
	}
	return strncmp(source, prefix, n) == 0 ? source + n : source;
}

/* How much of a unit's name is its singular: "GPUs", "nodes", "requests"; not "us" or "bytes/s". */
static int singular_length(const char *unit)
{
	const size_t n = strlen(unit);
	const bool plural = n > 3 && unit[n - 1] == 's' && strchr(unit, '/') == NULL;
	return (int)(plural ? n - 1 : n);
}

/* A value with its unit, which text may have of its own; caller frees. */
static char *value_text(const struct option_seen *seen)
{
	const bool bare = strspn(seen->value, "0123456789.-") == strlen(seen->value);
	double number;
	if (!bare || seen->unit == NULL) {
		return mem_strdup(seen->value);
	}
	if (strcmp(seen->unit, "bytes/s") == 0 && str_to_real(seen->value, &number)) {
		char bytes[40];
		return mem_printf("%s/s", str_bytes((bytes_t)number, bytes, sizeof(bytes)));
	}
	return mem_printf("%s %.*s", seen->value,
	                  strcmp(seen->value, "1") == 0 ? singular_length(seen->unit)
	                                                : (int)strlen(seen->unit),
	                  seen->unit);
}

static void print_key(const struct option_seen *seen, size_t object)
{
	const char *const key = seen->path + (object > 0 ? object + 1 : 0);
	const char *const source = short_source(seen->source);
	if (strlen(seen->value) > 40) { /* prose: below its key */
		printf("  %-27s %-21s %s\n%*s", key, "", source, VALUE_COLUMN, "");
		facts_fold(seen->value, VALUE_COLUMN, stdout);
		return;
	}
	char *const value = value_text(seen);
	int used = printf("  %-27s %-21s %-15s ", key, value, source);
	free(value);
	const char *const help = check_policy_help(seen);
	if (help == NULL) {
		putchar('\n');
		return;
	}
	if (used > MEANING_COLUMN) {
		putchar('\n');
		used = 0;
	}
	printf("%*s", MEANING_COLUMN - used, "");
	facts_fold(help, MEANING_COLUMN, stdout);
}

/* Is there an entry of that path? */
static bool is_logged(const struct option_log *log, const char *path)
{
	size_t i = 0;
	while (i < option_log_size(log) && strcmp(option_log_at(log, i)->path, path) != 0) {
		i++;
	}
	return i < option_log_size(log);
}

/* The options of the policy that `policy` names. */
static void print_options(const struct scenario *sc, const struct option_log *options,
                          const struct option_seen *policy, size_t object)
{
	for (size_t i = 0; i < option_log_size(options); i++) {
		const struct option_seen *const option = option_log_at(options, i);
		/* what the scenario knows too follows, with what other keys make of it */
		if (check_is_option_of(option, policy) && !is_logged(sc->log, option->path)) {
			print_key(option, object);
		}
	}
}

/* Every key under the object it belongs to, in the order in which the loader met them. */
static void print_keys(const struct scenario *sc)
{
	struct option_log *const options = check_policies(sc);
	const char *last = "";
	size_t last_length = SIZE_MAX;
	for (size_t i = 0; i < option_log_size(sc->log); i++) {
		const struct option_seen *const seen = option_log_at(sc->log, i);
		const size_t object = object_length(seen->path);
		if (object != last_length || strncmp(last, seen->path, object) != 0) {
			printf("\n%.*s\n", (int)(object > 0 ? object : 8),
			       object > 0 ? seen->path : "scenario");
			last = seen->path;
			last_length = object;
		}
		print_key(seen, object);
		print_options(sc, options, seen, object);
	}
	option_log_free(options);
}

/*
 * Memory of service i by arithmetic alone, so that one that does not fit is described too: on the
 * first kind of GPU that holds it, else on the first.
 */
static json_t *fit_json(const struct scenario *sc, size_t i)
{
	const struct scenario_service *const service = &sc->services[i];
	struct llm_shape shape;
	struct memory_plan plan = {0};
	size_t k = 0;
	llm_spec_shape(service->llm, (enum precision)service->precision,
	               (enum precision)service->kv_precision, &shape);
	for (; k < sc->n_nodes; k++) {
		perf_memory(scenario_visible(service, &sc->nodes[k]), &shape, &service->options,
		            service->tensor_parallel, &plan);
		if (plan.blocks > plan.state_blocks) {
			break;
		}
	}
	const bool fits = k < sc->n_nodes;
	const bytes_t missing = plan.block * (plan.state_blocks + 1) - plan.kv;
	const int64_t capacity = plan.blocks * service->options.kv_block_tokens;
	return json_pack(
		"{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "service", service->name,
		"model", service->model_name, "gpu", sc->nodes[fits ? k : sc->n_nodes - 1].gpu_name,
		"fits", fits, "memory_bytes", (json_int_t)plan.memory, "weight_bytes",
		(json_int_t)plan.weights, "reserved_bytes", (json_int_t)plan.reserved, "free_bytes",
		(json_int_t)(plan.kv > 0 ? plan.kv : 0), "missing_bytes",
		(json_int_t)(fits ? 0 : missing), "kv_capacity_tokens", (json_int_t)capacity);
}

static void add_keys(json_t *keys, const struct option_log *log, const struct option_log *but)
{
	for (size_t i = 0; i < option_log_size(log); i++) {
		const struct option_seen *const seen = option_log_at(log, i);
		if (but != NULL && is_logged(but, seen->path)) {
			continue;
		}
		json_array_append_new(keys, json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "path",
		                                      seen->path, "value", seen->value, "source",
		                                      seen->source, "unit", seen->unit, "meaning",
		                                      check_policy_help(seen)));
	}
}

/* `sim` is NULL when the scenario is infeasible: then nobody fits at once. */
static void print_json(const struct scenario *sc, const struct sim *sim)
{
	json_t *const keys = json_array();
	json_t *const fits = json_array();
	struct option_log *const options = check_policies(sc);
	add_keys(keys, sc->log, NULL);
	add_keys(keys, options, sc->log);
	option_log_free(options);
	for (size_t i = 0; i < sc->n_services; i++) {
		json_t *const one = fit_json(sc, i);
		struct sim_fit fit = {0};
		if (sim != NULL) {
			sim_fit(sim, i, &fit);
		}
		json_object_set_new(one, "users_that_fit", json_integer((json_int_t)fit.users));
		json_array_append_new(fits, one);
	}
	json_t *const doc =
		json_pack("{s:s, s:{s:s, s:s}, s:b, s:o, s:o}", "schema", "aliquot/check/1",
	                  "scenario", "name", sc->name, "hash", sc->hash, "feasible", sim != NULL,
	                  "services", fits, "keys", keys);
	json_dumpf(doc, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(doc);
}

int cli_check(struct cli *c)
{
	const struct sim_options options = {0};
	struct scenario *const sc = cli_scenario(c, c->args[0]);
	struct sim *const sim = sc != NULL ? sim_new(sc, &options, c->err) : NULL;
	if (sc != NULL && c->json && (sim != NULL || err_exit_code(c->err) == ERR_INFEASIBLE)) {
		print_json(sc, sim);
	} else if (sim != NULL) {
		print_title(sc);
		for (size_t i = 0; i < sc->n_services; i++) {
			print_fit(sc, sim, i);
		}
		print_keys(sc);
	}
	sim_free(sim);
	scenario_free(sc);
	return err_exit_code(c->err);
}
