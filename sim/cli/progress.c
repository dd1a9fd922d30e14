/* A progress line on stderr for runs longer than a second on a terminal; nothing when piped. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "flow/sim.h"
#include "cli/cli.h"

struct progress {
	struct timespec start;
	double shown; /* seconds at which the line was last drawn; 0: never */
	bool live;
};

static double elapsed(const struct progress *p)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - p->start.tv_sec) +
	       (double)(now.tv_nsec - p->start.tv_nsec) / 1e9;
}

struct progress *progress_new(bool quiet)
{
	struct progress *const p = mem_new(1, sizeof(*p));
	clock_gettime(CLOCK_MONOTONIC, &p->start);
	p->live = !quiet && isatty(STDERR_FILENO) == 1;
	return p;
}

/* Is it time to draw the line again? */
static bool due(struct progress *p, double *seconds)
{
	*seconds = p->live ? elapsed(p) : 0.0;
	if (*seconds < 1.0 || *seconds < p->shown + 0.2) {
		return false;
	}
	p->shown = *seconds;
	return true;
}

void progress_say(void *progress, const char *what)
{
	double seconds;
	if (due(progress, &seconds)) {
		fprintf(stderr, "\r  %s, %.0f s ", what, seconds);
	}
}

void progress_show(void *progress, const struct sim_progress *s)
{
	double seconds;
	if (!due(progress, &seconds)) {
		return;
	}
	fprintf(stderr,
	        "\r  %.0f s simulated, %.1f M events, %llu requests, %llu in flight, %.0f s ",
	        ns_to_seconds(s->now), (double)s->events / 1e6, (unsigned long long)s->arrived,
	        (unsigned long long)s->in_flight, seconds);
}

void progress_wipe(struct progress *p)
{
	if (p->shown > 0.0) {
		fprintf(stderr, "\r%80s\r", "");
	}
	p->shown = 0.0;
}

double progress_end(struct progress *p)
{
	const double seconds = elapsed(p);
	progress_wipe(p);
	free(p);
	return seconds;
}
