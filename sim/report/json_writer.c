/* Commas, indents, escapes and numbers of JSON. */
#include "report/json_writer.h"

#include "base/check.h"
#include "base/str.h"

#include <inttypes.h>
#include <math.h>

/* decimals of up to 15 digits all survive a double, so each is its double's shortest text */
#define EXACT_DECIMALS INT64_C(1000000000000000)

void json_writer_init(struct json_writer *w, FILE *out, bool one_line)
{
	*w = (struct json_writer){.out = out, .flat_all = one_line};
}

static bool on_one_line(const struct json_writer *w)
{
	return w->flat_all || (w->flat != 0 && w->depth >= w->flat);
}

static void put_text(FILE *out, const char *text)
{
	putc('"', out);
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\') {
			putc('\\', out);
			putc(c, out);
		} else if (c == '\n') {
			fputs("\\n", out);
		} else if (c == '\t') {
			fputs("\\t", out);
		} else if (c < 0x20) {
			fprintf(out, "\\u%04x", c);
		} else {
			putc(c, out);
		}
	}
	putc('"', out);
}

static void break_line(struct json_writer *w)
{
	putc('\n', w->out);
	for (unsigned i = 0; i < w->depth; i++) {
		fputs("  ", w->out);
	}
}

/* What comes before a value: comma, line break, key. */
static void lead(struct json_writer *w, const char *key)
{
	if (w->depth == 0) {
		sim_assert(key == NULL);
		return;
	}
	bool *filled = &w->filled[w->depth - 1];

	sim_assert((key != NULL) == w->object[w->depth - 1]);
	if (*filled) {
		putc(',', w->out);
	}
	if (!on_one_line(w)) {
		break_line(w);
	} else if (*filled && !w->flat_all) {
		putc(' ', w->out);
	}
	*filled = true;
	if (key != NULL) {
		put_text(w->out, key);
		fputs(w->flat_all ? ":" : ": ", w->out);
	}
}

static void begin(struct json_writer *w, const char *key, bool object, bool flat)
{
	lead(w, key);
	sim_assert(w->depth < JSON_WRITER_DEPTH);
	putc(object ? '{' : '[', w->out);
	w->object[w->depth] = object;
	w->filled[w->depth] = false;
	w->depth++;
	if (flat && w->flat == 0) {
		w->flat = w->depth;
	}
}

void json_begin_object(struct json_writer *w, const char *key)
{
	begin(w, key, true, false);
}

void json_begin_object_flat(struct json_writer *w, const char *key)
{
	begin(w, key, true, true);
}

void json_begin_array(struct json_writer *w, const char *key)
{
	begin(w, key, false, false);
}

void json_begin_array_flat(struct json_writer *w, const char *key)
{
	begin(w, key, false, true);
}

void json_end(struct json_writer *w)
{
	sim_assert(w->depth > 0);
	bool one_line = on_one_line(w);

	if (w->flat == w->depth) {
		w->flat = 0;
	}
	w->depth--;
	if (w->filled[w->depth] && !one_line) {
		break_line(w);
	}
	putc(w->object[w->depth] ? '}' : ']', w->out);
	if (w->depth == 0) {
		putc('\n', w->out);
	}
}

void json_put_string(struct json_writer *w, const char *key, const char *text)
{
	lead(w, key);
	if (text == NULL) {
		fputs("null", w->out);
	} else {
		put_text(w->out, text);
	}
}

void json_put_int(struct json_writer *w, const char *key, int64_t v)
{
	lead(w, key);
	fprintf(w->out, "%" PRId64, v);
}

void json_put_real(struct json_writer *w, const char *key, double v)
{
	char buf[40];

	lead(w, key);
	fputs(isfinite(v) ? str_real(v, buf, sizeof(buf)) : "null", w->out);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
	lead(w, key);
	fputs(v ? "true" : "false", w->out);
}

void json_put_null(struct json_writer *w, const char *key)
{
	lead(w, key);
	fputs("null", w->out);
}

void json_put_ms(struct json_writer *w, const char *key, ns_t v)
{
	sim_assert(v >= 0);
	if (v >= EXACT_DECIMALS) {
		json_put_real(w, key, ns_to_ms(v));
		return;
	}
	lead(w, key);
	char digits[8] = ".000000";
	int64_t part = v % NS_PER_MS;
	int last = 0;

	for (int i = 6; i >= 1; i--) {
		digits[i] = (char)('0' + part % 10);
		last = last == 0 && part % 10 != 0 ? i : last;
		part /= 10;
	}
	digits[last == 0 ? 0 : last + 1] = '\0';
	fprintf(w->out, "%" PRId64 "%s", v / NS_PER_MS, digits);
}
