/* Swaps over the host link, and vLLM's sleep. */
#include "perf/swap.h"

#include "base/check.h"

ns_t perf_swap_copy(const struct swap_copies *copies)
{
	const double out = (double)copies->out, in = (double)copies->in;
	const double longer = out > in ? out : in;
	sim_assert(copies->rate > 0.0);
	return ns_from_seconds((copies->bidirectional ? longer : out + in) / copies->rate);
}

ns_t perf_swap_warmup(const struct engine_startup *startup, tokens_t prompt)
{
	return ns_from_seconds(startup->swap_s + startup->swap_per_token_s * (double)prompt);
}

ns_t perf_sleep(const struct start_ask *ask, enum swap_method level)
{
	const double copied = level == SWAP_SLEEP_1 ? (double)ask->weights : 0.0;
	return ns_from_seconds(ask->startup->sleep_s +
	                       copied / perf_host_rate(ask->gpu, ask->gpus));
}

ns_t perf_wake(const struct start_ask *ask, enum swap_method level)
{
	const struct engine_startup *const s = ask->startup;
	const double rate =
		level == SWAP_SLEEP_1 ? perf_host_rate(ask->gpu, ask->gpus) : perf_weight_rate(ask);
	return ns_from_seconds(s->wake_s + (ask->vision ? s->wake_vision_s : 0.0) +
	                       (level == SWAP_SLEEP_2 ? s->reload_s : 0.0) +
	                       (double)ask->weights / rate);
}
