/* Independent pieces of work on several threads; the results do not depend on how many. */
#ifndef ALIQUOT_STUDY_JOBS_H
#define ALIQUOT_STUDY_JOBS_H

#include <stddef.h>

/*
 * Call work(arg, i) once for every i in [0, n), on up to `threads` threads (1: on this one, in
 * order). `work` must touch nothing that another i touches.
 */
void jobs_run(size_t n, size_t threads, void (*work)(void *arg, size_t i), void *arg);

#endif
