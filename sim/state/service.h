/*
 * One service: its replicas and how loaded each is. The load index (a winner tree over load and
 * replica number) answers "who has least?" in constant time and follows changes in log2(replicas).
 */
#ifndef ALIQUOT_STATE_SERVICE_H
#define ALIQUOT_STATE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "state/request.h"

/* What the load index counts, as the routing policy asks for it. */
enum load_measure {
	LOAD_NOT_KEPT,
	LOAD_REQUESTS, /* requests sent and not answered */
	LOAD_TOKENS,   /* their prompt and output tokens */
};

struct service {
	i128_t running_area, waiting_area; /* sequences integrated over time, x ns, up to `since` */
	i128_t stays;                      /* time in the system of those who left, ns */
	i128_t sending; /* time of the front ends for the tokens of all steps so far, ns */
	int64_t *load;  /* [n], in the measure's unit */
	uint64_t *tree; /* winner tree of load << 24 | replica; NULL when not kept */
	ns_t since;
	uint64_t submitted; /* measured requests that arrived */
	uint64_t warmup;    /* others */
	uint64_t left;      /* of both: finished, refused or lost */
	uint64_t lost;      /* of those who left */
	uint64_t too_long;  /* measured ones refused because no replica could ever hold them */
	uint32_t first, n;  /* replicas [first, first + n) of the cluster */
	enum load_measure measure;
	uint32_t n_leaves;
	uint32_t running, waiting; /* sequences over all replicas, and at the door */
	uint32_t *open;            /* those that requests are sent to, ascending; NULL: all */
	uint32_t n_open;
	struct request_list door; /* requests that found no replica, in order of arrival */
};

void service_init(struct service *s, uint32_t first, uint32_t n, enum load_measure measure);
void service_fini(struct service *s);

/* Which replicas requests are sent to: number k of n_open. */
static inline uint32_t service_open(const struct service *s, uint32_t k)
{
	return s->open != NULL ? s->open[k] : k;
}

/* Are requests sent to this one? Logarithmic. */
bool service_lets_in(const struct service *s, uint32_t replica);

/* From now on requests are sent to those only that are let in one by one; at first to nobody. */
void service_shut(struct service *s);
/* Requests are sent to this one too, or no longer; linear. It must not be so already. */
void service_let_in(struct service *s, uint32_t replica);
void service_keep_out(struct service *s, uint32_t replica);

/* A request of this size was sent to a replica, or left it. */
void service_load_add(struct service *s, uint32_t replica, int64_t tokens);
void service_load_remove(struct service *s, uint32_t replica, int64_t tokens);

/* A replica goes down, or is up again: while it is down, every other one has less load. */
void service_load_close(struct service *s, uint32_t replica);
void service_load_open(struct service *s, uint32_t replica);

/* Sequences that came (or left) the batches and the waiting lists at `now`; keeps the integrals. */
static inline void service_count(struct service *s, ns_t now, int32_t running, int32_t waiting)
{
	const ns_t span = now - s->since;
	s->running_area += (i128_t)s->running * span;
	s->waiting_area += (i128_t)s->waiting * span;
	s->since = now;
	s->running += (uint32_t)running;
	s->waiting += (uint32_t)waiting;
}

/* Replica with the least load, the lowest number among equals. The index must be kept. */
uint32_t service_least_loaded(const struct service *s);

#endif
