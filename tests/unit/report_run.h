/* A tiny finished run made by hand, for the tests of what reports print. */
#ifndef ALIQUOT_UNIT_REPORT_RUN_H
#define ALIQUOT_UNIT_REPORT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/report.h"

struct report_run {
	struct report report;
	struct summary summary;
	struct scenario scenario;
	struct scenario_nodes nodes;
	struct scenario_service services[2];
	struct service_costs costs[2];
	struct scenario_load loads[2];
	struct gpu_spec gpu;
	struct llm_spec llm;
	struct engine_spec engine;
	struct slo slo[2];
	struct request_log *log;
	struct report_series series[2];
	char *assumption;
};

/*
 * Service "chat" with three finished requests, one warm-up and one rejected; with two services also
 * "embed docs", an embedding model with one request. Limits: one met, one broken.
 */
void report_run_init(struct report_run *run, size_t n_services, bool keep_records);
void report_run_fini(struct report_run *run);

/* Give "chat" series of running and waiting requests. */
void report_run_add_series(struct report_run *run);

/* What a report writes, as text; caller frees. */
char *text_of(void (*write)(FILE *out, const struct report *r), const struct report *r);
char *text_of_service(void (*write)(FILE *out, const struct report *r, size_t service),
                      const struct report *r, size_t service);

#endif
