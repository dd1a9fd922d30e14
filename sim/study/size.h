/*
 * The fewest GPUs that serve the load of a scenario within its limits: per cell of varied keys the
 * fewest replicas, each probe a run on the fewest GPUs that hold them, and the best of the cells.
 */
#ifndef ALIQUOT_STUDY_SIZE_H
#define ALIQUOT_STUDY_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/scenario.h"
#include "study/limits.h"
#include "study/search.h"
#include "study/sweep.h"

struct size_price {
	const char *gpu; /* the name of its data sheet */
	double per_hour; /* of one GPU, in whatever currency */
};

struct size_ask {
	/*
	 * What varies, as in a sweep. Its service is the one whose replicas are searched; NULL: of
	 * all services with a load, in the proportion of the scenario. No `ccu`.
	 */
	struct sweep_ask cells;
	int64_t users;    /* of all loads together, in proportion; 0: the scenario's */
	int64_t from, to; /* replicas to try, in all; 0: defaults */
	bool exhaustive;  /* every number of replicas */
	const struct size_price *prices;
	size_t n_prices; /* 0: GPUs are counted instead */
};

/* What one probe showed. */
struct size_run {
	int64_t gpus; /* of the cluster: the fewest that hold the replicas */
	int64_t nodes;
	double output_tokens_per_s, requests_per_s; /* of the sized services */
	struct limit_seen limits[];                 /* as in size_cell.limits */
};

enum size_end {
	SIZE_FOUND,
	SIZE_NONE,       /* no number of replicas that was tried meets the limits */
	SIZE_INFEASIBLE, /* a replica fits no GPU; size_cell.err says why */
	SIZE_STOPPED,    /* interrupted */
};

/* A service that is sized. */
struct size_service {
	size_t service;
	int64_t per_unit; /* replicas of it in one unit of the search */
};

struct size_cell {
	enum size_end end;
	struct size_service *sized;
	size_t n_sized;
	int64_t per_unit;        /* replicas of all of them in one unit */
	struct search_grid grid; /* units */
	/*
	 * In units, and turned round: a probe "passes" as long as a limit is broken, so that
	 * found.fails_at is the answer, and found.passes_above larger and broken again.
	 */
	struct search_result found;
	struct scenario *scenario; /* of the answer, else the smallest; NULL when infeasible */
	struct limits limits;      /* of that scenario */
	/* of the answer */
	int64_t replicas, gpus, nodes;
	double share;         /* of GPUs that all services ask for: two halves are one */
	double cost_per_hour; /* NaN without prices */
	struct err *err;
};

struct size {
	struct size_cell *cells;
	size_t n_cells;
	size_t best; /* the cheapest, else the one with the fewest GPUs; n_cells: none */
	bool interrupted;
};

/*
 * Search every cell. False with errors added when a cell is no valid scenario, has no limit or no
 * service to size, or a GPU has no price. `out` is to be freed either way.
 */
bool size_search(const struct size_ask *ask, struct size *out, struct err *err);
void size_fini(struct size *s);

/* The probe of the answer; NULL when there is none. */
const struct search_probe *size_answer(const struct size_cell *cell);

/* The largest probe below the answer, or below everything where there is none; NULL: no such. */
const struct search_probe *size_smaller(const struct size_cell *cell);

/* The limit that has the least room in a run; limits.n when none has a margin. */
size_t size_tightest(const struct size_cell *cell, const struct size_run *run);

/* Of a million output tokens of a run of the answer; NaN without prices or tokens. */
double size_token_cost(const struct size_cell *cell, const struct size_run *run);

#endif
