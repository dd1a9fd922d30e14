/* The machines of a scenario, as many as its replicas need. */
#ifndef ALIQUOT_STUDY_SIZE_FLEET_H
#define ALIQUOT_STUDY_SIZE_FLEET_H

#include <stdint.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/scenario.h"
#include "flow/sim.h"

/* A scenario on so many GPUs, ready to run. */
struct fleet {
	struct scenario *scenario;
	struct sim *sim; /* NULL: they found no room */
	int64_t gpus, nodes;
};

/*
 * The fewest GPUs on which the services of `document` find room, as its placement policy puts
 * them: the first group of nodes grows and shrinks, its last node may be smaller; the other groups
 * stay. False with errors added; `out` is to be freed with fleet_fini either way. `document` is
 * left alone, `file` is what messages call it.
 */
bool fleet_fit(const json_t *document, const char *file, struct data_dir *data,
               const struct sim_options *options, struct fleet *out, struct err *err);
void fleet_fini(struct fleet *f);

/*
 * A service whose requests are too small for its engine, so that GPUs and not replicas are what it
 * lacks: it takes turns by memory swap. Its place; n_services: there is none.
 */
size_t fleet_takes_turns(const struct scenario *sc);

/* GPUs that all services ask for in parts of them: two halves are one. */
double fleet_share(const struct scenario *sc);

#endif
