/* Private to flow: the context of a run, and the handlers that call each other. */
#ifndef ALIQUOT_FLOW_FLOW_H
#define ALIQUOT_FLOW_FLOW_H

#include "event/event.h"
#include "perf/start.h"
#include "state/cluster.h"
#include "workload/workload.h"
#include "policy/compute_share.h"
#include "policy/oom_victim.h"
#include "policy/placement.h"
#include "policy/priority.h"
#include "policy/routing.h"
#include "policy/verify.h"
#include "flow/sim.h"

#define SAMPLE_FIRST NS_PER_MS /* first distance of samples; doubles every SAMPLE_POINTS */
#define SAMPLE_POINTS 1024

struct bound_service { /* a service with its policies and cost models */
	const struct scenario_service *spec;
	struct engine_options options;
	struct perf **perf;         /* per node kind; NULL where no replica was placed */
	struct memory_plan *memory; /* per node kind, inside the request */
	struct memory_plan *most;   /* the same up to the limit */
	const struct routing_policy *routing;
	void *routing_self;
	struct rng *routing_rng;
	tokens_t context;  /* longest sequence */
	bool prefix_cache; /* on, and the texts of its loads may have something to share */
	bool shared;       /* a request had */
};

struct gaps;
struct storage;     /* what is read from the nodes': storage.h */
struct swap;        /* replicas that leave their GPUs for others: swap.h */
struct share_group; /* replicas that share GPUs */
struct schedule;    /* jobs, and what the cluster's scheduler knows: schedule.h */
struct life;        /* replicas that come and go: life.h */
struct faults;
struct scaler;     /* who says how many: scale.h */
struct node_level; /* who sits where on a node: node_level.h */

/* Entities of which there is one. */
enum timer { TIMER_FAULTS, TIMER_LIFE, TIMER_SCALE, TIMERS };

struct sim {
	const struct scenario *sc;
	struct sim_options options;
	struct err *err;
	struct event_list
		events; /* entities: replicas, loads, sampler, stop, timers, groups, jobs, cycle */
	struct cluster cluster;
	struct bound_service *services;
	const struct compute_share_policy *compute_share;
	void *compute_share_self;
	ns_t lease; /* of a turn on a GPU; 0: there are no turns */
	const struct oom_victim_policy *oom_victim;
	void *oom_victim_self;
	const struct placement_policy *placement;
	void *placement_self;
	struct rng *placement_rng;
	const struct priority_policy *priority; /* of jobs */
	struct share_group *groups;
	uint32_t n_groups;
	struct schedule *schedule; /* NULL: there are no jobs */
	bool groups_of_nodes;      /* where replicas come and go: a group is a node, else a GPU */
	struct life *life;         /* NULL: every replica is there from start to end */
	struct faults *faults;     /* NULL: nothing fails */
	struct scaler *scalers;    /* of all services; NULL: none has one */
	struct storage *storage;   /* of all nodes */
	struct swap *swap;         /* NULL: nobody does */
	struct node_level *node_level; /* NULL: everybody sits where it is booked */
	struct workload **loads;
	struct request_log *log;
	struct gaps *gaps;                    /* NULL unless asked for */
	struct series *(*series)[SIM_SERIES]; /* per service; NULL unless asked for */
	uint64_t arrived;
	ns_t stop;  /* the run ends here at the latest: what is delivered later, is not */
	ns_t ended; /* time of the last event that is not a sample, or of the last delivery */
	ns_t sample_every;
	bool incomplete;
	bool failed;
};

static inline uint32_t entity_load(const struct sim *s, uint32_t load)
{
	return s->cluster.n_replicas + load;
}
static inline uint32_t entity_sampler(const struct sim *s)
{
	return s->cluster.n_replicas + (uint32_t)s->sc->n_loads;
}
static inline uint32_t entity_stop(const struct sim *s)
{
	return entity_sampler(s) + 1;
}

static inline uint32_t entity_timer(const struct sim *s, enum timer timer)
{
	return entity_stop(s) + 1 + (uint32_t)timer;
}

static inline uint32_t entity_group(const struct sim *s, uint32_t group)
{
	return entity_stop(s) + 1 + TIMERS + group;
}

static inline uint32_t entity_job(const struct sim *s, uint32_t job)
{
	return entity_group(s, s->n_groups) + job;
}

static inline uint32_t entity_cycle(const struct sim *s)
{
	return entity_job(s, (uint32_t)s->sc->n_jobs);
}

/* bind.c: cost models, policies and replicas with their KV caches. False with errors added. */
bool bind_services(struct sim *s);
void unbind_services(struct sim *s);

/*
 * bind.c: the options of a policy as the scenario writes it; caller frees. `chosen` by its default
 * options alone where the scenario's was replaced. NULL with errors added.
 */
void *bind_policy(struct sim *s, const struct policy_head *head,
                  const struct scenario_policy *written, bool replaced);
/* bind.c: say that no policy of this kind has that name. */
void bind_fail_policy(struct sim *s, const char *kind, const struct scenario_policy *written);

/* place.c: the nodes, and replicas onto their GPUs. False with errors added. */
bool place_replicas(struct sim *s);

/* memory.c: everyone takes its memory at the start of the run. */
void memory_begin(struct sim *s);

/* memory.c: a KV cache gets room for `blocks` in all, if its pool is elastic and the memory is
 * there, or is its own; false: it stays as it is. */
bool memory_grow(struct sim *s, struct replica *r, int64_t blocks);

/* memory.c: requests have left: an elastic pool gives back what it does not need. */
void memory_shrink(struct sim *s, struct replica *r);

/* memory.c: a replica gave memory back: neighbours whose head waits for blocks look again at their
 * next boundary. */
void memory_wake(struct sim *s, const struct replica *r);

/* memory.c: will there be more memory to borrow a nanosecond later? */
bool memory_is_fresh(const struct sim *s, const struct replica *r);

/* memory.c: a replica whose process starts takes its memory, from those who borrowed it: first what
 * is its own, then, with a static pool, what is there up to its limit, and keeps it. */
void memory_enter(struct sim *s, uint32_t replica);
void memory_borrow(struct sim *s, uint32_t replica);
void memory_take(struct sim *s, uint32_t replica); /* both */

/* memory.c: it gives back all that it holds, and neighbours look; nothing if it is in host memory.
 */
void memory_give(struct sim *s, uint32_t replica);

/* memory.c: a replica that leaves its GPUs for another keeps what it holds inside its request, then
 * nothing; when it comes back its KV cache has room for so many blocks again, as a new one has
 * where they are negative. */
void memory_part(struct sim *s, uint32_t replica);
void memory_leave(struct sim *s, uint32_t replica);
void memory_return(struct sim *s, uint32_t replica, int64_t blocks);

/* memory.c: blocks that its pool begins with. */
int64_t memory_first(const struct sim *s, uint32_t replica);

/* swap_begin.c: who may be swapped; after the groups, before the memory. False with errors added.
 */
bool swap_begin(struct sim *s);
void swap_free(struct sim *s);

/*
 * swap_fit.c: may a replica of this service request less than its engine needs? Then it is there
 * with all of its limit, or in host memory.
 */
bool swap_lets_overdraw(const struct scenario *sc, const struct scenario_service *spec);

/* swap_begin.c: times a replica came back, where there is swap. */
uint32_t swap_count(const struct sim *s, uint32_t replica);

/* swap.c: a request joined the waiting list of a replica; it may be away. */
void swap_queued(struct sim *s, uint32_t replica);

/* swap.c: a replica has nothing in work: others may come. It may be away afterwards. */
void swap_idle(struct sim *s, uint32_t replica);

/* swap.c: the event of a replica that is away; true: it is on its GPUs, and idle. */
bool swap_event(struct sim *s, uint32_t replica);

/*
 * swap_life.c: a new process comes to where it needs memory on its GPUs; true: it waits for it, and
 * start_load() follows. False: its GPUs are its own.
 */
bool swap_start(struct sim *s, uint32_t replica);

/* swap_life.c: that process, or one that was killed, is ready on its GPUs. */
void swap_started(struct sim *s, uint32_t replica);

/* swap_life.c: the process of a replica was killed; it keeps its place. */
void swap_killed(struct sim *s, uint32_t replica);

/* swap_life.c: a replica leaves its GPUs for good, in whatever state: its host memory is given back
 * and those who wait look again. Where there is no swap, nothing. */
void swap_part(struct sim *s, uint32_t replica);

/* swap_life.c: what is counted of host memory, rooms and those who ask is what they add up to.
 * Asserts. */
void swap_verify(const struct sim *s);

/* kill.c: the GPU process of a replica is killed for its memory; it starts again by itself. */
void kill_replica(struct sim *s, uint32_t replica);

/* kill.c: the GPU process of a replica ends, if it has one, and starts again from now on. */
void kill_restart(struct sim *s, uint32_t replica);

/* kill.c: a killed replica is there again. */
void kill_over(struct sim *s, uint32_t replica);

/* kill.c: the GPU process of a replica ends: what it was doing is lost, its memory is free. */
void end_process(struct sim *s, uint32_t replica);

/* kill.c: a request of the waiting list of a replica, taken out of it, is lost. */
void lose_waiting(struct sim *s, const struct replica *r, uint32_t request);

/* start.c: a start of this replica where it is, its image there and nobody else at the storage. */
struct start_ask start_ask_of(const struct sim *s, const struct replica *r);

/* start.c: how long a killed process is down: nothing is to be scheduled or pulled. */
ns_t start_again_time(const struct sim *s, const struct replica *r);

/* start.c: by how much the first request of a new process waits for its warm-up; 0 afterwards. */
ns_t start_warm(const struct sim *s, struct replica *r, const struct request *first);

/* share_group.c: other replicas on the GPUs of this one: member i of its group, from 0;
 * REQUEST_NONE past the end. */
uint32_t share_member(const struct sim *s, const struct replica *r, uint32_t i);

/* share_group.c: is a replica slower than its GPUs even when nobody else is there? */
bool share_is_slow(const struct sim *s, const struct replica *r);

/* share_group.c: where replicas come and go: one joins those on its GPUs, if it may have
 * neighbours; it has no step. */
void share_join(struct sim *s, struct replica *r);
/* share_group.c: it leaves them again; it has no step. */
void share_part(struct sim *s, struct replica *r);

/* share.c: a replica's step ends without an end. */
void share_leave(struct sim *s, const struct replica *r);

/* share_group.c: who shares GPUs with whom; after the replicas are placed. */
void share_build(struct sim *s);
void share_free(struct sim *s);

/* share.c: the batch of a member of a group is composed, its step begins; true: its group times it.
 */
bool share_begin(struct sim *s, const struct replica *r);

/* share.c: the step of a member that had its group to itself is over. */
void share_pause(struct sim *s, const struct replica *r);

/* share.c: note what the coming steps need of a GPU, and their time on the host before it. */
void share_note(struct sim *s, const struct replica *r, const struct step_shape *shape,
                tick_t host);

/* share.c: a part of a step of a group is over. */
void share_event(struct sim *s, uint32_t group);

/* binding.c: one line of cause, what stops the service that waits longest from being faster. */
void say_binding(const struct sim *s, struct summary *out);

/* arrive.c: the next request of a load enters the system. */
void arrive(struct sim *s, uint32_t load);

/* arrive.c: a request goes to a replica of its service, of which one is open, or is refused. */
void send_in(struct sim *s, uint32_t service, uint32_t request);

/* arrive.c: tell a load that a request was answered or refused at `at`, and plan its next arrival.
 */
void answered(struct sim *s, const struct request *q, ns_t at);

/* engine.c: a request joins the waiting list of a replica. False: refused, its queue is full. */
bool engine_enqueue(struct sim *s, uint32_t replica, uint32_t request);

/* engine.c: the planned boundary is reached; the batch is composed in this nanosecond's start
 * phase. */
void engine_step_done(struct sim *s, uint32_t replica);
void engine_start(struct sim *s, uint32_t replica);

/* engine.c: what a record says of a request however it ended; its outcome and token times are 0. */
void engine_record(const struct replica *r, const struct request *q, ns_t end,
                   struct request_record *out);

/* engine.c: a request of the batch leaves the system; its user hears of it at `answer`. */
void engine_release(struct sim *s, const struct replica *r, uint32_t index, ns_t answer);

/* batch.c: choose the prompt chunks of the next step and admit requests; false: no prompt work. */
bool batch_plan(struct sim *s, struct replica *r, struct step_shape *shape);

/* batch.c: first boundary of the stretch at which the head of the waiting list may enter by time.
 */
int64_t batch_entry(const struct sim *s, const struct replica *r);

/* batch.c: make room for one more token of every decoding sequence; true when someone was
 * preempted. */
bool batch_make_room(struct sim *s, struct replica *r);

/* batch.c: the head of the waiting list is kept out for this reason from now on. */
void batch_note_block(struct sim *s, struct replica *r, enum replica_block why);

/*
 * prefix.c: blocks of a waiting request that others read at present, and which it therefore need
 * not take from the free ones.
 */
int64_t prefix_held(const struct sim *s, const struct replica *r, const struct request *q);

/* prefix.c: an admitted request gets what it finds; returns the blocks it need not take. */
int64_t prefix_admit(struct sim *s, struct replica *r, struct request *q);

/* prefix.c: tell the prefix cache of the first `tokens` tokens of a request with a text. */
void prefix_store(struct sim *s, struct replica *r, struct request *q, int64_t tokens);

/* prefix.c: what a replica kept of prompts is lost; nobody reads it. */
void prefix_forget(struct replica *r);

/* The first `tokens` tokens of a request are computed, or are in the running step. */
static inline void prefix_computed(struct sim *s, struct replica *r, struct request *q,
                                   int64_t tokens)
{
	if (q->text != TEXT_NONE && !q->copies) {
		prefix_store(s, r, q, tokens);
	}
}

/* prefix.c: a request no longer reads its shared blocks; its own have been given back. */
void prefix_release(struct replica *r, struct request *q);

/* A request gives back all of its `blocks`; shared ones stay as long as they are read. */
static inline void prefix_leave(struct replica *r, struct request *q, int64_t blocks)
{
	kv_cache_give(&r->kv, blocks - q->shared);
	if (q->shared > 0) {
		prefix_release(r, q);
	}
}

/* stretch.c: begin steps of the composed batch; `limit` caps their number. */
void stretch_begin(struct sim *s, struct replica *r, const struct step_shape *shape, int64_t limit);

/* stretch.c: complete steps up to boundary `to`. */
void stretch_advance(struct sim *s, struct replica *r, int64_t to);

/* stretch.c: account the time of the stretch up to `done`; nothing runs afterwards. */
void stretch_end(struct replica *r);

/*
 * front.c: the front end delivers the tokens of the steps up to boundary `to` and their gaps are
 * noted; for replicas whose front end takes time (replica.stream).
 */
void front_advance(struct sim *s, struct replica *r, int64_t to);

/* front.c: one token goes out after the others of its step, which began to at `base`. */
ns_t front_send(struct sim *s, struct replica *r, ns_t base);

/* front.c: when the front end is free, counting the steps that have ended by `now`. */
ns_t front_at(const struct replica *r, ns_t now);

/* front.c: when everything in the queues of the front ends is out. */
ns_t front_drained(const struct sim *s);

/* front.c: share of the time of a run that is over in which a service's front ends send tokens. */
double front_share(const struct sim *s, size_t service);

/* gaps.c: the token gaps of each request in flight. */
struct gaps *gaps_new(void);
void gaps_free(struct gaps *g);
/* A request emitted a token at `now`; its first one begins anew. */
void gaps_note(struct gaps *g, uint32_t request, bool first, ns_t now);
/* Its gaps so far, n of them; borrowed until the next call. */
const ns_t *gaps_of(const struct gaps *g, uint32_t request, size_t *n);

/* fault.c: what fails, and when; NULL where nothing does. After the lives. */
void faults_begin(struct sim *s);
void faults_free(struct sim *s);

/* fault.c: the event of the entity of all faults. */
void faults_event(struct sim *s);

/* fault.c: as many replicas of a service are ready as before the faults that hit it? */
void fault_recovered(struct sim *s, uint32_t service);

/* fault.c: has a job as many workers as before the faults that hit it, or is it done? */
void fault_job_recovered(struct sim *s, uint32_t job);

/* fault.c: will GPUs that failed be there again? */
bool faults_will_mend(const struct sim *s);

/* fault.c: will something fail that has not yet? */
bool faults_may_come(const struct sim *s);

/* fault.c: what the faults did, into the summary. */
void faults_summarise(const struct sim *s, struct summary *out);

/* results.c: time of all replicas of a service on their GPUs, ns. */
double replica_time(const struct sim *s, size_t service);

/* verify.c: what holds between any two events; asserts. Linear in replicas and nodes. */
void flow_verify(const struct sim *s);

/* sample.c: is a request in flight, or one still to come? */
bool anything_left(const struct sim *s);

/* sample.c: note the state and plan the next look. */
void sample(struct sim *s);

/* A gap between tokens in ticks; one of over an hour is counted as an hour, so that ticks suffice.
 */
static inline tick_t gap_ticks(ns_t gap)
{
	const ns_t most = 3600 * NS_PER_S;
	return (gap < most ? gap : most) << TICK_SHIFT;
}

static inline const struct perf *replica_perf(const struct sim *s, const struct replica *r)
{
	return s->services[r->service].perf[r->gpu_kind];
}

#endif
