/* The "swap" of a scheduler: replicas that go to host memory while others need their GPUs. */
#include "spec/scenario_private.h"

#include <string.h>

#include "base/str.h"

struct swap_keys {
	const json_t *policy;
	int method;
	bytes_t host_memory, reserved;
	ns_t residency;
	bool bidirectional;
};

#define KEY(member) offsetof(struct swap_keys, member)

/* clang-format off */
const struct option scenario_swap_table[] = {
	{"policy", OPTION_NODE, KEY(policy), 0, 0, "", NULL, NULL,
	 "the policy that picks who goes out; " SCENARIO_SWAP},
	{"method", OPTION_CHOICE, KEY(method), 0, 0, "memory", swap_methods, NULL,
	 "memory moves all that a process holds, sleep_1 and sleep_2 are vLLM's"},
	{"host_memory", OPTION_BYTES, KEY(host_memory), 0, 9e15, "100GiB", NULL, "bytes",
	 "of each node, for what is swapped"},
	{"reserved_gpu_memory", OPTION_BYTES, KEY(reserved), 0, 1e12, "2GiB", NULL, "bytes",
	 "of each GPU, for what stays there of swapped processes"},
	{"min_residency", OPTION_DURATION, KEY(residency), 0, 9e18, "2s", NULL, "s",
	 "on the GPU before a replica goes out again"},
	{"bidirectional", OPTION_BOOL, KEY(bidirectional), 0, 0, "true", NULL, NULL,
	 "out and in at the same time"},
	SCENARIO_END,
};
/* clang-format on */

static void check_room(const struct scenario *sc, const struct swap_keys *keys,
                       const struct json_at *at)
{
	char has[32], wants[32];
	for (size_t i = 0; i < sc->n_nodes; i++) {
		const struct scenario_nodes *const n = &sc->nodes[i];
		if (keys->host_memory > n->host_memory) {
			json_fail(at, "host_memory %s is more than the %s of a node of %s",
			          str_bytes(keys->host_memory, wants, sizeof(wants)),
			          str_bytes(n->host_memory, has, sizeof(has)), n->name);
		}
		if (n->gpu != NULL && keys->reserved > n->gpu->memory_bytes / 2) {
			json_fail(at, "reserved_gpu_memory %s is more than half of the %s of %s",
			          str_bytes(keys->reserved, wants, sizeof(wants)),
			          str_bytes(n->gpu->memory_bytes, has, sizeof(has)), n->gpu_name);
		}
	}
}

/* Shares of compute that follow the fraction do not go with it, as in Run:ai. */
static void check_scheduler(const struct scenario_loader *l, const struct json_at *at)
{
	const char *const share = l->sc->compute_share.name;
	if (share != NULL && (strcmp(share, "strict") == 0 || strcmp(share, "fair") == 0)) {
		json_fail(at, "does not go with compute_share \"%s\"; use \"time_slicing\"", share);
	}
	if (l->whole_gpus) {
		json_fail(at, "scheduler.kind kubernetes knows no swap; use \"runai\"");
	} else if (!l->lends_memory) {
		json_fail(at, "does not go with memory_share \"static\"; use \"dynamic\"");
	}
}

void scenario_read_swap(struct scenario_loader *l, const struct json_at *scheduler)
{
	struct scenario_swap *const out = &l->sc->swap;
	struct swap_keys keys;
	struct json_at at;
	if (!json_get(scheduler, "swap", &at) ||
	    !scenario_fill(l, scenario_swap_table, &keys, &at)) {
		return;
	}
	out->on = true;
	out->method = keys.method;
	out->host_memory = keys.host_memory;
	out->residency = keys.residency > 0 ? keys.residency : 1; /* who comes begins its batch */
	out->bidirectional = keys.bidirectional;
	check_room(l->sc, &keys, &at);
	check_scheduler(l, &at);
	scenario_read_policy(l, &out->policy, &at, "policy", SCENARIO_SWAP);
	for (size_t i = 0; i < l->sc->n_nodes; i++) {
		l->sc->nodes[i].swap_reserved = keys.reserved;
	}
}

void scenario_check_swap(struct scenario_loader *l, const struct json_at *root)
{
	struct json_at scheduler, at;
	bool any = l->sc->n_services == 0 || !l->lends_memory; /* then that is the error */
	if (!l->sc->swap.on || !json_get(root, "scheduler", &scheduler) ||
	    !json_get(&scheduler, "swap", &at)) {
		return;
	}
	for (size_t i = 0; i < l->sc->n_services; i++) {
		any = any || scenario_borrows(&l->sc->services[i]);
	}
	if (!any) {
		json_fail(&at, "nobody can be swapped: that needs a service with a fraction_limit "
		               "(or gpu_memory_limit) above its request; whole GPUs stay");
	}
}
