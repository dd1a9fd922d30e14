/* Totals and distributions of a whole run: what every report prints. Computed once, at the end. */
#ifndef ALIQUOT_METRIC_SUMMARY_H
#define ALIQUOT_METRIC_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "spec/slo.h"
#include "metric/dist.h"
#include "metric/request_log.h"

struct scale_change { /* of the replicas that a service wants */
	ns_t at;
	uint32_t from, to, ready;
	const char *reason; /* the rule that had the last word; static */
};

struct service_summary {
	const char *name;                                        /* borrowed from the scenario */
	int64_t submitted, finished, rejected, lost, unfinished; /* measured requests */
	int64_t too_long;       /* of the rejected: longer than the context or the KV cache */
	int64_t warmup;         /* finished but not measured */
	bool prefix_cache;      /* prompts may find tokens in the cache, and it is on */
	int64_t cached_tokens;  /* found by measured finished requests at their first admission */
	double prefix_hit_rate; /* of their prompts' tokens; NaN without prefix_cache */
	struct dist ttft_ms, ttst_ms, tpot_ms, itl_ms, latency_ms, queue_ms, tps_user;
	struct dist input_tokens, output_tokens;
	ns_t first_arrival,
		last_end; /* of measured finished requests: the duration D of formats.md 3 */
	double output_tokens_per_s, input_tokens_per_s, requests_per_s;
	double goodput_per_s; /* NaN when the service has no limits */
	bool streaming;       /* false: TTFT, ITL are not reported in the NVIDIA files */
	bool generates;       /* false: embedding, no output tokens */
	bool scheduled;       /* its replicas come by the cluster's scheduler */
	/* from the replicas */
	int64_t replicas;     /* at a time at most */
	double replicas_avg;  /* on GPUs */
	bool comes_and_goes;  /* some are not there from start to end */
	int64_t at_door;      /* requests that found no replica ready */
	double door_s;        /* which they waited on average */
	double door_starting; /* share of that while a replica was starting */
	double door_full;     /* and while the ready ones had as many as they may */
	double late; /* share of the waiting of its requests while a replica was starting */
	const char *autoscaler;             /* its policy; NULL: it has none */
	const struct scale_change *changes; /* n_changes of them; borrowed from the run */
	size_t n_changes;
	int64_t failed_starts;    /* replicas that were not ready in time */
	int64_t evicted, pending; /* replicas that others took the GPUs of; that wait at the end */
	double pending_avg, kept_out_avg; /* that wait; of them, for a quota or a limit */
	char reason[160];                 /* for which they wait at the end; "": none does */
	char kept_out[160];               /* by which quota or limit, the last time; "": by none */
	int64_t *placed;                  /* of them, by group of nodes */
	int64_t kv_capacity_tokens, kv_peak_tokens; /* per replica; peak over replicas */
	int64_t preemptions;
	int64_t swaps; /* times a replica came back from host memory; -1: there is no swap */
	int64_t moves; /* back to the GPUs where replicas are booked; -1: they are not spread */
	int64_t moved_lost; /* requests by that */
	double away;        /* share of its replicas' time on other GPUs than they are booked on */
	int64_t oom_kills,
		cold_starts; /* of replicas whose memory others had asked for; starts again */
	double running_avg, waiting_avg;  /* sequences per replica, time average */
	int64_t running_max, waiting_max; /* of one replica */
	double busy;                      /* share of time a replica was in a step */
	double gpu_busy;                  /* share of time its GPU worked */
	double prefill_share;             /* share of busy time in steps with prompt tokens */
	bool shares;                      /* its replicas may have neighbours on their GPUs */
	double slowed;                    /* share of time that its steps lost to neighbours, or to
	                                     limits of compute */
	double down;          /* share of time a replica was killed, or starting again */
	int64_t max_num_seqs; /* for what binds */
};

struct gpu_summary {            /* of a GPU on which replicas have parts */
	const char *nodes;      /* name of their group; borrowed */
	uint32_t node, index;   /* within the group, within the node */
	uint32_t *residents;    /* of each service, so many replicas are on it; owned */
	double busy;            /* work of all of them, in times of a GPU of their own */
	double requested, peak; /* of its memory: by the residents, held at most */
};

struct job_summary {
	const char *name;  /* borrowed */
	const char *state; /* "pending", "running", "finished", "rejected", "expected" */
	char reason[160];  /* why it waits or was rejected; "" otherwise */
	size_t project;    /* of the scenario */
	ns_t submitted, started, finished; /* NS_NEVER: not in this run */
	ns_t waited;                       /* pending, in all */
	double done, lost; /* GPU hours of work; what a checkpoint did not keep is lost */
	int64_t preemptions, evicted; /* times it had to stop; workers that lost their GPUs */
};

struct project_summary {
	const char *name;                    /* borrowed */
	double quota;                        /* GPUs; NaN: without end */
	double held, held_by_services;       /* GPU hours */
	double done, lost;                   /* of its jobs, GPU hours of work */
	int64_t jobs, finished, preemptions; /* jobs that came */
	double waited_s; /* mean of its jobs, pending in all; NaN: it has none */
	bool above;      /* other projects: what they have is counted here too */
};

struct fault_summary {            /* something that failed */
	const char *kind, *nodes; /* of nodes: the group; borrowed */
	uint32_t node;            /* within it */
	int64_t gpu;              /* of the node; -1: all of it */
	ns_t at;
	int64_t replicas, lost; /* replicas that were on it, requests that they had begun */
	int64_t workers;        /* of jobs, that were on it */
	double lost_work;       /* of theirs, GPU hours since the last checkpoint */
	/* until as many replicas were ready, and as many workers at work, as before; NS_NEVER: not
	 * in this run */
	ns_t recovery;
};

struct move_summary { /* of a replica, back to the GPUs where it is booked */
	ns_t at;
	ns_t start; /* of its process there; NS_NEVER: it was starting, or leaving */
	size_t service;
	uint32_t replica;  /* of the service */
	const char *nodes; /* the group of its node; borrowed */
	uint32_t node;     /* within it */
	uint32_t from, to; /* of its GPUs, within the node: the first */
	int64_t needed;    /* the service that needs the place; -1: jobs */
	int64_t lost;      /* requests that it had begun */
};

struct limit_result {
	const struct slo *limit; /* borrowed */
	size_t service;
	double observed;
	bool ok;
};

struct summary {
	const char *scenario_name, *scenario_hash, *version; /* borrowed */
	uint64_t seed;
	ns_t simulated;
	int64_t events;
	bool incomplete; /* interrupted, at the horizon, or left with requests for nobody */
	struct service_summary *services;
	size_t n_services;
	struct limit_result *limits;
	size_t n_limits;
	bool pass; /* every limit ok */
	int64_t gpus;
	double gpu_busy, memory_used, allocated; /* shares of the cluster, 0..1 */
	struct gpu_summary *shared;              /* GPUs that replicas share, n_shared of them */
	size_t n_shared;
	struct job_summary *jobs; /* n_jobs of them; where there are some, the projects too */
	size_t n_jobs;
	struct project_summary *projects;
	size_t n_projects;
	char in_vain[256]; /* jobs that lose more than they keep, and what would help; "": none */
	double fairness;   /* Jain's index of GPU hours per GPU of quota; NaN: no project has one */
	struct fault_summary *faults; /* n_faults of them, in order of time */
	size_t n_faults;
	struct move_summary *moves; /* n_moves of them, in order of time */
	size_t n_moves;
	char binding[256]; /* one line of cause: what stops it */
};

void summary_fini(struct summary *s);

/*
 * Distributions and rates of service `i` of a log into *out: counts, times, lengths, throughput.
 * Rates divide by D = last_end - first_arrival of the measured finished requests and are NaN
 * without any. Goodput counts request-level limits only (request_is_good): those of `slo` (n of
 * them, may be 0) when records are kept, else those of request_log_set_limits; NaN without any.
 * Leaves name, submitted, unfinished, streaming, generates and the replica fields alone; looks at
 * prefix_cache.
 */
void summary_service(const struct request_log *log, size_t i, const struct slo *slo, size_t n_slo,
                     struct service_summary *out);

/*
 * Value of a limit's metric and statistic in a service summary, in the limit's unit; NaN when
 * undefined. The error rate is (rejected + lost) / (finished + rejected + lost).
 */
double summary_observe(const struct service_summary *s, const struct request_log *log, size_t i,
                       const struct slo *limit);

#endif
