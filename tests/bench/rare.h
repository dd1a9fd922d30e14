/* A generated fleet for the bench: rarely asked models that take turns on GPUs by memory swap. */
#ifndef ALIQUOT_BENCH_RARE_H
#define ALIQUOT_BENCH_RARE_H

/*
 * Write the scenario of a day of `models` models, ten on each H100 of nodes of four, each asked
 * `per_day` times a day on average, into a new file in /tmp. Its name, to be unlinked and freed.
 */
char *rare_write(int models, int per_day);

#endif
