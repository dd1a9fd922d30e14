/* The list of mistakes: keeps the first hundred, one printable line each. */
#include "base/err.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MESSAGES 100
#define LONGEST_MESSAGE 1500 /* bytes; the rest of a longer one is dots */

struct err {
	VEC(char *) errors;
	VEC(char *) notes;
	size_t count;    /* of errors, kept or not */
	size_t repeated; /* of those, as one that is kept says the same */
	int exit_code;
};

struct err *err_new(void)
{
	return mem_new(1, sizeof(struct err));
}

void err_free(struct err *e)
{
	if (e == NULL) {
		return;
	}
	for (size_t i = 0; i < e->errors.n; i++) {
		free(e->errors.at[i]);
	}
	for (size_t i = 0; i < e->notes.n; i++) {
		free(e->notes.at[i]);
	}
	free(e->errors.at);
	free(e->notes.at);
	free(e);
}

/* Bytes of `text` to keep: all, or a cut that does not split a UTF-8 sequence. */
static size_t kept_length(const char *text)
{
	size_t length = strlen(text);

	if (length <= LONGEST_MESSAGE) {
		return length;
	}
	length = LONGEST_MESSAGE;
	while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
		length--;
	}
	return length;
}

/* Write a character so that it stays on its line; returns how many bytes that took, at most 4. */
static size_t put_visible(char c, char *out)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char byte = (unsigned char)c;
	const char *letter = strchr("\nn\tt\rr", c);

	if (byte >= 0x20 && byte != 0x7F) {
		out[0] = c;
		return 1;
	}
	out[0] = '\\';
	if (letter != NULL) {
		out[1] = letter[1];
		return 2;
	}
	out[1] = 'x';
	out[2] = hex[byte >> 4];
	out[3] = hex[byte & 15];
	return 4;
}

/* One line whatever the user's strings hold: control characters are shown as escapes. */
static char *one_line(const char *where, const char *message)
{
	bool with_where = where != NULL && where[0] != '\0';
	char *raw = with_where ? mem_printf("%s: %s", where, message) : mem_strdup(message);
	size_t length = kept_length(raw);
	char *clean = mem_new(4 * length + sizeof("..."), 1);
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		n += put_visible(raw[i], clean + n);
	}
	if (raw[length] != '\0') {
		memcpy(clean + n, "...", sizeof("..."));
	}
	free(raw);
	return clean;
}

__attribute__((format(printf, 1, 0))) static char *format_message(const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, again);

	va_end(again);
	sim_assert(length >= 0);
	char *text = mem_new((size_t)length + 1, 1);

	vsnprintf(text, (size_t)length + 1, fmt, args);
	return text;
}

static bool is_kept(const struct err *e, const char *line)
{
	for (size_t i = 0; i < e->errors.n; i++) {
		if (strcmp(e->errors.at[i], line) == 0) {
			return true;
		}
	}
	return false;
}

void err_add(struct err *e, enum err_kind kind, const char *where, const char *fmt, ...)
{
	if (e->count++ == 0) {
		e->exit_code = (int)kind;
	}
	va_list args;

	va_start(args, fmt);
	char *message = format_message(fmt, args);

	va_end(args);
	char *line = one_line(where, message);

	if (is_kept(e, line)) {
		e->repeated++;
	} else if (e->errors.n < KEPT_MESSAGES) {
		vec_push(&e->errors, line);
		line = NULL;
	}
	free(line);
	free(message);
}

void err_add_all(struct err *e, const struct err *from)
{
	for (size_t i = 0; i < from->errors.n; i++) {
		err_add(e, (enum err_kind)from->exit_code, NULL, "%s", from->errors.at[i]);
	}
	e->count +=
		from->count - from->repeated - from->errors.n; /* those beyond the first hundred */
}

void err_note(struct err *e, const char *fmt, ...)
{
	if (e->notes.n >= KEPT_MESSAGES) {
		return;
	}
	va_list args;

	va_start(args, fmt);
	char *message = format_message(fmt, args);

	va_end(args);
	vec_push(&e->notes, one_line(NULL, message));
	free(message);
}

size_t err_count(const struct err *e)
{
	return e->count;
}

int err_exit_code(const struct err *e)
{
	return e->exit_code;
}

const char *err_message(const struct err *e, size_t i)
{
	return i < e->errors.n ? e->errors.at[i] : NULL;
}

void err_print(const struct err *e, FILE *out)
{
	for (size_t i = 0; i < e->notes.n; i++) {
		fprintf(out, "note: %s\n", e->notes.at[i]);
	}
	for (size_t i = 0; i < e->errors.n; i++) {
		fprintf(out, "%s\n", e->errors.at[i]);
	}
	const size_t more = e->count - e->repeated - e->errors.n;
	if (more > 0) {
		fprintf(out, "... and %zu more error%s\n", more, more == 1 ? "" : "s");
	}
}
