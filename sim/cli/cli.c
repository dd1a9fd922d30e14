/* Flags, shared by all subcommands, from one table: parsing, help and suggestions. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/out.h"

struct flag {
	char letter;       /* in command.flags */
	char brief;        /* -s; 0: none */
	const char *name;  /* --set */
	const char *value; /* NULL: takes none */
	const char *help;
};

static const struct flag flags[] = {
	{'f', 'f', "--format", "table|json", "what to print on stdout (default table)"},
	{'b', 'f', "--format", "csv|json", "what to print or write (default csv)"},
	{'s', 's', "--set", "PATH=VALUE", "override any scenario key; repeatable"},
	{'S', 0, "--seed", "N", "seed of every random stream"},
	{'o', 'o', "--out", "DIR", "write the result folder"},
	{'r', 0, "--records", "FILE", "write one AIPerf JSON record per request"},
	{'g', 0, "--records-itl", NULL,
         "with --records or -o: every token gap of every request too"},
	{'e', 0, "--exact", NULL, "step every iteration instead of fast-forwarding (same records)"},
	{'z', 0, "--exit-zero", NULL, "exit 0 even when a limit is broken"},
	{'q', 'q', "--quiet", NULL, "no progress and no timing on stderr"},
	{'R', 0, "--rows", "FILE",
         "measured rows (models/README.md), or a folder of logged requests"},
	{'L', 0, "--rows", "FILE", "measured rows (models/README.md); repeatable"},
	{'A', 0, "--against", "FILE", "what other simulators said of the rows; repeatable"},
	{'G', 0, "--gpu", "NAME", "a GPU data sheet or its alias"},
	{'E', 0, "--engine", "NAME", "an engine profile or its alias"},
	{'P', 0, "--precision", "NAME", "only rows of this precision: bf16, fp8 or nvfp4"},
	{'M', 0, "--model", "NAME", "only rows of this model; of --kernels: whose layers"},
	{'V', 0, "--engine-version", "TEXT", "only rows of this engine version"},
	{'J', 0, "--tp", "N", "only rows of this tensor-parallel width"},
	{'C', 0, "--source", "NAME", "only rows of this source"},
	{'F', 0, "--free", "NAME,...", "the constants to fit; the others are held"},
	{'H', 0, "--hold", "NAME=VALUE", "hold a constant at a value, in its unit; repeatable"},
	{'K', 0, "--kernels", "FILE", "fit kernel or collective tables instead; repeatable"},
	{'k', 0, "--folds", "N", "parts that are held out in turn (default 5, 0: none)"},
	{'n', 0, "--starts", "N", "starts of the fit (default 4)"},
	{'c', 0, "--checked", "DATE", "date to note in the calibration"},
	{'t', 0, "--tolerance", "METRIC=PCT", "difference that is still ok; repeatable"},
	{'l', 0, "--slo", "LIMIT", "ttft.p95 <= 1s, with @SERVICE for one service; repeatable"},
	{'m', 0, "--service", "NAME", "search the users of this service alone"},
	{'x', 0, "--max", "N", "most users to try (default 1,000,000)"},
	{'p', 0, "--step", "N", "search multiples of N users (default: replicas)"},
	{'a', 0, "--range", "A..B", "search from A to B users; A..B+N for steps of N"},
	{'W', 0, "--for", "USERS", "serve so many users (default: the load of the scenario)"},
	{'y', 0, "--service", "NAME", "size this service alone; the others stay as they are"},
	{'B', 0, "--max", "N", "most replicas to try (default: one per user, or 16,384)"},
	{'I', 0, "--range", "A..B", "search from A to B replicas"},
	{'i', 0, "--price", "GPU=PRICE", "of one GPU for an hour: find the cheapest; repeatable"},
	{'X', 0, "--exhaustive", NULL, "try every step, to see that limits break only once"},
	{'v', 0, "--vary", "KEY=VALUES", "64,128 or 64..4096*2 or 0.1..0.9+0.2; repeatable"},
	{'Z', 0, "--zip", NULL, "vary all keys together instead of in every combination"},
	{'u', 0, "--ccu", "LIMIT", "search the most users that meet it in every cell; repeatable"},
	{'U', 0, "--where", "COLUMN=VALUE,...",
         "draw only rows with one of these values; repeatable"},
	{'w', 0, "--across", NULL, "compare results of different scenarios all the same"},
	{'N', 0, "--nodes", "FILE", "nodes of an openb trace"},
	{'O', 0, "--pods", "FILE", "its pods"},
	{'Y', 0, "--policy", "NAME,...", "placement policies (default: all)"},
	{'Q', 0, "--parts", "kept|whole|both",
         "give parts of GPUs whole ones, as without fractions (default kept)"},
	{'T', 0, "--arrive", "SHARE", "of the GPUs that is asked for in the end (default 1.3)"},
	{'D', 0, "--seeds", "N", "orders in which pods come (default 10)"},
	{'j', 'j', "--jobs", "N", "parallel runs; never changes results"},
	{'d', 0, "--data", "DIR", "folder with models/ and scenarios/"},
	{'h', 'h', "--help", NULL, "this text"},
};
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static bool takes(const struct command *command, const struct flag *f)
{
	return f->letter == 'h' || strchr(command->flags, f->letter) != NULL;
}

/* Is `word` this flag's letter, alone or with a number behind it ("-j2")? */
static bool is_brief(const struct flag *f, const char *word)
{
	const bool number = word[1] != '\0' && word[2] >= '0' && word[2] <= '9';
	return f->brief != 0 && word[1] == f->brief &&
	       (word[2] == '\0' || (number && f->value != NULL));
}

/* The flag that `word` names ("--set=x" too), or NULL with an error. */
static const struct flag *find_flag(struct cli *c, const char *word)
{
	const char *names[N_FLAGS];
	size_t n = 0;
	const size_t length = strcspn(word, "=");
	for (size_t i = 0; i < N_FLAGS; i++) {
		const struct flag *const f = &flags[i];
		if (!takes(c->command, f)) {
			continue;
		}
		if ((strlen(f->name) == length && strncmp(f->name, word, length) == 0) ||
		    is_brief(f, word)) {
			return f;
		}
		names[n++] = f->name;
	}
	char *const bare = mem_printf("%.*s", (int)length, word);
	const char *const near = str_nearest(bare, names, n);
	if (near != NULL) {
		err_add(c->err, ERR_USAGE, NULL, "unknown flag \"%s\"; did you mean \"%s\"?", bare,
		        near);
	} else {
		err_add(c->err, ERR_USAGE, NULL, "unknown flag \"%s\"; see aliquot %s --help", bare,
		        c->command->name);
	}
	free(bare);
	return NULL;
}

/* Takes over both texts. */
static void add_set(struct cli *c, char *path, char *value)
{
	c->sets = mem_resize(c->sets, c->n_sets + 1, sizeof(*c->sets));
	c->owned = mem_resize(c->owned, 2 * c->n_sets + 2, sizeof(*c->owned));
	c->owned[2 * c->n_sets] = path;
	c->owned[2 * c->n_sets + 1] = value;
	c->sets[c->n_sets++] = (struct scenario_override){path, value};
}

static void apply_set(struct cli *c, const char *text)
{
	const char *const equals = strchr(text, '=');
	if (equals == NULL || equals == text) {
		err_add(c->err, ERR_USAGE, NULL, "--set needs PATH=VALUE, got \"%s\"", text);
		return;
	}
	add_set(c, mem_printf("%.*s", (int)(equals - text), text), mem_strdup(equals + 1));
}

static int64_t check_number(struct cli *c, const struct flag *f, const char *value, int64_t least)
{
	int64_t n = least;
	if (!str_to_int(value, &n) || n < least) {
		err_add(c->err, ERR_USAGE, NULL, "%s needs an integer of at least %lld, got \"%s\"",
		        f->name, (long long)least, value);
	}
	return n;
}

static void apply_format(struct cli *c, char letter, const char *value)
{
	const char *const usual = letter == 'b' ? "csv" : "table";
	c->json = strcmp(value, "json") == 0;
	if (!c->json && strcmp(value, usual) != 0) {
		err_add(c->err, ERR_USAGE, NULL, "--format needs %s or json, got \"%s\"", usual,
		        value);
	}
}

static void add_list(struct cli *c, char letter, const char *value)
{
	c->lists = mem_resize(c->lists, c->n_lists + 1, sizeof(*c->lists));
	c->lists[c->n_lists++] = (struct cli_list){letter, value};
}

/* A flag with its value. */
static void apply_value(struct cli *c, const struct flag *f, const char *value)
{
	switch (f->letter) {
	case 'b':
	case 'f':
		apply_format(c, f->letter, value);
		break;
	case 's':
		apply_set(c, value);
		break;
	case 'S':
		check_number(c, f, value, 0);
		add_set(c, mem_strdup("seed"), mem_strdup(value));
		break;
	case 'o':
		c->out_dir = value;
		break;
	case 'r':
		c->records_file = value;
		break;
	case 'd':
		c->data_flag = value;
		break;
	case 'j':
		c->jobs = check_number(c, f, value, 1);
		break;
	case 'k':
		c->folds = check_number(c, f, value, 0);
		break;
	case 'n':
		c->starts = check_number(c, f, value, 1);
		break;
	default:
		add_list(c, f->letter, value);
		break;
	}
}

/* A flag without a value. */
static void apply_switch(struct cli *c, const struct flag *f)
{
	c->gaps = c->gaps || f->letter == 'g';
	c->exact = c->exact || f->letter == 'e';
	c->exit_zero = c->exit_zero || f->letter == 'z';
	c->quiet = c->quiet || f->letter == 'q';
	c->help = c->help || f->letter == 'h';
	c->exhaustive = c->exhaustive || f->letter == 'X';
	c->zip = c->zip || f->letter == 'Z';
	c->across = c->across || f->letter == 'w';
}

/* The flag at argv[i]; returns the place of the last word it used. */
static int parse_flag(struct cli *c, int argc, const char *const *argv, int i)
{
	const struct flag *const f = find_flag(c, argv[i]);
	const char *const inside = argv[i][1] == '-' ? strchr(argv[i], '=') : NULL;
	if (f == NULL) {
		return i;
	}
	if (argv[i][1] != '-' && argv[i][2] != '\0') {
		apply_value(c, f, argv[i] + 2);
	} else if (f->value == NULL) {
		if (inside != NULL) {
			err_add(c->err, ERR_USAGE, NULL, "%s takes no value", f->name);
		}
		apply_switch(c, f);
	} else if (inside != NULL) {
		apply_value(c, f, inside + 1);
	} else if (i + 1 == argc) {
		err_add(c->err, ERR_USAGE, NULL, "%s needs %s", f->name, f->value);
	} else {
		apply_value(c, f, argv[++i]);
	}
	return i;
}

const char **cli_values(const struct cli *c, char letter, size_t *n)
{
	const char **const values = mem_new(c->n_lists, sizeof(char *));
	*n = 0;
	for (size_t i = 0; i < c->n_lists; i++) {
		if (c->lists[i].letter == letter) {
			values[(*n)++] = c->lists[i].value;
		}
	}
	return values;
}

int64_t cli_positive(struct cli *c, char letter)
{
	const char *const value = cli_value(c, letter);
	size_t i = 0;
	while (flags[i].letter != letter) {
		i++;
	}
	return value != NULL ? check_number(c, &flags[i], value, 1) : 0;
}

const char *cli_value(const struct cli *c, char letter)
{
	const char *value = NULL;
	for (size_t i = 0; i < c->n_lists; i++) {
		value = c->lists[i].letter == letter ? c->lists[i].value : value;
	}
	return value;
}

bool cli_parse(struct cli *c, int argc, const char *const *argv)
{
	c->jobs = 1;
	c->folds = CLI_FOLDS;
	c->starts = CLI_STARTS;
	c->words = argv + 1;
	c->n_words = (size_t)argc - 1;
	c->args = mem_new((size_t)argc, sizeof(*c->args));
	for (int i = 2; i < argc; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			i = parse_flag(c, argc, argv, i);
		} else {
			c->args[c->n_args++] = argv[i];
		}
	}
	if (err_count(c->err) == 0 && !c->help &&
	    (c->n_args < c->command->min_args || c->n_args > c->command->max_args)) {
		err_add(c->err, ERR_USAGE, NULL, "usage: aliquot %s %s; see aliquot %s --help",
		        c->command->name, c->command->args, c->command->name);
	}
	return err_count(c->err) == 0;
}

static const char *flag_name(char letter)
{
	size_t i = 0;
	while (flags[i].letter != letter) {
		i++;
	}
	return flags[i].name;
}

const char *cli_sheet(struct cli *c, char letter, const char *kind)
{
	const char *const given = cli_value(c, letter);
	const char *name = NULL;
	if (given != NULL && data_dir_find(c->data, kind, given, &name) == NULL) {
		size_t n;
		const char *const *const names = data_dir_names(c->data, kind, &n);
		const char *const near = str_nearest(given, names, n);
		err_add(c->err, ERR_USAGE, NULL, "%s: unknown name \"%s\"%s%s%s", flag_name(letter),
		        given, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
	return name;
}

bool cli_can_write(struct cli *c)
{
	if (c->out_dir != NULL && !out_make_folder(c->out_dir, c->err)) {
		return false;
	}
	if (c->out_dir != NULL && access(c->out_dir, W_OK) != 0) {
		err_add(c->err, ERR_IO, c->out_dir, "cannot write to this folder");
		return false;
	}
	return true;
}

void cli_print_words(const struct cli *c, FILE *out)
{
	static const char special[] = " \t\n\"'$`\\&|;<>()*?[]{}!#~";
	fputs("aliquot", out);
	for (size_t i = 0; i < c->n_words; i++) {
		const char *const word = c->words[i];
		const bool plain = word[0] != '\0' && strcspn(word, special) == strlen(word);
		fputs(plain ? " " : " '", out);
		for (const char *p = word; *p != '\0'; p++) {
			if (*p == '\'') {
				fputs("'\\''", out); /* ends the quotes, and begins them again */
			} else {
				putc(*p, out);
			}
		}
		fputs(plain ? "" : "'", out);
	}
	putc('\n', out);
}

void cli_fini(struct cli *c)
{
	for (size_t i = 0; i < 2 * c->n_sets; i++) {
		free(c->owned[i]);
	}
	free(c->owned);
	free(c->lists);
	free(c->sets);
	free(c->args);
	data_dir_close(c->data);
}

static void program_usage(void)
{
	puts("aliquot: how many users a GPU fleet can serve, and how fast\n");
	for (const struct command *c = commands; c->name != NULL; c++) {
		printf("  aliquot %-9s %-14s %s\n", c->name, c->args, c->help);
	}
	puts("\nTry: aliquot run chat            simulate a bundled scenario\n"
	     "     aliquot list scenarios      what is bundled\n"
	     "     aliquot COMMAND --help      flags and examples\n"
	     "     aliquot help exit-codes     what the exit codes mean");
}

static void print_flag(const struct flag *f)
{
	char text[40];
	snprintf(text, sizeof(text), "%s%s%s", f->name, f->value != NULL ? " " : "",
	         f->value != NULL ? f->value : "");
	if (f->brief != 0) {
		printf("  -%c, %-23s %s\n", f->brief, text, f->help);
	} else {
		printf("      %-23s %s\n", text, f->help);
	}
}

void cli_usage(const struct command *command)
{
	if (command == NULL) {
		program_usage();
		return;
	}
	printf("aliquot %s%s%s\n  %s\n\n", command->name, command->args[0] != '\0' ? " " : "",
	       command->args, command->help);
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (takes(command, &flags[i])) {
			print_flag(&flags[i]);
		}
	}
	printf("\n%s", command->examples);
}

struct scenario *cli_scenario(struct cli *c, const char *name)
{
	c->data = data_dir_open(c->data_flag, c->program, c->err);
	return c->data != NULL ? scenario_read(name, c->data, c->sets, c->n_sets, c->err) : NULL;
}
