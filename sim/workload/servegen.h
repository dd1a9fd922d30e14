/*
 * ServeGen's clients (Xiang et al., arXiv 2505.09999): how often each asks, window by window, and
 * how long prompts and answers are. Private to servegen*.c.
 */
#ifndef ALIQUOT_WORKLOAD_SERVEGEN_H
#define ALIQUOT_WORKLOAD_SERVEGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "base/vec.h"

enum servegen_family { SERVEGEN_GAMMA, SERVEGEN_WEIBULL };

/* One line of chunk-N-trace.csv. */
struct servegen_window {
	ns_t from, until;
	double rate; /* requests/s; 0: silent */
	enum servegen_family family;
	double shape; /* of the gaps; their mean is 1 / rate */
};

/* Values with their chances, as the fields of chunk-N-dataset.json have them. */
struct servegen_values {
	int32_t *value;
	double *upto; /* chance of this value or one before it; the last is 1 */
	size_t n;     /* 0: the field is not there */
};

enum servegen_field { /* prompts are the sum of those up to VIDEO */
	              SERVEGEN_INPUT,
	              SERVEGEN_TEXT,
	              SERVEGEN_IMAGE,
	              SERVEGEN_AUDIO,
	              SERVEGEN_VIDEO,
	              SERVEGEN_IMAGES,
	              SERVEGEN_OUTPUT,
	              SERVEGEN_FIELDS,
};

/* Lengths from some time on; windows without requests are left out. */
struct servegen_lengths {
	ns_t from;
	struct servegen_values fields[SERVEGEN_FIELDS];
};

struct servegen_client {
	int64_t number;
	VEC(struct servegen_window) windows;  /* by time, without gaps between them */
	VEC(struct servegen_lengths) lengths; /* by time */
};

/* What the files must have. */
struct servegen_ask {
	const char *folder;
	bool embeds; /* no output lengths are needed */
	bool sees;   /* images may be there */
	struct err *err;
};

/* Numbers of the clients in the folder, ascending; *n of them, NULL with an error when none. */
int64_t *servegen_list(const struct servegen_ask *ask, size_t *n);

/* Read one client; false with errors added. `out` is to be freed either way. */
bool servegen_read(const struct servegen_ask *ask, int64_t number, struct servegen_client *out);
void servegen_client_fini(struct servegen_client *c);

#endif
