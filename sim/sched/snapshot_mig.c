/* MIG in snapshots: instances that nodes have, and that pods ask for by name. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sched/snapshot_private.h"

#define PREFIX "nvidia.com/mig-"

/* The g of "nvidia.com/mig-3g.40gb"; 0: it is no such name. */
static int64_t compute_slices(const char *name)
{
	const size_t prefix = strlen(PREFIX);
	if (strncmp(name, PREFIX, prefix) != 0) {
		return 0;
	}
	const char *const g = name + prefix;
	return g[0] >= '1' && g[0] <= '7' && g[1] == 'g' && g[2] == '.' ? g[0] - '0' : 0;
}

int64_t snapshot_profile(struct snapshot *s, const struct json_at *at, const char *name,
                         int64_t gpus)
{
	for (size_t i = 0; i < s->migs.n; i++) {
		if (strcmp(s->migs.at[i].name, name) == 0) {
			return (int64_t)i;
		}
	}
	if (s->migs.n == SCHED_MIGS) {
		json_fail(at, "more than %d MIG profiles and classes of devices", SCHED_MIGS);
		return -1;
	}
	const struct sched_mig mig = {mem_strdup(name), gpus};
	vec_push(&s->migs, mig);
	return (int64_t)s->migs.n - 1;
}

static int64_t find_profile(struct snapshot *s, const struct json_at *at, const char *name)
{
	const int64_t gpus = compute_slices(name);
	if (gpus == 0) {
		json_fail(at, "\"%.60s\" is no MIG profile; expected one like " PREFIX "1g.10gb",
		          name);
		return -1;
	}
	return snapshot_profile(s, at, name, gpus);
}

/* A whole number of instances; -1 with an error added. */
static int64_t instances(const struct json_at *at)
{
	const int64_t n = json_is_integer(at->value) ? json_integer_value(at->value) : -1;
	if (n >= 0 && n <= SCHED_MOST_SLICES) {
		return n;
	}
	json_fail(at, "expected MIG instances, a whole number from 0 to %d", SCHED_MOST_SLICES);
	return -1;
}

/* Instances by profile under `key` of `at`, into amounts[SCHED_MIGS]; how many profiles. */
static size_t read_all(struct snapshot *s, const struct json_at *at, const char *key,
                       int64_t *amounts)
{
	struct json_at all, one;
	size_t n = 0;
	if (!json_get(at, key, &all) || !json_want_object(&all)) {
		return 0;
	}
	json_t *const object = json_object_get(at->value, key);
	for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
		const char *const name = json_object_iter_key(i);
		json_get(&all, name, &one);
		const int64_t profile = find_profile(s, &one, name), amount = instances(&one);
		if (profile >= 0 && amount >= 0) {
			amounts[profile] = amount;
			n++;
		}
	}
	return n;
}

void snapshot_read_mig_node(struct snapshot *s, const struct json_at *node, struct sched_node *out)
{
	int64_t *const amounts = mem_new(SCHED_MIGS, sizeof(*amounts));
	if (read_all(s, node, "mig_instances", amounts) > 0) {
		out->slices = amounts;
	} else {
		free(amounts);
	}
}

void snapshot_read_mig_ask(struct snapshot *s, const struct json_at *task, struct sched_ask *out,
                           char **unsupported)
{
	int64_t amounts[SCHED_MIGS] = {0};
	if (read_all(s, task, "mig", amounts) > 1) {
		snapshot_cannot(unsupported, "several MIG profiles of one pod");
	}
	for (size_t i = 0; i < s->migs.n; i++) {
		if (amounts[i] > 0) {
			out->mig = (int64_t)i;
			out->slices = amounts[i];
		}
	}
}
