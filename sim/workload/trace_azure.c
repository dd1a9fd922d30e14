/*
 * Azure LLM and LMM inference traces (Azure/AzurePublicDataset): civil times with up to nine
 * fraction digits, ContextTokens with image tokens included.
 */
#include "workload/trace_private.h"

static const struct trace_table_format azure = {
	.reader = &trace_azure,
	.time = "TIMESTAMP",
	.input = "ContextTokens",
	.output = "GeneratedTokens",
	.images = "NumImages",
	.parse_time = trace_parse_civil,
	.time_shape = "a time like 2023-11-16 18:15:46.6805900",
};

static bool azure_guess(const struct trace_head *head)
{
	return trace_head_has_column(head, azure.time) && trace_head_has_column(head, azure.input);
}

static struct trace_source *azure_open(const struct trace_ask *ask)
{
	return trace_table_open(ask, &azure);
}

const struct trace_reader trace_azure = {
	.name = "azure",
	.unit = "times are dates in UTC",
	.mark = "columns TIMESTAMP,ContextTokens,GeneratedTokens",
	.guess = azure_guess,
	.open = azure_open,
	.next = trace_table_next,
	.close = trace_table_close,
};
