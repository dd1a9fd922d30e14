/* Between the files that make cases of measured rows: case*.c. */
#ifndef ALIQUOT_STUDY_CASE_PRIVATE_H
#define ALIQUOT_STUDY_CASE_PRIVATE_H

#include "study/case.h"

/* Say why a case is skipped; the first reason stays. */
void case_skip(struct study_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The own name of a data sheet of this kind; `text` itself where there is none: then skipped. */
const char *case_sheet(struct study_case *c, struct data_dir *data, const char *kind,
                       const char *what, const char *text);

/* enum precision by a row's spelling; skipped where it is none. */
int case_precision(struct study_case *c, const char *text);

#endif
