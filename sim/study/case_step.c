/* Steps that were timed alone: their cost without a simulation, in which other steps would lie. */
#include <math.h>
#include <string.h>

#include "perf/perf.h"
#include "study/case.h"

#define MOST_TOKENS 1e7 /* of one sequence: squares of it still add up in an integer */

struct perf *case_perf(const struct scenario *sc, const struct scenario_service *service,
                       int64_t max_seqs)
{
	struct llm_shape shape;
	const struct perf_ask ask = {
		.gpu = sc->nodes[0].gpu,
		.llm = &shape,
		.costs = &service->costs[0].constants,
		.weights = (enum precision)service->precision,
		.overlap = service->options.overlap,
		.tensor_parallel = service->tensor_parallel,
		.max_seqs = max_seqs,
	};

	llm_spec_shape(service->llm, ask.weights, (enum precision)service->kv_precision, &shape);
	return perf_new(&ask);
}

/* Of its GPU part, on the row's share of the SMs. */
static double speed_of(const struct study_case *c, const struct perf *perf,
                       const struct step_shape *shape)
{
	const int64_t share = (int64_t)(case_part(c) * 1e6 + 0.5);
	struct step_demand demand;

	perf_demand(perf, shape, &demand);
	return (double)perf_sm_speed(c->scenario->nodes[0].gpu, &demand, share, share) / 1e6;
}

double case_step_ms(const struct study_case *c, const char *metric)
{
	const bool prefill = strcmp(metric, "prefill_latency") == 0;
	const int64_t batch = c->run->users;
	struct step_shape shape = {0};
	struct step_cost cost;

	if ((!prefill && strcmp(metric, "decode_step_latency") != 0) || c->run->isl > MOST_TOKENS) {
		return (double)NAN;
	}
	const int64_t tokens = (int64_t)(c->run->isl + 0.5);
	if (prefill) {
		shape.chunks = shape.finishing = batch;
		shape.prompt = batch * tokens;
		shape.pairs2 = batch * tokens * tokens;
	} else {
		shape.decodes = batch;
		shape.context = batch * tokens;
	}
	struct perf *const perf = case_perf(c->scenario, &c->scenario->services[0], c->run->users);
	perf_step(perf, &shape, &cost);
	const double rest = (double)(cost.step - cost.gpu);
	const double gpu = (double)cost.gpu / speed_of(c, perf, &shape);
	perf_free(perf);
	return (rest + gpu) / (double)(1 << TICK_SHIFT) / 1e6;
}
