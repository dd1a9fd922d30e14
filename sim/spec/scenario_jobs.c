/* The "projects" of a scenario, who share the cluster, and its "jobs": training besides the
 * services. */
#include "spec/scenario_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEFAULT_PROJECT "default"
#define PROJECT_PRIORITY "100"
#define PPM 1e6
#define WEIGHT_ONE 1000
#define MOST_JOBS 100000 /* of a scenario, counted one by one */

struct project_keys {
	char *name, *parent;
	double quota, limit, over_quota_weight;
	int64_t priority;
};

struct job_keys {
	char *name, *project;
	int kind;
	bool preemptible;
	int64_t workers, min_workers, gpus_per_worker, count;
	ns_t work, submit, checkpoint_every, every;
	const json_t *priority, *later;
};

static const char *const kinds[] = {"training", NULL};

#define PROJECT(member) offsetof(struct project_keys, member)
#define JOB(member) offsetof(struct job_keys, member)

/* clang-format off */
const struct option scenario_project_table[] = {
	{"name", OPTION_TEXT, PROJECT(name), 0, 0, NULL, NULL, NULL, "how services and jobs call it"},
	{"parent", OPTION_TEXT, PROJECT(parent), 0, 0, "", NULL, NULL,
	 "the project above it, which then has no services or jobs of its own"},
	{"quota", OPTION_REAL, PROJECT(quota), -1, 1e6, "0", NULL, "GPUs", "its own; -1: without end"},
	{"limit", OPTION_REAL, PROJECT(limit), -1, 1e6, "-1", NULL, "GPUs", "at most; -1: none"},
	{"over_quota_weight", OPTION_REAL, PROJECT(over_quota_weight), 0, 1e6, "1", NULL, NULL,
	 "its part of what the quotas leave"},
	{"priority", OPTION_INT, PROJECT(priority), -1e9, 1e9, PROJECT_PRIORITY, NULL, NULL,
	 "the higher the earlier it gets of what the quotas leave"},
	SCENARIO_END,
};

const struct option scenario_job_table[] = {
	{"name", OPTION_TEXT, JOB(name), 0, 0, NULL, NULL, NULL, "of the job; with count NAME-1, NAME-2, ..."},
	{"kind", OPTION_CHOICE, JOB(kind), 0, 0, "training", kinds, NULL, "of the job"},
	{"project", OPTION_TEXT, JOB(project), 0, 0, "", NULL, NULL, "whose quota its GPUs count against"},
	{"priority", OPTION_NODE, JOB(priority), 0, 0, "", NULL, NULL,
	 "a class, or a number: the higher the more important; " SCENARIO_JOB_PRIORITY},
	{"preemptible", OPTION_BOOL, JOB(preemptible), 0, 0, "", NULL, NULL,
	 "whether it may be evicted, and go over quota; true below priority 100 when absent"},
	{"workers", OPTION_INT, JOB(workers), 1, 10000, "1", NULL, "workers", "at most, and to begin with"},
	{"min_workers", OPTION_INT, JOB(min_workers), 1, 10000, "", NULL, "workers",
	 "it runs with so many; all of them when absent"},
	{"gpus_per_worker", OPTION_INT, JOB(gpus_per_worker), 1, 1024, "1", NULL, "GPUs", "whole ones of one node"},
	{"work", OPTION_DURATION, JOB(work), 1, 9e18, NULL, NULL, "s", "how long all of its workers need"},
	{"submit", OPTION_DURATION, JOB(submit), 0, 9e18, "0s", NULL, "s", "when it comes"},
	{"checkpoint_every", OPTION_DURATION, JOB(checkpoint_every), 1, 9e18, "", NULL, "s",
	 "of its running time; without, an evicted job begins anew"},
	{"count", OPTION_INT, JOB(count), 1, MOST_JOBS, "1", NULL, "jobs", "equal jobs"},
	{"every", OPTION_DURATION, JOB(every), 0, 9e18, "0s", NULL, "s",
	 "from one of them to the next"},
	SCENARIO_LATER("fraction", job_keys),
	SCENARIO_END,
};
/* clang-format on */

/* Thousandths or millionths of what is written; PROJECT_UNLIMITED for -1. */
static int64_t amount(double written, double unit, const struct json_at *at, const char *key)
{
	struct json_at member;

	if (written >= 0.0) {
		return llround(written * unit);
	}
	if (written > -1.0 && json_get(at, key, &member)) {
		json_fail(&member, "expected GPUs, or -1 for no end, got %g", written);
	}
	return PROJECT_UNLIMITED;
}

static size_t find_project(const struct scenario *sc, const char *name)
{
	for (size_t i = 0; i < sc->n_projects; i++) {
		if (sc->projects[i].name != NULL && strcmp(sc->projects[i].name, name) == 0) {
			return i;
		}
	}
	return PROJECT_NONE;
}

/* The project that `name` stands for under `key` of `at`; PROJECT_NONE with an error added. */
static size_t need_project(const struct scenario *sc, const char *name, const struct json_at *at,
                           const char *key)
{
	const size_t found = find_project(sc, name);
	struct json_at member;

	if (found == PROJECT_NONE && json_get(at, key, &member)) {
		const char **names = mem_new(sc->n_projects + 1, sizeof(*names));
		size_t n = 0;

		for (size_t i = 0; i < sc->n_projects; i++) {
			if (sc->projects[i].name != NULL) {
				names[n++] = sc->projects[i].name;
			}
		}
		if (n > 0) {
			json_fail_name(&member, "project", name, names, n);
		} else {
			json_fail(&member, "unknown project \"%s\": there are no \"projects\"",
			          name);
		}
		free(names);
	}
	return found;
}

static void read_project(struct scenario_loader *l, size_t index, const struct json_at *at)
{
	struct scenario_project *p = &l->sc->projects[index];
	struct project_keys keys;

	p->parent = PROJECT_NONE;
	scenario_fill(l, scenario_project_table, &keys, at);
	if (json_is_object(at->value)) {
		if (keys.name != NULL && scenario_check_name(at, keys.name) &&
		    find_project(l->sc, keys.name) != PROJECT_NONE) {
			json_fail(at, "a second project named \"%s\"", keys.name);
		}
		p->name = mem_strdup(keys.name);
		p->quota_ppm = amount(keys.quota, PPM, at, "quota");
		p->limit_ppm = amount(keys.limit, PPM, at, "limit");
		p->over_quota_weight = llround(keys.over_quota_weight * WEIGHT_ONE);
		p->priority = keys.priority;
	}
	option_fini(scenario_project_table, &keys);
}

/* Who is above it, once all are known. */
static void read_parent(const struct scenario *sc, size_t index, const struct json_at *at)
{
	struct json_at member;

	if (json_is_object(at->value) && json_get(at, "parent", &member) &&
	    json_is_string(member.value)) {
		sc->projects[index].parent =
			need_project(sc, json_string_value(member.value), at, "parent");
	}
}

/* Does the way up end? One of n projects is below n - 1 others at most. */
static void check_way_up(const struct scenario *sc, size_t index, const struct json_at *at)
{
	size_t up = index;

	for (size_t steps = 0; up != PROJECT_NONE; steps++) {
		if (steps > sc->n_projects) {
			json_fail(at, "\"%s\" is above itself", sc->projects[index].name);
			return;
		}
		up = sc->projects[up].parent;
	}
}

void scenario_read_projects(struct scenario_loader *l, const struct json_at *at)
{
	if (!json_want_array(at)) {
		return;
	}
	const size_t n = json_array_size(at->value);
	const size_t before = err_count(l->err);

	l->sc->projects = mem_new(n, sizeof(*l->sc->projects));
	l->sc->n_projects = n;
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(at, i);

		read_project(l, i, &item);
	}
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(at, i);

		read_parent(l->sc, i, &item);
	}
	for (size_t i = 0; i < n && err_count(l->err) == before; i++) {
		struct json_at item = json_item(at, i);

		check_way_up(l->sc, i, &item);
	}
}

size_t scenario_project_of(struct scenario_loader *l, const char *name, const struct json_at *at)
{
	if (name == NULL) {
		const size_t found = find_project(l->sc, DEFAULT_PROJECT);

		l->no_project = l->no_project || found == PROJECT_NONE;
		return found;
	}
	const size_t found = need_project(l->sc, name, at, "project");

	for (size_t i = 0; found != PROJECT_NONE && i < l->sc->n_projects; i++) {
		if (l->sc->projects[i].parent == found) {
			json_fail(at,
			          "project \"%s\" is above \"%s\": only projects that are not "
			          "above others have services and jobs",
			          name, l->sc->projects[i].name);
			break;
		}
	}
	return found;
}

/* What belongs to no project belongs to one without a quota. */
static void add_default_project(struct scenario *sc)
{
	const size_t index = sc->n_projects++;

	sc->projects = mem_resize(sc->projects, sc->n_projects, sizeof(*sc->projects));
	sc->projects[index] = (struct scenario_project){
		.name = mem_strdup(DEFAULT_PROJECT),
		.parent = PROJECT_NONE,
		.limit_ppm = PROJECT_UNLIMITED,
		.over_quota_weight = WEIGHT_ONE,
		.priority = strtol(PROJECT_PRIORITY, NULL, 10),
		.implied = true,
	};
	for (size_t i = 0; i < sc->n_services; i++) {
		struct scenario_service *s = &sc->services[i];

		s->project = s->project == PROJECT_NONE ? index : s->project;
	}
	for (size_t i = 0; i < sc->n_jobs; i++) {
		struct scenario_job *j = &sc->jobs[i];

		j->project = j->project == PROJECT_NONE ? index : j->project;
	}
}

static void check_workers(struct scenario_loader *l, struct scenario_job *job,
                          const struct json_at *at)
{
	struct json_at member;
	char text[32];

	if (!json_get(at, "min_workers", &member)) {
		job->min_workers = job->workers;
		snprintf(text, sizeof(text), "%" PRId64, job->workers);
		scenario_log(l, at, "min_workers", text, "default");
	} else if (job->min_workers > job->workers) {
		json_fail(&member, "must be at most workers, %" PRId64 ", got %" PRId64,
		          job->workers, job->min_workers);
	}
}

/* What is written stands for `count` jobs. */
static void add_jobs(struct scenario_loader *l, struct scenario_job *first,
                     const struct job_keys *keys, const struct json_at *at)
{
	struct scenario *sc = l->sc;

	if (sc->n_jobs + (size_t)keys->count > MOST_JOBS) {
		json_fail(at, "more than %d jobs", MOST_JOBS);
		return;
	}
	const struct scenario_job_group group = {mem_strdup(keys->name), sc->n_jobs,
	                                         (size_t)keys->count};

	sc->job_groups = mem_resize(sc->job_groups, sc->n_job_groups + 1, sizeof(group));
	sc->job_groups[sc->n_job_groups++] = group;
	sc->jobs = mem_resize(sc->jobs, sc->n_jobs + (size_t)keys->count, sizeof(*sc->jobs));
	for (int64_t i = 0; i < keys->count; i++) {
		struct scenario_job *job = &sc->jobs[sc->n_jobs++];

		*job = *first;
		job->name = keys->count == 1 ? mem_strdup(keys->name)
		                             : mem_printf("%s-%" PRId64, keys->name, i + 1);
		first->submit = ns_after(first->submit, keys->every);
	}
}

static void read_job(struct scenario_loader *l, const struct json_at *list, size_t index)
{
	const struct json_at at = json_item(list, index);
	struct scenario_job job = {0};
	struct json_at member;
	struct job_keys keys;
	const bool ok = scenario_fill(l, scenario_job_table, &keys, &at);

	if (json_is_object(at.value)) {
		if (keys.name != NULL) {
			scenario_check_name(&at, keys.name);
		}
		job.project = scenario_project_of(l, keys.project, &at);
		job.priority = scenario_read_priority(l, &at, SCENARIO_JOB_PRIORITY);
		job.preemptible = keys.preemptible;
		if (!json_get(&at, "preemptible", &member)) {
			job.preemptible = job.priority < SCENARIO_PREEMPTIBLE_BELOW;
			scenario_log(l, &at, "preemptible", job.preemptible ? "true" : "false",
			             "default");
		}
		if (!json_get(&at, "checkpoint_every", &member)) {
			scenario_log(l, &at, "checkpoint_every", "none", "default");
		}
		job.workers = keys.workers;
		job.min_workers = keys.min_workers;
		job.gpus_per_worker = keys.gpus_per_worker;
		job.work = keys.work;
		job.submit = keys.submit;
		job.checkpoint_every = keys.checkpoint_every;
		check_workers(l, &job, &at);
	}
	if (ok && keys.name != NULL) {
		add_jobs(l, &job, &keys, &at);
	}
	option_fini(scenario_job_table, &keys);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A job of a series may be called like one that is written on its own. */
static void check_all_names(const struct scenario *sc, const struct json_at *list)
{
	char **names = mem_new(sc->n_jobs, sizeof(*names));

	for (size_t i = 0; i < sc->n_jobs; i++) {
		names[i] = sc->jobs[i].name;
	}
	qsort(names, sc->n_jobs, sizeof(*names), by_name);
	for (size_t i = 1; i < sc->n_jobs; i++) {
		if (strcmp(names[i - 1], names[i]) == 0) {
			json_fail(list, "two jobs named \"%s\"", names[i]);
			break;
		}
	}
	free(names);
}

static void read_jobs(struct scenario_loader *l, const struct json_at *at)
{
	if (!json_want_array(at)) {
		return;
	}
	for (size_t i = 0; i < json_array_size(at->value); i++) {
		read_job(l, at, i);
	}
	check_all_names(l->sc, at);
}

void scenario_read_shares(struct scenario_loader *l, const struct json_at *root)
{
	struct json_at at;

	if (json_get(root, "jobs", &at)) {
		read_jobs(l, &at);
	}
	l->sc->scheduled = l->sc->n_jobs > 0 || l->sc->n_projects > 0;
	if (l->sc->scheduled && l->no_project) {
		add_default_project(l->sc);
	}
}

void scenario_check_served(const struct json_at *root)
{
	struct json_at at;
	const bool trains = json_get(root, "jobs", &at) && json_is_array(at.value) &&
	                    json_array_size(at.value) > 0;
	const bool serves = json_get(root, "services", &at);

	if (!trains && !serves) {
		json_fail(root, "missing key \"services\": what is served");
	}
	if ((!trains || serves) && !json_get(root, "loads", &at)) {
		json_fail(root, "missing key \"loads\": who asks");
	}
}

void scenario_free_jobs(struct scenario *sc)
{
	for (size_t i = 0; i < sc->n_projects; i++) {
		free(sc->projects[i].name);
	}
	for (size_t i = 0; i < sc->n_jobs; i++) {
		free(sc->jobs[i].name);
	}
	for (size_t i = 0; i < sc->n_job_groups; i++) {
		free(sc->job_groups[i].name);
	}
	free(sc->job_groups);
	free(sc->projects);
	free(sc->jobs);
}
