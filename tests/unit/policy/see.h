/* What tests of fields share: how one condition stands to a request. */
#ifndef TESTS_UNIT_POLICY_SEE_H
#define TESTS_UNIT_POLICY_SEE_H

#include "fixture.h"

/* How a condition shows: an allow fits only for certain, a deny also where it could. */
enum seen { NO, CLAIMED, UNKNOWN, YES };

static inline enum seen see(const char *match, const struct request *request) {
	struct verdict allow = decide_rule("allow", match, request);
	struct verdict deny = decide_rule("deny", match, request);

	if (allow.action == ACTION_ALLOW) {
		assert_int_equal(deny.action, ACTION_DENY);
		assert_null(allow.missing);
		assert_null(deny.missing);
		return YES;
	}
	if (deny.action == ACTION_ALLOW) {
		assert_null(allow.missing);
		assert_null(deny.missing);
		return NO;
	}
	assert_non_null(deny.missing);
	return allow.missing != NULL ? UNKNOWN : CLAIMED;
}

struct row {
	const char *match;
	enum seen seen;
};

static inline void assert_rows(const struct row *rows, size_t n_rows,
                               const struct request *request) {
	for (size_t i = 0; i < n_rows; i++) {
		enum seen seen = see(rows[i].match, request);

		if (seen != rows[i].seen)
			print_message("# %s\n", rows[i].match);
		assert_int_equal(seen, rows[i].seen);
	}
}

#define ASSERT_ROWS(rows, request) assert_rows((rows), sizeof(rows) / sizeof((rows)[0]), (request))

#endif
