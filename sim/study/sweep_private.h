/* Between the files of a sweep: what a cell is, and how its rows are written. */
#ifndef ALIQUOT_STUDY_SWEEP_PRIVATE_H
#define ALIQUOT_STUDY_SWEEP_PRIVATE_H

#include "metric/summary.h"
#include "report/json_writer.h"
#include "study/sweep.h"

enum sweep_status {
	SWEEP_OK, /* ran, and there are no limits */
	SWEEP_PASS,
	SWEEP_FAIL,
	SWEEP_MAX_REACHED,
	SWEEP_NONE_PASSES,
	SWEEP_INFEASIBLE,
	SWEEP_INTERRUPTED,
};

enum { SWEEP_FIGURES = 36 }; /* room; how many there are sweep_table.c says */

struct sweep_row {
	char *service, *model;
	char *gpus;                    /* the kinds of the cluster: "h100-nvl", "h200-sxm + b200" */
	int64_t ccu;                   /* of the service */
	double figures[SWEEP_FIGURES]; /* valid when the cell has figures */
};

struct sweep_cell {
	enum sweep_status status;
	int64_t ccu, fails_at; /* of a search, in all; 0: none */
	bool monotone;
	bool has_figures;
	struct sweep_row *rows;
	size_t n_services;
	struct err *err;
};

struct sweep_writer {
	const struct sweep_ask *ask;
	FILE *out;
	bool json, interrupted;
	struct json_writer w;
};

/* The text of an axis in a cell. */
const char *sweep_value(const struct sweep_ask *ask, size_t cell, size_t axis);

/* The scenario of a cell, with all limits; NULL with errors added. */
struct scenario *sweep_scenario(const struct sweep_ask *ask, size_t cell, struct err *err);

/* The first error of a cell, with the values that lead to it. */
void sweep_blame(const struct sweep_ask *ask, size_t cell, const struct err *from, struct err *err);

/* Figures of a finished run into the rows of its cell. */
void sweep_figures(struct sweep_cell *cell, const struct scenario *sc, const struct summary *s);

void sweep_begin(struct sweep_writer *w, const struct sweep_ask *ask, FILE *out, bool json);
void sweep_write(struct sweep_writer *w, size_t index, const struct sweep_cell *cell);
void sweep_end(struct sweep_writer *w);

#endif
