#include "policy/glob.h"

#include <errno.h>
#include <string.h>

/* A token below 256 is that byte. */
enum {
	TOKEN_ANY = 256,    /* the first byte of any character */
	TOKEN_ANY_IN_NAME,  /* of any but "/" */
	TOKEN_REST,         /* further bytes of that character */
	TOKEN_STAR,         /* whatever there is */
	TOKEN_STAR_IN_NAME, /* whatever there is up to the next "/" */
};

void glob_deinit(struct glob *glob) {
	free(glob->prefix);
	free(glob->tokens);
	*glob = (struct glob){0};
}

static bool is_continuation(unsigned char byte) {
	return (byte & 0xc0) == 0x80;
}

/* Takes the run of stars off the front of *source. */
static uint16_t take_star(const char **source, bool path) {
	size_t n_stars = strspn(*source, "*");

	*source += n_stars;
	return path && n_stars == 1 && **source != '\0' ? TOKEN_STAR_IN_NAME : TOKEN_STAR;
}

static size_t tokenise(uint16_t *tokens, const char *source, bool path) {
	size_t n_tokens = 0;

	while (*source != '\0') {
		if (*source == '*') {
			tokens[n_tokens++] = take_star(&source, path);
		} else if (*source == '?') {
			tokens[n_tokens++] = path ? TOKEN_ANY_IN_NAME : TOKEN_ANY;
			tokens[n_tokens++] = TOKEN_REST;
			source++;
		} else {
			tokens[n_tokens++] = (unsigned char)*source++;
		}
	}
	return n_tokens;
}

int glob_compile(struct glob *ret, const char *literal, const char *source, bool path) {
	CLEANUP(glob_deinit) struct glob glob = {0};
	size_t plain_len = strcspn(source, "*?");
	size_t literal_len = strlen(literal);

	if (strlen(source) > GLOB_LEN_MAX)
		return -EMSGSIZE;
	glob.prefix_len = literal_len + plain_len;
	glob.prefix = calloc(1, glob.prefix_len + 1);
	if (glob.prefix == NULL)
		return -ENOMEM;
	memcpy(glob.prefix, literal, literal_len);
	memcpy(glob.prefix + literal_len, source, plain_len);
	source += plain_len;
	if (*source != '\0') {
		glob.tokens = calloc(2 * strlen(source), sizeof(uint16_t)); /* a ? makes two */
		if (glob.tokens == NULL)
			return -ENOMEM;
		glob.n_tokens = tokenise(glob.tokens, source, path);
	}
	while (glob.suffix_len < glob.n_tokens &&
	       glob.tokens[glob.n_tokens - 1 - glob.suffix_len] < 256)
		glob.suffix_len++;
	*ret = glob;
	glob = (struct glob){0};
	return 0;
}

/* Whether the token takes this byte and is done with. */
static bool consumes(uint16_t token, unsigned char byte) {
	switch (token) {
	case TOKEN_ANY: return !is_continuation(byte);
	case TOKEN_ANY_IN_NAME: return byte != '/' && !is_continuation(byte);
	case TOKEN_REST:
	case TOKEN_STAR:
	case TOKEN_STAR_IN_NAME: return false;
	}
	return token == byte;
}

/* Whether the token takes this byte and may take more. */
static bool goes_on(uint16_t token, unsigned char byte) {
	return token == TOKEN_STAR || (token == TOKEN_STAR_IN_NAME && byte != '/') ||
	       (token == TOKEN_REST && is_continuation(byte));
}

static bool may_be_empty(uint16_t token) {
	return token == TOKEN_STAR || token == TOKEN_STAR_IN_NAME || token == TOKEN_REST;
}

/*
 * The set of all places in the pattern that the text so far could have led to: reached[i] says that
 * the first i tokens fit it. Nothing is ever tried twice, so there is nothing to blow up. Only the
 * places from low to high can be set.
 */
struct places {
	bool *reached;
	size_t low;
	size_t high;
};

static void skip_empty(struct places *places, const struct glob *glob) {
	for (size_t i = places->low; i <= places->high && i < glob->n_tokens; i++)
		if (places->reached[i] && may_be_empty(glob->tokens[i])) {
			places->reached[i + 1] = true;
			if (places->high < i + 1)
				places->high = i + 1;
		}
}

/* false: no place is left. */
static bool step(struct places *places, const struct glob *glob, unsigned char byte) {
	size_t high = places->high;

	for (size_t i = high + 1; i-- > places->low;) {
		if (!places->reached[i])
			continue;
		/* What stands above has been dealt with already, so this is its new value. */
		if (i < glob->n_tokens && consumes(glob->tokens[i], byte)) {
			places->reached[i + 1] = true;
			if (i == high)
				places->high = i + 1;
		}
		places->reached[i] = i < glob->n_tokens && goes_on(glob->tokens[i], byte);
	}
	while (places->low <= places->high && !places->reached[places->low])
		places->low++;
	if (places->low > places->high)
		return false;
	skip_empty(places, glob);
	return true;
}

static bool tokens_fit(const struct glob *glob, const char *text) {
	bool reached[2 * GLOB_LEN_MAX + 1];
	struct places places = {.reached = reached};
	bool ends_open = glob->tokens[glob->n_tokens - 1] == TOKEN_STAR;

	memset(reached, 0, glob->n_tokens + 1);
	reached[0] = true;
	skip_empty(&places, glob);
	for (; *text != '\0'; text++) {
		if (ends_open && reached[glob->n_tokens - 1])
			return true;
		if (!step(&places, glob, (unsigned char)*text))
			return false;
	}
	return reached[glob->n_tokens];
}

static bool suffix_fits(const struct glob *glob, const char *text) {
	const uint16_t *suffix = glob->tokens + glob->n_tokens - glob->suffix_len;
	size_t len = strlen(text);

	if (len < glob->suffix_len)
		return false;
	text += len - glob->suffix_len;
	for (size_t i = 0; i < glob->suffix_len; i++)
		if ((unsigned char)text[i] != suffix[i])
			return false;
	return true;
}

bool glob_fits(const struct glob *glob, const char *text) {
	if (glob->n_tokens == 0)
		return strcmp(glob->prefix, text) == 0;
	if (strncmp(glob->prefix, text, glob->prefix_len) != 0)
		return false;
	text += glob->prefix_len;
	return suffix_fits(glob, text) && tokens_fit(glob, text);
}

bool glob_fits_all(const struct glob *glob) {
	return glob->prefix_len == 0 && glob->n_tokens == 1 && glob->tokens[0] == TOKEN_STAR;
}

bool glob_equal(const struct glob *a, const struct glob *b) {
	return a->n_tokens == b->n_tokens && strcmp(a->prefix, b->prefix) == 0 &&
	       (a->n_tokens == 0 ||
	        memcmp(a->tokens, b->tokens, a->n_tokens * sizeof(a->tokens[0])) == 0);
}
