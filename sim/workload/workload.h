/*
 * Who arrives, and when: "give me the next arrival", and for closed loops "this one finished".
 * Knows nothing of replicas or clocks: the caller (flow) asks in time order.
 */
#ifndef ALIQUOT_WORKLOAD_WORKLOAD_H
#define ALIQUOT_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "spec/prompt.h"
#include "spec/scenario.h"

struct arrival {
	ns_t at;
	int32_t input_tokens;  /* images included */
	int32_t output_tokens; /* 0: embedding or reranking */
	int32_t images;
	uint32_t user; /* closed loops: who waits for the answer, from 1; else 0 */
	bool warmup;   /* not measured */
	/* what its text shares with others; the rest of it is nobody else's */
	uint32_t n_parts;
	const struct prompt_part *parts; /* borrowed until the next call of next */
};

struct workload;

/* One implementation; state follows the vtable in its own struct, first field `struct workload`. */
struct workload_ops {
	/*
	 * When to call next: at the next arrival, or where the load itself changes (a stage
	 * begins); NS_NEVER when there is nothing (at present).
	 */
	ns_t (*peek)(struct workload *w);
	/* At that time: take the arrival. False when there is none, only a change; peek again. */
	bool (*next)(struct workload *w, struct arrival *out);
	/* A request of `user` was answered (or rejected) at `now`; NULL: the load does not care. */
	void (*finished)(struct workload *w, uint32_t user, ns_t now);
	void (*close)(struct workload *w);
};

struct workload {
	const struct workload_ops *ops;
	bool failed; /* a trace turned out bad in the middle; the error is in the list given at open
	              */
};

/*
 * Open a load. `seed` is the scenario's; `index` the load's place, which names its random streams.
 * `err` must outlive the workload: traces are streamed and can fail late. NULL with errors added.
 */
struct workload *workload_open(const struct scenario_load *load, const struct llm_spec *llm,
                               uint64_t seed, size_t index, struct err *err);

/* Constructors behind workload_open, one per kind. */
struct workload *workload_open_synthetic(const struct scenario_load *load,
                                         const struct llm_spec *llm, uint64_t seed, size_t index);
struct workload *workload_open_trace(const struct scenario_load *load, const struct llm_spec *llm,
                                     struct err *err);

struct workload *workload_open_servegen(const struct scenario_load *load,
                                        const struct llm_spec *llm, uint64_t seed, size_t index,
                                        struct err *err);

#endif
