/*
 * Private to the writers of NVIDIA's formats: which rows a service has, and the load that it was
 * under in the words of their options.
 */
#ifndef ALIQUOT_REPORT_NVIDIA_H
#define ALIQUOT_REPORT_NVIDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/report.h"

enum nvidia_need {
	NEED_NOTHING,
	NEED_TOKENS, /* only a model that generates */
	NEED_STREAM, /* and whose answers are streamed */
};

/* A row with percentiles: where its distribution lies in struct service_summary, and its names. */
struct nvidia_dist {
	const char *tag, *header, *unit;
	size_t offset;
	enum nvidia_need need;
};

/* The distribution of a row, or NULL when the service has no such row (or no sample of it). */
const struct dist *nvidia_dist_of(const struct nvidia_dist *row, const struct service_summary *s);

/* D of formats.md 3, in seconds; 0 when nothing finished. */
double nvidia_seconds(const struct service_summary *s);

/* The first load of a service, or NULL. */
const struct scenario_load *nvidia_load(const struct report *r, size_t service);

/* Percentile i of dist_percentiles as a key: "p1" ... "p99". */
const char *nvidia_percentile_key(size_t i);

#endif
