/* The working copy of a cycle: every change of a pod's place is counted here, and can be undone. */
#include "sched/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sched/glance.h"
#include "sched/placing.h"
#include "sched/ties.h"

struct sched_amount session_charge(const struct session *s, uint32_t task)
{
	const struct place *const p = &s->places[task];
	const struct sched_node *const node =
		place_is_active(p) && p->node != SCHED_NONE ? &s->in->nodes.at[p->node] : NULL;
	return snapshot_charge(s->in, &s->in->tasks.at[task].ask, node);
}

/* Whole GPUs that a shared GPU takes from the idle ones, and those it gives or owes. */
static int64_t group_used(const struct group *g)
{
	return g->allocated > 0;
}

static int64_t group_releasing(const struct group *g)
{
	if (g->allocated == 0) {
		return g->promised > 0 ? -1 : 0;
	}
	return g->allocated == g->releasing && g->promised == 0;
}

static void count_group(struct node_state *n, struct group *g, int64_t mib, enum sched_status as)
{
	const struct group before = *g;
	if (as == SCHED_PIPELINED) {
		g->promised += mib;
	} else {
		g->allocated += mib;
		g->releasing += as == SCHED_RELEASING ? mib : 0;
	}
	n->idle[SCHED_GPU] -= group_used(g) - group_used(&before);
	n->releasing[SCHED_GPU] += group_releasing(g) - group_releasing(&before);
	n->shared += (g->allocated + g->promised > 0) - (before.allocated + before.promised > 0);
}

static void count_slices(struct slices *l, int64_t amount, enum sched_status as)
{
	l->idle -= as == SCHED_PIPELINED ? 0 : amount;
	l->releasing += as == SCHED_RELEASING ? amount : 0;
	l->releasing -= as == SCHED_PIPELINED ? amount : 0;
}

/* The devices of a claim are held from its first pod on a node to the last. */
static void count_claim(struct session *s, uint32_t task, uint32_t node, enum sched_status as,
                        int64_t sign)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	struct slices *const l = session_slices(s, node, ask->mig);
	struct group *const g = ties_holders(s, ties_claim(s, task), node);
	const struct group before = *g;
	if (as == SCHED_PIPELINED) {
		g->promised += sign;
	} else {
		g->allocated += sign;
		g->releasing += as == SCHED_RELEASING ? sign : 0;
	}
	l->idle -= ask->slices * (group_used(g) - group_used(&before));
	l->releasing += ask->slices * (group_releasing(g) - group_releasing(&before));
}

/* Add (sign 1) or remove (-1) a pod of a node that is there, leaving (RELEASING) or promised. */
static void count(struct session *s, uint32_t task, uint32_t node, const uint16_t *groups,
                  enum sched_status as, int64_t sign)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	const struct sched_node *const spec = &s->in->nodes.at[node];
	struct node_state *const n = &s->nodes[node];
	const int64_t amounts[SCHED_RESOURCES] = {ask->gpus, ask->cpu, ask->memory};
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		const int64_t amount = sign * amounts[r];
		n->idle[r] -= as == SCHED_PIPELINED ? 0 : amount;
		n->releasing[r] += as == SCHED_RELEASING ? amount : 0;
		n->releasing[r] -= as == SCHED_PIPELINED ? amount : 0;
	}
	if (ties_claim(s, task) != SCHED_NONE) {
		count_claim(s, task, node, as, sign);
	} else if (ask->slices > 0) {
		count_slices(session_slices(s, node, ask->mig), sign * ask->slices, as);
	}
	n->pods += as == SCHED_RELEASING ? 0 : sign;
	for (int64_t i = 0; i < ask->devices; i++) {
		count_group(n, &s->groups[spec->first_group + groups[i]],
		            sign * snapshot_mib(ask, spec), as);
	}
	glance_update(s, node, ask->devices > 0);
	if (s->placing != NULL && as != SCHED_RELEASING) {
		placing_count(s->placing, task, node, sign);
	}
}

static void count_queues(struct session *s, uint32_t task, int64_t sign)
{
	const struct sched_amount charge = session_charge(s, task);
	const struct sched_job *const job = &s->in->jobs.at[s->in->tasks.at[task].job];
	const bool stays = snapshot_stays(s->in, task);
	for (uint32_t q = job->queue; q != SCHED_NONE; q = s->in->queues.at[q].parent) {
		s->queues[q].version++;
		sched_add(&s->queues[q].allocated, &charge, sign);
		if (stays) {
			sched_add(&s->queues[q].fixed, &charge, sign);
		}
	}
}

static void count_place(struct session *s, uint32_t task, int64_t sign)
{
	const struct place *const p = &s->places[task];
	struct set_state *const set = &s->sets[s->in->tasks.at[task].set];
	if (p->old_node != SCHED_NONE) {
		count(s, task, p->old_node, p->old_groups, SCHED_RELEASING, sign);
	}
	if (place_is_active(p)) {
		count(s, task, p->node, p->groups, p->status, sign);
		count_queues(s, task, sign);
		set->active += sign;
		set->pipelined += p->status == SCHED_PIPELINED ? sign : 0;
	}
}

static void put(struct session *s, uint32_t task, const struct place *place)
{
	const struct place next = *place;
	count_place(s, task, -1);
	s->places[task] = next;
	count_place(s, task, 1);
}

void session_put(struct session *s, uint32_t task, const struct place *place)
{
	const struct undo entry = {task, s->places[task]};
	vec_push(&s->log, entry);
	put(s, task, place);
}

void session_evict(struct session *s, uint32_t task)
{
	struct place p = s->places[task];
	sim_assert(place_is_active(&p));
	if (p.status == SCHED_RUNNING) { /* else it goes back to where it came from */
		p.old_status = p.status;
		p.old_node = p.node;
		memcpy(p.old_groups, p.groups, sizeof(p.old_groups));
	}
	p.status = p.old_node == SCHED_NONE ? SCHED_PENDING : SCHED_RELEASING;
	p.node = SCHED_NONE;
	p.open = true;
	session_put(s, task, &p);
}

void session_undo(struct session *s, size_t mark)
{
	while (s->log.n > mark) {
		const struct undo *const last = &s->log.at[--s->log.n];
		put(s, last->task, &last->before);
	}
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->status == b->status && a->node == b->node && a->old_node == b->old_node &&
	       memcmp(a->groups, b->groups, sizeof(a->groups)) == 0;
}

/* A pod's first place in the log is where it was before these decisions. */
void session_commit(struct session *s, uint32_t job, enum sched_action action)
{
	for (size_t i = s->log.n; i > 0; i--) {
		s->first_log[s->log.at[i - 1].task] = i - 1;
	}
	for (size_t i = 0; i < s->log.n; i++) {
		const uint32_t task = s->log.at[i].task;
		struct place *const p = &s->places[task];
		struct sched_decision *const d = &s->out->tasks[task];
		p->open = false;
		if (s->first_log[task] == i && !same_place(&s->log.at[i].before, p)) {
			d->action = action;
			d->by = s->in->tasks.at[task].job == job ? SCHED_NONE : job;
		}
	}
	s->log.n = 0;
}

/* --- beginning and end ------------------------------------------------------------------------
 */

static bool queue_before(const struct snapshot *in, uint32_t a, uint32_t b)
{
	const int64_t x = in->queues.at[a].order;
	const int64_t y = in->queues.at[b].order;
	return x != y ? x < y : a < b;
}

static void link_queues(struct session *s)
{
	s->first_root = SCHED_NONE;
	for (uint32_t q = 0; q < s->in->queues.n; q++) {
		s->queues[q].first_child = SCHED_NONE;
		s->queues[q].version = 1;
	}
	for (uint32_t q = 0; q < s->in->queues.n; q++) {
		const uint32_t parent = s->in->queues.at[q].parent;
		uint32_t *at =
			parent == SCHED_NONE ? &s->first_root : &s->queues[parent].first_child;
		while (*at != SCHED_NONE && queue_before(s->in, *at, q)) {
			at = &s->queues[*at].next_sibling;
		}
		s->queues[q].next_sibling = *at;
		*at = q;
	}
}

static void place_tasks(struct session *s)
{
	for (uint32_t t = 0; t < s->in->tasks.n; t++) {
		const struct sched_task *const task = &s->in->tasks.at[t];
		struct place p = {
			.status = task->status, .node = task->node, .old_node = SCHED_NONE};
		memcpy(p.groups, task->groups, sizeof(p.groups));
		if (p.status == SCHED_RELEASING) {
			p.old_node = p.node;
			p.old_status = SCHED_RELEASING;
			p.node = SCHED_NONE;
			memcpy(p.old_groups, p.groups, sizeof(p.old_groups));
		}
		s->places[t] = (struct place){
			.status = SCHED_PENDING, .node = SCHED_NONE, .old_node = SCHED_NONE};
		put(s, t, &p);
	}
}

void session_init(struct session *s, const struct snapshot *in, const struct sched_options *options,
                  struct sched_result *out)
{
	*s = (struct session){.in = in, .options = options, .out = out};
	s->priority = options->priority != NULL ? options->priority : &priority_fair_share;
	s->places = mem_new(in->tasks.n, sizeof(*s->places));
	s->nodes = mem_new(in->nodes.n, sizeof(*s->nodes));
	s->groups = mem_new(in->n_groups, sizeof(*s->groups));
	s->glances = mem_new(in->nodes.n, sizeof(*s->glances));
	s->blocks = mem_new(in->nodes.n, sizeof(*s->blocks));
	s->slices = mem_new(in->nodes.n * in->migs.n, sizeof(*s->slices));
	s->holders = mem_new(in->nodes.n * in->claims.n, sizeof(*s->holders));
	s->queues = mem_new(in->queues.n, sizeof(*s->queues));
	s->sets = mem_new(in->sets.n, sizeof(*s->sets));
	s->first_log = mem_new(in->tasks.n, sizeof(*s->first_log));
	s->by_rank = mem_new(in->jobs.n, sizeof(*s->by_rank));
	for (uint32_t i = 0; i < in->nodes.n; i++) {
		s->nodes[i].idle[SCHED_GPU] = in->nodes.at[i].gpus;
		s->nodes[i].idle[SCHED_CPU] = in->nodes.at[i].cpu;
		s->nodes[i].idle[SCHED_MEMORY] = in->nodes.at[i].memory;
		glance_update(s, i, true);
		for (size_t m = 0; m < in->migs.n && in->nodes.at[i].slices != NULL; m++) {
			s->slices[i * in->migs.n + m].idle = in->nodes.at[i].slices[m];
		}
	}
	for (uint32_t j = 0; j < in->jobs.n; j++) {
		s->by_rank[in->jobs.at[j].rank] = j;
	}
	s->placing = options->placement != NULL ? placing_new(in, options) : NULL;
	link_queues(s);
	place_tasks(s);
}

void session_fini(struct session *s)
{
	free(s->places);
	placing_free(s->placing);
	free(s->nodes);
	free(s->groups);
	free(s->glances);
	free(s->blocks);
	free(s->slices);
	free(s->holders);
	free(s->queues);
	free(s->sets);
	free(s->first_log);
	free(s->by_rank);
	free(s->log.at);
}
