/* The pool of requests in flight. */
#include "state/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static_assert(sizeof(struct request) == 128, "a request should touch no more lines than it must");

void request_pool_init(struct request_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pool->free = REQUEST_NONE;
}

void request_pool_fini(struct request_pool *pool)
{
	free(pool->at);
	request_pool_init(pool);
}

static void grow(struct request_pool *pool)
{
	const uint32_t cap = pool->cap == 0 ? 256 : 2 * pool->cap;
	sim_assert(cap > pool->cap);
	struct request *const at = mem_new_aligned(cap, sizeof(*at));
	if (pool->cap > 0) {
		memcpy(at, pool->at, pool->cap * sizeof(*at));
	}
	free(pool->at);
	pool->at = at;
	for (uint32_t i = cap; i-- > pool->cap;) { /* lowest index first */
		pool->at[i].next = pool->free;
		pool->free = i;
	}
	pool->cap = cap;
}

uint32_t request_take(struct request_pool *pool)
{
	if (pool->free == REQUEST_NONE) {
		grow(pool);
	}
	const uint32_t index = pool->free;
	pool->free = pool->at[index].next;
	pool->in_use++;
	memset(&pool->at[index], 0, sizeof(pool->at[index]));
	return index;
}

void request_give(struct request_pool *pool, uint32_t index)
{
	sim_assert(index < pool->cap && pool->in_use > 0);
	pool->at[index].next = pool->free;
	pool->free = index;
	pool->in_use--;
}

void request_list_push_back(struct request_list *list, struct request_pool *pool, uint32_t index)
{
	struct request *const q = &pool->at[index];
	q->next = REQUEST_NONE;
	q->prev = list->tail;
	if (list->tail == REQUEST_NONE) {
		list->head = index;
	} else {
		pool->at[list->tail].next = index;
	}
	list->tail = index;
	list->n++;
}

void request_list_push_front(struct request_list *list, struct request_pool *pool, uint32_t index)
{
	struct request *const q = &pool->at[index];
	q->prev = REQUEST_NONE;
	q->next = list->head;
	if (list->head == REQUEST_NONE) {
		list->tail = index;
	} else {
		pool->at[list->head].prev = index;
	}
	list->head = index;
	list->n++;
}

void request_list_remove(struct request_list *list, struct request_pool *pool, uint32_t index)
{
	const struct request *const q = &pool->at[index];
	sim_assert(list->n > 0);
	if (q->prev == REQUEST_NONE) {
		list->head = q->next;
	} else {
		pool->at[q->prev].next = q->next;
	}
	if (q->next == REQUEST_NONE) {
		list->tail = q->prev;
	} else {
		pool->at[q->next].prev = q->prev;
	}
	list->n--;
}

void request_list_insert(struct request_list *list, struct request_pool *pool, uint32_t index)
{
	struct request *const q = &pool->at[index];
	uint32_t before = list->tail;
	while (before != REQUEST_NONE && pool->at[before].id > q->id) {
		before = pool->at[before].prev;
	}
	if (before == REQUEST_NONE) {
		request_list_push_front(list, pool, index);
		return;
	}
	if (before == list->tail) {
		request_list_push_back(list, pool, index);
		return;
	}
	q->prev = before;
	q->next = pool->at[before].next;
	pool->at[q->next].prev = index;
	pool->at[before].next = index;
	list->n++;
}
