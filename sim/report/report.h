/*
 * Everything that shows a finished run: pure functions from its results to a file. What the files
 * hold: formats.md sections 1.5-1.7, 2.3-2.5, 6 and 7, contract.md section 3. Times are simulated,
 * from 0; nothing here reads a clock.
 */
#ifndef ALIQUOT_REPORT_REPORT_H
#define ALIQUOT_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "spec/scenario.h"
#include "metric/request_log.h"
#include "metric/series.h"
#include "metric/summary.h"
#include "report/json_writer.h"

enum report_unit { REPORT_REQUESTS, REPORT_MIB, REPORT_MILLI_GPUS, REPORT_REPLICAS };

/* A quantity of one service over time, or of one project. */
struct report_series {
	const char *name; /* "running", "waiting"; a column of timeslices.csv */
	enum report_unit unit;
	size_t service;
	const char *project; /* NULL: it is the service's */
	const struct series *series;
};

/* A finished run; all borrowed. Services of summary and scenario have the same places. */
struct report {
	const struct summary *summary;
	const struct scenario *scenario;
	const struct request_log *log;
	const struct report_series *series;
	size_t n_series;
};

/* The screen of `aliquot run`, at most 100 columns. `colour`: escape codes for the verdicts. */
void report_console(FILE *out, const struct report *r, bool colour);

/* Its line about a load, of a service that writes tokens or not. */
void report_load(FILE *out, const struct scenario_load *load, bool generates);

/* Its lines about GPUs: all of them, and what those hold that replicas share. */
void report_gpus(FILE *out, const struct report *r);
/* The latter as a key of the summary; none where no GPU is shared. */
void report_gpus_json(struct json_writer *w, const struct summary *s);

/* Tables of jobs and projects, and the same as keys of the summary; nothing without jobs. */
void report_jobs(FILE *out, const struct report *r);
void report_jobs_json(struct json_writer *w, const struct summary *s);
/* What failed, what was lost by it and how long it took to recover; nothing where nothing did. */
void report_faults(FILE *out, const struct summary *s);
void report_faults_json(struct json_writer *w, const struct summary *s);
/* Replicas that went back to the GPUs where they are booked, and for whom; nothing where none did.
 */
void report_moves(FILE *out, const struct summary *s);
void report_moves_json(struct json_writer *w, const struct summary *s);

/* Schema aliquot/summary/1: the whole document, or as a value inside another one. */
void report_json(FILE *out, const struct report *r);
void report_json_value(struct json_writer *w, const char *key, const struct report *r);

/* run.json: what was run, every key after defaults, and what the numbers rest on. */
void report_manifest(FILE *out, const struct report *r);

/*
 * AIPerf's newest shapes (schema 1.4): records of all services, one line each, in order of
 * completion (none when the log keeps none), and the summary of one service.
 */
void report_aiperf_records(FILE *out, const struct report *r);
void report_aiperf_json(FILE *out, const struct report *r, size_t service);
void report_aiperf_csv(FILE *out, const struct report *r, size_t service);

/* GenAI-Perf's summary of one service. */
void report_genai_perf_json(FILE *out, const struct report *r, size_t service);
void report_genai_perf_csv(FILE *out, const struct report *r, size_t service);

/* Series as tidy CSV: time_s,series,labels,value. */
void report_timeslices(FILE *out, const struct report *r);

/* What the autoscaler of a service did: a line of the screen, a member of its JSON. */
void report_scaling(FILE *out, const struct service_summary *s);
void report_scaling_json(struct json_writer *w, const struct service_summary *s);

/* scaling.csv: each change of what services want; worth writing where one has an autoscaler. */
void report_scaling_csv(FILE *out, const struct report *r);
bool report_scales(const struct summary *s);

/*
 * "stem" + "tail" for the only service, "stem_NAME" + "tail" for one of several, with NAME reduced
 * to letters, digits, '.', '-' and '_'. Caller frees.
 */
char *report_file_name(const struct report *r, size_t service, const char *stem, const char *tail);

/*
 * Write the result folder: run.json, summary.json, the NVIDIA files of every service,
 * profile_export.jsonl when records were kept, timeslices.csv when there are series, plots/. False
 * with ERR_IO errors added; files already complete stay.
 */
bool report_folder(const struct report *r, const char *dir, struct err *err);

/* Write the records to one file. False with an ERR_IO error added. */
bool report_records_file(const struct report *r, const char *path, struct err *err);

#endif
