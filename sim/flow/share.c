/*
 * Replicas that share GPUs (physics.md section 5). A step is a part on the host, then a part on the
 * GPU; the parts of those on the GPU are stretched by the speeds that the compute-share policy
 * gives, and re-timed whenever one of them begins or ends. Who has a group to itself fast-forwards
 * as if it had no neighbours, and is cut where it stands when one wakes up.
 *
 * Work is in ticks, a speed in ticks of work per ns, so that a GPU of its own gives 2^TICK_SHIFT
 * and everything adds up exactly. Where the policy gives turns, one of them has that speed until
 * its turn is over, and the others none.
 */
#include "base/check.h"
#include "flow/share_group.h"

/* --- time ----------------------------------------------------------------------------------------
 */

/*
 * Debug builds: the work of all steps is what the speeds add up to over time, and what is left; and
 * who take turns on a GPU do no more than it could.
 */
#ifdef ALIQUOT_DEBUG
static void verify_work(const struct sim *s, const struct share_group *g)
{
	i128_t left = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		left += g->members[i].phase != SHARE_OFF ? g->members[i].work : 0;
	}
	sim_assert(g->asked == g->done + left);
	sim_assert(!s->compute_share->takes_turns || g->several ||
	           g->done <= (i128_t)g->since << TICK_SHIFT);
}

static void note_done(struct share_group *g, ns_t span)
{
	for (uint32_t i = 0; i < g->n; i++) {
		if (g->members[i].phase == SHARE_GPU) {
			g->done += (i128_t)span * g->members[i].speed;
		}
	}
}

static void note_asked(struct share_group *g, tick_t work)
{
	g->asked += work;
}
#else
#define verify_work(s, g) ((void)0)
#define note_done(g, span) ((void)0)
#define note_asked(g, work) ((void)0)
#endif

/* Count the work done since the last look. */
static void progress(struct share_group *g, ns_t now)
{
	const ns_t span = now - g->since;
	note_done(g, span);
	g->since = now;
	for (uint32_t i = 0; span > 0 && i < g->n; i++) {
		struct share_member *const m = &g->members[i];
		if (m->phase == SHARE_GPU) {
			m->work -= span * m->speed;
		}
	}
}

/* Members that are over their host part, or done with the GPU, go on. */
static void settle(struct share_group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		struct share_member *const m = &g->members[i];
		if (m->due > g->since) {
			continue;
		}
		if (m->phase == SHARE_HOST) {
			m->phase = SHARE_GPU;
			m->speed = FULL_SPEED; /* until the others are heard */
			g->changed = true;
		}
		if (m->phase == SHARE_GPU && m->work < m->speed) {
			m->phase = SHARE_WAIT;
			m->due = m->not_before > g->since ? m->not_before : g->since;
			g->changed = true;
		}
	}
}

/* Speeds for those who are on the GPU now, and the next event of the group. */
static void plan(struct sim *s, struct share_group *g)
{
	ns_t next = NS_NEVER;
	if (s->lease > 0 && g->on > 0) { /* also those in their host part count */
		g->changed = true;
		next = (g->since / s->lease + 1) * s->lease;
	}
	if (g->changed) {
		share_divide(s, g);
	}
	for (uint32_t i = 0; i < g->n; i++) {
		next = g->members[i].due < next ? g->members[i].due : next;
	}
	g->planned = true;
	event_set(&s->events, entity_group(s, (uint32_t)(g - s->groups)), next, PHASE_STEP_DONE);
}

/* The first member whose step is over now; NULL: none. */
static struct share_member *finished(struct share_group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		if (g->members[i].phase == SHARE_WAIT && g->members[i].due <= g->since) {
			return &g->members[i];
		}
	}
	return NULL;
}

/* A step is over, or is given up. */
static void leave(struct share_group *g, struct share_member *m)
{
	note_asked(g, -m->work);
	m->phase = SHARE_OFF;
	m->due = NS_NEVER;
	g->on--;
}

void share_event(struct sim *s, uint32_t group)
{
	struct share_group *const g = &s->groups[group];
	progress(g, s->events.now);
	verify_work(s, g);
	settle(g);
	struct share_member *const m = finished(g);
	if (m == NULL) {
		plan(s, g);
		return;
	}
	struct replica *const r = &s->cluster.replicas[m->replica];
	leave(g, m);
	r->shared = false;
	const tick_t took = gap_ticks(s->events.now - r->anchor);
	r->totals.slowed += took > r->first ? took - r->first : 0;
	r->first = took;
	if (finished(g) != NULL) { /* others that end now are to be seen before this step ends */
		plan(s, g);
	} else { /* most likely its next step begins now, then there is more to plan */
		event_set(&s->events, entity_group(s, group), NS_NEVER, PHASE_STEP_DONE);
		g->planned = false;
	}
	engine_step_done(s, m->replica);
	if (!g->planned) {
		plan(s, g);
	}
}

/* --- steps ---------------------------------------------------------------------------------------
 */

/* From here on the replica has one step, which began at `start`, and its group times it. */
static void hand_over(struct sim *s, struct share_group *g, struct replica *r, ns_t start)
{
	r->anchor = start;
	r->growth = 0;
	r->gpu_growth = 0;
	r->limit = 1;
	r->planned = 1;
	r->gap_noted = false; /* that was of the step the stretch began with */
	r->shared = true;
	g->on++;
	note_asked(g, g->members[r->member].work);
	if (event_at(&s->events, g->members[r->member].replica) != NS_NEVER) {
		event_set(&s->events, g->members[r->member].replica, NS_NEVER, PHASE_STEP_DONE);
	}
}

/*
 * The step that a member is in goes into the books of the group, as far as it is. Its stretch ends
 * at the boundary before; what is left of it is this one step.
 */
static void join_midway(struct sim *s, struct share_group *g, struct share_member *m)
{
	struct replica *const r = &s->cluster.replicas[m->replica];
	const ns_t now = s->events.now;
	const int64_t k = replica_boundary_after(r, now + 1) - 1;
	sim_assert(k >= r->done && k < r->planned);
	if (k > r->done) {
		stretch_advance(s, r, k);
	}
	const ns_t anchor = r->anchor, start = replica_boundary(r, k);
	const i128_t begin = replica_ticks(r, k);
	const tick_t gpu = r->gpu_first + r->gpu_growth * k, total = r->first + r->growth * k;
	const ns_t host_end = ns_after(anchor, (ns_t)((begin + m->host) >> TICK_SHIFT));
	const ns_t gpu_from = now < host_end ? host_end : now;
	m->phase = SHARE_HOST;
	m->due = host_end;
	m->work = (tick_t)(begin + m->host + gpu - ((i128_t)(gpu_from - anchor) << TICK_SHIFT));
	m->not_before = total > m->host + gpu
	                        ? ns_after(anchor, (ns_t)((begin + total) >> TICK_SHIFT))
	                        : start + 1; /* boundaries differ */
	stretch_end(r);
	r->first = total;
	r->gpu_first = gpu;
	hand_over(s, g, r, start);
}

/* The same for a step that begins now, the first of its stretch. */
static void join(struct sim *s, struct share_group *g, struct share_member *m)
{
	struct replica *const r = &s->cluster.replicas[m->replica];
	const ns_t now = s->events.now;
	if (r->anchor != now) {
		join_midway(s, g, m);
		return;
	}
	const tick_t whole = m->host & ~(FULL_SPEED - 1); /* ns of the host part */
	m->phase = SHARE_HOST;
	m->due = ns_after(now, whole >> TICK_SHIFT);
	m->work = m->host - whole + r->gpu_first;
	m->not_before = r->first > m->host + r->gpu_first ? ns_after(now, r->first >> TICK_SHIFT)
	                                                  : now + 1; /* boundaries differ */
	hand_over(s, g, r, now);
}

void share_note(struct sim *s, const struct replica *r, const struct step_shape *shape, tick_t host)
{
	struct share_group *const g = &s->groups[r->group];
	g->members[r->member].host = host;
	if (s->compute_share->needs_demand) {
		struct share_user *const user = &g->users[r->member];
		perf_demand(replica_perf(s, r), shape, &user->demand);
	}
}

bool share_begin(struct sim *s, const struct replica *r)
{
	struct share_group *const g = &s->groups[r->group];
	if (g->on == 0 && g->alone == GROUP_NONE && !g->slow) {
		g->alone = r->member;
		return false;
	}
	progress(g, s->events.now);
	if (g->alone != GROUP_NONE) {
		join(s, g, &g->members[g->alone]);
		g->alone = GROUP_NONE;
	}
	join(s, g, &g->members[r->member]);
	settle(g);
	plan(s, g);
	return true;
}

void share_leave(struct sim *s, const struct replica *r)
{
	struct share_group *const g = &s->groups[r->group];
	struct share_member *const m = &g->members[r->member];
	share_pause(s, r);
	if (m->phase != SHARE_OFF) {
		progress(g, s->events.now);
		leave(g, m);
		g->changed = true;
		settle(g);
		plan(s, g);
	}
}

void share_pause(struct sim *s, const struct replica *r)
{
	struct share_group *const g = &s->groups[r->group];
	if (g->alone == r->member) {
		g->alone = GROUP_NONE;
	}
}
