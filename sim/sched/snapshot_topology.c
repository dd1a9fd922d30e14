/* Topologies in snapshots: labels of nodes, levels made of them, and who belongs together where. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "sched/snapshot_private.h"

#define MOST_LEVELS 16

static void add_label(struct sched_labels *l, const char *key, const char *value)
{
	const struct sched_label label = {mem_strdup(key), mem_strdup(value)};
	vec_push(&l->list, label);
}

void snapshot_read_labels(const struct json_at *at, const char *key, struct sched_labels *out)
{
	struct json_at all, one;
	if (!json_get(at, key, &all) || !json_want_object(&all)) {
		return;
	}
	json_t *const object = json_object_get(at->value, key);
	for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
		const char *const name = json_object_iter_key(i);
		const char *value;
		if (json_get(&all, name, &one) && json_want_string(&one, &value)) {
			add_label(out, name, value);
		}
	}
}

/* --- the levels -------------------------------------------------------------------------------
 */

struct text_key {
	char *text;
};

static const struct option name_table[] = {
	{"Name", OPTION_TEXT, offsetof(struct text_key, text), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

static const struct option level_table[] = {
	{"NodeLabel", OPTION_TEXT, offsetof(struct text_key, text), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

/* The text of an object that has nothing else; NULL with an error. Caller frees. */
static char *read_text(const struct option *table, const struct json_at *at)
{
	struct text_key k = {0};
	char *text = NULL;
	if (json_want_object(at) && option_fill(table, &k, at, "snapshot", NULL)) {
		text = mem_strdup(k.text);
	}
	option_fini(table, &k);
	return text;
}

static void read_level(struct sched_topology *t, const struct json_at *at)
{
	char *const label = read_text(level_table, at);
	if (label != NULL) {
		vec_push(&t->levels, label);
	}
}

static void read_levels(struct sched_topology *t, const struct json_at *spec)
{
	struct json_at list;
	if (!snapshot_list(spec, "Levels", &list)) {
		return;
	}
	if (json_array_size(list.value) > MOST_LEVELS) {
		json_fail(&list, "more than %d levels", MOST_LEVELS);
		return;
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const struct json_at item = json_item(&list, i);
		read_level(t, &item);
	}
}

struct levels_key {
	const json_t *levels;
};

static const struct option spec_table[] = {
	{"Levels", OPTION_NODE, offsetof(struct levels_key, levels), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

struct topology_keys {
	const json_t *meta, *spec;
};

static const struct option topology_table[] = {
	{"ObjectMeta", OPTION_NODE, offsetof(struct topology_keys, meta), 0, 0, NULL, NULL, NULL,
         ""},
	{"Spec", OPTION_NODE, offsetof(struct topology_keys, spec), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

static uint32_t find_topology(const struct snapshot *s, const char *name)
{
	for (uint32_t i = 0; i < s->topologies.n; i++) {
		const char *const other = s->topologies.at[i].name;
		if (other != NULL && strcmp(other, name) == 0) {
			return i;
		}
	}
	return SCHED_NONE;
}

static void read_topology(struct snapshot *s, const struct json_at *at)
{
	struct topology_keys k = {0};
	struct levels_key l = {0};
	struct json_at meta, spec;
	if (option_fill(topology_table, &k, at, "snapshot", NULL) &&
	    json_get(at, "ObjectMeta", &meta) && json_get(at, "Spec", &spec) &&
	    json_want_object(&spec) && option_fill(spec_table, &l, &spec, "snapshot", NULL)) {
		struct sched_topology t = {.name = read_text(name_table, &meta)};
		if (t.name != NULL && find_topology(s, t.name) != SCHED_NONE) {
			json_fail(at, "a second topology \"%s\"", t.name);
		}
		read_levels(&t, &spec);
		vec_push(&s->topologies, t);
	}
	option_fini(spec_table, &l);
	option_fini(topology_table, &k);
}

void snapshot_read_topologies(struct snapshot *s, const struct json_at *cluster)
{
	struct json_at list;
	if (snapshot_list(cluster, "topologies", &list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			const struct json_at item = json_item(&list, i);
			read_topology(s, &item);
		}
	}
}

/* --- who belongs together ---------------------------------------------------------------------
 */

struct near_keys {
	char *topology, *required, *preferred;
};

static const struct option near_table[] = {
	{"Topology", OPTION_TEXT, offsetof(struct near_keys, topology), 0, 0, NULL, NULL, NULL, ""},
	{"RequiredLevel", OPTION_TEXT, offsetof(struct near_keys, required), 0, 0, "", NULL, NULL,
         ""},
	{"PreferredLevel", OPTION_TEXT, offsetof(struct near_keys, preferred), 0, 0, "", NULL, NULL,
         ""},
	{0},
};

/* The depth of a level by its label, 0 without one; false: the topology has no such level. */
static bool find_level(const struct sched_topology *t, const char *label, uint32_t *depth)
{
	*depth = 0;
	for (uint32_t i = 0; label != NULL && i < t->levels.n && *depth == 0; i++) {
		*depth = strcmp(t->levels.at[i], label) == 0 ? i + 1 : 0;
	}
	return label == NULL || *depth > 0;
}

static void fail_level(const struct sched_topology *t, const struct json_at *at, const char *key,
                       const char *got)
{
	struct json_at member;
	json_get(at, key, &member);
	json_fail_name(&member, "level", got, (const char *const *)t->levels.at, t->levels.n);
}

static void fail_topology(const struct snapshot *s, const struct json_at *at, const char *got)
{
	struct json_at member;
	const char **const names = mem_new(s->topologies.n, sizeof(*names));
	for (size_t i = 0; i < s->topologies.n; i++) {
		names[i] = s->topologies.at[i].name;
	}
	json_get(at, "Topology", &member);
	json_fail_name(&member, "topology", got, names, s->topologies.n);
	free(names);
}

/* What is written, in numbers; where it is wrong, `lost` with errors, or without for those who say
 * themselves what becomes of it. */
static struct sched_near resolve(const struct snapshot *s, const struct json_at *at,
                                 const struct near_keys *k)
{
	struct sched_near near = {.topology = find_topology(s, k->topology), .lost = true};
	if (near.topology == SCHED_NONE) {
		if (!s->judged) {
			fail_topology(s, at, k->topology);
		}
		return near;
	}
	const struct sched_topology *const t = &s->topologies.at[near.topology];
	const bool required = find_level(t, k->required, &near.required);
	const bool preferred = find_level(t, k->preferred, &near.preferred);
	const bool widens = near.preferred > 0 && near.preferred < near.required;
	const bool says = k->required != NULL || k->preferred != NULL;
	near.lost = !required || !preferred || widens || !says;
	if (!required && !s->judged) {
		fail_level(t, at, "RequiredLevel", k->required);
	} else if (!preferred && !s->judged) {
		fail_level(t, at, "PreferredLevel", k->preferred);
	} else if (widens && !s->judged) {
		json_fail(at, "PreferredLevel \"%s\" is wider than RequiredLevel \"%s\"",
		          k->preferred, k->required);
	} else if (!says && !s->judged) {
		json_fail(at, "needs a RequiredLevel, a PreferredLevel or both");
	}
	return near;
}

struct sched_near snapshot_read_near(const struct snapshot *s, const struct json_at *group)
{
	struct sched_near near = {.topology = SCHED_NONE};
	struct near_keys k = {0};
	struct json_at at;
	if (!json_get(group, "topology", &at) || !json_want_object(&at)) {
		return near;
	}
	if (option_fill(near_table, &k, &at, "snapshot", NULL)) {
		near = resolve(s, &at, &k);
	}
	option_fini(near_table, &k);
	return near;
}
