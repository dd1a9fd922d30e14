/* `aliquot validate`: measured rows beside simulated ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/replay.h"
#include "study/validate.h"
#include "cli/cli.h"

#define MOST_TOLERANCES 16

struct tolerances {
	struct validate_tolerance at[MOST_TOLERANCES];
	char *owned[MOST_TOLERANCES];
	size_t n;
};

static void read_tolerances(struct cli *c, struct tolerances *t)
{
	for (size_t i = 0; i < c->n_lists; i++) {
		double pct = 0.0;
		if (c->lists[i].letter != 't') {
			continue;
		}
		char *const text = mem_strdup(c->lists[i].value);
		char *const equals = strchr(text, '=');
		if (t->n == MOST_TOLERANCES || equals == NULL || !str_to_real(equals + 1, &pct) ||
		    pct < 0.0) {
			err_add(c->err, ERR_USAGE, NULL,
			        "--tolerance needs METRIC=PERCENT, at most %d times, got \"%s\"",
			        MOST_TOLERANCES, text);
			free(text);
			continue;
		}
		*equals = '\0';
		t->owned[t->n] = text;
		t->at[t->n++] = (struct validate_tolerance){text, pct};
	}
}

static int run(struct cli *c, struct validate_ask *ask)
{
	struct measured_table *const table = measured_read(cli_value(c, 'R'), c->err);
	struct case_list cases;
	struct validation v;
	int code = 0;

	if (table != NULL && case_list_make(&cases, table, c->data, c->err)) {
		ask->cases = &cases;
		validate(ask, &v);
		if (c->json) {
			validation_json(&v, stdout);
		} else {
			validation_print(&v, stdout);
		}
		code = validation_ok(&v) ? 0 : EXIT_LIMIT;
		validation_fini(&v);
		case_list_fini(&cases);
	}
	measured_free(table);
	return code;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A folder holds one run, request by request. */
static int replay(struct cli *c)
{
	struct replay *const r = replay_run(cli_value(c, 'R'), c->data, c->err);
	if (r != NULL && (c->out_dir == NULL || replay_write(r, c->out_dir, c->err))) {
		if (c->json) {
			replay_json(r, stdout);
		} else {
			replay_print(r, stdout);
		}
	}
	replay_free(r);
	return 0;
}

int cli_validate(struct cli *c)
{
	struct tolerances t = {.n = 0};
	int code = 0;
	c->data = data_dir_open(c->data_flag, c->program, c->err);
	if (c->data == NULL) {
		return ERR_IO;
	}
	if (cli_value(c, 'R') == NULL) {
		err_add(c->err, ERR_USAGE, NULL,
		        "--rows FILE is missing; see aliquot validate --help");
	}
	read_tolerances(c, &t);
	struct validate_ask ask = {
		.gpu = cli_sheet(c, 'G', "gpu"),
		.engine = cli_sheet(c, 'E', "engine"),
		.tolerances = t.at,
		.n_tolerances = t.n,
		.threads = (size_t)c->jobs,
	};
	if (err_count(c->err) == 0) {
		code = is_folder(cli_value(c, 'R')) ? replay(c) : run(c, &ask);
	}
	for (size_t i = 0; i < t.n; i++) {
		free(t.owned[i]);
	}
	return code;
}
