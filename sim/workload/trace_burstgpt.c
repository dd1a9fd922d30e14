/*
 * BurstGPT traces (HPMLL/BurstGPT): seconds since midnight of the first day. Response tokens 0
 * marks a failed request, which is skipped; version 3 inserts columns, so names decide.
 */
#include "workload/trace_private.h"

static bool burstgpt_time(const char *text, ns_t *out)
{
	return trace_parse_decimal(text, 9, out);
}

static const struct trace_table_format burstgpt = {
	.reader = &trace_burstgpt,
	.time = "Timestamp",
	.input = "Request tokens",
	.output = "Response tokens",
	.parse_time = burstgpt_time,
	.time_shape = "seconds as a decimal number",
	.zero_output = "requests that failed (Response tokens 0)",
};

static bool burstgpt_guess(const struct trace_head *head)
{
	return trace_head_has_column(head, burstgpt.time) &&
	       trace_head_has_column(head, burstgpt.input);
}

static struct trace_source *burstgpt_open(const struct trace_ask *ask)
{
	return trace_table_open(ask, &burstgpt);
}

const struct trace_reader trace_burstgpt = {
	.name = "burstgpt",
	.unit = "times in s",
	.mark = "columns Timestamp,Request tokens,Response tokens",
	.guess = burstgpt_guess,
	.open = burstgpt_open,
	.next = trace_table_next,
	.close = trace_table_close,
};
