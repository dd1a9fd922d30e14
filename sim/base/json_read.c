/* Loading JSON: reading the file whole, and turning the parser's remarks into plain words. */
#include "base/json.h"

#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)64 << 20) /* bytes; a scenario or data sheet is a thousandth of it */

struct blob {
	char *text;
	size_t size;
};

/* Read a stream to its end, or one byte over the limit. */
static bool read_all(FILE *in, struct blob *out)
{
	size_t cap = (size_t)64 << 10;

	out->text = mem_new(cap, 1);
	out->size = 0;
	for (;;) {
		size_t got = fread(out->text + out->size, 1, cap - out->size, in);

		out->size += got;
		if (got == 0 || out->size > FILE_LIMIT) {
			return ferror(in) == 0;
		}
		if (out->size == cap) {
			cap *= 2;
			out->text = mem_resize(out->text, cap, 1);
		}
	}
}

json_t *json_read(const char *file, struct err *err)
{
	bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "stdin" : file;
	FILE *in = is_stdin ? stdin : fopen(file, "rb");
	struct blob blob;

	if (in == NULL) {
		err_add(err, ERR_IO, name, "cannot open: %s", strerror(errno));
		return NULL;
	}
	errno = 0;
	bool ok = read_all(in, &blob);
	int why = errno;

	if (!is_stdin) {
		fclose(in);
	}
	json_t *root = NULL;

	if (!ok) {
		err_add(err, ERR_IO, name, "cannot read: %s", strerror(why));
	} else {
		root = json_parse(blob.text, blob.size, name, err);
	}
	free(blob.text);
	return root;
}

/* The token before byte `end`, when it is a string: where its opening quote stands; else `end`. */
static size_t string_start(const char *text, size_t end)
{
	if (end < 2 || text[end - 1] != '"') {
		return end;
	}
	for (size_t i = end - 1; i-- > 0;) {
		size_t slashes = 0;

		while (slashes < i && text[i - 1 - slashes] == '\\') {
			slashes++;
		}
		if (text[i] == '"' && slashes % 2 == 0) {
			return i;
		}
	}
	return end;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '.' || c == '+' || c == '-';
}

/*
 * Where the token that ends before `end` starts: the parser names it ("near 'TOKEN'") unless it is
 * long, which only a string can be.
 */
static size_t token_start(const char *message, const char *text, size_t end)
{
	const char *near = strstr(message, " near '");
	size_t length = near != NULL ? strlen(near + strlen(" near '")) : 0;

	if (length < 2) {
		return string_start(text, end);
	}
	length--; /* the closing quote */
	near += strlen(" near '");
	return length <= end && memcmp(text + end - length, near, length) == 0 ? end - length : end;
}

/* The token as the user wrote it: what looks like one word, or the string up to `end`. */
static void copy_token(const char *text, size_t size, size_t start, size_t end, char *buf,
                       size_t buf_size)
{
	while (end < size && is_word(text[end]) && (end == start || is_word(text[end - 1]))) {
		end++;
	}
	snprintf(buf, buf_size, "%.*s", (int)(end - start < 60 ? end - start : 60), text + start);
}

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* "got X" for a message, X being the token or the end of the file. */
static void describe_got(const char *token, char *buf, size_t size)
{
	if (token[0] == '\0') {
		snprintf(buf, size, "the end of the file");
	} else {
		snprintf(buf, size, token[0] == '"' ? "%s" : "\"%s\"", token);
	}
}

static bool is_comment(const char *token)
{
	return token[0] == '/' || token[0] == '#';
}

static const char *invalid_token(const char *token)
{
	if (is_comment(token)) {
		return "JSON has no comments; put remarks into \"about\" or \"assumptions\"";
	}
	if (token[0] == '\'') {
		return "strings need double quotes";
	}
	if (token[0] == '+' || token[0] == '.' || (token[0] >= '0' && token[0] <= '9')) {
		return "not a JSON number: no leading \"+\", \".\" or zeros";
	}
	return "not a JSON value: expected a number, true, false, null, or text in double quotes";
}

/* What the parser's message begins with, and ours. */
static const struct {
	const char *theirs, *ours;
	bool with_got; /* ", got X" follows */
} phrases[] = {
	{"string or '}' expected", "expected a key in double quotes", true},
	{"'}' expected", "expected \",\" or \"}\"", true},
	{"']' expected", "expected \",\" or \"]\"", true},
	{"':' expected", "expected \":\" after the key", true},
	{"unexpected token", "expected a value", true},
	{"end of file expected", "expected the end of the file", true},
	{"premature end of input", "the file ends in the middle of a string or value", false},
	{"unexpected newline", "a string is not closed on this line", false},
	{"control character", "a control character in a string; write it as \\uXXXX", false},
	{"invalid escape",
         "unknown escape in a string; known: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX", false},
	{"unable to decode byte", "not UTF-8 text", false},
	{"invalid UTF-8", "not UTF-8 text", false},
	{"too big integer", "the number is too large", true},
	{"too big negative integer", "the number is too large", true},
	{"real number overflow", "the number is too large", true},
	{"\\u0000 is not allowed", "\\u0000 is not allowed in a string", false},
	{"NUL byte in object key", "\\u0000 is not allowed in a string", false},
};

static const char *key_hint(const char *token)
{
	if (token[0] == '}') {
		return "; remove the comma before it";
	}
	return is_comment(token) ? "; JSON has no comments" : "";
}

/* The parser's words to ours; `message` is its text, `token` the offending token or "". */
static void plain_words(const char *message, const char *token, char *buf, size_t size)
{
	const char *hint = begins(message, "string or") ? key_hint(token) : "";
	char got[64];

	describe_got(token, got, sizeof(got));
	if (begins(message, "invalid token")) {
		snprintf(buf, size, "%s; got %s", invalid_token(token), got);
		return;
	}
	if (begins(message, "maximum parsing depth")) {
		snprintf(buf, size, "nested more than %d levels deep", JSON_PARSER_MAX_DEPTH);
		return;
	}
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (begins(message, phrases[i].theirs)) {
			snprintf(buf, size, "%s%s%s%s", phrases[i].ours,
			         phrases[i].with_got ? ", got " : "",
			         phrases[i].with_got ? got : "", hint);
			return;
		}
	}
	snprintf(buf, size, "%s", message);
}

/* Line and column, from 1, of a byte; columns count characters, not bytes. */
static void find_place(const char *text, size_t byte, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < byte; i++) {
		if (text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xC0) != 0x80) {
			(*column)++;
		}
	}
}

static void add_syntax_error(const json_error_t *error, const char *text, size_t size,
                             const char *name, size_t first_line, struct err *err)
{
	char token[64] = "", message[512];
	size_t end = error->position < 0 ? 0 : (size_t)error->position;
	size_t start, line, column;

	end = end < size ? end : size;
	start = end;
	if (strstr(error->text, "near end of file") == NULL) {
		start = token_start(error->text, text, end);
		copy_token(text, size, start, end, token, sizeof(token));
	}
	if (json_error_code(error) == json_error_duplicate_key) {
		snprintf(message, sizeof(message), "duplicate key %s", token);
	} else {
		plain_words(error->text, token, message, sizeof(message));
	}
	find_place(text, start, &line, &column);
	char *where = mem_printf("%s:%zu:%zu", name, line + first_line - 1, column);

	err_add(err, ERR_INPUT, where, "%s", message);
	free(where);
}

/* Errors that need no parser: too large, empty, binary. */
static bool looks_like_text(const char *text, size_t size, const char *name, size_t line,
                            struct err *err)
{
	const char *nul = memchr(text, '\0', size);

	if (size > FILE_LIMIT) {
		err_add(err, ERR_INPUT, name,
		        "larger than 64 MiB; this is not a scenario or data sheet");
		return false;
	}
	if (nul != NULL) {
		char *const where = line > 1 ? mem_printf("%s:%zu", name, line) : mem_strdup(name);

		err_add(err, ERR_INPUT, where, "not a text file: byte %zu%s is zero",
		        (size_t)(nul - text) + 1, line > 1 ? " of the line" : "");
		free(where);
		return false;
	}
	for (size_t i = 0; i < size; i++) {
		if (strchr(" \t\r\n", text[i]) == NULL) {
			return true;
		}
	}
	err_add(err, ERR_INPUT, name, "the file is empty");
	return false;
}

json_t *json_parse(const char *text, size_t size, const char *name, struct err *err)
{
	return json_parse_line(text, size, name, 1, err);
}

json_t *json_parse_line(const char *text, size_t size, const char *name, size_t line,
                        struct err *err)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	json_error_t error;

	if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		size -= 3;
	}
	if (!looks_like_text(text, size, name, line, err)) {
		return NULL;
	}
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (root == NULL) {
		add_syntax_error(&error, text, size, name, line, err);
	}
	return root;
}
