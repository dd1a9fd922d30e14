/*
 * Speed and memory, as ratios measured in one run: JSON on stdout, the table of the README on
 * stderr. Times are CPU seconds of this thread, the best of three; nothing here asserts a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "event/event.h"
#include "flow/sim.h"
#include "clusters.h"
#include "naive.h"
#include "rare.h"

#define FLEET "tests/bench/fleet.json"
#define SHARED "tests/bench/shared.json"
#define AZURE "../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_conv.csv"
#define REPEATS 3
#define HOLDS 4000000

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct fleet { /* a variation of FLEET or SHARED */
	const char *file, *replicas, *nodes, *rate, *requests, *osl;
};

static struct scenario *load(const struct fleet *f, struct data_dir *data, struct err *err)
{
	const struct scenario_override sets[] = {{"services.chat.replicas", f->replicas},
	                                         {"cluster.nodes.0.count", f->nodes},
	                                         {"loads.open.rate", f->rate},
	                                         {"loads.open.requests", f->requests},
	                                         {"loads.open.osl.mean", f->osl}};
	struct scenario *const sc =
		scenario_read(f->file, data, sets, sizeof(sets) / sizeof(sets[0]), err);
	if (sc == NULL) {
		err_print(err, stderr);
		exit(1);
	}
	return sc;
}

enum engine { FAST, EXACT, NAIVE };

/* Seconds of one run without loading the scenario; *events gets the number of events. */
static double run_once(const struct scenario *sc, enum engine engine, struct err *err,
                       double *events)
{
	if (engine == NAIVE) {
		struct naive_result result;
		const double start = cpu_s();
		naive_run(sc, &result);
		const double seconds = cpu_s() - start;
		free(result.requests);
		return seconds;
	}
	const struct sim_options options = {.exact = engine == EXACT};
	struct summary summary;
	struct sim *const sim = sim_new(sc, &options, err);
	sim_assert(sim != NULL);
	const double start = cpu_s();
	sim_run(sim);
	const double seconds = cpu_s() - start;
	sim_summary(sim, &summary);
	*events = (double)summary.events;
	summary_fini(&summary);
	sim_free(sim);
	return seconds;
}

struct speed {
	double ns_per_request, events_per_s;
};

static struct speed measure(struct data_dir *data, const struct fleet *f, enum engine engine,
                            int repeats)
{
	struct err *const err = err_new();
	struct scenario *const sc = load(f, data, err);
	double best = 1e9, events = 0.0;
	for (int i = 0; i < repeats; i++) {
		const double s = run_once(sc, engine, err, &events);
		best = s < best ? s : best;
	}
	const struct speed result = {1e9 * best / atof(f->requests), events / best};
	scenario_free(sc);
	err_free(err);
	return result;
}

/* CPU seconds and peak memory of a whole process, the best of three; negative when it failed. */
static double measure_process(const char *const *argv, long *peak_kib)
{
	double best = 1e9;
	for (int i = 0; i < REPEATS; i++) {
		struct rusage usage;
		int status;
		const pid_t pid = fork();
		if (pid == 0) {
			if (freopen("/dev/null", "w", stdout) == NULL ||
			    freopen("/dev/null", "w", stderr) == NULL) {
				_exit(126);
			}
			execv(argv[0], (char *const *)(uintptr_t)argv);
			_exit(127);
		}
		struct rusage before;
		getrusage(RUSAGE_CHILDREN, &before);
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != 0) {
			return -1.0;
		}
		getrusage(RUSAGE_CHILDREN, &usage);
		const double s = (double)(usage.ru_utime.tv_sec - before.ru_utime.tv_sec) +
		                 (double)(usage.ru_stime.tv_sec - before.ru_stime.tv_sec) +
		                 (double)(usage.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
		                 (double)(usage.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
		*peak_kib = usage.ru_maxrss;
		best = s < best ? s : best;
	}
	return best;
}

/* One hold: take the next event, draw, set it again. */
static double hold_ns(uint32_t n)
{
	struct event_list list;
	struct rng *const rng = rng_new(1, "hold");
	event_list_init(&list, n);
	for (uint32_t i = 0; i < n; i++) {
		event_set(&list, i, (ns_t)rng_below(rng, 1000000), PHASE_STEP_DONE);
	}
	uint64_t state = 88172645463325252;
	const double start = cpu_s();
	for (int i = 0; i < HOLDS; i++) {
		const struct event e = event_take(&list);
		state ^= state << 13; /* xorshift64 (Marsaglia 2003): the tree is timed, not the
		                         generator */
		state ^= state >> 7;
		state ^= state << 17;
		event_set(&list, e.entity, e.at + 1 + (ns_t)(state >> 44), PHASE_STEP_DONE);
	}
	const double ns = 1e9 * (cpu_s() - start) / HOLDS;
	event_list_fini(&list);
	rng_free(rng);
	return ns;
}

static void row(const char *what, double value, const char *unit, const char *goal)
{
	fprintf(stderr, "  %-66s %8.*f %-8s %s\n", what, value < 100.0 ? 2 : 0, value, unit, goal);
}

struct whole {
	double requests_per_s, azure_s;
	long peak_kib;
};

static void measure_whole(struct whole *w)
{
	static const char trace[] =
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 4}]},"
		"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", \"replicas\": 4}],"
		"\"loads\": [{\"service\": \"chat\", \"kind\": \"trace\", \"file\": \"%s/" AZURE
		"\"}]}";
	const char *const million[] = {"build/aliquot", "run", FLEET, "-q", NULL};
	const char *const ten_million[] = {
		"build/aliquot", "run", FLEET, "-q", "--set", "loads.open.requests=10000000", NULL};
	char name[] = "/tmp/aliquot-bench-XXXXXX";
	char here[4096];
	long ignored;
	w->requests_per_s = 1e6 / measure_process(million, &ignored);
	w->azure_s = -1.0;
	if (access(AZURE, R_OK) == 0 && getcwd(here, sizeof(here)) != NULL) {
		const int fd = mkstemp(name);
		FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
		sim_assert(f != NULL);
		fprintf(f, trace, here);
		fclose(f);
		const char *const azure[] = {"build/aliquot", "run", name, "-q", NULL};
		w->azure_s = measure_process(azure, &ignored);
		unlink(name);
	}
	measure_process(ten_million, &w->peak_kib);
}

struct rare {
	double day_s, busy_day_s; /* of the whole process, and with ten times the requests */
	double growth;
	long peak_kib;
};

/* Nanoseconds per request in the core, of a generated fleet. */
static double rare_ns(struct data_dir *data, int models, int per_day)
{
	struct err *const err = err_new();
	char *const name = rare_write(models, per_day);
	struct scenario *const sc = scenario_read(name, data, NULL, 0, err);
	sim_assert(sc != NULL);
	double best = 1e9, ignored;
	for (int i = 0; i < REPEATS; i++) {
		const double s = run_once(sc, FAST, err, &ignored);
		best = s < best ? s : best;
	}
	scenario_free(sc);
	err_free(err);
	unlink(name);
	free(name);
	return 1e9 * best / ((double)models * per_day);
}

static double rare_process(int models, int per_day, long *peak_kib)
{
	char *const name = rare_write(models, per_day);
	const char *const argv[] = {"build/aliquot", "run", name, "-q", NULL};
	const double seconds = measure_process(argv, peak_kib);
	unlink(name);
	free(name);
	return seconds;
}

static void measure_rare(struct data_dir *data, struct rare *r)
{
	long ignored;
	r->day_s = rare_process(1000, 60, &r->peak_kib);
	r->busy_day_s = rare_process(1000, 600, &ignored);
	r->growth = rare_ns(data, 4000, 60) / rare_ns(data, 1000, 60);
}

static void print_rare(const struct rare *r)
{
	row("a day of 1,000 models swapped on 100 GPUs, 60,000 requests", r->day_s, "s", "goal 30");
	row("the same with 600,000 requests", r->busy_day_s, "s", "");
	row("its peak memory, 60,000 requests", (double)r->peak_kib / 1024.0, "MiB", "");
	row("cost per request, 4,000 models on 400 GPUs over 1,000 on 100", r->growth, "x", "");
}

static void print_clusters(const struct cluster_speed *c)
{
	row("a scheduling cycle: 10,000 GPUs, a tenth free, 1,000 jobs wait", 1e3 * c->allocate_s,
	    "ms", "goal 100");
	row("the same where half of the queues hold all and lose it", 1e3 * c->reclaim_s, "ms",
	    "goal 100");
	row("the cycle after it", 1e3 * c->settled_s, "ms", "goal 100");
	if (!c->has_trace) {
		fprintf(stderr, "  SKIPPED: the openb trace is not there\n");
		return;
	}
	row("placement of 8,152 pods on 1,213 nodes by fgd", 1e3 * c->fgd_s, "ms", "goal 1,000");
	row("placement of 8,152 pods on 1,213 nodes by binpack", 1e3 * c->binpack_s, "ms",
	    "goal 300");
	row("cost per pod by binpack, 4 times the nodes over 1",
	    c->ns_per_pod[1] / c->ns_per_pod[0], "x", "log: 1.2");
	row("cost per pod by binpack, 16 times the nodes over 1",
	    c->ns_per_pod[2] / c->ns_per_pod[0], "x", "log: 1.4");
}

int main(int argc, char **argv)
{
	static const struct fleet base = {FLEET, "64", "8", "896", "1000000", "256"};
	static const struct fleet naive_base = {FLEET, "64", "8", "896", "200000", "256"};
	static const struct fleet light = {FLEET, "64", "8", "64", "1000000", "2048"};
	static const struct fleet naive_light = {FLEET, "64", "8", "64", "50000", "2048"};
	static const struct fleet long_output = {FLEET, "64", "8", "12.8", "300000", "8192"};
	static const struct fleet wide = {FLEET, "1024", "128", "14336", "2000000", "256"};
	static const struct fleet shared = {SHARED, "64", "2", "600", "500000", "256"};
	struct err *const err = err_new();
	struct data_dir *const data = data_dir_open(NULL, argc > 0 ? argv[0] : NULL, err);
	if (data == NULL) {
		err_print(err, stderr);
		return 1;
	}
	struct whole whole;
	measure_whole(&whole); /* first: a child's peak counts what it inherits before it starts */
	const struct speed fast = measure(data, &base, FAST, REPEATS);
	const struct speed exact = measure(data, &base, EXACT, REPEATS);
	const struct speed naive = measure(data, &naive_base, NAIVE, REPEATS);
	const struct speed fast_light = measure(data, &light, FAST, REPEATS);
	const struct speed slow_light = measure(data, &naive_light, NAIVE, 1);
	const struct speed fast_long = measure(data, &long_output, FAST, REPEATS);
	const struct speed fast_wide = measure(data, &wide, FAST, REPEATS);
	const struct speed four = measure(data, &shared, FAST, REPEATS);
	struct rare rare;
	measure_rare(data, &rare);
	struct cluster_speed clusters;
	measure_clusters(&clusters);
	const double hold[] = {hold_ns(64), hold_ns(1024), hold_ns(16384)};

	fprintf(stderr,
	        "  64 replicas, ISL 512, OSL 256, 1e6 Poisson requests at 14/s each, one core\n");
	row("requests per second in the core", 1e3 / fast.ns_per_request, "M/s", "goal 3");
	row("requests per second as a whole process", whole.requests_per_s / 1e6, "M/s", "goal 2");
	row("exact stepping (--exact)", 1e3 / exact.ns_per_request, "M/s", "");
	row("naive per-iteration engine", 1e3 / naive.ns_per_request, "M/s", "");
	row("faster than naive", naive.ns_per_request / fast.ns_per_request, "x", "goal 10");
	row("faster than naive, OSL 2,048, light load (1/s each)",
	    slow_light.ns_per_request / fast_light.ns_per_request, "x", "goal 60");
	row("cost per request, OSL 8,192 at 0.2/s each over OSL 256 at 14/s each",
	    fast_long.ns_per_request / fast.ns_per_request, "x", "goal 1.5");
	row("cost per request, 1,024 replicas over 64",
	    fast_wide.ns_per_request / fast.ns_per_request, "x", "goal 1.5");
	row("four busy replicas on each GPU, 50 sequences running in each",
	    1e3 / four.ns_per_request, "M/s", "goal 1");
	row("peak memory, 1e7 requests, no records", (double)whole.peak_kib / 1024.0, "MiB",
	    "goal 16");
	if (whole.azure_s >= 0.0) {
		row("Azure conversation trace, 19,366 requests on 4 replicas, whole process",
		    1e3 * whole.azure_s, "ms", "goal 100");
	} else {
		fprintf(stderr, "  SKIPPED: the Azure trace is not there\n");
	}
	print_rare(&rare);
	print_clusters(&clusters);
	printf("{\"requests_per_s\": %.0f, \"process_requests_per_s\": %.0f, "
	       "\"exact_requests_per_s\": %.0f, \"naive_requests_per_s\": %.0f, "
	       "\"events_per_s\": %.0f, \"shared_requests_per_s\": %.0f, \"light_speedup\": %.1f, \"osl_growth\": %.3f, "
	       "\"replica_growth\": %.3f, \"ns_per_hold\": {\"64\": %.1f, \"1024\": %.1f, "
	       "\"16384\": %.1f}, \"peak_rss_bytes\": %ld, \"cycle_s\": [%.4f, %.4f, %.4f], "
	       "\"rare_day_s\": [%.3f, %.3f], \"rare_growth\": %.3f, \"rare_rss_bytes\": %ld, "
	       "\"place_s\": {\"fgd\": %.4f, \"binpack\": %.4f}, "
	       "\"ns_per_pod\": [%.0f, %.0f, %.0f]}\n",
	       1e9 / fast.ns_per_request, whole.requests_per_s, 1e9 / exact.ns_per_request,
	       1e9 / naive.ns_per_request, fast.events_per_s, 1e9 / four.ns_per_request,
	       slow_light.ns_per_request / fast_light.ns_per_request,
	       fast_long.ns_per_request / fast.ns_per_request,
	       fast_wide.ns_per_request / fast.ns_per_request, hold[0], hold[1], hold[2],
	       whole.peak_kib * 1024, clusters.allocate_s, clusters.reclaim_s, clusters.settled_s,
	       rare.day_s, rare.busy_day_s, rare.growth, rare.peak_kib * 1024, clusters.fgd_s,
	       clusters.binpack_s, clusters.ns_per_pod[0], clusters.ns_per_pod[1],
	       clusters.ns_per_pod[2]);
	data_dir_close(data);
	err_free(err);
	return 0;
}
