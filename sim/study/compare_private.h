/* Between the files of a comparison. */
#ifndef ALIQUOT_STUDY_COMPARE_PRIVATE_H
#define ALIQUOT_STUDY_COMPARE_PRIVATE_H

#include <jansson.h>

#include "study/compare.h"

#define COMPARE_SUMMARY "aliquot/summary/1"
#define COMPARE_CCU "aliquot/ccu/1"

struct compare_build {
	const struct compare_ask *ask;
	struct comparison *out;
	struct err *err;
	const char *scenario; /* of the pair at hand */
};

/* Rows of two documents of the same schema. */
void compare_pair(struct compare_build *b, const json_t *base, const json_t *new);

#endif
