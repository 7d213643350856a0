#include "caller/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "caller/presence.h"
#include "caller/unit.h"

void process_deinit(struct process *process) {
	free(process->exe);
	free(process->name);
	free(process->title);
	free(process->argv);
	*process = (struct process){0};
}

void caller_free(struct caller *caller) {
	if (caller == NULL)
		return;
	process_deinit(&caller->process);
	for (size_t i = 0; i < caller->n_ancestors; i++)
		process_deinit(&caller->ancestors[i]);
	free(caller->ancestors);
	free(caller->cwd);
	free(caller->cgroup);
	free(caller->env);
	free(caller->unit);
	free(caller->exe_sha256);
	free(caller->tmux_window);
	free(caller->tmux_pane);
	free(caller);
}

static void free_caller(struct caller **caller) {
	caller_free(*caller);
}

int caller_new_unknown(struct caller **ret, const struct peer *peer, const char *reason) {
	struct caller *caller = calloc(1, sizeof(*caller));

	if (caller == NULL)
		return -ENOMEM;
	caller->reason = reason;
	caller->uid = (uid_t)-1;
	caller->gid = (gid_t)-1;
	caller->apart_unknown = (1U << APART_COUNT) - 1;
	if (peer != NULL && peer->known) {
		caller->uid = peer->uid;
		caller->gid = peer->gid;
		caller->process.pid = peer->pid;
	}
	*ret = caller;
	return 0;
}

static void close_subject(struct subject **subject) {
	subject_close(*subject);
}

void caller_set_connector(struct caller *caller, const struct peer *writer,
                          const struct peer *connector) {
	if (writer->known && writer->by_connection) {
		caller->evidence = "connect";
		caller->integrity_unknown |= INTEGRITY_FD_PASSED;
	}
	if (peer_same(writer, connector))
		return;
	caller->integrity |= INTEGRITY_FD_PASSED;
	if (connector->known)
		caller->connector_pid = connector->pid;
	else
		caller->integrity_unknown |= INTEGRITY_FD_PASSED;
}

/* A parent is older than its child, or it is a stranger that was given the number of one that died
 * before we looked. Where one tick of the clock cannot tell, the child is asked again. */
static bool is_parent(const struct process *parent, const struct process *child,
                      struct subject *child_subject) {
	pid_t now;

	if (parent->start_ticks != child->start_ticks)
		return parent->start_ticks < child->start_ticks;
	return subject_again(&now, child_subject, child) == 0 && now == parent->pid;
}

/* Ends where there is no parent (known), or where one cannot be read (not known). */
static void read_ancestors(struct caller *caller, struct kin *kin, struct subject *caller_subject,
                           pid_t parent) {
	const struct process *child = &caller->process;
	struct subject *child_subject = caller_subject;

	while (parent != 0 && caller->n_ancestors < ANCESTORS_MAX) {
		struct process *ancestor = &caller->ancestors[caller->n_ancestors];
		struct subject *subject;

		if (kin_read(ancestor, &parent, &subject, kin, parent) < 0)
			return;
		if (!is_parent(ancestor, child, child_subject)) {
			process_deinit(ancestor);
			return;
		}
		child = ancestor;
		child_subject = subject;
		caller->n_ancestors++;
	}
	caller->ancestors_known = true;
}

/* Left unknown where memory is short. */
static void read_unit(struct caller *caller) {
	struct bytes unit = {0};

	if (caller->cgroup != NULL)
		unit = unit_of_cgroup(caller->cgroup);
	if (unit.data != NULL)
		caller->unit = strndup((const char *)unit.data, unit.len);
}

static void mark(struct caller *caller, enum integrity integrity, enum tri holds) {
	if (holds == TRI_YES)
		caller->integrity |= integrity;
	if (holds == TRI_UNKNOWN)
		caller->integrity_unknown |= integrity;
}

/* ssh's option that names a library to load, written in any of the ways that ssh takes. */
static enum tri names_a_library(const struct process *process) {
	for (size_t i = 1; i < process->argc; i++)
		if (strcasestr(process->argv[i], "PKCS11Provider") != NULL)
			return TRI_YES;
	return process->argv == NULL || process->argv_cut ? TRI_UNKNOWN : TRI_NO;
}

static void read_environ(struct caller *caller, struct subject *subject,
                         const struct env_names *names) {
	char buffer[ENVIRON_LEN_MAX];
	enum tri preloaded = names_a_library(&caller->process);
	struct bytes texts, path;
	bool is_known = subject_environ(&texts, subject, buffer, sizeof(buffer)) == 0;

	if (is_known) {
		environment_take(caller, texts, names);
		path = environment_get(texts, "PATH");
		if (environment_preloads(texts))
			preloaded = TRI_YES;
	} else if (preloaded == TRI_NO) {
		preloaded = TRI_UNKNOWN;
	}
	mark(caller, INTEGRITY_PRELOADED, preloaded);
	mark(caller, INTEGRITY_ARGV_MISMATCH,
	     subject_argv_mismatch(subject, caller, is_known ? &path : NULL));
}

void caller_mark_sessions(struct caller *caller) {
	for (size_t i = 0; i + 1 < caller->n_ancestors; i++) {
		struct process *process = &caller->ancestors[i];
		const struct process *parent = &caller->ancestors[i + 1];

		if (process->exe == NULL && parent->foreign && parent->pid > 1)
			process->foreign = true;
	}
}

/* After all else that is believed because of the executable: from here back to the message it has
 * been the same image. An exec shows the new file before it closes what is to be closed, and a flush
 * can keep it there for as long as somebody likes; the connection is then still held by what the old
 * image left. Arguments are in place only after that, and they were read later than the file. */
static void check_connection(struct caller *caller, struct subject *subject,
                             const struct peer *peer) {
	enum tri held = caller->process.argc > 0
	                        ? subject_holds_connection(subject, peer->connection)
	                        : TRI_UNKNOWN;

	if (held != TRI_YES)
		caller->integrity |= INTEGRITY_FD_INHERITED;
	if (held == TRI_UNKNOWN)
		caller->integrity_unknown |= INTEGRITY_FD_INHERITED;
}

/* NULL: identified. Asked after all else was read. */
static const char *why_not_identified(const struct peer *peer, const struct caller *caller,
                                      struct subject *subject, pid_t parent) {
	enum tri same = subject_same_namespaces(subject);
	pid_t parent_now;
	int error = subject_again(&parent_now, subject, &caller->process);

	if (error == -ESRCH || error == -ESTALE || !platform_peer_alive(peer))
		return "caller-changed";
	if (error < 0 || same != TRI_YES)
		return "caller-unknown";
	/* Its parent died while we read, and another took the child on. */
	if (parent_now != parent)
		return "caller-changed";
	return peer->uid == geteuid() ? NULL : "other-uid";
}

/* All that there is to read; returns the reason why it is not identified, NULL where it is. */
static const char *read_all(struct caller *caller, const struct view *view, struct kin *kin,
                            const struct peer *peer, const struct env_names *names) {
	CLEANUP(close_subject) struct subject *subject = NULL;
	pid_t parent = 0;
	int error = subject_open(&subject, view, peer->pid);

	if (error == 0)
		error = subject_process(&caller->process, &parent, subject);
	if (error < 0)
		return error == -ESRCH ? "caller-changed" : "caller-unknown";
	subject_caller_facts(caller, subject);
	read_unit(caller);
	read_environ(caller, subject, names);
	read_ancestors(caller, kin, subject, parent);
	caller_mark_sessions(caller);
	presence_decide(caller, subject_login_presence(subject, caller));
	check_connection(caller, subject, peer);
	return why_not_identified(peer, caller, subject, parent);
}

int caller_read_with(struct caller **ret, const struct view *view, struct kin *kin,
                     const struct peer *peer, const struct env_names *names) {
	CLEANUP(free_caller) struct caller *caller = NULL;
	int error = caller_new_unknown(&caller, peer, "caller-unknown");

	if (error < 0)
		return error;
	if (peer->known) {
		caller->ancestors = calloc(ANCESTORS_MAX, sizeof(*caller->ancestors));
		if (caller->ancestors == NULL)
			return -ENOMEM;
		caller->reason = read_all(caller, view, kin, peer, names);
		if (caller->reason == NULL)
			caller->state = CALLER_IDENTIFIED;
	}
	*ret = TAKE(caller);
	return 0;
}

int caller_read(struct caller **ret, const struct view *view, const struct peer *peer,
                const struct env_names *names) {
	struct kin *kin;
	int error = kin_new(&kin, view);

	if (error < 0)
		return error;
	error = caller_read_with(ret, view, kin, peer, names);
	kin_free(kin);
	return error;
}
