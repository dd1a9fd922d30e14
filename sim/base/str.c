/* Quantities from text, and the nearest right name. Printing is in str_print.c. */
#include "base/str.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_INT 9007199254740992.0 /* 2^53: doubles beyond it skip integers */
#define NS_LIMIT 9.2e18              /* just under INT64_MAX */
#define LONGEST_WORD 200             /* no name is longer, and the distance is quadratic */
#define NUMBER_MAX 400               /* characters of one number */

struct unit {
	const char *name;
	double factor;
};

/* Largest first: "2m30s" must go down the list. */
static const struct unit duration_units[] = {
	{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1},
};

static const struct unit byte_units[] = {
	{"", 1},
	{"B", 1},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"PB", 1e15},
	{"KiB", 1024.0},
	{"MiB", 1048576.0},
	{"GiB", 1073741824.0},
	{"TiB", 1099511627776.0},
	{"PiB", 1125899906842624.0},
	{"Ki", 1024.0},
	{"Mi", 1048576.0},
	{"Gi", 1073741824.0},
	{"Ti", 1099511627776.0},
	{"Pi", 1125899906842624.0},
};

static const struct unit count_units[] = {
	{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12},
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t') {
		s++;
	}
	return s;
}

static const char *skip_digits(const char *s)
{
	while (is_digit(*s)) {
		s++;
	}
	return s;
}

/*
 * Read a plain decimal number at s; NULL when there is none, else where it ends. strtod alone would
 * also take hexadecimal, "inf" and "nan".
 */
static const char *scan_number(const char *s, double *out)
{
	const char *p = s + (*s == '-' || *s == '+' ? 1 : 0);
	const char *digits = p;
	size_t n_digits;

	p = skip_digits(p);
	n_digits = (size_t)(p - digits);
	if (*p == '.') {
		const char *after = skip_digits(p + 1);

		n_digits += (size_t)(after - p - 1);
		p = after;
	}
	if (n_digits == 0) {
		return NULL;
	}
	if (*p == 'e' || *p == 'E') {
		const char *e = p + 1 + (p[1] == '-' || p[1] == '+' ? 1 : 0);

		p = is_digit(*e) ? skip_digits(e) : p;
	}
	char copy[NUMBER_MAX];
	size_t length = (size_t)(p - s);

	if (length >= sizeof(copy)) {
		return NULL;
	}
	memcpy(copy, s, length);
	copy[length] = '\0';
	*out = strtod(copy, NULL);
	return isfinite(*out) ? p : NULL;
}

/* A number with one of the units, nothing else. */
static bool scan_quantity(const char *s, const struct unit *units, size_t n_units, double *out)
{
	double number;
	const char *rest = scan_number(skip_blanks(s), &number);

	if (rest == NULL) {
		return false;
	}
	rest = skip_blanks(rest);
	for (size_t i = 0; i < n_units; i++) {
		if (strcmp(rest, units[i].name) == 0 && isfinite(number * units[i].factor)) {
			*out = number * units[i].factor;
			return true;
		}
	}
	return false;
}

/* The unit from `first` on that stands at s, followed by no letter; COUNT_OF() when none. */
static size_t find_duration_unit(const char *s, size_t first, const char **rest)
{
	for (size_t i = first; i < COUNT_OF(duration_units); i++) {
		size_t length = strlen(duration_units[i].name);
		char next;

		if (strncmp(s, duration_units[i].name, length) != 0) {
			continue;
		}
		next = s[length];
		if (next == '\0' || next == ' ' || is_digit(next)) {
			*rest = s + length;
			return i;
		}
	}
	return COUNT_OF(duration_units);
}

bool str_to_duration(const char *s, ns_t *out)
{
	double total = 0.0;
	size_t unit = 0;

	s = skip_blanks(s);
	if (strcmp(s, "0") == 0) {
		*out = 0;
		return true;
	}
	do {
		double number;
		const char *rest = is_digit(*s) || *s == '.' ? scan_number(s, &number) : NULL;

		if (rest == NULL) {
			return false;
		}
		unit = find_duration_unit(skip_blanks(rest), unit, &rest);
		if (unit == COUNT_OF(duration_units)) {
			return false;
		}
		total += number * duration_units[unit].factor;
		unit++;
		s = skip_blanks(rest);
	} while (*s != '\0');
	if (!(total < NS_LIMIT)) {
		return false;
	}
	*out = (ns_t)floor(total + 0.5);
	return true;
}

bool str_to_bytes(const char *s, double *out)
{
	return scan_quantity(s, byte_units, COUNT_OF(byte_units), out);
}

bool str_to_count(const char *s, double *out)
{
	return scan_quantity(s, count_units, COUNT_OF(count_units), out);
}

bool str_to_share(const char *s, double *out)
{
	double number;
	const char *rest = scan_number(skip_blanks(s), &number);

	if (rest == NULL) {
		return false;
	}
	rest = skip_blanks(rest);
	if (strcmp(rest, "%") == 0) {
		*out = number / 100.0;
		return true;
	}
	if (*rest != '\0') {
		return false;
	}
	*out = number;
	return true;
}

bool str_to_int(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t value = 0;

	s += *s == '-' || *s == '+' ? 1 : 0;
	if (!is_digit(*s)) {
		return false;
	}
	for (; is_digit(*s); s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (value > (limit - digit) / 10) {
			return false;
		}
		value = 10 * value + digit;
	}
	if (*s != '\0') {
		return false;
	}
	if (negative) {
		*out = value == limit ? INT64_MIN : -(int64_t)value;
	} else {
		*out = (int64_t)value;
	}
	return true;
}

bool str_to_real(const char *s, double *out)
{
	double number;
	const char *rest = scan_number(s, &number);

	if (rest == NULL || *rest != '\0') {
		return false;
	}
	*out = number;
	return true;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Edits that make a of b: letters added, dropped, replaced, and neighbours swapped (Damerau's
 * distance in its restricted form); case ignored. `rows` has room for 3 * (strlen(b) + 1) numbers.
 */
static size_t edit_distance(const char *a, const char *b, size_t *rows)
{
	size_t n = strlen(b);
	size_t *before = rows, *last = rows + n + 1, *row = rows + 2 * (n + 1);

	for (size_t j = 0; j <= n; j++) {
		row[j] = j;
	}
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t *recycled = before;

		before = last;
		last = row;
		row = recycled;
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			               lower(a[i - 2]) == lower(b[j - 1]);

			row[j] = smaller(last[j - 1] + (same ? 0 : 1),
			                 smaller(last[j], row[j - 1]) + 1);
			row[j] = swapped ? smaller(row[j], before[j - 2] + 1) : row[j];
		}
	}
	return row[n];
}

/* Letters that the two have in common at their beginning, case ignored. */
static size_t common_beginning(const char *a, const char *b)
{
	size_t i = 0;

	while (a[i] != '\0' && lower(a[i]) == lower(b[i])) {
		i++;
	}
	return i;
}

/* The name that begins most like `word`: three letters at least, and more than half of the word. */
static const char *nearest_beginning(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t least = strlen(word) / 2 + 1 > 3 ? strlen(word) / 2 + 1 : 3;

	for (size_t i = 0; i < n; i++) {
		size_t common = common_beginning(word, names[i]);

		if (common >= least) {
			best = names[i];
			least = common + 1;
		}
	}
	return best;
}

/* The name at the least edit distance, when that is small for its length; *distance gets it. */
static const char *nearest_spelling(const char *word, const char *const *names, size_t n,
                                    size_t *distance)
{
	const char *best = NULL;
	size_t length = strlen(word);

	for (size_t i = 0; i < n; i++) {
		size_t name_length = strlen(names[i]);
		size_t longer = length > name_length ? length : name_length;
		size_t limit = longer / 3 > 2 ? longer / 3 : 2;
		size_t *rows = mem_new(3 * (name_length + 1), sizeof(*rows));
		size_t edits = edit_distance(word, names[i], rows);

		free(rows);
		if (edits <= limit && edits < longer && (best == NULL || edits < *distance)) {
			best = names[i];
			*distance = edits;
		}
	}
	return best;
}

const char *str_nearest(const char *word, const char *const *names, size_t n)
{
	size_t distance = 0;

	if (strlen(word) > LONGEST_WORD) {
		return NULL;
	}
	const char *spelling = nearest_spelling(word, names, n, &distance);

	if (spelling != NULL && distance <= 1) {
		return spelling;
	}
	const char *beginning = nearest_beginning(word, names, n);

	return beginning != NULL ? beginning : spelling;
}
