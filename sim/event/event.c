/* Storage of the winner tree. */
#include "event/event.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

void event_list_init(struct event_list *list, uint32_t n)
{
	sim_assert(n >= 1 && n <= UINT32_C(1) << 30);
	list->n_leaves = n < 2 ? 2 : n;
	list->node = mem_new_aligned(2 * (size_t)list->n_leaves, sizeof(*list->node));
	list->now = 0;
	list->count = 0;
	for (uint32_t i = 0; i < 2 * list->n_leaves; i++) {
		list->node[i] = (u128_t)(uint64_t)NS_NEVER << 64;
	}
}

void event_list_fini(struct event_list *list)
{
	free(list->node);
	list->node = NULL;
}
