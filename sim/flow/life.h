/*
 * Private to flow: replicas that come and go (physics.md section 6, semantics.md sections 5 and
 * 12). Where a scenario has none, sim.life is NULL and every replica is there from start to end.
 *
 * A service has places for the most replicas that it may have at a time. The scenario
 * (`start`, `replicas_at`) or whoever scales (life_want) says how many are wanted, who places them
 * gives them GPUs (life_bind); everything in between is timed here and in start.c.
 */
#ifndef ALIQUOT_FLOW_LIFE_H
#define ALIQUOT_FLOW_LIFE_H

#include "base/vec.h"
#include "flow/flow.h"

enum life_state {
	LIFE_ABSENT,
	LIFE_PENDING,  /* wanted, and on no GPU yet */
	LIFE_STARTING, /* on its GPUs, from scheduling to the built engine: start.c */
	LIFE_READY,
	LIFE_DRAINING, /* no new requests; goes when those it has are answered */
	LIFE_FAILED,   /* not ready in time; absent again when its service is asked for next */
	LIFE_STATES
};

enum life_stage {                /* of a start */
	          STAGE_PREPARE, /* schedule, image, process */
	          STAGE_ROOM,    /* until others have left its GPUs: swap.h */
	          STAGE_READ,    /* weights: storage.h */
	          STAGE_BUILD,
};

struct life_slot { /* of a replica */
	uint8_t state, stage;
	uint64_t born; /* order in which they were wanted */
	ns_t wanted;   /* when it was */
	ns_t due;      /* something happens to it next; NS_NEVER: nothing by itself */
	ns_t deadline; /* to be ready; of one that was evicted: to be gone */
	ns_t runs;     /* while it starts: its process does from then on */
	ns_t build;    /* of its engine, when its weights are there */
	ns_t bound;    /* time on GPUs, without the present stay */
	ns_t bound_at; /* its present stay on them began */
};

struct life_service {
	uint32_t wanted;
	uint32_t count[LIFE_STATES];
	uint32_t ready_max;
	i128_t area[LIFE_STATES];      /* replicas in each state over time, x ns, up to `since` */
	i128_t waits_limit;            /* requests at the door over time while replicas are ready */
	i128_t waits_start, waits_gpu; /* the same while one starts, and
	                                  while none does; x ns */
	i128_t waiting, late;          /* all waiting over time, and of it while one starts; x ns */
	int64_t waited;                /* requests that came to the door */
	int64_t failed;                /* replicas that were not ready in time */
	int64_t evicted;               /* replicas that others took the GPUs of */
	ns_t since;
	size_t changes; /* of the scenario that were followed */
};

struct life {
	struct life_slot *slots; /* of all replicas */
	struct life_service *services;
	int64_t *start_ppm;   /* of all nodes: speed of what of a start does not read weights */
	bool *images;         /* [node][service]: the image of its engine is there */
	VEC(uint32_t) coming; /* replicas with a due or a deadline, in order of birth */
	uint64_t births;
	uint32_t pending;
	bool over;      /* nothing would ever move any more */
	ns_t moved;     /* when a request came to a door, or left it, last */
	ns_t change_at; /* when the scenario wants other numbers of replicas next */
};

/* life.c: does anything come or go in this scenario? */
bool life_needed(const struct scenario *sc);

/* life.c: before the replicas are placed; after they are, those that have GPUs are ready. */
void life_new(struct sim *s);
void life_begin(struct sim *s);
void life_free(struct sim *s);

/* life.c: the event of the entity of all lives. */
void life_event(struct sim *s);

/*
 * life.c: so many replicas of a service are wanted from now on, at most as many as it has places
 * for. Absent ones become pending; who is too many leaves, pending ones first, then starting ones,
 * of each the newest first. Ready ones drain; their places are free when they are gone. Call it in
 * PHASE_LIFE.
 */
void life_want(struct sim *s, uint32_t service, uint32_t n);

/* life.c: how many replicas of a service are in this state. */
uint32_t life_count(const struct sim *s, uint32_t service, enum life_state state);

/* life.c: is it on its way from scheduling to the built engine, a new process? False where nothing
 * comes or goes. */
bool life_starts(const struct sim *s, uint32_t replica);

/*
 * life.c: a pending replica gets these GPUs, as many as it needs, ascending, of one node and with
 * room; it starts.
 */
void life_bind(struct sim *s, uint32_t replica, const uint32_t *gpus);

/*
 * leave.c: a replica that has GPUs loses them at once: what it is computing is lost and counted,
 * who waits there goes back to the door. It is absent then; life_settle() wants another for it.
 */
void life_release(struct sim *s, uint32_t replica);

/* life.c: after replicas were released or GPUs mended: as many as are wanted become pending, and
 * those that find GPUs start. */
void life_settle(struct sim *s);

/* leave.c: the last request of a replica that leaves has left, or its process was killed. */
void life_drained(struct sim *s, uint32_t replica);

/* leave.c: a ready replica gets no more requests, and goes when those it has are answered. */
void leave_drain(struct sim *s, uint32_t replica);

/*
 * leave.c: the scheduler gives the GPUs of a replica to others. One that starts leaves at once, one
 * that is ready drains, for the scheduler's time of grace at most; then it is released.
 * life_settle() wants another for it.
 */
void life_evict(struct sim *s, uint32_t replica);

/* leave.c: the last tokens of one that drained are out. */
void leave_gone(struct sim *s, uint32_t replica);

/* leave.c: one that waits for GPUs or starts on them does so no longer: `state` from now on. */
void leave_break_off(struct sim *s, uint32_t replica, enum life_state state);

/* life.c: the state changes, the integrals of the service up to now are counted. */
void life_set_state(struct sim *s, uint32_t replica, enum life_state state);

/* life.c: nothing is due of a replica any more. */
void life_stop_coming(struct life *l, uint32_t replica);

/* life.c: the integrals of a service up to `now`. */
void life_account(struct sim *s, uint32_t service, ns_t now);

/* life.c: the next event of the entity; to be called when the due of a replica changed. */
void life_plan(struct sim *s);

/* life.c: nothing will ever be answered any more: requests are at doors that nobody opens. */
bool life_is_stuck(const struct sim *s);

/* life.c: time that a replica was on GPUs, by the end of the run. */
ns_t life_bound(const struct sim *s, uint32_t replica);

/* place.c: what a replica of the service asks of each GPU, by kind of node; part[n_nodes]. */
void place_parts(const struct sim *s, uint32_t service, struct gpu_part *part);

/* place.c: a pending replica gets the GPUs that the placement policy gives it; false: there are
 * none. */
bool place_pending(struct sim *s, uint32_t replica);

/* place.c: a replica gets these GPUs, a KV cache and a front end of its own; and leaves them. */
void place_on(struct sim *s, uint32_t replica, const uint32_t *gpus);
void place_leave(struct sim *s, uint32_t replica);

/* start.c: a replica has its GPUs and starts. */
void start_begin(struct sim *s, uint32_t replica);

/* start.c: the image of a replica that is there from the start is on its node. */
void start_has_image(struct sim *s, uint32_t replica);

/* start.c: replicas of a service that start and whose process is there: scheduled, image pulled. */
uint32_t start_running(const struct sim *s, uint32_t service);

/* start.c: a stage of its start is over; true: it was the last. */
bool start_next(struct sim *s, uint32_t replica);

/* start.c: it has its memory, and reads its weights into it. */
void start_load(struct sim *s, uint32_t replica);

/* start.c: its engine is built: it joins those on its GPUs and takes its memory, as far as it has
 * not. */
void start_take(struct sim *s, uint32_t replica);

/* start.c: its start is broken off. */
void start_stop(struct sim *s, uint32_t replica);

/* start.c: it begins again with its process. */
void start_anew(struct sim *s, uint32_t replica);

/* start.c: storage and processes of a node have this part of their speed from now on. */
void start_slow(struct sim *s, uint32_t node, int64_t storage_ppm, int64_t start_ppm);

/* door.c: a request finds nobody and waits at the door of its service. */
void door_wait(struct sim *s, uint32_t service, uint32_t request);

/* door.c: requests at the door go to the replicas, as far as there are any. */
void door_open(struct sim *s, uint32_t service);

/* door.c: the requests that wait at a replica go back to the door; those whose first tokens are
 * out are lost. */
void door_return(struct sim *s, uint32_t replica);

#endif
