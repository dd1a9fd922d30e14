/* Numbers, sizes and durations as text, for files (exact) and for people (short). */
#include "base/str.h"

#include "base/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_MIN_EXPONENT (-7) /* below it str_real writes 1e-08 rather than a row of zeros */
#define FIXED_MAX_EXPONENT 14
#define LONGEST_WHOLE 17 /* power of ten up to which every number fits int64_t */

/* The power of ten of a number printed with %e. */
static int exponent_of(const char *digits)
{
	return (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
}

static bool reads_back(const char *digits, double v)
{
	double back = strtod(digits, NULL);

	return back >= v && back <= v;
}

const char *str_real(double v, char *buf, size_t size)
{
	char digits[40];
	int places = 0;

	if (!isfinite(v)) {
		snprintf(buf, size, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
		return buf;
	}
	if (fpclassify(v) == FP_ZERO) {
		snprintf(buf, size, "0");
		return buf;
	}
	do {
		snprintf(digits, sizeof(digits), "%.*e", places, v);
	} while (!reads_back(digits, v) && ++places < 17);
	int exponent = exponent_of(digits);

	if (exponent < FIXED_MIN_EXPONENT || exponent > FIXED_MAX_EXPONENT) {
		snprintf(buf, size, "%s", digits);
	} else {
		snprintf(buf, size, "%.*f", places > exponent ? places - exponent : 0, v);
	}
	return buf;
}

const char *str_thousands(int64_t v, char *buf, size_t size)
{
	char reversed[32];
	size_t n = 0, digits = 0;
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		if (digits > 0 && digits % 3 == 0) {
			reversed[n++] = ',';
		}
		reversed[n++] = (char)('0' + rest % 10);
		digits++;
		rest /= 10;
	} while (rest > 0);
	if (v < 0) {
		reversed[n++] = '-';
	}
	sim_assert(size > n);
	for (size_t i = 0; i < n; i++) {
		buf[i] = reversed[n - 1 - i];
	}
	buf[n] = '\0';
	return buf;
}

const char *str_human(double v, char *buf, size_t size)
{
	char digits[40];
	bool whole = v >= trunc(v) && v <= trunc(v);

	if (!isfinite(v)) {
		return str_real(v, buf, size);
	}
	snprintf(digits, sizeof(digits), "%.3e", v);
	int exponent = exponent_of(digits); /* of the rounded number: 999.96 is 1.000e+03 */

	if (exponent > LONGEST_WHOLE || (exponent < -4 && !whole)) {
		snprintf(buf, size, "%.4g", v);
	} else if (exponent >= 3 || whole) {
		str_thousands((int64_t)(v < 0 ? ceil(v - 0.5) : floor(v + 0.5)), buf, size);
	} else {
		snprintf(buf, size, "%.*f", 3 - exponent, v);
	}
	return buf;
}

/* "2m30s": days, hours and minutes that are not zero, then seconds with their fraction. */
static void print_long_duration(ns_t t, char *buf, size_t size)
{
	static const struct {
		ns_t ns;
		const char *name;
	} units[] = {{86400 * NS_PER_S, "d"}, {3600 * NS_PER_S, "h"}, {60 * NS_PER_S, "m"}};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (t >= units[i].ns) {
			int more = snprintf(buf + n, size - n, "%lld%s",
			                    (long long)(t / units[i].ns), units[i].name);

			n += (size_t)more < size - n ? (size_t)more : size - n - 1;
			t %= units[i].ns;
		}
	}
	if (t > 0) {
		char seconds[40];

		snprintf(buf + n, size - n, "%ss",
		         str_real((double)t / 1e9, seconds, sizeof(seconds)));
	}
}

const char *str_duration(ns_t t, char *buf, size_t size)
{
	char number[40];

	sim_assert(size > 0);
	if (t == NS_NEVER) {
		snprintf(buf, size, "never");
	} else if (t >= 60 * NS_PER_S) {
		print_long_duration(t, buf, size);
	} else if (t >= NS_PER_S || t <= 0) {
		snprintf(buf, size, "%s s", str_real((double)t / 1e9, number, sizeof(number)));
	} else if (t >= NS_PER_MS) {
		snprintf(buf, size, "%s ms", str_real((double)t / 1e6, number, sizeof(number)));
	} else if (t >= 1000) {
		snprintf(buf, size, "%s us", str_real((double)t / 1e3, number, sizeof(number)));
	} else {
		snprintf(buf, size, "%lld ns", (long long)t);
	}
	return buf;
}

const char *str_bytes(bytes_t b, char *buf, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	char number[40];
	double scaled = (double)b;
	size_t unit = 0;

	for (; unit < 5 && fabs(scaled) >= 999.95; unit++) {
		scaled /= 1000.0;
	}
	snprintf(buf, size, "%s %s", str_human(scaled, number, sizeof(number)), units[unit]);
	return buf;
}

const char *str_bytes_exact(bytes_t b, char *buf, size_t size)
{
	static const char *const binary[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	static const char *const decimal[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	bytes_t by_1024 = b, by_1000 = b;
	size_t binary_unit = 0, decimal_unit = 0;

	while (binary_unit < 5 && by_1024 != 0 && by_1024 % 1024 == 0) {
		by_1024 /= 1024;
		binary_unit++;
	}
	while (decimal_unit < 5 && by_1000 != 0 && by_1000 % 1000 == 0) {
		by_1000 /= 1000;
		decimal_unit++;
	}
	const bool shorter = binary_unit > 0 && by_1024 < by_1000;

	snprintf(buf, size, "%lld %s", (long long)(shorter ? by_1024 : by_1000),
	         shorter ? binary[binary_unit] : decimal[decimal_unit]);
	return buf;
}
