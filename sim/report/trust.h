/*
 * What the numbers of a run rest on: for every service and kind of GPU the calibration behind the
 * cost constants, how well it held on rows it had not seen, and whether the run stayed where it was
 * measured.
 */
#ifndef ALIQUOT_REPORT_TRUST_H
#define ALIQUOT_REPORT_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "spec/scenario.h"
#include "metric/summary.h"
#include "report/json_writer.h"

#define TRUST_REASONS 16 /* more than there are checks and cost constants */

/* One service on one kind of GPU. */
struct trust {
	const struct scenario_service *service; /* borrowed, as all but the reasons */
	const char *gpu;
	const struct service_costs *costs;
	bool ran;                     /* judged by the load of a run too */
	bool inside;                  /* calibrated, and no reason to be outside */
	char *outside[TRUST_REASONS]; /* "ISL 550 is below 1,024" */
	size_t n_outside;
};

/*
 * One entry per kind of GPU, first group first, into out[scenario.n_nodes]; returns how many. After
 * a run, `done` is its summary of the service: kinds that hold replicas, judged by its load too.
 * Before, NULL: all kinds. Each ends with trust_fini.
 */
size_t trust_of(const struct scenario *sc, size_t service, const struct service_summary *done,
                struct trust *out);
void trust_fini(struct trust *t);

/* In words, one sentence without its stop. Caller frees. */
char *trust_text(const struct trust *t);

/* The same for all kinds of GPU, as an object of JSON. */
void trust_json(struct json_writer *w, const char *key, const struct scenario *sc, size_t service,
                const struct service_summary *done);

/* "ISL 1,024 to 4,096, OSL 128 to 512, ...": the loads that a set's rows cover. */
void trust_region(FILE *out, const struct calibration_set *set);

/* Of an error in per cent: one digit after the point, none from 10 on. */
const char *trust_percent(double percent, char *buf, size_t size);

/* "TPOT", "TTFT", ...: a calibration's name of a metric, for people. */
const char *trust_metric(const char *metric);

#endif
