/* Traces that must be read whole, because their records are in order of completion. */
#include "workload/trace_private.h"

#include <stdlib.h>

struct trace_list *trace_list_new(const struct trace_ask *ask, const struct trace_reader *reader)
{
	struct trace_list *list = mem_new(1, sizeof(*list));

	list->source.reader = reader;
	list->source.ask = *ask;
	return list;
}

static int compare_rows(const void *left, const void *right)
{
	const struct trace_row *a = left, *b = right;

	if (a->at != b->at) {
		return a->at < b->at ? -1 : 1;
	}
	return (a->position > b->position) - (a->position < b->position);
}

void trace_list_sort(struct trace_list *list)
{
	if (list->rows.n > 0) {
		qsort(list->rows.at, list->rows.n, sizeof(*list->rows.at), compare_rows);
	}
}

enum trace_status trace_list_next(struct trace_source *s, struct trace_row *out)
{
	struct trace_list *list = (struct trace_list *)s;

	if (list->next == list->rows.n) {
		return TRACE_END;
	}
	*out = list->rows.at[list->next++];
	return TRACE_ROW;
}

void trace_list_close(struct trace_source *s)
{
	struct trace_list *list = (struct trace_list *)s;

	if (list->skipped > 0) {
		err_note(s->ask.err, "%s: %zu skipped: requests without an answer", s->ask.file,
		         list->skipped);
	}
	free(list->rows.at);
	free(list);
}
