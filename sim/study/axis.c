/* Reads lists and ranges of values. */
#include "study/axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* "from..to*factor" or "from..to+step". */
struct range {
	double from, to, by;
	bool times;
};

static void add(struct axis *a, char *value)
{
	a->values = mem_resize(a->values, a->n + 1, sizeof(char *));
	a->values[a->n++] = value;
}

/* 0.1 + 2 * 0.1 is 0.3: a step has no more digits than were written. */
static double rounded(double v)
{
	char text[40];
	double out = v;
	snprintf(text, sizeof(text), "%.12g", v);
	str_to_real(text, &out);
	return out;
}

static bool add_range(struct axis *a, const struct range *r)
{
	for (size_t i = 0; a->n <= AXIS_MOST_VALUES; i++) {
		const double v = rounded(r->times ? r->from * pow(r->by, (double)i)
		                                  : r->from + r->by * (double)i);
		char text[40];
		if (v > r->to) {
			return true;
		}
		add(a, mem_strdup(str_real(v, text, sizeof(text))));
	}
	return false;
}

/* A number from text[0..n). */
static bool number(const char *text, size_t n, double *out)
{
	char *const copy = mem_printf("%.*s", (int)n, text);
	const bool ok = str_to_real(copy, out);
	free(copy);
	return ok;
}

/* Is the item a range? Its numbers may be wrong: *ok says. */
static bool read_range(const char *item, struct range *r, bool *ok)
{
	const char *const dots = strstr(item, "..");
	if (dots == NULL || !number(item, (size_t)(dots - item), &r->from)) {
		return false;
	}
	const size_t end = strcspn(dots + 2, "*+");
	const char *const op = dots + 2 + end;
	r->times = *op == '*';
	*ok = *op != '\0' && number(dots + 2, end, &r->to) && str_to_real(op + 1, &r->by) &&
	      r->to >= r->from && (r->times ? r->by > 1.0 && r->from > 0.0 : r->by > 0.0);
	return true;
}

/* Length of the item at `text`: up to a comma outside of quotes and brackets. */
static size_t item_length(const char *text)
{
	int depth = 0;
	bool quoted = false;
	size_t i = 0;
	for (; text[i] != '\0' && (text[i] != ',' || depth > 0 || quoted); i++) {
		quoted = text[i] == '"' && (i == 0 || text[i - 1] != '\\') ? !quoted : quoted;
		depth += !quoted && strchr("[{", text[i]) != NULL ? 1 : 0;
		depth -= !quoted && strchr("]}", text[i]) != NULL ? 1 : 0;
	}
	return i;
}

static bool add_item(struct axis *a, const char *item, struct err *err)
{
	struct range range;
	bool ok = true;
	if (!read_range(item, &range, &ok)) {
		ok = item[0] != '\0';
		add(a, mem_strdup(item));
	} else if (ok) {
		ok = add_range(a, &range);
	}
	if (!ok) {
		err_add(err, ERR_USAGE, NULL,
		        "--vary %s: expected values like 1,2,4 or 64..4096*2 or 0.1..0.9+0.2, at "
		        "most %d, got \"%s\"",
		        a->key, AXIS_MOST_VALUES, item);
	}
	return ok;
}

bool axis_read(const char *text, struct axis *out, struct err *err)
{
	const char *const equals = strchr(text, '=');
	const char *at = equals != NULL ? equals + 1 : text;
	bool ok = equals != NULL && equals > text;
	*out = (struct axis){.key = mem_printf("%.*s", (int)strcspn(text, "="), text)};
	if (!ok) {
		err_add(err, ERR_USAGE, NULL, "--vary needs KEY=VALUES, got \"%s\"", text);
	}
	while (ok && at != NULL) {
		const size_t length = item_length(at);
		char *const item = mem_printf("%.*s", (int)length, at);
		ok = add_item(out, item, err);
		free(item);
		at = at[length] == ',' ? at + length + 1 : NULL;
	}
	return ok;
}

void axis_fini(struct axis *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->values[i]);
	}
	free(a->values);
	free(a->key);
}
