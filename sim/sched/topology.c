/* Places gangs whose pods belong together, group by group, each in a domain of its topology. */
#include "sched/topology.h"

#include <stdlib.h>
#include <string.h>

/* What is being placed. */
struct gang {
	struct session *s;
	const struct sched_job *job;
	const uint32_t *tasks; /* n of them */
	uint32_t n;
	bool promise_only;
	size_t start;  /* of its decisions in the log */
	uint32_t most; /* pods that had a place at once */
};

/* A group of a gang, or a set of its pods. */
struct part {
	bool is_set;
	uint32_t at; /* among the groups or sets of the snapshot */
};

static const struct sched_near *near_of(const struct gang *g, struct part p)
{
	return p.is_set ? &g->s->in->sets.at[p.at].near : &g->s->in->groups.at[p.at].near;
}

static const char *name_of(const struct gang *g, struct part p)
{
	return p.is_set ? g->s->in->sets.at[p.at].name : g->s->in->groups.at[p.at].name;
}

static bool holds(const struct gang *g, struct part p, uint32_t task)
{
	const struct snapshot *const in = g->s->in;
	const uint32_t set = in->tasks.at[task].set;
	uint32_t group = in->sets.at[set].group;
	if (p.is_set) {
		return set == p.at;
	}
	while (group != SCHED_NONE && group != p.at) {
		group = in->groups.at[group].parent;
	}
	return group == p.at;
}

/* The pods of a part that are to be placed, in their order. */
static uint32_t tasks_of(const struct gang *g, struct part p, uint32_t *out)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		if (holds(g, p, g->tasks[i])) {
			out[n++] = g->tasks[i];
		}
	}
	return n;
}

static bool place_part(struct gang *g, struct part p, const struct scope *outer);

/* The parts of a group by name: groups in it first, then its sets. *n of them; caller frees. */
static struct part *list_parts(const struct gang *g, uint32_t group, bool sets, uint32_t *n)
{
	const struct snapshot *const in = g->s->in;
	const uint32_t first = sets ? g->job->first_set : g->job->first_group;
	const uint32_t count = sets ? g->job->n_sets : g->job->n_groups;
	struct part *const list = mem_new(count, sizeof(*list));
	*n = 0;
	for (uint32_t at = first; at < first + count; at++) {
		const struct part p = {sets, at};
		uint32_t i = *n;
		if ((sets ? in->sets.at[at].group : in->groups.at[at].parent) != group) {
			continue;
		}
		for (; i > 0 && strcmp(name_of(g, p), name_of(g, list[i - 1])) < 0; i--) {
			list[i] = list[i - 1];
		}
		list[i] = p;
		(*n)++;
	}
	return list;
}

static bool place_parts(struct gang *g, uint32_t group, bool sets, const struct scope *scope)
{
	uint32_t n;
	struct part *const list = list_parts(g, group, sets, &n);
	bool placed = true;
	for (uint32_t i = 0; i < n && placed; i++) {
		placed = place_part(g, list[i], scope);
	}
	free(list);
	return placed;
}

/* Pods one by one within the scope. */
static bool place_tasks(struct gang *g, const uint32_t *tasks, uint32_t n,
                        const struct scope *scope)
{
	bool placed = true;
	for (uint32_t i = 0; i < n && placed; i++) {
		g->s->scope = scope;
		placed = fit_place(g->s, tasks[i], g->promise_only);
		g->s->scope = NULL;
		const uint32_t so_far = (uint32_t)(g->s->log.n - g->start);
		g->most = so_far > g->most ? so_far : g->most;
	}
	return placed;
}

static bool place_within(struct gang *g, struct part p, const uint32_t *tasks, uint32_t n,
                         const struct scope *scope)
{
	if (p.is_set) {
		return place_tasks(g, tasks, n, scope);
	}
	return place_parts(g, p.at, false, scope) && place_parts(g, p.at, true, scope);
}

/* Pods of a part that have their places, of all pods of the snapshot; NULL: none has. */
static bool *active_of(const struct gang *g, struct part p)
{
	bool *active = NULL;
	for (uint32_t i = 0; i < g->job->n_tasks; i++) {
		const uint32_t task = g->job->first_task + i;
		if (place_is_active(&g->s->places[task]) && holds(g, p, task)) {
			if (active == NULL) {
				active = mem_new(g->s->in->tasks.n, sizeof(*active));
			}
			active[task] = true;
		}
	}
	return active;
}

/* Try the domains that may take the part, until one does. */
static bool place_in_domain(struct gang *g, struct part p, const uint32_t *tasks, uint32_t n,
                            const struct scope *outer)
{
	const struct snapshot *const in = g->s->in;
	bool *const active = active_of(g, p);
	bool *const nodes = mem_new(in->nodes.n, sizeof(*nodes));
	const struct topology_ask ask = {g->s, *near_of(g, p), tasks, n, active, outer};
	struct topology_choice choice = topology_choose(&ask);
	const struct scope scope = {
		nodes,
		choice.scores != NULL || outer == NULL ? choice.scores : outer->scores,
	};
	const uint32_t *const leaf = in->topologies.at[ask.near.topology].leaf;
	const size_t mark = g->s->log.n;
	bool placed = false;
	for (uint32_t i = 0; i < choice.n && !placed; i++) {
		const uint32_t domain = choice.domains[i];
		const uint32_t depth = in->domains.at[domain].depth;
		for (uint32_t k = 0; k < in->nodes.n; k++) {
			nodes[k] = choice.open[k] &&
			           snapshot_domain_above(in, leaf[k], depth) == domain;
		}
		placed = place_within(g, p, tasks, n, &scope);
		if (!placed) {
			session_undo(g->s, mark);
		}
	}
	topology_choice_fini(&choice);
	free(nodes);
	free(active);
	return placed;
}

static bool place_part(struct gang *g, struct part p, const struct scope *outer)
{
	const struct sched_near *const near = near_of(g, p);
	uint32_t *const tasks = mem_new(g->n, sizeof(*tasks));
	const uint32_t n = tasks_of(g, p, tasks);
	bool placed = true;
	if (n > 0 && near->lost) {
		placed = false;
	} else if (n > 0 && near->topology != SCHED_NONE) {
		placed = place_in_domain(g, p, tasks, n, outer);
	} else if (n > 0) {
		placed = place_within(g, p, tasks, n, outer);
	}
	free(tasks);
	return placed;
}

bool topology_place(struct session *s, const uint32_t *tasks, uint32_t n, bool promise_only,
                    struct sched_why *why)
{
	const struct sched_job *const job = &s->in->jobs.at[s->in->tasks.at[tasks[0]].job];
	struct gang g = {s, job, tasks, n, promise_only, s->log.n, 0};
	const bool placed = place_part(&g, (struct part){false, job->first_group}, NULL);
	if (!placed) {
		session_undo(s, g.start);
		*why = (struct sched_why){
			.reason = SCHED_NO_ROOM, .placed = g.most, .wanted = n, .apart = true};
	}
	return placed;
}
