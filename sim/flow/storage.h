/*
 * Private to flow: the storage of each node. Everybody who reads weights from it has an equal part,
 * and what one does not need of its part nobody gets. Work is in ticks of a reader that is alone,
 * so that everything adds up exactly.
 */
#ifndef ALIQUOT_FLOW_STORAGE_H
#define ALIQUOT_FLOW_STORAGE_H

#include "base/vec.h"
#include "perf/start.h"
#include "flow/flow.h"

struct reader {
	uint32_t replica;
	tick_t left;     /* if nobody else read */
	int64_t use_ppm; /* of the storage while it reads alone */
};

struct storage { /* of a node */
	VEC(struct reader) readers;
	int64_t speed_ppm; /* of its bandwidth, while its link is slow */
	ns_t since;        /* up to which `left` of the readers is counted */
};

/* After the nodes; freed with the run. */
void storage_begin(struct sim *s);
void storage_free(struct sim *s);

/*
 * A replica begins to read its weights from its node's storage. When it is done, the due of its
 * start (life.h) is up, or its own event happens where it is no start; then it must stop.
 */
void storage_read(struct sim *s, uint32_t replica, const struct start_ask *ask);

/* It reads no more: it is done, or gives up. */
void storage_stop(struct sim *s, uint32_t replica);

/* The storage of a node has this part of its speed from now on. */
void storage_slow(struct sim *s, uint32_t node, int64_t speed_ppm);

#endif
