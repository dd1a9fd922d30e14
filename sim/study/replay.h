/*
 * Replay of the very same requests: a run whose every request was logged is simulated with the same
 * arrivals and lengths, and compared request by request and over time.
 */
#ifndef ALIQUOT_STUDY_REPLAY_H
#define ALIQUOT_STUDY_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "spec/data_dir.h"

struct replay;

/* Simulate a folder of LLMServingSim; NULL with errors added. Caller frees. */
struct replay *replay_run(const char *dir, struct data_dir *data, struct err *err);
void replay_free(struct replay *r);

/* A table of at most 100 columns, or one JSON document. */
void replay_print(const struct replay *r, FILE *out);
void replay_json(const struct replay *r, FILE *out);

/*
 * Requests running and waiting over time, simulated beside measured (timeseries.csv of the folder,
 * where it is there): replay.dat, .gp and pictures in `dir`. False with errors added.
 */
bool replay_write(const struct replay *r, const char *dir, struct err *err);

#endif
