/* Private to share.c and share_group.c: replicas that share GPUs, and the phases of their steps. */
#ifndef ALIQUOT_FLOW_SHARE_GROUP_H
#define ALIQUOT_FLOW_SHARE_GROUP_H

#include "flow/flow.h"

#define FULL_SPEED (INT64_C(1) << TICK_SHIFT)

enum share_phase {
	SHARE_OFF,  /* no step in the books of the group */
	SHARE_HOST, /* the host prepares the step */
	SHARE_GPU,
	SHARE_WAIT, /* the GPU is done, the step lasts until not_before */
};

struct share_member {
	tick_t work;  /* left on the GPU */
	tick_t speed; /* of it per ns; valid in SHARE_GPU */
	tick_t host;  /* of each step of its stretch, before the GPU works */
	ns_t due;     /* something happens to it next; NS_NEVER in SHARE_OFF */
	ns_t not_before;
	uint32_t replica;
	uint8_t phase; /* enum share_phase */
};

struct share_group {
	struct share_member *members; /* in the order of their replicas */
	struct share_user *users;     /* the same as policies see them */
	tick_t *memo;                 /* speeds [set of users][member], 0: not known; or NULL */
	uint32_t n;
	uint32_t on;    /* members with a step in the books */
	uint32_t alone; /* member that fast-forwards; GROUP_NONE: nobody */
	bool slow;      /* someone is slower than the GPU even when alone: no fast-forward */
	bool several;   /* it spans several GPUs */
	bool changed;   /* who uses the GPU did, speeds are to be divided again */
	bool planned;   /* its next event is set */
	ns_t since;     /* up to which work is counted */
#ifdef ALIQUOT_DEBUG
	i128_t asked, done; /* ticks of all steps, without what a step left; of which done */
#endif
};

/* New speeds for those in SHARE_GPU, and when each of them is done at them. */
void share_divide(struct sim *s, struct share_group *g);

#endif
