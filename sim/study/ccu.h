/*
 * The largest number of concurrent users under which a scenario meets its limits. Every probe is a
 * run of its own, the same run as `aliquot run` with that many users.
 */
#ifndef ALIQUOT_STUDY_CCU_H
#define ALIQUOT_STUDY_CCU_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/scenario.h"
#include "study/limits.h"
#include "study/search.h"

struct ccu_ask {
	const struct scenario *base; /* --set applied */
	struct data_dir *data;
	const char *const *limits; /* beside those of the scenario: "ttft.max <= 1s @chat" */
	size_t n_limits;
	const char *service;     /* whose users are searched; NULL: of all, in proportion */
	struct search_grid grid; /* members that are 0 get their defaults */
	size_t threads;
	const volatile sig_atomic_t *interrupt;        /* may be NULL */
	void (*progress)(void *arg, const char *what); /* by one thread at a time; may be NULL */
	void *progress_arg;
};

/* What one probe showed. */
struct ccu_run {
	double output_tokens_per_s, requests_per_s; /* of all services that are searched */
	struct limit_seen limits[];                 /* as in ccu.limits */
};

struct ccu {
	struct search_grid grid;
	struct search_result found; /* results of its probes are struct ccu_run */
	struct scenario *scenario;  /* with all limits, and found.best users when there are */
	struct limits limits;       /* of that scenario */
	int64_t *users; /* by service, at found.best; 0 for services that are not searched */
};

/*
 * Search. False with errors added when the scenario has no users to scale or no limit, or a run
 * cannot be made (ERR_INFEASIBLE); interrupted is no error (found.end is SEARCH_STOPPED). `out` is
 * to be freed either way.
 */
bool ccu_search(const struct ccu_ask *ask, struct ccu *out, struct err *err);
void ccu_fini(struct ccu *c);

/* Could ccu_search begin? False with the same errors. */
bool ccu_check(const struct ccu_ask *ask, struct err *err);

/* The first limit that a probe broke; NULL when it broke none. */
const struct limit *ccu_broken(const struct ccu *c, size_t probe);

#endif
