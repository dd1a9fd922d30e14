/*
 * Fuzzes the trace readers: whatever the bytes, arrivals come in order with lengths in range, and a
 * stream that fails has said why. Each input is read as what it looks like, then as another format.
 */
#include "base/check.h"
#include "spec/llm_spec.h"
#include "workload/workload.h"

#include "input_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct workload *w, const struct llm_spec *llm)
{
	struct arrival arrival;
	ns_t last = 0;

	while (w->ops->peek(w) != NS_NEVER) {
		w->ops->next(w, &arrival);
		sim_assert(arrival.at >= last);
		sim_assert(arrival.input_tokens >= 1);
		sim_assert((arrival.output_tokens >= 1) == (llm->task == LLM_GENERATE));
		sim_assert(arrival.images >= 0);
		last = arrival.at;
	}
}

static void replay(struct scenario_load *load, int task)
{
	const struct llm_spec llm = {.task = task, .image_tokens = 256};
	struct err *err = err_new();
	struct workload *w = workload_open(load, &llm, 1, 0, err);

	sim_assert((w == NULL) == (err_count(err) > 0));
	if (w != NULL) {
		drain(w, &llm);
		sim_assert(w->failed == (err_count(err) > 0));
		w->ops->close(w);
	}
	err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario_load load = {.kind = LOAD_TRACE, .speedup = 1, .hash_block = 512};
	struct input_file file;

	input_file_write(&file, data, size);
	load.file = file.name;
	replay(&load, LLM_GENERATE);
	load.format = TRACE_AZURE + (int)(size % 6);
	load.spread = size % 2 == 0;
	load.speedup = size % 4 < 2 ? 3 : 0.001;
	load.isl.mean = 100;
	replay(&load, size % 5 == 0 ? LLM_EMBED : LLM_GENERATE);
	input_file_remove(&file);
	return 0;
}
