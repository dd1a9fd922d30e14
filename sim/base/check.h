/*
 * Assertions for our own mistakes: print where, the simulated time and the event, then abort.
 * User mistakes are not assertions: they are err.h.
 */
#ifndef ALIQUOT_BASE_CHECK_H
#define ALIQUOT_BASE_CHECK_H

#include <stddef.h>

/* Writes one context line (simulated time, event number, policy name) into buf. */
typedef void check_context_fn(const void *arg, char *buf, size_t size);

/* Register the context printed by a failing assertion of this thread; NULL removes it. */
void check_set_context(check_context_fn *fn, const void *arg);

/* Print the failure with the registered context to stderr and abort. Never returns. */
_Noreturn void check_fail(const char *file, int line, const char *condition);

/* Stays in release builds. */
#define sim_assert(cond) ((cond) ? (void)0 : check_fail(__FILE__, __LINE__, #cond))

/* Costly checks (whole-cluster conservation): debug and test builds only. */
#ifdef ALIQUOT_DEBUG
#define sim_assert_slow(cond) sim_assert(cond)
#else
#define sim_assert_slow(cond) ((void)sizeof(cond))
#endif

#endif
