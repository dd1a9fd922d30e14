/* What a search of users found, for people and for programs. */
#ifndef ALIQUOT_STUDY_CCU_REPORT_H
#define ALIQUOT_STUDY_CCU_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "report/report.h"
#include "study/ccu.h"

/*
 * All take the run with the largest number of users that passes, `best`, NULL when there is none.
 * The screen is at most 100 columns wide: verdict, probes around the boundary, what stops it.
 */
void ccu_print(FILE *out, const struct ccu *c, const struct report *best);

/* Schema aliquot/ccu/1 (contract.md 2). */
void ccu_json(FILE *out, const struct ccu *c, const struct report *best);

/*
 * ccu.json, and search_history.json and sla_breach.json in AIPerf's shape, into a folder. False
 * with ERR_IO errors added.
 */
bool ccu_folder(const char *dir, const struct ccu *c, const struct report *best, struct err *err);

#endif
