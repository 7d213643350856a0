#include "agent/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/control.h"
#include "agent/watch.h"
#include "base/diag.h"
#include "policy/floor.h"

enum file { FILE_POLICY, FILE_FLOOR };

struct reload {
	struct guard *guard;
	struct watch *watch;
	char *home, *floor_home;
	reload_answered *answered;
	reload_changed *changed;
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

static int parse(struct policy **ret, const struct reload *reload, const struct fetched *found,
                 bool is_floor, struct problems *problems) {
	const struct policy_file file = {
		.path = is_floor ? FLOOR_PATH : reload->guard->policy_path,
		.error = found->error,
		.owner = found->status.st_uid,
		.mode = found->status.st_mode,
		.text = found->bytes,
	};
	size_t before = problems_total(problems);
	int error = is_floor ? floor_parse_file(ret, &file, reload->floor_home, problems)
	                     : policy_parse_file(ret, &file,
	                                         &(struct surroundings){.home = reload->home},
	                                         problems);

	if (error < 0 && problems_total(problems) == before)
		problems_add(problems, file.path, 0, 0, "%s",
		             error == -ENOENT ? "the policy file is gone" : strerror(-error));
	return error;
}

/* Puts what was found in the place of the one in force, whole or not at all. *ret_changed is left
 * alone where it is the same. */
static int take(struct reload *reload, const struct fetched *found, bool is_floor,
                bool *ret_changed, struct problems *problems) {
	struct guard *guard = reload->guard;
	struct policy **in_force = is_floor ? &guard->floor : &guard->policy;
	bool never_was = *in_force == NULL || policy_path(*in_force)[0] == '\0';
	struct policy *policy = NULL;
	int error;

	if (found->error == -ENOENT && never_was)
		return 0;
	error = parse(&policy, reload, found, is_floor, problems);
	if (error < 0)
		return error;
	/* First: a variable that was not asked for would look as if it were not set. */
	error = guard_ask_env(guard, is_floor ? policy : guard->floor,
	                      is_floor ? guard->policy : policy);
	if (error < 0) {
		problems_add(problems, policy_path(policy), 0, 0, "%s", strerror(-error));
		policy_unref(policy);
		return error;
	}
	if (never_was || strcmp(policy_sha256(policy), policy_sha256(*in_force)) != 0)
		*ret_changed = true;
	/* Requests on their way keep the one that decided them. */
	asker_policy_changed(guard->asker);
	policy_unref(*in_force);
	*in_force = policy;
	return 0;
}

/* One of them may be good while the other is bad. */
static int take_both(struct reload *reload, const struct fetched *files, bool *ret_changed,
                     struct problems *problems) {
	int floor_error = take(reload, &files[FILE_FLOOR], true, ret_changed, problems);
	int error = take(reload, &files[FILE_POLICY], false, ret_changed, problems);

	return floor_error < 0 ? floor_error : error;
}

static void on_seen(void *data, int error, const struct fetched *files, bool asked) {
	struct reload *reload = data;
	struct guard *guard = reload->guard;
	CLEANUP(problems_deinit) struct problems problems = {0};
	bool changed = asked || guard->reload_state == RELOAD_FAILED;

	if (error < 0)
		problems_add(&problems, guard->policy_path, 0, 0, "%s",
		             error == -ETIMEDOUT ? "its file system does not answer"
		             : error == -EBUSY
		                     ? "a program has it open to write; it is loaded when that ends"
		                     : strerror(-error));
	else
		error = take_both(reload, files, &changed, &problems);
	if (error < 0)
		reload_failed(guard, &problems);
	else if (changed)
		reload_done(reload);
	if (changed)
		reload->changed(reload->data);
	reload_answer(reload, &problems, error);
}

int reload_new(struct reload **ret, struct guard *guard, reload_answered *answered,
               reload_changed *changed, void *data) {
	const char *const paths[] = {[FILE_POLICY] = guard->policy_path, [FILE_FLOOR] = FLOOR_PATH};
	struct reload *reload = calloc(1, sizeof(*reload));
	int error;

	if (reload == NULL)
		return -ENOMEM;
	*reload = (struct reload){.guard = guard,
	                          .answered = answered,
	                          .changed = changed,
	                          .data = data,
	                          .home = policy_home(),
	                          .floor_home = floor_home()};
	ev_init(&reload->shown, on_shown);
	reload->shown.data = reload;
	error = watch_new(&reload->watch, guard->loop, POLICY_LEN_MAX, on_seen, reload);
	if (error == 0)
		error = watch_set(reload->watch, paths, 2);
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
	free(reload->floor_home);
	free(reload);
}

void reload_ask(struct reload *reload, uint64_t call) {
	/* As many as there can be clients. */
	if (call != 0 && reload->n_calls < CONTROL_CLIENTS_MAX)
		reload->calls[reload->n_calls++] = call;
	watch_look(reload->watch);
}
