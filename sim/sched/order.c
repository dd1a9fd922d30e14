/* Which queue is next, and which of its jobs (semantics.md section 6 and 8); victims in reverse. */
#include "sched/session.h"

#include <assert.h>
#include <stdlib.h>

#define FEW_TASKS 16

static_assert(PRIORITY_RESOURCES == SCHED_RESOURCES, "policies see all of them");

/* --- jobs and pods ----------------------------------------------------------------------------
 */

/* Pods that wait; with `open` those too that were evicted by a decision still open. */
static bool waits(const struct session *s, uint32_t task, bool open)
{
	const struct place *const p = &s->places[task];
	return p->status == SCHED_PENDING ? open || !p->open
	                                  : open && p->open && p->status == SCHED_RELEASING;
}

static bool task_before(const struct session *s, uint32_t a, uint32_t b)
{
	const int64_t x = s->in->tasks.at[a].order;
	const int64_t y = s->in->tasks.at[b].order;
	return x != y ? x > y : a < b;
}

static void insert(const struct session *s, uint32_t *tasks, uint32_t n, uint32_t task)
{
	uint32_t i = n;
	for (; i > 0 && task_before(s, task, tasks[i - 1]); i--) {
		tasks[i] = tasks[i - 1];
	}
	tasks[i] = task;
}

/* The best `most` waiting pods of a set, best first. */
static uint32_t next_of_set(const struct session *s, uint32_t set, bool open, int64_t most,
                            uint32_t *tasks)
{
	const struct sched_job *const j = &s->in->jobs.at[s->in->sets.at[set].job];
	uint32_t found = 0;
	for (uint32_t task = j->first_task; task < j->first_task + j->n_tasks; task++) {
		if (s->in->tasks.at[task].set == set && waits(s, task, open)) {
			insert(s, tasks, found++, task);
		}
	}
	return found < most ? found : (uint32_t)most;
}

static bool set_waits(const struct session *s, uint32_t set, bool open)
{
	const struct sched_job *const j = &s->in->jobs.at[s->in->sets.at[set].job];
	for (uint32_t task = j->first_task; task < j->first_task + j->n_tasks; task++) {
		if (s->in->tasks.at[task].set == set && waits(s, task, open)) {
			return true;
		}
	}
	return false;
}

uint32_t order_next_tasks(const struct session *s, uint32_t job, bool open, uint32_t *tasks)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	uint32_t n = 0;
	bool whole = true;
	for (uint32_t set = j->first_set; set < j->first_set + j->n_sets; set++) {
		const int64_t missing = s->in->sets.at[set].min - s->sets[set].active;
		if (missing > 0) {
			n += next_of_set(s, set, open, missing, tasks + n);
			whole = false;
		}
	}
	int64_t least = INT64_MAX; /* above its minimum has the set that gets one more */
	for (uint32_t set = j->first_set; whole && set < j->first_set + j->n_sets; set++) {
		const int64_t above = s->sets[set].active - s->in->sets.at[set].min;
		if (above < least && set_waits(s, set, open)) {
			least = above;
			n = next_of_set(s, set, open, 1, tasks);
		}
	}
	return n;
}

bool order_asks_to_stay(const struct session *s, uint32_t job)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	bool below = false;
	for (uint32_t set = j->first_set; set < j->first_set + j->n_sets; set++) {
		below = below || s->sets[set].active < s->in->sets.at[set].min;
	}
	return !j->preemptible || (j->keeps_core && below);
}

struct sched_amount order_sum(const struct session *s, const uint32_t *tasks, uint32_t n)
{
	struct sched_amount sum = {{0}};
	for (uint32_t i = 0; i < n; i++) {
		const struct sched_amount a =
			snapshot_charge(s->in, &s->in->tasks.at[tasks[i]].ask, NULL);
		sched_add(&sum, &a, 1);
	}
	return sum;
}

bool order_is_pending(const struct session *s, uint32_t job)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	bool ready = false;
	for (uint32_t k = 0; k < j->n_sets; k++) { /* enough pods for every gang? */
		const uint32_t set = j->first_set + k;
		int64_t able = s->sets[set].active;
		for (uint32_t i = 0; i < j->n_tasks; i++) {
			const uint32_t task = j->first_task + i;
			if (s->in->tasks.at[task].set == set && waits(s, task, false)) {
				able++;
				ready = true;
			}
		}
		if (able < s->in->sets.at[set].min) {
			return false;
		}
	}
	return ready;
}

struct standing order_waiting(const struct session *s, uint32_t job, bool open)
{
	const uint32_t n_tasks = s->in->jobs.at[job].n_tasks;
	uint32_t few[FEW_TASKS]; /* most jobs have no more, and there may be many of them */
	uint32_t *const tasks = n_tasks <= FEW_TASKS ? few : mem_new(n_tasks, sizeof(*tasks));
	const uint32_t n = order_next_tasks(s, job, open, tasks);
	const struct standing out = {.job = job, .amount = order_sum(s, tasks, n)};
	if (tasks != few) {
		free(tasks);
	}
	return out;
}

/* Below its minimum 0, exactly at it 1, above 2: the order in which jobs are served. */
static int elasticity(const struct session *s, const struct standing *st, bool victims)
{
	const struct sched_job *const j = &s->in->jobs.at[st->job];
	int64_t active = 0;
	int64_t min = 0;
	bool below = false;
	for (uint32_t k = 0; k < j->n_sets; k++) {
		const int64_t have = s->sets[j->first_set + k].active;
		active += have;
		min += s->in->sets.at[j->first_set + k].min;
		below = below || have < s->in->sets.at[j->first_set + k].min;
	}
	active = victims ? (int64_t)st->left : active;
	return active > min && !(below && !victims) ? 2 : active == min && !below;
}

struct priority_job order_facts(const struct session *s, uint32_t job, int elasticity)
{
	const struct sched_job *const j = &s->in->jobs.at[job];
	return (struct priority_job){j->queue, j->priority, elasticity, j->rank};
}

static bool job_before(const struct session *s, const struct standing *a, const struct standing *b,
                       bool victims)
{
	return (s->priority->jobs(&a->facts, &b->facts) < 0) != victims;
}

/* --- queues -----------------------------------------------------------------------------------
 */

/* A queue in a comparison: what its next job adds to it, or its victims take from it. */
struct side {
	uint32_t queue;
	struct priority_job job;
	struct sched_amount adds, takes;
};

/* max over resources of allocated / allocatable; without a share, a thousand times what it has. */
static struct priority_ratio dominant(const struct session *s, uint32_t queue,
                                      const struct sched_amount *has)
{
	const struct queue_state *const q = &s->queues[queue];
	struct priority_ratio best = {0, 1};
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		const int64_t may = q->allocatable.of[r];
		struct priority_ratio x = {has->of[r], may};
		if (may == SCHED_UNLIMITED) {
			x.whole = s->in->total.of[r];
		}
		if (x.whole == 0) {
			x = (struct priority_ratio){has->of[r] * 1000, sched_unit[r]};
		}
		if (r == 0 || (i128_t)x.part * best.whole > (i128_t)best.part * x.whole) {
			best = x;
		}
	}
	return best;
}

static bool is_over_utilised(const struct session *s, uint32_t queue)
{
	const struct queue_state *const q = &s->queues[queue];
	bool over = true;
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		over = over && q->allocated.of[r] > q->fair_share.of[r];
	}
	return over;
}

static bool has_no_share(const struct session *s, uint32_t queue, const struct sched_amount *has)
{
	bool bad = false;
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		bad = bad || (s->queues[queue].allocatable.of[r] == 0 && has->of[r] > 0);
	}
	return bad;
}

/* What a policy may know of a queue, with its next job or without its victims. */
static struct priority_queue facts_of(const struct session *s, const struct side *side)
{
	const struct sched_queue *const in = &s->in->queues.at[side->queue];
	const struct queue_state *const q = &s->queues[side->queue];
	struct sched_amount with = q->allocated;
	struct priority_queue f = {
		.queue = side->queue,
		.job = side->job,
		.priority = in->priority,
		.order = in->order,
	};
	sched_add(&with, &side->adds, 1);
	f.over_utilised = is_over_utilised(s, side->queue);
	f.within_quota = sched_within(&with, &in->quota);
	f.no_share = has_no_share(s, side->queue, &with);
	sched_add(&with, &side->takes, -1);
	f.with = dominant(s, side->queue, &with);
	f.without = dominant(s, side->queue, &q->allocated);
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		const int64_t may = q->allocatable.of[r];
		f.allocatable[r] = may == SCHED_UNLIMITED ? INT64_MAX : may;
	}
	return f;
}

/* Is the first served before the second? Never both ways. */
static bool queue_before(const struct session *s, const struct priority_queue *a,
                         const struct priority_queue *b)
{
	const int d = s->priority->queues(a, b);
	return d != 0 ? d < 0 : a->queue < b->queue;
}

/* --- the line ---------------------------------------------------------------------------------
 */

struct leaf {
	VEC(struct standing) jobs; /* from `head` on a heap, the next one on top */
	size_t head;               /* jobs before it were popped; 0 unless in order */
	bool sorted;               /* they are in order, not only a heap */
	struct sched_amount drawn; /* victims: what was taken from the queue already */
	uint32_t below;            /* jobs in this queue and under it */
	struct priority_queue key; /* its place in line as of `version`, with the job of `next` */
	uint32_t next;             /* the queue with that job */
	uint64_t version;          /* of the queue; 0: not known */
};

struct line {
	struct session *s;
	struct leaf *queues;
	bool victims;
	bool in_order; /* the heaps of jobs are; from the first pop on */
};

struct line *line_new(struct session *s, bool victims)
{
	struct line *const l = mem_new(1, sizeof(*l));
	l->s = s;
	l->victims = victims;
	l->queues = mem_new(s->in->queues.n, sizeof(*l->queues));
	return l;
}

void line_free(struct line *l)
{
	for (size_t q = 0; q < l->s->in->queues.n; q++) {
		free(l->queues[q].jobs.at);
	}
	free(l->queues);
	free(l);
}

static void count_below(struct line *l, uint32_t queue, uint32_t change)
{
	for (uint32_t q = queue; q != SCHED_NONE; q = l->s->in->queues.at[q].parent) {
		l->queues[q].below += change;
		l->queues[q].version = 0;
	}
}

static bool has_jobs(const struct leaf *leaf)
{
	return leaf->head < leaf->jobs.n;
}

/* Put `job` into a heap in place of the one at `i`, whose children are in order. */
static void sift_down(const struct line *l, struct leaf *leaf, size_t i, const struct standing *job)
{
	struct standing *const jobs = leaf->jobs.at;
	const struct standing down = *job;
	for (size_t child = 2 * i + 1; child < leaf->jobs.n; child = 2 * i + 1) {
		if (child + 1 < leaf->jobs.n &&
		    job_before(l->s, &jobs[child + 1], &jobs[child], l->victims)) {
			child++;
		}
		if (!job_before(l->s, &jobs[child], &down, l->victims)) {
			break;
		}
		jobs[i] = jobs[child];
		i = child;
	}
	jobs[i] = down;
}

static bool is_sorted(const struct line *l, const struct leaf *leaf)
{
	for (size_t i = 1; i < leaf->jobs.n; i++) {
		if (!job_before(l->s, &leaf->jobs.at[i - 1], &leaf->jobs.at[i], l->victims)) {
			return false;
		}
	}
	return true;
}

/*
 * Lines are filled before the first pop: ordering them once is cheaper than each job as it comes.
 * Jobs that wait come by age, which is their order already where their priorities are equal.
 */
static void put_in_order(struct line *l)
{
	for (size_t q = 0; q < l->s->in->queues.n && !l->in_order; q++) {
		struct leaf *const leaf = &l->queues[q];
		leaf->sorted = is_sorted(l, leaf);
		for (size_t i = leaf->sorted ? 0 : leaf->jobs.n / 2; i > 0; i--) {
			sift_down(l, leaf, i - 1, &leaf->jobs.at[i - 1]);
		}
	}
	l->in_order = true;
}

void line_push(struct line *l, const struct standing *job)
{
	const struct sched_job *const j = &l->s->in->jobs.at[job->job];
	struct leaf *const leaf = &l->queues[j->queue];
	struct standing st = *job;
	st.facts = order_facts(l->s, job->job, elasticity(l->s, job, l->victims));
	vec_push(&leaf->jobs, st);
	size_t i = leaf->jobs.n - 1;
	while (l->in_order && i > leaf->head) {
		const size_t before = leaf->sorted ? i - 1 : (i - 1) / 2;
		if (!job_before(l->s, &st, &leaf->jobs.at[before], l->victims)) {
			break;
		}
		leaf->jobs.at[i] = leaf->jobs.at[before];
		i = before;
	}
	leaf->jobs.at[i] = st;
	count_below(l, j->queue, 1);
}

static struct standing leaf_pop(struct line *l, struct leaf *leaf)
{
	if (leaf->sorted) {
		return leaf->jobs.at[leaf->head++];
	}
	const struct standing top = leaf->jobs.at[0];
	leaf->jobs.n--;
	if (leaf->jobs.n > 0) {
		sift_down(l, leaf, 0, &leaf->jobs.at[leaf->jobs.n]);
	}
	return top;
}

static struct side side_of(const struct line *l, uint32_t queue, uint32_t leaf)
{
	const struct leaf *const q = &l->queues[leaf];
	struct side out = {.queue = queue};
	const struct standing *const top = &q->jobs.at[q->head];
	out.job = top->facts;
	if (l->victims) {
		out.takes = q->drawn;
		sched_add(&out.takes, &top->amount, 1);
	} else {
		out.adds = top->amount;
	}
	return out;
}

static uint32_t best_leaf(struct line *l, uint32_t first);

/* The queue itself when it has jobs, else the one below it whose turn it is. */
static uint32_t leaf_below(struct line *l, uint32_t queue)
{
	return has_jobs(&l->queues[queue]) ? queue : best_leaf(l, l->s->queues[queue].first_child);
}

/* Its place in line; worked out again only after something changed. */
static const struct leaf *key_now(struct line *l, uint32_t queue)
{
	struct leaf *const q = &l->queues[queue];
	if (q->version != l->s->queues[queue].version) {
		const uint32_t leaf = leaf_below(l, queue);
		const struct side side = side_of(l, queue, leaf);
		q->key = facts_of(l->s, &side);
		q->next = leaf;
		q->version = l->s->queues[queue].version;
	}
	return q;
}

/* The first queue from `queue` on among its siblings that has jobs; SCHED_NONE: none has. */
static uint32_t with_jobs(const struct line *l, uint32_t queue)
{
	while (queue != SCHED_NONE && l->queues[queue].below == 0) {
		queue = l->s->queues[queue].next_sibling;
	}
	return queue;
}

/* The queue with the next job among siblings and what is below them. */
static uint32_t best_leaf(struct line *l, uint32_t first)
{
	uint32_t best = with_jobs(l, first);
	if (best == SCHED_NONE) {
		return SCHED_NONE;
	}
	uint32_t q = with_jobs(l, l->s->queues[best].next_sibling);
	if (q == SCHED_NONE) { /* nobody to compare it with */
		return leaf_below(l, best);
	}
	for (; q != SCHED_NONE; q = with_jobs(l, l->s->queues[q].next_sibling)) {
		const struct leaf *const now = key_now(l, q);
		if (queue_before(l->s, &now->key, &key_now(l, best)->key) != l->victims) {
			best = q;
		}
	}
	return key_now(l, best)->next;
}

bool line_pop(struct line *l, struct standing *out)
{
	put_in_order(l);
	const uint32_t queue = best_leaf(l, l->s->first_root);
	if (queue == SCHED_NONE) {
		return false;
	}
	*out = leaf_pop(l, &l->queues[queue]);
	count_below(l, queue, UINT32_MAX);
	return true;
}

void line_drawn(struct line *l, uint32_t job, const struct sched_amount *taken)
{
	const uint32_t queue = l->s->in->jobs.at[job].queue;
	sched_add(&l->queues[queue].drawn, taken, 1);
	count_below(l, queue, 0);
}
