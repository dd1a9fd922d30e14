/*
 * Private to flow: replicas that leave their GPUs for others and come back (semantics.md section
 * 4). Where a scenario has no swap, sim.swap is NULL.
 */
#ifndef ALIQUOT_FLOW_SWAP_H
#define ALIQUOT_FLOW_SWAP_H

#include "policy/swap.h"
#include "flow/flow.h"

enum slot_state {
	SLOT_THERE, /* on its GPUs */
	SLOT_GOING,
	SLOT_AWAY,
	SLOT_COMING,
	SLOT_WARMING, /* on its GPUs again, and not ready for its first request */
};

struct swap_slot { /* of a replica */
	uint8_t state;
	bool swaps;       /* may be swapped: it has a limit above its request */
	bool chosen;      /* to go, while a plan is made */
	ns_t since, used; /* on its GPUs, and by requests; valid while it is there */
	uint64_t asked;   /* place in the order of those who want to come; 0: it does not */
	uint64_t tried;   /* round of serve() */
	bytes_t reserve;  /* of each of its GPUs while it is there */
	bytes_t host;     /* of the host's memory */
	int64_t blocks;   /* of its KV cache when it went; negative: it begins with a new one */
	uint32_t goes_for;
	uint32_t count; /* of times it came */
};

struct swap_link { /* of a node to some of its GPUs */
	ns_t free;
	bytes_t out, in; /* of the exchange that is planned */
};

struct swap {
	const struct swap_policy *policy;
	void *self;
	struct swap_slot *slots;
	bytes_t *room;     /* of each GPU, that those who swap have together */
	uint64_t *claimed; /* of each GPU: round of serve() in which somebody waits for it */
	struct swap_link *links;
	uint32_t *first_link; /* of each node */
	bytes_t *pool;        /* of each node: host memory that is used */
	bool *overdrawn;      /* of each node: a replica needs more than its request */
	uint32_t *chosen;     /* who goes for the one that is planned, n_chosen of them */
	uint32_t n_chosen;
	uint32_t *asking; /* of each group: how many want to come */
	uint64_t asked, round;
};

/* swap_fit.c: is everyone who swaps sure to come when it is asked for? False with errors added. */
bool swap_fits(struct sim *s);

/* swap_begin.c: would the policy let this replica go if it were the only one? */
bool swap_anybody_goes(const struct sim *s, uint32_t replica);

/* What becomes of a replica that wants to come. */
enum verdict {
	COMES,      /* those chosen go for it */
	COMES_ALSO, /* nobody goes */
	WAITS,
};

/* swap_choose.c: may a replica come, and who goes for it (swap.chosen)? Plans its next look where
 * it waits for somebody's age. */
enum verdict swap_choose(struct sim *s, uint32_t replica);

/* swap_choose.c: would a replica find no room on this GPU? */
bool swap_lacks(const struct sim *s, uint32_t replica, uint32_t gpu);

/* swap_choose.c: bytes of each GPU of a replica that its exchange moves, or that host memory keeps
 * of all of them, if its KV cache has so many blocks. */
bytes_t swap_moved(const struct sim *s, uint32_t replica, int64_t blocks);
bytes_t swap_in_host(const struct sim *s, uint32_t replica, int64_t blocks);

/* swap_choose.c: the node of a replica. */
uint32_t swap_node(const struct sim *s, uint32_t replica);

#endif
