/* A queue of numbers that threads take from. */
#include "study/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct queue {
	atomic_size_t next;
	size_t n;
	void (*work)(void *arg, size_t i);
	void *arg;
};

static void *take(void *arg)
{
	struct queue *const q = arg;

	for (size_t i = atomic_fetch_add(&q->next, 1); i < q->n;
	     i = atomic_fetch_add(&q->next, 1)) {
		q->work(q->arg, i);
	}
	return NULL;
}

void jobs_run(size_t n, size_t threads, void (*work)(void *arg, size_t i), void *arg)
{
	struct queue q = {.n = n, .work = work, .arg = arg};
	const size_t most = threads < n ? threads : n;
	pthread_t *const helpers = mem_new(most, sizeof(*helpers));
	size_t started = 0;

	atomic_init(&q.next, 0);
	while (started + 1 < most && pthread_create(&helpers[started], NULL, take, &q) == 0) {
		started++;
	}
	take(&q);
	for (size_t i = 0; i < started; i++) {
		pthread_join(helpers[i], NULL);
	}
	free(helpers);
}
