/* Reads scheduling cases and runs them: one cycle, or cycles until nothing changes any more. */
#include "study/cases.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "policy/registry.h"
#include "sched/snapshot_read.h"
#include "study/cases_private.h"

struct case_keys {
	char *id, *trust, *tier;
	int mode;
	int64_t rounds_until_match, rounds_after_match;
	double k, seconds_between_rounds;
	const json_t *source, *actions, *features, *cluster, *jobs, *expect, *plugins, *notes;
	const json_t *scheduler;
};

static const char *const modes[] = {"session", "rounds", NULL};

#define CASE(field) offsetof(struct case_keys, field)
static const struct option case_table[] = {
	{"id", OPTION_TEXT, CASE(id), 0, 0, NULL, NULL, NULL, ""},
	{"trust", OPTION_TEXT, CASE(trust), 0, 0, "", NULL, NULL, ""},
	{"tier", OPTION_TEXT, CASE(tier), 0, 0, "", NULL, NULL, ""},
	{"mode", OPTION_CHOICE, CASE(mode), 0, 0, "session", modes, NULL, ""},
	{"rounds_until_match", OPTION_INT, CASE(rounds_until_match), 1, 1000, "2", NULL, NULL, ""},
	{"rounds_after_match", OPTION_INT, CASE(rounds_after_match), 0, 1000, "5", NULL, NULL, ""},
	{"k", OPTION_REAL, CASE(k), 0, 1000, "0", NULL, NULL, ""},
	{"seconds_between_rounds", OPTION_REAL, CASE(seconds_between_rounds), 0, 1e6, "0", NULL,
         "s", ""},
	{"source", OPTION_NODE, CASE(source), 0, 0, "", NULL, NULL, ""},
	{"actions", OPTION_NODE, CASE(actions), 0, 0, "", NULL, NULL, ""},
	{"features", OPTION_NODE, CASE(features), 0, 0, "", NULL, NULL, ""},
	{"cluster", OPTION_NODE, CASE(cluster), 0, 0, NULL, NULL, NULL, ""},
	{"jobs", OPTION_NODE, CASE(jobs), 0, 0, NULL, NULL, NULL, ""},
	{"expect", OPTION_NODE, CASE(expect), 0, 0, "", NULL, NULL, ""},
	{"scheduler", OPTION_NODE, CASE(scheduler), 0, 0, "", NULL, NULL, ""},
	{"plugins", OPTION_NODE, CASE(plugins), 0, 0, "", NULL, NULL, ""},
	{"extraction_notes", OPTION_NODE, CASE(notes), 0, 0, "", NULL, NULL, ""},
	{0},
};

struct scheduler_keys {
	int kind;
	const json_t *priority, *placement;
};

enum { SCHEDULER_RUNAI, SCHEDULER_KUBERNETES };
static const char *const kinds[] = {"runai", "kubernetes", NULL};
static_assert(SCHEDULER_KUBERNETES == 1, "the names are in this order");

static const struct option scheduler_table[] = {
	{"kind", OPTION_CHOICE, offsetof(struct scheduler_keys, kind), 0, 0, "runai", kinds, NULL,
         ""},
	{"priority", OPTION_NODE, offsetof(struct scheduler_keys, priority), 0, 0, "", NULL, NULL,
         ""},
	{"placement", OPTION_NODE, offsetof(struct scheduler_keys, placement), 0, 0, "", NULL, NULL,
         ""},
	{0},
};

struct plan {
	struct sched_options options;
	enum sched_action actions[SCHED_ACTIONS];
	size_t n_actions;
};

static void read_actions(const struct json_at *at, struct plan *p)
{
	struct json_at list;
	for (int i = 0; i < SCHED_ACTIONS; i++) {
		p->actions[p->n_actions++] = (enum sched_action)i;
	}
	if (!json_get(at, "actions", &list) || !json_want_array(&list)) {
		return;
	}
	p->n_actions = 0;
	for (size_t i = 0; i < json_array_size(list.value) && i < SCHED_ACTIONS; i++) {
		const struct json_at item = json_item(&list, i);
		const char *name;
		int action = 0;
		if (!json_want_string(&item, &name)) {
			continue;
		}
		while (action < SCHED_ACTIONS && strcmp(sched_action_names[action], name) != 0) {
			action++;
		}
		if (action == SCHED_ACTIONS) {
			json_fail_name(&item, "action", name, sched_action_names, SCHED_ACTIONS);
		} else {
			p->actions[p->n_actions++] = (enum sched_action)action;
		}
	}
}

static bool is_spread(const json_t *arguments, const char *key)
{
	const char *const text = json_string_value(json_object_get(arguments, key));
	return text != NULL && strcmp(text, "spread") == 0;
}

/* The name of a policy of that kind; NULL: there is none. */
static const char *read_policy(const struct json_at *scheduler, const char *kind)
{
	struct json_at at;
	const char *name;
	size_t n;
	if (!json_get(scheduler, kind, &at) || !json_want_string(&at, &name)) {
		return NULL;
	}
	const char *const *const names = registry_names(kind, &n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0) {
			return name;
		}
	}
	char *const what = mem_printf("%s policy", kind);
	json_fail_name(&at, what, name, names, n);
	free(what);
	return NULL;
}

/* Kubernetes' own scheduler has one way to do everything, and knows no parts of GPUs. */
static void check_native(const struct json_at *at, const struct snapshot *s)
{
	static const char *const keys[] = {"priority", "placement"};
	struct json_at jobs;
	struct json_at member;
	for (size_t i = 0; i < 2; i++) {
		if (json_get(at, keys[i], &member)) {
			json_fail(&member, "kind \"kubernetes\" has its own order and its own "
			                   "placement, and asks no policy");
		}
	}
	json_get(at->up, "jobs", &jobs);
	for (size_t j = 0; j < s->jobs.n; j++) {
		if (s->jobs.at[j].n_tasks > 0 &&
		    s->tasks.at[s->jobs.at[j].first_task].ask.devices > 0) {
			const struct json_at job = json_item(&jobs, j);
			json_fail(&job, "part of a GPU under scheduler.kind \"kubernetes\", which "
			                "gives whole ones and MIG instances only");
			return;
		}
	}
}

static void read_scheduler(const struct json_at *at, const struct snapshot *s,
                           struct sched_options *o)
{
	struct scheduler_keys k = {0};
	struct json_at scheduler;
	if (!json_get(at, "scheduler", &scheduler) || !json_want_object(&scheduler)) {
		return;
	}
	if (option_fill(scheduler_table, &k, &scheduler, "file", NULL)) {
		const char *const priority = read_policy(&scheduler, "priority");
		const char *const placement = read_policy(&scheduler, "placement");
		o->native = k.kind == SCHEDULER_KUBERNETES;
		o->priority = priority != NULL ? priority_find(priority) : NULL;
		o->placement = placement != NULL ? placement_find(placement) : NULL;
		if (o->native) {
			check_native(&scheduler, s);
		}
	}
	option_fini(scheduler_table, &k);
}

/* A list of plugins replaces the defaults: what it leaves out is off. */
static void read_plugins(const struct json_at *at, struct sched_options *o)
{
	struct json_at list;
	if (!json_get(at, "plugins", &list) || !json_want_array(&list)) {
		return;
	}
	o->no_sharing_bonus = true;
	o->no_idle_bonus = true;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const json_t *const item = json_array_get(list.value, i);
		const json_t *const arguments = json_object_get(item, "arguments");
		const char *const name = json_string_value(json_object_get(item, "name"));
		if (name == NULL) {
			continue;
		}
		o->no_sharing_bonus = o->no_sharing_bonus && strcmp(name, "gpusharingorder") != 0;
		o->no_idle_bonus = o->no_idle_bonus && strcmp(name, "nodeavailability") != 0;
		o->spread_gpus = o->spread_gpus || strcmp(name, "gpuspread") == 0;
		if (strcmp(name, "nodeplacement") == 0) {
			o->spread_nodes = is_spread(arguments, "gpu");
			o->spread_cpu = is_spread(arguments, "cpu");
		}
	}
}

/* --- running ----------------------------------------------------------------------------------
 */

static void run_cycle(struct sched_case *c, const struct plan *p)
{
	if (c->has_result) {
		sched_carry_over(&c->snapshot, &c->result);
		sched_result_fini(&c->result);
	}
	sched_cycle(&c->snapshot, &p->options, p->actions, p->n_actions, &c->result);
	c->has_result = true;
	c->cycles++;
}

/* One cycle, or `until` of them, then `after` more in which nothing may change. */
static char *run(struct sched_case *c, const struct plan *p, const struct case_keys *k,
                 const struct json_at *expect)
{
	const int64_t until = k->mode == 1 ? k->rounds_until_match : 1;
	const int64_t after = k->mode == 1 ? k->rounds_after_match : 0;
	char *why = NULL;
	for (int64_t i = 0; i < until + after && why == NULL; i++) {
		run_cycle(c, p);
		if (expect != NULL) {
			why = cases_exceed(expect, &c->result);
		}
		if (k->mode == 1) { /* what is compared is what the next cycle would see */
			sched_carry_over(&c->snapshot, &c->result);
			sched_result_fini(&c->result);
			sched_cycle(&c->snapshot, &p->options, p->actions, 0, &c->result);
		}
		if (expect != NULL && i + 1 >= until && why == NULL) {
			why = cases_differ(expect, &c->snapshot, &c->result);
		}
	}
	return why;
}

static void settle(struct sched_case *c, char *take_unsupported, char *take_why, bool expected)
{
	if (take_unsupported != NULL) {
		c->outcome = CASE_UNSUPPORTED;
		c->why = take_unsupported;
		free(take_why);
	} else if (!expected) {
		c->outcome = CASE_SCHEDULED;
	} else {
		c->outcome = take_why != NULL ? CASE_FAIL : CASE_PASS;
		c->why = take_why;
	}
}

/* Run what was read; an overcommitted start is an error unless something is expected of it. */
static void judge(const struct json_at *at, const struct case_keys *k, struct sched_case *c,
                  char *take_unsupported)
{
	struct plan p = {.options = {.max_consolidated = -1, .stale_grace = SCHED_STALE_GRACE}};
	struct json_at expect;
	const bool expected = json_get(at, "expect", &expect) && json_want_object(&expect);
	const size_t before = err_count(at->err);
	char *const over = snapshot_overcommit(&c->snapshot);
	char *unsupported = take_unsupported;
	char *why = NULL;
	if (k->mode == 1) {
		p.options.stale_grace = 0; /* nor does time pass between the rounds */
	}
	p.options.k_milli = (int64_t)(k->k * 1000 + 0.5);
	read_actions(at, &p);
	read_plugins(at, &p.options);
	read_scheduler(at, &c->snapshot, &p.options);
	if (over != NULL && !expected) {
		json_fail(at, "%s", over);
	} else if (over != NULL && unsupported == NULL) {
		unsupported = mem_printf("overcommitted start: %s", over);
	}
	if (over == NULL && unsupported == NULL && err_count(at->err) == before) {
		why = run(c, &p, k, expected ? &expect : NULL);
	}
	free(over);
	settle(c, unsupported, why, expected);
}

static void place_case(const struct json_at *at, struct sched_case *c)
{
	struct case_keys k = {0};
	struct json_at cluster;
	struct json_at jobs;
	char *unsupported = NULL;
	if (option_fill(case_table, &k, at, "file", NULL)) {
		c->id = mem_strdup(k.id);
		c->trust = mem_strdup(k.trust);
		json_get(at, "cluster", &cluster);
		json_get(at, "jobs", &jobs);
		c->snapshot.judged = k.expect != NULL;
		if (json_want_object(&cluster) &&
		    snapshot_read(&c->snapshot, &cluster, &jobs, &unsupported)) {
			judge(at, &k, c, unsupported);
		} else {
			free(unsupported);
		}
	}
	option_fini(case_table, &k);
}

static void run_list(const struct json_at *root, const char *key, struct case_list *out,
                     void (*one)(const struct json_at *at, struct sched_case *c))
{
	struct json_at list;
	if (!json_get(root, key, &list) || !json_want_array(&list)) {
		return;
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const struct json_at at = json_item(&list, i);
		const struct sched_case empty = {0};
		vec_push(&out->cases, empty);
		struct sched_case *const c = &out->cases.at[out->cases.n - 1];
		if (json_want_object(&at)) {
			one(&at, c);
		}
		out->counts[c->outcome]++;
	}
}

bool cases_run(const char *file, struct case_list *out, struct err *err)
{
	static const char *const keys[] = {"meta", "placement_cases", "fairshare_cases"};
	const char *key;
	json_t *value;
	json_t *const root = json_read(file, err);
	if (root == NULL) {
		return false;
	}
	const struct json_at at = json_root(root, file, err);
	if (json_want_object(&at)) {
		json_object_foreach(root, key, value) {
			if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0 &&
			    strcmp(key, keys[2]) != 0) {
				json_fail_name(&at, "key", key, keys, 3);
			}
		}
		run_list(&at, "placement_cases", out, place_case);
		run_list(&at, "fairshare_cases", out, cases_share);
		if (err_count(err) == 0 && out->cases.n == 0) {
			json_fail(&at, "no placement_cases and no fairshare_cases");
		}
	}
	json_decref(root);
	return err_count(err) == 0;
}

void cases_fini(struct case_list *l)
{
	for (size_t i = 0; i < l->cases.n; i++) {
		struct sched_case *const c = &l->cases.at[i];
		free(c->id);
		free(c->trust);
		free(c->why);
		snapshot_fini(&c->snapshot);
		if (c->has_result) {
			sched_result_fini(&c->result);
		}
	}
	free(l->cases.at);
}
