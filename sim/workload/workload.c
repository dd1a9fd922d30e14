/* Opens a load with the implementation of its kind. */
#include "workload/workload.h"

struct workload *workload_open(const struct scenario_load *load, const struct llm_spec *llm,
                               uint64_t seed, size_t index, struct err *err)
{
	if (load->kind == LOAD_TRACE) {
		return workload_open_trace(load, llm, err);
	}
	if (load->kind == LOAD_SERVEGEN) {
		return workload_open_servegen(load, llm, seed, index, err);
	}
	return workload_open_synthetic(load, llm, seed, index);
}
