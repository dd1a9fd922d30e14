/*
 * Tenants of one GPU and its memory: every edge of semantics.md section 2. Who may hold how much,
 * who gets what nobody uses, who dies for it, and what the dead lose.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "flow/flow.h"
#include "test_run.h"

#define ELASTIC "\"engine_options\": {\"kv_pool\": \"elastic\", \"kv_step\": \"64MiB\"}"
#define PART(request, limit) "\"fraction\": " request ", \"fraction_limit\": " limit ", " ELASTIC
#define GPU_GIB (95800.0 / 1024.0)

static const struct service_summary *of(const struct test_run *r, size_t service)
{
	return &r->summary.services[service];
}

#define GIB (INT64_C(1) << 30)

/* One H100 NVL with these services, all of the 8B model; every load is `users` from its start on.
 */
struct tenant {
	const char *part;
	int users;
	int after_s; /* one request until then */
	int for_s;
};

static void run_tenants(struct test_run *r, const char *scheduler, int gpus,
                        const struct tenant *tenants, size_t n)
{
	char *services = mem_strdup(""), *loads = mem_strdup("");
	for (size_t i = 0; i < n; i++) {
		const char *const comma = i > 0 ? ", " : "";
		char *const s = mem_printf("%s%s{\"name\": \"s%zu\", \"model\": "
		                           "\"llama-3.1-8b-instruct\", %s}",
		                           services, comma, i, tenants[i].part);
		char *const l = mem_printf(
			"%s%s{\"service\": \"s%zu\", \"kind\": \"stages\", \"isl\": 2000, \"osl\": "
			"400, \"stages\": [{\"rate\": 0.001, \"for\": \"%dms\"}, {\"users\": %d, "
			"\"for\": \"%ds\"}]}",
			loads, comma, i, 1000 * tenants[i].after_s + 1, tenants[i].users,
			tenants[i].for_s);
		free(services);
		free(loads);
		services = s;
		loads = l;
	}
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\", "
		"\"gpus\": %d}]}, \"scheduler\": {%s}, \"services\": [%s], \"loads\": [%s]}",
		gpus, scheduler, services, loads);
	test_run(r, text, false);
	test_run_check(r);
	free(text);
	free(services);
	free(loads);
}

static int64_t kills(const struct test_run *r)
{
	int64_t n = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		n += of(r, i)->oom_kills;
	}
	return n;
}

/* Most tokens that a service's KV cache held, as bytes of a GPU with weights and reserve. */
static double peak_gib(const struct test_run *r, size_t service)
{
	struct sim_fit fit;
	sim_fit(r->sim, service, &fit);
	return ((double)(fit.memory.weights + fit.memory.reserved) +
	        (double)of(r, service)->kv_peak_tokens / 16.0 * (double)fit.memory.block) /
	       GIB;
}

/* Alone on the GPU and with more to do than fits: up to the limit, and not a block more. */
START_TEST(nobody_passes_its_limit)
{
	static const struct {
		const char *part;
		double gib;
	} cases[] = {
		{"\"fraction\": 0.3, \"fraction_limit\": 0.5, " ELASTIC, 47900.0 / 1024.0},
		{"\"fraction\": 0.3, \"fraction_limit\": 0.5", 47900.0 / 1024.0},
		{"\"gpu_memory\": \"30GiB\", \"gpu_memory_limit\": \"40GiB\", " ELASTIC, 40.0},
		{"\"gpu_memory\": \"30GiB\", " ELASTIC, 30.0},
	};
	struct test_run r;
	const struct tenant t = {cases[_i].part, 400, 0, 30};
	run_tenants(&r, "", 1, &t, 1);
	ck_assert_int_le(of(&r, 0)->kv_peak_tokens, of(&r, 0)->kv_capacity_tokens);
	/* the engine profile leaves a tenth of what it sees */
	const double most = 0.9 * cases[_i].gib, held = peak_gib(&r, 0);
	ck_assert_msg(held <= cases[_i].gib && held > 0.97 * most, "%.2f of %.2f GiB", held, most);
	ck_assert_int_eq(kills(&r), 0);
	test_run_fini(&r);
}
END_TEST

/* A limit at the request is no limit: not a byte is different. */
START_TEST(a_limit_at_the_request_is_a_static_fraction)
{
	static const char *const parts[2][2] = {
		{"\"fraction\": 0.35, " ELASTIC,
	         "\"fraction\": 0.35, \"fraction_limit\": 0.35, " ELASTIC},
		{"\"fraction\": 0.35", "\"fraction\": 0.35, \"fraction_limit\": 0.35"}};
	struct test_run r[2];
	for (size_t i = 0; i < 2; i++) {
		const struct tenant t[] = {{parts[_i][i], 100, 0, 20},
		                           {"\"fraction\": 0.35", 100, 0, 20}};
		run_tenants(&r[i], i == 0 ? "\"memory_share\": \"static\"" : "", 1, t, 2);
	}
	ck_assert_uint_eq(r[0].n, r[1].n);
	for (size_t i = 0; i < r[0].n; i++) {
		quiet_assert(r[0].records[i].id == r[1].records[i].id &&
		                     r[0].records[i].end == r[1].records[i].end,
		             "record %zu", i);
	}
	test_run_fini(&r[0]);
	test_run_fini(&r[1]);
}
END_TEST

/* --- who gets what nobody uses -------------------------------------------------------------------
 */

/*
 * Two of a third each may have 0.74: the one that asks first has it, and the other its own; it
 * comes too late for more, and kills nobody for what is not its own. What is given back is lent
 * again, from the next nanosecond on.
 */
START_TEST(first_come_first_served)
{
	const struct tenant t[] = {{PART("0.33", "0.74"), 1, 0, 1},
	                           {PART("0.33", "0.74"), 1, 0, 1}};
	struct test_run r;
	run_tenants(&r, "", 1, t, 2);
	struct sim *const s = r.sim;
	const struct gpu *const gpu = &s->cluster.gpus[0];
	struct replica *const early = &s->cluster.replicas[_i];
	struct replica *const late = &s->cluster.replicas[1 - _i];
	const struct seat *const seat = &s->cluster.seats[0]; /* both are alike */
	ck_assert(!memory_grow(s, early, seat->most + 1));
	ck_assert(memory_grow(s, early, seat->most));
	ck_assert(memory_grow(s, late, seat->own));
	const int64_t left = (gpu->memory - gpu->used) / seat->block;
	ck_assert(left > 0 && seat->own + left < seat->most);
	ck_assert(!memory_grow(s, late, late->kv.capacity + left + 1));
	ck_assert(memory_grow(s, late, late->kv.capacity + left));
	ck_assert_int_lt(gpu->memory - gpu->used, seat->block);
	memory_shrink(s, early); /* nothing runs: it gives back all but its first steps */
	ck_assert(!memory_grow(s, late, seat->most));
	s->events.now++;
	ck_assert(memory_grow(s, late, seat->most));
	ck_assert_int_eq(kills(&r), 0);
	ck_assert_int_eq(s->cluster.seats[0].kills + s->cluster.seats[1].kills, 0);
	test_run_fini(&r);
}
END_TEST

/* Tokens that a replica's KV cache has room for at the end of the run. */
static int64_t room_of(const struct test_run *r, uint32_t replica)
{
	return r->sim->cluster.replicas[replica].kv.capacity * 16;
}

/* A static pool takes what is there when it starts, after all requests, and keeps it. */
START_TEST(a_static_pool_keeps_what_it_took)
{
	struct test_run r;
	const struct tenant t[] = {{"\"fraction\": 0.3, \"fraction_limit\": 0.9", 1, 0, 10},
	                           {"\"fraction\": 0.4", 1, 0, 10},
	                           {"\"fraction\": 0.22, \"fraction_limit\": 0.9", 1, 0, 10}};
	run_tenants(&r, "", 1, t, 3);
	struct sim_fit fit[3];
	for (size_t i = 0; i < 3; i++) {
		sim_fit(r.sim, i, &fit[i]);
	}
	/* the first one has its own and the tenth that nobody asked for; nothing is left */
	const struct gpu *const gpu = &r.sim->cluster.gpus[0];
	const struct seat *const seats = r.sim->cluster.seats;
	ck_assert_int_gt(room_of(&r, 0), seats[0].own * 16);
	ck_assert_int_lt(room_of(&r, 0), fit[0].capacity_tokens);
	ck_assert_int_eq(room_of(&r, 1), fit[1].memory.blocks * 16);
	ck_assert_int_eq(room_of(&r, 2), seats[2].own * 16);
	ck_assert_int_lt(gpu->memory - gpu->used, fit[0].memory.block);
	ck_assert_int_eq(gpu->peak, gpu->used);
	test_run_fini(&r);
}
END_TEST

/* --- who dies, and what for ----------------------------------------------------------------------
 */

/*
 * All of a request is granted, also what an engine that saw no more would leave: of a half the
 * 92 requests of 2,400 tokens need 0.473, and who borrowed up to 0.54 has to go.
 */
START_TEST(a_request_is_granted_to_the_last_byte)
{
	struct test_run r;
	const struct tenant t[] = {{PART("0.5", "0.9"), 92, 10, 20},
	                           {"\"fraction\": 0.3, \"fraction_limit\": 0.6", 300, 0, 30}};
	run_tenants(&r, "", 1, t, 2);
	ck_assert_int_ge(of(&r, 0)->kv_peak_tokens, 215000); /* 0.9 of it: 203,000 */
	ck_assert_int_eq(of(&r, 0)->oom_kills + of(&r, 0)->lost, 0);
	ck_assert_int_eq(of(&r, 1)->oom_kills, 1);
	test_run_fini(&r);
}
END_TEST

/*
 * Two borrowers and an owner. s0 comes first and has all of its loan; s1 gets what is left; s2
 * wants its own. Who is killed first?
 */
START_TEST(the_policy_picks_the_victim)
{
	static const struct {
		const char *policy;
		unsigned victim;
	} cases[] = {
		{"\"oom_victim\": \"largest_overuse\"", 0},
		{"\"oom_victim\": \"lowest_priority\"", 1},
		{"\"oom_victim\": \"newest\"", 0}, /* all began together: the first */
	};
	struct test_run r;
	const struct tenant t[] = {{PART("0.25", "0.42"), 300, 0, 20},
	                           {PART("0.25", "0.9") ", \"priority\": \"train\"", 300, 0, 20},
	                           {PART("0.4", "0.4"), 100, 10, 10}};
	run_tenants(&r, cases[_i].policy, 1, t, 3);
	size_t first = 0;
	while (first < r.n && r.records[first].outcome != REQUEST_LOST) {
		first++;
	}
	ck_assert_uint_lt(first, r.n);
	ck_assert_uint_eq(r.records[first].service, cases[_i].victim);
	ck_assert_int_eq(of(&r, 2)->oom_kills, 0);
	test_run_fini(&r);
}
END_TEST

/* Who is killed loses what runs; who waits there waits on and is served after the cold start. */
START_TEST(the_batch_is_lost_and_the_queue_is_not)
{
	struct test_run r;
	ns_t died = 0;
	int64_t lost = 0, waited = 0;
	const struct tenant t[] = {
		{"\"fraction\": 0.35, \"fraction_limit\": 0.9, \"engine_options\": {\"kv_pool\": "
	         "\"elastic\", \"max_num_seqs\": 128}",
	         200, 0, 200},
		{PART("0.5", "0.5"), 100, 10, 20}};
	run_tenants(&r, "", 1, t, 2);
	ck_assert_int_eq(kills(&r), 1);
	for (size_t i = 0; i < r.n; i++) {
		lost += r.records[i].outcome == REQUEST_LOST;
		died = r.records[i].outcome == REQUEST_LOST ? r.records[i].end : died;
	}
	for (size_t i = 0; i < r.n; i++) {
		const struct request_record *const q = &r.records[i];
		quiet_assert(q->outcome != REQUEST_LOST || q->end == died, "all die at once");
		waited += q->service == 0 && q->outcome == REQUEST_FINISHED && q->arrival < died &&
		          q->first > died;
	}
	ck_assert_int_gt(lost, 100);
	ck_assert_int_le(lost, 128);
	ck_assert_int_ge(waited, 200 - 128);
	ck_assert_int_eq(of(&r, 0)->lost, lost);
	ck_assert_int_eq(of(&r, 0)->rejected, 0);
	test_run_fini(&r);
}
END_TEST

/*
 * A service on two GPUs asks on both for its own: who borrows on the one that is full dies; who
 * borrows on the other, where there is room, does not, although it is less important.
 */
START_TEST(only_borrowers_of_a_full_gpu_die)
{
	struct test_run r;
	const struct tenant t[] = {
		{"\"fraction\": 0.4, \"gpus_per_replica\": 2, " ELASTIC, 300, 10, 10},
		{PART("0.35", "0.9"), 170, 0, 20},
		{PART("0.35", "0.5") ", \"priority\": \"train\"", 400, 0, 20}};
	run_tenants(&r, "\"placement\": \"first_fit\", \"oom_victim\": \"lowest_priority\"", 2, t,
	            3);
	ck_assert_int_eq(of(&r, 0)->oom_kills, 0);
	ck_assert_int_eq(of(&r, 1)->oom_kills, 1);
	ck_assert_int_eq(of(&r, 2)->oom_kills, 0);
	test_run_fini(&r);
}
END_TEST

/* A borrower on two GPUs dies on both when one of them is full, and gives both back. */
START_TEST(a_borrower_dies_on_all_of_its_gpus)
{
	struct test_run r;
	const struct tenant t[] = {
		{"\"fraction\": 0.35, \"fraction_limit\": 0.9, \"gpus_per_replica\": 2, " ELASTIC,
	         900, 0, 20},
		{PART("0.6", "0.6"), 400, 10, 10},
		{PART("0.6", "0.6"), 1, 0, 20}};
	run_tenants(&r, "\"placement\": \"first_fit\"", 2, t, 3);
	ck_assert_int_eq(of(&r, 0)->oom_kills, 1);
	ck_assert_int_eq(of(&r, 1)->oom_kills + of(&r, 2)->oom_kills, 0);
	test_run_fini(&r);
}
END_TEST

/* A replica that is down gets no new requests while another one of its service is up. */
START_TEST(nobody_is_sent_to_the_dead)
{
	static const char *const policies[] = {"least_outstanding", "least_tokens", "round_robin",
	                                       "random"};
	struct test_run r;
	char *const part = mem_printf("%s, \"replicas\": 2, \"routing\": \"%s\"",
	                              PART("0.35", "0.9"), policies[_i]);
	const struct tenant t[] = {{part, 400, 0, 100}, {PART("0.5", "0.5"), 100, 10, 10}};
	run_tenants(&r, "\"placement\": \"spread\"", 2, t, 2);
	free(part);
	ck_assert_int_eq(of(&r, 0)->oom_kills, 1);
	ck_assert_int_eq(of(&r, 0)->cold_starts, 1);
	const struct request_record *lost = NULL;
	for (size_t i = 0; i < r.n; i++) {
		lost = r.records[i].outcome == REQUEST_LOST ? &r.records[i] : lost;
	}
	ck_assert_ptr_nonnull(lost);
	int later = 0, back = 0;
	for (size_t i = 0; i < r.n; i++) {
		const struct request_record *const q = &r.records[i];
		const bool while_down =
			q->arrival > lost->end && q->arrival < lost->end + 49 * NS_PER_S;
		const bool sent = q->service == 0 && q->replica == lost->replica;
		quiet_assert(!(while_down && sent), "sent to a replica that is down");
		later += q->service == 0 && while_down;
		back += sent && q->arrival > lost->end + 52 * NS_PER_S;
	}
	ck_assert_int_gt(later, 100);
	ck_assert_int_gt(back, 10);
	test_run_fini(&r);
}
END_TEST

/* Who comes back has its request again: it is taken from who borrowed it meanwhile. */
START_TEST(who_comes_back_gets_its_request)
{
	struct test_run r;
	ns_t lost[2] = {0, 0};
	const struct tenant t[] = {{PART("0.35", "0.9"), 300, 0, 120},
	                           {PART("0.5", "0.9"), 300, 10, 110}};
	run_tenants(&r, "", 1, t, 2);
	for (size_t i = r.n; i-- > 0;) {
		const struct request_record *const q = &r.records[i];
		lost[q->service] = q->outcome == REQUEST_LOST ? q->end : lost[q->service];
	}
	ck_assert(lost[0] > 0 && lost[1] > lost[0] + 49 * NS_PER_S);
	ck_assert_int_ge(of(&r, 0)->cold_starts, 1);
	test_run_fini(&r);
}
END_TEST

/* Everyone at its request and no more, on a full GPU: nobody can borrow, and nobody dies. */
START_TEST(nothing_to_lend_when_requests_fill_the_gpu)
{
	struct test_run r;
	const char *const full = "\"fraction\": 0.5, \"fraction_limit\": 1, \"engine_options\": "
				 "{\"gpu_memory_utilization\": 1}";
	const struct tenant t[] = {{full, 200, 0, 20}, {full, 200, 0, 20}};
	run_tenants(&r, "", 1, t, 2);
	const struct cluster *const c = &r.sim->cluster;
	ck_assert_int_eq(kills(&r), 0);
	for (uint32_t i = 0; i < 2; i++) {
		/* a block may fit into what two requests leave of it */
		ck_assert_int_le(c->replicas[i].kv.capacity, c->seats[i].own + 1);
	}
	ck_assert_int_lt(c->gpus[0].memory - c->gpus[0].used, 2 * c->seats[0].block);
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("tenants");
	TCase *const t = tcase_create("memory");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, nobody_passes_its_limit, 0, 4);
	tcase_add_loop_test(t, a_limit_at_the_request_is_a_static_fraction, 0, 2);
	tcase_add_loop_test(t, first_come_first_served, 0, 2);
	tcase_add_test(t, a_static_pool_keeps_what_it_took);
	tcase_add_test(t, nothing_to_lend_when_requests_fill_the_gpu);
	tcase_add_test(t, a_request_is_granted_to_the_last_byte);
	tcase_add_loop_test(t, the_policy_picks_the_victim, 0, 3);
	tcase_add_test(t, the_batch_is_lost_and_the_queue_is_not);
	tcase_add_loop_test(t, nobody_is_sent_to_the_dead, 0, 4);
	tcase_add_test(t, who_comes_back_gets_its_request);
	tcase_add_test(t, only_borrowers_of_a_full_gpu_die);
	tcase_add_test(t, a_borrower_dies_on_all_of_its_gpus);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
