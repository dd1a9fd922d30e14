/* Small clusters, short runs and quick starts, so that much happens in little time. */
#include "random_cluster.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "draw.h"

struct machine {
	const char *gpu;
	long long memory_gb;
	const char *slices[3];
};

struct model {
	const char *name;
	long long needs_gb; /* with what the engines reserve, and a small KV cache */
};

struct world { /* shares: projects have quotas; spreads: on each node; cut: into slices */
	bool swaps, comes, fails, trains, shares, spreads, cut; /* what may happen */
	const struct machine *machine;
	int services;
};

static const struct machine machines[] = {
	{"h100-nvl", 94, {"3g.47gb", "4g.47gb", "7g.94gb"}},
	{"a100-sxm", 80, {"3g.40gb", "4g.40gb", "7g.80gb"}},
	{"l40s", 46, {NULL}},
};

static const struct model models[] = {
	{"llama-3.1-8b-instruct", 21},
	{"phi-4-mini", 13},
};

static const char *yes_or_no(void)
{
	return chance(50) ? "true" : "false";
}

/* An autoscaler decides, quick ones so that much happens. */
static char *scaler(void)
{
	static const char *const policies[] = {
		"\"policy\": \"kpa\", \"min\": 0, \"scale_to_zero_grace\": \"4s\", "
		"\"stable_window\": \"12s\", \"target_burst_capacity\": 20, \"target\": 7",
		"\"policy\": \"kpa\", \"metric\": \"throughput\", \"stable_window\": \"8s\", "
		"\"panic_window\": \"50%\", \"max_scale_up_rate\": 2, \"target\": 2",
		"\"policy\": \"kpa\", \"stable_window\": \"8s\", \"target_burst_capacity\": 0, "
		"\"target\": 9",
		"\"policy\": \"hpa\", \"scale_down_delay\": \"10s\", \"tick\": \"5s\", \"target\": 5",
		"\"policy\": \"hpa\", \"metric\": \"latency\", \"scale_down_delay\": \"3s\", "
		"\"tick\": \"4s\", \"target\": 900",
		"\"policy\": \"slo\", \"tick\": \"6s\", \"ttft\": \"300ms\", \"itl\": \"30ms\"",
	};
	const long long limit = chance(50) ? between(8, 60) : 0;
	if (chance(8)) {
		return mem_printf("\"autoscaler\": {\"policy\": \"fixed\", "
		                  "\"concurrency_hard_limit\": %lld}",
		                  limit);
	}
	return mem_printf("\"autoscaler\": {%s, \"max\": %lld, \"concurrency_hard_limit\": %lld, "
	                  "\"initialization_timeout\": \"%llds\"}",
	                  PICK(policies), between(2, 4), limit, between(6, 60));
}

/* When there are how many replicas; some services are not there at first, some never change. */
static char *changes(const struct world *w)
{
	if (!w->comes || chance(20)) {
		return mem_printf("\"replicas\": %lld", between(1, 2));
	}
	if (chance(40)) {
		char *const it = scaler();
		char *const both = mem_printf("\"replicas\": %lld, %s", between(1, 2), it);
		free(it);
		return both;
	}
	char *list = mem_strdup("");
	const long long start = chance(40) ? between(1, 20) : 0;
	long long at = start;
	for (long long n = between(0, 6); n > 0; n--) {
		at += between(1, 25);
		list = join(list,
		            mem_printf("{\"at\": %lld, \"replicas\": %lld}", at, between(0, 4)));
	}
	char *const all = mem_printf("\"replicas\": %lld, \"start\": %lld, \"replicas_at\": [%s]",
	                             between(1, 2), start, list);
	free(list);
	return all;
}

/* Starts of seconds: process, weights over a storage that others read too, engine. */
static char *startup(void)
{
	static const char *const loaders[] = {"streamer", "serverless", "safetensors"};
	return mem_printf("\"startup\": {\"schedule\": %lld, \"image\": %lld, \"process\": %lld, "
	                  "\"trace\": 0, \"compile\": 0, \"capture\": 0, \"build\": %lld, "
	                  "\"warmup\": %lld, \"warmup_per_token\": 0.000%lld, \"loader\": \"%s\", "
	                  "\"streamer_share\": 0.%lld}",
	                  between(0, 1), between(0, 3), between(0, 4), between(0, 4), between(0, 2),
	                  between(0, 9), PICK(loaders), between(1, 9));
}

/* What it asks of its GPUs. */
static char *part(const struct world *w, const struct model *m, bool first)
{
	const long long gpus = chance(20) ? 2 : 1;
	if (w->cut && (first || chance(70))) {
		return mem_printf("\"mig_profile\": \"%s\"", pick(w->machine->slices, 3));
	}
	if (w->cut || (!first && chance(15))) {
		return mem_printf("\"gpus_per_replica\": %lld", gpus);
	}
	const long long memory = w->machine->memory_gb - (w->swaps ? 2 : 0);
	const long long least = (100 * m->needs_gb + memory - 1) / memory;
	const long long fraction = least + between(0, chance(50) ? 2 : 20);
	if (!first && chance(20)) {
		return mem_printf("\"gpus_per_replica\": %lld, \"fraction\": 0.%02lld", gpus,
		                  fraction);
	}
	return mem_printf("\"gpus_per_replica\": %lld, \"fraction\": 0.%02lld, "
	                  "\"fraction_limit\": 0.%02lld",
	                  gpus, fraction, between(fraction + 1, 99));
}

static char *options(void)
{
	static const char *const pools[] = {"elastic", "elastic", "static"};
	static const char *const reservations[] = {"on_demand", "full"};
	return mem_printf("\"engine_options\": {\"kv_pool\": \"%s\", \"kv_step\": \"%lldMiB\", "
	                  "\"max_num_seqs\": %lld, \"kv_reservation\": \"%s\", \"overlap\": %s, "
	                  "\"prefix_cache\": %s, \"queue_limit\": %lld}, "
	                  "\"costs\": {\"t_stream\": %s}",
	                  PICK(pools), between(1, 700), between(4, 256), PICK(reservations),
	                  yes_or_no(), yes_or_no(), chance(30) ? between(1, 100) : 0,
	                  chance(30) ? "0.0005" : "0");
}

static char *service(const struct world *w, int i)
{
	static const char *const engines[] = {"vllm", "trtllm", "sglang"};
	static const char *const classes[] = {"inference", "build", "train"};
	static const char *const routings[] = {"round_robin", "random", "least_outstanding",
	                                       "least_tokens"};
	const struct model *const m = &models[between(0, COUNT(models) - 1)];
	char *const ask = part(w, m, i == 0), *const when = changes(w), *const start = startup();
	char *const option = options();
	char *const text = mem_printf(
		"{\"name\": \"s%d\", \"model\": \"%s\", \"engine\": \"%s\", %s, %s, %s, %s, "
		"\"routing\": \"%s\", \"priority\": \"%s\"%s}",
		i, m->name, PICK(engines), ask, when, start, option, PICK(routings), PICK(classes),
		!w->shares || chance(40) ? ""
		: chance(50)             ? ", \"project\": \"p1\""
					 : ", \"project\": \"p1\", \"preemptible\": true");
	free(ask);
	free(when);
	free(start);
	free(option);
	return text;
}

/* Quiet, then many at once, then few again. */
static char *load(int i)
{
	static const char *const texts[] = {"", "\"prefix\": {\"tokens\": 300, \"count\": 4}, ",
	                                    "\"turns\": {\"mean\": 4, \"stddev\": 1}, "};
	const bool crowd = chance(40);
	return mem_printf(
		"{\"service\": \"s%d\", \"kind\": \"stages\", %s\"isl\": {\"mean\": %lld, \"stddev\": "
		"%lld}, \"osl\": {\"mean\": %lld, \"stddev\": %lld}, \"retry\": \"%lldms\", "
		"\"stages\": [{\"rate\": 0.5, \"for\": \"%llds\"}, {\"users\": %lld, \"for\": "
		"\"%llds\"}, {\"rate\": %lld, \"for\": \"%llds\"}, {\"rate\": 0.1, \"for\": "
		"\"%llds\"}, {\"users\": %lld, \"for\": \"8s\"}]}",
		i, PICK(texts), crowd ? between(1000, 4000) : between(20, 1500), between(0, 400),
		between(5, crowd ? 300 : 120), between(0, 30), between(100, 3000), between(1, 15),
		crowd ? between(30, 120) : between(1, 20), between(3, 15), between(1, 6),
		between(1, 12), between(1, 40), between(1, 40));
}

static char *faults(void)
{
	static const char *const kinds[] = {"gpu", "gpu", "node", "link", "slow_start"};
	char *list = mem_strdup("");
	for (long long n = between(1, 4); n > 0; n--) {
		const long long kind = between(0, 4);
		char *const factor = kind < 3 ? mem_strdup("")
		                              : mem_printf(", \"factor\": 0.%lld", between(1, 9));
		list = join(list, mem_printf("{\"kind\": \"%s\", \"%s\": %lld, \"for\": %lld%s}",
		                             kinds[kind], chance(50) ? "at" : "every",
		                             between(2, 60), between(1, 30), factor));
		free(factor);
	}
	return list;
}

/* Training of two teams beside the services, which takes the GPUs that they leave. */
static char *jobs(void)
{
	static const char *const classes[] = {"train", "train", "build-preemptible", "build"};
	char *list = mem_strdup("");
	for (long long n = between(1, 5); n > 0; n--) {
		const long long workers = between(1, 5);
		list = join(list,
		            mem_printf("{\"name\": \"j%lld\", \"project\": \"p%lld\", \"workers\": "
		                       "%lld, \"min_workers\": %lld, \"work\": \"%llds\", "
		                       "\"submit\": \"%llds\", \"count\": %lld, \"every\": "
		                       "\"13s\", \"priority\": \"%s\"%s}",
		                       n, between(1, 2), workers, between(1, workers),
		                       between(2, 60), between(0, 40), between(1, 3), PICK(classes),
		                       chance(60) ? ", \"checkpoint_every\": \"7s\"" : ""));
	}
	return list;
}

static char *swap(void)
{
	static const char *const policies[] = {"lru", "fifo", "priority", "none"};
	static const char *const methods[] = {"memory", "memory", "sleep_1", "sleep_2"};
	static const char *const hosts[] = {"1GB", "20GB", "45GB", "70GB", "500GB"};
	return mem_printf(", \"swap\": {\"policy\": \"%s\", \"method\": \"%s\", \"host_memory\": "
	                  "\"%s\", \"min_residency\": \"%lldms\", \"bidirectional\": %s}",
	                  PICK(policies), PICK(methods), PICK(hosts), between(0, 3000),
	                  yes_or_no());
}

/* Who may borrow sits where fewest are. */
static char *node_level(void)
{
	return chance(50) ? mem_strdup(", \"node_level\": {}")
	                  : mem_printf(", \"node_level\": {\"workloads_per_gpu\": %lld}",
	                               between(2, 5));
}

static char *scheduler(const struct world *w)
{
	static const char *const shares[] = {
		"\"time_slicing\"", "\"sm_sharing\"", "\"fair\"", "\"strict\"",
		"{\"policy\": \"fair\", \"lease\": \"70ms\", \"granularity\": 0.1}"};
	static const char *const placements[] = {"binpack", "spread", "first_fit", "random"};
	static const char *const victims[] = {"largest_overuse", "lowest_priority", "newest"};
	char *const also = w->swaps ? swap() : w->spreads ? node_level() : mem_strdup("");
	char *const text = mem_printf(
		"{\"compute_share\": %s, \"placement\": \"%s\", \"termination_grace\": %lld, "
		"\"oom_victim\": \"%s\"%s}",
		w->cut ? "\"mig\"" : pick(shares, w->swaps ? 2 : COUNT(shares)), PICK(placements),
		between(0, 1) * between(0, 10), PICK(victims), also);
	free(also);
	return text;
}

static struct world draw_world(void)
{
	struct world w = {.services = (int)between(2, 4)};
	w.swaps = chance(35);
	w.comes = chance(85);
	w.trains = chance(40);
	w.shares = w.trains || chance(15);
	w.fails = chance(w.trains ? 50 : 85);
	w.cut = !w.swaps && !w.shares && chance(12);
	w.spreads = !w.swaps && !w.cut && chance(35);
	w.machine = &machines[between(0, w.cut ? 1 : COUNT(machines) - 1)];
	return w;
}

/* Who is there from the start has to keep to the quota of the first. */
static char *projects(int spare)
{
	return mem_printf("\"projects\": [{\"name\": \"p1\", \"quota\": %lld}, {\"name\": \"p2\", "
	                  "\"quota\": %lld, \"limit\": %lld}], ",
	                  between(0, 4) + 2 * spare, between(0, 4),
	                  chance(30) ? between(1, 6) : -1);
}

char *random_cluster(uint64_t number, int spare)
{
	draw_begin(number, "clusters");
	const struct world w = draw_world();
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (int i = 0; i < w.services; i++) {
		services = join(services, service(&w, i));
		loads = join(loads, load(i));
	}
	char *const how = scheduler(&w);
	char *const failing = w.fails ? faults() : mem_strdup("");
	char *const training = w.trains ? jobs() : mem_strdup("");
	char *const who = w.shares ? projects(spare) : mem_strdup("");
	const bool ends = w.comes || w.fails || w.trains || chance(30);
	char *const stop = ends ? mem_printf(", \"stop\": {\"after\": \"%llds\"}", between(20, 150))
	                        : mem_strdup("");
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": %llu, \"cluster\": {\"nodes\": [{\"gpu\": \"%s\", "
		"\"count\": %lld, \"gpus\": %lld}]}, \"scheduler\": %s, %s\"services\": [%s], "
		"\"loads\": [%s], \"faults\": [%s], \"jobs\": [%s]%s}",
		(unsigned long long)number, w.machine->gpu, between(1, 3),
		between(1, 3) + spare + (w.trains ? 2 : 0), how, who, services, loads, failing,
		training, stop);
	free(services);
	free(loads);
	free(how);
	free(failing);
	free(training);
	free(who);
	free(stop);
	draw_end();
	return text;
}
