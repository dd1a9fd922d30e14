/* The "services" of a scenario: model, engine, replicas, routing and limits. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct service_keys {
	char *name, *model, *engine, *engine_version, *kv_precision;
	int precision, calibration;
	int64_t replicas, gpus_per_replica, tensor_parallel;
	struct scenario_change_keys changes;
	struct scenario_part_keys part;
	char *project;
	bool preemptible;
	const json_t *engine_options, *startup, *costs, *routing, *slo, *priority, *autoscaler;
};

/* fp16 costs the same as bf16 and is read as it. */
static const char *const precisions[] = {"bf16", "fp8", "nvfp4", "fp16", NULL};
static_assert(PRECISION_COUNT == 3, "the names before fp16 are those of enum precision");

static const char *const calibrations[] = {"auto", "none", NULL};
static_assert(CALIBRATION_NONE == 1, "the names are those of enum calibration_use");

#define KEY(member) offsetof(struct service_keys, member)

/* clang-format off */
const struct option scenario_service_table[] = {
	{"name", OPTION_TEXT, KEY(name), 0, 0, NULL, NULL, NULL, "how loads and limits call it"},
	{"model", OPTION_TEXT, KEY(model), 0, 0, NULL, NULL, NULL, "a model data sheet or its alias"},
	{"precision", OPTION_CHOICE, KEY(precision), 0, 0, "bf16", precisions, NULL, "of the weights"},
	{"kv_precision", OPTION_TEXT, KEY(kv_precision), 0, 0, "", NULL, NULL,
	 "of the KV cache; fp8 with fp8 weights, else bf16"},
	{"engine", OPTION_TEXT, KEY(engine), 0, 0, "vllm", NULL, NULL, "an engine profile or its alias"},
	{"engine_options", OPTION_NODE, KEY(engine_options), 0, 0, "", NULL, NULL, "over the profile's"},
	{"startup", OPTION_NODE, KEY(startup), 0, 0, "", NULL, NULL, "over the profile's"},
	{"engine_version", OPTION_TEXT, KEY(engine_version), 0, 0, "", NULL, NULL,
	 "of the engine: picks among the fits of a calibration"},
	{"calibration", OPTION_CHOICE, KEY(calibration), 0, 0, "auto", calibrations, NULL,
	 "auto puts the calibration of GPU, engine and precision over the profile's costs"},
	{"costs", OPTION_NODE, KEY(costs), 0, 0, "", NULL, NULL, "over the profile's and the calibration's"},
	{"replicas", OPTION_INT, KEY(replicas), 1, 1e6, "1", NULL, "replicas", "copies of the model"},
	{"start", OPTION_DURATION, KEY(changes.start), 0, 9e18, "0s", NULL, "s",
	 "when they appear, with a cold start; 0: they are there from the start"},
	{"replicas_at", OPTION_NODE, KEY(changes.replicas_at), 0, 0, "", NULL, NULL,
	 "how many are wanted from when on, over time"},
	{"gpus_per_replica", OPTION_INT, KEY(gpus_per_replica), 1, 1024, "1", NULL, "GPUs",
	 "of one node, for one copy"},
	{"tensor_parallel", OPTION_INT, KEY(tensor_parallel), 1, 1024, "", NULL, "GPUs",
	 "must equal gpus_per_replica, which is the default"},
	{"routing", OPTION_NODE, KEY(routing), 0, 0, "", NULL, NULL,
	 "the policy that picks a replica; least_outstanding"},
	{"slo", OPTION_NODE, KEY(slo), 0, 0, "", NULL, NULL, "limits that decide the verdict"},
	{"fraction", OPTION_SHARE, KEY(part.fraction), 0, 0, "", NULL, NULL,
	 "of the memory of each of its GPUs, 1 when absent: nobody else is there"},
	{"gpu_memory", OPTION_BYTES, KEY(part.gpu_memory), 1048576, 9e15, "", NULL, "bytes",
	 "of each of its GPUs, instead of a fraction"},
	{"compute_request", OPTION_SHARE, KEY(part.compute_request), 0, 0, "0", NULL, NULL,
	 "of each GPU's time, its own when others work too"},
	{"compute_limit", OPTION_SHARE, KEY(part.compute_limit), 0, 0, "1", NULL, NULL,
	 "of each GPU's time, at most"},
	{"fraction_limit", OPTION_SHARE, KEY(part.fraction_limit), 0, 0, "", NULL, NULL,
	 "of the memory, up to which it may borrow; the fraction when absent"},
	{"gpu_memory_limit", OPTION_BYTES, KEY(part.gpu_memory_limit), 1048576, 9e15, "", NULL, "bytes",
	 "up to which it may borrow; gpu_memory when absent"},
	{"mig_profile", OPTION_TEXT, KEY(part.mig_profile), 0, 0, "", NULL, NULL,
	 "a slice of a GPU, instead of a fraction"},
	{"project", OPTION_TEXT, KEY(project), 0, 0, "", NULL, NULL, "whose quota its GPUs count against"},
	{"priority", OPTION_NODE, KEY(priority), 0, 0, "", NULL, NULL,
	 "a class, or a number: the higher the more important; " SCENARIO_PRIORITY},
	{"preemptible", OPTION_BOOL, KEY(preemptible), 0, 0, "false", NULL, NULL,
	 "whether its replicas may be evicted, and go over quota"},
	{"autoscaler", OPTION_NODE, KEY(autoscaler), 0, 0, "", NULL, NULL,
	 "the policy that says how many replicas there are; none: all, all the time"},
	SCENARIO_END,
};
/* clang-format on */

static int read_precision(int choice)
{
	return choice >= PRECISION_COUNT ? PRECISION_BF16 : choice;
}

/* kv_precision: given, or what the engines choose by themselves. */
static void read_kv_precision(struct scenario_loader *l, struct scenario_service *service,
                              const char *given, const struct json_at *at)
{
	struct json_at member;
	size_t n = 0;

	if (given == NULL) {
		service->kv_precision =
			service->precision == PRECISION_FP8 ? PRECISION_FP8 : PRECISION_BF16;
		scenario_log(l, at, "kv_precision", precision_names[service->kv_precision],
		             "default");
		return;
	}
	for (; precisions[n] != NULL; n++) {
		if (strcmp(precisions[n], given) == 0) {
			service->kv_precision = read_precision((int)n);
			return;
		}
	}
	if (json_get(at, "kv_precision", &member)) {
		json_fail_name(&member, "kv_precision", given, precisions, n);
	}
}

static void read_engine(struct scenario_loader *l, struct scenario_service *service,
                        const char *name, const struct json_at *at)
{
	struct json_at member = *at;

	json_get(at, "engine", &member); /* absent: the error is the service's */
	service->engine = scenario_engine(l, &member, name);
	if (service->engine == NULL) {
		return;
	}
	const char *source = scenario_source(l->sc, "engine profile", service->engine->name);

	service->engine_name = mem_strdup(service->engine->name);
	service->options = service->engine->options;
	scenario_log_table(l, engine_option_table, &service->options, at, "engine_options", source);
	if (json_get(at, "engine_options", &member) &&
	    option_override(engine_option_table, &service->options, &member, "scenario",
	                    l->sc->log)) {
		engine_options_check(&service->options, &member);
	}
	service->startup = service->engine->startup;
	scenario_log_table(l, engine_startup_table, &service->startup, at, "startup", source);
	if (json_get(at, "startup", &member)) {
		option_override(engine_startup_table, &service->startup, &member, "scenario",
		                l->sc->log);
	}
	scenario_read_costs(l, service, at);
}

static void read_parallel(struct scenario_loader *l, struct scenario_service *service,
                          const struct service_keys *keys, const struct json_at *at)
{
	struct json_at member;
	char text[32];

	service->gpus_per_replica = keys->gpus_per_replica;
	service->tensor_parallel = keys->tensor_parallel;
	if (!json_get(at, "tensor_parallel", &member)) {
		service->tensor_parallel = keys->gpus_per_replica;
		snprintf(text, sizeof(text), "%" PRId64, service->tensor_parallel);
		scenario_log(l, at, "tensor_parallel", text, "default");
	} else if (keys->tensor_parallel != keys->gpus_per_replica && keys->tensor_parallel > 0) {
		json_fail(&member, "must equal gpus_per_replica, %" PRId64 ", got %" PRId64,
		          keys->gpus_per_replica, keys->tensor_parallel);
	}
}

/* Whether the heads can be dealt out to the GPUs, as every engine demands. */
static void check_heads(const struct scenario_service *service, const struct json_at *at)
{
	if (service->llm == NULL || service->tensor_parallel <= 1) {
		return;
	}
	if (service->llm->heads > 0 && service->llm->heads % service->tensor_parallel != 0) {
		json_fail(at,
		          "gpus_per_replica %" PRId64 " does not divide the model's %" PRId64
		          " attention heads",
		          service->tensor_parallel, service->llm->heads);
	}
}

bool scenario_add_slo(struct scenario_service *service, const struct slo *slo,
                      const struct json_at *at)
{
	if (service->llm != NULL && service->llm->task == LLM_EMBED && slo_needs_tokens(slo)) {
		json_fail(at,
		          "\"%s\": an embedding model emits no tokens; use latency, queue, rps or "
		          "error_rate",
		          slo->text);
		return false;
	}
	service->slo = mem_resize(service->slo, service->n_slo + 1, sizeof(*service->slo));
	service->slo[service->n_slo++] = *slo;
	return true;
}

void scenario_check_goodput(const struct scenario *sc, const struct json_at *services)
{
	for (size_t i = 0; i < sc->n_services; i++) {
		const struct scenario_service *service = &sc->services[i];
		struct json_at item = json_item(services, i);
		bool wanted = false, defined = false;

		for (size_t k = 0; k < service->n_slo; k++) {
			wanted = wanted || service->slo[k].metric == SLO_GOODPUT;
			/* gaps are counted one by one, not by request */
			defined = defined || (service->slo[k].stat != SLO_NONE &&
			                      service->slo[k].metric != SLO_ITL);
		}
		if (wanted && !defined) {
			json_fail(&item,
			          "goodput counts the requests within the limits on ttft, tpot, "
			          "latency ...; add one of them to \"slo\"");
		}
	}
}

static void read_one_slo(struct scenario_loader *l, struct scenario_service *service,
                         const struct json_at *at)
{
	const char *text, *why;
	struct slo slo;
	char path[512];

	if (!json_want_string(at, &text)) {
		return;
	}
	if (!slo_parse(text, &slo, &why)) {
		json_fail(at, "%s", why);
		return;
	}
	if (scenario_add_slo(service, &slo, at)) {
		option_log_add(l->sc->log, json_path(at, path, sizeof(path)), slo.text, "scenario");
	}
}

static void read_slo(struct scenario_loader *l, struct scenario_service *service,
                     const struct json_at *at)
{
	struct json_at list;

	if (!json_get(at, "slo", &list)) {
		scenario_log(l, at, "slo", "none", "default");
		return;
	}
	if (json_is_string(list.value)) {
		read_one_slo(l, service, &list);
	} else if (json_want_array(&list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			struct json_at item = json_item(&list, i);

			read_one_slo(l, service, &item);
		}
	}
}

static void check_service_name(const struct scenario *sc, const char *name, size_t index,
                               const struct json_at *at)
{
	if (!scenario_check_name(at, name)) {
		return;
	}
	for (size_t i = 0; i < index; i++) {
		if (sc->services[i].name != NULL && strcmp(sc->services[i].name, name) == 0) {
			json_fail(at, "a second service named \"%s\"", name);
		}
	}
}

static void read_service(struct scenario_loader *l, size_t index, const struct json_at *at)
{
	struct scenario_service *service = &l->sc->services[index];
	struct service_keys keys;
	struct json_at member;

	scenario_fill(l, scenario_service_table, &keys, at);
	if (json_is_object(at->value)) {
		service->name = mem_strdup(keys.name);
		service->precision = read_precision(keys.precision);
		service->replicas = keys.replicas;
		scenario_read_changes(l, service, &keys.changes, at);
		scenario_read_autoscaler(l, service, at);
		if (keys.name != NULL) {
			check_service_name(l->sc, keys.name, index, at);
		}
		if (keys.model != NULL && json_get(at, "model", &member)) {
			service->llm = scenario_llm(l, &member, keys.model);
		}
		service->model_name =
			mem_strdup(service->llm != NULL ? service->llm->name : keys.model);
		read_kv_precision(l, service, keys.kv_precision, at);
		service->calibration = keys.calibration;
		service->engine_version = mem_strdup(keys.engine_version);
		read_engine(l, service, keys.engine, at);
		read_parallel(l, service, &keys, at);
		check_heads(service, at);
		scenario_read_part(l, service, &keys.part, at);
		service->priority = scenario_read_priority(l, at, SCENARIO_PRIORITY);
		service->project = scenario_project_of(l, keys.project, at);
		service->preemptible = keys.preemptible;
		scenario_read_policy(l, &service->routing, at, "routing", "least_outstanding");
		read_slo(l, service, at);
	}
	option_fini(scenario_service_table, &keys);
}

void scenario_read_services(struct scenario_loader *l, const struct json_at *at)
{
	if (!json_want_array(at)) {
		return;
	}
	size_t n = json_array_size(at->value);

	if (n == 0) {
		json_fail(at, "needs at least one service");
	}
	l->sc->services = mem_new(n, sizeof(*l->sc->services));
	l->sc->n_services = n;
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(at, i);

		read_service(l, i, &item);
	}
}
