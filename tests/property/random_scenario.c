/* Whole scenarios drawn at random, small enough to run in a moment, odd enough to reach the
 * corners. */
#include "random_scenario.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(g, array) ((array)[rng_below((g)->rng, COUNT(array))])

struct drawn_service {
	bool embeds;
	bool limited; /* refuses requests when its queue is full */
	bool tight;   /* its KV cache is small: it preempts, and refuses long requests */
	double part;  /* of each of its GPUs; 1: all of it */
};

struct generator {
	struct rng *rng;
	enum random_kind kind;
	int scale;
	bool shared;  /* services may ask for parts of GPUs */
	bool presets; /* under strict or fair, which know no requests of compute */
	char *text;
	size_t length, capacity;
};

static __attribute__((format(printf, 2, 3))) void add(struct generator *g, const char *fmt, ...)
{
	char piece[1024];
	va_list args;
	va_start(args, fmt);
	const int n = vsnprintf(piece, sizeof(piece), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(piece)) {
		abort();
	}
	if (g->length + (size_t)n + 1 > g->capacity) {
		g->capacity = 2 * (g->length + (size_t)n + 1);
		g->text = mem_resize(g->text, g->capacity, 1);
	}
	memcpy(g->text + g->length, piece, (size_t)n + 1);
	g->length += (size_t)n;
}

static bool chance(struct generator *g, uint64_t percent)
{
	return rng_below(g->rng, 100) < percent;
}

/* Integer in [low, high], small ones as likely as large ones: uniform in the number of digits. */
static long long between(struct generator *g, long long low, long long high)
{
	long long top = high;
	while (top / 4 > low && chance(g, 40)) {
		top /= 4;
	}
	return low + (long long)rng_below(g->rng, (uint64_t)(top - low + 1));
}

#define GPU_GB 85.52 /* memory of an H100 SXM, 81,559 MiB */

struct model { /* rounded up, bf16 */
	const char *name;
	double weights_gb;
	double kv_kb;    /* per token */
	double state_gb; /* per sequence: Mamba-2, windowed attention */
	bool embeds;
};

static const struct model models[] = {
	{"llama-3.1-8b-instruct", 16.1, 131.1, 0.0, false},
	{"mistral-7b-instruct-v0.3", 14.5, 131.1, 0.0, false},
	{"phi-4-mini", 7.7, 131.1, 0.0, false},
	{"qwen3-8b", 16.4, 147.5, 0.0, false},
	{"nemotron-nano-12b-v2-vl", 26.4, 24.6, 0.16, false},
	{"gpt-oss-20b", 41.9, 24.6, 0.01, false},
	{"qwen3-embedding-0.6b", 1.2, 114.7, 0.0, true},
};

/* Engines and their options; about every second service has room for a few thousand tokens only. */
static void add_engine(struct generator *g, const struct model *m,
                       const struct drawn_service *drawn)
{
	static const char *const engines[] = {"vllm", "trtllm", "sglang", "nim-trtllm", "nim-vllm"};
	static const char *const batching[] = {"chunked_prefill", "prefill_first"};
	static const char *const cuts[] = {"tokens", "whole_prompt"};
	static const char *const reservations[] = {"on_demand", "full"};
	const long long seqs = between(g, 1, 64);

	add(g, "\"engine\": \"%s\", \"engine_options\": {", PICK(g, engines));
	add(g, "\"max_num_seqs\": %lld, \"max_num_batched_tokens\": %lld,", seqs,
	    seqs + between(g, 2048, 16384));
	add(g, "\"batching\": \"%s\", \"prefill_cut\": \"%s\",", PICK(g, batching), PICK(g, cuts));
	add(g, "\"max_prefill_tokens_per_step\": %lld,", between(g, 16, 4096));
	add(g, "\"kv_block_tokens\": %d,", 1 << rng_below(g->rng, 8));
	add(g, "\"kv_reservation\": \"%s\", \"overlap\": %s, \"prefix_cache\": %s,",
	    PICK(g, reservations), chance(g, 30) ? "true" : "false",
	    chance(g, 75) ? "true" : "false");
	add(g, "\"schedule_ahead\": %s, \"stream_interval\": %lld,",
	    chance(g, 30) ? "true" : "false", chance(g, 25) ? between(g, 2, 20) : 1LL);
	if (drawn->limited) {
		add(g, "\"queue_limit\": %lld,", between(g, 1, 20));
	}
	const int least = g->kind == RANDOM_LOSSLESS ? 12000 : 1200; /* tokens */
	const double cache_gb = m->kv_kb * (double)between(g, least, 4 * least) * 1e-6 +
	                        m->state_gb * (double)between(g, 2, seqs + 2);
	if (g->shared && chance(g, 60)) {
		add(g, "\"kv_pool\": \"elastic\", \"kv_step\": \"%lldMiB\",", between(g, 1, 600));
	}
	const double used = (m->weights_gb + cache_gb) / (GPU_GB * drawn->part);
	if (drawn->tight && used < 0.98) { /* leave the weights and a small cache */
		add(g,
		    "\"reserved_bytes\": 0, \"kv_sizing\": \"of_total\","
		    "\"gpu_memory_utilization\": %.6f",
		    used);
	} else {
		add(g, "\"kv_sizing\": \"of_total\"");
	}
	add(g, "},");
	if (chance(g, 50)) { /* some front ends idle, some at their limit, some far behind */
		add(g,
		    "\"costs\": {\"t_stream\": %g, \"h_seq\": %g, \"t_eager\": %g, \"t_request\": %g},",
		    chance(g, 30) ? 0.0 : (double)between(g, 1, 1000) * 1e-6,
		    (double)between(g, 0, 100) * 1e-6, (double)between(g, 0, 30) * 1e-3,
		    chance(g, 50) ? 0.0 : (double)between(g, 0, 40) * 1e-3);
	}
}

/* A part of a GPU that holds the model with what the engines reserve; 1: all of it. */
static double draw_part(struct generator *g, const struct model *m)
{
	const double least = (m->weights_gb + 10.0) / 0.85 / GPU_GB;
	const double part = ceil(100.0 * least) / 100.0 + (double)between(g, 0, 20) / 100.0;
	return g->shared && part < 0.95 && chance(g, 85) ? part : 1.0;
}

/* Half of those who share GPUs ask for parts of the compute. */
static void add_part(struct generator *g, double part)
{
	if (part < 1.0) {
		add(g, "\"fraction\": %.2f,", part);
	}
	if (part < 1.0 && chance(g, 50)) {
		add(g, "\"fraction_limit\": %.2f,",
		    (double)between(g, (long long)(part * 100.0 + 0.5), 100) / 100.0);
	}
	if (part < 1.0 && !g->presets && chance(g, 50)) {
		const long long request = between(g, 0, 60);
		add(g, "\"compute_request\": %.2f, \"compute_limit\": %.2f,",
		    (double)request / 100.0,
		    (double)between(g, request < 10 ? 10 : request, 100) / 100.0);
	}
	if (g->shared && chance(g, 15)) {
		add(g, "\"gpus_per_replica\": 2,");
	}
}

/* Who places replicas, and who divides the compute. */
static void add_scheduler(struct generator *g)
{
	static const char *const placements[] = {"first_fit", "best_fit", "binpack",
	                                         "binpack",   "spread",   "random"};
	static const char *const turns[] = {
		"\"time_slicing\"", "{\"policy\": \"time_slicing\", \"switch_cost\": 0.07}",
		"\"sm_sharing\"", "{\"policy\": \"sm_sharing\", \"loss\": 0.3}"};
	static const char *const victims[] = {"largest_overuse", "lowest_priority", "newest"};
	static const char *const presets[] = {
		"\"strict\"", "\"fair\"", "{\"policy\": \"strict\", \"lease\": \"20ms\"}",
		"{\"policy\": \"fair\", \"lease\": \"70ms\", \"granularity\": 0.1}"};
	g->presets = chance(g, 40);
	add(g,
	    "\"scheduler\": {\"placement\": \"%s\", \"compute_share\": %s, \"oom_victim\": \"%s\"}, ",
	    PICK(g, placements), g->presets ? PICK(g, presets) : PICK(g, turns), PICK(g, victims));
}

static struct drawn_service add_service(struct generator *g, int i)
{
	static const char *const routings[] = {"round_robin", "random", "least_outstanding",
	                                       "least_tokens"};
	const struct model *const m = &PICK(g, models);
	const struct drawn_service drawn = {m->embeds, g->kind == RANDOM_ANY && chance(g, 20),
	                                    chance(g, 60), draw_part(g, m)};
	add(g, "%s{\"name\": \"s%d\", \"model\": \"%s\", \"precision\": \"bf16\",",
	    i > 0 ? ", " : "", i, m->name);
	add_part(g, drawn.part);
	add_engine(g, m, &drawn);
	add(g, "\"replicas\": %lld, \"routing\": \"%s\"}", between(g, 1, 4) * g->scale,
	    PICK(g, routings));
	return drawn;
}

static void add_lengths(struct generator *g, bool embeds)
{
	const long long input = between(g, 1, 2000);
	add(g, "\"isl\": {\"mean\": %lld, \"stddev\": %lld}", input,
	    chance(g, 50) ? 0 : between(g, 0, input));
	if (!embeds) {
		const long long output = between(g, 1, 600);
		add(g, ", \"osl\": {\"mean\": %lld, \"stddev\": %lld}", output,
		    chance(g, 50) ? 0 : between(g, 0, output));
	}
}

/*
 * What requests have in common, in about half of the loads. How many turns there are depends on who
 * asks first, and so on the speed: not where nothing may be lost by it.
 */
static void add_text(struct generator *g, bool unstaged)
{
	if (chance(g, 25)) {
		add(g, "\"prefix\": {\"tokens\": %lld, \"count\": %lld},", between(g, 1, 2000),
		    between(g, 1, 20));
	}
	switch (rng_below(g->rng, g->kind == RANDOM_ANY ? 4 : 2)) {
	case 1:
		add(g, "\"dataset_entries\": %lld,", between(g, 1, 100));
		break;
	case 2:
		add(g, "\"turns\": {\"mean\": %lld, \"stddev\": %lld},", between(g, 1, 12),
		    between(g, 0, 4));
		add(g, "\"turn_delay\": {\"mean\": \"%lldms\", \"stddev\": \"%lldms\"},",
		    between(g, 0, 3000), between(g, 0, 1000));
		if (unstaged && chance(g, 50)) {
			add(g, "\"sessions\": %lld,", between(g, 1, 60));
		}
		if (chance(g, 50)) {
			add(g, "\"user_context\": %lld,", between(g, 1, 500));
		}
		break;
	default:
		break;
	}
}

static void add_load(struct generator *g, int i, const struct drawn_service *service, bool first)
{
	static const char *const arrivals[] = {"poisson", "constant", "gamma"};
	add(g, "%s{\"service\": \"s%d\", ", first ? "" : ", ", i);
	const uint64_t kind = rng_below(g->rng, 3);
	switch (kind) {
	case 0:
		add(g,
		    "\"kind\": \"concurrency\", \"users\": %lld, \"requests\": %lld,"
		    "\"warmup_requests\": %lld, \"think\": \"%lldms\", \"stagger\": \"%lldms\", ",
		    between(g, 1, 100), between(g, 1, 300), chance(g, 50) ? 0 : between(g, 1, 20),
		    chance(g, 60) ? 0 : between(g, 1, 2000),
		    chance(g, 60) ? 0 : between(g, 1, 5000));
		break;
	case 1:
		add(g,
		    "\"kind\": \"rate\", \"rate\": %lld, \"requests\": %lld, \"arrivals\": \"%s\", ",
		    between(g, 1, 200), between(g, 1, 300), PICK(g, arrivals));
		break;
	default:
		add(g,
		    "\"kind\": \"stages\", \"stages\": [{\"users\": %lld, \"for\": \"%lldms\"},"
		    "{\"users\": %lld, \"for\": \"%lldms\"}, {\"rate\": %lld, \"for\": \"%lldms\"}], ",
		    between(g, 1, 30), between(g, 1, 4000), between(g, 1, 30), between(g, 1, 4000),
		    between(g, 1, 40), between(g, 1, 4000));
		break;
	}
	add_text(g, kind != 2);
	add_lengths(g, service->embeds);
	add(g, "}");
}

char *random_scenario(uint64_t number, enum random_kind kind, int scale)
{
	struct generator g = {.kind = kind, .scale = scale};
	struct drawn_service drawn[3];
	g.rng = rng_new(number, "random scenario");
	const int services = (int)between(&g, 1, 3);

	add(&g, "{\"aliquot\": 1, \"seed\": %llu, ", (unsigned long long)number);
	g.shared = kind == RANDOM_ANY && chance(&g, 50);
	/* 24 GPUs have room for 3 services of 4 replicas of 2, however the parts are spread */
	add(&g, "\"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"count\": %d, \"gpus\": 8}]}, ",
	    (g.shared ? 3 : 2) * scale);
	if (g.shared) {
		add_scheduler(&g);
	}
	add(&g, "\"services\": [");
	for (int i = 0; i < services; i++) {
		drawn[i] = add_service(&g, i);
	}
	add(&g, "], \"loads\": [");
	for (int i = 0; i < services; i++) {
		add_load(&g, i, &drawn[i], i == 0);
		if (chance(&g, 25)) {
			add_load(&g, i, &drawn[i], false);
		}
	}
	add(&g, "]");
	if (kind == RANDOM_ANY && chance(&g, 30)) {
		add(&g, ", \"stop\": {\"after\": \"%lldms\"}", between(&g, 1, 20000));
	}
	add(&g, "}");
	rng_free(g.rng);
	return g.text;
}
