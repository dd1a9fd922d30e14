/* The values that a sweep gives to one key. */
#ifndef ALIQUOT_STUDY_AXIS_H
#define ALIQUOT_STUDY_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { AXIS_MOST_VALUES = 100000 };

struct axis {
	char *key;
	char **values; /* as --set takes them */
	size_t n;
};

/*
 * Read "KEY=64,128,x" (JSON values too), "KEY=1..256*2" (powers) or "KEY=0.1..0.9+0.2" (steps); a
 * list may hold ranges. The last value of a range is at most its end. False with an ERR_USAGE
 * error; `out` is to be freed either way.
 */
bool axis_read(const char *text, struct axis *out, struct err *err);
void axis_fini(struct axis *a);

#endif
