/* Cuts a recorded command line into words the way a POSIX shell does; expands nothing. */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct splitter {
	VEC(char *) words;
	VEC(char) word;
	bool in_word; /* '' is a word, though it has no character */
};

static void put(struct splitter *s, char c)
{
	vec_push(&s->word, c);
}

static void put_word(struct splitter *s)
{
	put(s, '\0');
	vec_push(&s->words, mem_strdup(s->word.at));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void end_word(struct splitter *s)
{
	if (s->in_word) {
		put_word(s);
	}
	s->word.n = 0;
	s->in_word = false;
}

/* The part in single quotes that begins after `at`; NULL when it is not closed. */
static const char *take_single(struct splitter *s, const char *at)
{
	for (; *at != '\0' && *at != '\''; at++) {
		put(s, *at);
	}
	return *at == '\0' ? NULL : at + 1;
}

/* The same in double quotes, where a backslash escapes only what the shell would look at. */
static const char *take_double(struct splitter *s, const char *at)
{
	for (; *at != '\0' && *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0' && strchr("\"\\$`\n", at[1]) != NULL) {
			at++;
			if (*at == '\n') {
				continue;
			}
		}
		put(s, *at);
	}
	return *at == '\0' ? NULL : at + 1;
}

/* A backslash outside quotes: the next character as it is, or nothing at the end of a line. */
static const char *take_escape(struct splitter *s, const char *at)
{
	if (*at == '\0' || *at == '\n') {
		return *at == '\0' ? at : at + 1;
	}
	s->in_word = true;
	put(s, *at);
	return at + 1;
}

static void free_words(struct splitter *s)
{
	for (size_t i = 0; i < s->words.n; i++) {
		free(s->words.at[i]);
	}
	free(s->words.at);
	s->words.at = NULL;
}

char **genai_split(const char *line, size_t *n, const char **why)
{
	struct splitter s = {0};
	const char *at = line;

	while (at != NULL && *at != '\0') {
		char c = *at++;

		if (is_blank(c)) {
			end_word(&s);
		} else if (c == '\\') {
			at = take_escape(&s, at);
		} else if (c == '\'' || c == '"') {
			s.in_word = true;
			at = c == '"' ? take_double(&s, at) : take_single(&s, at);
		} else {
			s.in_word = true;
			put(&s, c);
		}
	}
	if (at == NULL) {
		*why = "a quote is not closed";
		free_words(&s);
	} else {
		end_word(&s);
		if (s.words.at == NULL) {
			s.words.at = mem_new(1, sizeof(char *));
		}
	}
	free(s.word.at);
	*n = s.words.n;
	return s.words.at;
}
