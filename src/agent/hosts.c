#include "agent/hosts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hosts_indexing.h"
#include "agent/hosts_list.h"
#include "agent/lock.h"
#include "agent/lock_hosts.h"
#include "agent/ssh_aliases.h"
#include "agent/ssh_files.h"
#include "agent/ssh_query.h"
#include "agent/watch.h"
#include "base/diag.h"
#include "policy/policy.h"
#include "wire/known_hosts_diff.h"

#define CONFIGS     2   /* the user's and the system's, which tell when to ask ssh anew */
#define WAIT_MAX_S  3.  /* for a file that a program is writing to, or that hangs */
#define START_MAX_S 10. /* the guard serves then, and what it does not know is unknown */
#define DETAIL_SIZE 512

struct hosts {
	struct guard *guard;
	hosts_ready *ready;
	void *data;
	bool is_ready;
	char *home; /* ssh's; NULL: not known */
	struct ssh_query *config;
	struct ssh_aliases *aliases;
	struct ssh_known_files files; /* of ssh's configuration, or of its defaults */
	struct watch *watch;
	char *config_paths[CONFIGS];
	struct hosts_list list; /* what is watched */
	size_t n_configs;       /* that are watched, too, behind the list */
	uint64_t config_state;  /* of the configuration when ssh was asked; 0: not seen yet */
	uint64_t files_state;   /* of the files that are indexed; 0: none are */
	uint64_t paths_state;   /* of their names */

	struct known_hosts *index; /* in force */
	bool is_complete;
	struct buffer listed; /* what the users' files say that are indexed */
	/* Under a lock: the same of what was accepted, and the system's files as they are; NULL:
	 * that is the same, or there is no lock. */
	struct known_hosts *accepted;
	struct hosts_indexing *indexing; /* what is to follow it */
	bool next_is_complete;
	char left_out[DETAIL_SIZE]; /* the first file that is not in it, and why */
	/* For the status; "": nothing. */
	char failure[DETAIL_SIZE];  /* why they could not be read the last time */
	char lack[2 * DETAIL_SIZE]; /* what is not in the index in force */

	struct hosts_waits waits;
	ev_timer patience;
};

/* ---- who waits ---- */

static void release_within(struct hosts *hosts, double seconds) {
	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	ev_now_update(hosts->guard->loop);
	ev_timer_set(&hosts->patience, seconds, 0.);
	ev_timer_start(hosts->guard->loop, &hosts->patience);
}

static void look_for_waits(struct hosts *hosts) {
	watch_look(hosts->watch);
	release_within(hosts, WAIT_MAX_S);
}

/* Those who wait for what was read now, or all. */
static void release(struct hosts *hosts, bool all) {
	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	if (hosts_waits_tell(&hosts->waits, all))
		look_for_waits(hosts);
	if (!hosts->is_ready) {
		hosts->is_ready = true;
		hosts->ready(hosts->data);
	}
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	release(watcher->data, true);
}

void hosts_wait(struct hosts *hosts, struct hosts_wait *wait, void (*done)(void *data),
                void *data) {
	*wait = (struct hosts_wait){.done = done, .data = data};
	if (hosts == NULL || hosts->list.n_files == 0)
		done(data);
	else if (hosts_waits_add(&hosts->waits, wait, done, data))
		look_for_waits(hosts);
}

/* ---- what is amiss ---- */

/* Told once, until it is something else: whoever logs in to a new host has them read again. */
static void fail(struct hosts *hosts, const char *why) {
	char text[DETAIL_SIZE];
	bool is_news;

	snprintf(text, sizeof(text), "known_hosts cannot be read: %s; %s", why,
	         hosts->index != NULL ? "what was read before stays in force, and what is not in "
	                                "it is unknown"
	                              : "no host has a name");
	is_news = strcmp(text, hosts->failure) != 0;
	strcpy(hosts->failure, text);
	if (is_news)
		diag_error("%s", text);
	release(hosts, true);
	if (!is_news)
		return;
	guard_note(hosts->guard, "known-hosts-failed", NULL, text);
	guard_status_changed(hosts->guard);
}

static void mended(struct hosts *hosts, const char *detail) {
	if (hosts->failure[0] == '\0')
		return;
	hosts->failure[0] = '\0';
	guard_status_changed(hosts->guard);
	if (detail != NULL)
		guard_note(hosts->guard, "known-hosts", NULL, detail);
}

/* ---- what was indexed ---- */

/* ", and ..."; "": no more than was accepted, or there is no lock. */
static void tell_news(char *ret, size_t size, const struct hosts *hosts) {
	struct known_hosts_change change = {0};
	struct bytes accepted;

	*ret = '\0';
	if (hosts->accepted == NULL ||
	    !lock_hosts_text(lock_hosts_of(hosts->guard->lock), &accepted) ||
	    known_hosts_diff(&change, NULL, 0, accepted, buffer_bytes(&hosts->listed)) < 0 ||
	    change.n_come + change.n_gone == 0)
		return;
	snprintf(ret, size,
	         "; the policy is locked, and %zu lines have come and %zu gone since it was "
	         "accepted: until ssh-agent-guard policy accept they allow nothing",
	         change.n_come, change.n_gone);
}

/* Told each time but the first: a line in known_hosts decides what a name means. */
static void note(struct hosts *hosts, size_t n_files) {
	struct known_hosts_counts counts = known_hosts_counts(hosts->index);
	char detail[3 * DETAIL_SIZE], news[DETAIL_SIZE];

	tell_news(news, sizeof(news), hosts);
	snprintf(detail, sizeof(detail),
	         "%zu lines of known_hosts in %zu files%s%s; %zu malformed%s", counts.used, n_files,
	         hosts->next_is_complete ? "" : ", and one that could not be read: ",
	         hosts->next_is_complete ? "" : hosts->left_out, counts.malformed, news);
	if (hosts->is_ready)
		guard_note(hosts->guard, "known-hosts", NULL, detail);
	else
		diag_info("%s", detail);
}

/* In the status, for as long as it is so. */
static void tell_left_out(struct hosts *hosts) {
	char text[sizeof(hosts->lack)] = "";

	if (!hosts->is_complete)
		snprintf(text, sizeof(text),
		         "of known_hosts a file is left out, so what is not in the others is "
		         "unknown: %s",
		         hosts->left_out);
	if (strcmp(text, hosts->lack) == 0)
		return;
	strcpy(hosts->lack, text);
	guard_status_changed(hosts->guard);
}

static void on_indexed(void *data, int error, struct hosts_indexed *indexed) {
	struct hosts *hosts = data;
	bool is_waited_for = hosts->waits.is_indexed;

	if (error < 0) {
		/* What is in force stays so: what is missing may be a revocation. */
		hosts->files_state = 0;
		fail(hosts, strerror(-error));
		return;
	}
	known_hosts_free(hosts->index);
	known_hosts_free(hosts->accepted);
	hosts->index = TAKE(indexed->now);
	hosts->accepted = TAKE(indexed->accepted);
	hosts->is_complete = hosts->next_is_complete;
	buffer_deinit(&hosts->listed);
	hosts->listed = indexed->listed;
	indexed->listed = (struct buffer){0};
	mended(hosts, NULL);
	note(hosts, indexed->n_files);
	tell_left_out(hosts);
	lock_hosts_read(lock_hosts_of(hosts->guard->lock));
	if (is_waited_for)
		release(hosts, false);
}

/* ---- what was read ---- */

/* What it would say is unknown, and not no. */
static void leave_out(struct hosts *hosts, const char *path, int error) {
	const char *why = error == -EFBIG    ? "too large: of all files together 60 MiB are read"
	                  : error == -EINVAL ? "it is no regular file"
	                                     : strerror(-error);

	_Static_assert(FETCH_BYTES_MAX == 60 * 1024 * 1024, "as is said there");
	if (hosts->next_is_complete)
		snprintf(hosts->left_out, sizeof(hosts->left_out), "%s: %s", path, why);
	hosts->next_is_complete = false;
}

/* -ENOMEM. One that is not there says nothing. */
static int take_file(struct hosts *hosts, const struct fetched *file, size_t index) {
	int error = file->error;

	if (error == 0)
		error = hosts_indexing_add(
			hosts->indexing, file->bytes,
			hosts_list_is_systems(&hosts->list, index, &file->status));
	if (error == 0 || error == -ENOENT)
		return 0;
	if (error == -ENOMEM && file->error == 0)
		return error;
	leave_out(hosts, hosts->list.paths[index], error);
	return 0;
}

static int take_accepted(struct hosts *hosts) {
	struct bytes accepted;

	return lock_hosts_text(lock_hosts_of(hosts->guard->lock), &accepted)
	               ? hosts_indexing_accept(hosts->indexing, accepted)
	               : 0;
}

static void begin_index(struct hosts *hosts, const struct fetched *files) {
	int error = hosts_indexing_begin(hosts->indexing);

	hosts->next_is_complete = true;
	for (size_t i = 0; error == 0 && i < hosts->list.n_files; i++)
		error = take_file(hosts, &files[i], i);
	if (error == 0)
		error = take_accepted(hosts);
	if (error < 0) {
		hosts->files_state = 0;
		release_within(hosts, 0.);
		return;
	}
	hosts_waits_indexing(&hosts->waits);
	hosts_indexing_go(hosts->indexing);
}

/* Where there is nothing to look at, that is what there is. */
static void look(struct hosts *hosts) {
	if (hosts->list.n_files + hosts->n_configs > 0) {
		watch_look(hosts->watch);
		return;
	}
	hosts_waits_seen(&hosts->waits, true);
	begin_index(hosts, NULL);
}

/* By what they hold, and whose they are, which decides what a file may say. */
static uint64_t state_of(const struct fetched *files, size_t n_files) {
	uint64_t state = 1;

	for (size_t i = 0; i < n_files; i++) {
		const struct stat *status = &files[i].status;
		uint64_t parts[3 + FETCHED_DIGEST_LEN / sizeof(uint64_t)] = {
			(uint64_t)files[i].error, status->st_uid, status->st_mode};

		memcpy(&parts[3], files[i].digest, sizeof(files[i].digest));
		for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++)
			state = (state ^ parts[j]) * 0x100000001b3;
	}
	return state;
}

static void on_seen(void *data, int error, const struct fetched *files, bool asked) {
	struct hosts *hosts = data;
	uint64_t state;

	hosts_waits_seen(&hosts->waits, asked);
	/* A program writes to one of them: they will be seen once it has ended. */
	if (error == -EBUSY)
		return;
	if (error < 0) {
		fail(hosts,
		     error == -ETIMEDOUT ? "a file system does not answer" : strerror(-error));
		return;
	}
	state = state_of(files + hosts->list.n_files, hosts->n_configs);
	if (hosts->n_configs > 0 && hosts->config_state != 0 && state != hosts->config_state &&
	    ssh_query_ask(hosts->config, NULL) < 0)
		diag_error("known_hosts: ssh could not be asked about its configuration");
	hosts->config_state = state;
	state = state_of(files, hosts->list.n_files);
	if (state == hosts->files_state) {
		mended(hosts, "they can be read again, and say what they said before");
		if (hosts_indexing_is_at_work(hosts->indexing))
			hosts_waits_indexing(&hosts->waits);
		else if (hosts->waits.is_seen)
			release(hosts, false);
		return;
	}
	hosts->files_state = state;
	begin_index(hosts, files);
}

/* ---- which files ---- */

static bool needs_config(const struct hosts *hosts) {
	return hosts_list_needs_config(hosts->guard->floor, hosts->guard->policy);
}

/* What is watched is the list from now on, or what it was where that fails. */
static int watch_list(struct hosts *hosts, struct hosts_list *list) {
	const char *paths[CONFIGS + HOSTS_LIST_MAX];
	size_t n_paths = 0;
	uint64_t state;
	int error;

	for (size_t i = 0; i < list->n_files; i++)
		paths[n_paths++] = list->paths[i];
	for (size_t i = 0; needs_config(hosts) && i < CONFIGS; i++)
		if (hosts->config_paths[i] != NULL)
			paths[n_paths++] = hosts->config_paths[i];
	error = n_paths > 0 ? watch_set(hosts->watch, paths, n_paths) : 0;
	if (error < 0)
		return error;
	hosts->n_configs = n_paths - list->n_files;
	hosts->config_state = 0;
	hosts_list_deinit(&hosts->list);
	hosts->list = *list;
	*list = (struct hosts_list){0};
	/* Other files than before: what is known is theirs from now on. */
	state = hosts_list_state(&hosts->list);
	if (state != hosts->paths_state)
		hosts->files_state = 0;
	hosts->paths_state = state;
	look(hosts); /* also where all is as before, somebody may wait */
	return 0;
}

static void watch_files(struct hosts *hosts) {
	CLEANUP(hosts_list_deinit) struct hosts_list list = {0};
	int error;

	error = hosts_list_make(&list, hosts->guard->floor, hosts->guard->policy, &hosts->files);
	if (error == 0)
		error = watch_list(hosts, &list);
	if (error == 0)
		return;
	diag_error("known_hosts: %s", strerror(-error));
	release_within(hosts, 0.);
}

/* Where ssh does not tell, what it told before stays, and at first its defaults. */
static void on_told(void *data, int error, struct bytes text) {
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files files = {0};
	struct hosts *hosts = data;

	if (error == 0)
		error = ssh_known_files_read(&files, text, hosts->home);
	if (error < 0) {
		const char *why = error == -ETIMEDOUT ? "ssh -G did not end in time"
		                  : error == -EBADMSG ? "what ssh -G says cannot be read"
		                                      : "ssh -G failed";

		diag_info("known_hosts: %s: the usual files are read (see known_hosts in "
		          "ssh-agent-guard-policy(5))",
		          why);
		if (hosts->is_ready)
			guard_note(hosts->guard, "known-hosts-failed", NULL, why);
		else
			watch_files(hosts);
		return;
	}
	if (hosts->is_ready && ssh_known_files_equal(&files, &hosts->files))
		return;
	ssh_known_files_deinit(&hosts->files);
	hosts->files = files;
	files = (struct ssh_known_files){0};
	watch_files(hosts);
}

/* ---- its life ---- */

static int hosts_begin(struct hosts *hosts) {
	struct ev_loop *loop = hosts->guard->loop;
	int error = hosts_list_defaults(&hosts->files, hosts->home);

	if (error == 0 && hosts->home != NULL &&
	    asprintf(&hosts->config_paths[0], "%s/.ssh/config", hosts->home) < 0) {
		hosts->config_paths[0] = NULL;
		error = -ENOMEM;
	}
	hosts->config_paths[1] = strdup("/etc/ssh/ssh_config");
	if (hosts->config_paths[1] == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = ssh_query_new(&hosts->config, loop, hosts->home, false, on_told, hosts);
	if (error == 0)
		error = ssh_aliases_new(&hosts->aliases, loop, hosts->home);
	if (error == 0)
		error = hosts_indexing_new(&hosts->indexing, loop, on_indexed, hosts);
	if (error == 0)
		error = watch_new(&hosts->watch, loop, KNOWN_HOSTS_BYTES_MAX, on_seen, hosts);
	if (error < 0)
		return error;
	release_within(hosts, START_MAX_S);
	if (!needs_config(hosts) || ssh_query_ask(hosts->config, NULL) < 0)
		watch_files(hosts);
	return 0;
}

/* Where ssh looks, whatever HOME says. Asked once, before anybody is served, because the directory
 * of users may be far away. */
static char *home_of_ssh(void) {
	const struct passwd *entry = getpwuid(geteuid());

	return entry != NULL && entry->pw_dir[0] == '/' ? strdup(entry->pw_dir) : policy_home();
}

int hosts_new(struct hosts **ret, struct guard *guard, hosts_ready *ready, void *data) {
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	int error;

	if (hosts == NULL)
		return -ENOMEM;
	*hosts = (struct hosts){
		.guard = guard, .ready = ready, .data = data, .home = home_of_ssh()};
	ev_init(&hosts->patience, on_patience);
	hosts->patience.data = hosts;
	error = hosts_begin(hosts);
	if (error < 0) {
		hosts_free(hosts);
		return error;
	}
	*ret = hosts;
	return 0;
}

void hosts_free(struct hosts *hosts) {
	if (hosts == NULL)
		return;
	hosts_waits_drop(&hosts->waits);
	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	hosts_indexing_free(hosts->indexing);
	known_hosts_free(hosts->index);
	known_hosts_free(hosts->accepted);
	buffer_deinit(&hosts->listed);
	watch_free(hosts->watch);
	ssh_query_free(hosts->config);
	ssh_aliases_free(hosts->aliases);
	ssh_known_files_deinit(&hosts->files);
	hosts_list_deinit(&hosts->list);
	for (size_t i = 0; i < CONFIGS; i++)
		free(hosts->config_paths[i]);
	free(hosts->home);
	free(hosts);
}

void hosts_policy_changed(struct hosts *hosts) {
	if (needs_config(hosts) && ssh_query_ask(hosts->config, NULL) < 0)
		diag_error("known_hosts: ssh could not be asked about its configuration");
	watch_files(hosts);
}

/* What was accepted is what is listed, or is read along with that once more. */
void hosts_lock_changed(struct hosts *hosts) {
	struct bytes accepted;
	bool is_locked;

	if (hosts == NULL)
		return;
	is_locked = lock_hosts_text(lock_hosts_of(hosts->guard->lock), &accepted);
	if (!hosts_indexing_is_at_work(hosts->indexing) && hosts->index != NULL &&
	    (!is_locked || bytes_equal(accepted, buffer_bytes(&hosts->listed)))) {
		known_hosts_free(TAKE(hosts->accepted));
		return;
	}
	hosts->files_state = 0;
	if (hosts->watch != NULL)
		look(hosts);
}

struct bytes hosts_users_text(const struct hosts *hosts) {
	return hosts != NULL ? buffer_bytes(&hosts->listed) : (struct bytes){0};
}

bool hosts_have_been_read(const struct hosts *hosts) {
	return hosts != NULL && hosts->index != NULL;
}

const struct known_hosts *hosts_accepted(const struct hosts *hosts) {
	return hosts != NULL ? hosts->accepted : NULL;
}

const struct known_hosts *hosts_index(const struct hosts *hosts) {
	return hosts != NULL ? hosts->index : NULL;
}

bool hosts_is_complete(const struct hosts *hosts) {
	return hosts != NULL && hosts->index != NULL && hosts->is_complete &&
	       hosts->failure[0] == '\0';
}

const char *hosts_notice(const struct hosts *hosts) {
	if (hosts == NULL)
		return NULL;
	return hosts->failure[0] != '\0' ? hosts->failure
	       : hosts->lack[0] != '\0'  ? hosts->lack
	                                 : NULL;
}

struct ssh_aliases *hosts_aliases(const struct hosts *hosts) {
	return hosts != NULL ? hosts->aliases : NULL;
}

bool hosts_has_started(const struct hosts *hosts, const struct caller *caller) {
	pid_t child = hosts != NULL ? ssh_query_child(hosts->config) : 0;

	if (child <= 0)
		return false;
	if (caller->process.pid == child)
		return true;
	for (size_t i = 0; i < caller->n_ancestors; i++)
		if (caller->ancestors[i].pid == child)
			return true;
	return false;
}
