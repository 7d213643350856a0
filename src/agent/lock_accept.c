#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/hosts.h"
#include "agent/lock_file.h"
#include "agent/lock_parts.h"
#include "agent/lock_question.h"
#include "agent/own_question.h"
#include "base/clock.h"
#include "base/diag.h"
#include "wire/known_hosts_diff.h"

#define ACCEPT_S_MIN 600 /* reading takes longer than looking */

static void refused(struct lock *lock, const struct prompt *prompt, const char *why) {
	lock_say(lock, "policy-accept-refused", why, prompt, policy_sha256(lock->asked.policy));
	lock_offer_clear(&lock->asked);
}

/* What a person is asked about. */
static struct lock_change change_of(const struct lock *lock) {
	struct lock_change change = {
		.from = lock->guard->policy,
		.to = lock->asked.policy,
		.is_new_policy = lock->asked.policy != lock->guard->policy,
		.stays_locked = lock_locks(lock->guard, lock->asked.policy),
		.hosts_to = buffer_bytes(&lock->asked.hosts),
	};

	change.takes_hosts = change.stays_locked &&
	                     lock_hosts_text(lock->hosts, &change.hosts_from) &&
	                     !bytes_equal(change.hosts_from, change.hosts_to);
	return change;
}

static void take_back_copy(struct lock *lock, bool was_kept) {
	int error = was_kept ? lock_write_copy(lock, lock->guard->policy,
	                                       buffer_bytes(&lock->current))
	                     : kept_remove(&lock->kept);

	if (error < 0)
		diag_error(LOCK_FILE ": %s (a guard that is started again would use the policy "
		                     "that was refused now: accept another one first)",
		           strerror(-error));
}

/* What was shown is what is used, whatever the file has become since. On an error all is as it
 * was. */
static int use_asked(struct lock *lock) {
	struct guard *guard = lock->guard;
	struct policy *policy = lock->asked.policy;
	struct bytes copy = buffer_bytes(&lock->asked.copy);
	bool was_kept = lock->kept.is_kept;
	bool stays_locked = lock_locks(guard, policy);
	int error = stays_locked ? lock_write_copy(lock, policy, copy) : lock_remove_copy(lock);

	if (error < 0)
		return error;
	if (stays_locked)
		error = lock_hosts_take(lock->hosts, buffer_bytes(&lock->asked.hosts));
	if (error == 0) {
		error = guard_use_policy(guard, policy_ref(policy));
		if (error < 0)
			policy_unref(policy);
	}
	if (error < 0) {
		take_back_copy(lock, was_kept);
		return error;
	}
	buffer_deinit(&lock->current);
	lock->current = lock->asked.copy;
	lock->asked.copy = (struct buffer){0};
	return 0;
}

/* What becomes of the policy that is held, once another one was accepted, or this one (is_held). false:
 * it is not known whether what the file says is in force. */
static bool settle_held(struct lock *lock, bool is_held) {
	struct guard *guard = lock->guard;

	/* The file is bad by now, or gone, and that stays so. */
	if (guard->reload_state == RELOAD_FAILED) {
		lock_gone(lock);
		return true;
	}
	if (is_held) {
		lock_gone(lock);
		guard->reload_state = RELOAD_NONE;
		return true;
	}
	if (lock->held.policy == NULL)
		return false;
	lock_tell_held(lock, lock->held.policy);
	return true;
}

static void accepted(struct lock *lock, const struct prompt *prompt) {
	struct guard *guard = lock->guard;
	bool is_held = lock->held.policy != NULL &&
	               bytes_equal(buffer_bytes(&lock->held.copy), buffer_bytes(&lock->asked.copy));
	const struct lock_change change = change_of(lock);
	const bool is_new_policy = change.is_new_policy;
	char detail[640];
	bool is_in_file;
	int error;

	lock_change_tell(detail, sizeof(detail), &change);
	error = use_asked(lock);
	if (error < 0) {
		diag_error("policy: the accepted one cannot be kept: %s", strerror(-error));
		refused(lock, prompt, "not-kept");
		return;
	}
	lock_offer_clear(&lock->asked);
	is_in_file = settle_held(lock, is_held) || !is_new_policy;
	diag_info("policy: accepted, %zu rules", policy_rule_count(guard->policy));
	lock_say(lock, "policy-accepted", NULL, prompt, detail);
	guard_status_changed(guard);
	lock->changed(lock->data, is_in_file);
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

static int make_question(struct question **ret, const struct lock *lock,
                         const struct turns *turns) {
	const struct lock_change change = change_of(lock);

	return lock_question_new(ret, &change, turns);
}

/* What the files say; where only known_hosts has changed, with the policy that is in force. */
static int set_asked(struct lock *lock) {
	bool is_held = lock->held.policy != NULL;
	int error = lock_offer_set(&lock->asked, is_held ? lock->held.policy : lock->guard->policy,
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

	return lock_locks(lock->guard, lock->guard->policy) &&
	       lock_hosts_text(lock->hosts, &accepted) &&
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

void lock_stop_asking(struct lock *lock) {
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
		return control_failed(answer, "known_hosts has not been read yet; try again");
	if (lock->held.policy == NULL && !hosts_have_changed(lock)) {
		buffer_put_raw(answer, bytes_of_text("0 nothing\n"));
		return CONTROL_OK;
	}
	reason = own_question_turns(&turns, lock->guard);
	if (reason != NULL)
		return control_failed(answer, own_question_no_method(reason));
	if (lock->waiter != NULL && !is_asked(lock))
		lock_stop_asking(lock);
	if (lock->waiter == NULL)
		why_not = ask(lock, &turns);
	if (why_not != NULL) {
		lock_offer_clear(&lock->asked);
		return control_failed(answer, why_not);
	}
	snprintf(line, sizeof(line), "%llu waits\n",
	         (unsigned long long)waiter_prompt(lock->waiter));
	buffer_put_raw(answer, bytes_of_text(line));
	return CONTROL_OK;
}
