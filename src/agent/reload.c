#include "agent/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/control.h"
#include "agent/lock.h"
#include "agent/watch.h"
#include "base/diag.h"
#include "policy/copy.h"
#include "policy/floor.h"

#define ROUNDS_MAX 20 /* in a row that ended with a file to be read yet */

/* What is read; behind these two what they include. */
enum file { FILE_POLICY, FILE_FLOOR, FILES_FIXED };
#define FILES_MAX (FILES_FIXED + 2 * INCLUDES_MAX)
_Static_assert(FILES_MAX <= FETCH_FILES_MAX, "one child reads all of them");

struct reload {
	struct guard *guard;
	struct watch *watch;
	char *home, *floor_home;
	char *included[2 * INCLUDES_MAX]; /* that are watched; owned */
	size_t n_included;
	char *wanted[2 * INCLUDES_MAX]; /* that the present reading asked for; owned */
	size_t n_wanted;
	const struct fetched *found; /* while they are parsed */
	unsigned rounds;
	bool was_asked, was_changed; /* in an earlier round */
	bool is_held;                /* the policy was read, and must not be used (lock.h) */
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

/* For scripts that look for such a file; NULL: nothing is wrong. */
static void keep_errors(struct guard *guard, const struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error = 0;

	if (problems != NULL) {
		problems_text(&text, problems, "\n");
		buffer_put_u8(&text, 0);
		error = buffer_error(&text);
	}
	if (error == 0)
		error = status_write_errors(guard->state_fd,
		                            problems != NULL ? (const char *)text.data : NULL);
	if (error < 0)
		diag_debug("status: " STATUS_ERRORS_FILE ": %s", strerror(-error));
}

static void reload_failed(struct guard *guard, const struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	problems_text(&text, problems, "; ");
	buffer_put_u8(&text, 0);
	free(guard->reload_error);
	guard->reload_error = strdup(buffer_error(&text) == 0 ? (const char *)text.data : "");
	guard->reload_state = RELOAD_FAILED;
	keep_errors(guard, problems);
	diag_error("policy: not loaded, the old one stays in force: %s",
	           guard->reload_error != NULL ? guard->reload_error : "");
	guard_note(guard, "policy-refused", NULL, guard->reload_error);
}

static int reload_held(struct guard *guard, struct problems *problems) {
	const char *notice = lock_notice(guard->lock);

	free(guard->reload_error);
	guard->reload_error = strdup(notice != NULL ? notice : "");
	guard->reload_state = RELOAD_HELD;
	keep_errors(guard, NULL);
	problems_add(problems, guard->policy_path, 0, 0, "%s", notice != NULL ? notice : "");
	guard_status_changed(guard);
	return -EPERM;
}

/* What was wrong was a file that is gone, and none was used before it. */
static void reload_none(struct guard *guard) {
	static const char what[] = "the policy file is not there, so every signature needs a "
				   "confirmation";

	guard->reload_state = RELOAD_NONE;
	diag_info("policy: %s: %s", guard->policy_path, what);
	guard_note(guard, "reload", NULL, what);
}

static void reload_done(struct reload *reload) {
	struct guard *guard = reload->guard;

	keep_errors(guard, NULL);
	if (policy_path(guard->policy)[0] == '\0') {
		reload_none(guard);
		return;
	}
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

static void forget(char **paths, size_t *n_paths) {
	for (size_t i = 0; i < *n_paths; i++)
		free(paths[i]);
	*n_paths = 0;
}

static struct policy_file file_of(const char *path, const struct fetched *found) {
	return (struct policy_file){
		.path = path,
		.error = found->error,
		.owner = found->status.st_uid,
		.mode = found->status.st_mode,
		.text = found->bytes,
	};
}

/* What a policy includes: among what was read, or to be read next. */
static int find(void *data, const char *path, struct policy_file *ret) {
	struct reload *reload = data;

	/* Each of the two has INCLUDES_MAX at most. */
	reload->wanted[reload->n_wanted] = strdup(path);
	if (reload->wanted[reload->n_wanted] == NULL)
		return -ENOMEM;
	reload->n_wanted++;
	for (size_t i = 0; i < reload->n_included; i++)
		if (strcmp(reload->included[i], path) == 0) {
			*ret = file_of(path, &reload->found[FILES_FIXED + i]);
			return 0;
		}
	return -EINPROGRESS;
}

static int parse(struct policy **ret, struct buffer *copy, struct reload *reload,
                 const struct fetched *found, bool is_floor, struct problems *problems) {
	const struct policy_file file = file_of(is_floor ? FLOOR_PATH : reload->guard->policy_path,
	                                        found);
	const struct policy_source source = {.find = find, .data = reload};
	const struct surroundings surroundings = {
		.home = is_floor ? reload->floor_home : reload->home,
		.is_floor = is_floor,
		.source = &source,
		.copy = is_floor ? NULL : copy,
	};
	size_t before = problems_total(problems);
	int error;

	policy_copy_begin(copy, reload->home);
	error = is_floor ? floor_parse_file(ret, &file, &surroundings, problems)
	                 : policy_parse_file(ret, &file, &surroundings, problems);
	if (error == 0 && buffer_error(copy) < 0) {
		policy_unref(*ret);
		error = -ENOMEM;
	}
	if (error < 0 && problems_total(problems) == before)
		problems_add(problems, file.path, 0, 0, "%s",
		             error == -ENOENT ? "the policy file is gone" : strerror(-error));
	return error;
}

/* Takes the reference over. */
static int use(struct guard *guard, struct policy *policy, bool is_floor) {
	/* First: a variable that was not asked for would look as if it were not set. */
	int error = is_floor ? guard_ask_env(guard, policy, guard->policy)
	                     : guard_use_policy(guard, policy);

	if (error == 0 && is_floor) {
		bool is_other = guard->floor == NULL ||
		                strcmp(policy_sha256(policy), policy_sha256(guard->floor)) != 0;

		policy_unref(guard->floor);
		guard->floor = policy;
		if (is_other)
			asker_floor_changed(guard->asker);
		else
			asker_policy_changed(guard->asker);
	}
	if (error < 0)
		policy_unref(policy);
	return error;
}

/* Puts what was found in the place of the one in force, whole or not at all. *ret_changed is left
 * alone where it is the same. */
static int take(struct reload *reload, const struct fetched *found, bool is_floor,
                bool *ret_changed, struct problems *problems) {
	struct guard *guard = reload->guard;
	const struct policy *in_force = is_floor ? guard->floor : guard->policy;
	bool never_was = in_force == NULL || policy_path(in_force)[0] == '\0';
	CLEANUP(buffer_deinit) struct buffer copy = {0};
	struct policy *policy = NULL;
	bool is_other;
	int error;

	if (found->error == -ENOENT && never_was) {
		if (!is_floor)
			lock_gone(guard->lock);
		return 0;
	}
	error = parse(&policy, &copy, reload, found, is_floor, problems);
	if (error < 0)
		return error;
	if (!is_floor && lock_holds(guard->lock, policy, buffer_bytes(&copy))) {
		reload->is_held = true;
		policy_unref(policy);
		return 0;
	}
	is_other = never_was || strcmp(policy_sha256(policy), policy_sha256(in_force)) != 0;
	error = use(guard, policy, is_floor);
	if (error < 0) {
		problems_add(problems, is_floor ? FLOOR_PATH : guard->policy_path, 0, 0, "%s",
		             strerror(-error));
		return error;
	}
	*ret_changed = *ret_changed || is_other;
	if (is_floor)
		lock_floor_changed(guard->lock);
	else
		lock_took(guard->lock, buffer_bytes(&copy));
	return 0;
}

/* One of them may be good while the other is bad. */
static int take_both(struct reload *reload, const struct fetched *files, bool *ret_changed,
                     struct problems *problems) {
	int floor_error = take(reload, &files[FILE_FLOOR], true, ret_changed, problems);
	int error = take(reload, &files[FILE_POLICY], false, ret_changed, problems);

	return floor_error == -EINPROGRESS || (floor_error < 0 && error != -EINPROGRESS)
	               ? floor_error
	               : error;
}

static int watch_all(struct reload *reload) {
	const char *paths[FILES_MAX] = {
		[FILE_POLICY] = reload->guard->policy_path, [FILE_FLOOR] = FLOOR_PATH};

	for (size_t i = 0; i < reload->n_included; i++)
		paths[FILES_FIXED + i] = reload->included[i];
	return watch_set(reload->watch, paths, FILES_FIXED + reload->n_included);
}

static bool is_same(const struct reload *reload) {
	if (reload->n_wanted != reload->n_included)
		return false;
	for (size_t i = 0; i < reload->n_wanted; i++)
		if (strcmp(reload->wanted[i], reload->included[i]) != 0)
			return false;
	return true;
}

/* From now on it is these that are watched, and they are read at once. */
static int watch_wanted(struct reload *reload) {
	forget(reload->included, &reload->n_included);
	memcpy(reload->included, reload->wanted, sizeof(reload->included));
	reload->n_included = reload->n_wanted;
	reload->n_wanted = 0;
	return watch_all(reload);
}

/* -EINPROGRESS: more is to be read first. */
static int take_all(struct reload *reload, const struct fetched *files, bool *ret_changed,
                    struct problems *problems) {
	int error;

	forget(reload->wanted, &reload->n_wanted);
	reload->is_held = false;
	reload->found = files;
	error = take_both(reload, files, ret_changed, problems);
	reload->found = NULL;
	if (error == -EINPROGRESS && ++reload->rounds > ROUNDS_MAX) {
		problems_add(problems, reload->guard->policy_path, 0, 0,
		             "what it includes changes whenever it is read");
		return -EBUSY;
	}
	/* Of one that is bad it is not known what it would include. */
	if ((error == 0 && !is_same(reload)) || error == -EINPROGRESS) {
		int watch_error = watch_wanted(reload);

		return watch_error < 0 ? watch_error : error;
	}
	return error;
}

static void on_seen(void *data, int error, const struct fetched *files, bool asked) {
	struct reload *reload = data;
	struct guard *guard = reload->guard;
	CLEANUP(problems_deinit) struct problems problems = {0};
	bool changed = asked || reload->was_asked || reload->was_changed ||
	               guard->reload_state == RELOAD_FAILED || guard->reload_state == RELOAD_HELD;

	if (error < 0)
		problems_add(&problems, guard->policy_path, 0, 0, "%s",
		             error == -ETIMEDOUT ? "its file system does not answer"
		             : error == -EBUSY
		                     ? "a program has it open to write; it is loaded when that ends"
		                     : strerror(-error));
	else
		error = take_all(reload, files, &changed, &problems);
	if (error == -EINPROGRESS) {
		reload->was_asked = reload->was_asked || asked;
		reload->was_changed = changed;
		return;
	}
	reload->rounds = 0;
	reload->was_asked = reload->was_changed = false;
	if (error < 0)
		reload_failed(guard, &problems);
	else if (reload->is_held)
		error = reload_held(guard, &problems);
	else if (changed)
		reload_done(reload);
	if (changed)
		reload->changed(reload->data);
	reload_answer(reload, &problems, error);
}

/* Those of a policy that is in force already. */
static int watch_included(struct reload *reload, const struct policy *policy) {
	size_t n_included = 0;
	const char *const *included = policy != NULL ? policy_included(policy, &n_included) : NULL;

	for (size_t i = 0; i < n_included; i++) {
		reload->included[reload->n_included] = strdup(included[i]);
		if (reload->included[reload->n_included] == NULL)
			return -ENOMEM;
		reload->n_included++;
	}
	return 0;
}

int reload_new(struct reload **ret, struct guard *guard, reload_answered *answered,
               reload_changed *changed, void *data) {
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
		error = watch_included(reload, guard->floor);
	if (error == 0)
		error = watch_included(reload, guard->policy);
	if (error == 0)
		error = watch_all(reload);
	keep_errors(guard, NULL); /* the policy in force was good */
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
	forget(reload->included, &reload->n_included);
	forget(reload->wanted, &reload->n_wanted);
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
