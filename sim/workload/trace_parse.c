/* Turns text and JSON numbers of traces into exact nanoseconds and token counts. */
#include "workload/trace_private.h"

#include <math.h>

#define MAX_EXPONENT 1000

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t') {
		s++;
	}
	return s;
}

/*
 * Digits and point of a number into *value times 10^*exponent. Digits after the 31st are below any
 * result that fits, and a dropped one cannot turn a half into less than a half.
 */
static const char *read_mantissa(const char *s, u128_t *value, int *exponent, bool *any)
{
	const u128_t full = (u128_t)1000000000000000 * 1000000000000000;
	bool point = false;

	*value = 0;
	*any = false;
	for (; is_digit(*s) || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		*any = true;
		if (*value >= full) {
			*exponent += !point && *exponent < MAX_EXPONENT;
			continue;
		}
		*value = *value * 10 + (unsigned)(*s - '0');
		*exponent -= point;
	}
	return s;
}

/* "e-05" after a number, or nothing; NULL when it is broken. */
static const char *read_exponent(const char *s, int *exponent)
{
	int sign = 1, e = 0;

	if (*s != 'e' && *s != 'E') {
		return s;
	}
	s++;
	if (*s == '+' || *s == '-') {
		sign = *s == '-' ? -1 : 1;
		s++;
	}
	if (!is_digit(*s)) {
		return NULL;
	}
	for (; is_digit(*s); s++) {
		if (e < MAX_EXPONENT) {
			e = e * 10 + (*s - '0');
		}
	}
	*exponent += sign * e;
	return s;
}

/* value times 10^exponent, rounded to nearest (halves up). */
static bool scale_decimal(u128_t value, int exponent, int64_t *out)
{
	u128_t power = 1;

	for (; exponent > 0 && value != 0; exponent--) {
		if (value > INT64_MAX) {
			return false;
		}
		value *= 10;
	}
	if (exponent < -38) {
		value = 0;
	} else {
		for (; exponent < 0; exponent++) {
			power *= 10;
		}
		value = (value + power / 2) / power;
	}
	if (value >= INT64_MAX) {
		return false;
	}
	*out = (int64_t)value;
	return true;
}

bool trace_parse_decimal(const char *text, int scale, int64_t *out)
{
	const char *s = skip_blanks(text);
	int exponent = scale;
	u128_t value;
	bool any;

	s = read_mantissa(s + (*s == '+'), &value, &exponent, &any);
	if (!any) {
		return false;
	}
	s = read_exponent(s, &exponent);
	if (s == NULL || *skip_blanks(s) != '\0') {
		return false;
	}
	return scale_decimal(value, exponent, out);
}

/* Exactly n digits. */
static bool read_digits(const char **s, int n, int64_t *out)
{
	int64_t value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (!is_digit(**s)) {
			return false;
		}
		value = value * 10 + (**s - '0');
	}
	*out = value;
	return true;
}

static bool read_char(const char **s, char c)
{
	if (**s != c) {
		return false;
	}
	(*s)++;
	return true;
}

static int64_t leap_years_until(int64_t year)
{
	return year / 4 - year / 100 + year / 400;
}

/* Days since 1970-01-01 in the Gregorian calendar; false when there is no such day. */
static bool civil_days(int64_t year, int64_t month, int64_t day, int64_t *days)
{
	static const int64_t before[] = {0,   31,  59,  90,  120, 151, 181,
	                                 212, 243, 273, 304, 334, 365};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 ||
	    day > before[month] - before[month - 1] + (leap && month == 2)) {
		return false;
	}
	*days = 365 * (year - 1970) + leap_years_until(year - 1) - leap_years_until(1969) +
	        before[month - 1] + (leap && month > 2) + day - 1;
	return true;
}

/* ".6805900" or nothing, in ns. */
static bool read_fraction(const char **s, int64_t *ns)
{
	int64_t unit = NS_PER_S;

	*ns = 0;
	if (**s != '.') {
		return true;
	}
	(*s)++;
	if (!is_digit(**s)) {
		return false;
	}
	for (; is_digit(**s) && unit > 1; (*s)++) {
		unit /= 10;
		*ns += unit * (**s - '0');
	}
	return true;
}

/* "Z", "+01:00", "+0100", "+01" or nothing, in seconds east. */
static bool read_zone(const char **s, int64_t *seconds)
{
	int64_t hours, minutes = 0;
	int sign = **s == '-' ? -1 : 1;

	*seconds = 0;
	if (**s == '\0' || read_char(s, 'Z')) {
		return true;
	}
	if (**s != '+' && **s != '-') {
		return false;
	}
	(*s)++;
	if (!read_digits(s, 2, &hours)) {
		return false;
	}
	(void)read_char(s, ':');
	if (**s != '\0' && !read_digits(s, 2, &minutes)) {
		return false;
	}
	*seconds = sign * (hours * 3600 + minutes * 60);
	return hours <= 14 && minutes < 60;
}

bool trace_parse_civil(const char *text, ns_t *out)
{
	const char *s = skip_blanks(text);
	int64_t year, month, day, hour, minute, second, fraction, zone, days;

	if (!read_digits(&s, 4, &year) || !read_char(&s, '-') || !read_digits(&s, 2, &month) ||
	    !read_char(&s, '-') || !read_digits(&s, 2, &day) ||
	    !civil_days(year, month, day, &days)) {
		return false;
	}
	if (!read_char(&s, ' ') && !read_char(&s, 'T')) {
		return false;
	}
	if (!read_digits(&s, 2, &hour) || !read_char(&s, ':') || !read_digits(&s, 2, &minute) ||
	    !read_char(&s, ':') || !read_digits(&s, 2, &second) || !read_fraction(&s, &fraction)) {
		return false;
	}
	s = skip_blanks(s);
	if (hour > 23 || minute > 59 || second > 59 || !read_zone(&s, &zone) ||
	    *skip_blanks(s) != '\0') {
		return false;
	}
	second += 86400 * days + 3600 * hour + 60 * minute - zone;
	if (second < 0) {
		return false;
	}
	*out = second * NS_PER_S + fraction;
	return true;
}

bool trace_parse_tokens(const struct json_at *at, int32_t min, int32_t *out)
{
	double real = json_number_value(at->value);

	if (!json_is_number(at->value) || real != floor(real)) {
		json_fail(at, "expected a whole number of tokens, got %s",
		          json_is_real(at->value) ? "a fraction" : json_type_name(at->value));
		return false;
	}
	if (real < min || real > TRACE_MAX_TOKENS) {
		json_fail(at, "expected %d to %d tokens, got %.15g", (int)min,
		          (int)TRACE_MAX_TOKENS, real);
		return false;
	}
	*out = (int32_t)real;
	return true;
}

bool trace_parse_time(const struct json_at *at, int64_t unit_ns, ns_t *out)
{
	double real = json_number_value(at->value);

	if (!json_is_number(at->value)) {
		json_fail(at, "expected a time, got %s", json_type_name(at->value));
		return false;
	}
	/* The bound is far enough below 2^63 that rounding cannot cross it. */
	if (!(real >= 0) || real * (double)unit_ns > 9.2e18) {
		json_fail(at, "time is %s", real < 0 ? "negative" : "too large");
		return false;
	}
	*out = json_is_integer(at->value) ? json_integer_value(at->value) * unit_ns
	                                  : (ns_t)llround(real * (double)unit_ns);
	return true;
}

int32_t trace_mean_tokens(const struct length_dist *dist)
{
	if (!(dist->mean > 0)) {
		return 0;
	}
	return dist->mean < 1 ? 1 : (int32_t)lround(fmin(dist->mean, TRACE_MAX_TOKENS));
}
