/* What measured rows call their data sheets and precisions. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "study/case_private.h"

/* Spellings of precisions in tables of measurements; fp16 costs what bf16 costs. */
static const struct {
	const char *text;
	int precision;
} spellings[] = {
	{"bf16", PRECISION_BF16},
	{"fp16", PRECISION_BF16},
	{"float16", PRECISION_BF16},
	{"bfloat16", PRECISION_BF16},
	{"FP16", PRECISION_BF16},
	{"BF16", PRECISION_BF16},
	{"fp8", PRECISION_FP8},
	{"FP8", PRECISION_FP8},
	{"fp4", PRECISION_NVFP4},
	{"nvfp4", PRECISION_NVFP4},
	{"mxfp4", PRECISION_NVFP4},
	{"NVFP4", PRECISION_NVFP4},
	{"bf16 (blank in source)", PRECISION_BF16},
};

void case_skip(struct study_case *c, const char *fmt, ...)
{
	va_list args;
	char text[256];

	if (c->skipped == NULL) {
		va_start(args, fmt);
		vsnprintf(text, sizeof(text), fmt, args);
		va_end(args);
		c->skipped = mem_strdup(text);
	}
}

const char *case_sheet(struct study_case *c, struct data_dir *data, const char *kind,
                       const char *what, const char *text)
{
	const char *name = text;

	if (text[0] == '\0') {
		case_skip(c, "no %s is named", what);
	} else if (data_dir_find(data, kind, text, &name) == NULL) {
		case_skip(c, "no data sheet of %s \"%s\"", what, text);
	}
	return name;
}

int case_precision(struct study_case *c, const char *text)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		if (strcmp(text, spellings[i].text) == 0) {
			return spellings[i].precision;
		}
	}
	case_skip(c, "precision \"%s\" is none that is known", text);
	return PRECISION_BF16;
}
