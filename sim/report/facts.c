/* Tables and JSON of sourced quantities. */
#include "report/facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum { WIDTH = 100, TEXT_MAX = 80 };

struct fact {
	const char *section, *field, *unit, *help;
	const char *source; /* NULL: derived */
	const char *word;   /* a choice, a flag or a text; NULL: a number */
	char *text;         /* the text, owned, or NULL */
	double number;
};

struct facts {
	VEC(struct fact) list;
};

struct facts *facts_new(void)
{
	return mem_new(1, sizeof(struct facts));
}

void facts_free(struct facts *f)
{
	if (f) {
		for (size_t i = 0; i < f->list.n; i++) {
			free(f->list.at[i].text);
		}
		free(f->list.at);
		free(f);
	}
}

static void read_value(struct fact *fact, const struct option *o, const void *self)
{
	const char *at = (const char *)self + o->offset;
	const char *given;
	bool flag;
	int choice;
	int64_t integer;

	switch (o->type) {
	case OPTION_BOOL:
		memcpy(&flag, at, sizeof flag);
		fact->word = flag ? "yes" : "no";
		break;
	case OPTION_CHOICE:
		memcpy(&choice, at, sizeof choice);
		fact->word = o->choices[choice];
		break;
	case OPTION_INT:
	case OPTION_BYTES:
	case OPTION_DURATION:
		memcpy(&integer, at, sizeof integer);
		fact->number =
			o->type == OPTION_DURATION ? ns_to_seconds(integer) : (double)integer;
		break;
	case OPTION_REAL:
	case OPTION_SHARE:
	case OPTION_RATE:
		memcpy(&fact->number, at, sizeof fact->number);
		break;
	case OPTION_TEXT:
		memcpy(&given, at, sizeof given);
		fact->text = mem_strdup(given);
		fact->word = fact->text != NULL ? fact->text : "none";
		break;
	case OPTION_NODE:
		fact->word = "-";
		break;
	}
}

static void add_fact(struct facts *f, struct fact fact)
{
	vec_push(&f->list, fact);
}

void facts_add_section(struct facts *f, const struct sheet *s, const char *section,
                       const struct option *table, const void *self)
{
	for (; table->name; table++) {
		struct fact fact = {.section = section, .field = table->name, .help = table->help};

		fact.unit = table->unit ? table->unit : "";
		fact.source = sheet_source(s, section, table->name);
		if (fact.source) {
			read_value(&fact, table, self);
			add_fact(f, fact);
		}
	}
}

void facts_add_derived(struct facts *f, const char *field, double value, const char *unit,
                       const char *help)
{
	struct fact fact = {
		.section = "derived", .field = field, .unit = unit, .help = help, .number = value};

	add_fact(f, fact);
}

const char *facts_quantity(double value, const char *unit, char *buf, size_t size)
{
	static const char *const scaled[] = {"bytes", "bytes/s", "FLOP", "FLOP/s"};
	static const char *const brief[] = {"B", "B/s", "FLOP", "FLOP/s"};
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
	char number[TEXT_MAX];
	size_t prefix = 0;

	if (strcmp(unit, "s") == 0 && fabs(value) < 60) {
		return str_duration(ns_from_seconds(value), buf, size);
	}
	if (strcmp(unit, "share") == 0) {
		return str_real(value, buf, size);
	}
	for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++) {
		if (strcmp(unit, scaled[i]) != 0) {
			continue;
		}
		for (; value >= 999.95 && prefix < 5; prefix++) {
			value /= 1000;
		}
		snprintf(buf, size, "%s %s%s", str_human(value, number, sizeof number),
		         prefixes[prefix], brief[i]);
		return buf;
	}
	snprintf(buf, size, "%s%s%s", str_human(value, number, sizeof number), *unit ? " " : "",
	         unit);
	return buf;
}

/* nvidia-smi and the options of engines count in MiB, so memory that is whole in them says both. */
static const char *fact_text(const struct fact *fact, char *buf, size_t size)
{
	const double mib = fact->number / 1048576;
	char quantity[TEXT_MAX / 2], whole[TEXT_MAX / 2];

	if (fact->word) {
		snprintf(buf, size, "%s", fact->word);
		return buf;
	}
	facts_quantity(fact->number, fact->unit, quantity, sizeof quantity);
	if (strcmp(fact->unit, "bytes") == 0 && mib >= 1024 && !(mib > floor(mib))) {
		snprintf(buf, size, "%s (%s MiB)", quantity,
		         str_thousands((int64_t)mib, whole, sizeof whole));
	} else {
		snprintf(buf, size, "%s", quantity);
	}
	return buf;
}

void facts_fold(const char *text, int from, FILE *out)
{
	const size_t room = (size_t)(WIDTH - from);

	while (strlen(text) > room) {
		size_t cut = room;

		while (cut > 0 && text[cut] != ' ') {
			cut--;
		}
		if (cut == 0) {
			cut = strcspn(text, " "); /* one word wider than the room */
		}
		fprintf(out, "%.*s\n%*s", (int)cut, text, from, "");
		text += cut;
		text += *text == ' ';
	}
	fprintf(out, "%s\n", text);
}

/* Number of a source in order of first use, from 1; 0 for none. */
static int source_number(const struct facts *f, const char *source)
{
	int n = 0;

	if (!source) {
		return 0;
	}
	for (size_t i = 0; i < f->list.n; i++) {
		const char *other = f->list.at[i].source;
		bool first = other != NULL;

		for (size_t j = 0; first && j < i; j++) {
			const char *before = f->list.at[j].source;

			first = !before || strcmp(before, other) != 0;
		}
		n += first;
		if (first && strcmp(other, source) == 0) {
			return n;
		}
	}
	return 0;
}

static void print_fact(const struct facts *f, const struct fact *fact, int name, int value,
                       FILE *out)
{
	char text[TEXT_MAX], number[TEXT_MAX] = "";

	if (fact->source) {
		snprintf(number, sizeof number, "[%d]", source_number(f, fact->source));
	}
	fprintf(out, "  %-*s  %-*s  %-4s  ", name, fact->field, value,
	        fact_text(fact, text, sizeof text), number);
	facts_fold(fact->help, name + value + 12, out);
}

static void print_sources(const struct facts *f, FILE *out)
{
	int shown = 0;

	for (size_t i = 0; i < f->list.n; i++) {
		const struct fact *fact = &f->list.at[i];
		int number = source_number(f, fact->source);

		if (number == shown + 1) {
			fprintf(out, "  [%d]%*s", number, number < 10 ? 2 : 1, "");
			facts_fold(fact->source, 7, out);
			shown++;
		}
	}
}

void facts_print(const struct facts *f, FILE *out)
{
	const char *section = "";
	int name = 0, value = 0;
	char text[TEXT_MAX];

	for (size_t i = 0; i < f->list.n; i++) {
		int n = (int)strlen(f->list.at[i].field);
		int v = (int)strlen(fact_text(&f->list.at[i], text, sizeof text));

		name = n > name ? n : name;
		value = v > value ? v : value;
	}
	for (size_t i = 0; i < f->list.n; i++) {
		const struct fact *fact = &f->list.at[i];

		if (strcmp(fact->section, section) != 0) {
			section = fact->section;
			fprintf(out, "\n%s\n", section);
		}
		print_fact(f, fact, name, value, out);
	}
	fprintf(out, "\nsources\n");
	print_sources(f, out);
}

json_t *facts_number(double value)
{
	const double largest = 9007199254740992.0; /* 2^53: integers below are exact */

	if (fabs(value) < largest && !(value < floor(value)) && !(value > floor(value))) {
		return json_integer((json_int_t)value);
	}
	return json_real(value);
}

json_t *facts_json(const struct facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->list.n; i++) {
		const struct fact *fact = &f->list.at[i];
		json_t *value = fact->word ? json_string(fact->word) : facts_number(fact->number);

		if (fact->word &&
		    (strcmp(fact->word, "yes") == 0 || strcmp(fact->word, "no") == 0)) {
			json_decref(value);
			value = json_boolean(strcmp(fact->word, "yes") == 0);
		}
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:o, s:s, s:s, s:s}", "section", fact->section,
		                  "field", fact->field, "value", value, "unit", fact->unit,
		                  "source",
		                  fact->source ? fact->source : "derived from the values above",
		                  "meaning", fact->help));
	}
	return list;
}
