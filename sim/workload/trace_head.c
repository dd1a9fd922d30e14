/* Looks at the opening bytes of a trace: which format is it, or why can it be none? */
#include "workload/trace_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define HEAD_SIZE 65536

static const struct trace_reader *const readers[] = {
	&trace_aiperf,   &trace_genai_perf, &trace_mooncake, &trace_azure,
	&trace_burstgpt, &trace_csv,        &trace_vllm_log,
};

/* Magic numbers of the compressors people pack traces with. */
static const char *compression(const char *text, size_t size)
{
	static const struct {
		const char *magic;
		size_t size;
		const char *name;
	} known[] = {
		{"\x1f\x8b", 2, "gzip"},
		{"PK\x03\x04", 4, "zip"},
		{"BZh", 3, "bzip2"},
		{"\x28\xb5\x2f\xfd", 4, "zstd"},
		{"\xfd"
	         "7zXZ",
	         5, "xz"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (size >= known[i].size && memcmp(text, known[i].magic, known[i].size) == 0) {
			return known[i].name;
		}
	}
	return NULL;
}

static bool head_is_text(const char *file, const struct trace_head *head, struct err *err)
{
	const char *packed = compression(head->text, head->size);

	if (packed != NULL) {
		err_add(err, ERR_INPUT, file, "%s-compressed; unpack it first", packed);
		return false;
	}
	if (memchr(head->text, '\0', head->size) != NULL) {
		err_add(err, ERR_INPUT, file, "not a trace: the file is binary (or UTF-16 text)");
		return false;
	}
	if (strspn(head->text, " \t\r\n") == head->size) {
		err_add(err, ERR_INPUT, file, "no requests: the file is empty");
		return false;
	}
	return true;
}

bool trace_head_is_pipe(const char *file)
{
	struct stat info;

	return strcmp(file, "-") == 0 ||
	       (stat(file, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode));
}

bool trace_head_read(const char *file, struct trace_head *out, struct err *err)
{
	FILE *stream = fopen(file, "rb");
	bool failed;

	if (stream == NULL) {
		err_add(err, ERR_IO, file, "%s", strerror(errno));
		return false;
	}
	out->text = mem_new(HEAD_SIZE + 1, 1);
	out->size = fread(out->text, 1, HEAD_SIZE, stream);
	failed = ferror(stream) != 0;
	if (failed) {
		err_add(err, ERR_IO, file, "%s", strerror(errno));
	}
	(void)fclose(stream);
	if (!failed && out->size >= 3 && memcmp(out->text, "\xef\xbb\xbf", 3) == 0) {
		out->size -= 3;
		memmove(out->text, out->text + 3, out->size + 1);
	}
	if (failed || !head_is_text(file, out, err)) {
		free(out->text);
		out->text = NULL;
		return false;
	}
	return true;
}

bool trace_head_has_column(const struct trace_head *head, const char *name)
{
	const char *s = head->text + strspn(head->text, "\r\n");
	size_t size = strlen(name);

	while (*s != '\0' && *s != '\r' && *s != '\n') {
		size_t n;

		s += strspn(s, " \t\"");
		n = strcspn(s, ",\r\n");
		while (n > 0 && strchr(" \t\"", s[n - 1]) != NULL) {
			n--;
		}
		if (n == size && strncasecmp(s, name, size) == 0) {
			return true;
		}
		s += strcspn(s, ",\r\n");
		s += *s == ',';
	}
	return false;
}

/* The end of the JSON string that starts at s: its closing quote, or the end of the text. */
static const char *string_end(const char *s)
{
	for (s++; *s != '\0' && *s != '"'; s++) {
		s += *s == '\\' && s[1] != '\0';
	}
	return s;
}

/* Is the JSON string from s to its closing quote a member of this name? */
static bool is_key(const char *s, const char *end, const char *key)
{
	size_t size = strlen(key);

	return *end == '"' && (size_t)(end - s) == size + 1 && memcmp(s + 1, key, size) == 0 &&
	       end[1 + strspn(end + 1, " \t\r\n")] == ':';
}

bool trace_head_has_key(const struct trace_head *head, const char *key)
{
	const char *s = head->text + strspn(head->text, " \t\r\n");
	size_t depth = 0;

	if (*s != '{') {
		return false;
	}
	do {
		const char *end = *s == '"' ? string_end(s) : s;

		if (*s == '"' && depth == 1 && is_key(s, end, key)) {
			return true;
		}
		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		s = *end == '\0' ? end : end + 1;
	} while (depth > 0 && *s != '\0');
	return false;
}

const struct trace_reader *trace_head_guess(const struct trace_head *head)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (readers[i]->guess(head)) {
			return readers[i];
		}
	}
	return NULL;
}
