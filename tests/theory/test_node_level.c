/*
 * Placement inside a node (semantics.md section 5), by hand: who is spread, who stays, who goes
 * back for whom, and what that costs to the nanosecond.
 */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "flow/life.h"
#include "flow/node_level.h"
#include "test_run.h"

#define S NS_PER_S

/* Schedule 1 s, image 2 s, process 3 s, weights at 2 GB/s, engine 5 s. */
#define START                                                                                 \
	"\"startup\": {\"schedule\": 1, \"image\": 2, \"process\": 3, \"download_rate\": 0, " \
	"\"loader\": \"streamer\", \"streamer_share\": 1, \"trace\": 0, \"compile\": 0, "     \
	"\"capture\": 0, \"build\": 5, \"build_vision\": 0, \"warmup\": 0.5, "                \
	"\"warmup_per_token\": 0.001}, \"engine_options\": {\"kv_pool\": \"elastic\"}"
#define WARM (3 * S / 2) /* 0.5 s and 1,000 tokens */
#define PROCESS (3 * S)
#define BUILD (5 * S)

#define LLAMA(name, keys) \
	"{\"name\": \"" name "\", \"model\": \"llama-3.1-8b-instruct\", " START ", " keys "}"
#define HALF "\"fraction\": 0.5, \"fraction_limit\": 1"
#define LOAD(name, requests)                                                   \
	"{\"service\": \"" name                                                \
	"\", \"kind\": \"concurrency\", \"users\": 1, \"requests\": " requests \
	", \"isl\": 1000, \"osl\": 200}"
#define JOB(at, gpus)                                                                           \
	", \"jobs\": [{\"name\": \"j\", \"workers\": " gpus ", \"work\": \"10s\", \"submit\": " \
	"\"" at "\"}]"
#define ON "\"node_level\": {}"
#define PAIR LLAMA("a", HALF) ", " LLAMA("b", HALF)
#define BOTH(requests) LOAD("a", requests) ", " LOAD("b", requests)

struct node_case {
	int gpus;
	const char *scheduler, *services, *loads, *more;
};

static void run(struct test_run *r, const struct node_case *c)
{
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"name\": \"n\", \"gpu\": "
		"\"h100-sxm\", \"gpus\": %d, \"storage_bandwidth\": \"2GB\"}]}, \"scheduler\": "
		"{%s}, \"services\": [%s], \"loads\": [%s]%s}",
		c->gpus > 0 ? c->gpus : 2, c->scheduler != NULL ? c->scheduler : ON, c->services,
		c->loads, c->more != NULL ? c->more : "");
	test_run(r, text, false);
	test_run_check(r);
	free(text);
}

/* The GPU that a replica sits on, and the one it is booked on. */
static uint32_t seat_of(const struct test_run *r, uint32_t replica)
{
	uint32_t n;
	return cluster_gpus_of(&r->sim->cluster, replica, &n)[0];
}

static uint32_t booking_of(const struct test_run *r, uint32_t replica)
{
	uint32_t n;
	return cluster_booked_of(&r->sim->cluster, replica, &n)[0];
}

/* Weights of a replica of the first service, from a storage that it has to itself. */
static ns_t reading(const struct test_run *r)
{
	struct sim_fit fit;
	sim_fit(r->sim, 0, &fit);
	return ns_from_seconds((double)fit.memory.weights / 2e9);
}

/* The first request of a service that came at `from` or later. */
static const struct request_record *first_from(const struct test_run *r, uint16_t service,
                                               ns_t from)
{
	const struct request_record *first = NULL;
	for (size_t i = 0; i < r->n; i++) {
		const struct request_record *const q = &r->records[i];
		if (q->service == service && q->arrival >= from &&
		    (first == NULL || q->arrival < first->arrival)) {
			first = q;
		}
	}
	ck_assert_ptr_nonnull(first);
	return first;
}

static const struct request_record *lost_of(const struct test_run *r, uint16_t service)
{
	const struct request_record *lost = NULL;
	for (size_t i = 0; i < r->n; i++) {
		const bool is =
			r->records[i].service == service && r->records[i].outcome == REQUEST_LOST;
		ck_assert(lost == NULL || !is);
		lost = is ? &r->records[i] : lost;
	}
	return lost;
}

/* --- who sits where ------------------------------------------------------------------------------
 */

/* Two halves booked on one GPU are as fast as if each had been put onto a GPU of its own; packed
 * they are not. */
START_TEST(two_halves_are_as_if_alone)
{
	struct test_run spread, apart, packed;
	struct node_case c = {.services = PAIR, .loads = BOTH("20")};
	run(&spread, &c);
	c.scheduler = "\"placement\": \"spread\"";
	run(&apart, &c);
	c.scheduler = "";
	run(&packed, &c);
	ck_assert_uint_eq(spread.n, 40);
	ck_assert_uint_eq(apart.n, 40);
	for (size_t i = 0; i < spread.n; i++) {
		ck_assert(test_run_same(&spread.records[i], &apart.records[i]));
	}
	ck_assert_int_gt(packed.summary.simulated, spread.summary.simulated * 13 / 10);
	ck_assert_uint_eq(booking_of(&spread, 0), booking_of(&spread, 1));
	ck_assert_uint_eq(seat_of(&spread, 0), 0);
	ck_assert_uint_eq(seat_of(&spread, 1), 1);
	ck_assert_uint_eq(seat_of(&packed, 1), 0);
	ck_assert_double_eq(spread.summary.services[0].away, 0.0);
	ck_assert_double_eq(spread.summary.services[1].away, 1.0);
	ck_assert_int_eq(spread.summary.services[1].moves, 0);
	ck_assert_int_eq(apart.summary.services[1].moves, -1);
	test_run_fini(&spread);
	test_run_fini(&apart);
	test_run_fini(&packed);
}
END_TEST

/* Who may not borrow sits where it is booked, whoever else is spread; so does who has whole GPUs.
 */
START_TEST(who_may_not_borrow_stays)
{
	struct test_run r;
	run(&r,
	    &(struct node_case){
		    .gpus = 3,
		    .services = LLAMA("x", "\"fraction\": 0.3, \"replicas\": 2") ", " LLAMA(
			    "a",
			    "\"fraction\": 0.3, \"fraction_limit\": 1") ", " LLAMA("w",
	                                                                           "\"replicas\": 1"),
		    .loads = LOAD("a", "1")});
	ck_assert_uint_eq(seat_of(&r, 0), 0);
	ck_assert_uint_eq(seat_of(&r, 1), 0);
	ck_assert_uint_eq(booking_of(&r, 2), 0);
	ck_assert_uint_eq(seat_of(&r, 2), 2); /* on the one that is free, although it came first */
	ck_assert_uint_eq(seat_of(&r, 3), 1);
	ck_assert_uint_eq(r.summary.n_moves, 0);
	test_run_fini(&r);
}
END_TEST

#define EMBED(name, keys)                                                                    \
	"{\"name\": \"" name "\", \"model\": \"qwen3-embedding-0.6b\", \"engine_options\": " \
	"{\"reserved_bytes\": \"1GB\", \"kv_pool\": \"elastic\"}, \"fraction\": 0.1, " keys "}"

/* Three stay on the first of two GPUs, where five more are booked: how many of these go to the
 * second by number, or as far as the limit lets them. */
START_TEST(as_many_on_a_gpu_as_may_be)
{
	static const struct {
		const char *scheduler;
		uint32_t there;
	} cases[] = {{"\"node_level\": {}", 4},
	             {"\"node_level\": {\"workloads_per_gpu\": 5}", 4},
	             {"\"node_level\": {\"workloads_per_gpu\": 4}", 4},
	             {"\"node_level\": {\"workloads_per_gpu\": 3}", 3},
	             {"\"node_level\": {\"workloads_per_gpu\": 2}", 2}};
	struct test_run r;
	run(&r, &(struct node_case){
			.scheduler = cases[_i].scheduler,
			.services = EMBED("x", "\"replicas\": 3") ", " EMBED(
				"a", "\"replicas\": 5, \"fraction_limit\": 0.5"),
			.loads = "{\"service\": \"a\", \"kind\": \"concurrency\", \"users\": 1, "
				 "\"requests\": 1, \"isl\": 10}"});
	const struct gpu *const gpus = r.sim->cluster.gpus;
	ck_assert_uint_eq(gpus[0].residents, 8);
	ck_assert_uint_eq(gpus[1].residents, 0);
	ck_assert_uint_eq(gpus[1].sitters, cases[_i].there);
	ck_assert_uint_eq(gpus[0].sitters, 8 - cases[_i].there);
	test_run_fini(&r);
}
END_TEST

/* --- who goes back -------------------------------------------------------------------------------
 */

/*
 * A whole GPU is wanted at 10 s: b, which sits on it, is killed in the middle of a request and
 * begins again on the other GPU. The next request waits for that and for the warm-up.
 */
START_TEST(a_whole_gpu_moves_one_back)
{
	struct test_run r;
	run(&r, &(struct node_case){.services = PAIR ", " LLAMA("w", "\"start\": \"10s\""),
	                            .loads = BOTH("40")});
	const struct move_summary *const m = r.summary.moves;
	const ns_t start = PROCESS + reading(&r) + BUILD;
	ck_assert_uint_eq(r.summary.n_moves, 1);
	ck_assert_int_eq(m->at, 10 * S);
	ck_assert_uint_eq(m->service, 1);
	ck_assert_uint_eq(m->from, 1);
	ck_assert_uint_eq(m->to, 0);
	ck_assert_int_eq(m->needed, 2);
	ck_assert_int_eq(m->lost, 1);
	ck_assert_int_eq(m->start, start);
	ck_assert_ptr_null(lost_of(&r, 0));
	ck_assert_int_eq(lost_of(&r, 1)->end, 10 * S);
	const struct request_record *const next = first_from(&r, 1, 10 * S);
	ck_assert_int_eq(next->arrival, 11 * S); /* it tries again after a second */
	ck_assert_int_eq(next->admitted, 10 * S + start + WARM);
	ck_assert_uint_eq(seat_of(&r, 1), 0);
	ck_assert_uint_eq(seat_of(&r, 2), 1);
	/* w does not wait: schedule, process, weights, which it reads beside b, engine */
	ck_assert_int_gt(r.sim->cluster.seats[2].started, 0);
	ck_assert_int_eq(life_bound(r.sim, 2), r.summary.simulated - 10 * S);
	const struct service_summary *const b = &r.summary.services[1];
	ck_assert_int_eq(b->moves, 1);
	ck_assert_int_eq(b->moved_lost, 1);
	ck_assert_int_eq(b->oom_kills, 0);
	ck_assert_int_eq(b->cold_starts, 1);
	ck_assert_double_eq_tol(b->away, 10e9 / (double)r.summary.simulated, 1e-12);
	ck_assert_double_le(r.summary.memory_used, 1.0);
	ck_assert_double_eq_tol(b->down, (double)start / (double)r.summary.simulated, 1e-12);
	test_run_fini(&r);
}
END_TEST

/* A GPU on which nobody sits is taken before one is cleared. */
START_TEST(nobody_moves_while_a_gpu_is_free)
{
	struct test_run r;
	run(&r, &(struct node_case){.gpus = 3,
	                            .services = PAIR ", " LLAMA("w", "\"start\": \"10s\""),
	                            .loads = BOTH("40")});
	ck_assert_uint_eq(r.summary.n_moves, 0);
	ck_assert_uint_eq(seat_of(&r, 1), 1);
	ck_assert_uint_eq(seat_of(&r, 2), 2);
	test_run_fini(&r);
}
END_TEST

/* A part of a GPU that fits beside whoever sits there moves nobody; a larger one does. */
START_TEST(a_part_moves_who_leaves_no_room)
{
	static const char *const parts[] = {"\"fraction\": 0.5", "\"fraction\": 0.51"};
	struct test_run r;
	char *const services =
		mem_printf("%s, {\"name\": \"x\", \"model\": \"llama-3.1-8b-instruct\", \"start\": "
	                   "\"10s\", %s}",
	                   PAIR, parts[_i]);
	run(&r, &(struct node_case){.services = services, .loads = BOTH("40")});
	ck_assert_uint_eq(r.summary.n_moves, (size_t)_i);
	ck_assert_uint_eq(seat_of(&r, 1), _i == 0 ? 1 : 0);
	ck_assert_uint_eq(seat_of(&r, 2), 1);
	test_run_fini(&r);
	free(services);
}
END_TEST

#define PART "\"fraction\": 0.3, \"fraction_limit\": 1"
#define LARGE "\"fraction\": 0.45, \"fraction_limit\": 1, \"start\": \"1s\""

/*
 * a, b and c are booked on the first of three GPUs and sit on one each; d is booked and sits beside
 * b, e is booked there too and sits beside c. When that GPU is wanted e goes back to d, beside whom
 * there is no room for b any more, who goes back too, as does c: all at once.
 */
START_TEST(who_goes_back_may_push_another)
{
	static const size_t order[] = {4, 1, 2};
	struct test_run r;
	run(&r,
	    &(struct node_case){
		    .gpus = 3,
		    .services =
			    LLAMA("a", PART) ", " LLAMA("b", PART) ", " LLAMA("c", PART) ", " LLAMA(
				    "d", LARGE) ", " LLAMA("e",
	                                                   LARGE) ", " LLAMA("w",
	                                                                     "\"start\": \"60s\""),
		    .loads = LOAD("a", "60")});
	ck_assert_uint_eq(r.summary.n_moves, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(r.summary.moves[i].service, order[i]);
		ck_assert_int_eq(r.summary.moves[i].at, 60 * S);
		ck_assert_int_eq(r.summary.moves[i].needed, 5);
	}
	for (uint32_t i = 0; i < 6; i++) {
		ck_assert_uint_eq(booking_of(&r, i), (uint32_t)(i > 2) + (uint32_t)(i > 4));
		ck_assert_uint_eq(seat_of(&r, i), booking_of(&r, i));
	}
	test_run_fini(&r);
}
END_TEST

/* Four booked in pairs on two of four GPUs: those who are spread take the free ones, so that nobody
 * sits where others are booked. */
START_TEST(free_gpus_are_taken_first)
{
	static const uint32_t seats[] = {0, 2, 1, 3};
	struct test_run r;
	run(&r, &(struct node_case){.gpus = 4,
	                            .services = LLAMA("a", HALF ", \"replicas\": 4"),
	                            .loads = LOAD("a", "1")});
	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(seat_of(&r, i), seats[i]);
		ck_assert_uint_eq(booking_of(&r, i), i / 2);
	}
	test_run_fini(&r);
}
END_TEST

/* Of two that are in the way of a part the less important goes, of equals the younger. */
START_TEST(the_least_important_goes_first)
{
	static const char *const services[] = {
		EMBED("x", "\"replicas\": 2") ", " EMBED("a", "\"fraction_limit\": 0.5, \"priority\": \"train\"") ", " EMBED(
			"b",
			"\"fraction_limit\": 0.5") ", " LLAMA("z",
	                                                      "\"fraction\": 0.85, \"start\": \"10s\""),
		EMBED("x", "\"replicas\": 2") ", " EMBED("a", "\"fraction_limit\": 0.5") ", " EMBED(
			"b",
			"\"fraction_limit\": 0.5") ", " LLAMA("z",
	                                                      "\"fraction\": 0.85, \"start\": \"10s\"")};
	struct test_run r;
	run(&r,
	    &(struct node_case){.services = services[_i],
	                        .loads = "{\"service\": \"a\", \"kind\": \"rate\", \"rate\": 1, "
	                                 "\"requests\": 20, \"isl\": 10}"});
	ck_assert_uint_eq(r.summary.n_moves, 1);
	ck_assert_uint_eq(r.summary.moves[0].service, 1 + (size_t)_i);
	ck_assert_uint_eq(seat_of(&r, 2), (uint32_t)_i); /* a */
	ck_assert_uint_eq(seat_of(&r, 3), 1 - (uint32_t)_i);
	ck_assert_uint_eq(seat_of(&r, 4), 1);
	test_run_fini(&r);
}
END_TEST

/* --- jobs ----------------------------------------------------------------------------------------
 */

/* Training takes the GPU at once, as if nobody had sat there; who was moved stays when it ends. */
START_TEST(a_job_moves_one_back)
{
	static const char *const schedulers[] = {"", ON};
	struct test_run r;
	run(&r, &(struct node_case){.scheduler = schedulers[_i],
	                            .services = PAIR,
	                            .loads = BOTH("40"),
	                            .more = JOB("9500ms", "1")});
	ck_assert_int_eq(r.summary.jobs[0].started, 10 * S);
	ck_assert_int_eq(r.summary.jobs[0].finished, 20 * S);
	ck_assert_uint_eq(seat_of(&r, 1), 0);
	ck_assert_uint_eq(r.summary.n_moves, (size_t)_i);
	if (_i > 0) {
		ck_assert_int_eq(r.summary.moves[0].at, 10 * S);
		ck_assert_int_eq(r.summary.moves[0].needed, -1);
		ck_assert_int_eq(lost_of(&r, 1)->end, 10 * S);
		ck_assert_int_eq(first_from(&r, 1, 10 * S)->admitted,
		                 10 * S + PROCESS + reading(&r) + BUILD + WARM);
	}
	test_run_fini(&r);
}
END_TEST

/* Nobody is spread onto the GPU of a job: b, which comes then, sits where it is booked, or where
 * fewer sit and none has all. */
START_TEST(nobody_is_spread_onto_the_gpu_of_a_job)
{
	static const char *const others[] = {
		LLAMA("a", HALF), LLAMA("x", "\"fraction\": 0.3, \"replicas\": 2") ", " LLAMA(
					  "y", "\"fraction\": 0.6")};
	static const uint32_t last[] = {1, 3};
	struct test_run r;
	char *const services = mem_printf(
		"%s, %s", others[_i],
		LLAMA("b", "\"fraction\": 0.3, \"fraction_limit\": 1, \"start\": \"5s\", "
	                   "\"project\": \"p\""));
	run(&r, &(struct node_case){.gpus = 2 + _i,
	                            .services = services,
	                            .loads = LOAD("b", "1"),
	                            .more = ", \"projects\": [{\"name\": \"p\", \"quota\": 1}]" JOB(
					    "1s", "1")});
	ck_assert_int_eq(r.summary.jobs[0].started, 1 * S);
	ck_assert_uint_eq(r.summary.n_moves, 0);
	ck_assert_uint_eq(booking_of(&r, last[_i]), 0);
	ck_assert_uint_eq(seat_of(&r, last[_i]), (uint32_t)_i);
	test_run_fini(&r);
	free(services);
}
END_TEST

/* --- starts and failures -------------------------------------------------------------------------
 */

/*
 * b is booked at 5 s and reads weights from 11 s on. Whoever needs its place before costs it
 * nothing; afterwards it begins again with its process.
 */
START_TEST(a_start_begins_again)
{
	static const char *const jobs[] = {JOB("8s", "1"), JOB("12s", "1")};
	static const ns_t from[] = {11 * S, 12 * S + PROCESS};
	struct test_run r;
	char *const more =
		mem_printf(", \"projects\": [{\"name\": \"p\", \"quota\": 1}]%s", jobs[_i]);
	run(&r,
	    &(struct node_case){
		    .services =
			    LLAMA("a", HALF ", \"replicas_at\": [{\"at\": 6, \"replicas\": 1}]") ", " LLAMA(
				    "b", HALF ", \"start\": \"5s\", \"project\": \"p\""),
		    .loads = LOAD("a", "20") ", " LOAD("b", "1"),
		    .more = more});
	/* the image is there: a uses it */
	const ns_t ready = from[_i] - (_i == 0 ? 2 * S : 0) + reading(&r) + BUILD;
	ck_assert_int_eq(r.sim->cluster.seats[1].started, ready);
	ck_assert_uint_eq(r.summary.n_moves, (size_t)_i);
	if (_i > 0) {
		ck_assert_int_eq(r.summary.moves[0].start, NS_NEVER);
		ck_assert_int_eq(r.summary.moves[0].lost, 0);
	}
	ck_assert_uint_eq(seat_of(&r, 1), 0);
	test_run_fini(&r);
	free(more);
}
END_TEST

/* A GPU fails: who sits there dies; who is only booked there goes on, and is booked where it is. */
START_TEST(a_failure_hits_who_sits_there)
{
	static const char *const faults[] = {
		", \"faults\": [{\"kind\": \"gpu\", \"at\": \"2s\", \"node\": \"n-0\", \"gpu\": 0}]",
		", \"faults\": [{\"kind\": \"gpu\", \"at\": \"2s\", \"node\": \"n-0\", \"gpu\": 1}]"};
	struct test_run r;
	run(&r, &(struct node_case){.services = PAIR, .loads = BOTH("20"), .more = faults[_i]});
	const uint16_t dead = (uint16_t)_i, alive = (uint16_t)(1 - _i);
	ck_assert_int_eq(lost_of(&r, dead)->end, 2 * S);
	ck_assert_ptr_null(lost_of(&r, alive));
	ck_assert_int_eq(r.summary.faults[0].replicas, 1);
	ck_assert_int_eq(r.summary.services[alive].cold_starts, 0);
	ck_assert_int_eq(r.summary.services[dead].cold_starts, 1);
	ck_assert_uint_eq(r.summary.n_moves, 0);
	for (uint32_t i = 0; i < 2; i++) { /* both on the GPU that is left */
		ck_assert_uint_eq(seat_of(&r, i), 1 - (uint32_t)_i);
		ck_assert_uint_eq(booking_of(&r, i), 1 - (uint32_t)_i);
	}
	test_run_fini(&r);
}
END_TEST

/* Parts of two GPUs each, booked on the same two of four: each has two of its own. */
START_TEST(parts_of_several_gpus_are_spread)
{
	struct test_run r;
	run(&r,
	    &(struct node_case){
		    .gpus = 4,
		    .services = LLAMA("a", HALF ", \"gpus_per_replica\": 2") ", " LLAMA(
			    "b", HALF
			    ", \"gpus_per_replica\": 2") ", " LLAMA("w",
	                                                            "\"gpus_per_replica\": 2, \"start\": \"10s\""),
		    .loads = BOTH("60")});
	const uint32_t *const sits = r.sim->cluster.sits;
	uint32_t n;
	ck_assert_int_eq(r.summary.services[1].moves, 1);
	ck_assert_double_eq_tol(r.summary.services[1].away, 10e9 / (double)r.summary.simulated,
	                        1e-12);
	const uint32_t *const b = cluster_gpus_of(&r.sim->cluster, 1, &n);
	ck_assert(b >= sits && n == 2 && b[0] == 0 && b[1] == 1);
	const uint32_t *const w = cluster_gpus_of(&r.sim->cluster, 2, &n);
	ck_assert(n == 2 && w[0] == 2 && w[1] == 3);
	test_run_fini(&r);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("node level");
	TCase *const t = tcase_create("by hand");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, two_halves_are_as_if_alone);
	tcase_add_test(t, who_may_not_borrow_stays);
	tcase_add_loop_test(t, as_many_on_a_gpu_as_may_be, 0, 5);
	tcase_add_test(t, a_whole_gpu_moves_one_back);
	tcase_add_test(t, nobody_moves_while_a_gpu_is_free);
	tcase_add_loop_test(t, a_part_moves_who_leaves_no_room, 0, 2);
	tcase_add_test(t, who_goes_back_may_push_another);
	tcase_add_test(t, free_gpus_are_taken_first);
	tcase_add_loop_test(t, the_least_important_goes_first, 0, 2);
	tcase_add_loop_test(t, a_job_moves_one_back, 0, 2);
	tcase_add_loop_test(t, nobody_is_spread_onto_the_gpu_of_a_job, 0, 2);
	tcase_add_loop_test(t, a_start_begins_again, 0, 2);
	tcase_add_loop_test(t, a_failure_hits_who_sits_there, 0, 2);
	tcase_add_test(t, parts_of_several_gpus_are_spread);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
