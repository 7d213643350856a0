/*
 * Tests of a policy, as a file describes them (ssh-agent-guard-policy(5)): requests, and what is
 * expected of each. They are decided by the code that serves live requests.
 */
#ifndef DESCRIBE_SUITE_H
#define DESCRIBE_SUITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "policy/policy.h"

#define SUITE_LEN_MAX POLICY_LEN_MAX
#define TESTS_MAX     10000 /* more than anybody writes; each takes a kilobyte */

struct suite;

/* Parses text as the file called file. surroundings may be NULL, and are borrowed as long as the
 * suite lives. -EINVAL: it has problems, all of which are in *problems. -ENOMEM. */
int suite_parse(struct suite **ret, struct bytes text, const char *file,
                const struct surroundings *surroundings, struct problems *problems) MUST_CHECK;
void suite_free(struct suite *suite); /* NULL is fine */

/* The policy file that the tests share, as the file names it; NULL where it names none. */
const char *suite_policy_path(const struct suite *suite);

/* What a request turned out to be where something else was expected. */
struct mismatch {
	const char *what;
	const char *expected;
	char *found; /* owned by the suite */
};

struct outcome_of_test {
	const char *name;
	bool passed;
	const struct policy *policy;     /* NULL: it did not load */
	const struct request *request;   /* NULL where only loading was tested */
	struct verdict verdict;          /* where there are both */
	const struct problems *problems; /* of the policy */
	const struct mismatch *mismatches;
	size_t n_mismatches;
};
/* All is borrowed for the call. */
typedef void suite_taker(void *data, const struct outcome_of_test *outcome);

/* Runs all tests in their order, and tells what came of each. policy_text is the contents of
 * suite_policy_path(), known by the name policy_name; both are void where there is none. -ENOMEM.
 */
int suite_run(const struct suite *suite, struct bytes policy_text, const char *policy_name,
              suite_taker *take, void *data) MUST_CHECK;

#endif
