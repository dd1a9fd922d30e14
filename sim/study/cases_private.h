/* Shared by cases.c, cases_expect.c and cases_shares.c. */
#ifndef ALIQUOT_STUDY_CASES_PRIVATE_H
#define ALIQUOT_STUDY_CASES_PRIVATE_H

#include "base/json.h"
#include "study/cases.h"

/* Is this what `expect` asks for? Else why not, which the caller frees; NULL: it is. */
char *cases_differ(const struct json_at *expect, const struct snapshot *s,
                   const struct sched_result *r);

/* Are binds, evictions and promises within the bounds? NULL: they are. */
char *cases_exceed(const struct json_at *expect, const struct sched_result *r);

/* One fair-share case. */
void cases_share(const struct json_at *at, struct sched_case *out);

#endif
