/* Cold starts, stage by stage. */
#include "perf/start.h"

#include "base/check.h"

const char *const start_stage_names[START_STAGES] = {
	"schedule", "image",   "process", "download", "weights",
	"trace",    "compile", "capture", "build",
};

struct start_ask perf_start_ask(const struct scenario_service *service,
                                const struct scenario_nodes *nodes, bytes_t weights)
{
	return (struct start_ask){
		.startup = &service->startup,
		.gpu = nodes->gpu,
		.gpus = service->gpus_per_replica,
		.weights = weights,
		.storage = nodes->storage_bandwidth,
		.vision = llm_spec_sees(service->llm),
		.image_cached = true,
	};
}

double perf_host_rate(const struct gpu_spec *gpu, int64_t gpus)
{
	sim_assert(gpus >= 1 && gpu->link_gpus >= 1);
	const int64_t links = (gpus + gpu->link_gpus - 1) / gpu->link_gpus;
	return gpu->host_link_bytes_per_s * gpu->link_share * (double)links;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

double perf_weight_rate(const struct start_ask *ask)
{
	const struct engine_startup *const s = ask->startup;
	const double link = perf_host_rate(ask->gpu, ask->gpus);
	double rate = ask->storage;
	switch ((enum loader)s->loader) {
	case LOADER_SAFETENSORS: /* one process per GPU, each reads its part */
		if (s->safetensors_rate > 0.0) {
			rate = least(rate, s->safetensors_rate * (double)ask->gpus);
		}
		break;
	case LOADER_STREAMER:
		rate *= s->streamer_share;
		break;
	case LOADER_SERVERLESS:
		rate *= s->serverless_share;
		break;
	}
	return least(rate, link);
}

ns_t perf_read(const struct start_ask *ask)
{
	return ns_from_seconds((double)ask->weights / perf_weight_rate(ask));
}

ns_t perf_start(const struct start_ask *ask, ns_t stages[START_STAGES])
{
	const struct engine_startup *const s = ask->startup;
	const double weights = (double)ask->weights;
	const double seconds[START_STAGES] = {
		[START_SCHEDULE] = s->schedule_s,
		[START_IMAGE] = ask->image_cached ? 0.0 : s->image_s,
		[START_PROCESS] = s->process_s,
		[START_DOWNLOAD] = s->download_rate > 0.0 ? weights / s->download_rate : 0.0,
		[START_WEIGHTS] = weights / perf_weight_rate(ask),
		[START_TRACE] = s->trace_s,
		[START_COMPILE] = s->compile_s,
		[START_CAPTURE] = s->capture_s,
		[START_BUILD] = s->build_s + (ask->vision ? s->build_vision_s : 0.0),
	};
	ns_t sum = 0;
	for (int i = 0; i < START_STAGES; i++) {
		stages[i] = ns_from_seconds(seconds[i]);
		sum = ns_after(sum, stages[i]);
	}
	return sum;
}

ns_t perf_start_warmup(const struct engine_startup *startup, tokens_t prompt)
{
	return ns_from_seconds(startup->warmup_s + startup->warmup_per_token_s * (double)prompt);
}
