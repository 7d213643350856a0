/* Any bytes as the copy of a policy: it parses within bounds, or is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/copy.h"
#include "policy/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct problems problems = {0};
	struct policy *policy = NULL;

	if (policy_copy_parse(&policy, (struct bytes){data, len}, &problems) == 0) {
		struct buffer text = {0};

		/* It does not differ from itself. */
		if (policy_diff(&text, policy, policy) != 0 || text.len != 0)
			abort();
		buffer_deinit(&text);
		policy_unref(policy);
	}
	problems_deinit(&problems);
	return 0;
}
