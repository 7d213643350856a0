#include "agent/panic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/asker.h"
#include "agent/own_question.h"
#include "agent/slots.h"
#include "agent/touching.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "confirm/challenge.h"

#define PANIC_FILE "panic" /* in the state directory */
#define ANSWER_S   120     /* at least, to end it: somebody has to fetch a key */

struct panic {
	struct guard *guard;
	struct waiter *waiter; /* NULL: nobody is asked */
	char who[CONTROL_WHO_SIZE]; /* has asked for its end */
};

/* ---- from start to end ---- */

/* Anything by that name counts, and so does a directory that cannot be searched. */
static bool was_left_on(int state_fd) {
	return faccessat(state_fd, PANIC_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int panic_new(struct panic **ret, struct guard *guard) {
	struct panic *panic = calloc(1, sizeof(*panic));

	if (panic == NULL)
		return -ENOMEM;
	panic->guard = guard;
	guard->panic = was_left_on(guard->state_fd);
	*ret = panic;
	return 0;
}

static void stop_asking(struct panic *panic) {
	struct waiter *waiter = TAKE(panic->waiter);

	if (waiter == NULL)
		return;
	broker_leave(panic->guard->asker->broker, waiter, clock_mono_ns());
	asker_watch_clock(panic->guard->asker);
}

void panic_free(struct panic *panic) {
	if (panic == NULL)
		return;
	if (panic->guard->asker != NULL)
		stop_asking(panic);
	free(panic);
}

/* ---- on and off ---- */

enum control_result panic_begin(struct panic *panic, const struct control_call *call,
                                struct buffer *answer) {
	static const char why[] = "Every signature is refused while this file exists.\n"
				  "`ssh-agent-guard panic off` ends that.\n";
	struct guard *guard = panic->guard;
	int error = file_replace(guard->state_fd, PANIC_FILE, bytes_of_text(why));
	char who[CONTROL_WHO_SIZE], detail[CONTROL_WHO_SIZE + 64];

	/* Whoever says it again wants it to last: a yes to its end that is asked for is none. */
	stop_asking(panic);
	guard->panic = true;
	control_tell_who(who, call);
	snprintf(detail, sizeof(detail), "%s%s", who,
	         error < 0 ? "; could not be kept for the next start" : "");
	own_question_say(panic->guard, "panic", NULL, NULL, detail);
	return error < 0 ? control_failed(answer, strerror(-error)) : CONTROL_OK;
}

static int end_it(struct panic *panic, const struct prompt *prompt, const char *who) {
	struct guard *guard = panic->guard;
	int error = 0;
	char detail[CONTROL_WHO_SIZE + 64];

	if (unlinkat(guard->state_fd, PANIC_FILE, 0) < 0 && errno != ENOENT)
		error = -errno;
	/* Not switched off where the file stays: a restart would switch it on again, unasked. */
	if (error == 0)
		guard->panic = false;
	else
		diag_error("panic: %s cannot be removed: %s (every signature is still refused)",
		           PANIC_FILE, strerror(-error));
	snprintf(detail, sizeof(detail), "asked for %s%s", who,
	         error < 0 ? "; its file cannot be removed" : "");
	own_question_say(panic->guard, error < 0 ? "panic-off-refused" : "panic-off",
	                 error < 0 ? "not-kept" : NULL, prompt, detail);
	return error;
}

/* ---- a person's yes ---- */

static void on_answered(void *data, const struct prompt *prompt) {
	struct panic *panic = data;
	const char *why = NULL;
	char detail[CONTROL_WHO_SIZE + 16];

	panic->waiter = NULL;
	switch (prompt->state) {
	case PROMPT_GRANTED: break;
	case PROMPT_DENIED: why = "denied"; break;
	case PROMPT_TIMED_OUT: why = "timeout"; break;
	case PROMPT_PENDING:
	case PROMPT_CANCELLED: why = "cancelled"; break;
	}
	if (why == NULL) {
		int error = end_it(panic, prompt, panic->who);

		(void)error; /* it was told */
		return;
	}
	snprintf(detail, sizeof(detail), "asked for %s", panic->who);
	own_question_say(panic->guard, "panic-off-refused", why, prompt, detail);
}

static int make_question(struct question **ret, const struct panic *panic,
                         const struct turns *turns) {
	struct question *question = NULL;
	int error = question_new_own(&question, "panic off", turns);

	if (error == 0)
		error = question_add(question, "what", "end panic");
	if (error == 0)
		error = question_add(question, "asked_for", panic->who);
	/* With a body it is put to no script, as a change of the policy. */
	if (error == 0) {
		question->body = strdup("What the policy allows is signed again.\n");
		error = question->body != NULL ? 0 : -ENOMEM;
	}
	/* What a security key signs that is touched for it. */
	if (error == 0)
		error = digest_hex(question->before, bytes_of_text(CHALLENGE_PANIC));
	if (error == 0)
		error = digest_hex(question->after, bytes_of_text(CHALLENGE_PANIC_OFF));
	if (error < 0) {
		question_free(question);
		return error;
	}
	*ret = question;
	return 0;
}

/* NULL: a person is asked. */
static const char *ask(struct panic *panic, const struct turns *turns) {
	struct guard *guard = panic->guard;
	const struct broker_terms terms = own_question_terms(guard, ANSWER_S);
	struct question *question = NULL;
	enum broker_reply reply;
	int error = make_question(&question, panic, turns);

	if (error < 0)
		return strerror(-error);
	reply = broker_ask(&panic->waiter, guard->asker->broker, question, &terms, clock_mono_ns(),
	                   on_answered, panic);
	asker_watch_clock(guard->asker);
	return reply == BROKER_WAITS ? NULL : own_question_not_asked(reply);
}

/* Whether anything is enrolled, whatever the policy says of it. */
static bool somebody_can_say_yes(const struct asker *asker) {
	return asker->pin.hash[0] != '\0' || asker->pin_error < 0 ||
	       touching_has_keys(asker->touching) || asker->touching->error < 0 ||
	       slots_can(asker->slots, OTP_TOUCH) || slots_can(asker->slots, OTP_PIN);
}

enum control_result panic_end(struct panic *panic, const struct control_call *call,
                              struct buffer *answer) {
	struct guard *guard = panic->guard;
	const char *reason, *why_not = NULL;
	struct turns turns;
	char text[64];

	if (!guard->panic || !somebody_can_say_yes(guard->asker)) {
		char who[CONTROL_WHO_SIZE];
		int error;

		control_tell_who(who, call);
		error = guard->panic ? end_it(panic, NULL, who) : 0;
		buffer_put_raw(answer, bytes_of_text(error < 0 ? strerror(-error) : "0 ended\n"));
		return error < 0 ? CONTROL_FAILED : CONTROL_OK;
	}
	reason = own_question_turns(&turns, guard);
	if (reason != NULL)
		return control_failed(answer, own_question_no_method(reason));
	if (panic->waiter == NULL) {
		control_tell_who(panic->who, call);
		why_not = ask(panic, &turns);
	}
	if (why_not != NULL)
		return control_failed(answer, why_not);
	snprintf(text, sizeof(text), "%llu waits\n",
	         (unsigned long long)waiter_prompt(panic->waiter));
	buffer_put_raw(answer, bytes_of_text(text));
	return CONTROL_OK;
}
