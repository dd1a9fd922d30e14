/*
 * Who shares GPUs with whom, and how fast everyone is on them: as the compute-share policy divides
 * each GPU among its users. Tells no time (share.c does).
 */
#include "flow/share_group.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#define MEMO_MOST 8 /* members of a group whose speeds are kept for every set of users */

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

static bool service_is_slow(const struct sim *s, uint32_t service)
{
	const struct scenario_service *const spec = s->services[service].spec;
	return spec->compute_limit_ppm < SHARE_WHOLE ||
	       (s->compute_share->slows_alone && spec->fraction_ppm > 0 &&
	        spec->fraction_ppm < SHARE_WHOLE);
}

bool share_is_slow(const struct sim *s, const struct replica *r)
{
	return service_is_slow(s, r->service);
}

/* Groups are needed where others may come, which whole GPUs exclude, or where one is slow. */
static bool needs_group(const struct sim *s, uint32_t service)
{
	return service_is_slow(s, service) || scenario_shares_gpu(s->services[service].spec);
}

/* A place among the members of a group, whose numbers are in the order of their replicas. */
static uint32_t make_place(struct sim *s, struct share_group *g, uint32_t replica)
{
	uint32_t i = g->n++;
	g->members = mem_resize(g->members, g->n, sizeof(*g->members));
	g->users = mem_resize(g->users, g->n, sizeof(*g->users));
	for (; i > 0 && g->members[i - 1].replica > replica; i--) {
		g->members[i] = g->members[i - 1];
		g->users[i] = g->users[i - 1];
		s->cluster.replicas[g->members[i].replica].member = i;
	}
	g->alone += g->alone != GROUP_NONE && g->alone >= i;
	return i;
}

static void add_member(struct sim *s, struct share_group *g, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const struct scenario_service *const spec = s->services[r->service].spec;
	const uint32_t i = make_place(s, g, replica);
	g->members[i] = (struct share_member){.due = NS_NEVER, .replica = replica};
	g->users[i] = (struct share_user){
		.fraction = spec->fraction_ppm,
		.request = spec->compute_request_ppm,
		.limit = spec->compute_limit_ppm,
		.gpu = s->sc->nodes[r->gpu_kind].gpu,
	};
	r->member = i;
	g->slow = g->slow || share_is_slow(s, r);
	g->several = g->several || s->cluster.seats[replica].n_gpus > 1;
}

/* Speeds are kept for every set of users, as long as there are few sets. */
static void open_memo(const struct sim *s, struct share_group *g)
{
	const bool same = !s->compute_share->needs_demand && s->lease == 0;
	free(g->memo);
	g->memo =
		same && g->n <= MEMO_MOST ? mem_new((size_t)g->n << g->n, sizeof(*g->memo)) : NULL;
}

/* The group of those that share GPUs with replica i, of those that are placed. */
static void build_fixed(struct sim *s)
{
	struct cluster *const c = &s->cluster;
	uint32_t *const up = mem_new(c->n_gpus, sizeof(*up));
	uint32_t *const group = mem_new(c->n_gpus, sizeof(*group));
	link_gpus(c, up);
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		struct replica *const r = &c->replicas[i];
		const uint32_t root = root_of(up, c->sits[c->seats[i].first]);
		if (!needs_group(s, r->service)) {
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
	free(group);
	free(up);
}

/*
 * Where replicas come and go every GPU has its group, or every node where some have parts of
 * several GPUs: then nobody has to be moved from group to group in the middle of a step. A group is
 * slow from the start where any service is, for the same reason.
 */
static void build_open(struct sim *s)
{
	bool needed = false, slow = false;
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		const bool needs = needs_group(s, i);
		needed = needed || needs;
		slow = slow || service_is_slow(s, i);
		s->groups_of_nodes =
			s->groups_of_nodes || (needs && s->services[i].spec->gpus_per_replica > 1);
	}
	if (!needed) {
		return;
	}
	s->n_groups = s->groups_of_nodes ? s->cluster.n_nodes : s->cluster.n_gpus;
	s->groups = mem_new(s->n_groups, sizeof(*s->groups));
	for (uint32_t i = 0; i < s->n_groups; i++) {
		s->groups[i] = (struct share_group){
			.alone = GROUP_NONE, .slow = slow, .several = s->groups_of_nodes};
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->cluster.seats[i].n_gpus > 0) {
			share_join(s, &s->cluster.replicas[i]);
		}
	}
}

void share_join(struct sim *s, struct replica *r)
{
	const uint32_t replica = (uint32_t)(r - s->cluster.replicas);
	if (!needs_group(s, r->service)) {
		return;
	}
	const uint32_t gpu = s->cluster.sits[s->cluster.seats[replica].first];
	r->group = s->groups_of_nodes ? s->cluster.gpus[gpu].node : gpu;
	add_member(s, &s->groups[r->group], replica);
	open_memo(s, &s->groups[r->group]);
}

void share_part(struct sim *s, struct replica *r)
{
	if (r->group == GROUP_NONE) {
		return;
	}
	struct share_group *const g = &s->groups[r->group];
	sim_assert(g->alone != r->member && g->members[r->member].phase == SHARE_OFF);
	g->n--;
	for (uint32_t i = r->member; i < g->n; i++) {
		g->members[i] = g->members[i + 1];
		g->users[i] = g->users[i + 1];
		s->cluster.replicas[g->members[i].replica].member = i;
	}
	g->alone -= g->alone != GROUP_NONE && g->alone > r->member;
	r->group = GROUP_NONE;
	open_memo(s, g);
}

void share_build(struct sim *s)
{
	if (s->life != NULL) {
		build_open(s);
	} else {
		build_fixed(s);
	}
	for (uint32_t i = 0; i < s->n_groups; i++) {
		open_memo(s, &s->groups[i]);
	}
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

uint32_t share_member(const struct sim *s, const struct replica *r, uint32_t i)
{
	if (r->group == GROUP_NONE || i >= s->groups[r->group].n) {
		return REQUEST_NONE;
	}
	return s->groups[r->group].members[i].replica;
}

/* --- speeds --------------------------------------------------------------------------------------
 */

static tick_t ticks_per_ns(int64_t ppm)
{
	return ppm >= SHARE_WHOLE ? FULL_SPEED : ppm * FULL_SPEED / SHARE_WHOLE;
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
		    (!g->several || cluster_sits_on(&s->cluster, m->replica, gpu))) {
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

/* One GPU is the holder's for this turn; the others on it stand still. */
static void give_gpu(struct sim *s, struct share_group *g, uint32_t gpu, int64_t turn)
{
	struct share_user users[SHARE_MOST];
	uint32_t who[SHARE_MOST], n = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		if (!g->several || cluster_sits_on(&s->cluster, g->members[i].replica, gpu)) {
			users[n] = g->users[i];
			users[n].busy = g->members[i].phase != SHARE_OFF;
			who[n++] = i;
		}
	}
	sim_assert(n > 0);
	const uint32_t holder = s->compute_share->holder(s->compute_share_self, users, n, turn);
	sim_assert(verify_holder(users, n, holder));
	for (uint32_t i = 0; i < n; i++) {
		if (i != holder) {
			g->members[who[i]].speed = 0;
		}
	}
}

static void divide_gpu_of(struct sim *s, struct share_group *g, uint32_t gpu)
{
	if (s->lease > 0) {
		give_gpu(s, g, gpu, g->since / s->lease);
	} else {
		divide_gpu(s, g, gpu);
	}
}

/* A step over several GPUs runs at its smallest share. */
static void divide_all(struct sim *s, struct share_group *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		g->members[i].speed = FULL_SPEED;
	}
	if (!g->several) {
		divide_gpu_of(s, g, 0);
		return;
	}
	for (uint32_t i = 0; i < g->n; i++) {
		uint32_t n;
		const uint32_t *const gpus =
			cluster_gpus_of(&s->cluster, g->members[i].replica, &n);
		for (uint32_t k = 0; g->members[i].phase == SHARE_GPU && k < n; k++) {
			divide_gpu_of(s, g, gpus[k]);
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

void share_divide(struct sim *s, struct share_group *g)
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
