/* What a failed assertion prints. The context is per thread, because runs go side by side. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local check_context_fn *context_fn;
static _Thread_local const void *context_arg;

void check_set_context(check_context_fn *fn, const void *arg)
{
	context_fn = fn;
	context_arg = arg;
}

_Noreturn void check_fail(const char *file, int line, const char *condition)
{
	char context[256] = "";

	if (context_fn != NULL) {
		check_context_fn *fn = context_fn;

		context_fn = NULL; /* a context that fails itself must not recurse */
		fn(context_arg, context, sizeof(context));
	}
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
	if (context[0] != '\0') {
		fprintf(stderr, "  at %s\n", context);
	}
	fprintf(stderr, "  this is a bug in aliquot, not in your input\n");
	fflush(stderr);
	abort();
}
