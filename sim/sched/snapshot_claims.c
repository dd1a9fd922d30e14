/*
 * Dynamic resource allocation in snapshots: devices of nodes by class, and claims that pods hold
 * them by. A class of devices is counted as a MIG profile is; one of GPUs is charged to queues.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "sched/snapshot_private.h"

#define QUEUE_LABEL "kai.scheduler/queue"

struct dra_keys {
	const json_t *classes, *claims, *slices;
};

#define DRA(field) offsetof(struct dra_keys, field)
static const struct option dra_table[] = {
	{"DeviceClasses", OPTION_NODE, DRA(classes), 0, 0, NULL, NULL, NULL, ""},
	{"ResourceClaims", OPTION_NODE, DRA(claims), 0, 0, "", NULL, NULL, ""},
	{"ResourceSlices", OPTION_NODE, DRA(slices), 0, 0, "", NULL, NULL, ""},
	{0},
};

struct slice_keys {
	char *name, *node, *device_class;
	int64_t count;
};

#define SLICE(field) offsetof(struct slice_keys, field)
static const struct option slice_table[] = {
	{"Name", OPTION_TEXT, SLICE(name), 0, 0, "", NULL, NULL, ""},
	{"NodeName", OPTION_TEXT, SLICE(node), 0, 0, NULL, NULL, NULL, ""},
	{"DeviceClassName", OPTION_TEXT, SLICE(device_class), 0, 0, NULL, NULL, NULL, ""},
	{"Count", OPTION_INT, SLICE(count), 0, SCHED_MOST_SLICES, NULL, NULL, NULL, ""},
	{0},
};

struct claim_keys {
	char *name, *namespace, *device_class;
	int64_t count;
	const json_t *labels, *status;
};

#define CLAIM(field) offsetof(struct claim_keys, field)
static const struct option claim_table[] = {
	{"Name", OPTION_TEXT, CLAIM(name), 0, 0, NULL, NULL, NULL, ""},
	{"Namespace", OPTION_TEXT, CLAIM(namespace), 0, 0, "", NULL, NULL, ""},
	{"DeviceClassName", OPTION_TEXT, CLAIM(device_class), 0, 0, NULL, NULL, NULL, ""},
	{"Count", OPTION_INT, CLAIM(count), 1, SCHED_MOST_SLICES, NULL, NULL, NULL, ""},
	{"Labels", OPTION_NODE, CLAIM(labels), 0, 0, "", NULL, NULL, ""},
	{"ClaimStatus", OPTION_NODE, CLAIM(status), 0, 0, "", NULL, NULL, ""},
	{0},
};

/* A class with "gpu" in its name, of any case, is one of GPUs. */
static bool is_gpu(const char *device_class)
{
	for (const char *c = device_class; *c != '\0'; c++) {
		if (tolower((unsigned char)c[0]) == 'g' && tolower((unsigned char)c[1]) == 'p' &&
		    tolower((unsigned char)c[2]) == 'u') {
			return true;
		}
	}
	return false;
}

/* The class under its number among the MIG profiles; -1: the cluster has none of that name. */
static int64_t find_class(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->migs.n; i++) {
		if (strcmp(s->migs.at[i].name, name) == 0) {
			return (int64_t)i;
		}
	}
	return -1;
}

static void fail_class(const struct snapshot *s, const struct json_at *at, const char *got)
{
	struct json_at member;
	const char **const names = mem_new(s->migs.n, sizeof(*names));
	for (size_t i = 0; i < s->migs.n; i++) {
		names[i] = s->migs.at[i].name;
	}
	json_get(at, "DeviceClassName", &member);
	json_fail_name(&member, "device class", got, names, s->migs.n);
	free(names);
}

static void read_class(struct snapshot *s, const struct json_at *at)
{
	const char *name;
	if (json_want_string(at, &name)) {
		snapshot_profile(s, at, name, is_gpu(name) ? 1 : 0);
	}
}

static void add_devices(struct snapshot *s, const struct json_at *at, const struct slice_keys *k)
{
	const int64_t class = find_class(s, k->device_class);
	size_t n = 0;
	while (n < s->nodes.n && strcmp(s->nodes.at[n].name, k->node) != 0) {
		n++;
	}
	if (n == s->nodes.n) {
		json_fail(at, "NodeName: no node \"%.60s\"", k->node);
	} else if (class < 0) {
		fail_class(s, at, k->device_class);
	} else {
		struct sched_node *const node = &s->nodes.at[n];
		if (node->slices == NULL) {
			node->slices = mem_new(SCHED_MIGS, sizeof(*node->slices));
		}
		node->slices[class] += k->count;
	}
}

static void read_slice(struct snapshot *s, const struct json_at *at)
{
	struct slice_keys k = {0};
	if (option_fill(slice_table, &k, at, "snapshot", NULL)) {
		add_devices(s, at, &k);
	}
	option_fini(slice_table, &k);
}

static uint32_t find_claim(const struct snapshot *s, const char *name)
{
	for (uint32_t i = 0; i < s->claims.n; i++) {
		if (strcmp(s->claims.at[i].name, name) == 0) {
			return i;
		}
	}
	return SCHED_NONE;
}

/* The value of a claim's label for its queue; NULL: it has none. Caller frees. */
static char *queue_of(const struct json_at *at)
{
	struct sched_labels labels = {{0}};
	char *queue = NULL;
	snapshot_read_labels(at, "Labels", &labels);
	for (size_t i = 0; i < labels.list.n; i++) {
		if (strcmp(labels.list.at[i].key, QUEUE_LABEL) == 0) {
			queue = mem_strdup(labels.list.at[i].value);
		}
		free(labels.list.at[i].key);
		free(labels.list.at[i].value);
	}
	free(labels.list.at);
	return queue;
}

static void add_claim(struct snapshot *s, const struct json_at *at, const struct claim_keys *k)
{
	const struct sched_claim claim = {
		.name = mem_strdup(k->name),
		.queue = queue_of(at),
		.mig = find_class(s, k->device_class),
		.count = k->count,
	};
	if (find_claim(s, k->name) != SCHED_NONE) {
		json_fail(at, "a second claim \"%s\"", k->name);
	}
	if (claim.mig < 0 && !s->judged) {
		fail_class(s, at, k->device_class);
	}
	vec_push(&s->claims, claim);
}

static void read_claim(struct snapshot *s, const struct json_at *at)
{
	struct claim_keys k = {0};
	if (option_fill(claim_table, &k, at, "snapshot", NULL)) {
		add_claim(s, at, &k);
	}
	option_fini(claim_table, &k);
}

static void read_each(struct snapshot *s, const struct json_at *dra, const char *key,
                      void (*one)(struct snapshot *s, const struct json_at *at))
{
	struct json_at list;
	if (snapshot_list(dra, key, &list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			const struct json_at item = json_item(&list, i);
			one(s, &item);
		}
	}
}

void snapshot_read_dra(struct snapshot *s, const struct json_at *cluster)
{
	struct dra_keys k = {0};
	struct json_at dra;
	if (!json_get(cluster, "dra", &dra) || !json_want_object(&dra)) {
		return;
	}
	if (option_fill(dra_table, &k, &dra, "snapshot", NULL)) {
		read_each(s, &dra, "DeviceClasses", read_class);
		read_each(s, &dra, "ResourceSlices", read_slice);
		read_each(s, &dra, "ResourceClaims", read_claim);
	}
	option_fini(dra_table, &k);
}

/* --- pods -------------------------------------------------------------------------------------
 */

static void fail_claim(const struct snapshot *s, const struct json_at *at, const char *got)
{
	const char **const names = mem_new(s->claims.n, sizeof(*names));
	for (size_t i = 0; i < s->claims.n; i++) {
		names[i] = s->claims.at[i].name;
	}
	json_fail_name(at, "claim", got, names, s->claims.n);
	free(names);
}

/* Let the pod ask for the devices of a claim; `queue` is that of its job. */
static void use_claim(struct snapshot *s, uint32_t claim, const char *queue, struct sched_task *out)
{
	const struct sched_claim *const c = &s->claims.at[claim];
	struct sched_tie *const tie = snapshot_tie(s, out);
	if (c->mig < 0) {
		tie->lost = true;
		return;
	}
	tie->claim = claim;
	tie->foreign =
		s->migs.at[c->mig].gpus > 0 && (c->queue == NULL || strcmp(c->queue, queue) != 0);
	out->ask.mig = c->mig;
	out->ask.slices = c->count;
}

void snapshot_read_claims(struct snapshot *s, const struct json_at *task, const char *queue,
                          struct sched_task *out, char **unsupported)
{
	struct json_at list;
	const char *name;
	if (!snapshot_list(task, "claims", &list)) {
		return;
	}
	if (json_array_size(list.value) > 1 || out->ask.slices > 0) {
		snapshot_cannot(unsupported, "several claims of one pod, or one beside MIG");
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const struct json_at item = json_item(&list, i);
		if (!json_want_string(&item, &name)) {
			continue;
		}
		const uint32_t claim = find_claim(s, name);
		if (claim != SCHED_NONE) {
			use_claim(s, claim, queue, out);
		} else if (s->judged) {
			snapshot_tie(s, out)->lost = true;
		} else {
			fail_claim(s, &item, name);
		}
	}
}
