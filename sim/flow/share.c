/*
 * Replicas that share GPUs (physics.md section 5). A step is a part on the host, then a part on the
 * GPU; the parts of those on the GPU are stretched by the speeds that the compute-share policy
 * gives, and re-timed whenever one of them begins or ends. Who has a group to itself fast-forwards
 * as if it had no neighbours, and is cut where it stands when one wakes up.
 *
 * Work is in ticks, a speed in ticks of work per ns, so that a GPU of its own gives 2^TICK_SHIFT
 * and everything adds up exactly. Simulates no single turns of a time slice.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/flow.h"

#define FULL_SPEED (INT64_C(1) << TICK_SHIFT)

enum share_phase {
	SHARE_OFF,  /* no step in the books of the group */
	SHARE_HOST, /* the host prepares the step */
	SHARE_GPU,
	SHARE_WAIT, /* the GPU is done, the step lasts until not_before */
};

#define MEMO_MOST 8 /* members of a group whose speeds are kept for every set of users */

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
};

/* --- who shares with whom ------------------------------------------------------------------------
 */

/* The GPU that stands for all that are linked to this one by replicas on several. */
static uint32_t root_of(const uint32_t *up, uint32_t gpu)
{
	while (up[gpu] != gpu) {
		gpu = up[gpu];
	}
	return gpu;
}

static void link_gpus(const struct cluster *c, uint32_t *up)
{
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		up[i] = i;
	}
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		uint32_t n;
		const uint32_t *const gpus = cluster_gpus_of(c, i, &n);
		for (uint32_t k = 1; k < n; k++) {
			const uint32_t a = root_of(up, gpus[0]), b = root_of(up, gpus[k]);
			up[a < b ? b : a] = a < b ? a : b;
		}
	}
}

/* Slower than its GPUs even when nobody else is there? */
static bool is_slow(const struct sim *s, const struct replica *r)
{
	const struct scenario_service *const spec = s->services[r->service].spec;
	return spec->compute_limit_ppm < SHARE_WHOLE ||
	       (s->compute_share->slows_alone && spec->fraction_ppm > 0 &&
	        spec->fraction_ppm < SHARE_WHOLE);
}

static void add_member(struct sim *s, struct share_group *g, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const struct scenario_service *const spec = s->services[r->service].spec;
	g->members = mem_resize(g->members, g->n + 1, sizeof(*g->members));
	g->users = mem_resize(g->users, g->n + 1, sizeof(*g->users));
	g->members[g->n] = (struct share_member){.due = NS_NEVER, .replica = replica};
	g->users[g->n] = (struct share_user){
		.fraction = spec->fraction_ppm,
		.request = spec->compute_request_ppm,
		.limit = spec->compute_limit_ppm,
		.compute = SHARE_ONE,
		.memory = SHARE_ONE,
	};
	r->member = g->n++;
	g->slow = g->slow || is_slow(s, r);
	g->several = g->several || s->cluster.seats[replica].n_gpus > 1;
}

/* Groups are needed where GPUs may have several residents, or one that is slow. */
static bool needs_group(const struct sim *s, const uint32_t *residents, uint32_t root,
                        const struct replica *r)
{
	return residents[root] > 1 || is_slow(s, r) ||
	       s->services[r->service].spec->fraction_ppm != SHARE_WHOLE;
}

void share_build(struct sim *s)
{
	struct cluster *const c = &s->cluster;
	uint32_t *const up = mem_new(c->n_gpus, sizeof(*up));
	uint32_t *const residents = mem_new(c->n_gpus, sizeof(*residents));
	uint32_t *const group = mem_new(c->n_gpus, sizeof(*group));
	link_gpus(c, up);
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		residents[root_of(up, c->places[c->seats[i].first])]++;
	}
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		struct replica *const r = &c->replicas[i];
		const uint32_t root = root_of(up, c->places[c->seats[i].first]);
		if (!needs_group(s, residents, root, r)) {
			continue;
		}
		if (group[root] == 0) { /* else its number plus one */
			s->groups = mem_resize(s->groups, s->n_groups + 1, sizeof(*s->groups));
			s->groups[s->n_groups] = (struct share_group){.alone = GROUP_NONE};
			group[root] = ++s->n_groups;
		}
		r->group = group[root] - 1;
		add_member(s, &s->groups[r->group], i);
	}
	for (uint32_t i = 0; i < s->n_groups && !s->compute_share->needs_demand; i++) {
		struct share_group *const g = &s->groups[i];
		g->memo =
			g->n <= MEMO_MOST ? mem_new((size_t)g->n << g->n, sizeof(*g->memo)) : NULL;
	}
	free(group);
	free(residents);
	free(up);
}

void share_free(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_groups; i++) {
		free(s->groups[i].members);
		free(s->groups[i].users);
		free(s->groups[i].memo);
	}
	free(s->groups);
}

/* --- speeds --------------------------------------------------------------------------------------
 */

static bool sits_on(const struct cluster *c, uint32_t replica, uint32_t gpu)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(c, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		if (gpus[i] == gpu) {
			return true;
		}
	}
	return false;
}

static tick_t ticks_per_ns(int64_t ppm)
{
	return ppm >= SHARE_ONE ? FULL_SPEED : ppm * FULL_SPEED / SHARE_ONE;
}

/* Divide one GPU among the members that use it; nobody gets faster by it. */
static void divide_gpu(struct sim *s, struct share_group *g, uint32_t gpu)
{
	struct share_user users[SHARE_MOST];
	int64_t speed[SHARE_MOST];
	uint32_t who[SHARE_MOST], n = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct share_member *const m = &g->members[i];
		if (m->phase == SHARE_GPU &&
		    (!g->several || sits_on(&s->cluster, m->replica, gpu))) {
			users[n] = g->users[i];
			who[n++] = i;
		}
	}
	if (n == 0) {
		return;
	}
	s->compute_share->divide(s->compute_share_self, users, n, speed);
	sim_assert(verify_speeds(s->compute_share, speed, n));
	for (uint32_t i = 0; i < n; i++) {
		struct share_member *const m = &g->members[who[i]];
		const tick_t own = ticks_per_ns(speed[i]);
		m->speed = own < m->speed ? own : m->speed;
	}
}

/* A step over several GPUs runs at its smallest share. */
static void divide_all(struct sim *s, struct share_group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		g->members[i].speed = FULL_SPEED;
	}
	if (!g->several) {
		divide_gpu(s, g, 0);
		return;
	}
	for (uint32_t i = 0; i < g->n; i++) {
		uint32_t n;
		const uint32_t *const gpus =
			cluster_gpus_of(&s->cluster, g->members[i].replica, &n);
		for (uint32_t k = 0; g->members[i].phase == SHARE_GPU && k < n; k++) {
			divide_gpu(s, g, gpus[k]);
		}
	}
}

/* The same from memory: speeds depend on who uses the GPUs, and on nothing else. */
static void divide_again(struct sim *s, struct share_group *g)
{
	size_t users = 0, first = 0;
	for (uint32_t i = g->n; i-- > 0;) {
		const bool uses = g->members[i].phase == SHARE_GPU;
		users = 2 * users + uses;
		first = uses ? i : first;
	}
	tick_t *const known = &g->memo[users * g->n];
	if (known[first] == 0) {
		divide_all(s, g);
		for (uint32_t i = 0; i < g->n; i++) {
			known[i] = g->members[i].speed;
		}
	}
	for (uint32_t i = 0; i < g->n; i++) {
		g->members[i].speed = known[i];
	}
}

/* New speeds, and when everyone on the GPU is done at them. */
static void divide(struct sim *s, struct share_group *g)
{
	if (g->memo != NULL) {
		divide_again(s, g);
	} else {
		divide_all(s, g);
	}
	for (uint32_t i = 0; i < g->n; i++) {
		struct share_member *const m = &g->members[i];
		if (m->phase == SHARE_GPU) {
			m->due = m->speed > 0 ? ns_after(g->since, m->work / m->speed) : NS_NEVER;
		}
	}
	g->changed = false;
}

/* --- time ----------------------------------------------------------------------------------------
 */

/* Count the work done since the last look. */
static void progress(struct share_group *g, ns_t now)
{
	const ns_t span = now - g->since;
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
	if (g->changed) {
		divide(s, g);
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

void share_event(struct sim *s, uint32_t group)
{
	struct share_group *const g = &s->groups[group];
	progress(g, s->events.now);
	settle(g);
	struct share_member *const m = finished(g);
	if (m == NULL) {
		plan(s, g);
		return;
	}
	struct replica *const r = &s->cluster.replicas[m->replica];
	m->phase = SHARE_OFF;
	m->due = NS_NEVER;
	g->on--;
	r->shared = false;
	r->first = gap_ticks(s->events.now - r->anchor);
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
	r->shared = true;
	g->on++;
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
		perf_demand(replica_perf(s, r), shape, &user->compute, &user->memory);
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

uint32_t share_member(const struct sim *s, const struct replica *r, uint32_t i)
{
	if (r->group == GROUP_NONE || i >= s->groups[r->group].n) {
		return REQUEST_NONE;
	}
	return s->groups[r->group].members[i].replica;
}

void share_leave(struct sim *s, const struct replica *r)
{
	struct share_group *const g = &s->groups[r->group];
	struct share_member *const m = &g->members[r->member];
	share_pause(s, r);
	if (m->phase != SHARE_OFF) {
		progress(g, s->events.now);
		m->phase = SHARE_OFF;
		m->due = NS_NEVER;
		g->changed = true;
		g->on--;
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
