#include "agent/lock_question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/lock_hosts.h"
#include "policy/diff.h"
#include "wire/known_hosts_diff.h"

#define POLICY_SHOWN_MAX (48 * 1024) /* of what changes in a policy: a person reads all of it */
/* Of the lines of known_hosts, all of which come where nothing was accepted before: those of some
 * ten thousand hosts. An answer on the control socket takes both. */
#define HOSTS_SHOWN_MAX (1024 * 1024)

static void free_question(struct question **question) {
	question_free(*question);
}

static const char *sha256_of(const struct policy *policy) {
	return policy_sha256(policy)[0] != '\0' ? policy_sha256(policy) : "(none)";
}

/* ---- what is signed ---- */

/* Of two lines: the SHA-256 of the policy, and that of known_hosts. */
static int digest_of_both(char ret[static DIGEST_HEX], const char *policy, const char *hosts) {
	char lines[2 * DIGEST_HEX + 1];

	snprintf(lines, sizeof(lines), "%.64s\n%.64s\n", policy, hosts);
	return digest_hex(ret, bytes_of_text(lines));
}

static int put_both(char ret[static DIGEST_HEX], struct bytes hosts) {
	char digest[DIGEST_HEX];
	int error = digest_hex(digest, hosts);

	return error < 0 ? error : digest_of_both(ret, ret, digest);
}

static int put_change(struct question *question, const struct lock_change *change) {
	int error = digest_hex(question->before, (struct bytes){0});

	if (error < 0)
		return error;
	if (strlen(policy_sha256(change->from)) == DIGEST_HEX - 1)
		strcpy(question->before, policy_sha256(change->from));
	strcpy(question->after, question->before);
	if (strlen(policy_sha256(change->to)) == DIGEST_HEX - 1)
		strcpy(question->after, policy_sha256(change->to));
	else if (change->is_new_policy)
		return -EINVAL;
	if (change->takes_hosts)
		error = put_both(question->before, change->hosts_from);
	if (change->takes_hosts && error == 0)
		error = put_both(question->after, change->hosts_to);
	return error;
}

void lock_change_tell(char *ret, size_t size, const struct lock_change *change) {
	char from[DIGEST_HEX], to[DIGEST_HEX], both[DIGEST_HEX];
	int len = snprintf(ret, size, "SHA-256 %s, before it %s", sha256_of(change->to),
	                   sha256_of(change->from));

	if (!change->takes_hosts || digest_hex(from, change->hosts_from) < 0 ||
	    digest_hex(to, change->hosts_to) < 0 ||
	    digest_of_both(both, policy_sha256(change->to), to) < 0)
		return;
	snprintf(ret + len, size - (size_t)len,
	         "; of known_hosts %s, before it %s; of both together %s", to, from, both);
}

/* ---- what is shown ---- */

/* The lines that come and go: all of them, or whoever writes many could hide one among them. */
static int put_hosts(struct buffer *text, struct known_hosts_change *ret,
                     const struct lock_change *change) {
	CLEANUP(buffer_deinit) struct buffer lines = {0};
	size_t n_shown = 0, n_all;
	int error = known_hosts_diff(ret, &lines, HOSTS_SHOWN_MAX, change->hosts_from,
	                             change->hosts_to);

	n_all = ret->n_come + ret->n_gone;
	if (error < 0 || n_all == 0)
		return error;
	for (size_t i = 0; i < lines.len; i++)
		n_shown += lines.data[i] == '\n';
	if (n_shown < n_all)
		return -EMSGSIZE;
	buffer_put_raw(text, bytes_of_text("known_hosts:\n"));
	buffer_put_raw(text, buffer_bytes(&lines));
	return buffer_error(text) < 0 ? -ENOMEM : 0;
}

static int make_body(struct question *question, struct known_hosts_change *ret_hosts,
                     const struct lock_change *change) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error = policy_diff(&text, change->from, change->to);

	if (error == 0 && text.len == 0 && change->is_new_policy)
		buffer_put_raw(&text, bytes_of_text("(nothing of what it means: comments, order of "
		                                    "names, or where it lies)\n"));
	if (error == 0 && text.len > POLICY_SHOWN_MAX)
		error = -E2BIG;
	if (error == 0 && change->takes_hosts)
		error = put_hosts(&text, ret_hosts, change);
	if (error < 0)
		return error;
	buffer_put_u8(&text, '\0');
	if (buffer_error(&text) < 0)
		return -ENOMEM;
	question->body = strdup((const char *)text.data);
	return question->body != NULL ? 0 : -ENOMEM;
}

static const char *what_changes(const struct lock_change *change) {
	if (!change->is_new_policy)
		return "let names in rules mean the host keys that known_hosts has by now";
	if (!change->stays_locked)
		return "use a changed policy, which takes the lock off";
	return change->takes_hosts ? "use a changed policy, and known_hosts as it is by now"
	                           : "use a changed policy";
}

static int add_hosts(struct question *question, const struct known_hosts_change *hosts) {
	char line[96];

	if (hosts->n_come + hosts->n_gone == 0)
		return 0;
	snprintf(line, sizeof(line), "%zu lines come, %zu go", hosts->n_come, hosts->n_gone);
	return question_add(question, "known_hosts", line);
}

int lock_question_new(struct question **ret, const struct lock_change *change,
                      const struct turns *turns) {
	CLEANUP(free_question) struct question *question = NULL;
	struct known_hosts_change hosts = {0};
	int error = question_new_own(&question, "policy accept", turns);

	if (error == 0)
		error = put_change(question, change);
	if (error == 0)
		error = question_add(question, "what", what_changes(change));
	if (error == 0)
		error = question_add(question, "policy", policy_path(change->to));
	if (error == 0)
		error = question_add(question, "sha256_now", sha256_of(change->from));
	if (error == 0)
		error = question_add(question, "sha256_new", sha256_of(change->to));
	if (error == 0)
		error = make_body(question, &hosts, change);
	if (error == 0)
		error = add_hosts(question, &hosts);
	if (error == 0)
		*ret = TAKE(question);
	return error;
}
