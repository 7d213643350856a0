/* Any bytes as the copy of a policy, and as the file of an accepted one: it parses within bounds,
 * or is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/lock_file.h"
#include "policy/copy.h"
#include "policy/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct problems problems = {0};
	struct policy *policy = NULL;
	struct bytes copy;

	if (lock_file_parse(&policy, &copy, (struct bytes){data, len}, &problems) == 0) {
		struct buffer again = {0};

		/* No file but the guard's own is taken. */
		if (lock_file_put(&again, policy, copy) != 0 ||
		    !bytes_equal(buffer_bytes(&again), (struct bytes){data, len}))
			abort();
		buffer_deinit(&again);
		policy_unref(TAKE(policy));
	}
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
