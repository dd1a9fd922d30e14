/* Scales the users of the loads of a scenario. */
#include "study/users.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "study/limits.h"

/* The recorded line with another concurrency: the last option holds. Caller frees. */
static char *with_concurrency(const char *line, int64_t users)
{
	const char *const flag = strstr(line, "--session-concurrency") != NULL
	                                 ? "--session-concurrency"
	                                 : "--concurrency";
	const char *const rest = strstr(line, " -- "); /* options of perf_analyzer follow */
	const size_t head = rest != NULL ? (size_t)(rest - line) : strlen(line);
	return mem_printf("%.*s %s %" PRId64 "%s", (int)head, line, flag, users, line + head);
}

static void set_users(json_t *document, size_t load, int64_t users)
{
	json_t *const at = json_array_get(json_object_get(document, "loads"), load);
	const char *const line = json_string_value(json_object_get(at, "args"));
	if (line != NULL) {
		char *const text = with_concurrency(line, users);
		json_object_set_new(at, "args", json_string(text));
		free(text);
	} else {
		json_object_set_new(at, "users", json_integer(users));
	}
}

bool users_find(const struct scenario *base, const char *only, struct users *out, struct err *err)
{
	*out = (struct users){.total = 0};
	if (only != NULL && limits_service(base, only, err) == base->n_services) {
		return false;
	}
	out->loads = mem_new(base->n_loads, sizeof(*out->loads));
	for (size_t i = 0; i < base->n_loads; i++) {
		const struct scenario_load *const load = &base->loads[i];
		if (load->kind == LOAD_CONCURRENCY &&
		    (only == NULL || strcmp(base->services[load->service].name, only) == 0)) {
			out->loads[out->n++] = (struct users_load){i, load->users};
			out->total += load->users;
		}
	}
	if (out->n == 0) {
		err_add(err, ERR_USAGE, NULL,
		        "%s has no load of kind \"concurrency\", so there are no users to search",
		        only != NULL ? only : base->name);
	}
	return out->n > 0;
}

/* Users of the first n loads together, of `users` in all: shares add up without a rest. */
static int64_t users_before(const struct users *u, size_t n, int64_t users)
{
	i128_t weight = 0;
	for (size_t i = 0; i < n; i++) {
		weight += u->loads[i].users;
	}
	return (int64_t)(weight * users / u->total);
}

int64_t users_of(const struct users *u, size_t i, int64_t users)
{
	return users_before(u, i + 1, users) - users_before(u, i, users);
}

void users_set(const struct users *u, json_t *document, int64_t users)
{
	for (size_t i = 0; i < u->n; i++) {
		set_users(document, u->loads[i].load, users_of(u, i, users));
	}
}
