/* Priorities: Run:ai's classes and plain numbers (semantics.md section 11). */
#include "spec/scenario_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST 1000000000

static const struct {
	const char *name;
	int64_t value;
} classes[] = {
	{SCENARIO_PRIORITY, 125},
	{"build", 100},
	{"build-preemptible", 75},
	{"train", 50},
};
#define N_CLASSES (sizeof(classes) / sizeof(*classes))

static int64_t class_value(const char *name, const struct json_at *at)
{
	const char *names[N_CLASSES];

	for (size_t i = 0; i < N_CLASSES; i++) {
		names[i] = classes[i].name;
		if (strcmp(name, classes[i].name) == 0) {
			return classes[i].value;
		}
	}
	json_fail_name(at, "priority class", name, names, N_CLASSES);
	return 0;
}

int64_t scenario_read_priority(struct scenario_loader *l, const struct json_at *at,
                               const char *fallback)
{
	struct json_at member;
	const char *text = fallback;
	char number[32];
	int64_t value = 0;

	if (!json_get(at, "priority", &member)) {
		scenario_log(l, at, "priority", text, "default");
		return class_value(text, at);
	}
	if (json_is_string(member.value)) {
		text = json_string_value(member.value);
		value = class_value(text, &member);
	} else if (json_is_integer(member.value)) {
		value = json_integer_value(member.value);
		snprintf(number, sizeof(number), "%" PRId64, value);
		text = number;
		if (value < -MOST || value > MOST) {
			json_fail(&member, "must be from %d to %d, got %s", -MOST, MOST, text);
		}
	} else {
		json_fail(&member,
		          "expected a class (inference, build, build-preemptible, "
		          "train) or a whole number, got %s",
		          json_type_name(member.value));
	}
	scenario_log(l, at, "priority", text, "scenario");
	return value;
}
