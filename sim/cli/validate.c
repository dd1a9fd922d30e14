/* `aliquot validate`: measured rows beside simulated ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/published.h"
#include "study/replay.h"
#include "study/validate.h"
#include "cli/cli.h"

#define MOST_TOLERANCES 16

struct tolerances {
	struct validate_tolerance at[MOST_TOLERANCES];
	char *owned[MOST_TOLERANCES];
	size_t n;
};

static void check_metric(struct cli *c, const char *metric)
{
	const char *near;
	if (!validate_knows(metric, &near)) {
		err_add(c->err, ERR_USAGE, NULL, "--tolerance: unknown metric \"%s\"%s%s%s", metric,
		        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
}

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
		check_metric(c, text);
		t->owned[t->n] = text;
		t->at[t->n++] = (struct validate_tolerance){text, pct};
	}
}

static int print(const struct cli *c, const struct validation *v)
{
	if (v->n_rows == 0) {
		err_add(c->err, ERR_INPUT, cli_value(c, 'R'), "no row names this GPU and engine");
		return ERR_INPUT;
	}
	if (c->json) {
		validation_json(v, stdout);
	} else {
		validation_print(v, stdout);
	}
	return validation_ok(v) ? 0 : EXIT_LIMIT;
}

/* The rows, with what other simulators said of them; NULL with errors added. */
static struct measured_table *read_rows(struct cli *c)
{
	struct measured_table *const table = measured_read(cli_value(c, 'R'), c->err);
	for (size_t i = 0; i < c->n_lists && table != NULL; i++) {
		struct measured_table *const other =
			c->lists[i].letter == 'A' ? measured_read(c->lists[i].value, c->err) : NULL;
		if (other != NULL && measured_join(table, other, false) == 0) {
			err_note(c->err, "%s: none of the rows' measurements is there",
			         c->lists[i].value);
		}
	}
	return table;
}

static int run(struct cli *c, const struct validate_ask *flags)
{
	struct measured_table *const table = read_rows(c);
	struct progress *const progress = progress_new(c->quiet);
	struct case_list cases;
	struct validation v = {0};
	int code = 0;

	if (table != NULL && err_count(c->err) == 0 &&
	    case_list_make(&cases, table, c->data, c->err)) {
		struct validate_ask ask = *flags;
		ask.cases = &cases;
		ask.progress = progress_say;
		ask.progress_arg = progress;
		validate(&ask, &v);
		progress_wipe(progress);
		code = print(c, &v);
		validation_fini(&v);
		case_list_fini(&cases);
	}
	progress_end(progress);
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

/* Without rows: what was published of GPU fractions. */
static int published(struct cli *c)
{
	struct progress *const progress = progress_new(c->quiet);
	const struct published_ask ask = {
		.data = c->data,
		.threads = (size_t)c->jobs,
		.progress = progress_say,
		.progress_arg = progress,
	};
	struct published p;
	int code = 0;
	data_dir_index(c->data);
	if (published_run(&ask, &p, c->err)) {
		progress_wipe(progress);
		(c->json ? published_json : published_print)(&p, stdout);
		code = published_ok(&p) ? 0 : EXIT_LIMIT;
	}
	progress_end(progress);
	published_fini(&p);
	return code;
}

/* The published figures are judged as a whole: flags that pick among rows are mistakes there. */
static void refuse_without_rows(struct cli *c)
{
	static const struct {
		char letter;
		const char *name;
	} flags[] = {{'t', "--tolerance"}, {'A', "--against"}, {'G', "--gpu"}, {'E', "--engine"}};
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (cli_value(c, flags[i].letter) != NULL) {
			err_add(c->err, ERR_USAGE, NULL, "%s needs --rows", flags[i].name);
		}
	}
}

int cli_validate(struct cli *c)
{
	struct tolerances t = {.n = 0};
	int code = 0;
	c->data = data_dir_open(c->data_flag, c->program, c->err);
	if (c->data == NULL) {
		return ERR_IO;
	}
	read_tolerances(c, &t);
	struct validate_ask ask = {
		.gpu = cli_sheet(c, 'G', "gpu"),
		.engine = cli_sheet(c, 'E', "engine"),
		.tolerances = t.at,
		.n_tolerances = t.n,
		.threads = (size_t)c->jobs,
	};
	if (cli_value(c, 'R') == NULL) {
		refuse_without_rows(c);
	}
	if (err_count(c->err) == 0 && cli_value(c, 'R') == NULL) {
		code = published(c);
	} else if (err_count(c->err) == 0) {
		code = is_folder(cli_value(c, 'R')) ? replay(c) : run(c, &ask);
	}
	for (size_t i = 0; i < t.n; i++) {
		free(t.owned[i]);
	}
	return code;
}
