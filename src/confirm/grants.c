#include "confirm/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

#define SECOND_NS UINT64_C(1000000000)

struct kept {
	struct grant grant;
	struct question *question; /* owned */
	uint64_t prompt;
	struct grant_watch watch;
};

/* The two clocks that tell of it are read one after the other. */
#define SLEEP_MIN_NS (SECOND_NS / 2)

struct grants {
	struct kept *kept[GRANTS_MAX];
	size_t n_kept;
	uint64_t last_id;
	uint64_t slept_ns; /* as last told */
};

/* ---- watches ---- */

static int watch_one(int *ret_fd, bool needed, struct process_id process) {
	if (!needed)
		return 0;
	return process.pid > 0 ? platform_process_watch(ret_fd, process.pid) : -ESRCH;
}

int grant_watch_open(struct grant_watch *ret, const struct question *question) {
	struct grant_watch watch = GRANT_WATCH_NONE;
	unsigned scope = question->terms.scope;
	int error = watch_one(&watch.starter, (scope & SCOPE_ANCESTOR) != 0, question->starter);

	if (error == 0)
		error = watch_one(&watch.session, (scope & SCOPE_SESSION) != 0, question->session);
	if (error < 0) {
		grant_watch_close(&watch);
		return error;
	}
	*ret = watch;
	return 0;
}

void grant_watch_close(struct grant_watch *watch) {
	close_fd(&watch->starter);
	close_fd(&watch->session);
}

/* ---- grants ---- */

int grants_new(struct grants **ret) {
	struct grants *grants = calloc(1, sizeof(*grants));

	if (grants == NULL)
		return -ENOMEM;
	*ret = grants;
	return 0;
}

static void kept_free(struct kept *kept) {
	question_free(kept->question);
	grant_watch_close(&kept->watch);
	free(kept);
}

static void drop(struct grants *grants, size_t i) {
	kept_free(grants->kept[i]);
	grants->n_kept--;
	memmove(&grants->kept[i], &grants->kept[i + 1],
	        (grants->n_kept - i) * sizeof(struct kept *));
}

void grants_free(struct grants *grants) {
	if (grants == NULL)
		return;
	grants_revoke_all(grants);
	free(grants);
}

static bool lives(int watch) {
	return watch < 0 || platform_process_lives(watch);
}

static void drop_ended(struct grants *grants, uint64_t now_ns) {
	for (size_t i = grants->n_kept; i > 0; i--) {
		const struct kept *kept = grants->kept[i - 1];

		if (kept->grant.until_ns <= now_ns || !lives(kept->watch.starter) ||
		    !lives(kept->watch.session))
			drop(grants, i - 1);
	}
}

int grants_add(uint64_t *ret_id, struct grants *grants, const struct question *question,
               uint64_t prompt, enum confirm_method method, struct grant_watch *watch,
               int64_t now_us, uint64_t now_ns) {
	unsigned scope = question->terms.scope;
	struct kept *kept;
	int error;

	*ret_id = 0;
	if (!question->may_remember || ((scope & SCOPE_ANCESTOR) != 0 && watch->starter < 0) ||
	    ((scope & SCOPE_SESSION) != 0 && watch->session < 0))
		return 0;
	drop_ended(grants, now_ns);
	for (size_t i = 0; i < grants->n_kept; i++)
		if (grants->kept[i]->prompt == prompt) {
			*ret_id = grants->kept[i]->grant.id;
			return 0;
		}
	if (grants->n_kept == GRANTS_MAX)
		return -ENOSPC;
	kept = calloc(1, sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	kept->watch = GRANT_WATCH_NONE;
	error = question_copy(&kept->question, question);
	if (error < 0) {
		kept_free(kept);
		return error;
	}
	kept->watch = *watch;
	*watch = GRANT_WATCH_NONE;
	kept->prompt = prompt;
	kept->grant = (struct grant){
		.id = ++grants->last_id,
		.question = kept->question,
		.method = method,
		.given_us = now_us,
		.until_ns = now_ns + question->terms.remember_s * SECOND_NS,
	};
	grants->kept[grants->n_kept++] = kept;
	*ret_id = kept->grant.id;
	return 0;
}

/* The system floor may want more of that request than it did of the one that was said yes to:
 * another method, the key's PIN, or a yes that is not as old. */
static bool is_as_strict(const struct grant *grant, const struct question *asked, uint64_t now_ns) {
	const struct confirm_terms *given = &grant->question->terms;
	bool with_pin = given->pin != 0 || grant->method == CONFIRM_PIN ||
	                grant->method == CONFIRM_OTP_PIN;
	uint64_t given_ns = grant->until_ns - given->remember_s * SECOND_NS;

	return (asked->methods & grant->method) != 0 && (asked->terms.pin == 0 || with_pin) &&
	       now_ns < given_ns + asked->terms.remember_s * SECOND_NS;
}

const struct grant *grants_find(struct grants *grants, const struct question *question,
                                uint64_t now_ns) {
	drop_ended(grants, now_ns);
	for (size_t i = 0; i < grants->n_kept; i++) {
		const struct grant *grant = &grants->kept[i]->grant;

		if (is_as_strict(grant, question, now_ns) &&
		    question_covers(grant->question, question))
			return grant;
	}
	return NULL;
}

bool grants_revoke(struct grants *grants, uint64_t id) {
	for (size_t i = 0; i < grants->n_kept; i++)
		if (grants->kept[i]->grant.id == id) {
			drop(grants, i);
			return true;
		}
	return false;
}

size_t grants_revoke_all(struct grants *grants) {
	size_t n = grants->n_kept;

	while (grants->n_kept > 0)
		drop(grants, grants->n_kept - 1);
	return n;
}

bool grants_slept(struct grants *grants, uint64_t slept_ns) {
	bool has_slept = slept_ns > grants->slept_ns + SLEEP_MIN_NS;

	if (slept_ns > grants->slept_ns)
		grants->slept_ns = slept_ns;
	return has_slept && grants_revoke_all(grants) > 0;
}

const struct grant *grants_next(struct grants *grants, const struct grant *after, uint64_t now_ns) {
	uint64_t id = after != NULL ? after->id : 0;

	drop_ended(grants, now_ns);
	for (size_t i = 0; i < grants->n_kept; i++)
		if (grants->kept[i]->grant.id > id)
			return &grants->kept[i]->grant;
	return NULL;
}
