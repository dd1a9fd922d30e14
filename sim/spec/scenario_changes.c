/* When a service has how many replicas: `start` and `replicas_at`. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#define MOST_PARTS 8 /* GPUs of which the scheduler gives one pod a part */
#define KEY(member) offsetof(struct scenario_change, member)

/* clang-format off */
const struct option scenario_change_table[] = {
	{"at", OPTION_DURATION, KEY(at), 1e-9, 9e18, NULL, NULL, "s", "from then on"},
	{"replicas", OPTION_INT, KEY(replicas), 0, 1e6, NULL, NULL, "replicas",
	 "wanted from then on; new ones have a cold start, those that are too many drain"},
	SCENARIO_END,
};
/* clang-format on */

static void add_change(struct scenario_service *service, const struct scenario_change *change)
{
	service->changes =
		mem_resize(service->changes, service->n_changes + 1, sizeof(*service->changes));
	service->changes[service->n_changes++] = *change;
	if (change->replicas > service->places) {
		service->places = change->replicas;
	}
}

static void read_change(struct scenario_loader *l, struct scenario_service *service,
                        const struct json_at *at)
{
	struct scenario_change change;
	struct json_at member;
	if (!scenario_fill(l, scenario_change_table, &change, at)) {
		return;
	}
	if (service->n_changes > 0 && change.at <= service->changes[service->n_changes - 1].at &&
	    json_get(at, "at", &member)) {
		json_fail(&member, "must be later than what comes before, at %.9g s",
		          ns_to_seconds(service->changes[service->n_changes - 1].at));
		return;
	}
	add_change(service, &change);
}

void scenario_read_changes(struct scenario_loader *l, struct scenario_service *service,
                           const struct scenario_change_keys *keys, const struct json_at *at)
{
	struct json_at list;
	service->places = service->replicas;
	service->initial = service->replicas;
	if (keys->start > 0) {
		const struct scenario_change change = {keys->start, service->replicas};
		service->initial = 0;
		add_change(service, &change);
	}
	if (!json_get(at, "replicas_at", &list)) {
		scenario_log(l, at, "replicas_at", "none", "default");
		return;
	}
	const size_t n = json_want_array(&list) ? json_array_size(list.value) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct json_at item = json_item(&list, i);
		read_change(l, service, &item);
	}
}

bool scenario_may_evict(const struct scenario *sc, const struct scenario_service *service)
{
	bool above = false;
	for (size_t i = 0; i < sc->n_services; i++) {
		above = above || sc->services[i].priority > service->priority;
	}
	for (size_t i = 0; i < sc->n_jobs; i++) {
		above = above || sc->jobs[i].priority > service->priority;
	}
	return sc->scheduled && (sc->native ? above : service->preemptible);
}

/* Can the scheduler place the service's replicas while it runs? */
static bool is_schedulable(const struct scenario *sc, const struct scenario_service *service)
{
	const bool comes = service->n_changes > 0 || service->places != service->initial ||
	                   sc->n_faults > 0 || scenario_may_evict(sc, service);
	const bool parts = service->fraction_ppm != SHARE_WHOLE;
	return !comes || (service->mig_profile == NULL &&
	                  (!parts || service->gpus_per_replica <= MOST_PARTS));
}

static void check_life(const struct scenario *sc, const struct scenario_service *service,
                       const struct json_at *at)
{
	struct json_at member;
	if (sc->scheduled && !is_schedulable(sc, service)) {
		json_fail(at,
		          "beside \"jobs\" or \"projects\" replicas that come and go, or may "
		          "be evicted or fail, have whole GPUs or parts of at most %d, and no "
		          "mig_profile",
		          MOST_PARTS);
	}
	if (service->preemptible && !sc->scheduled && json_get(at, "preemptible", &member)) {
		json_fail(&member, "nobody could evict them: that takes \"projects\" or \"jobs\"");
	}
}

void scenario_check_lives(const struct scenario *sc, const struct json_at *root)
{
	struct json_at list;
	for (size_t i = 0; i < sc->n_services && json_get(root, "services", &list); i++) {
		const struct json_at at = json_item(&list, i);
		check_life(sc, &sc->services[i], &at);
	}
}
