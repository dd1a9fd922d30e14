/* Scenarios for tests, made from text. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_scenario_read(struct test_scenario *t, const char *json)
{
	char name[] = "/tmp/aliquot-test-XXXXXX";
	const int fd = mkstemp(name);
	FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL || fputs(json, f) < 0 || fclose(f) != 0) {
		abort();
	}
	t->err = err_new();
	t->data = data_dir_open(UNCALIBRATED, NULL, t->err);
	t->sc = t->data != NULL ? scenario_read(name, t->data, NULL, 0, t->err) : NULL;
	unlink(name);
	if (t->sc == NULL) {
		err_print(t->err, stderr);
		abort();
	}
}

void test_scenario_fini(struct test_scenario *t)
{
	scenario_free(t->sc);
	data_dir_close(t->data);
	err_free(t->err);
}
