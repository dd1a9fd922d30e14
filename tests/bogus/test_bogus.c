/* Policies that lie: the run must stop, loudly, and say when. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "flow/sim.h"
#include "scenario.h"

static const char scenario[] =
	"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 2}]},"
	"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\", \"replicas\": 2}],"
	"\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": 4, \"requests\": 20,"
	"\"isl\": {\"mean\": 100}, \"osl\": {\"mean\": 10}}]}";

static uint32_t route_nowhere(void *self, const struct view *v, const struct route_ask *ask)
{
	(void)self;
	return v->cluster->services[ask->service].n; /* one past the last replica */
}

static uint32_t route_late_lie(void *self, const struct view *v, const struct route_ask *ask)
{
	(void)self;
	(void)ask;
	return v->now > NS_PER_MS ? 77 : 0;
}

static void run_with(uint32_t (*route)(void *, const struct view *, const struct route_ask *))
{
	const struct routing_policy bogus = {
		.head = {.name = "bogus", .help = "a policy that lies"},
		.route = route,
	};
	const struct sim_options options = {.routing = &bogus};
	struct test_scenario t;
	test_scenario_read(&t, scenario);
	struct sim *const sim = sim_new(t.sc, &options, t.err);
	ck_assert_ptr_nonnull(sim);
	sim_run(sim); /* must not return */
	sim_free(sim);
	test_scenario_fini(&t);
}

START_TEST(unknown_replica_is_caught)
{
	run_with(route_nowhere);
}
END_TEST

START_TEST(a_lie_in_the_middle_is_caught)
{
	run_with(route_late_lie);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("bogus");
	TCase *const t = tcase_create("bogus");
	tcase_add_test_raise_signal(t, unknown_replica_is_caught, SIGABRT);
	tcase_add_test_raise_signal(t, a_lie_in_the_middle_is_caught, SIGABRT);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
