/* Parts of GPUs in a scenario, and policies as scenarios write them. */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)
/* Run:ai rounds a GPU's memory down to a multiple of this (semantics.md section 1). */
#define STEP_MIB 100

void scenario_read_policy(struct scenario_loader *l, struct scenario_policy *policy,
                          const struct json_at *at, const char *key, const char *fallback)
{
	struct json_at member, name;
	const char *text = fallback;
	char path[512];

	json_path(at, path, sizeof(path));
	policy->path = mem_printf("%s.%s", path, key);
	if (!json_get(at, key, &member)) {
		scenario_log(l, at, key, fallback, "default");
	} else if (!json_is_object(member.value)) {
		if (json_is_string(member.value)) {
			text = json_string_value(member.value);
			scenario_log(l, at, key, text, "scenario");
		} else {
			json_fail(&member,
			          "expected a policy's name or {\"policy\": NAME, ...}, got %s",
			          json_type_name(member.value));
		}
	} else if (!json_get(&member, "policy", &name)) {
		json_fail(&member, "missing key \"policy\": the policy's name");
	} else if (json_want_string(&name, &text)) {
		policy->block = member.value;
		option_log_add(l->sc->log, json_path(&name, path, sizeof(path)), text, "scenario");
	}
	policy->name = mem_strdup(text);
}

void scenario_free_policy(struct scenario_policy *policy)
{
	free(policy->name);
	free(policy->path);
}

/* A share in ppm; out of [0, 1]: an error. */
static int64_t ppm_of(double share, const char *key, const struct json_at *at)
{
	struct json_at member;

	if (share >= 0.0 && share <= 1.0) {
		return (int64_t)(share * SHARE_WHOLE + 0.5);
	}
	if (json_get(at, key, &member)) {
		json_fail(&member, "must be from 0 to 1, got %g", share);
	}
	return 0;
}

/* `fraction` is given. */
static void read_fraction(struct scenario_service *service, double fraction,
                          const struct json_at *member)
{
	service->fraction_ppm = (int64_t)(fraction * SHARE_WHOLE + 0.5);
	if (fraction > 1.0) {
		json_fail(
			member,
			"%g is more than one GPU; use gpus_per_replica: %.0f, or a value in (0, 1]",
			fraction, fraction < 1024.0 ? fraction + 0.499999 : 1024.0);
	} else if (service->fraction_ppm <= 0) {
		json_fail(member, "must be a part of a GPU, in (0, 1], got %g", fraction);
	}
}

/* A limit alone is a request too, as KAI proposes (semantics.md section 0). */
static void read_compute(struct scenario_loader *l, struct scenario_service *service,
                         const struct scenario_part_keys *keys, const struct json_at *at)
{
	struct json_at request, limit;
	const bool asked = json_get(at, "compute_request", &request);
	const bool limited = json_get(at, "compute_limit", &limit);
	char text[32];

	service->compute_request_ppm = ppm_of(keys->compute_request, "compute_request", at);
	service->compute_limit_ppm = ppm_of(keys->compute_limit, "compute_limit", at);
	if (limited && service->compute_limit_ppm == 0 && keys->compute_limit >= 0.0 &&
	    keys->compute_limit <= 1.0) {
		json_fail(&limit, "must be above 0: it would never run");
	} else if (asked && service->compute_limit_ppm < service->compute_request_ppm) {
		json_fail(limited ? &limit : &request, "limit %g is below request %g",
		          keys->compute_limit, keys->compute_request);
	} else if (limited && !asked) {
		service->compute_request_ppm = service->compute_limit_ppm;
		snprintf(text, sizeof(text), "%g", keys->compute_limit);
		scenario_log(l, at, "compute_request", text, "compute_limit");
	}
}

/* `key` is given as the limit of `of`. */
static void check_limit(const struct json_at *limit, bool asked, bool below, const char *of)
{
	if (!asked) {
		json_fail(limit, "needs \"%s\", the part that is guaranteed", of);
	} else if (below) {
		json_fail(limit, "is below %s", of);
	}
}

static void read_limits(struct scenario_loader *l, struct scenario_service *service,
                        const struct scenario_part_keys *keys, const struct json_at *at)
{
	struct json_at limit;

	service->limit_ppm = service->fraction_ppm;
	service->limit_mib = service->memory_mib;
	if (json_get(at, "fraction_limit", &limit)) {
		service->limit_ppm = (int64_t)(keys->fraction_limit * SHARE_WHOLE + 0.5);
		check_limit(&limit, keys->fraction > 0.0,
		            service->limit_ppm < service->fraction_ppm, "fraction");
		if (keys->fraction_limit > 1.0) {
			json_fail(&limit, "must be from 0 to 1, got %g", keys->fraction_limit);
		}
	}
	if (json_get(at, "gpu_memory_limit", &limit)) {
		service->limit_mib = keys->gpu_memory_limit / MIB;
		check_limit(&limit, keys->gpu_memory > 0, service->limit_mib < service->memory_mib,
		            "gpu_memory");
	}
	if (!l->lends_memory) { /* static: the same scenario, and every limit is its request */
		service->limit_ppm = service->fraction_ppm;
		service->limit_mib = service->memory_mib;
	}
}

void scenario_read_part(struct scenario_loader *l, struct scenario_service *service,
                        const struct scenario_part_keys *keys, const struct json_at *at)
{
	struct json_at fraction, memory;
	const bool by_fraction = json_get(at, "fraction", &fraction);
	const bool by_memory = json_get(at, "gpu_memory", &memory);

	service->fraction_ppm = SHARE_WHOLE;
	service->compute_limit_ppm = SHARE_WHOLE;
	if (keys->mig_profile != NULL) {
		scenario_read_mig(l, service, keys->mig_profile, at);
		return;
	}
	if (by_fraction && by_memory) {
		json_fail(&memory, "a replica asks for a fraction or for gpu_memory, not for both");
	} else if (by_memory) {
		service->fraction_ppm = 0;
		service->memory_mib = keys->gpu_memory / MIB;
	} else if (by_fraction) {
		read_fraction(service, keys->fraction, &fraction);
	} else {
		scenario_log(l, at, "fraction", "1", "default");
	}
	if (l->whole_gpus && service->fraction_ppm != SHARE_WHOLE) {
		json_fail(by_memory ? &memory : &fraction,
		          "scheduler.kind kubernetes knows whole GPUs only; use \"runai\"");
	}
	read_limits(l, service, keys, at);
	read_compute(l, service, keys, at);
}

bytes_t scenario_gpu_memory(const struct scenario_nodes *nodes)
{
	const int64_t mib = (nodes->gpu->memory_bytes - nodes->swap_reserved) / MIB;

	return (mib - mib % STEP_MIB) * MIB;
}

bool scenario_shares_gpu(const struct scenario_service *service)
{
	return service->fraction_ppm != SHARE_WHOLE && service->mig_profile == NULL;
}

bytes_t scenario_request(const struct scenario_service *service, const struct scenario_nodes *nodes)
{
	const bytes_t memory = scenario_gpu_memory(nodes);
	struct mig_slice slice;

	if (service->fraction_ppm == SHARE_WHOLE) {
		return memory;
	}
	if (service->mig_profile != NULL) {
		return scenario_slice(service, nodes, &slice)
		               ? memory / GPU_SPEC_MEMORY_SLICES * slice.memory
		               : 0;
	}
	return service->fraction_ppm > 0 ? memory / MIB * service->fraction_ppm / SHARE_WHOLE * MIB
	                                 : service->memory_mib * MIB;
}

bytes_t scenario_limit(const struct scenario_service *service, const struct scenario_nodes *nodes)
{
	if (service->mig_profile != NULL) {
		return scenario_request(service, nodes);
	}
	const bytes_t memory = scenario_gpu_memory(nodes);
	const bytes_t asked = service->fraction_ppm > 0
	                              ? memory / MIB * service->limit_ppm / SHARE_WHOLE * MIB
	                              : service->limit_mib * MIB;

	return asked < memory ? asked : memory;
}

bytes_t scenario_visible(const struct scenario_service *service, const struct scenario_nodes *nodes)
{
	return service->fraction_ppm == SHARE_WHOLE ? nodes->gpu->memory_bytes
	                                            : scenario_request(service, nodes);
}

char *scenario_part_text(const struct scenario_service *service)
{
	const long long gpus = (long long)service->gpus_per_replica;
	char bytes[32];

	if (service->mig_profile != NULL) {
		return mem_printf("a %s slice", service->mig_profile);
	}
	if (service->fraction_ppm == SHARE_WHOLE) {
		return mem_printf("%lld GPU%s", gpus, gpus == 1 ? "" : "s");
	}
	char *of = gpus == 1 ? mem_strdup("a GPU") : mem_printf("each of %lld GPUs", gpus);
	char *text =
		service->fraction_ppm > 0
			? mem_printf("%.6g of %s", (double)service->fraction_ppm / SHARE_WHOLE, of)
			: mem_printf("%s of %s",
	                             str_bytes(service->memory_mib * MIB, bytes, sizeof(bytes)),
	                             of);

	free(of);
	return text;
}

bool scenario_borrows(const struct scenario_service *service)
{
	return service->limit_ppm > service->fraction_ppm ||
	       service->limit_mib > service->memory_mib;
}

const char *scenario_limit_text(const struct scenario_service *service, char *buf, size_t size)
{
	buf[0] = '\0';
	if (scenario_borrows(service) && service->fraction_ppm > 0) {
		snprintf(buf, size, "%.6g", (double)service->limit_ppm / SHARE_WHOLE);
	} else if (scenario_borrows(service)) {
		str_bytes(service->limit_mib * MIB, buf, size);
	}
	return buf;
}

/* Is it the first group of nodes, of those that are there, with its kind of GPU? */
static bool is_first_of_kind(const struct scenario *sc, size_t nodes)
{
	bool first = sc->nodes[nodes].count > 0;
	for (size_t i = 0; i < nodes; i++) {
		first = first && (sc->nodes[i].count == 0 ||
		                  strcmp(sc->nodes[i].gpu_name, sc->nodes[nodes].gpu_name) != 0);
	}
	return first;
}

char *scenario_gpus_text(const struct scenario *sc)
{
	char *text = mem_strdup("");
	for (size_t i = 0; i < sc->n_nodes; i++) {
		if (is_first_of_kind(sc, i)) {
			char *const longer =
				mem_printf("%s%s%s", text, text[0] != '\0' ? " + " : "",
			                   sc->nodes[i].gpu_name);
			free(text);
			text = longer;
		}
	}
	return text;
}
