/*
 * Private to flow: replicas that leave their GPUs for others and come back (semantics.md section
 * 4). Where a scenario has no swap, sim.swap is NULL.
 *
 * A process that starts issues GPU work, so it comes in resident: its weights are read into its
 * GPUs, not into host memory. When it is there (its image pulled, its process up) it wants to come
 * like one that was asked: others go out for it by the policy, after min_residency, if host memory
 * has room; where nobody can go, requests and limits decide. From then on it holds what is its own,
 * and cannot go before it is ready and has been there for min_residency.
 */
#ifndef ALIQUOT_FLOW_SWAP_H
#define ALIQUOT_FLOW_SWAP_H

#include "policy/swap.h"
#include "flow/flow.h"

enum slot_state {
	SLOT_ABSENT, /* it has no GPUs that others share, or its process needs none yet */
	SLOT_THERE,  /* on its GPUs */
	SLOT_GOING,
	SLOT_AWAY, /* in host memory; a new process: waits for its GPUs */
	SLOT_COMING,
	SLOT_READING,  /* on its GPUs again, without its weights (sleep_2) */
	SLOT_WARMING,  /* on its GPUs again, and not ready for its first request */
	SLOT_STARTING, /* a new process has its memory */
};

struct swap_slot { /* of a replica */
	uint8_t state;
	bool swaps;       /* may be swapped: it has a limit above its request */
	bool chosen;      /* to go, while a plan is made */
	bool fresh;       /* it has done nothing since it came */
	ns_t since, used; /* on its GPUs, and by requests; valid while it is there */
	uint64_t asked;   /* place in the order of those who want to come; 0: it does not */
	uint64_t tried;   /* round of serve() */
	bytes_t reserve;  /* of each of its GPUs while it is there; 0 if it does not swap */
	int64_t most;     /* KV blocks up to its limit, if its GPUs had room for them */
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
	bool sends; /* the policy lets anybody go */
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

/* swap_choose.c: one that is not there is to hold, when it is, its limit, or what those that stay
 * on its GPUs leave of it. */
void swap_size(struct sim *s, uint32_t replica);

/* swap.c: it wants to come. */
void swap_ask(struct sim *s, uint32_t replica);

/* swap.c: who wants to come looks again, at the end of this nanosecond. */
void swap_look_again(struct sim *s, uint32_t group);

/* swap_life.c: a new process takes its memory, and its start goes on. */
void swap_enter(struct sim *s, uint32_t replica);

/* swap_begin.c: may it be swapped? */
bool swap_can(const struct sim *s, uint32_t replica);

/* swap_begin.c: the rooms of its GPUs get larger by `sign` times what a replica that stays
 * requests. */
void swap_change_room(struct sim *s, uint32_t replica, int sign);

#endif
