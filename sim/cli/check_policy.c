/* For `check`: the options of the policies that a scenario chooses, with values and sources. */
#include "cli/check_policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/registry.h"

/* The policy of a kind and name; NULL when there is none. */
static const struct policy_head *find_head(const char *kind, const char *name)
{
	const struct policy_head *head;
	const char *its;
	for (size_t i = 0; (head = registry_head(i, &its)) != NULL; i++) {
		if (strcmp(its, kind) == 0 && strcmp(head->name, name) == 0) {
			return head;
		}
	}
	return NULL;
}

/* Length of the path of a policy: that of its name, or of the object whose "policy" that is. */
static size_t policy_length(const char *path)
{
	static const char tail[] = ".policy";
	const size_t n = strlen(path), end = sizeof(tail) - 1;
	return n > end && strcmp(path + n - end, tail) == 0 ? n - end : n;
}

/* What `seen` chooses: its path ends with the kind, its value is the name. */
static const struct policy_head *chosen(const struct option_seen *seen)
{
	char *const path = mem_printf("%.*s", (int)policy_length(seen->path), seen->path);
	const char *const dot = strrchr(path, '.');
	const struct policy_head *const head = dot != NULL ? find_head(dot + 1, seen->value) : NULL;
	free(path);
	return head;
}

/* The object in which the scenario states options at a path; NULL: it names the policy only. */
static const json_t *find_block(const struct scenario *sc, const char *path)
{
	const struct scenario_policy *const all[] = {&sc->placement, &sc->compute_share,
	                                             &sc->oom_victim, &sc->priority};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->path != NULL && strcmp(all[i]->path, path) == 0) {
			return all[i]->block;
		}
	}
	for (size_t i = 0; i < sc->n_services; i++) {
		const struct scenario_policy *const own[] = {&sc->services[i].routing,
		                                             &sc->services[i].autoscaler.policy};
		for (size_t k = 0; k < 2; k++) {
			if (own[k]->path != NULL && strcmp(own[k]->path, path) == 0) {
				return own[k]->block;
			}
		}
	}
	return NULL;
}

/* The options of one policy; the simulation was built, so that they are right. */
static void add_options(const struct scenario *sc, const struct option_seen *seen,
                        const struct policy_head *head, struct option_log *out)
{
	char *const path = mem_printf("%.*s", (int)policy_length(seen->path), seen->path);
	const json_t *const block = find_block(sc, path);
	json_t *const stated = block != NULL ? json_deep_copy(block) : json_object();
	void *const self = mem_new(1, head->self_size + 1);
	struct err *const err = err_new();
	const struct json_at root = json_root(NULL, sc->file, err);
	const struct json_at at = {
		.value = stated, .up = &root, .key = path, .file = sc->file, .err = err};
	json_object_del(stated, "policy");
	option_fill(head->options, self, &at, seen->source, out);
	option_fini(head->options, self);
	err_free(err);
	free(self);
	free(path);
	json_decref(stated);
}

struct option_log *check_policies(const struct scenario *sc)
{
	struct option_log *const out = option_log_new();
	for (size_t i = 0; i < option_log_size(sc->log); i++) {
		const struct option_seen *const seen = option_log_at(sc->log, i);
		const struct policy_head *const head = chosen(seen);
		if (head != NULL && head->options != NULL) {
			add_options(sc, seen, head, out);
		}
	}
	return out;
}

const char *check_policy_help(const struct option_seen *seen)
{
	const struct policy_head *const head = chosen(seen);
	return head != NULL ? head->help : seen->help;
}

bool check_is_option_of(const struct option_seen *option, const struct option_seen *policy)
{
	const size_t n = policy_length(policy->path);
	return strncmp(option->path, policy->path, n) == 0 && option->path[n] == '.';
}
