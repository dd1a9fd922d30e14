/* The "cluster" of a scenario: groups of equal nodes. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct cluster_keys {
	const json_t *nodes;
};

#define NODES(member) offsetof(struct scenario_nodes, member)

/* clang-format off */
const struct option scenario_cluster_table[] = {
	{"nodes", OPTION_NODE, offsetof(struct cluster_keys, nodes), 0, 0, NULL, NULL, NULL,
	 "list of groups of equal nodes"},
	SCENARIO_END,
};

const struct option scenario_nodes_table[] = {
	{"name", OPTION_TEXT, NODES(name), 0, 0, "", NULL, NULL, "of the group; its place when absent"},
	{"count", OPTION_INT, NODES(count), 0, 100000, "1", NULL, "nodes",
	 "equal nodes; 0: as if the group were not there"},
	{"gpu", OPTION_TEXT, NODES(gpu_name), 0, 0, NULL, NULL, NULL, "a GPU data sheet or its alias"},
	{"gpus", OPTION_INT, NODES(gpus), 1, 1024, "8", NULL, "GPUs", "of one node"},
	{"cpus", OPTION_INT, NODES(cpus), 1, 100000, "128", NULL, "cores", "of one node"},
	{"host_memory", OPTION_BYTES, NODES(host_memory), 1, 9e15, "1TiB", NULL, "bytes", "of one node"},
	{"storage_bandwidth", OPTION_RATE, NODES(storage_bandwidth), 1, 1e15, "6GB", NULL, "bytes/s",
	 "reading weights, one node"},
	SCENARIO_END,
};
/* clang-format on */

static void read_node_group(struct scenario_loader *l, struct scenario_nodes *nodes,
                            const struct json_at *at, size_t index)
{
	struct json_at gpu;

	if (!scenario_fill(l, scenario_nodes_table, nodes, at) && !json_is_object(at->value)) {
		return;
	}
	if (nodes->name == NULL) {
		nodes->name = mem_printf("nodes-%zu", index);
		scenario_log(l, at, "name", nodes->name, "default");
	} else {
		scenario_check_name(at, nodes->name);
	}
	for (size_t i = 0; i < index; i++) {
		if (l->sc->nodes[i].name != NULL &&
		    strcmp(l->sc->nodes[i].name, nodes->name) == 0) {
			json_fail(at, "a second group of nodes named \"%s\"", nodes->name);
		}
	}
	if (nodes->gpu_name != NULL && json_get(at, "gpu", &gpu)) {
		nodes->gpu = scenario_gpu(l, &gpu, nodes->gpu_name);
	}
	if (nodes->gpu != NULL) {
		free(nodes->gpu_name);
		nodes->gpu_name = mem_strdup(nodes->gpu->name);
	}
}

/* Forget the groups without nodes; one stays, so that there are machines to speak of. */
static void drop_empty_groups(struct scenario *sc, const struct json_at *at)
{
	size_t kept = 0;
	for (size_t i = 0; i < sc->n_nodes; i++) {
		if (sc->nodes[i].count > 0) {
			const struct scenario_nodes nodes = sc->nodes[kept];
			sc->nodes[kept++] = sc->nodes[i];
			sc->nodes[i] = nodes;
		}
	}
	if (kept == 0 && sc->n_nodes > 0) {
		json_fail(at, "every group has \"count\" 0: there are no nodes");
		return;
	}
	for (size_t i = kept; i < sc->n_nodes; i++) {
		free(sc->nodes[i].name);
		free(sc->nodes[i].gpu_name);
	}
	sc->n_nodes = kept;
}

void scenario_read_cluster(struct scenario_loader *l, const struct json_at *at)
{
	struct cluster_keys keys;
	struct json_at nodes;

	if (!scenario_fill(l, scenario_cluster_table, &keys, at) ||
	    !json_get(at, "nodes", &nodes) || !json_want_array(&nodes)) {
		return;
	}
	size_t n = json_array_size(nodes.value);

	if (n == 0) {
		json_fail(&nodes, "needs at least one group of nodes");
	}
	l->sc->nodes = mem_new(n, sizeof(*l->sc->nodes));
	l->sc->n_nodes = n;
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(&nodes, i);

		read_node_group(l, &l->sc->nodes[i], &item, i);
	}
	drop_empty_groups(l->sc, &nodes);
}
