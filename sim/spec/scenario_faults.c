/* The "faults" of a scenario: what fails, when, and for how long. */
#include "spec/scenario_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct fault_keys {
	int kind;
	ns_t at, every, span;
	char *node;
	int64_t gpu;
	double factor;
};

static const char *const kinds[] = {"gpu", "node", "link", "slow_start", NULL};
static_assert(FAULT_SLOW_START == 3, "the names are those of enum fault_kind");

#define KEY(member) offsetof(struct fault_keys, member)

/* clang-format off */
const struct option scenario_fault_table[] = {
	{"kind", OPTION_CHOICE, KEY(kind), 0, 0, NULL, kinds, NULL,
	 "gpu, node, link (of a node to its weights) or slow_start"},
	{"at", OPTION_DURATION, KEY(at), 0, 9e18, "0s", NULL, "s",
	 "when it fails; with every, from when on it may"},
	{"every", OPTION_DURATION, KEY(every), 1e-9, 9e18, "", NULL, "s", "mean time between such faults"},
	{"for", OPTION_DURATION, KEY(span), 1e-9, 9e18, "", NULL, "s",
	 "until it is mended; to the end of the run when absent"},
	{"node", OPTION_TEXT, KEY(node), 0, 0, "", NULL, NULL,
	 "nvl-0, the first of group nvl; nvl, one of them; drawn when absent"},
	{"gpu", OPTION_INT, KEY(gpu), 0, 1023, "", NULL, NULL, "of the node; drawn when absent"},
	{"factor", OPTION_SHARE, KEY(factor), 0, 0, "", NULL, NULL,
	 "of the speed of a link or a start that is left"},
	SCENARIO_END,
};
/* clang-format on */

/* The place in a group of its node NAME-PLACE, behind the name; -1: there is no such node. */
static int64_t place_in(const struct scenario_nodes *nodes, const char *behind)
{
	char *end = NULL;
	if (behind[0] != '-' || behind[1] < '0' || behind[1] > '9') {
		return -1;
	}
	const long long place = strtoll(behind + 1, &end, 10);
	return *end == '\0' && place < nodes->count ? place : -1;
}

/* Say that nobody is called so; `like` has a name that it begins with, or is NULL. */
static void fail_node(const struct scenario *sc, const struct json_at *at, const char *name,
                      const struct scenario_nodes *like)
{
	const char *example = "nodes";
	for (size_t i = 0; i < sc->n_nodes; i++) {
		example = sc->nodes[i].name != NULL ? sc->nodes[i].name : example;
	}
	if (like == NULL) {
		json_fail(at,
		          "no such node: \"%.80s\"; a node is called by its group and its place in "
		          "it, as \"%s-0\"",
		          name, example);
	} else {
		json_fail(at,
		          "no such node: \"%.80s\"; %s has %" PRId64 ", from \"%s-0\" on; \"%s\" "
		          "alone is one of them, drawn",
		          name, like->name, like->count, like->name, like->name);
	}
}

/* "nvl" or "nvl-3" into group and node. */
static void read_node(struct scenario_loader *l, struct scenario_fault *fault, const char *name,
                      const struct json_at *at)
{
	const struct scenario *const sc = l->sc;
	const struct scenario_nodes *like = NULL;
	struct json_at member;
	if (!json_get(at, "node", &member)) {
		return;
	}
	for (size_t i = 0; i < sc->n_nodes && fault->group < 0; i++) {
		const struct scenario_nodes *const nodes = &sc->nodes[i];
		const size_t n = nodes->name != NULL ? strlen(nodes->name) : 0;
		if (n == 0 || strncmp(name, nodes->name, n) != 0) {
			continue;
		}
		fault->node = place_in(nodes, name + n);
		fault->group = fault->node >= 0 || name[n] == '\0' ? (int64_t)i : -1;
		like = name[n] == '-' ? nodes : like;
	}
	if (fault->group < 0) {
		fail_node(sc, &member, name, like);
	}
}

static void read_gpu(struct scenario_loader *l, struct scenario_fault *fault, int64_t gpu,
                     const struct json_at *at)
{
	struct json_at member;
	int64_t most = 0;
	if (!json_get(at, "gpu", &member)) {
		return;
	}
	for (size_t i = 0; i < l->sc->n_nodes; i++) {
		const bool meant = fault->group < 0 || fault->group == (int64_t)i;
		most = meant && l->sc->nodes[i].gpus > most ? l->sc->nodes[i].gpus : most;
	}
	fault->gpu = gpu;
	if (fault->kind != FAULT_GPU) {
		json_fail(&member, "a fault of kind %s has no gpu", kinds[fault->kind]);
	} else if (fault->group < 0) {
		json_fail(&member, "needs a node, whose GPU it is");
	} else if (gpu >= most) {
		json_fail(&member, "the node has %" PRId64 " GPUs, the first is 0; got %" PRId64,
		          most, gpu);
	}
}

static void read_factor(struct scenario_fault *fault, double factor, const struct json_at *at)
{
	const bool slows = fault->kind == FAULT_LINK || fault->kind == FAULT_SLOW_START;
	struct json_at member;
	fault->factor_ppm = (int64_t)(factor * 1e6 + 0.5);
	if (!json_get(at, "factor", &member)) {
		if (slows) {
			json_fail(at, "a fault of kind %s needs a factor, as 0.5: half as fast",
			          kinds[fault->kind]);
		}
	} else if (!slows) {
		json_fail(&member, "a fault of kind %s has no factor", kinds[fault->kind]);
	} else if (fault->factor_ppm < 1 || factor >= 1.0) {
		json_fail(&member, "must be above 0 and below 1, got %g", factor);
	}
}

static void read_fault(struct scenario_loader *l, struct scenario_fault *fault,
                       const struct json_at *at)
{
	struct fault_keys keys;
	struct json_at member;
	if (scenario_fill(l, scenario_fault_table, &keys, at)) {
		*fault = (struct scenario_fault){.kind = keys.kind,
		                                 .at = keys.at,
		                                 .every = keys.every,
		                                 .span = NS_NEVER,
		                                 .group = -1,
		                                 .node = -1,
		                                 .gpu = -1};
		if (json_get(at, "for", &member)) {
			fault->span = keys.span;
		}
		if (keys.every == 0 && !json_get(at, "at", &member)) {
			json_fail(at, "needs \"at\", when it fails, or \"every\", a mean time "
			              "between faults");
		}
		read_node(l, fault, keys.node, at);
		read_gpu(l, fault, keys.gpu, at);
		read_factor(fault, keys.factor, at);
	}
	option_fini(scenario_fault_table, &keys);
}

void scenario_read_faults(struct scenario_loader *l, const struct json_at *root)
{
	struct json_at at;
	if (!json_get(root, "faults", &at)) {
		option_log_add(l->sc->log, "faults", "none", "default");
		return;
	}
	if (!json_want_array(&at)) {
		return;
	}
	l->sc->n_faults = json_array_size(at.value);
	l->sc->faults = mem_new(l->sc->n_faults, sizeof(*l->sc->faults));
	for (size_t i = 0; i < l->sc->n_faults; i++) {
		const struct json_at item = json_item(&at, i);
		read_fault(l, &l->sc->faults[i], &item);
	}
}
