/* Building the hand-made run. */
#include "report_run.h"

#include "base/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct request_record request(uint64_t id, ns_t arrival_ms, ns_t ttft_ms, ns_t tpot_ms,
                                     int32_t input)
{
	ns_t arrival = arrival_ms * NS_PER_MS, first = arrival + ttft_ms * NS_PER_MS;

	return (struct request_record){
		.id = id,
		.arrival = arrival,
		.admitted = arrival + 5 * NS_PER_MS,
		.first = first,
		.second = first + tpot_ms * NS_PER_MS,
		.end = first + 10 * tpot_ms * NS_PER_MS,
		.input_tokens = input,
		.output_tokens = 11,
		.user = (uint32_t)id,
	};
}

static void fill_log(struct report_run *run, size_t n_services)
{
	struct request_record r = request(0, 0, 90, 10, 500);

	r.warmup = true;
	request_log_add(run->log, &r);
	for (uint64_t i = 0; i < 3; i++) {
		int64_t tpot = 10 << i;

		r = request(i + 1, 50 * (int64_t)i, 100 + 20 * (int64_t)i, tpot,
		            500 + 1000 * (int32_t)i);
		r.replica = (uint32_t)i % 2;
		request_log_add(run->log, &r);
		request_log_gaps(run->log, 0, tpot * NS_PER_MS << TICK_SHIFT, 0, 10, 1);
	}
	r = (struct request_record){
		.id = 4,
		.arrival = 300 * NS_PER_MS,
		.end = 300 * NS_PER_MS,
		.input_tokens = 700,
		.outcome = REQUEST_REJECTED,
		.user = 4,
	};
	request_log_add(run->log, &r);
	if (n_services > 1) {
		r = (struct request_record){
			.id = 5,
			.admitted = 1000000,
			.first = 12345678,
			.end = 12345678,
			.input_tokens = 300,
			.service = 1,
		};
		request_log_add(run->log, &r);
	}
}

static void fill_scenario(struct report_run *run, size_t n_services)
{
	static char nodes[] = "nvl", gpu[] = "h100-nvl", chat[] = "chat", embed[] = "embed docs",
		    model[] = "llama-3.1-8b-instruct", embedder[] = "qwen3-embedding-0.6b",
		    engine[] = "trtllm", about[] = "A run made by hand",
		    assumption[] = "none published";
	struct scenario *sc = &run->scenario;

	run->gpu = (struct gpu_spec){.name = gpu};
	run->llm = (struct llm_spec){.name = model, .layers_attention = 1};
	run->engine = (struct engine_spec){.name = engine};
	run->nodes = (struct scenario_nodes){
		.name = nodes, .count = 2, .gpu_name = gpu, .gpu = &run->gpu, .gpus = 4};
	for (size_t i = 0; i < n_services; i++) {
		run->services[i] = (struct scenario_service){
			.name = i == 0 ? chat : embed,
			.model_name = i == 0 ? model : embedder,
			.engine_name = engine,
			.llm = &run->llm,
			.engine = &run->engine,
			.replicas = 2,
			.initial = 2,
			.places = 2,
			.gpus_per_replica = 4,
			.fraction_ppm = SHARE_WHOLE,
			.tensor_parallel = 4,
			.costs = &run->costs[i],
		};
		run->loads[i] = (struct scenario_load){
			.service = i,
			.kind = i == 0 ? LOAD_CONCURRENCY : LOAD_RATE,
			.users = 3,
			.rate = 2.5,
			.requests = 3,
			.isl = {.mean = 1500, .stddev = i == 0 ? 100 : 0},
			.osl = {.mean = 11},
			.streaming = true,
		};
	}
	run->services[0].slo = run->slo;
	run->services[0].n_slo = 2;
	run->assumption = assumption;
	sc->about = about;
	sc->seed = 7;
	sc->nodes = &run->nodes;
	sc->n_nodes = 1;
	sc->services = run->services;
	sc->n_services = n_services;
	sc->loads = run->loads;
	sc->n_loads = n_services;
	sc->assumptions = &run->assumption;
	sc->n_assumptions = 1;
	sc->log = option_log_new();
	option_log_add(sc->log, "seed", "7", "--set");
	option_log_add(sc->log, "services.chat.replicas", "2", "scenario");
}

static void fill_summary(struct report_run *run, size_t n_services)
{
	struct summary *s = &run->summary;

	*s = (struct summary){
		.scenario_name = "tiny",
		.scenario_hash = "0123456789abcdef",
		.version = "9.9",
		.seed = 7,
		.simulated = 1500 * NS_PER_MS,
		.events = 12345,
		.services = mem_new(n_services, sizeof(*s->services)),
		.n_services = n_services,
		.limits = mem_new(2, sizeof(*s->limits)),
		.n_limits = 2,
		.gpus = 8,
		.gpu_busy = 0.5,
		.memory_used = 0.25,
		.allocated = 1.0,
		.binding = "GPU speed",
	};
	for (size_t i = 0; i < n_services; i++) {
		struct service_summary *v = &s->services[i];

		summary_service(run->log, i, run->services[i].slo, run->services[i].n_slo, v);
		v->name = run->services[i].name;
		v->submitted = v->finished + v->rejected;
		v->streaming = true;
		v->generates = i == 0;
		v->replicas = 2;
		v->placed = mem_new(1, sizeof(*v->placed));
		v->placed[0] = 2;
		v->kv_capacity_tokens = 1000;
		v->kv_peak_tokens = 250;
		v->running_avg = 1.5;
		v->running_max = 3;
		v->busy = 0.75;
		v->gpu_busy = 0.5;
		v->prefill_share = 0.125;
		v->max_num_seqs = 256;
		v->swaps = v->moves = -1; /* nothing is swapped, nobody spread */
	}
	for (size_t i = 0; i < 2; i++) {
		s->limits[i].limit = &run->slo[i];
		s->limits[i].observed = summary_observe(&s->services[0], run->log, 0, &run->slo[i]);
		s->limits[i].ok = slo_holds(&run->slo[i], s->limits[i].observed);
	}
}

void report_run_init(struct report_run *run, size_t n_services, bool keep_records)
{
	*run = (struct report_run){
		.slo = {{.metric = SLO_TTFT,
	                 .stat = SLO_MAX,
	                 .op = SLO_LE,
	                 .value = 280,
	                 .text = "ttft.max <= 280 ms"},
	                {.metric = SLO_LATENCY,
	                 .stat = SLO_PERCENTILE,
	                 .percentile = 50,
	                 .op = SLO_LE,
	                 .value = 256,
	                 .text = "latency.p50 <= 256 ms"}},
		.log = request_log_new(n_services, keep_records),
	};
	fill_scenario(run, n_services);
	request_log_set_limits(run->log, 0, run->slo, 2);
	fill_log(run, n_services);
	fill_summary(run, n_services);
	run->report = (struct report){.summary = &run->summary,
	                              .scenario = &run->scenario,
	                              .log = run->log,
	                              .series = run->series};
}

void report_run_add_series(struct report_run *run)
{
	static const char *const names[2] = {"running", "waiting"};

	for (size_t i = 0; i < 2; i++) {
		struct series *s = series_new();

		series_add(s, 0, (int64_t)i + 1);
		series_add(s, 1 << 20, 4);
		series_add(s, 3 << 19, 0);
		run->series[i] = (struct report_series){.name = names[i], .series = s};
	}
	run->report.n_series = 2;
}

void report_run_fini(struct report_run *run)
{
	for (size_t i = 0; i < run->report.n_series; i++) {
		struct series *s = NULL;

		memcpy(&s, &run->series[i].series, sizeof(s)); /* ours, not const */
		series_free(s);
	}
	option_log_free(run->scenario.log);
	summary_fini(&run->summary);
	request_log_free(run->log);
}

char *text_of(void (*write)(FILE *out, const struct report *r), const struct report *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	write(out, r);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

char *text_of_service(void (*write)(FILE *out, const struct report *r, size_t service),
                      const struct report *r, size_t service)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	write(out, r, service);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}
