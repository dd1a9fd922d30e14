/* What every registered routing policy must keep, on thousands of random clusters. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"
#include "policy/verify.h"

#define CLUSTERS 1000

static void random_cluster(struct cluster *c, struct rng *rng, enum load_measure measure)
{
	const uint32_t services = 1 + (uint32_t)rng_below(rng, 3);
	uint32_t sizes[3];
	uint32_t total = 0;
	for (uint32_t i = 0; i < services; i++) {
		sizes[i] = 1 + (uint32_t)rng_below(rng, 20);
		total += sizes[i];
	}
	cluster_init(c, total, services);
	uint32_t first = 0;
	for (uint32_t i = 0; i < services; i++) {
		service_init(&c->services[i], first, sizes[i], measure);
		first += sizes[i];
		for (uint32_t k = 0; k < sizes[i]; k++) {
			for (uint64_t n = rng_below(rng, 4); n > 0; n--) {
				service_load_add(&c->services[i], k,
				                 1 + (int64_t)rng_below(rng, 100));
			}
		}
	}
}

static void check_policy(const struct routing_policy *p)
{
	struct rng *const rng = rng_new(21, p->head.name);
	for (int i = 0; i < CLUSTERS; i++) {
		struct cluster c;
		random_cluster(&c, rng, p->measure);
		const struct route_ask ask = {(uint32_t)rng_below(rng, c.n_services),
		                              (tokens_t)rng_below(rng, 4000), 100};
		const uint64_t checksum = cluster_checksum(&c);
		uint32_t answers[2][8];
		for (int run = 0; run < 2; run++) {
			void *const self = mem_new(1, p->head.self_size + 1);
			struct rng *const own = rng_new(4, "own");
			const struct view view = {&c, 1000, own};
			for (int k = 0; k < 8; k++) {
				answers[run][k] = p->route(self, &view, &ask);
				ck_assert_msg(verify_route(&c, &ask, answers[run][k]), "%s",
				              p->head.name);
			}
			rng_free(own);
			free(self);
		}
		ck_assert_msg(memcmp(answers[0], answers[1], sizeof(answers[0])) == 0,
		              "%s: the same input must give the same answer", p->head.name);
		ck_assert_msg(cluster_checksum(&c) == checksum, "%s changed the state",
		              p->head.name);
		cluster_fini(&c);
	}
	rng_free(rng);
}

START_TEST(decisions_are_legal_repeatable_and_without_side_effects)
{
	for (size_t i = 0; routing_policies[i] != NULL; i++) {
		check_policy(routing_policies[i]);
	}
}
END_TEST

START_TEST(names_and_help_are_well_formed)
{
	const char *kind;
	size_t n = 0;
	for (; registry_head(n, &kind) != NULL; n++) {
		const struct policy_head *const h = registry_head(n, &kind);
		ck_assert(h->name != NULL && h->name[0] != '\0');
		for (const char *s = h->name; *s != '\0'; s++) {
			ck_assert(islower((unsigned char)*s) || isdigit((unsigned char)*s) ||
			          *s == '_');
		}
		ck_assert(h->help != NULL && strlen(h->help) >= 10 && strlen(h->help) <= 70);
		ck_assert(h->help[strlen(h->help) - 1] != '.');
		const void *found = NULL;
		if (strcmp(kind, "routing") == 0) {
			found = routing_find(h->name);
		} else if (strcmp(kind, "placement") == 0) {
			found = placement_find(h->name);
		} else if (strcmp(kind, "compute_share") == 0) {
			found = compute_share_find(h->name);
		} else if (strcmp(kind, "oom_victim") == 0) {
			found = oom_victim_find(h->name);
		} else if (strcmp(kind, "priority") == 0) {
			found = priority_find(h->name);
		} else if (strcmp(kind, "swap") == 0) {
			found = swap_find(h->name);
		} else {
			found = autoscaler_find(h->name);
		}
		ck_assert_ptr_eq(found, h); /* a policy begins with its head */
		if (h->options != NULL && strcmp(kind, "autoscaler") != 0) { /* it needs a max */
			void *const self = mem_new(1, h->self_size + 1);
			option_defaults(h->options, self);
			free(self);
		}
	}
	ck_assert_uint_eq(n, 32);
	ck_assert_ptr_null(routing_find("nobody"));
	ck_assert_ptr_null(placement_find("nobody"));
	ck_assert_ptr_null(compute_share_find("nobody"));
}
END_TEST

START_TEST(each_policy_does_what_its_name_says)
{
	struct cluster c;
	struct rng *const rng = rng_new(1, "x");
	cluster_init(&c, 3, 1);
	service_init(&c.services[0], 0, 3, LOAD_REQUESTS);
	const struct view view = {&c, 0, rng};
	const struct route_ask ask = {0, 10, 10};
	struct {
		uint32_t next;
	} turn = {0};
	for (uint32_t i = 0; i < 7; i++) {
		ck_assert_uint_eq(routing_round_robin.route(&turn, &view, &ask), i % 3);
	}
	service_load_add(&c.services[0], 0, 1);
	ck_assert_uint_eq(routing_least_outstanding.route(NULL, &view, &ask), 1);
	service_fini(&c.services[0]);
	service_init(&c.services[0], 0, 3, LOAD_TOKENS);
	service_load_add(&c.services[0], 0, 5);
	service_load_add(&c.services[0], 1, 900);
	service_load_add(&c.services[0], 2, 5);
	service_load_add(&c.services[0], 2, 5);
	ck_assert_uint_eq(routing_least_tokens.route(NULL, &view, &ask), 0);
	uint32_t seen[3] = {0};
	for (int i = 0; i < 300; i++) {
		seen[routing_random.route(NULL, &view, &ask)]++;
	}
	ck_assert(seen[0] > 60 && seen[1] > 60 && seen[2] > 60);
	rng_free(rng);
	cluster_fini(&c);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("routing");
	TCase *const t = tcase_create("routing");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, decisions_are_legal_repeatable_and_without_side_effects);
	tcase_add_test(t, names_and_help_are_well_formed);
	tcase_add_test(t, each_policy_does_what_its_name_says);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
