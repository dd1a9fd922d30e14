/*
 * What the cost model says of a replica under a steady load: for autoscalers that keep limits. A
 * mean-value model, so without the bursts that make tails long.
 */
#include "flow/scale.h"

#define ROUNDS 200
#define TICKS_PER_NS 1048576.0

/* Of a step with `n` sequences in the middle of their answers, and a whole prompt or none: ns. */
static double step_ns(const struct perf *perf, int64_t n, double context, tokens_t prompt)
{
	const struct step_shape shape = {
		.decodes = n,
		.context = (tokens_t)((double)n * context + 0.5),
		.chunks = prompt > 0,
		.finishing = prompt > 0,
		.prompt = prompt,
		.pairs2 = prompt * prompt,
		.admitted = prompt > 0,
	};
	struct step_cost cost;
	perf_step(perf, &shape, &cost);
	return (double)cost.step / TICKS_PER_NS;
}

struct steady {
	double gap;    /* between tokens, ns */
	double prompt; /* a step with a prompt, ns */
	double added;  /* by the prompt */
};

/*
 * `rate` prompts per ns come between the steps and make one of them longer; as many sequences run
 * as answers last (Little's law). From one upwards, so that the smallest such number is found, up
 * to `most`; false: there is none.
 */
static bool find_steady(const struct perf *perf, const struct autoscale_load *one, int64_t most,
                        struct steady *out)
{
	const double rate = one->rate / 1e9, context = one->input + one->output / 2.0;
	const tokens_t prompt = (tokens_t)(one->input + 0.5) > 1 ? (tokens_t)(one->input + 0.5) : 1;
	int64_t running = 1;
	for (int i = 0; i < ROUNDS; i++) {
		const double without = step_ns(perf, running, context, 0);
		out->prompt = step_ns(perf, running, context, prompt);
		out->added = out->prompt - without;
		if (rate * out->added >= 1.0) {
			return false;
		}
		out->gap = without / (1.0 - rate * out->added);
		const double wanted = rate * one->output * out->gap;
		if (wanted <= (double)running) {
			return true;
		}
		if (wanted > (double)most) {
			return false;
		}
		running = (int64_t)wanted + 1;
	}
	return false;
}

bool scale_predict(const void *arg, const struct autoscale_load *one, ns_t *ttft, ns_t *itl)
{
	const struct scale_model *const m = arg;
	const struct sim *const s = m->sim;
	const struct replica *const r = &s->cluster.replicas[s->cluster.services[m->service].first];
	const struct perf *const perf = replica_perf(s, r);
	const int64_t seqs = s->services[m->service].options.max_num_seqs;
	const double tokens = (double)(r->kv.capacity * r->kv.block_tokens);
	const double fit = tokens / (one->input + one->output + 1.0);
	struct steady at;
	if (!find_steady(perf, one, fit < (double)seqs ? (int64_t)fit : seqs, &at)) {
		return false;
	}
	/* it comes in the middle of a step, and behind the prompts before it (M/D/1) */
	const double busy = one->rate / 1e9 * at.added;
	const double queue = busy * at.added / (2.0 * (1.0 - busy));
	*ttft = ns_from_seconds((at.gap / 2.0 + queue + at.prompt) / 1e9) + perf_entry(perf) +
	        perf_stream(perf);
	*itl = ns_from_seconds(at.gap / 1e9);
	return true;
}
