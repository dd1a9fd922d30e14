/*
 * What queues used over time, for the fair share with history (semantics.md section 7): the time
 * integral of what each held, over a window and with decay, as a share of that of the cluster.
 * Integers only; looking changes nothing, so answers do not depend on how often somebody looked.
 */
#ifndef ALIQUOT_SCHED_HISTORY_H
#define ALIQUOT_SCHED_HISTORY_H

#include <stddef.h>

#include "sched/snapshot.h"

enum history_window {
	HISTORY_EVER,     /* all since the beginning */
	HISTORY_SLIDING,  /* the last `window` */
	HISTORY_TUMBLING, /* since the last of offset, offset + window, ... A cron expression with a
	                   * fixed period is this with its period; others cannot be said */
};

struct history_options {
	enum history_window kind;
	ns_t window;    /* not of HISTORY_EVER; from HISTORY_LEAST on */
	ns_t offset;    /* of HISTORY_TUMBLING; at least 0 */
	ns_t half_life; /* what was used so long ago counts half; 0: no decay */
};

#define HISTORY_LEAST NS_PER_S
/* Sliding windows forget one such part at a time; of the part that is half forgotten, use counts as
 * if it had been even: a share is at most a quarter of a part off, 0.1 % of the window. */
#define HISTORY_PARTS 256

struct history;

/*
 * Nobody holds anything at 0 ns, nor is there a cluster. Memory: 48 bytes for each resource of each
 * queue, with a sliding window 4 KiB more. Caller frees.
 */
struct history *history_new(const struct history_options *options, uint32_t n_queues);
void history_free(struct history *h);

/*
 * From `at` on the queue holds this, all resources; times never go back. What did not change costs
 * a comparison; a change takes constant time, with a sliding window one step per part gone by, at
 * most HISTORY_PARTS.
 */
void history_hold(struct history *h, uint32_t queue, const struct sched_amount *amount, ns_t at);

/* The same for the cluster, of which the shares are. */
void history_offer(struct history *h, const struct sched_amount *amount, ns_t at);

/*
 * What a queue used up to `now`, not before the last change, in ppm of what there was, to nearest;
 * 0 where there was nothing: for used_ppm of a queue. Exact without decay, but for the part that is
 * half forgotten; with it off by less than 1 ppm once a 10^-11 of the half-life has passed.
 * Constant time, with a sliding window HISTORY_PARTS steps.
 */
struct sched_amount history_used_ppm(const struct history *h, uint32_t queue, ns_t now);

#endif
