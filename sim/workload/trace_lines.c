/* Traces with one JSON object per line, and the tally of keys that nobody reads. */
#include "workload/trace_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

bool trace_lines_init(struct trace_lines *lines, const struct trace_ask *ask)
{
	*lines = (struct trace_lines){.ask = ask};
	lines->name_size = strlen(ask->file) + 24;
	lines->name = mem_new(lines->name_size, 1);
	lines->stream = strcmp(ask->file, "-") == 0 ? stdin : fopen(ask->file, "rb");
	if (lines->stream == NULL) {
		err_add(ask->err, ERR_IO, ask->file, "%s", strerror(errno));
		return false;
	}
	return true;
}

void trace_lines_fini(struct trace_lines *lines)
{
	if (lines->stream != NULL && lines->stream != stdin) {
		(void)fclose(lines->stream);
	}
	free(lines->line);
	free(lines->name);
}

static enum trace_status end_of_lines(const struct trace_lines *lines)
{
	if (ferror(lines->stream)) {
		err_add(lines->ask->err, ERR_IO, lines->ask->file, "%s", strerror(errno));
		return TRACE_FAILED;
	}
	return TRACE_END;
}

enum trace_status trace_lines_next(struct trace_lines *lines, json_t **value, struct json_at *at)
{
	const char *text;
	ssize_t length;
	size_t size;

	do {
		length = getline(&lines->line, &lines->cap, lines->stream);
		if (length < 0) {
			return end_of_lines(lines);
		}
		lines->number++;
		text = lines->line;
		size = (size_t)length;
		if (lines->number == 1 && size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
			text += 3;
			size -= 3;
		}
	} while (strspn(text, " \t\r\n") == size);
	(void)snprintf(lines->name, lines->name_size, "%s:%zu", lines->ask->file, lines->number);
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
		size--; /* so that an error at the end is on this line */
	}
	*value = json_parse_line(text, size, lines->ask->file, lines->number, lines->ask->err);
	if (*value == NULL) {
		return TRACE_FAILED;
	}
	*at = json_root(*value, lines->name, lines->ask->err);
	if (!json_want_object(at)) {
		json_decref(*value);
		return TRACE_FAILED;
	}
	return TRACE_ROW;
}

void trace_tally_add(struct trace_tally *tally, const char *name)
{
	size_t i = 0;

	while (i < tally->n && strcmp(tally->names[i], name) != 0) {
		i++;
	}
	if (i == TRACE_TALLY_NAMES) {
		tally->others++;
		return;
	}
	if (i == tally->n) {
		tally->names[i] = mem_strdup(name);
		tally->rows[i] = 0;
		tally->n++;
	}
	tally->rows[i]++;
}

void trace_tally_note(struct trace_tally *tally, const struct trace_ask *ask)
{
	char *list = mem_strdup("");

	for (size_t i = 0; i < tally->n; i++) {
		char *longer = mem_printf("%s%s%s (%zu rows)", list, i == 0 ? "" : ", ",
		                          tally->names[i], tally->rows[i]);

		free(list);
		list = longer;
		free(tally->names[i]);
	}
	if (tally->n > 0) {
		err_note(ask->err, "%s: not used: %s%s", ask->file, list,
		         tally->others > 0 ? " and others" : "");
	}
	free(list);
	*tally = (struct trace_tally){0};
}
