#include "agent/lock_file.h"

#include <errno.h>
#include <string.h>

#include "agent/kept.h"
#include "base/cursor.h"
#include "policy/copy.h"

#define MAGIC "ssh-agent-guard accepted policy 1\n"
#define FILE_LEN_MAX \
	(2 * POLICY_LEN_MAX) /* of all files together, with their paths and what stands around */

int lock_file_put(struct buffer *content, const struct policy *policy, struct bytes copy) {
	buffer_put_raw(content, bytes_of_text(MAGIC));
	buffer_put_string(content, bytes_of_text(policy_sha256(policy)));
	buffer_put_string(content, copy);
	return buffer_error(content);
}

int lock_file_parse(struct policy **ret, struct bytes *ret_copy, struct bytes file,
                    struct problems *problems) {
	struct cursor cursor = cursor_over(file);
	struct bytes magic = cursor_raw(&cursor, strlen(MAGIC));
	struct bytes sha256 = cursor_string(&cursor);
	struct bytes copy = cursor_string(&cursor);
	struct policy *policy = NULL;
	int error;

	if (cursor_finish(&cursor) < 0 || !bytes_equal_text(magic, MAGIC))
		return -EBADMSG;
	/* A person may have said yes to known_hosts alone, where there was no policy file. */
	error = copy.len > 0 ? policy_copy_parse(&policy, copy, problems)
	                     : policy_new_default(&policy);
	if (error == 0 && !bytes_equal_text(sha256, policy_sha256(policy))) {
		policy_unref(policy);
		error = -EBADMSG;
	}
	if (error < 0)
		return error;
	*ret = policy;
	*ret_copy = copy;
	return 0;
}

int lock_file_read(struct policy **ret, struct bytes *ret_copy, struct buffer *content,
                   int state_fd, struct problems *problems) {
	int error = kept_read(content, state_fd, LOCK_FILE, FILE_LEN_MAX);

	return error < 0 ? error : lock_file_parse(ret, ret_copy, buffer_bytes(content), problems);
}

int lock_file_report(struct problems *problems, int error) {
	problems_add(problems, LOCK_FILE, 0, 0,
	             "the accepted policy in the state directory is not what the guard wrote: %s "
	             "(look who did that; remove it to have the policy file trusted once more)",
	             kept_fault(error));
	return error;
}
