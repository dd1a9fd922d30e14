/* `aliquot schedule`: cluster snapshots alone, without a clock; or the pods of a trace. */
#include <stdio.h>

#include "study/cases.h"
#include "cli/cli.h"

int cli_schedule(struct cli *c)
{
	struct case_list list = {.counts = {0}};
	int code = 0;
	const bool pods = cli_value(c, 'N') != NULL || cli_value(c, 'O') != NULL;
	if (pods != (c->n_args == 0)) {
		err_add(c->err, ERR_USAGE, NULL,
		        "schedule takes a FILE of snapshots, or --nodes and --pods of a trace");
		return ERR_USAGE;
	}
	if (pods) {
		return cli_schedule_pods(c);
	}
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
