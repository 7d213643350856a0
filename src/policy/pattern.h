/*
 * One pattern of a policy: text with * and ? (glob.h), or a regular expression after a "~".
 *
 * Both are tried on texts that the caller chose, so both are bounded: what would take longer than
 * its limits is PATTERN_LIMIT, which is neither yes nor no, and denies.
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/glob.h"

#define PATTERN_LEN_MAX    GLOB_LEN_MAX
#define PATTERN_TEXT_MAX   4096   /* PATH_MAX: the longest text that the kernel gives us */
#define REGEX_MATCH_LIMIT  100000 /* some milliseconds of backtracking */
#define REGEX_DEPTH_LIMIT  10000
#define REGEX_HEAP_KIB     2048
#define REGEX_SIZE_MAX     ((size_t)32 * 1024)        /* compiled: (a){1,3000} is short to write */
#define REGEX_SIZE_ALL_MAX ((size_t)16 * 1024 * 1024) /* of one policy */

enum pattern_fit { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

/* What all regular expressions of a policy need while one of them is tried: the limits, and a
 * block that PCRE2 writes to. Made once, so that deciding allocates nothing. */
struct regex_room;
int regex_room_new(struct regex_room **ret) MUST_CHECK;
void regex_room_free(struct regex_room *room); /* NULL is fine */

struct pattern {
	bool path;    /* made with pattern_context.path */
	char *source; /* as it was written */
	struct glob glob;
	struct pcre2_real_code_8 *regex; /* NULL: a glob */
	struct regex_room *room;         /* borrowed: lives as long as the policy */
	uint64_t head;                   /* pattern_head() of what it begins with */
	uint64_t head_mask;              /* the bits of it that count */
	uint64_t hash;                   /* of its source: equal globs have equal ones */
};

/* What a pattern's meaning depends on besides its source. */
struct pattern_context {
	bool path; /* "/" counts, and "~/" is home */
	/* As in the older ssh-agent-guard: "*" fits "/" everywhere, and "~" always begins a regular
	 * expression. */
	bool old;
	const char *home;  /* NULL: not known */
	size_t regex_left; /* of REGEX_SIZE_ALL_MAX; compiling takes from it */
	struct regex_room *room;
};

/* -EINVAL: *ret_why says what is wrong with the source and what to do (owned by the caller).
 * -ENOMEM. */
int pattern_compile(struct pattern *ret, const char *source, struct pattern_context *context,
                    char **ret_why) MUST_CHECK;
void pattern_deinit(struct pattern *pattern);

bool pattern_is_regex(const char *source, bool path);
/* Or is a regular expression. */
static inline bool pattern_has_wildcard(const struct pattern *pattern) {
	return pattern->regex != NULL || pattern->glob.n_tokens > 0;
}

/* The first bytes of a text as a number, for pattern_may_fit(). */
static inline uint64_t pattern_head(const char *text) {
	uint64_t head = 0;

	memcpy(&head, text, strnlen(text, sizeof(head)));
	return head;
}

/* Quick, and never wrong with a no: for the many patterns of which hardly any fits. */
static inline bool pattern_may_fit(const struct pattern *pattern, uint64_t head) {
	return ((pattern->head ^ head) & pattern->head_mask) == 0;
}

enum pattern_fit pattern_fits(const struct pattern *pattern, const char *text);

#endif
