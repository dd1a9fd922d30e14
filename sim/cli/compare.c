/* `aliquot compare`: two results, and which of them is better. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/compare.h"
#include "cli/cli.h"

/* METRIC=PCT; false with an error. `text` is cut at "=". */
static bool read_tolerance(struct cli *c, char *text, struct compare_tolerance *out)
{
	char *const equals = strchr(text, '=');
	const size_t length = equals != NULL ? strlen(equals) : 0;
	if (length > 1 && equals[length - 1] == '%') {
		equals[length - 1] = '\0';
	}
	if (equals == NULL || !str_to_real(equals + 1, &out->pct) || out->pct < 0.0) {
		err_add(c->err, ERR_USAGE, NULL, "--tolerance needs METRIC=PERCENT, got \"%s\"",
		        text);
		return false;
	}
	*equals = '\0';
	out->metric = text;
	if (!compare_knows(text)) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--tolerance: unknown metric \"%s\"; known: all, ccu, limits_met, ttft, "
		        "ttft.p95, tpot, itl, latency, queue, tps_user, tps, rps, goodput ...",
		        text);
		return false;
	}
	return true;
}

static int show(const struct cli *c, const struct comparison *result)
{
	if (c->json) {
		comparison_json(stdout, result);
	} else {
		comparison_print(stdout, result);
	}
	return result->verdict == COMPARE_WORSE && !c->exit_zero ? EXIT_LIMIT : 0;
}

int cli_compare(struct cli *c)
{
	size_t n;
	const char **const texts = cli_values(c, 't', &n);
	struct compare_tolerance *const tolerances = mem_new(n, sizeof(*tolerances));
	char **const owned = mem_new(n, sizeof(char *));
	struct comparison result = {.rows = NULL};
	int code = ERR_USAGE;
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		owned[i] = mem_strdup(texts[i]);
		ok = read_tolerance(c, owned[i], &tolerances[i]) && ok;
	}
	const struct compare_ask ask = {
		.base = c->args[0],
		.new = c->args[1],
		.tolerances = tolerances,
		.n_tolerances = n,
		.across = c->across,
	};
	if (ok && compare_results(&ask, &result, c->err)) {
		code = show(c, &result);
	}
	comparison_fini(&result);
	for (size_t i = 0; i < n; i++) {
		free(owned[i]);
	}
	free(owned);
	free(tolerances);
	free(texts);
	return code;
}
