#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Bytes, not UTF-8: in text that is none a "." would stop, and a deny rule with it. $ is the very
 * end and "." any byte, because a newline is a fine character for a file name.
 */
#define REGEX_OPTIONS \
	(PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C)

struct regex_room {
	pcre2_match_context *limits;
	pcre2_match_data *match;
};

void regex_room_free(struct regex_room *room) {
	if (room == NULL)
		return;
	pcre2_match_context_free(room->limits);
	pcre2_match_data_free(room->match);
	free(room);
}

int regex_room_new(struct regex_room **ret) {
	struct regex_room *room = calloc(1, sizeof(*room));

	if (room == NULL)
		return -ENOMEM;
	room->limits = pcre2_match_context_create(NULL);
	/* One pair: where the match is. What groups caught, nobody asks. */
	room->match = pcre2_match_data_create(1, NULL);
	if (room->limits == NULL || room->match == NULL) {
		regex_room_free(room);
		return -ENOMEM;
	}
	pcre2_set_match_limit(room->limits, REGEX_MATCH_LIMIT);
	pcre2_set_depth_limit(room->limits, REGEX_DEPTH_LIMIT);
	pcre2_set_heap_limit(room->limits, REGEX_HEAP_KIB);
	*ret = room;
	return 0;
}

void pattern_deinit(struct pattern *pattern) {
	glob_deinit(&pattern->glob);
	pcre2_code_free(pattern->regex);
	free(pattern->source);
	*pattern = (struct pattern){0};
}

bool pattern_is_regex(const char *source, bool path) {
	return source[0] == '~' && !(path && source[1] == '/');
}

__attribute__((format(printf, 2, 3))) static int refuse(char **ret_why, const char *format, ...) {
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vasprintf(ret_why, format, arguments);
	va_end(arguments);
	if (len >= 0)
		return -EINVAL;
	*ret_why = NULL;
	return -ENOMEM;
}

static int regex_error(char **ret_why, int number, size_t offset) {
	char message[128];

	pcre2_get_error_message(number, (PCRE2_UCHAR *)message, sizeof(message));
	if (number == PCRE2_ERROR_NOMEMORY)
		return -ENOMEM;
	return refuse(ret_why, "no regular expression: %s, at its character %zu", message,
	              offset + 1);
}

static int regex_compile(struct pattern *pattern, const char *source,
                         struct pattern_context *context, char **ret_why) {
	int number = 0;
	size_t offset = 0;
	size_t size = 0;

	if (*source == '\0')
		return refuse(ret_why, "an empty regular expression fits everything; leave the "
		                       "field out, or quote what is meant");
	pattern->regex = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED, REGEX_OPTIONS,
	                               &number, &offset, NULL);
	if (pattern->regex == NULL)
		return regex_error(ret_why, number, offset);
	pcre2_pattern_info(pattern->regex, PCRE2_INFO_SIZE, &size);
	if (size > REGEX_SIZE_MAX || size > context->regex_left)
		return refuse(ret_why, "the regular expression takes too much memory; make its "
		                       "repeats smaller");
	context->regex_left -= size;
	pattern->room = context->room;
	return 0;
}

static int path_compile(struct pattern *pattern, const char *source,
                        const struct pattern_context *context, char **ret_why) {
	bool below_home = strncmp(source, "~/", 2) == 0;

	if (below_home && context->home == NULL)
		return refuse(ret_why, "~/ is the home directory, and HOME does not say where that "
		                       "is; write the whole path");
	return glob_compile(&pattern->glob, below_home ? context->home : "",
	                    below_home ? source + 1 : source, true);
}

/* Where there is no wildcard, the end of the text is a byte that counts, too. */
static void set_head(struct pattern *pattern) {
	size_t len = pattern->glob.prefix_len + (pattern->glob.n_tokens == 0 ? 1 : 0);
	uint8_t mask[sizeof(pattern->head_mask)] = {0};

	memset(mask, 0xff, len < sizeof(mask) ? len : sizeof(mask));
	memcpy(&pattern->head_mask, mask, sizeof(mask));
	pattern->head = pattern_head(pattern->glob.prefix);
}

/* FNV-1a, 64 bits: it only saves comparisons, so that nothing hangs on who can make two alike. */
static uint64_t hash_of(const char *source) {
	uint64_t hash = 0xcbf29ce484222325;

	for (; *source != '\0'; source++)
		hash = (hash ^ (unsigned char)*source) * 0x100000001b3;
	return hash;
}

int pattern_compile(struct pattern *ret, const char *source, struct pattern_context *context,
                    char **ret_why) {
	CLEANUP(pattern_deinit) struct pattern pattern = {0};
	int error;

	if (strlen(source) > PATTERN_LEN_MAX)
		return refuse(ret_why, "a pattern of more than %d bytes; make it shorter",
		              PATTERN_LEN_MAX);
	if (pattern_is_regex(source, context->path && !context->old))
		error = regex_compile(&pattern, source + 1, context, ret_why);
	else if (context->path && !context->old)
		error = path_compile(&pattern, source, context, ret_why);
	else
		error = glob_compile(&pattern.glob, "", source, false);
	if (error < 0)
		return error;
	pattern.path = context->path;
	pattern.source = strdup(source);
	if (pattern.source == NULL)
		return -ENOMEM;
	if (pattern.regex == NULL)
		set_head(&pattern);
	pattern.hash = hash_of(source);
	*ret = pattern;
	pattern = (struct pattern){0};
	return 0;
}

static enum pattern_fit regex_fits(const struct pattern *pattern, const char *text, size_t len) {
	int number = pcre2_match(pattern->regex, (PCRE2_SPTR)text, len, 0, PCRE2_NO_JIT,
	                         pattern->room->match, pattern->room->limits);

	if (number >= 0)
		return PATTERN_YES;
	return number == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_LIMIT;
}

enum pattern_fit pattern_fits(const struct pattern *pattern, const char *text) {
	size_t len;

	if (!pattern_has_wildcard(pattern))
		return glob_fits(&pattern->glob, text) ? PATTERN_YES : PATTERN_NO;
	len = strnlen(text, PATTERN_TEXT_MAX + 1);
	if (len > PATTERN_TEXT_MAX)
		return PATTERN_LIMIT;
	if (pattern->regex != NULL)
		return regex_fits(pattern, text, len);
	return glob_fits(&pattern->glob, text) ? PATTERN_YES : PATTERN_NO;
}
