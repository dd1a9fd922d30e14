/*
 * The search for victims (semantics.md section 8): pods of the waiting job one more at a time,
 * victims drawn one job at a time, each arrangement tried by promises that can be taken back.
 */
#include <stdlib.h>
#include <string.h>

#include "sched/search.h"

enum verdict { NO_ROOM, REFUSED, SOLVED };

/* --- trying an arrangement --------------------------------------------------------------------
 */

/* Are the victims acceptable that lost their place and found none again? */
static bool agreed(const struct search *x)
{
	const struct session *const s = x->v->s;
	uint32_t *const killed = mem_new(x->victims.n, sizeof(*killed));
	uint32_t n = 0;
	for (size_t i = 0; i < x->victims.n; i++) {
		if (!place_is_active(&s->places[x->victims.at[i]])) {
			killed[n++] = x->victims.at[i];
		}
	}
	const bool ok = x->v->kind->agrees == NULL || x->v->kind->agrees(x->v, killed, n);
	free(killed);
	return ok;
}

static enum verdict attempt(struct search *x)
{
	if (!arrange_again(x) || victims_break_a_gang(x)) {
		return NO_ROOM;
	}
	return agreed(x) ? SOLVED : REFUSED;
}

/*
 * Could the job find a place now that the victims are gone? A pod that fitted nowhere before must
 * fit where some of them were. Saves most of the attempts, and none that would succeed.
 */
static bool is_worth_it(const struct search *x)
{
	for (uint32_t i = 0; i < x->n_tasks; i++) {
		bool fits = x->fits_before[i];
		for (size_t k = 0; k < x->victims.n && !fits; k++) {
			fits = fit_takes(x->v->s, x->v->tasks[i], x->left[k]);
		}
		if (!fits) {
			return false;
		}
	}
	return true;
}

/* --- steps ------------------------------------------------------------------------------------
 */

/* The lowest node above `node` on which one of the latest victims is; SCHED_NONE: none. */
static uint32_t next_node(const struct search *x, size_t latest, uint32_t node, bool first)
{
	uint32_t best = SCHED_NONE;
	for (size_t i = latest; i < x->drawn.n; i++) {
		const uint32_t at = x->v->s->places[x->drawn.at[i]].node;
		if ((first || at > node) && at < best) {
			best = at;
		}
	}
	return best;
}

/* Arrangements without the victims on each node of the latest ones. */
static bool try_nodes(struct search *x, size_t latest)
{
	uint32_t node = next_node(x, latest, 0, true);
	while (node != SCHED_NONE) {
		victims_evict(x, node);
		const enum verdict found = is_worth_it(x) ? attempt(x) : NO_ROOM;
		if (found == SOLVED) {
			return true;
		}
		session_undo(x->v->s, 0);
		if (found == REFUSED) {
			return false;
		}
		node = next_node(x, latest, node, false);
	}
	return false;
}

/* Place the first n_tasks pods of the job; the arrangement stays open when it was found. */
static bool step(struct search *x)
{
	struct session *const s = x->v->s;
	x->fits_before[x->n_tasks - 1] = fit_anywhere(s, x->v->tasks[x->n_tasks - 1]);
	victims_evict(x, SCHED_NONE);
	if (is_worth_it(x) && attempt(x) == SOLVED) {
		return true;
	}
	session_undo(s, 0);
	victims_begin(x);
	struct line *const line = line_new(s, true);
	bool solved = false;
	size_t latest;
	x->v->kind->candidates(x->v, line);
	while (!solved && victims_draw(x, line, &latest)) {
		solved = try_nodes(x, latest);
	}
	line_free(line);
	return solved;
}

/* Remember who lost or moved, and take the arrangement back for the next step. */
static void carry(struct search *x)
{
	x->carried.n = 0;
	for (size_t i = 0; i < x->victims.n; i++) {
		if (x->v->s->places[x->victims.at[i]].open) {
			x->carried.at[x->carried.n++] = x->victims.at[i];
		}
	}
	session_undo(x->v->s, 0);
	victims_forget(x);
}

/* The jobs that wait, but for the one that is being served. */
static void list_waiting(struct search *x)
{
	struct session *const s = x->v->s;
	x->waiting = mem_new(s->in->jobs.n, sizeof(*x->waiting));
	for (uint32_t job = 0; job < s->in->jobs.n; job++) {
		if (job != x->v->job && order_is_pending(s, job)) {
			x->waiting[x->n_waiting++] = order_waiting(s, job, true);
		}
	}
}

static struct search *search_new(struct solve *v)
{
	const struct snapshot *const in = v->s->in;
	struct search *const x = mem_new(1, sizeof(*x));
	x->v = v;
	x->carried.at = mem_new(in->tasks.n, sizeof(*x->carried.at));
	x->drawn.at = mem_new(in->tasks.n, sizeof(*x->drawn.at));
	x->victims.at = mem_new(in->tasks.n, sizeof(*x->victims.at));
	x->left = mem_new(in->tasks.n, sizeof(*x->left));
	x->is_drawn = mem_new(in->tasks.n, sizeof(*x->is_drawn));
	x->turn = mem_new(in->tasks.n, sizeof(*x->turn));
	x->next_on = mem_new(in->tasks.n, sizeof(*x->next_on));
	x->first_on = mem_new(in->nodes.n, sizeof(*x->first_on));
	memset(x->first_on, 0xff, in->nodes.n * sizeof(*x->first_on));
	x->fits_before = mem_new(v->n_tasks, sizeof(*x->fits_before));
	list_waiting(x);
	return x;
}

static void search_free(struct search *x)
{
	free(x->carried.at);
	free(x->drawn.at);
	free(x->victims.at);
	free(x->left);
	free(x->is_drawn);
	free(x->turn);
	free(x->next_on);
	free(x->first_on);
	free(x->fits_before);
	free(x->waiting);
	free(x);
}

bool solve_run(struct solve *v)
{
	struct search *const x = search_new(v);
	struct sched_amount *const before = mem_new(v->s->in->queues.n, sizeof(*before));
	bool solved = v->n_tasks > 0;
	for (size_t q = 0; q < v->s->in->queues.n; q++) {
		before[q] = v->s->queues[q].allocated;
	}
	v->search = x;
	v->before = before;
	for (x->n_tasks = 1; solved && x->n_tasks <= v->n_tasks; x->n_tasks++) {
		solved = step(x);
		if (solved && x->n_tasks < v->n_tasks) {
			carry(x);
		}
	}
	if (solved) {
		session_commit(v->s, v->job, v->kind->action);
		v->s->out->jobs[v->job].reason = SCHED_NOT_TRIED;
	}
	v->search = NULL;
	v->before = NULL;
	free(before);
	search_free(x);
	return solved;
}
