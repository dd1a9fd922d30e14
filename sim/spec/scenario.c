/* Loads a scenario: the root, the cluster, and what follows from the whole. Services and loads have
 * files of their own. */
#include "spec/scenario.h"

#include "base/mem.h"
#include "base/str.h"
#include "spec/scenario_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_NAME 64
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325) /* FNV-1a, 64 bits: Fowler, Noll, Vo */
#define FNV_PRIME UINT64_C(0x100000001b3)

const char scenario_later[] = "not supported in this version";

struct root_keys {
	int64_t schema;
	char *about;
	int64_t seed;
	const json_t *cluster, *scheduler, *services, *loads, *faults, *stop, *assumptions;
	const json_t *projects, *jobs;
};

struct stop_keys {
	ns_t after;
};

#define ROOT(member) offsetof(struct root_keys, member)

/* clang-format off */
static const struct option root_table[] = {
	{"aliquot", OPTION_INT, ROOT(schema), 1, 1e9, NULL, NULL, NULL, "schema number of the file, 1"},
	{"about", OPTION_TEXT, ROOT(about), 0, 0, "", NULL, NULL, "the question it answers, one sentence"},
	{"seed", OPTION_INT, ROOT(seed), 0, 9.2e18, "1", NULL, NULL, "of every random stream"},
	{"cluster", OPTION_NODE, ROOT(cluster), 0, 0, NULL, NULL, NULL, "the machines"},
	{"scheduler", OPTION_NODE, ROOT(scheduler), 0, 0, "", NULL, NULL, "who places replicas"},
	{"services", OPTION_NODE, ROOT(services), 0, 0, "", NULL, NULL, "what is served"},
	{"loads", OPTION_NODE, ROOT(loads), 0, 0, "", NULL, NULL, "who asks"},
	{"faults", OPTION_NODE, ROOT(faults), 0, 0, "", NULL, NULL, "what fails, and when"},
	{"stop", OPTION_NODE, ROOT(stop), 0, 0, "", NULL, NULL, "when the run ends at the latest"},
	{"assumptions", OPTION_NODE, ROOT(assumptions), 0, 0, "", NULL, NULL,
	 "what was chosen because it was not published"},
	{"projects", OPTION_NODE, ROOT(projects), 0, 0, "", NULL, NULL, "who shares the cluster"},
	{"jobs", OPTION_NODE, ROOT(jobs), 0, 0, "", NULL, NULL, "training besides the services"},
	SCENARIO_END,
};

static const struct option stop_table[] = {
	{"after", OPTION_DURATION, offsetof(struct stop_keys, after), 1, 9e18, NULL, NULL, "s",
	 "simulated time; requests still running count as unfinished"},
	SCENARIO_END,
};
/* clang-format on */

const struct scenario_section scenario_sections[] = {
	{"scenario", root_table},
	{"cluster", scenario_cluster_table},
	{"cluster.nodes[]", scenario_nodes_table},
	{"scheduler", scenario_scheduler_table},
	{"scheduler.swap", scenario_swap_table},
	{"scheduler.node_level", scenario_node_level_table},
	{"services[]", scenario_service_table},
	{"services[].replicas_at[]", scenario_change_table},
	{"services[].autoscaler", scenario_autoscaler_table},
	{"loads[]", scenario_load_table},
	{"isl, osl", scenario_length_table},
	{"loads[].prefix", scenario_prefix_table},
	{"loads[].turns", scenario_turns_table},
	{"loads[].turn_delay", scenario_delay_table},
	{"loads[].stages[]", scenario_stage_table},
	{"scheduler.time_based_fair_share", scenario_history_table},
	{"projects[]", scenario_project_table},
	{"jobs[]", scenario_job_table},
	{"faults[]", scenario_fault_table},
	{"stop", stop_table},
	{NULL, NULL},
};

bool scenario_fill(struct scenario_loader *l, const struct option *table, void *self,
                   const struct json_at *at)
{
	bool ok = option_fill(table, self, at, "scenario", l->sc->log);

	for (const struct option *o = table; o->name != NULL; o++) {
		struct json_at member;

		if (o->help == scenario_later && json_is_object(at->value) &&
		    json_get(at, o->name, &member)) {
			json_fail(&member, "%s", scenario_later);
			ok = false;
		}
	}
	return ok;
}

void scenario_log(struct scenario_loader *l, const struct json_at *at, const char *key,
                  const char *value, const char *source)
{
	char path[512];

	json_path(at, path, sizeof(path));
	char *full = mem_printf("%s.%s", path, key);

	option_log_add(l->sc->log, full, value, source);
	free(full);
}

bool scenario_check_name(const struct json_at *parent, const char *name)
{
	struct json_at at = *parent;
	bool all_digits = true, ok = name[0] != '\0' && strlen(name) <= LONGEST_NAME;

	for (const char *c = name; *c != '\0'; c++) {
		bool digit = *c >= '0' && *c <= '9';
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');

		all_digits = all_digits && digit;
		ok = ok && (digit || letter || *c == '.' || *c == '_' || *c == '-');
	}
	json_get(parent, "name", &at);
	if (!ok) {
		json_fail(&at,
		          "expected 1 to %d letters, digits, \".\", \"_\" or \"-\", got \"%.80s\"",
		          LONGEST_NAME, name);
	} else if (all_digits) {
		json_fail(&at,
		          "a name must not be a number, got \"%s\": it would look like an index",
		          name);
	}
	return ok && !all_digits;
}

char *scenario_resolve(const struct scenario *sc, const char *file)
{
	const char *slash = strrchr(sc->file, '/');

	if (file[0] == '/' || strcmp(file, "-") == 0 || slash == NULL) {
		return mem_strdup(file);
	}
	return mem_printf("%.*s/%s", (int)(slash - sc->file), sc->file, file);
}

static void read_stop(struct scenario_loader *l, const struct json_at *root)
{
	struct stop_keys keys;
	struct json_at at;

	l->sc->stop_after = NS_NEVER;
	if (json_get(root, "stop", &at)) {
		bool ok = scenario_fill(l, stop_table, &keys, &at);

		l->sc->stop_after = ok ? keys.after : 0; /* loads need not say that they lack it */
	} else {
		option_log_add(l->sc->log, "stop.after", "never", "default");
	}
}

static void read_assumptions(struct scenario_loader *l, const struct json_at *root)
{
	struct json_at at;

	if (!json_get(root, "assumptions", &at)) {
		option_log_add(l->sc->log, "assumptions", "none", "default");
		return;
	}
	if (!json_want_array(&at)) {
		return;
	}
	size_t n = json_array_size(at.value);

	l->sc->assumptions = mem_new(n, sizeof(char *));
	l->sc->n_assumptions = n;
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(&at, i);
		const char *text = "";
		char path[64];

		if (json_want_string(&item, &text)) {
			option_log_add(l->sc->log, json_path(&item, path, sizeof(path)), text,
			               "scenario");
		}
		l->sc->assumptions[i] = mem_strdup(text);
	}
}

static void read_root(struct scenario_loader *l, const struct json_at *root)
{
	struct root_keys keys;
	struct json_at at;

	if (scenario_fill(l, root_table, &keys, root) || json_is_object(root->value)) {
		scenario_check_served(root);
	}
	if (keys.schema > 1 && json_get(root, "aliquot", &at)) {
		json_fail(&at, "schema %" PRId64 " is newer than this program, which reads 1",
		          keys.schema);
	}
	l->sc->about = keys.about;
	l->sc->seed = (uint64_t)keys.seed;
	l->seed_given = json_get(root, "seed", &at);
	if (json_get(root, "cluster", &at)) {
		scenario_read_cluster(l, &at);
	}
	scenario_read_scheduler(l, root);
	scenario_read_faults(l, root);
	read_stop(l, root); /* before the loads, which may need it */
	read_assumptions(l, root);
	if (json_get(root, "projects", &at)) {
		scenario_read_projects(l, &at);
	}
	if (json_get(root, "services", &at)) {
		scenario_read_services(l, &at);
	}
	scenario_read_shares(l, root);
	if (json_get(root, "loads", &at)) {
		scenario_read_loads(l, &at);
	}
	if (json_get(root, "services", &at)) {
		scenario_check_goodput(l->sc, &at);
	}
	scenario_check_lives(l->sc, root);
	scenario_check_swap(l, root);
	scenario_check_node_level(l->sc, root);
}

/* File name without folder and .json; caller frees. */
static char *stem(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	size_t n = strlen(base);

	if (strcmp(file, "-") == 0) {
		return mem_strdup("stdin");
	}
	if (n > 5 && strcmp(base + n - 5, ".json") == 0) {
		n -= 5;
	}
	return mem_printf("%.*s", (int)n, base);
}

/* Hash of the document in one canonical spelling, so that spaces and key order do not count. */
static char *hash_of(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	uint64_t hash = FNV_OFFSET;

	for (const char *c = text; c != NULL && *c != '\0'; c++) {
		hash = (hash ^ (unsigned char)*c) * FNV_PRIME;
	}
	free(text);
	return mem_printf("%016" PRIx64, hash);
}

/* The file meant: one that exists, else a bundled scenario of that name; borrowed. */
static const char *find_file(const char *file, struct data_dir *data, struct err *err)
{
	if (strcmp(file, "-") == 0 || strchr(file, '/') != NULL || access(file, F_OK) == 0) {
		return file;
	}
	char *name = stem(file);
	const char *bundled = data_dir_find(data, "scenarios", name, NULL);

	if (bundled == NULL) {
		size_t n;
		const char *const *names = data_dir_names(data, "scenarios", &n);
		const char *nearest = str_nearest(name, names, n);

		err_add(err, ERR_IO, file,
		        "no such file, and no bundled scenario of that name%s%s%s",
		        nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		        nearest != NULL ? "\"?" : "");
	}
	free(name);
	return bundled;
}

/* Apply --set; false with errors added. */
static bool apply_overrides(struct scenario *sc, const struct scenario_override *overrides,
                            size_t n, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		ok = json_set(sc->json, overrides[i].path, overrides[i].value, err) && ok;
	}
	for (size_t i = 0; ok && i < n; i++) {
		char *path = json_index_path(sc->json, overrides[i].path);

		option_log_override(sc->log, path, "--set");
		free(path);
	}
	return ok;
}

/* `json` is taken over. NULL with errors added. */
static struct scenario *load(const char *file, json_t *json, struct data_dir *data,
                             const struct scenario_override *overrides, size_t n_overrides,
                             struct err *err)
{
	const size_t before = err_count(err);
	struct scenario *sc = mem_new(1, sizeof(*sc));
	struct scenario_loader loader = {.sc = sc, .data = data, .err = err};
	struct json_at root = json_root(json, strcmp(file, "-") == 0 ? "stdin" : file, err);

	sc->json = json;
	sc->file = mem_strdup(file);
	sc->name = stem(file);
	sc->log = option_log_new();
	if (json_want_object(&root) && apply_overrides(sc, overrides, n_overrides, err)) {
		sc->hash = hash_of(json);
		read_root(&loader, &root);
		scenario_explain(sc->log);
	}
	if (err_count(err) > before) {
		scenario_free(sc);
		return NULL;
	}
	return sc;
}

struct scenario *scenario_read(const char *file, struct data_dir *data,
                               const struct scenario_override *overrides, size_t n_overrides,
                               struct err *err)
{
	const char *found = find_file(file, data, err);
	json_t *json = found != NULL ? json_read(found, err) : NULL;

	if (json == NULL) {
		return NULL;
	}
	return load(found, json, data, overrides, n_overrides, err);
}

struct scenario *scenario_build(const char *name, json_t *json, struct data_dir *data,
                                struct err *err)
{
	return load(name, json, data, NULL, 0, err);
}

static void free_service(struct scenario_service *service)
{
	free(service->name);
	free(service->model_name);
	free(service->engine_name);
	free(service->mig_profile);
	free(service->engine_version);
	free(service->costs);
	scenario_free_policy(&service->routing);
	scenario_free_policy(&service->autoscaler.policy);
	free(service->slo);
	free(service->changes);
}

void scenario_free(struct scenario *sc)
{
	if (sc == NULL) {
		return;
	}
	for (size_t i = 0; i < sc->n_nodes; i++) {
		free(sc->nodes[i].name);
		free(sc->nodes[i].gpu_name);
	}
	for (size_t i = 0; i < sc->n_services; i++) {
		free_service(&sc->services[i]);
	}
	for (size_t i = 0; i < sc->n_loads; i++) {
		free(sc->loads[i].name);
		free(sc->loads[i].stages);
		free(sc->loads[i].file);
		free(sc->loads[i].folder);
		free(sc->loads[i].clients);
	}
	for (size_t i = 0; i < sc->n_assumptions; i++) {
		free(sc->assumptions[i]);
	}
	scenario_free_jobs(sc);
	scenario_free_scheduler(sc);
	free(sc->nodes);
	free(sc->faults);
	free(sc->services);
	free(sc->loads);
	free(sc->assumptions);
	free(sc->name);
	free(sc->file);
	free(sc->about);
	free(sc->hash);
	option_log_free(sc->log);
	scenario_free_sheets(sc->sheets);
	json_decref(sc->json);
	free(sc);
}
