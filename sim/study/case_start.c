/* Starts, sleeps and their stages that were timed: from bytes and the engine's constants. */
#include <math.h>
#include <string.h>

#include "perf/swap.h"
#include "study/case.h"

/* Stages of a cold start by what a row's note begins with. */
static const struct {
	const char *note;
	enum start_stage stage;
} stages[] = {
	{"engine init", START_PROCESS},       {"model download", START_DOWNLOAD},
	{"weight loading", START_WEIGHTS},    {"dynamo", START_TRACE},
	{"graph compilation", START_COMPILE}, {"graph capture", START_CAPTURE},
};

static double stage_of(const ns_t at[START_STAGES], const char *note)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		if (strncmp(note, stages[i].note, strlen(stages[i].note)) == 0) {
			return (double)at[stages[i].stage];
		}
	}
	return (double)NAN;
}

/* What an engine's own clock sees of its start: from its process on, weights at hand. */
static ns_t engine_start_time(const ns_t at[START_STAGES])
{
	return at[START_PROCESS] + at[START_WEIGHTS] + at[START_TRACE] + at[START_COMPILE] +
	       at[START_CAPTURE] + at[START_BUILD];
}

static double start_ns(const struct start_ask *ask, const struct measured_value *v)
{
	ns_t at[START_STAGES];

	perf_start(ask, at);
	if (strcmp(v->metric, "weight_load_time") == 0) {
		return (double)at[START_WEIGHTS];
	}
	if (strcmp(v->metric, "engine_ready_time") == 0 ||
	    strcmp(v->metric, "cold_load_time") == 0) {
		return (double)engine_start_time(at);
	}
	if (strcmp(v->metric, "sleep_time_level1") == 0) {
		return (double)perf_sleep(ask, SWAP_SLEEP_1);
	}
	if (strcmp(v->metric, "wake_time_level1") == 0) {
		return (double)perf_wake(ask, SWAP_SLEEP_1);
	}
	if (strcmp(v->metric, "wake_time_level2") == 0) {
		return (double)perf_wake(ask, SWAP_SLEEP_2);
	}
	return strcmp(v->metric, "cold_start_stage") == 0 ? stage_of(at, v->note) : (double)NAN;
}

double case_start_ms(const struct study_case *c, const struct measured_value *v)
{
	const struct scenario_service *const service = &c->scenario->services[0];
	struct llm_shape shape;

	llm_spec_shape(service->llm, (enum precision)service->precision,
	               (enum precision)service->kv_precision, &shape);
	struct start_ask ask =
		perf_start_ask(service, &c->scenario->nodes[0], (bytes_t)shape.weight_bytes);
	ask.image_cached = false;
	return start_ns(&ask, v) / 1e6;
}
