/* What a search of a fleet's size found, for people and for programs. */
#ifndef ALIQUOT_STUDY_SIZE_REPORT_H
#define ALIQUOT_STUDY_SIZE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "report/report.h"
#include "study/size.h"

/*
 * All take the run of the answer, `best`, NULL when there is none. The screen is at most 100
 * columns wide: verdict, cells where there are several, probes of the best one, what stops it.
 */
void size_print(FILE *out, const struct size_ask *ask, const struct size *s,
                const struct report *best);

/* Schema aliquot/size/1 (scenarios/README.md). */
void size_json(FILE *out, const struct size_ask *ask, const struct size *s,
               const struct report *best);

/* size.json into a folder. False with ERR_IO errors added. */
bool size_folder(const char *dir, const struct size_ask *ask, const struct size *s,
                 const struct report *best, struct err *err);

#endif
