#include "caller/option_walk.h"

#include <string.h>

struct option_walk option_walk_over(const char *const *argv, size_t argc, size_t at,
                                    const char *letters) {
	return (struct option_walk){
		.argv = argv, .argc = argc, .letters = letters, .at = at, .place = ""};
}

/* false: no further option. */
static bool next_word(struct option_walk *walk) {
	const char *word;

	if (walk->at >= walk->argc)
		return false;
	word = walk->argv[walk->at];
	if (word[0] != '-' || word[1] == '\0')
		return false;
	walk->at++;
	if (strcmp(word, "--") == 0) {
		walk->ended = true;
		return false;
	}
	walk->place = word + 1;
	return true;
}

int option_walk_next(struct option_walk *walk) {
	const char *known;
	char letter;

	walk->argument = NULL;
	if (*walk->place == '\0' && !next_word(walk))
		return OPTION_END;
	letter = *walk->place++;
	known = letter != ':' && letter != '-' ? strchr(walk->letters, letter) : NULL;
	if (known == NULL)
		return OPTION_BAD;
	if (known[1] == ':') {
		if (*walk->place == '\0' && walk->at >= walk->argc)
			return OPTION_BAD;
		walk->argument = *walk->place != '\0' ? walk->place : walk->argv[walk->at++];
		walk->place = "";
	}
	return letter;
}
