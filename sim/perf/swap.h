/*
 * What it costs to bring a model that is in host memory, or asleep, back into its GPUs, and to
 * bring another one out (physics.md section 6). Pure functions; who waits for whom is flow's.
 */
#ifndef ALIQUOT_PERF_SWAP_H
#define ALIQUOT_PERF_SWAP_H

#include "perf/start.h"

/* Bytes that pass a host link in each direction, of one exchange on it. */
struct swap_copies {
	bytes_t out, in;
	double rate;        /* bytes/s one way */
	bool bidirectional; /* both ways at once */
};

/* How long they take: the longer way, or both one after the other. */
ns_t perf_swap_copy(const struct swap_copies *copies);

/* By how much the first request of so many prompt tokens is slower after Run:ai's swap. */
ns_t perf_swap_warmup(const struct engine_startup *startup, tokens_t prompt);

/* To fall asleep, and to wake, level 1 or 2 of vLLM. `ask` as of a cold start. */
ns_t perf_sleep(const struct start_ask *ask, enum swap_method level);
ns_t perf_wake(const struct start_ask *ask, enum swap_method level);

#endif
