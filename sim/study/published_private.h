/* Between the files that simulate published figures: published*.c. */
#ifndef ALIQUOT_STUDY_PUBLISHED_PRIVATE_H
#define ALIQUOT_STUDY_PUBLISHED_PRIVATE_H

#include "base/json.h"
#include "spec/scenario.h"

/* Is the first request after a cold start observed? */
bool published_is_start(const char *what);

/* Add errors for keys that such a row needs and does not have. */
void published_check_start(const struct json_at *row);

/* Its TTFT in ms, of `service` with `isl` tokens. NaN where there is no such service. */
double published_start_ms(const struct scenario *sc, const json_t *row);

#endif
