/*
 * Requests in flight: a pool addressed by small integers. A finished request's place is reused, so
 * memory follows the number in flight, never the number served.
 */
#ifndef ALIQUOT_STATE_REQUEST_H
#define ALIQUOT_STATE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

#define REQUEST_NONE UINT32_MAX

struct request {
	uint64_t id; /* order of arrival in the run */
	ns_t arrival;
	ns_t admitted;  /* first time in a batch; until then when the front end hands it over */
	ns_t first;     /* delivery of the first response; 0: not yet */
	ns_t second;    /* of the second one; 0: not yet */
	ns_t stalled;   /* last token before a preemption; valid only while preempted with generated
	                   >= 1 */
	int64_t joined; /* decode iteration at which it joined the decoding sequences */
	int32_t input;  /* prompt tokens */
	int32_t output; /* tokens to generate; 0: embedding */
	int32_t context;     /* tokens to prefill: the prompt, and what was generated before a
	                        preemption */
	int32_t prefilled;   /* tokens of the context already processed */
	int32_t chunk;       /* prompt tokens in the running step */
	int32_t generated;   /* tokens emitted up to `joined` */
	uint32_t next, prev; /* waiting list, or prompts in order of admission */
	uint32_t rank; /* number of admission within its replica: breaks ties of finish order */
	uint32_t user;
	uint32_t load;
	uint16_t images;
	uint16_t preemptions;
	bool warmup, decoding;
	bool copies; /* the block after `shared` is in the prefix cache already: it ends there */
	uint8_t unused[1];
	uint32_t text; /* what it shares with others; TEXT_NONE: nothing, the next three are idle */
	int32_t shared; /* leading blocks of it that the prefix cache counts */
	uint32_t span;  /* the last of them; valid only when shared > 0 */
	int32_t cached; /* prompt tokens that were found at the first admission */
};

struct request_list { /* through next and prev */
	uint32_t head, tail;
	uint32_t n;
};

struct request_pool {
	struct request *at;
	uint32_t cap;
	uint32_t free; /* head of the free list through `next` */
	uint32_t in_use;
};

void request_pool_init(struct request_pool *pool);
void request_pool_fini(struct request_pool *pool);

/* A zeroed request; its index stays valid until request_give, its address only until the next take.
 */
uint32_t request_take(struct request_pool *pool);
void request_give(struct request_pool *pool, uint32_t index);

void request_list_push_back(struct request_list *list, struct request_pool *pool, uint32_t index);
void request_list_push_front(struct request_list *list, struct request_pool *pool, uint32_t index);
void request_list_remove(struct request_list *list, struct request_pool *pool, uint32_t index);

/* Put it in where its number of arrival says; linear in those that came after it. */
void request_list_insert(struct request_list *list, struct request_pool *pool, uint32_t index);

#endif
