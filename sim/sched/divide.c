/* Trees of domains: the nodes of a cluster divided by their labels, one topology at a time. */
#include <stdlib.h>
#include <string.h>

#include "sched/snapshot.h"

const char *snapshot_label(const struct sched_node *node, const char *key)
{
	for (size_t i = 0; i < node->labels.list.n; i++) {
		if (strcmp(node->labels.list.at[i].key, key) == 0) {
			return node->labels.list.at[i].value;
		}
	}
	const bool own = strcmp(key, HOSTNAME_LABEL) == 0 || strcmp(key, TYPE_LABEL) == 0;
	return own ? node->name : NULL;
}

/* A node with all labels of a topology. */
struct member {
	uint32_t node;
	size_t n;
	const char **values; /* of the levels, n of them */
};

static int by_values(const void *a, const void *b)
{
	const struct member *const x = a;
	const struct member *const y = b;
	for (size_t i = 0; i < x->n; i++) {
		const int d = strcmp(x->values[i], y->values[i]);
		if (d != 0) {
			return d;
		}
	}
	return x->node < y->node ? -1 : x->node > y->node;
}

/* The values of a node's labels; false: it lacks one. */
static bool read_values(const struct sched_topology *t, const struct sched_node *node,
                        const char **values)
{
	for (size_t i = 0; i < t->levels.n; i++) {
		values[i] = snapshot_label(node, t->levels.at[i]);
		if (values[i] == NULL) {
			return false;
		}
	}
	return true;
}

/* The nodes of a topology in the order of its domains; *n of them. Caller frees. */
static struct member *list_members(const struct snapshot *s, const struct sched_topology *t,
                                   const char **values, size_t *n)
{
	struct member *const list = mem_new(s->nodes.n, sizeof(*list));
	*n = 0;
	for (uint32_t i = 0; i < s->nodes.n; i++) {
		const char **const at = &values[*n * t->levels.n];
		if (read_values(t, &s->nodes.at[i], at)) {
			list[(*n)++] = (struct member){i, t->levels.n, at};
		}
	}
	if (*n > 0) {
		qsort(list, *n, sizeof(*list), by_values);
	}
	return list;
}

static uint32_t add_domain(struct snapshot *s, uint32_t parent, uint32_t depth)
{
	const struct sched_domain domain = {.parent = parent, .depth = depth};
	const uint32_t at = (uint32_t)s->domains.n;
	vec_push(&s->domains, domain);
	if (parent != SCHED_NONE) {
		struct sched_domain *const above = &s->domains.at[parent];
		above->first_child = above->n_children == 0 ? at : above->first_child;
		above->n_children++;
	}
	return at;
}

/* Divide every domain of the level above by the labels of this one. */
static void add_level(struct snapshot *s, struct sched_topology *t, const struct member *list,
                      size_t n, size_t level)
{
	uint32_t last = SCHED_NONE;
	for (size_t i = 0; i < n; i++) {
		uint32_t *const at = &t->leaf[list[i].node];
		if (last == SCHED_NONE || s->domains.at[last].parent != *at ||
		    strcmp(list[i].values[level], list[i - 1].values[level]) != 0) {
			last = add_domain(s, *at, (uint32_t)level + 1);
		}
		*at = last;
	}
}

static void divide(struct snapshot *s, struct sched_topology *t)
{
	const char **const values = mem_new(s->nodes.n * t->levels.n, sizeof(*values));
	size_t n;
	struct member *const list = list_members(s, t, values, &n);
	free(t->leaf);
	t->leaf = mem_new(s->nodes.n, sizeof(*t->leaf));
	t->first_domain = add_domain(s, SCHED_NONE, 0);
	for (size_t i = 0; i < s->nodes.n; i++) {
		t->leaf[i] = SCHED_NONE;
	}
	for (size_t i = 0; i < n; i++) {
		t->leaf[list[i].node] = t->first_domain;
	}
	for (size_t level = 0; level < t->levels.n; level++) {
		add_level(s, t, list, n, level);
	}
	t->n_domains = (uint32_t)s->domains.n - t->first_domain;
	free(list);
	free(values);
}

void snapshot_divide(struct snapshot *s)
{
	for (size_t i = 0; i < s->topologies.n; i++) {
		divide(s, &s->topologies.at[i]);
	}
}
