/* `aliquot schedule`: cluster snapshots, scheduled alone, without a clock. */
#include <stdio.h>

#include "study/cases.h"
#include "cli/cli.h"

int cli_schedule(struct cli *c)
{
	struct case_list list = {.counts = {0}};
	int code = 0;
	if (cases_run(c->args[0], &list, c->err)) {
		if (c->json) {
			cases_json(stdout, &list);
		} else {
			cases_print(stdout, &list);
		}
		code = list.counts[CASE_FAIL] > 0 && !c->exit_zero ? EXIT_LIMIT : 0;
	}
	cases_fini(&list);
	return code;
}
