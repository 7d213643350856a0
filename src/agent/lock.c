#include "agent/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/hosts.h"
#include "agent/kept.h"
#include "agent/lock_hosts.h"
#include "agent/lock_question.h"
#include "agent/own_question.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/diag.h"
#include "policy/copy.h"
#include "wire/known_hosts_diff.h"

#define MAGIC "ssh-agent-guard accepted policy 1\n"
#define FILE_LEN_MAX \
	(2 * POLICY_LEN_MAX) /* of all files together, with their paths and what stands around */
#define ACCEPT_S_MIN 600     /* reading takes longer than looking */

/* A policy, and what it was read from. */
struct offer {
	struct policy *policy; /* NULL: there is none */
	struct buffer copy;
	struct buffer hosts; /* of what a person is asked about: known_hosts, as it was shown */
};

struct lock {
	struct guard *guard;
	lock_changed *changed;
	void *data;
	struct buffer current; /* what the policy in force was read from; empty: there is no file */
	struct kept kept;      /* that, in the state directory, where it is locked */
	struct lock_hosts *hosts;
	bool on_first_use;     /* it was trusted without a yes, and no event has told that yet */
	struct offer held;     /* what the file says now, and is not used */
	struct offer asked;    /* what a person is asked about */
	struct waiter *waiter; /* NULL: nobody is asked */
	char *notice;
};

static void offer_clear(struct offer *offer) {
	policy_unref(offer->policy);
	buffer_deinit(&offer->copy);
	buffer_deinit(&offer->hosts);
	*offer = (struct offer){0};
}

/* -ENOMEM: it is empty then. */
static int offer_set(struct offer *offer, struct policy *policy, struct bytes copy) {
	offer_clear(offer);
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

static bool locks(const struct guard *guard, const struct policy *policy) {
	return either_locks(guard->floor, policy);
}

static void say(struct lock *lock, const char *trigger, const char *reason,
                const struct prompt *prompt, const char *detail) {
	struct guard *guard = lock->guard;
	bool said_yes = prompt != NULL && prompt->state == PROMPT_GRANTED;
	struct confirm_passed passed[CONFIRM_METHOD_COUNT];
	struct event event = {
		.real_us = clock_real_us(),
		.trigger = trigger,
		.reason = reason,
		.detail = detail,
		.confirm_method = said_yes ? confirm_method_name(prompt->method) : NULL,
		.confirm_via = said_yes ? prompt->via : NULL,
		.confirm_weak = said_yes && confirm_method_is_weak(prompt->method),
		.confirm_passed = passed,
		.n_confirm_passed = said_yes ? turns_passed(passed, &prompt->turns, prompt->method)
	                                     : 0,
		.proof = said_yes ? prompt->proof : NULL,
		.config_sha256 = policy_sha256(guard->policy),
		.floor_sha256 = guard->floor != NULL ? policy_sha256(guard->floor) : NULL,
	};
	/* guard_event() has shown the failure where a user looks. */
	int error = guard_event(guard, &event);

	(void)error;
}

static void notice(struct lock *lock, const char *text) {
	free(lock->notice);
	lock->notice = text != NULL ? strdup(text) : NULL;
}

/* ---- the copy in the state directory ---- */

static int put_copy(struct buffer *content, const struct policy *policy, struct bytes copy) {
	buffer_put_raw(content, bytes_of_text(MAGIC));
	buffer_put_string(content, bytes_of_text(policy_sha256(policy)));
	buffer_put_string(content, copy);
	return buffer_error(content);
}

/* What is in force, for whoever puts the file back. */
static int put_current(void *data, struct buffer *content) {
	const struct lock *lock = data;

	return put_copy(content, lock->guard->policy, buffer_bytes(&lock->current));
}

static int write_copy(struct lock *lock, const struct policy *policy, struct bytes copy) {
	CLEANUP(buffer_deinit) struct buffer content = {0};
	int error = put_copy(&content, policy, copy);

	return error < 0 ? error : kept_write(&lock->kept, buffer_bytes(&content));
}

/* On an error all is as it was. */
static int remove_copy(struct lock *lock) {
	int error = kept_remove(&lock->kept);

	if (error == 0)
		lock_hosts_release(lock->hosts);
	return error;
}

/* *ret_copy points into content. */
static int read_copy(struct policy **ret, struct bytes *ret_copy, struct buffer *content,
                     int state_fd, struct problems *problems) {
	struct cursor cursor;
	struct bytes magic, sha256;
	int error = kept_read(content, state_fd, LOCK_FILE, FILE_LEN_MAX);

	if (error < 0)
		return error;
	cursor = cursor_over(buffer_bytes(content));
	magic = cursor_raw(&cursor, strlen(MAGIC));
	sha256 = cursor_string(&cursor);
	*ret_copy = cursor_string(&cursor);
	if (cursor_finish(&cursor) < 0 || !bytes_equal_text(magic, MAGIC))
		return -EBADMSG;
	/* A person may have said yes to known_hosts alone, where there was no policy file. */
	error = ret_copy->len > 0 ? policy_copy_parse(ret, *ret_copy, problems)
	                          : policy_new_default(ret);
	if (error == 0 && !bytes_equal_text(sha256, policy_sha256(*ret))) {
		policy_unref(*ret);
		*ret = NULL;
		return -EBADMSG;
	}
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
	if (error == 0 && locks(guard, *ret)) {
		error = write_copy(lock, *ret, buffer_bytes(&lock->current));
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

static int report_copy(struct problems *problems, int error) {
	problems_add(problems, LOCK_FILE, 0, 0,
	             "the accepted policy in the state directory is not what the guard wrote: %s "
	             "(look who did that; remove it to have the policy file trusted once more)",
	             kept_fault(error));
	return error;
}

int lock_load(struct policy **ret, struct lock *lock, struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer content = {0};
	struct guard *guard = lock->guard;
	struct policy *policy = NULL;
	struct bytes copy;
	int error = read_copy(&policy, &copy, &content, guard->state_fd, problems);

	if (error == -ENOENT && guard->floor != NULL && policy_locks(guard->floor)) {
		diag_info("the floor says lock: true, and no policy was accepted yet, so that "
		          "every signature needs a confirmation (ssh-agent-guard policy accept)");
		lock_hosts_none(lock->hosts);
		return policy_new_default(ret);
	}
	if (error == -ENOENT)
		return load_from_path(ret, lock, problems);
	if (error < 0)
		return report_copy(problems, error);
	/* Left over from a lock that was taken off while no guard wrote that down. */
	if (!locks(guard, policy)) {
		policy_unref(policy);
		error = remove_copy(lock);
		return error < 0 ? report_copy(problems, error)
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
	error = read_copy(&policy, &copy, &content, state_fd, problems);
	if (error < 0)
		return error == -ENOENT ? error : report_copy(problems, error);
	if (!either_locks(floor, policy)) {
		policy_unref(policy);
		return -ENOENT;
	}
	*ret = policy;
	return 0;
}

void lock_started(struct lock *lock) {
	if (lock->on_first_use)
		say(lock, "policy-accepted", "first-use", NULL,
		    "lock: true, and nothing was accepted before: the policy was trusted as it is");
	lock->on_first_use = false;
	kept_start(&lock->kept);
	lock_hosts_started(lock->hosts);
}

/* ---- what is read while it runs ---- */

static void tell_held(struct lock *lock, const struct policy *policy) {
	char text[512];

	snprintf(
		text, sizeof(text),
		"the policy file has changed and is not used, because of lock: true: SHA-256 %s in "
		"force, %s in the file; look at it, and run ssh-agent-guard policy accept, or put "
		"it back",
		policy_sha256(lock->guard->policy)[0] != '\0' ? policy_sha256(lock->guard->policy)
							      : "(none)",
		policy_sha256(policy));
	notice(lock, text);
	free(lock->guard->reload_error);
	lock->guard->reload_error = strdup(text);
	lock->guard->reload_state = RELOAD_HELD;
	diag_error("policy: %s", text);
	say(lock, "policy-locked", NULL, NULL, text);
}

bool lock_holds(struct lock *lock, struct policy *policy, struct bytes copy) {
	bool is_known = lock->held.policy != NULL &&
	                bytes_equal(buffer_bytes(&lock->held.copy), copy);

	if (!locks(lock->guard, lock->guard->policy) ||
	    bytes_equal(buffer_bytes(&lock->current), copy)) {
		offer_clear(&lock->held);
		notice(lock, NULL);
		return false;
	}
	if (is_known)
		return true;
	/* Without memory for it, it cannot be accepted; it is not used either. */
	if (offer_set(&lock->held, policy, copy) < 0)
		diag_error("policy: %s", strerror(ENOMEM));
	tell_held(lock, policy);
	return true;
}

static void begin(struct lock *lock) {
	bool is_new = lock_hosts_trust(lock->hosts);
	int error = write_copy(lock, lock->guard->policy, buffer_bytes(&lock->current));

	if (is_new)
		say(lock, "policy-accepted", "first-use", NULL,
		    "lock: true is new: the policy was trusted as it is");
	if (error < 0)
		diag_error(LOCK_FILE ": %s (the policy is locked until the guard ends)",
		           strerror(-error));
}

static void end(struct lock *lock) {
	int error = 0;

	if (lock->kept.is_kept)
		error = remove_copy(lock);
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
	else if (!locks(guard, guard->policy))
		end(lock);
	/* It is another one under a lock where an earlier lock's could not be removed. */
	else if (!lock->kept.is_kept || !is_same)
		begin(lock);
}

void lock_floor_changed(struct lock *lock) {
	struct guard *guard = lock->guard;

	if (lock->current.len > 0 || !locks(guard, guard->policy))
		lock_took(lock, buffer_bytes(&lock->current));
	else
		lock_hosts_none(lock->hosts);
}

const char *lock_notice(const struct lock *lock) {
	return lock->notice;
}

/* ---- a person's yes ---- */

static void refused(struct lock *lock, const struct prompt *prompt, const char *why) {
	say(lock, "policy-accept-refused", why, prompt, policy_sha256(lock->asked.policy));
	offer_clear(&lock->asked);
}

/* What a person is asked about. */
static struct lock_change change_of(const struct lock *lock) {
	struct lock_change change = {
		.from = lock->guard->policy,
		.to = lock->asked.policy,
		.is_new_policy = lock->asked.policy != lock->guard->policy,
		.stays_locked = locks(lock->guard, lock->asked.policy),
		.hosts_to = buffer_bytes(&lock->asked.hosts),
	};

	change.takes_hosts = change.stays_locked &&
	                     lock_hosts_text(lock->hosts, &change.hosts_from) &&
	                     !bytes_equal(change.hosts_from, change.hosts_to);
	return change;
}

/* What was shown is what is used, whatever the file has become since. */
static int use_asked(struct lock *lock) {
	struct guard *guard = lock->guard;
	struct policy *policy = lock->asked.policy;
	struct bytes copy = buffer_bytes(&lock->asked.copy);
	bool stays_locked = locks(guard, policy);
	int error = stays_locked ? write_copy(lock, policy, copy) : remove_copy(lock);

	if (error == 0 && stays_locked)
		error = lock_hosts_take(lock->hosts, buffer_bytes(&lock->asked.hosts));
	if (error < 0)
		return error;
	error = guard_use_policy(guard, policy_ref(policy));
	if (error < 0) {
		policy_unref(policy);
		return error;
	}
	buffer_deinit(&lock->current);
	lock->current = lock->asked.copy;
	lock->asked.copy = (struct buffer){0};
	return 0;
}

static void accepted(struct lock *lock, const struct prompt *prompt) {
	struct guard *guard = lock->guard;
	bool is_held = lock->held.policy != NULL &&
	               bytes_equal(buffer_bytes(&lock->held.copy), buffer_bytes(&lock->asked.copy));
	const struct lock_change change = change_of(lock);
	char detail[640];
	int error;

	lock_change_tell(detail, sizeof(detail), &change);
	error = use_asked(lock);
	if (error < 0) {
		diag_error("policy: the accepted one cannot be kept: %s", strerror(-error));
		refused(lock, prompt, "not-kept");
		return;
	}
	offer_clear(&lock->asked);
	if (is_held) {
		offer_clear(&lock->held);
		notice(lock, NULL);
		guard->reload_state = RELOAD_NONE;
	} else if (lock->held.policy != NULL) {
		tell_held(lock, lock->held.policy);
	}
	diag_info("policy: accepted, %zu rules", policy_rule_count(guard->policy));
	say(lock, "policy-accepted", NULL, prompt, detail);
	guard_status_changed(guard);
	lock->changed(lock->data);
}

static void on_answered(void *data, const struct prompt *prompt) {
	struct lock *lock = data;

	lock->waiter = NULL;
	switch (prompt->state) {
	case PROMPT_GRANTED: accepted(lock, prompt); break;
	case PROMPT_DENIED: refused(lock, prompt, "denied"); break;
	case PROMPT_TIMED_OUT: refused(lock, prompt, "timeout"); break;
	case PROMPT_PENDING:
	case PROMPT_CANCELLED: refused(lock, prompt, "cancelled"); break;
	}
}

static enum control_result failed(struct buffer *answer, const char *text) {
	buffer_put_raw(answer, bytes_of_text(text));
	return CONTROL_FAILED;
}

static int make_question(struct question **ret, const struct lock *lock,
                         const struct turns *turns) {
	const struct lock_change change = change_of(lock);

	return lock_question_new(ret, &change, turns);
}

/* What the files say; where only known_hosts has changed, with the policy that is in force. */
static int set_asked(struct lock *lock) {
	bool is_held = lock->held.policy != NULL;
	int error = offer_set(&lock->asked, is_held ? lock->held.policy : lock->guard->policy,
	                      buffer_bytes(is_held ? &lock->held.copy : &lock->current));

	if (error < 0)
		return error;
	buffer_put_raw(&lock->asked.hosts, hosts_users_text(lock->guard->hosts));
	return buffer_error(&lock->asked.hosts);
}

/* Whether what is asked about is what the files say by now. */
static bool is_asked(const struct lock *lock) {
	const struct buffer *copy = lock->held.policy != NULL ? &lock->held.copy : &lock->current;

	return bytes_equal(buffer_bytes(&lock->asked.copy), buffer_bytes(copy)) &&
	       bytes_equal(buffer_bytes(&lock->asked.hosts), hosts_users_text(lock->guard->hosts));
}

/* Whether known_hosts says something else than was accepted; out of memory, it may. */
static bool hosts_have_changed(const struct lock *lock) {
	struct known_hosts_change change;
	struct bytes accepted;

	return locks(lock->guard, lock->guard->policy) && lock_hosts_text(lock->hosts, &accepted) &&
	       (lock_hosts_is_at_fault(lock->hosts) ||
	        known_hosts_diff(&change, NULL, 0, accepted, hosts_users_text(lock->guard->hosts)) <
	                0 ||
	        change.n_come + change.n_gone > 0);
}

/* NULL: a person is asked. */
static const char *ask(struct lock *lock, const struct turns *turns) {
	struct asker *asker = lock->guard->asker;
	const struct broker_terms terms = own_question_terms(lock->guard, ACCEPT_S_MIN);
	struct question *question = NULL;
	enum broker_reply reply;
	int error = set_asked(lock);

	if (error == 0)
		error = make_question(&question, lock, turns);
	if (error == -E2BIG)
		return "more changes than anybody could look through at once; accept them in "
		       "steps, or stop the guard, and remove " LOCK_FILE " from its state "
		       "directory to have the file trusted as it is";
	if (error == -EMSGSIZE)
		return "more lines of known_hosts come and go than anybody could look through at "
		       "once; take some out of the file, and accept them in steps";
	if (error < 0)
		return strerror(-error);
	reply = broker_ask(&lock->waiter, asker->broker, question, &terms, clock_mono_ns(),
	                   on_answered, lock);
	asker_watch_clock(asker);
	return reply == BROKER_WAITS ? NULL : own_question_not_asked(reply);
}

/* A question about another policy than the file has now is no use to anybody. */
static void stop_asking(struct lock *lock) {
	struct waiter *waiter = TAKE(lock->waiter);

	if (waiter == NULL)
		return;
	broker_leave(lock->guard->asker->broker, waiter, clock_mono_ns());
	asker_watch_clock(lock->guard->asker);
	refused(lock, NULL, "cancelled");
}

enum control_result lock_accept(struct lock *lock, struct buffer *answer) {
	const char *reason, *why_not = NULL;
	struct turns turns;
	char line[64];

	if (!hosts_have_been_read(lock->guard->hosts))
		return failed(answer, "known_hosts has not been read yet; try again");
	if (lock->held.policy == NULL && !hosts_have_changed(lock)) {
		buffer_put_raw(answer, bytes_of_text("0 nothing\n"));
		return CONTROL_OK;
	}
	reason = own_question_turns(&turns, lock->guard);
	if (reason != NULL)
		return failed(answer, own_question_no_method(reason));
	if (lock->waiter != NULL && !is_asked(lock))
		stop_asking(lock);
	if (lock->waiter == NULL)
		why_not = ask(lock, &turns);
	if (why_not != NULL) {
		offer_clear(&lock->asked);
		return failed(answer, why_not);
	}
	snprintf(line, sizeof(line), "%llu waits\n",
	         (unsigned long long)waiter_prompt(lock->waiter));
	buffer_put_raw(answer, bytes_of_text(line));
	return CONTROL_OK;
}

/* ---- from start to end ---- */

int lock_new(struct lock **ret, struct guard *guard, const char *state, lock_changed *changed,
             void *data) {
	struct lock *lock = calloc(1, sizeof(*lock));

	if (lock == NULL)
		return -ENOMEM;
	lock->guard = guard;
	if (kept_init(&lock->kept, guard, state, LOCK_FILE, put_current, lock) < 0 ||
	    lock_hosts_new(&lock->hosts, guard, state) < 0) {
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
		stop_asking(lock);
	offer_clear(&lock->held);
	offer_clear(&lock->asked);
	buffer_deinit(&lock->current);
	kept_deinit(&lock->kept);
	lock_hosts_free(lock->hosts);
	free(lock->notice);
	free(lock);
}

struct lock_hosts *lock_hosts_of(struct lock *lock) {
	return lock != NULL ? lock->hosts : NULL;
}
