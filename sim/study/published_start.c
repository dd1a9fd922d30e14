/*
 * The first request after a cold start, alone: the stages, its warm-up and its prompt. Nobody waits
 * for anybody here; flow simulates that.
 */
#include <math.h>
#include <string.h>

#include "perf/perf.h"
#include "perf/start.h"
#include "study/case.h"
#include "study/published_private.h"

bool published_is_start(const char *what)
{
	return strcmp(what, "cold") == 0;
}

void published_check_start(const struct json_at *at)
{
	const json_t *const row = at->value;
	if (!json_is_string(json_object_get(row, "service"))) {
		json_fail(at, "missing key \"service\", whose first request it is");
	}
	if (!(json_number_value(json_object_get(row, "isl")) >= 1.0)) {
		json_fail(at, "missing key \"isl\", the tokens of that request");
	}
}

static const struct scenario_service *service_of(const struct scenario *sc, const json_t *row)
{
	const char *const name = json_string_value(json_object_get(row, "service"));
	for (size_t i = 0; i < sc->n_services; i++) {
		if (strcmp(sc->services[i].name, name) == 0) {
			return &sc->services[i];
		}
	}
	return NULL;
}

static double prompt_ns(const struct scenario *sc, const struct scenario_service *service,
                        tokens_t tokens)
{
	const struct step_shape step = {.chunks = 1,
	                                .finishing = 1,
	                                .prompt = tokens,
	                                .pairs2 = tokens * tokens,
	                                .admitted = 1};
	struct step_cost cost;
	struct perf *const perf = case_perf(sc, service, service->options.max_num_seqs);
	perf_step(perf, &step, &cost);
	const double ns = (double)(cost.step >> TICK_SHIFT) + (double)perf_stream(perf) +
	                  (double)perf_entry(perf);
	perf_free(perf);
	return ns;
}

static ns_t cold_ns(const struct scenario *sc, const struct scenario_service *service,
                    tokens_t tokens)
{
	struct llm_shape shape;
	ns_t stages[START_STAGES];
	llm_spec_shape(service->llm, (enum precision)service->precision,
	               (enum precision)service->kv_precision, &shape);
	const struct start_ask ask =
		perf_start_ask(service, &sc->nodes[0], (bytes_t)shape.weight_bytes);
	return perf_start(&ask, stages) + perf_start_warmup(&service->startup, tokens);
}

double published_start_ms(const struct scenario *sc, const json_t *row)
{
	const struct scenario_service *const service = service_of(sc, row);
	const tokens_t tokens = (tokens_t)json_number_value(json_object_get(row, "isl"));
	if (service == NULL) {
		return (double)NAN;
	}
	return ((double)cold_ns(sc, service, tokens) + prompt_ns(sc, service, tokens)) / 1e6;
}
