/*
 * A run: built from a scenario, run to its end, asked for its results, freed. Holds the only
 * context; two runs can live side by side.
 */
#ifndef ALIQUOT_FLOW_SIM_H
#define ALIQUOT_FLOW_SIM_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"
#include "spec/scenario.h"
#include "perf/perf.h"
#include "metric/request_log.h"
#include "metric/series.h"
#include "metric/summary.h"
#include "policy/routing.h"

struct sim;

/* Where the run stands, for a progress line. */
struct sim_progress {
	ns_t now;
	int64_t events;
	uint64_t arrived, in_flight;
};

struct sim_options {
	bool exact;        /* step every iteration; the records are the same */
	bool keep_records; /* exact quantiles and record files */
	bool keep_gaps;    /* every token gap of every record; implies exact and keep_records */
	bool keep_series;  /* what sim_series has, over time */
	const struct routing_policy
		*routing; /* tests: use this instead of every service's; may be NULL */
	const volatile sig_atomic_t *interrupt; /* non-zero ends the run early; may be NULL */
	void (*progress)(void *arg,
	                 const struct sim_progress *p); /* called now and then; may be NULL */
	void *progress_arg;
};

/*
 * Place the replicas, look the policies up, open the loads. NULL with errors added: ERR_INPUT for
 * names and options of policies, ERR_INFEASIBLE when a model does not fit or GPUs are missing. The
 * scenario and `err` must outlive the run.
 */
struct sim *sim_new(const struct scenario *sc, const struct sim_options *options, struct err *err);
void sim_free(struct sim *sim);

/* Run to the end. False when a trace turned out bad (errors added). */
bool sim_run(struct sim *sim);

/* Results of a finished run. `out` is filled and must be freed with summary_fini; borrows from the
 * run. */
void sim_summary(const struct sim *sim, struct summary *out);
const struct request_log *sim_log(const struct sim *sim);

/* What is looked at over time. */
enum sim_series {
	SIM_RUNNING, /* requests */
	SIM_WAITING,
	SIM_MEMORY, /* MiB that its replicas hold of shared GPUs */
	SIM_READY,  /* replicas, where they come and go */
	SIM_STARTING,
	SIM_AWAY, /* replicas that are spread, on other GPUs than they are booked on */
	SIM_SERIES,
};

/* One of a service; NULL unless keep_series, of memory where its GPUs are its own, and of replicas
 * where all are there from start to end. */
const struct series *sim_series(const struct sim *sim, size_t service, enum sim_series which);

/* GPUs that the services and jobs of a project hold, in thousandths; NULL unless keep_series and
 * there are jobs. */
const struct series *sim_project_series(const struct sim *sim, size_t project);

/* What one service's replicas get on one kind of GPU; the first node kind it was placed on. */
struct sim_fit {
	const struct scenario_nodes *nodes;
	struct memory_plan memory;
	int64_t capacity_tokens; /* of one replica */
	int64_t users;           /* sequences of the load's mean length that fit at once */
};
void sim_fit(const struct sim *sim, size_t service, struct sim_fit *out);

#endif
