/*
 * The limits of a scenario as searches judge them: those that it states and those that were asked
 * for beside them, what a run showed of each, and how both are written.
 */
#ifndef ALIQUOT_STUDY_LIMITS_H
#define ALIQUOT_STUDY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "spec/scenario.h"
#include "metric/summary.h"
#include "report/json_writer.h"
#include "report/limit.h"

struct limit {
	const struct slo *slo; /* of the scenario */
	size_t service;
};

struct limits { /* in the order of struct summary.limits */
	const struct scenario *scenario;
	struct limit *at; /* freed by whoever asked for the list */
	size_t n;
};

/* What a run showed of one. */
struct limit_seen {
	double observed; /* in the unit of the limit; NaN: nothing to observe */
	bool ok;
};

/*
 * A scenario document with limits ("ttft.max <= 1s @chat") added to its services: to the one that
 * is named, else to `service`, else to all that can have it. New reference, NULL with errors added.
 */
json_t *limits_with(const struct scenario *base, const char *const *limits, size_t n,
                    const char *service, struct err *err);

/* The service of that name; n_services with an error that names the nearest. */
size_t limits_service(const struct scenario *sc, const char *name, struct err *err);

/* All limits of a scenario; false with an error when there is none. */
bool limits_list(const struct scenario *sc, struct limits *out, struct err *err);

/* What a run of that scenario showed, as many as it has limits. */
void limits_observe(const struct summary *s, struct limit_seen *seen);

/* The first that is broken; NULL when all hold. */
const struct limit *limits_broken(const struct limits *l, const struct limit_seen *seen);

/* "ttft.max", or "ttft.max@chat" where several services have limits. Caller frees. */
char *limits_name(const struct limits *l, size_t i);

/* Is it a second limit on what an earlier one looks at? */
bool limits_again(const struct limits *l, size_t i);

/* {"ttft.max": 943.1, ...}, each once */
void limits_json(struct json_writer *w, const char *key, const struct limits *l,
                 const struct limit_seen *seen);

/* Width of a column under such a name. */
int limit_column(const char *name);

#endif
