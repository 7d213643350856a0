#include "agent/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/lock_file.h"
#include "agent/lock_parts.h"
#include "agent/own_question.h"
#include "base/diag.h"
#include "policy/copy.h"

void lock_offer_clear(struct lock_offer *offer) {
	policy_unref(offer->policy);
	buffer_deinit(&offer->copy);
	buffer_deinit(&offer->hosts);
	*offer = (struct lock_offer){0};
}

int lock_offer_set(struct lock_offer *offer, struct policy *policy, struct bytes copy) {
	lock_offer_clear(offer);
	buffer_put_raw(&offer->copy, copy);
	if (buffer_error(&offer->copy) < 0) {
		buffer_deinit(&offer->copy);
		return -ENOMEM;
	}
	offer->policy = policy_ref(policy);
	return 0;
}

static bool either_locks(const struct policy *floor, const struct policy *policy) {
	return policy_locks(policy) || (floor != NULL && policy_locks(floor));
}

bool lock_locks(const struct guard *guard, const struct policy *policy) {
	return either_locks(guard->floor, policy);
}

void lock_say(struct lock *lock, const char *trigger, const char *reason,
              const struct prompt *prompt, const char *detail) {
	own_question_say(lock->guard, trigger, reason, prompt, detail);
}

void lock_set_notice(struct lock *lock, const char *text) {
	free(lock->notice);
	lock->notice = text != NULL ? strdup(text) : NULL;
}

/* ---- the copy in the state directory ---- */

/* What is in force, for whoever puts the file back. */
static int put_current(void *data, struct buffer *content) {
	const struct lock *lock = data;

	return lock_file_put(content, lock->guard->policy, buffer_bytes(&lock->current));
}

int lock_write_copy(struct lock *lock, const struct policy *policy, struct bytes copy) {
	CLEANUP(buffer_deinit) struct buffer content = {0};
	int error = lock_file_put(&content, policy, copy);

	return error < 0 ? error : kept_write(&lock->kept, buffer_bytes(&content));
}

int lock_remove_copy(struct lock *lock) {
	int error = kept_remove(&lock->kept);

	if (error == 0)
		lock_hosts_release(lock->hosts);
	return error;
}

/* ---- at the start ---- */

static int load_from_path(struct policy **ret, struct lock *lock, struct problems *problems) {
	struct guard *guard = lock->guard;
	int error = policy_load_copied(ret, &lock->current, guard->policy_path, problems);

	if (error < 0) {
		buffer_deinit(&lock->current);
		return error;
	}
	error = buffer_error(&lock->current);
	if (error == 0 && lock_locks(guard, *ret)) {
		error = lock_write_copy(lock, *ret, buffer_bytes(&lock->current));
		lock_hosts_trust(lock->hosts);
		lock->on_first_use = true;
	}
	if (error < 0) {
		problems_add(problems, LOCK_FILE, 0, 0,
		             "lock: true: the accepted policy cannot be kept in the state "
		             "directory: %s",
		             strerror(-error));
		policy_unref(*ret);
		*ret = NULL;
	}
	return error;
}

int lock_load(struct policy **ret, struct lock *lock, struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer content = {0};
	struct guard *guard = lock->guard;
	struct policy *policy = NULL;
	struct bytes copy;
	int error = lock_file_read(&policy, &copy, &content, guard->state_fd, problems);

	if (error == -ENOENT && guard->floor != NULL && policy_locks(guard->floor)) {
		diag_info("the floor says lock: true, and no policy was accepted yet, so that "
		          "every signature needs a confirmation (ssh-agent-guard policy accept)");
		lock_hosts_none(lock->hosts);
		return policy_new_default(ret);
	}
	if (error == -ENOENT)
		return load_from_path(ret, lock, problems);
	if (error < 0)
		return lock_file_report(problems, error);
	/* Left over from a lock that was taken off while no guard wrote that down. */
	if (!lock_locks(guard, policy)) {
		policy_unref(policy);
		error = lock_remove_copy(lock);
		return error < 0 ? lock_file_report(problems, error)
		                 : load_from_path(ret, lock, problems);
	}
	buffer_put_raw(&lock->current, copy);
	if (buffer_error(&lock->current) < 0) {
		policy_unref(policy);
		return -ENOMEM;
	}
	kept_found(&lock->kept);
	lock_hosts_load(lock->hosts);
	*ret = policy;
	return 0;
}

int lock_peek(struct policy **ret, const char *state, const struct policy *floor,
              struct problems *problems) {
	CLEANUP(close_fd) int state_fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(buffer_deinit) struct buffer content = {0};
	struct policy *policy = NULL;
	struct bytes copy;
	int error;

	if (state_fd < 0)
		return errno == ENOENT ? -ENOENT : -errno;
	error = lock_file_read(&policy, &copy, &content, state_fd, problems);
	if (error < 0)
		return error == -ENOENT ? error : lock_file_report(problems, error);
	if (!either_locks(floor, policy)) {
		policy_unref(policy);
		return -ENOENT;
	}
	*ret = policy;
	return 0;
}

void lock_started(struct lock *lock) {
	if (lock->on_first_use)
		lock_say(lock, "policy-accepted", "first-use", NULL,
		         "lock: true, and nothing was accepted before: the policy was trusted as "
		         "it is");
	lock->on_first_use = false;
	kept_start(&lock->kept);
	lock_hosts_started(lock->hosts);
}

/* ---- what is read while it runs ---- */

void lock_tell_held(struct lock *lock, const struct policy *policy) {
	char text[512];

	snprintf(
		text, sizeof(text),
		"the policy file has changed and is not used, because of lock: true: SHA-256 %s in "
		"force, %s in the file; look at it, and run ssh-agent-guard policy accept, or put "
		"it back",
		policy_sha256(lock->guard->policy)[0] != '\0' ? policy_sha256(lock->guard->policy)
							      : "(none)",
		policy_sha256(policy));
	lock_set_notice(lock, text);
	free(lock->guard->reload_error);
	lock->guard->reload_error = strdup(text);
	lock->guard->reload_state = RELOAD_HELD;
	diag_error("policy: %s", text);
	lock_say(lock, "policy-locked", NULL, NULL, text);
}

void lock_gone(struct lock *lock) {
	lock_offer_clear(&lock->held);
	lock_set_notice(lock, NULL);
}

bool lock_holds(struct lock *lock, struct policy *policy, struct bytes copy) {
	bool is_known = lock->held.policy != NULL &&
	                bytes_equal(buffer_bytes(&lock->held.copy), copy);

	if (!lock_locks(lock->guard, lock->guard->policy) ||
	    bytes_equal(buffer_bytes(&lock->current), copy)) {
		lock_gone(lock);
		return false;
	}
	if (is_known)
		return true;
	/* Without memory for it, it cannot be accepted; it is not used either. */
	if (lock_offer_set(&lock->held, policy, copy) < 0)
		diag_error("policy: %s", strerror(ENOMEM));
	lock_tell_held(lock, policy);
	return true;
}

static void begin(struct lock *lock) {
	bool is_new = lock_hosts_trust(lock->hosts);
	int error = lock_write_copy(lock, lock->guard->policy, buffer_bytes(&lock->current));

	if (is_new)
		lock_say(lock, "policy-accepted", "first-use", NULL,
		         "lock: true is new: the policy was trusted as it is");
	if (error < 0)
		diag_error(LOCK_FILE ": %s (the policy is locked until the guard ends)",
		           strerror(-error));
}

static void end(struct lock *lock) {
	int error = 0;

	if (lock->kept.is_kept)
		error = lock_remove_copy(lock);
	else
		lock_hosts_release(lock->hosts);
	if (error < 0)
		diag_error(LOCK_FILE ": %s (there is no lock any more, but known_hosts stays as it "
		                     "was accepted until that is removed)",
		           strerror(-error));
}

void lock_took(struct lock *lock, struct bytes copy) {
	struct guard *guard = lock->guard;
	bool is_same = bytes_equal(buffer_bytes(&lock->current), copy);

	if (!is_same) {
		buffer_deinit(&lock->current);
		buffer_put_raw(&lock->current, copy);
	}
	if (buffer_error(&lock->current) < 0)
		diag_error(LOCK_FILE ": %s", strerror(ENOMEM));
	else if (!lock_locks(guard, guard->policy))
		end(lock);
	/* It is another one under a lock where an earlier lock's could not be removed. */
	else if (!lock->kept.is_kept || !is_same)
		begin(lock);
}

void lock_floor_changed(struct lock *lock) {
	struct guard *guard = lock->guard;

	if (lock->current.len > 0 || !lock_locks(guard, guard->policy))
		lock_took(lock, buffer_bytes(&lock->current));
	else
		lock_hosts_none(lock->hosts);
}

const char *lock_notice(const struct lock *lock) {
	return lock->notice;
}

/* ---- from start to end ---- */

int lock_new(struct lock **ret, struct guard *guard, lock_changed *changed, void *data) {
	struct lock *lock = calloc(1, sizeof(*lock));

	if (lock == NULL)
		return -ENOMEM;
	lock->guard = guard;
	if (kept_init(&lock->kept, guard, LOCK_FILE, put_current, lock) < 0 ||
	    lock_hosts_new(&lock->hosts, guard) < 0) {
		kept_deinit(&lock->kept);
		free(lock);
		return -ENOMEM;
	}
	lock->changed = changed;
	lock->data = data;
	*ret = lock;
	return 0;
}

void lock_free(struct lock *lock) {
	if (lock == NULL)
		return;
	if (lock->waiter != NULL && lock->guard->asker != NULL)
		lock_stop_asking(lock);
	lock_offer_clear(&lock->held);
	lock_offer_clear(&lock->asked);
	buffer_deinit(&lock->current);
	kept_deinit(&lock->kept);
	lock_hosts_free(lock->hosts);
	free(lock->notice);
	free(lock);
}

struct lock_hosts *lock_hosts_of(struct lock *lock) {
	return lock != NULL ? lock->hosts : NULL;
}
