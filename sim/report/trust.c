/* Names of files per service, and what the numbers of one rest on. */
#include "report/report.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

char *report_file_name(const struct report *r, size_t service, const char *stem, const char *tail)
{
	if (r->summary->n_services == 1) {
		return mem_printf("%s%s", stem, tail);
	}
	const char *name = r->summary->services[service].name;
	char *file = mem_printf("%s_%s%s", stem, name, tail);
	bool changed = false;

	for (char *p = file + strlen(stem) + 1; p < file + strlen(file) - strlen(tail); p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		             (*p >= '0' && *p <= '9') || *p == '.' || *p == '-' || *p == '_';

		changed = changed || !plain;
		*p = (char)(plain ? *p : '_');
	}
	if (changed) { /* "a b" and "a/b" stay apart */
		char *numbered = mem_printf("%.*s-%zu%s", (int)(strlen(file) - strlen(tail)), file,
		                            service, tail);

		free(file);
		return numbered;
	}
	return file;
}

/* True when a constant of the service is not its engine profile's. */
static bool has_own_costs(const struct scenario_service *s)
{
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		char here[64], there[64];

		option_text(o, &s->costs, here, sizeof(here));
		option_text(o, &s->engine->costs, there, sizeof(there));
		if (strcmp(here, there) != 0) {
			return true;
		}
	}
	return false;
}

char *report_trust(const struct report *r, size_t service)
{
	const struct scenario_service *s = &r->scenario->services[service];

	return mem_printf("engine profile %s%s, set by hand, not calibrated", s->engine_name,
	                  has_own_costs(s) ? " with costs of this scenario" : "");
}
