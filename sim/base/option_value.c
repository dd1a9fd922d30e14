/* One value of an option table: type and range checks, fallbacks, printing. */
#include "base/option_private.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_LIMIT 9.2e18 /* just under INT64_MAX */
#define EXACT_INT 9e15  /* below 2^53: doubles hold every integer up to it */
#define TINY 1e-9       /* a lower limit below it stands for "greater than zero" */

static void *field(const struct option *o, void *self)
{
	return (char *)self + o->offset;
}

static const void *field_const(const struct option *o, const void *self)
{
	return (const char *)self + o->offset;
}

/* A number of seconds, which may be written as a duration. */
static bool is_seconds(const struct option *o)
{
	return o->type == OPTION_REAL && o->unit != NULL && strcmp(o->unit, "s") == 0;
}

/* What a key wants, for messages. */
static void describe_type(const struct option *o, char *buf, size_t size)
{
	const char *unit = o->unit;

	switch (o->type) {
	case OPTION_BOOL:
		snprintf(buf, size, "true or false");
		return;
	case OPTION_INT:
		snprintf(buf, size, "an integer");
		return;
	case OPTION_REAL:
		snprintf(buf, size, "%s",
		         is_seconds(o) ? "a duration like \"250ms\" or a number in s" : "a number");
		return;
	case OPTION_SHARE:
		snprintf(buf, size, "a share like 0.5 or \"50%%\"");
		return;
	case OPTION_TEXT:
	case OPTION_CHOICE:
		snprintf(buf, size, "a string");
		return;
	case OPTION_DURATION:
		snprintf(buf, size, "a duration like \"250ms\" or a number in %s",
		         unit != NULL ? unit : "s");
		return;
	case OPTION_BYTES:
		snprintf(buf, size, "a size like \"80GiB\" or a number of bytes");
		return;
	case OPTION_RATE:
		snprintf(buf, size, "bytes per second, like \"6GB\" or a number");
		return;
	case OPTION_NODE:
		snprintf(buf, size, "a value");
		return;
	}
}

/* The value as it stands in the file, shortened; numbers in their shortest form; caller frees. */
static char *shown(const json_t *value)
{
	char *text, number[40];
	size_t length;

	if (json_is_object(value) || json_is_array(value)) {
		text = mem_strdup(json_type_name(value));
	} else if (json_is_real(value) && fabs(json_real_value(value)) < EXACT_INT) {
		text = mem_strdup(str_real(json_real_value(value), number, sizeof(number)));
	} else {
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	}
	sim_assert(text != NULL);
	length = strlen(text);
	if (length > 60) {
		length = 60;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
			length--;
		}
		char *cut = mem_printf("%.*s...", (int)length, text);

		free(text);
		return cut;
	}
	return text;
}

static void fail_type(const struct option *o, const struct json_at *at)
{
	char wanted[96];
	char *got = shown(at->value);

	describe_type(o, wanted, sizeof(wanted));
	json_fail(at, "expected %s, got %s", wanted, got);
	free(got);
}

/* A limit in the words of the option's type; caller frees. */
static char *limit_text(const struct option *o, double limit)
{
	char buf[64];

	switch (o->type) {
	case OPTION_DURATION:
		return mem_strdup(str_duration((ns_t)limit, buf, sizeof(buf)));
	case OPTION_BYTES:
		return mem_strdup(str_bytes_exact((bytes_t)limit, buf, sizeof(buf)));
	case OPTION_BOOL:
	case OPTION_INT:
	case OPTION_REAL:
	case OPTION_SHARE:
	case OPTION_TEXT:
	case OPTION_RATE:
	case OPTION_CHOICE:
	case OPTION_NODE:
		break;
	}
	return mem_strdup(str_real(limit, buf, sizeof(buf)));
}

/* Whether the number lies in the option's range; adds an error when not. */
static bool in_range(const struct option *o, double value, const struct json_at *at)
{
	bool unchecked = !(o->min < o->max) && !(o->min > o->max) && fpclassify(o->min) == FP_ZERO;

	if (unchecked || (value >= o->min && value <= o->max)) {
		return true;
	}
	char *got = shown(at->value);

	if (value < o->min && o->min > 0.0 && o->min < TINY) {
		json_fail(at, "must be greater than 0, got %s", got);
	} else {
		char *limit = limit_text(o, value < o->min ? o->min : o->max);

		json_fail(at, "must be at %s %s, got %s", value < o->min ? "least" : "most", limit,
		          got);
		free(limit);
	}
	free(got);
	return false;
}

typedef bool parse_fn(const char *text, double *out);

/* A JSON number, or text that `parse` takes. */
static bool read_number(const struct json_at *at, parse_fn *parse, double *out)
{
	if (json_is_number(at->value)) {
		*out = json_number_value(at->value);
		return isfinite(*out);
	}
	return json_is_string(at->value) && parse(json_string_value(at->value), out);
}

static void read_int(const struct option *o, int64_t *out, const struct json_at *at)
{
	double value;

	if (json_is_integer(at->value)) {
		int64_t exact = json_integer_value(at->value);

		if (in_range(o, (double)exact, at)) {
			*out = exact;
		}
		return;
	}
	/* 1e6 and 64.0 are integers that some writers print as reals */
	if (!read_number(at, str_to_count, &value) || value > floor(value)) {
		fail_type(o, at);
	} else if (in_range(o, value, at)) {
		if (fabs(value) > EXACT_INT) {
			json_fail(at, "too large for an integer");
		} else {
			*out = (int64_t)value;
		}
	}
}

static void read_real(const struct option *o, double *out, const struct json_at *at,
                      parse_fn *parse)
{
	double value;

	if (!read_number(at, parse, &value)) {
		fail_type(o, at);
	} else if (in_range(o, value, at)) {
		*out = value;
	}
}

/* "6GB/s" may be written for "6GB". */
static bool parse_rate(const char *text, double *out)
{
	size_t length = strlen(text);

	if (length < 2 || strcmp(text + length - 2, "/s") != 0) {
		return str_to_bytes(text, out);
	}
	char *bytes = mem_printf("%.*s", (int)(length - 2), text);
	bool ok = str_to_bytes(bytes, out);

	free(bytes);
	return ok;
}

static bool parse_seconds(const char *text, double *out)
{
	ns_t ns;
	if (!str_to_duration(text, &ns)) {
		return str_to_count(text, out);
	}
	*out = (double)ns / (double)NS_PER_S;
	return true;
}

static double nanoseconds_per(const char *unit)
{
	char *one = mem_printf("1%s", unit != NULL ? unit : "s");
	ns_t ns = 0;
	bool ok = str_to_duration(one, &ns);

	free(one);
	sim_assert(ok);
	return (double)ns;
}

static void read_duration(const struct option *o, ns_t *out, const struct json_at *at)
{
	ns_t value = 0;

	if (json_is_number(at->value)) {
		double ns = json_number_value(at->value) * nanoseconds_per(o->unit);

		if (ns < 0.0 || ns > NS_LIMIT) { /* infinity included */
			char *got = shown(at->value);

			json_fail(at,
			          ns < 0.0 ? "must not be negative, got %s" : "too long, got %s",
			          got);
			free(got);
			return;
		}
		value = (ns_t)floor(ns + 0.5);
	} else if (!json_is_string(at->value) ||
	           !str_to_duration(json_string_value(at->value), &value)) {
		fail_type(o, at);
		return;
	}
	if (in_range(o, (double)value, at)) {
		*out = value;
	}
}

static void read_bytes(const struct option *o, bytes_t *out, const struct json_at *at)
{
	double value;

	if (!read_number(at, str_to_bytes, &value)) {
		fail_type(o, at);
	} else if (in_range(o, value, at)) {
		if (value < 0.0 || value > EXACT_INT) {
			char *got = shown(at->value);

			json_fail(at,
			          value < 0.0 ? "must not be negative, got %s"
			                      : "too large, got %s",
			          got);
			free(got);
			return;
		}
		*out = (bytes_t)floor(value + 0.5);
	}
}

static void read_choice(const struct option *o, int *out, const struct json_at *at)
{
	size_t n = 0;

	if (!json_is_string(at->value)) {
		fail_type(o, at);
		return;
	}
	for (; o->choices[n] != NULL; n++) {
		if (strcmp(o->choices[n], json_string_value(at->value)) == 0) {
			*out = (int)n;
			return;
		}
	}
	json_fail_name(at, o->name, json_string_value(at->value), o->choices, n);
}

static void read_text(const struct option *o, char **out, const struct json_at *at)
{
	if (!json_is_string(at->value)) {
		fail_type(o, at);
		return;
	}
	free(*out);
	*out = mem_strdup(json_string_value(at->value));
}

void option_value_read(const struct option *o, void *self, const struct json_at *at)
{
	switch (o->type) {
	case OPTION_BOOL:
		if (!json_is_boolean(at->value)) {
			fail_type(o, at);
		} else {
			*(bool *)field(o, self) = json_is_true(at->value);
		}
		break;
	case OPTION_INT:
		read_int(o, field(o, self), at);
		break;
	case OPTION_REAL:
		read_real(o, field(o, self), at, is_seconds(o) ? parse_seconds : str_to_count);
		break;
	case OPTION_SHARE:
		read_real(o, field(o, self), at, str_to_share);
		break;
	case OPTION_RATE:
		read_real(o, field(o, self), at, parse_rate);
		break;
	case OPTION_DURATION:
		read_duration(o, field(o, self), at);
		break;
	case OPTION_BYTES:
		read_bytes(o, field(o, self), at);
		break;
	case OPTION_CHOICE:
		read_choice(o, field(o, self), at);
		break;
	case OPTION_TEXT:
		read_text(o, field(o, self), at);
		break;
	case OPTION_NODE:
		*(const json_t **)field(o, self) = at->value;
		break;
	}
}

static void set_zero(const struct option *o, void *self)
{
	switch (o->type) {
	case OPTION_BOOL:
		*(bool *)field(o, self) = false;
		break;
	case OPTION_INT:
	case OPTION_DURATION:
	case OPTION_BYTES:
		*(int64_t *)field(o, self) = 0;
		break;
	case OPTION_REAL:
	case OPTION_SHARE:
	case OPTION_RATE:
		*(double *)field(o, self) = 0.0;
		break;
	case OPTION_CHOICE:
		*(int *)field(o, self) = 0;
		break;
	case OPTION_TEXT:
		*(char **)field(o, self) = NULL;
		break;
	case OPTION_NODE:
		*(const json_t **)field(o, self) = NULL;
		break;
	}
}

/* The fallback as the JSON a user would write; new reference. */
static json_t *fallback_json(const struct option *o)
{
	double number;
	int64_t integer;

	if (o->type == OPTION_BOOL) {
		return json_boolean(strcmp(o->fallback, "true") == 0);
	}
	if (o->type == OPTION_TEXT || o->type == OPTION_CHOICE) {
		return json_string(o->fallback);
	}
	if (str_to_int(o->fallback, &integer)) {
		return json_integer(integer);
	}
	return str_to_real(o->fallback, &number) ? json_real(number) : json_string(o->fallback);
}

void option_value_default(const struct option *o, void *self)
{
	set_zero(o, self);
	if (o->fallback == NULL || o->fallback[0] == '\0') {
		return;
	}
	struct err *err = err_new();
	json_t *value = fallback_json(o);
	struct json_at at = json_root(value, o->name, err);

	option_value_read(o, self, &at);
	if (err_count(err) > 0) { /* a table that contradicts itself is our mistake */
		check_fail(__FILE__, __LINE__, err_message(err, 0));
	}
	json_decref(value);
	err_free(err);
}

char *option_value_text(const struct option *o, const void *self)
{
	const void *at = field_const(o, self);
	char buf[64];

	switch (o->type) {
	case OPTION_BOOL:
		return mem_strdup(*(const bool *)at ? "true" : "false");
	case OPTION_INT:
		return mem_printf("%lld", (long long)*(const int64_t *)at);
	case OPTION_REAL:
	case OPTION_SHARE:
	case OPTION_RATE:
		return mem_strdup(str_real(*(const double *)at, buf, sizeof(buf)));
	case OPTION_DURATION:
		return mem_strdup(str_duration(*(const ns_t *)at, buf, sizeof(buf)));
	case OPTION_BYTES:
		return mem_strdup(str_bytes_exact(*(const bytes_t *)at, buf, sizeof(buf)));
	case OPTION_CHOICE:
		return mem_strdup(o->choices[*(const int *)at]);
	case OPTION_TEXT:
		return mem_strdup(*(char *const *)at != NULL ? *(char *const *)at : "none");
	case OPTION_NODE:
		break;
	}
	const json_t *node = *(json_t *const *)at;
	char *dump = node != NULL ? json_dumps(node, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	return dump != NULL ? dump : mem_strdup("none");
}
