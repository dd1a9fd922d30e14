/* Between the files that load a scenario: scenario*.c and genai_args.c. */
#ifndef ALIQUOT_SPEC_SCENARIO_PRIVATE_H
#define ALIQUOT_SPEC_SCENARIO_PRIVATE_H

#include "spec/scenario.h"

#define SCENARIO_MOST_TOKENS 1e7 /* of one prompt or answer */
#define SCENARIO_MOST_USERS 1e7
#define SCENARIO_MOST_REQUESTS 1e10
#define SCENARIO_HASH_BLOCK 512 /* tokens: Mooncake's blocks, AIPerf's default */

/* What is being built, and what it is built from. */
struct scenario_loader {
	struct scenario *sc;
	struct data_dir *data;
	struct err *err;
	bool seed_given;
	bool whole_gpus;   /* the scheduler knows no parts of a GPU */
	bool lends_memory; /* replicas may borrow beyond their request */
	bool no_project;   /* a service belongs to none: the default one is its */
};

/* Help text of a key that the contract names and this version does not have. */
extern const char scenario_later[];

#define SCENARIO_PLACEMENT "binpack"
#define SCENARIO_COMPUTE_SHARE "time_slicing"
#define SCENARIO_OOM_VICTIM "largest_overuse"
#define SCENARIO_PRIORITY_POLICY "fair_share"
#define SCENARIO_PERIOD "1s"
#define SCENARIO_GRACE "30s" /* Kubernetes' own */
#define SCENARIO_SWAP "lru"
#define SCENARIO_PRIORITY "inference"
#define SCENARIO_JOB_PRIORITY "train"
#define SCENARIO_PREEMPTIBLE_BELOW 100 /* jobs of a lower priority may be evicted */

/* A row of an option table for such a key; `type` has a member `later` that nobody reads. */
#define SCENARIO_LATER(name, type)                                                     \
	{                                                                              \
		name, OPTION_NODE, offsetof(struct type, later), 0, 0, "", NULL, NULL, \
			scenario_later                                                 \
	}
#define SCENARIO_END                                               \
	{                                                          \
		NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL \
	}

/* option_fill with the log of the scenario, and an error for every key that is not built yet. */
bool scenario_fill(struct scenario_loader *l, const struct option *table, void *self,
                   const struct json_at *at);

/* Log "path.key" with a value that no table holds. */
void scenario_log(struct scenario_loader *l, const struct json_at *at, const char *key,
                  const char *value, const char *source);

/* A name users refer to: not empty, letters, digits and "._-" only, not a bare number. */
bool scenario_check_name(const struct json_at *parent, const char *name);

/* The path of a file named in the scenario, from the scenario's folder; caller frees. */
char *scenario_resolve(const struct scenario *sc, const char *file);

/* Sheets by the user's spelling, loaded once; NULL with errors at `at`. */
const struct gpu_spec *scenario_gpu(struct scenario_loader *l, const struct json_at *at,
                                    const char *name);
const struct llm_spec *scenario_llm(struct scenario_loader *l, const struct json_at *at,
                                    const char *name);
const struct engine_spec *scenario_engine(struct scenario_loader *l, const struct json_at *at,
                                          const char *name);
/* The calibration of that name; NULL when there is none, or with errors added. */
const struct calibration *scenario_calibration(struct scenario_loader *l, const char *name);
/* "engine profile vllm", kept as long as the scenario. */
const char *scenario_source(struct scenario *sc, const char *kind, const char *name);
void scenario_free_sheets(struct scenario_sheets *sheets);

/* Log every value of a table's struct under "path of `at`.block". */
void scenario_log_table(struct scenario_loader *l, const struct option *table, const void *self,
                        const struct json_at *at, const char *block, const char *source);

/*
 * Costs of a service on every group of nodes: from its engine's profile (which must be there), the
 * calibrations and its own `costs`; `at` is the service.
 */
void scenario_read_costs(struct scenario_loader *l, struct scenario_service *service,
                         const struct json_at *at);

/*
 * The `priority` of `at`: a class or a number, the class `fallback` when absent; with an error
 * added where it is neither.
 */
int64_t scenario_read_priority(struct scenario_loader *l, const struct json_at *at,
                               const char *fallback);

/* The projects of a scenario, before what belongs to them. */
void scenario_read_projects(struct scenario_loader *l, const struct json_at *at);

/*
 * The index of the project that `at` names under "project"; without one that of the default
 * project. PROJECT_NONE with an error added.
 */
size_t scenario_project_of(struct scenario_loader *l, const char *name, const struct json_at *at);

/* Where jobs are, nobody need be served; who serves needs someone who asks. */
void scenario_check_served(const struct json_at *root);

/* The jobs of `root`, after the services, some of which may need the default project. */
void scenario_read_shares(struct scenario_loader *l, const struct json_at *root);
void scenario_free_jobs(struct scenario *sc);

/* The policies that the scheduler was given. */
void scenario_free_scheduler(struct scenario *sc);

/* A policy under `key` of `at`, written as its name or as {"policy": NAME, OPTION: VALUE}. */
void scenario_read_policy(struct scenario_loader *l, struct scenario_policy *policy,
                          const struct json_at *at, const char *key, const char *fallback);
void scenario_free_policy(struct scenario_policy *policy);

/* The keys of a service about parts of a GPU. */
struct scenario_part_keys {
	double fraction, fraction_limit, compute_request, compute_limit;
	bytes_t gpu_memory, gpu_memory_limit;
	char *mig_profile;
};
void scenario_read_part(struct scenario_loader *l, struct scenario_service *service,
                        const struct scenario_part_keys *keys, const struct json_at *at);

/* The keys of a service about when it has how many replicas; after `replicas`. */
/* After its replicas: how many there are at the start and at most is the autoscaler's to say. */
void scenario_read_autoscaler(struct scenario_loader *l, struct scenario_service *service,
                              const struct json_at *at);

struct scenario_change_keys {
	ns_t start;
	const json_t *replicas_at;
};
/* After services, faults and jobs: which of them do not go together. */
void scenario_check_lives(const struct scenario *sc, const struct json_at *root);
void scenario_read_changes(struct scenario_loader *l, struct scenario_service *service,
                           const struct scenario_change_keys *keys, const struct json_at *at);

/* The service asks for a slice instead. */
void scenario_read_mig(struct scenario_loader *l, struct scenario_service *service,
                       const char *profile, const struct json_at *at);

/* `root` is the whole scenario; before the services, which depend on it. */
void scenario_read_scheduler(struct scenario_loader *l, const struct json_at *root);

/* The `swap` of a scheduler; after its policies, before the services. */
void scenario_read_swap(struct scenario_loader *l, const struct json_at *scheduler);
/* After the services: is there one that may be swapped, and nothing that swap does not go with? */
void scenario_check_swap(struct scenario_loader *l, const struct json_at *root);

/* The `node_level` of a scheduler; after its swap, before the services. */
void scenario_read_node_level(struct scenario_loader *l, const struct json_at *scheduler);
/* After the services: is there one that would be spread? */
void scenario_check_node_level(const struct scenario *sc, const struct json_at *root);

void scenario_read_services(struct scenario_loader *l, const struct json_at *at);
/* False with an error at `at` when the service cannot have this limit. */
bool scenario_add_slo(struct scenario_service *service, const struct slo *slo,
                      const struct json_at *at);
/* After the loads, whose recorded lines add limits: goodput needs one that a request can break. */
void scenario_check_goodput(const struct scenario *sc, const struct json_at *services);
/* {"mean": ...}, or the mean alone. */
void scenario_read_length(struct scenario_loader *l, struct length_dist *out,
                          const struct json_at *at);
/* The keys of a load about what its requests have in common. */
struct load_text_keys {
	const json_t *prefix, *turns, *turn_delay;
	int64_t user_context, dataset_entries, sessions;
};
void scenario_read_text(struct scenario_loader *l, struct load_text *out,
                        const struct load_text_keys *keys, const struct json_at *at);
/* `root` is the whole scenario; after the nodes. */
void scenario_read_faults(struct scenario_loader *l, const struct json_at *root);
void scenario_read_loads(struct scenario_loader *l, const struct json_at *at);

/* The machines. */
void scenario_read_cluster(struct scenario_loader *l, const struct json_at *at);

/* The `clients` of a load of kind servegen, ascending. */
void scenario_read_clients(struct scenario_load *load, const struct json_at *at);

/* The part of a load's rules that holds for every way of writing it; `at` is the load. */
void scenario_check_load(struct scenario_loader *l, const struct scenario_load *load,
                         const struct json_at *at);

/* Fill a load from a recorded command line; `at` is the "args" string. */
void scenario_read_genai(struct scenario_loader *l, struct scenario_load *load,
                         const struct json_at *at);

/* The options of a recorded line that shape the load. */
enum genai_field {
	GENAI_CONCURRENCY,
	GENAI_RATE,
	GENAI_ISL,
	GENAI_ISL_STDDEV,
	GENAI_OSL,
	GENAI_OSL_STDDEV,
	GENAI_REQUESTS,
	GENAI_WARMUP,
	GENAI_SEED,
	GENAI_INTERVAL,
	GENAI_DURATION,
	GENAI_PATTERN,
	GENAI_SMOOTHNESS,
	GENAI_STREAMING,
	GENAI_FIXED_SCHEDULE,
	GENAI_INPUT_FILE,
	GENAI_DATASET_TYPE,
	GENAI_SPEEDUP,
	GENAI_GOODPUT,
	GENAI_ENDPOINT_TYPE,
	GENAI_PREFIXES,
	GENAI_PREFIX_LENGTH,
	GENAI_SYSTEM_LENGTH,
	GENAI_CONTEXT_LENGTH,
	GENAI_ENTRIES,
	GENAI_SESSIONS,
	GENAI_SESSION_CONCURRENCY,
	GENAI_TURNS,
	GENAI_TURNS_STDDEV,
	GENAI_DELAY,
	GENAI_DELAY_STDDEV,
	GENAI_DELAY_RATIO,
	GENAI_HASH_BLOCK,
	GENAI_FIELDS
};

struct genai_args {
	bool aiperf;               /* else GenAI-Perf: other defaults */
	char *value[GENAI_FIELDS]; /* as written, "true" for a bare flag; NULL: not given */
	char *flag[GENAI_FIELDS];  /* the spelling used, for messages */
};

/* Split a recorded line into its options; errors and notes at `at`. Always to be freed. */
bool genai_args_read(const char *line, const struct json_at *at, struct genai_args *out);
void genai_args_free(struct genai_args *args);

/* Words of a line as a POSIX shell splits it; NULL with *why set. Caller frees words and array. */
char **genai_split(const char *line, size_t *n, const char **why);

/* All tables, for help and for the test that compares them with scenarios/README.md. */
struct scenario_section {
	const char *title; /* "services[]" */
	const struct option *table;
};
/* scenario_explain.c: unit and meaning of logged keys that have none yet, by the tables. */
void scenario_explain(struct option_log *log);

extern const struct scenario_section scenario_sections[]; /* ends with a NULL title */
extern const struct option scenario_cluster_table[], scenario_nodes_table[],
	scenario_scheduler_table[];
extern const struct option scenario_history_table[];
extern const struct option scenario_swap_table[];
extern const struct option scenario_node_level_table[];
extern const struct option scenario_service_table[];
extern const struct option scenario_project_table[];
extern const struct option scenario_job_table[];
extern const struct option scenario_load_table[];
extern const struct option scenario_length_table[];
extern const struct option scenario_prefix_table[];
extern const struct option scenario_turns_table[];
extern const struct option scenario_delay_table[];
extern const struct option scenario_stage_table[];
extern const struct option scenario_fault_table[];
extern const struct option scenario_change_table[];
extern const struct option scenario_autoscaler_table[];

/* Remark on a closed load with fewer requests than users: a burst, which is seldom what was meant.
 */
void scenario_note_short_round(struct scenario_loader *l, const struct scenario_load *load,
                               const struct json_at *at);

#endif
