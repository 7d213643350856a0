/* What a test expects, and whether it came so. */
#ifndef DESCRIBE_EXPECT_H
#define DESCRIBE_EXPECT_H

#include "base/buffer.h"
#include "describe/suite.h"
#include "policy/reading.h"

#define EXPECTED_MAX 64

struct expect {
	const char *load_error; /* a part of the message; NULL: the policy must load. Borrowed. */
	struct expected {
		const char
			*what; /* "action", "rule", "missing_fact", "weak", or the name of a fact */
		const char *text; /* borrowed from the tree */
	} items[EXPECTED_MAX];
	size_t count;
};

/* What is wrong is reported. */
void expect_read(struct expect *ret, struct reading *reading, const struct yaml_node *map);

/* Appends one; found is copied. -ENOMEM. */
int mismatch_add(struct mismatch *mismatches, size_t *n_mismatches, const char *what,
                 const char *expected, struct buffer *found) MUST_CHECK;

/* Appends to mismatches, which has room for EXPECTED_MAX. -ENOMEM. */
int expect_compare(struct mismatch *mismatches, size_t *n_mismatches, const struct expect *expect,
                   const struct request *request, const struct verdict *verdict) MUST_CHECK;

#endif
