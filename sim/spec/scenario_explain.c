/* What the keys mean that were logged without their table, as those that are absent. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* "services[]" of "services.0.slo", "scenario" of "faults"; caller frees. */
static char *section_of(const char *path)
{
	const char *const last = strrchr(path, '.');
	char *const title = mem_strdup(last != NULL ? path : "scenario");
	size_t n = 0;

	for (const char *c = path; last != NULL && c < last; c++) {
		if (*c == '.' && c[1] >= '0' && c[1] <= '9') {
			c += strspn(c + 1, "0123456789");
			title[n++] = '[';
			title[n++] = ']';
		} else {
			title[n++] = *c;
		}
	}
	title[last != NULL ? n : strlen(title)] = '\0';
	return title;
}

static const struct option *find_key(const char *path)
{
	const char *const last = strrchr(path, '.');
	const char *const key = last != NULL ? last + 1 : path;
	char *const title = section_of(path);
	const struct option *found = NULL;

	for (const struct scenario_section *s = scenario_sections; s->title != NULL; s++) {
		for (const struct option *o = s->table; o->name != NULL; o++) {
			if (strcmp(s->title, title) == 0 && strcmp(o->name, key) == 0) {
				found = o;
			}
		}
	}
	free(title);
	return found;
}

void scenario_explain(struct option_log *log)
{
	for (size_t i = 0; i < option_log_size(log); i++) {
		const struct option_seen *const seen = option_log_at(log, i);
		const struct option *const key = seen->help == NULL ? find_key(seen->path) : NULL;

		if (key != NULL) {
			option_log_explain(log, i, key);
		}
	}
}
