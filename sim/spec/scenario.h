/*
 * A whole scenario as plain structs, validated (contract.md section 1; every key in
 * scenarios/README.md). Policy blocks stay as name + JSON node, because this level cannot know the
 * policies. Immutable once loaded.
 */
#ifndef ALIQUOT_SPEC_SCENARIO_H
#define ALIQUOT_SPEC_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/option.h"
#include "spec/calibration.h"
#include "spec/data_dir.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"
#include "spec/slo.h"

struct scenario_policy {
	char *name;          /* "least_outstanding" */
	const json_t *block; /* the object form, or NULL; borrowed from the scenario */
	char *path;          /* for messages: "services.0.routing" */
};

struct scenario_nodes { /* `count` equal nodes */
	char *name;
	int64_t count;
	char *gpu_name;
	const struct gpu_spec *gpu; /* owned by the scenario */
	int64_t gpus;               /* per node */
	int64_t cpus;
	bytes_t host_memory;
	double storage_bandwidth; /* bytes/s */
	bytes_t swap_reserved;    /* of each GPU, for what stays of processes that are swapped */
};

/* Replicas that leave their GPUs for others, and come back (semantics.md section 4). */
struct scenario_swap {
	bool on;
	struct scenario_policy policy; /* who goes out */
	int method;                    /* enum swap_method */
	bytes_t host_memory;           /* of a node, for what is swapped */
	ns_t residency;                /* before which nobody goes out */
	bool bidirectional;            /* out and in at once */
};

/* What a step costs on one group of nodes, and who says so. */
struct service_costs {
	/* the engine profile's, the calibration's over them, `costs` of the scenario over both */
	struct cost_constants constants;
	const struct calibration *calibration; /* of GPU, engine and precision; owned by the
	                                          scenario; NULL: there is none */
	const struct calibration_set *set;     /* of it that applies; NULL: not calibrated */
};

enum calibration_use { CALIBRATION_AUTO, CALIBRATION_NONE };

/* Who says how many replicas a service has. */
struct scenario_autoscaler {
	struct scenario_policy
		policy; /* name NULL: nobody, its replicas are there from the start */
	int64_t min, max;
	int64_t hard_limit; /* requests at one replica; 0: none */
};

struct scenario_change { /* from then on so many replicas are wanted */
	ns_t at;
	int64_t replicas;
};

struct scenario_service {
	char *name;
	char *model_name, *engine_name;
	const struct llm_spec *llm;       /* owned by the scenario */
	const struct engine_spec *engine; /* owned by the scenario */
	struct engine_options options;    /* the profile's, with engine_options over it */
	struct engine_startup startup;    /* the profile's, with `startup` over it */
	struct service_costs *costs;      /* by group of nodes: scenario.n_nodes of them */
	const json_t *own_costs;          /* `costs`, or NULL; borrowed from the scenario */
	int calibration;                  /* enum calibration_use */
	char *engine_version;             /* picks the set of a calibration; NULL: the first */
	int precision, kv_precision;      /* enum precision */
	int64_t replicas;
	int64_t places, initial;         /* replicas at a time at most, and at the start; both are
	                                    `replicas`	 where none come or go */
	struct scenario_change *changes; /* n_changes of them, in order of time */
	size_t n_changes;
	ns_t start_timeout;       /* to be ready, from when a replica is wanted; 0: none */
	int64_t gpus_per_replica; /* = tensor_parallel */
	int64_t tensor_parallel;
	/* what it asks of each of its GPUs */
	int64_t fraction_ppm; /* of the memory; SHARE_WHOLE: all of it, nobody else is there; 0:
	                         memory_mib says */
	int64_t memory_mib;   /* MiB, where fraction_ppm is 0 */
	char *mig_profile;    /* a slice of a GPU instead, which shares nothing; NULL: none */
	int64_t limit_ppm, limit_mib; /* up to which it may borrow, in the same terms */
	int64_t compute_request_ppm, compute_limit_ppm; /* of the GPU's time, 0 to SHARE_WHOLE */
	int64_t priority;                               /* the higher the more important */
	bool preemptible; /* the scheduler may evict its replicas, and they may go over quota */
	size_t project;   /* index; valid only where the scenario is scheduled */
	struct scenario_policy routing;
	struct scenario_autoscaler autoscaler;
	struct slo *slo;
	size_t n_slo;
};

#define PROJECT_NONE SIZE_MAX
#define PROJECT_UNLIMITED INT64_C(-1)

struct scenario_project {
	char *name;
	size_t parent;             /* index; PROJECT_NONE at the top */
	int64_t quota_ppm;         /* of GPUs; PROJECT_UNLIMITED: all of them */
	int64_t limit_ppm;         /* of GPUs; PROJECT_UNLIMITED: none */
	int64_t over_quota_weight; /* thousandths */
	int64_t priority;          /* the higher the earlier it is served */
	bool implied;              /* nobody wrote it: for what names no project */
};

#define SCENARIO_TUMBLING 1

struct scenario_history { /* of what projects used, for the fair share */
	int64_t k_milli;  /* its weight, thousandths; 0: it does not count */
	bool tumbling;    /* since the last multiple of the window, not over the last one */
	ns_t window;
	ns_t half_life; /* 0: no decay */
};

struct scenario_job { /* training */
	char *name;
	size_t project;   /* index */
	int64_t priority; /* the higher the more important */
	bool preemptible;
	int64_t workers, min_workers; /* it runs with the latter or more */
	int64_t gpus_per_worker;      /* whole ones, of one node */
	ns_t work;                    /* how long all of its workers need */
	ns_t submit;
	ns_t checkpoint_every; /* while it runs; 0: never */
};

struct scenario_job_group { /* jobs that were written as one */
	char *name;
	size_t first, n;
};

struct length_dist { /* tokens: normal, rounded, at least `min` */
	double mean, stddev;
	int64_t min, max; /* max 0 = none */
	bool gamma;       /* instead of normal */
};

enum load_kind { LOAD_CONCURRENCY, LOAD_RATE, LOAD_STAGES, LOAD_TRACE, LOAD_SERVEGEN };
enum arrivals { ARRIVALS_POISSON, ARRIVALS_CONSTANT, ARRIVALS_GAMMA };
enum trace_format {
	TRACE_GUESS,
	TRACE_AZURE,
	TRACE_BURSTGPT,
	TRACE_MOONCAKE,
	TRACE_AIPERF,
	TRACE_GENAI_PERF,
	TRACE_CSV,
	TRACE_VLLM_LOG,
};

struct load_stage {
	int64_t users; /* closed stage; 0 in an open one */
	double rate;   /* open stage, requests/s; 0 in a closed one */
	ns_t span;
};

/* What the requests of a synthetic load have in common; all zero: nothing. */
struct load_text {
	int64_t prefix_tokens, prefixes; /* before every prompt, one of so many drawn; prefixes >= 1
	                                    when there are tokens */
	int64_t context_tokens;   /* behind it, of each conversation or distinct prompt its own */
	int64_t entries;          /* distinct prompts, sent again in turn; 0: every one is new */
	struct length_dist turns; /* of a conversation; mean 0: single requests */
	ns_t delay, delay_stddev; /* from an answer to the next turn */
	int64_t sessions;         /* conversations of the whole load, then it ends; 0: no limit */
};

/* Tokens before the drawn part of a (first) prompt. */
static inline int64_t load_text_before(const struct load_text *t)
{
	return t->prefix_tokens + t->context_tokens;
}

/* Whether the scenario itself sets a cost constant of the service. */
static inline bool service_sets_cost(const struct scenario_service *service, const char *name)
{
	const json_t *const own = json_object_get(service->own_costs, name);
	return own != NULL && !json_is_null(own);
}

struct scenario_load {
	char *name;     /* "loads.0" unless named */
	size_t service; /* index */
	int kind;       /* enum load_kind; `genai-perf` becomes one of these */
	struct length_dist isl, osl;
	struct load_text text;
	int64_t images; /* per request */
	/* concurrency */
	int64_t users;
	ns_t think;
	ns_t retry;   /* wait of a user whose request was refused */
	ns_t stagger; /* users start evenly over this span; 0: all at t = 0 */
	/* rate */
	double rate;
	int arrivals;      /* enum arrivals */
	double smoothness; /* gamma shape; 1 = poisson */
	/* counts: 0 = none; counted over the whole load */
	int64_t requests;        /* stop after this many measured */
	int64_t warmup_requests; /* first so many are not measured */
	/* stages */
	struct load_stage *stages;
	size_t n_stages;
	/* trace */
	char *file;         /* resolved against the scenario's folder */
	int format;         /* enum trace_format */
	double speedup;     /* arrival times divided by this */
	int64_t hash_block; /* tokens of one block id */
	bool spread;        /* spread ties evenly up to the next timestamp */
	/* servegen */
	char *folder;     /* of the clients, resolved against the scenario's folder */
	int64_t *clients; /* their numbers, ascending */
	size_t n_clients; /* 0: all there are */
	ns_t from;        /* time of the profile at which the load begins */
	double scale;     /* times which the rates are */
	bool streaming;   /* false: no TTFT, ITL reported (genai-perf without --streaming) */
};

/* Are its lengths drawn from `isl` and `osl`? Else they are read from files. */
static inline bool load_has_lengths(const struct scenario_load *load)
{
	return load->kind != LOAD_TRACE && load->kind != LOAD_SERVEGEN;
}

/* May requests of this load share text? Of a trace it shows only when it is read. */
static inline bool load_shares(const struct scenario_load *load)
{
	const struct load_text *const t = &load->text;
	return load->kind == LOAD_TRACE || t->prefix_tokens > 0 || t->entries > 0 ||
	       t->turns.mean > 0.0;
}

enum fault_kind { FAULT_GPU, FAULT_NODE, FAULT_LINK, FAULT_SLOW_START };

struct scenario_fault {
	int kind;           /* enum fault_kind */
	ns_t at;            /* the first one, or the time from which on they may come */
	ns_t every;         /* mean time between them; 0: there is one */
	ns_t span;          /* until it is mended; NS_NEVER: not in this run */
	int64_t group;      /* of nodes; -1: any */
	int64_t node;       /* within the group; -1: drawn */
	int64_t gpu;        /* within the node; -1: drawn, where kind is gpu */
	int64_t factor_ppm; /* of its speed that is left of a link, or of a start */
};

struct scenario {
	char *name; /* file name without folder and .json */
	char *file;
	char *about;
	char *hash; /* of the canonical JSON after --set, hexadecimal */
	uint64_t seed;
	json_t *json; /* after --set; owned */
	struct scenario_nodes *nodes;
	size_t n_nodes;
	struct scenario_service *services;
	size_t n_services;
	struct scenario_load *loads;
	size_t n_loads;
	struct scenario_project *projects;
	size_t n_projects;
	struct scenario_job *jobs; /* each one of a series on its own */
	size_t n_jobs;
	struct scenario_job_group *job_groups;
	size_t n_job_groups;
	ns_t period;      /* from one cycle of the scheduler to the next */
	ns_t min_runtime; /* a job that began keeps its GPUs for so long */
	ns_t grace;       /* an evicted replica answers what it has for so long at most */
	bool scheduled; /* there are projects, or jobs: who gets GPUs is their scheduler's to say */
	bool native;    /* Kubernetes' own scheduler */
	struct scenario_history history;
	struct scenario_fault *faults;
	size_t n_faults;
	struct scenario_policy placement, compute_share, oom_victim, priority;
	struct scenario_swap swap;
	bool node_level;           /* replicas that may borrow are spread over the GPUs of a node */
	int64_t workloads_per_gpu; /* on a GPU to which they are spread, at most; 0: no such limit
	                            */
	ns_t stop_after;           /* NS_NEVER when absent */
	char **assumptions;
	size_t n_assumptions;
	struct option_log *log;         /* every key with value and source; owned */
	struct scenario_sheets *sheets; /* owned data sheets */
};

/* Memory of one GPU that requests may add up to, rounded as Run:ai does. */
bytes_t scenario_gpu_memory(const struct scenario_nodes *nodes);

/* May others use what a replica uses? Not its own GPUs, nor its own slice of one. */
bool scenario_shares_gpu(const struct scenario_service *service);

/* Its MIG slice of such a GPU; false: it asks for none, or the GPU has no such profile. */
bool scenario_slice(const struct scenario_service *service, const struct scenario_nodes *nodes,
                    struct mig_slice *out);

/* What a replica asks of each of its GPUs, whole MiB. */
bytes_t scenario_request(const struct scenario_service *service,
                         const struct scenario_nodes *nodes);

/* What its engine sees of each: its request, of a whole GPU the physical memory. */
bytes_t scenario_visible(const struct scenario_service *service,
                         const struct scenario_nodes *nodes);

/* Up to what it may borrow of each of its GPUs; at least its request. */
bytes_t scenario_limit(const struct scenario_service *service, const struct scenario_nodes *nodes);

/* "2 GPUs", "0.5 of a GPU", "20.00 GiB of each of 2 GPUs"; caller frees. */
char *scenario_part_text(const struct scenario_service *service);

/* Is there a load for that service? One that nobody asks meets no limit and breaks none. */
bool scenario_is_asked(const struct scenario *sc, size_t service);

/* The kinds of GPUs of its nodes, each once: "h200-sxm + b200"; caller frees. */
char *scenario_gpus_text(const struct scenario *sc);

/* May a replica borrow, between its request and a limit above it? */
bool scenario_borrows(const struct scenario_service *service);

/* That limit, "0.65" or "60.00 GB", into `buf`; empty where there is none. Returns `buf`. */
const char *scenario_limit_text(const struct scenario_service *service, char *buf, size_t size);

/* May the scheduler evict its replicas? Kubernetes' own may for whoever is more important. */
bool scenario_may_evict(const struct scenario *sc, const struct scenario_service *service);

struct scenario_override {
	const char *path, *value; /* of --set, in order */
};

/*
 * Load and validate; NULL with all errors added. `overrides` are applied before anything is read.
 * Caller frees.
 */
struct scenario *scenario_read(const char *file, struct data_dir *data,
                               const struct scenario_override *overrides, size_t n_overrides,
                               struct err *err);

/*
 * The same from a document made in memory, named `name` in messages; takes over the reference to
 * `json`.
 */
struct scenario *scenario_build(const char *name, json_t *json, struct data_dir *data,
                                struct err *err);
void scenario_free(struct scenario *sc);

#endif
