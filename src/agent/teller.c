#include "agent/teller.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guard.h"
#include "agent/refusal.h"
#include "agent/teller_child.h"
#include "base/diag.h"
#include "log/event_yaml.h"
#include "policy/policy.h"

#define RUNNING_MAX  4   /* of each kind at one time: a hook that hangs does not fill the machine */
#define TELLINGS_MAX 16  /* of each kind, with those that wait; more than that nobody reads */
#define LINE_LIMIT_S 5.  /* a terminal takes it at once, or not at all */
#define HOOK_LIMIT_S 10. /* a notification, or a message to a machine nearby */

enum telling_kind { TELLING_LINE, TELLING_PENDING, TELLING_RESULT };
#define KINDS (TELLING_RESULT + 1)

enum telling_state { TELLING_FREE, TELLING_WAITS, TELLING_RUNS };

struct telling {
	struct teller *teller;
	enum telling_kind kind;
	enum telling_state state;
	uint64_t number; /* in the order of telling */
	unsigned terminal;
	struct buffer text;
	pid_t pid;
	ev_child child;
	ev_timer limit;
};

struct teller {
	struct guard *guard;
	struct telling tellings[KINDS][TELLINGS_MAX];
	size_t running[KINDS];
	uint64_t last_number;
	ev_timer soon; /* the next turn of the loop, after the answer */
};

static char *const *hook_of(const struct teller *teller, enum telling_kind kind) {
	const struct tell_settings *settings = policy_tell(teller->guard->policy);

	switch (kind) {
	case TELLING_LINE: return NULL;
	case TELLING_PENDING: return settings->on_pending;
	case TELLING_RESULT: return settings->on_result;
	}
	return NULL;
}

static const char *name_of(enum telling_kind kind) {
	switch (kind) {
	case TELLING_LINE: return "terminal";
	case TELLING_PENDING: return "on_pending";
	case TELLING_RESULT: return "on_result";
	}
	return "invalid";
}

/* ---- children ---- */

static void look_soon(struct teller *teller) {
	struct ev_loop *loop = teller->guard->loop;

	if (ev_is_active(&teller->soon))
		return;
	ev_timer_set(&teller->soon, 0., 0.);
	ev_timer_start(loop, &teller->soon);
}

static void telling_end(struct telling *telling) {
	struct teller *teller = telling->teller;

	if (telling->state == TELLING_RUNS) {
		ev_child_stop(teller->guard->loop, &telling->child);
		ev_timer_stop(teller->guard->loop, &telling->limit);
		teller->running[telling->kind]--;
	}
	buffer_deinit(&telling->text);
	telling->text = (struct buffer){0};
	telling->state = TELLING_FREE;
}

/* With what it started, once it has a group of its own. */
static void telling_kill(const struct telling *telling) {
	if (telling->state == TELLING_RUNS && kill(-telling->pid, SIGKILL) < 0)
		kill(telling->pid, SIGKILL);
}

static void on_child(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct telling *telling = watcher->data;
	int status = watcher->rstatus;

	(void)loop, (void)revents;
	if (telling->kind != TELLING_LINE && WIFEXITED(status) &&
	    WEXITSTATUS(status) == HOOK_NOT_RUN)
		diag_error("tell: %s: its program cannot be run (see the policy)",
		           name_of(telling->kind));
	telling_end(telling);
	look_soon(telling->teller);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int revents) {
	const struct telling *telling = watcher->data;

	(void)loop, (void)revents;
	diag_error("tell: %s: is ended, because it took longer than %d s", name_of(telling->kind),
	           (int)(telling->kind == TELLING_LINE ? LINE_LIMIT_S : HOOK_LIMIT_S));
	telling_kill(telling);
}

static void telling_start(struct telling *telling) {
	struct teller *teller = telling->teller;
	struct ev_loop *loop = teller->guard->loop;
	char *const *hook = hook_of(teller, telling->kind);
	pid_t parent = getpid();
	pid_t pid;

	/* Another policy may name none. */
	if (telling->kind != TELLING_LINE && hook == NULL) {
		telling_end(telling);
		return;
	}
	pid = fork();
	if (pid == 0 && hook != NULL)
		teller_child_run(hook, buffer_bytes(&telling->text), parent);
	if (pid == 0)
		teller_child_write(telling->terminal, buffer_bytes(&telling->text), parent);
	if (pid < 0) {
		diag_error("tell: %s: %s", name_of(telling->kind), strerror(errno));
		telling_end(telling);
		return;
	}
	telling->state = TELLING_RUNS;
	telling->pid = pid;
	teller->running[telling->kind]++;
	ev_child_init(&telling->child, on_child, pid, 0);
	telling->child.data = telling;
	ev_child_start(loop, &telling->child);
	ev_timer_init(&telling->limit, on_limit,
	              telling->kind == TELLING_LINE ? LINE_LIMIT_S : HOOK_LIMIT_S, 0.);
	telling->limit.data = telling;
	ev_timer_start(loop, &telling->limit);
}

static struct telling *oldest_waiting(struct teller *teller, enum telling_kind kind) {
	struct telling *oldest = NULL;

	for (size_t i = 0; i < TELLINGS_MAX; i++) {
		struct telling *telling = &teller->tellings[kind][i];

		if (telling->state == TELLING_WAITS &&
		    (oldest == NULL || telling->number < oldest->number))
			oldest = telling;
	}
	return oldest;
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct teller *teller = watcher->data;

	(void)loop, (void)revents;
	for (unsigned kind = 0; kind < KINDS; kind++)
		while (teller->running[kind] < RUNNING_MAX) {
			struct telling *telling = oldest_waiting(teller, (enum telling_kind)kind);

			if (telling == NULL)
				break;
			telling_start(telling);
		}
}

int teller_new(struct teller **ret, struct guard *guard) {
	struct teller *teller = calloc(1, sizeof(*teller));

	if (teller == NULL)
		return -ENOMEM;
	teller->guard = guard;
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < TELLINGS_MAX; i++) {
			teller->tellings[kind][i].teller = teller;
			teller->tellings[kind][i].kind = (enum telling_kind)kind;
		}
	ev_init(&teller->soon, on_soon);
	teller->soon.data = teller;
	*ret = teller;
	return 0;
}

void teller_free(struct teller *teller) {
	if (teller == NULL)
		return;
	ev_timer_stop(teller->guard->loop, &teller->soon);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < TELLINGS_MAX; i++) {
			telling_kill(&teller->tellings[kind][i]);
			telling_end(&teller->tellings[kind][i]);
		}
	free(teller);
}

/* ---- what is told ---- */

/* NULL: too many wait. */
static struct telling *telling_new(struct teller *teller, enum telling_kind kind) {
	for (size_t i = 0; i < TELLINGS_MAX; i++) {
		struct telling *telling = &teller->tellings[kind][i];

		if (telling->state == TELLING_FREE) {
			telling->number = ++teller->last_number;
			return telling;
		}
	}
	return NULL;
}

static void telling_wait(struct telling *telling) {
	if (buffer_error(&telling->text) < 0) {
		telling_end(telling);
		return;
	}
	telling->state = TELLING_WAITS;
	look_soon(telling->teller);
}

/* A terminal of this user, which has the same name for us as for the caller. */
static bool can_write_to(const struct caller *caller) {
	return caller->state == CALLER_IDENTIFIED && caller->uid == geteuid() &&
	       caller->terminal != 0 &&
	       ((caller->apart | caller->apart_unknown) & (unsigned)APART_MNT) == 0;
}

static bool is_refusal(const struct event *event) {
	return strcmp(event->decision, "deny") == 0 ||
	       strcmp(event->decision, "confirm-denied") == 0;
}

static void tell_terminal(struct teller *teller, const struct event *event) {
	bool has_left = event->reason != NULL && strcmp(event->reason, "cancelled") == 0;
	struct telling *telling;

	if (policy_tell(teller->guard->policy)->no_terminal || !is_refusal(event) || has_left ||
	    !can_write_to(event->request->caller))
		return;
	telling = telling_new(teller, TELLING_LINE);
	if (telling == NULL)
		return;
	telling->terminal = event->request->caller->terminal;
	refusal_put(&telling->text, event, teller->guard->state_asked);
	telling_wait(telling);
}

static void tell_result(struct teller *teller, const struct event *event) {
	struct telling *telling;

	if (hook_of(teller, TELLING_RESULT) == NULL ||
	    (strcmp(event->decision, "allow") == 0 && event->notify != TRI_YES))
		return;
	telling = telling_new(teller, TELLING_RESULT);
	if (telling == NULL)
		return;
	if (event_yaml(&telling->text, event) < 0)
		telling_end(telling);
	else
		telling_wait(telling);
}

void teller_event(struct teller *teller, const struct event *event) {
	if (event->decision == NULL || event->request == NULL || event->notify == TRI_NO)
		return;
	tell_terminal(teller, event);
	tell_result(teller, event);
}

bool teller_wants_pending(const struct teller *teller) {
	return hook_of(teller, TELLING_PENDING) != NULL;
}

void teller_pending(struct teller *teller, struct bytes document) {
	struct telling *telling = telling_new(teller, TELLING_PENDING);

	if (telling == NULL)
		return;
	buffer_put_raw(&telling->text, document);
	telling_wait(telling);
}
