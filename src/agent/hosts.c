#include "agent/hosts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lock.h"
#include "agent/lock_hosts.h"
#include "agent/ssh_aliases.h"
#include "agent/ssh_files.h"
#include "agent/ssh_query.h"
#include "agent/watch.h"
#include "base/diag.h"
#include "policy/policy.h"
#include "wire/known_hosts_diff.h"

#define FILES_MAX    (KNOWN_BY_COUNT * SSH_FILES_FILES_MAX + SYSTEM_COUNT)
#define SYSTEM_COUNT 2            /* SYSTEM_FILES */
#define SLICE_LEN    (128 * 1024) /* of lines that are indexed in one turn: some milliseconds */
#define CONFIGS      2            /* the user's and the system's, which tell when to ask ssh anew */
#define WAIT_MAX_S   3.           /* for a file that a program is writing to, or that hangs */
#define START_MAX_S  10.          /* the guard serves then, and what it does not know is unknown */
#define DETAIL_SIZE  512

/* What ssh reads of the system's where nobody has configured it. */
static const char *const SYSTEM_FILES[SYSTEM_COUNT] = {"/etc/ssh/ssh_known_hosts",
                                                       "/etc/ssh/ssh_known_hosts2"};

struct text {
	char *data; /* owned */
	size_t len;
	enum known_hosts_origin origin;
	bool is_now, was_accepted; /* which of the two indexes it is for */
};

/* Paths are copies, because what they are read from may be replaced meanwhile. */
struct file_list {
	enum known_by by[FILES_MAX];
	char *paths[FILES_MAX];     /* owned */
	bool is_claimed[FILES_MAX]; /* to be the system's, by a configuration of the user's */
	size_t n_files;
};

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
	struct file_list list; /* what is watched */
	size_t n_configs;      /* that are watched, too, behind the list */
	uint64_t config_state; /* of the configuration when ssh was asked; 0: not seen yet */
	uint64_t files_state;  /* of the files that are indexed; 0: none are */
	uint64_t paths_state;  /* of their names */

	struct known_hosts *index; /* in force */
	bool is_complete;
	struct buffer listed; /* what the users' files say that are indexed */
	/* Under a lock: the same of what was accepted, and the system's files as they are; NULL:
	 * that is the same, or there is no lock. */
	struct known_hosts *accepted;
	/* What is being indexed. */
	struct known_hosts *next, *next_accepted;
	struct buffer next_listed;
	struct text texts[FILES_MAX + 1];
	size_t n_texts, at_text, at_byte;
	size_t texts_len; /* of all of them */
	bool next_is_complete;
	char left_out[DETAIL_SIZE]; /* the first file that is not among them, and why */
	ev_timer slice;

	struct hosts_wait *waits;
	ev_timer patience;
};

/* ---- who waits ---- */

static void wait_unlink(struct hosts_wait *wait) {
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	*wait = (struct hosts_wait){.done = wait->done, .data = wait->data};
}

void hosts_wait_end(struct hosts_wait *wait) {
	if (wait->link != NULL)
		wait_unlink(wait);
}

/* Those who wait now; whoever is called may wait again. */
static void release(struct hosts *hosts) {
	struct hosts_wait *first = hosts->waits;

	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	hosts->waits = NULL;
	if (first != NULL)
		first->link = &first;
	while (first != NULL) {
		struct hosts_wait *wait = first;

		wait_unlink(wait);
		wait->done(wait->data);
	}
	if (!hosts->is_ready) {
		hosts->is_ready = true;
		hosts->ready(hosts->data);
	}
}

static void release_within(struct hosts *hosts, double seconds) {
	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	ev_now_update(hosts->guard->loop);
	ev_timer_set(&hosts->patience, seconds, 0.);
	ev_timer_start(hosts->guard->loop, &hosts->patience);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	release(watcher->data);
}

void hosts_wait(struct hosts *hosts, struct hosts_wait *wait, void (*done)(void *data),
                void *data) {
	*wait = (struct hosts_wait){.done = done, .data = data};
	if (hosts == NULL || hosts->watch == NULL) {
		done(data);
		return;
	}
	if (hosts->waits == NULL) {
		watch_look(hosts->watch);
		release_within(hosts, WAIT_MAX_S);
	}
	wait->next = hosts->waits;
	wait->link = &hosts->waits;
	if (wait->next != NULL)
		wait->next->link = &wait->next;
	hosts->waits = wait;
}

/* ---- indexing ---- */

static void texts_clear(struct hosts *hosts) {
	for (size_t i = 0; i < hosts->n_texts; i++)
		free(hosts->texts[i].data);
	hosts->n_texts = hosts->at_text = hosts->at_byte = hosts->texts_len = 0;
	known_hosts_free(TAKE(hosts->next));
	known_hosts_free(TAKE(hosts->next_accepted));
	buffer_deinit(&hosts->next_listed);
	ev_timer_stop(hosts->guard->loop, &hosts->slice);
}

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

static void indexed(struct hosts *hosts) {
	size_t n_files = 0;

	for (size_t i = 0; i < hosts->n_texts; i++)
		n_files += hosts->texts[i].is_now;
	known_hosts_free(hosts->index);
	known_hosts_free(hosts->accepted);
	hosts->index = TAKE(hosts->next);
	hosts->accepted = TAKE(hosts->next_accepted);
	hosts->is_complete = hosts->next_is_complete;
	buffer_deinit(&hosts->listed);
	hosts->listed = hosts->next_listed;
	hosts->next_listed = (struct buffer){0};
	note(hosts, n_files);
	texts_clear(hosts);
	lock_hosts_read(lock_hosts_of(hosts->guard->lock));
	release(hosts);
}

/* Up to the end of a line, unless that one is longer than all. */
static struct bytes next_slice(const struct text *text, size_t at) {
	struct bytes rest = {(const uint8_t *)text->data + at, text->len - at};
	const uint8_t *end;

	if (rest.len <= SLICE_LEN)
		return rest;
	end = memchr(rest.data + SLICE_LEN, '\n', rest.len - SLICE_LEN);
	if (end != NULL)
		rest.len = (size_t)(end - rest.data) + 1;
	return rest;
}

static void slice_soon(struct hosts *hosts) {
	ev_timer_set(&hosts->slice, 0., 0.);
	ev_timer_start(hosts->guard->loop, &hosts->slice);
}

static int add_slice(struct hosts *hosts, const struct text *text, struct bytes slice) {
	int error = text->is_now ? known_hosts_add(hosts->next, slice, text->origin) : 0;

	if (error == 0 && text->was_accepted && hosts->next_accepted != NULL)
		error = known_hosts_add(hosts->next_accepted, slice, text->origin);
	return error;
}

static void on_slice(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct hosts *hosts = watcher->data;
	const struct text *text = &hosts->texts[hosts->at_text];
	struct bytes slice;
	int error;

	(void)loop, (void)revents;
	if (hosts->at_text == hosts->n_texts) {
		indexed(hosts);
		return;
	}
	slice = next_slice(text, hosts->at_byte);
	error = add_slice(hosts, text, slice);
	if (error < 0) {
		/* What is in force stays so: what is missing may be a revocation. */
		diag_error("known_hosts: %s", strerror(-error));
		guard_note(hosts->guard, "known-hosts-failed", NULL, strerror(-error));
		texts_clear(hosts);
		hosts->files_state = 0;
		release(hosts);
		return;
	}
	hosts->at_byte += slice.len;
	if (hosts->at_byte == text->len) {
		hosts->at_byte = 0;
		hosts->at_text++;
	}
	slice_soon(hosts);
}

/* ---- what was read ---- */

/* What it would say is unknown, and not no. */
static void leave_out(struct hosts *hosts, const char *path, int error) {
	if (hosts->next_is_complete)
		snprintf(hosts->left_out, sizeof(hosts->left_out), "%s: %s", path,
		         strerror(-error));
	hosts->next_is_complete = false;
}

/* What the user's own configuration of ssh calls the system's, is that where nobody but root can
 * write to it. */
static bool is_roots(const struct stat *status) {
	return status->st_uid == 0 && (status->st_mode & 022) == 0;
}

/* Of the user's files as they are one index holds the lines, and the other one those accepted; the
 * system's are for both. */
static bool add_text(struct hosts *hosts, struct bytes bytes, bool is_systems, bool is_now) {
	struct text *text = &hosts->texts[hosts->n_texts];

	text->data = malloc(bytes.len + 1);
	if (text->data == NULL)
		return false;
	if (bytes.len > 0)
		memcpy(text->data, bytes.data, bytes.len);
	text->len = bytes.len;
	text->origin = is_systems ? KNOWN_HOSTS_SYSTEM : KNOWN_HOSTS_USER;
	text->is_now = is_now;
	text->was_accepted = is_systems || !is_now;
	hosts->n_texts++;
	return true;
}

/* One behind the other; the last line of each ends. */
static bool list_text(struct buffer *listed, struct bytes text) {
	buffer_put_raw(listed, text);
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		buffer_put_u8(listed, '\n');
	return buffer_error(listed) == 0;
}

/* false: no memory. One that is not there says nothing. One that is too large is left out by
 * itself, or whoever fills one file would keep the revocations of all others from being read. */
static bool take_file(struct hosts *hosts, const struct fetched *file, size_t index) {
	bool is_systems = hosts->list.by[index] == KNOWN_BY_SYSTEM &&
	                  (!hosts->list.is_claimed[index] || is_roots(&file->status));
	int error = file->error;

	if (error == 0 && file->bytes.len > KNOWN_HOSTS_BYTES_MAX - hosts->texts_len)
		error = -EFBIG;
	if (error < 0 && error != -ENOENT)
		leave_out(hosts, hosts->list.paths[index], error);
	if (error < 0)
		return true;
	if (!add_text(hosts, file->bytes, is_systems, true))
		return false;
	hosts->texts_len += file->bytes.len;
	return is_systems || list_text(&hosts->next_listed, file->bytes);
}

/* Where the policy is locked, and its known_hosts is another than what was read. */
static bool take_accepted(struct hosts *hosts) {
	struct bytes accepted;

	if (!lock_hosts_text(lock_hosts_of(hosts->guard->lock), &accepted) ||
	    bytes_equal(accepted, buffer_bytes(&hosts->next_listed)))
		return true;
	return known_hosts_new(&hosts->next_accepted) == 0 &&
	       add_text(hosts, accepted, false, false);
}

static void begin_index(struct hosts *hosts, const struct fetched *files) {
	bool good;

	texts_clear(hosts);
	hosts->next_is_complete = true;
	good = known_hosts_new(&hosts->next) == 0;
	for (size_t i = 0; good && i < hosts->list.n_files; i++)
		good = take_file(hosts, &files[i], i);
	good = good && take_accepted(hosts);
	if (!good) {
		texts_clear(hosts);
		release_within(hosts, 0.);
		return;
	}
	slice_soon(hosts);
}

/* Told apart by their states alone: it costs no more than asking ssh once too often. */
static uint64_t state_of(const struct fetched *files, size_t n_files) {
	uint64_t state = 1;

	for (size_t i = 0; i < n_files; i++) {
		const struct stat *status = &files[i].status;
		const uint64_t parts[] = {(uint64_t)files[i].error, (uint64_t)status->st_ino,
		                          (uint64_t)status->st_size,
		                          (uint64_t)status->st_ctim.tv_sec,
		                          (uint64_t)status->st_ctim.tv_nsec};

		for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++)
			state = (state ^ parts[j]) * 0x100000001b3;
	}
	return state;
}

static void on_seen(void *data, int error, const struct fetched *files, bool asked) {
	struct hosts *hosts = data;
	uint64_t state;

	(void)asked;
	/* A program writes to one of them: they will be seen once it has ended. */
	if (error == -EBUSY)
		return;
	if (error < 0) {
		diag_error("known_hosts: %s", error == -ETIMEDOUT
		                                      ? "its file system does not answer"
		                                      : strerror(-error));
		if (hosts->is_ready)
			guard_note(hosts->guard, "known-hosts-failed", NULL, strerror(-error));
		release(hosts);
		return;
	}
	state = state_of(files + hosts->list.n_files, hosts->n_configs);
	if (hosts->n_configs > 0 && hosts->config_state != 0 && state != hosts->config_state &&
	    ssh_query_ask(hosts->config, NULL) < 0)
		diag_error("known_hosts: ssh could not be asked about its configuration");
	hosts->config_state = state;
	state = state_of(files, hosts->list.n_files);
	if (state == hosts->files_state) {
		if (hosts->next == NULL)
			release(hosts);
		return;
	}
	hosts->files_state = state;
	begin_index(hosts, files);
}

/* ---- which files ---- */

static const char *const *files_of(const struct hosts *hosts, enum known_by by, size_t *ret_count) {
	const struct guard *guard = hosts->guard;
	size_t kind = by == KNOWN_BY_SYSTEM ? 1 : 0;
	const char *const *files = NULL;

	/* What root wrote into the floor stands above all. */
	if (guard->floor != NULL)
		files = policy_known_files(guard->floor, by, ret_count);
	if (files == NULL)
		files = policy_known_files(guard->policy, by, ret_count);
	if (files != NULL)
		return files;
	*ret_count = hosts->files.n_paths[kind];
	return (const char *const *)hosts->files.paths[kind];
}

static bool needs_config(const struct hosts *hosts) {
	const struct guard *guard = hosts->guard;
	size_t count;

	for (unsigned kind = 0; kind < KNOWN_BY_COUNT; kind++) {
		enum known_by by = (enum known_by)(1U << kind);

		if (policy_known_files(guard->policy, by, &count) == NULL &&
		    (guard->floor == NULL || policy_known_files(guard->floor, by, &count) == NULL))
			return true;
	}
	return false;
}

/* Of the files' names, and of whose they are. */
static uint64_t state_of_paths(const struct file_list *list) {
	uint64_t state = 1;

	for (size_t i = 0; i < list->n_files; i++) {
		for (const char *at = list->paths[i]; *at != '\0'; at++)
			state = (state ^ (unsigned char)*at) * 0x100000001b3;
		state = (state ^ (0x100 + (uint64_t)list->by[i])) * 0x100000001b3;
	}
	return state;
}

static void file_list_deinit(struct file_list *list) {
	for (size_t i = 0; i < list->n_files; i++)
		free(list->paths[i]);
	*list = (struct file_list){0};
}

/* Below these, names and what they lead to are root's. */
static bool is_in_systems_place(const char *path) {
	return (strncmp(path, "/etc/", 5) == 0 || strncmp(path, "/usr/", 5) == 0) &&
	       strstr(path, "/../") == NULL;
}

static bool is_listed(const struct file_list *list, const char *path) {
	for (size_t i = 0; i < list->n_files; i++)
		if (strcmp(list->paths[i], path) == 0)
			return true;
	return false;
}

static int list_file(struct file_list *list, const char *name, enum known_by by, bool is_claimed) {
	char *path = strdup(name);

	if (path == NULL)
		return -ENOMEM;
	list->by[list->n_files] = is_claimed && !is_in_systems_place(path) ? KNOWN_BY_USER : by;
	list->is_claimed[list->n_files] = is_claimed;
	list->paths[list->n_files++] = path;
	return 0;
}

static int list_files(struct file_list *list, const struct hosts *hosts, enum known_by by) {
	size_t count = 0;
	const char *const *files = files_of(hosts, by, &count);
	/* ~/.ssh/config can name any file so, and have any program's text stand in one of root's:
	 * /proc has some. */
	bool is_claimed = by == KNOWN_BY_SYSTEM &&
	                  files == (const char *const *)hosts->files.paths[1];
	int error = 0;

	/* It can name root's no more, as well, and what root has revoked would not be; before what
	 * it names, so that there is room for them. */
	for (size_t i = 0; is_claimed && error == 0 && i < SYSTEM_COUNT; i++)
		error = list_file(list, SYSTEM_FILES[i], by, true);
	for (size_t i = 0; error == 0 && i < count; i++)
		if (!is_claimed || !is_listed(list, files[i]))
			error = list_file(list, files[i], by, is_claimed);
	return error;
}

/* What is watched is the list from now on, or what it was where that fails. */
static int watch_list(struct hosts *hosts, struct file_list *list) {
	const char *paths[CONFIGS + FILES_MAX];
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
	file_list_deinit(&hosts->list);
	hosts->list = *list;
	*list = (struct file_list){0};
	/* Other files than before: what is known is theirs from now on. */
	state = state_of_paths(&hosts->list);
	if (state != hosts->paths_state)
		hosts->files_state = 0;
	hosts->paths_state = state;
	if (n_paths == 0)
		begin_index(hosts, NULL);
	else
		watch_look(hosts->watch); /* also where all is as before, somebody may wait */
	return 0;
}

static void watch_files(struct hosts *hosts) {
	CLEANUP(file_list_deinit) struct file_list list = {0};
	int error;

	/* The system's first, so that there is room for them, whatever a user's hold. */
	error = list_files(&list, hosts, KNOWN_BY_SYSTEM);
	if (error == 0)
		error = list_files(&list, hosts, KNOWN_BY_USER);
	if (error == 0)
		error = watch_list(hosts, &list);
	if (error == 0)
		return;
	diag_error("known_hosts: %s", strerror(-error));
	release_within(hosts, 0.);
}

static int add_default(struct ssh_known_files *files, size_t kind, const char *home,
                       const char *name) {
	char *path = NULL;

	if (asprintf(&path, "%s%s", home, name) < 0)
		return -ENOMEM;
	files->paths[kind][files->n_paths[kind]++] = path;
	return 0;
}

/* What ssh reads where nobody has configured it. */
static int default_files(struct ssh_known_files *files, const char *home) {
	int error = 0;

	for (size_t i = 0; error == 0 && i < SYSTEM_COUNT; i++)
		error = add_default(files, 1, "", SYSTEM_FILES[i]);
	if (error == 0 && home != NULL)
		error = add_default(files, 0, home, "/.ssh/known_hosts");
	if (error == 0 && home != NULL)
		error = add_default(files, 0, home, "/.ssh/known_hosts2");
	return error;
}

static bool same_files(const struct ssh_known_files *a, const struct ssh_known_files *b) {
	for (size_t kind = 0; kind < KNOWN_BY_COUNT; kind++) {
		if (a->n_paths[kind] != b->n_paths[kind])
			return false;
		for (size_t i = 0; i < a->n_paths[kind]; i++)
			if (strcmp(a->paths[kind][i], b->paths[kind][i]) != 0)
				return false;
	}
	return true;
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
	if (hosts->is_ready && same_files(&files, &hosts->files))
		return;
	ssh_known_files_deinit(&hosts->files);
	hosts->files = files;
	files = (struct ssh_known_files){0};
	watch_files(hosts);
}

/* ---- its life ---- */

static int hosts_begin(struct hosts *hosts) {
	struct ev_loop *loop = hosts->guard->loop;
	int error = default_files(&hosts->files, hosts->home);

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
	ev_init(&hosts->slice, on_slice);
	ev_init(&hosts->patience, on_patience);
	hosts->slice.data = hosts->patience.data = hosts;
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
	while (hosts->waits != NULL)
		wait_unlink(hosts->waits);
	ev_timer_stop(hosts->guard->loop, &hosts->patience);
	texts_clear(hosts);
	known_hosts_free(hosts->index);
	known_hosts_free(hosts->accepted);
	buffer_deinit(&hosts->listed);
	watch_free(hosts->watch);
	ssh_query_free(hosts->config);
	ssh_aliases_free(hosts->aliases);
	ssh_known_files_deinit(&hosts->files);
	file_list_deinit(&hosts->list);
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
	if (hosts->next == NULL && hosts->index != NULL &&
	    (!is_locked || bytes_equal(accepted, buffer_bytes(&hosts->listed)))) {
		known_hosts_free(TAKE(hosts->accepted));
		return;
	}
	hosts->files_state = 0;
	if (hosts->watch != NULL)
		watch_look(hosts->watch);
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
	return hosts != NULL && hosts->index != NULL && hosts->is_complete;
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
