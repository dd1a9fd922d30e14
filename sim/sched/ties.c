/* Pods that are tied to others: where these let them be. */
#include "sched/ties.h"

#include <string.h>

/* --- labels -----------------------------------------------------------------------------------
 */

/* Has a pod all labels that another one looks for? */
static bool matches(const struct sched_labels *wanted, const struct sched_labels *of)
{
	for (size_t i = 0; i < wanted->list.n; i++) {
		const struct sched_label *const w = &wanted->list.at[i];
		bool found = false;
		for (size_t k = 0; k < of->list.n && !found; k++) {
			found = strcmp(of->list.at[k].key, w->key) == 0 &&
			        strcmp(of->list.at[k].value, w->value) == 0;
		}
		if (!found) {
			return false;
		}
	}
	return true;
}

/* Are two nodes on one value of a label? Those without it are alone. */
static bool same_value(const struct session *s, uint32_t label, uint32_t a, uint32_t b)
{
	const char *const key = s->in->tie_labels.at[label];
	const char *const x = snapshot_label(&s->in->nodes.at[a], key);
	const char *const y = snapshot_label(&s->in->nodes.at[b], key);
	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

/* Is the pod on that value, or promised to be, or with `now` still there? */
static bool is_there(const struct session *s, uint32_t task, uint32_t label, uint32_t node,
                     bool now)
{
	const struct place *const p = &s->places[task];
	return (place_is_active(p) && same_value(s, label, p->node, node)) ||
	       (now && p->old_node != SCHED_NONE && same_value(s, label, p->old_node, node));
}

/* Does another pod keep this one off the node, or this one keep off from it? */
static bool repels(const struct session *s, uint32_t task, uint32_t other, uint32_t node, bool now)
{
	const struct sched_tie *const own = &s->in->ties.at[s->in->tasks.at[task].tie - 1];
	const struct sched_tie *const tie = &s->in->ties.at[s->in->tasks.at[other].tie - 1];
	return (own->apart != SCHED_NONE && matches(&own->labels, &tie->labels) &&
	        is_there(s, other, own->apart, node, now)) ||
	       (tie->apart != SCHED_NONE && matches(&tie->labels, &own->labels) &&
	        is_there(s, other, tie->apart, node, now));
}

/* Is the node on a value with a pod that this one wants to be with? The first of its kind may be
 * anywhere that has a value. */
static bool is_near(const struct session *s, uint32_t task, uint32_t node, bool now)
{
	const struct sched_tie *const own = &s->in->ties.at[s->in->tasks.at[task].tie - 1];
	bool any = false;
	if (own->near == SCHED_NONE) {
		return true;
	}
	for (size_t i = 0; i < s->in->labelled.n; i++) {
		const uint32_t other = s->in->labelled.at[i];
		const struct place *const p = &s->places[other];
		if (other == task || !place_is_active(p) ||
		    !matches(&own->labels,
		             &s->in->ties.at[s->in->tasks.at[other].tie - 1].labels)) {
			continue;
		}
		any = true;
		if ((!now || p->status != SCHED_PIPELINED) &&
		    same_value(s, own->near, p->node, node)) {
			return true;
		}
	}
	return !any && same_value(s, own->near, node, node);
}

static bool labels_let(const struct session *s, uint32_t task, uint32_t node, bool now)
{
	for (size_t i = 0; i < s->in->labelled.n; i++) {
		const uint32_t other = s->in->labelled.at[i];
		if (other != task && repels(s, task, other, node, now)) {
			return false;
		}
	}
	return is_near(s, task, node, now);
}

/* --- claims -----------------------------------------------------------------------------------
 */

/* The devices of a claim are on one node. */
static bool claim_lets(const struct session *s, uint32_t claim, uint32_t node, bool now)
{
	const struct group *const here = ties_holders(s, claim, node);
	for (uint32_t n = 0; n < s->in->nodes.n; n++) {
		const struct group *const g = ties_holders(s, claim, n);
		const int64_t left = g->allocated - g->releasing + g->promised;
		if (n != node && (left > 0 || (now && g->allocated > 0))) {
			return false;
		}
	}
	/* nobody has it, or somebody who stays */
	return !now || here->allocated + here->promised == 0 || here->allocated > here->releasing;
}

struct sched_ask ties_ask(const struct session *s, uint32_t task, uint32_t node)
{
	const uint32_t claim = ties_claim(s, task);
	struct sched_ask ask = s->in->tasks.at[task].ask;
	if (claim != SCHED_NONE) {
		const struct group *const g = ties_holders(s, claim, node);
		if (g->allocated - g->releasing + g->promised > 0) {
			ask.slices = 0;
			ask.mig = 0;
		}
	}
	return ask;
}

bool ties_let(const struct session *s, uint32_t task, uint32_t node, bool now)
{
	const uint32_t at = s->in->tasks.at[task].tie;
	if (at == 0) {
		return true;
	}
	const struct sched_tie *const tie = &s->in->ties.at[at - 1];
	if (tie->lost || (tie->foreign && !s->options->native)) {
		return false;
	}
	return (tie->claim == SCHED_NONE || claim_lets(s, tie->claim, node, now)) &&
	       (tie->labels.list.n == 0 || labels_let(s, task, node, now));
}
