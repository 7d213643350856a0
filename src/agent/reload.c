#include "agent/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/watch.h"
#include "base/diag.h"

struct reload {
	struct guard *guard;
	struct watch *watch;
	char *home;
	reload_answered *answered;
	void *data;
	uint64_t calls[CONTROL_CLIENTS_MAX]; /* who waits */
	size_t n_calls;
	ev_timer shown;
};

/* Each one is answered once; whoever is called may ask again. */
static void reload_answer(struct reload *reload, const struct problems *problems, int error) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	uint64_t calls[CONTROL_CLIENTS_MAX];
	size_t n_calls = reload->n_calls;

	problems_text(&text, problems, "\n");
	memcpy(calls, reload->calls, sizeof(calls));
	reload->n_calls = 0;
	for (size_t i = 0; i < n_calls; i++)
		reload->answered(reload->data, calls[i], error == 0, buffer_bytes(&text));
}

static void reload_failed(struct guard *guard, const struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	problems_text(&text, problems, "; ");
	buffer_put_u8(&text, 0);
	free(guard->reload_error);
	guard->reload_error = strdup(buffer_error(&text) == 0 ? (const char *)text.data : "");
	guard->reload_state = RELOAD_FAILED;
	diag_error("policy: not loaded, the old one stays in force: %s",
	           guard->reload_error != NULL ? guard->reload_error : "");
	guard_note(guard, "policy-refused", NULL, guard->reload_error);
}

static void reload_done(struct reload *reload) {
	struct guard *guard = reload->guard;

	guard->reload_state = RELOAD_DONE;
	diag_info("policy: %s loaded, %zu rules", guard->policy_path,
	          policy_rule_count(guard->policy));
	guard_note(guard, "reload", NULL, guard->policy_path);
	ev_timer_stop(guard->loop, &reload->shown);
	ev_timer_set(&reload->shown, RELOADED_SHOWN_S, 0.);
	ev_timer_start(guard->loop, &reload->shown);
}

static void on_shown(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct reload *reload = watcher->data;

	(void)loop, (void)revents;
	if (reload->guard->reload_state == RELOAD_DONE)
		reload->guard->reload_state = RELOAD_NONE;
	guard_status_changed(reload->guard);
}

static int parse(struct policy **ret, const struct reload *reload, const struct fetched *file,
                 struct problems *problems) {
	const char *path = reload->guard->policy_path;
	const struct policy_file found = {
		.path = path,
		.error = file->error,
		.owner = file->status.st_uid,
		.mode = file->status.st_mode,
		.text = file->bytes,
	};
	int error = policy_parse_file(ret, &found, &(struct surroundings){.home = reload->home},
	                              problems);

	if (error < 0 && problems->count == 0)
		problems_add(problems, path, 0, 0, "%s",
		             error == -ENOENT ? "the policy file is gone" : strerror(-error));
	return error;
}

/* 0 also where there is nothing to do, which is then silent. */
static int reload_take(struct reload *reload, const struct fetched *file, bool asked,
                       struct problems *problems) {
	struct guard *guard = reload->guard;
	struct policy *policy = NULL;
	bool never_was = policy_path(guard->policy)[0] == '\0';
	int error;

	if (file->error == -ENOENT && never_was)
		return 0;
	error = parse(&policy, reload, file, problems);
	if (error < 0)
		return error;
	if (!asked && guard->reload_state != RELOAD_FAILED && !never_was &&
	    strcmp(policy_sha256(policy), policy_sha256(guard->policy)) == 0) {
		policy_unref(policy);
		return 0;
	}
	/* First: a variable that was not asked for would look as if it were not set. */
	error = guard_ask_env(guard, policy);
	if (error < 0) {
		problems_add(problems, guard->policy_path, 0, 0, "%s", strerror(-error));
		policy_unref(policy);
		return error;
	}
	/* Requests on their way keep the one that decided them. */
	policy_unref(guard->policy);
	guard->policy = policy;
	reload_done(reload);
	return 0;
}

static void on_seen(void *data, int error, const struct fetched *files, bool asked) {
	struct reload *reload = data;
	CLEANUP(problems_deinit) struct problems problems = {0};

	if (error < 0)
		problems_add(&problems, reload->guard->policy_path, 0, 0, "%s",
		             error == -ETIMEDOUT ? "its file system does not answer"
		             : error == -EBUSY
		                     ? "a program has it open to write; it is loaded when that ends"
		                     : strerror(-error));
	else
		error = reload_take(reload, &files[0], asked, &problems);
	if (error < 0)
		reload_failed(reload->guard, &problems);
	reload_answer(reload, &problems, error);
}

int reload_new(struct reload **ret, struct guard *guard, reload_answered *answered, void *data) {
	struct reload *reload = calloc(1, sizeof(*reload));
	int error;

	if (reload == NULL)
		return -ENOMEM;
	*reload = (struct reload){
		.guard = guard, .answered = answered, .data = data, .home = policy_home()};
	ev_init(&reload->shown, on_shown);
	reload->shown.data = reload;
	error = watch_new(&reload->watch, guard->loop, POLICY_LEN_MAX, on_seen, reload);
	if (error == 0)
		error = watch_set(reload->watch, &guard->policy_path, 1);
	if (error < 0) {
		reload_free(reload);
		return error;
	}
	*ret = reload;
	return 0;
}

void reload_free(struct reload *reload) {
	if (reload == NULL)
		return;
	watch_free(reload->watch);
	ev_timer_stop(reload->guard->loop, &reload->shown);
	free(reload->home);
	free(reload);
}

void reload_ask(struct reload *reload, uint64_t call) {
	/* As many as there can be clients. */
	if (call != 0 && reload->n_calls < CONTROL_CLIENTS_MAX)
		reload->calls[reload->n_calls++] = call;
	watch_look(reload->watch);
}
