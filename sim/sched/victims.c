/* Victims of one search: which pods a job would lose next, and which leave for an arrangement. */
#include "sched/search.h"

static void push(struct task_list *l, uint32_t task)
{
	l->at[l->n++] = task;
}

static bool can_be_drawn(const struct search *x, uint32_t task)
{
	return !x->is_drawn[task] && place_is_active(&x->v->s->places[task]);
}

/* --- drawing ----------------------------------------------------------------------------------
 */

/* Of the pods of a set that are neither drawn nor carried: how many, and the last to be kept. */
static uint32_t left_of_set(const struct search *x, uint32_t set, uint32_t *last)
{
	const struct snapshot *const in = x->v->s->in;
	const struct sched_job *const j = &in->jobs.at[in->sets.at[set].job];
	uint32_t n = 0;
	*last = SCHED_NONE;
	for (uint32_t i = j->first_task; i < j->first_task + j->n_tasks; i++) {
		if (in->tasks.at[i].set != set || !can_be_drawn(x, i)) {
			continue;
		}
		if (*last == SCHED_NONE || in->tasks.at[i].order <= in->tasks.at[*last].order) {
			*last = i;
		}
		n++;
	}
	return n;
}

/* The pods that a job would lose next: one above the minimum of its set, else all. */
static void next_victims(struct search *x, const struct standing *st)
{
	const struct snapshot *const in = x->v->s->in;
	const struct sched_job *const j = &in->jobs.at[st->job];
	uint32_t last;
	for (uint32_t set = j->first_set; set < j->first_set + j->n_sets; set++) {
		if (left_of_set(x, set, &last) > in->sets.at[set].min) {
			push(&x->drawn, last);
			return;
		}
	}
	for (uint32_t i = j->n_tasks; i > 0 && !st->trim; i--) {
		if (can_be_drawn(x, j->first_task + i - 1)) {
			push(&x->drawn, j->first_task + i - 1);
		}
	}
}

/* What of a job may still be drawn. */
static struct standing undrawn(const struct search *x, uint32_t job, bool trim)
{
	const struct session *const s = x->v->s;
	const struct sched_job *const j = &s->in->jobs.at[job];
	struct standing st = {.job = job, .trim = trim};
	for (uint32_t i = j->first_task; i < j->first_task + j->n_tasks; i++) {
		if (can_be_drawn(x, i)) {
			const struct sched_amount charge = session_charge(s, i);
			sched_add(&st.amount, &charge, 1);
			st.left++;
		}
	}
	return st;
}

bool solve_candidate(const struct solve *v, struct line *line, uint32_t job, bool trim)
{
	const bool keeps = v->s->in->jobs.at[job].keeps_core;
	const struct standing st = undrawn(v->search, job, trim || keeps);
	if (st.left > 0) {
		line_push(line, &st);
	}
	return st.left > 0;
}

/* Mark a pod as drawn and put it into the list of its node. */
static void mark(struct search *x, size_t turn)
{
	const uint32_t task = x->drawn.at[turn];
	const uint32_t node = x->v->s->places[task].node;
	x->is_drawn[task] = true;
	x->turn[task] = (uint32_t)turn;
	x->next_on[task] = x->first_on[node];
	x->first_on[node] = task;
}

bool victims_draw(struct search *x, struct line *line, size_t *latest)
{
	struct standing next;
	*latest = x->drawn.n;
	while (*latest == x->drawn.n && line_pop(line, &next)) {
		struct sched_amount taken = {{0}};
		next_victims(x, &next);
		for (size_t i = *latest; i < x->drawn.n; i++) {
			const struct sched_amount charge = session_charge(x->v->s, x->drawn.at[i]);
			sched_add(&taken, &charge, 1);
			mark(x, i);
		}
		line_drawn(line, next.job, &taken);
		next = undrawn(x, next.job, next.trim);
		if (*latest < x->drawn.n && next.left > 0) {
			line_push(line, &next);
		}
	}
	return *latest < x->drawn.n;
}

void victims_begin(struct search *x)
{
	for (size_t i = 0; i < x->carried.n; i++) {
		x->is_drawn[x->carried.at[i]] = true;
		x->turn[x->carried.at[i]] = SCHED_NONE;
	}
}

void victims_forget(struct search *x)
{
	for (size_t i = 0; i < x->drawn.n; i++) {
		x->first_on[x->v->s->places[x->drawn.at[i]].node] = SCHED_NONE;
		x->is_drawn[x->drawn.at[i]] = false;
	}
	x->drawn.n = 0;
}

/* --- evicting ---------------------------------------------------------------------------------
 */

/* Add a drawn pod to the victims, which stay in the order of drawing. */
static void add_victim(struct search *x, uint32_t task)
{
	size_t i = x->victims.n++;
	for (; i > x->carried.n && x->turn[x->victims.at[i - 1]] > x->turn[task]; i--) {
		x->victims.at[i] = x->victims.at[i - 1];
	}
	x->victims.at[i] = task;
}

static bool has_victims_of(const struct search *x, uint32_t job)
{
	for (size_t i = x->carried.n; i < x->victims.n; i++) {
		if (x->v->s->in->tasks.at[x->victims.at[i]].job == job) {
			return true;
		}
	}
	return false;
}

/* Add all drawn pods of a job. */
static void add_job(struct search *x, uint32_t job)
{
	const struct sched_job *const j = &x->v->s->in->jobs.at[job];
	for (uint32_t task = j->first_task; task < j->first_task + j->n_tasks; task++) {
		if (x->is_drawn[task] && x->turn[task] != SCHED_NONE) {
			add_victim(x, task);
		}
	}
}

void victims_evict(struct search *x, uint32_t node)
{
	struct session *const s = x->v->s;
	uint32_t t = node != SCHED_NONE ? x->first_on[node] : SCHED_NONE;
	x->victims.n = 0;
	for (size_t i = 0; i < x->carried.n; i++) {
		push(&x->victims, x->carried.at[i]);
	}
	for (; t != SCHED_NONE; t = x->next_on[t]) {
		if (!has_victims_of(x, s->in->tasks.at[t].job)) {
			add_job(x, s->in->tasks.at[t].job);
		}
	}
	for (size_t i = 0; i < x->victims.n; i++) {
		x->left[i] = s->places[x->victims.at[i]].node;
		session_evict(s, x->victims.at[i]);
	}
}

bool victims_break_a_gang(const struct search *x)
{
	const struct session *const s = x->v->s;
	for (size_t i = 0; i < x->victims.n; i++) {
		const uint32_t set = s->in->tasks.at[x->victims.at[i]].set;
		const struct sched_job *const j = &s->in->jobs.at[s->in->sets.at[set].job];
		int64_t active = 0;
		for (uint32_t k = j->first_set; k < j->first_set + j->n_sets; k++) {
			active += s->sets[k].active;
		}
		if (active > 0 && s->sets[set].active < s->in->sets.at[set].min) {
			return true;
		}
	}
	return false;
}
