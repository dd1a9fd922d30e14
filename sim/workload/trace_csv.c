/* The plain trace: a table with the columns arrival_s, input_tokens and output_tokens. */
#include "workload/trace_private.h"

static bool csv_time(const char *text, ns_t *out)
{
	return trace_parse_decimal(text, 9, out);
}

static const struct trace_table_format plain = {
	.reader = &trace_csv,
	.time = "arrival_s",
	.input = "input_tokens",
	.output = "output_tokens",
	.images = "images",
	.parse_time = csv_time,
	.time_shape = "seconds as a decimal number",
};

static bool csv_guess(const struct trace_head *head)
{
	return trace_head_has_column(head, plain.time);
}

static struct trace_source *csv_open_plain(const struct trace_ask *ask)
{
	return trace_table_open(ask, &plain);
}

const struct trace_reader trace_csv = {
	.name = "csv",
	.unit = "times in s",
	.mark = "columns arrival_s,input_tokens,output_tokens",
	.guess = csv_guess,
	.open = csv_open_plain,
	.next = trace_table_next,
	.close = trace_table_close,
};
