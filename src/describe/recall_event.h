/* What stands in an event's document, taken apart for recall.c and its like. */
#ifndef DESCRIBE_RECALL_EVENT_H
#define DESCRIBE_RECALL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/caller.h"
#include "facts/destination.h"

/* The fields that are one value each; names are in recall_event.c, in the same order. */
enum told {
	TOLD_SEQ,
	TOLD_TIMESTAMP,
	TOLD_TRIGGER,
	TOLD_DECISION,
	TOLD_BRIEF,
	TOLD_REPEATED,
	TOLD_RULE,
	TOLD_REASON,
	TOLD_CALLER_REASON,
	TOLD_PROCESS_NAME,
	TOLD_PID,
	TOLD_UID,
	TOLD_EXE,
	TOLD_TITLE,
	TOLD_KEY,
	TOLD_KEY_TYPE,
	TOLD_SIGN_TYPE,
	TOLD_SSH_USER,
	TOLD_NAMESPACE,
	TOLD_DEST_KEY,
	TOLD_DEST_EVIDENCE,
	TOLD_SSH_DEST,
	TOLD_NAMES_MORE,
	TOLD_MISMATCH,
	TOLD_IS_KNOWN,
	TOLD_ACCEPTED,
	TOLD_GIT_OPERATION,
	TOLD_GIT_REPO,
	TOLD_IS_FORWARDED,
	TOLD_HOPS,
	TOLD_CWD,
	TOLD_CGROUP,
	TOLD_HAS_TERMINAL,
	TOLD_TREE_COMPLETE,
	TOLD_PRESENCE,
	TOLD_PRESENCE_EVIDENCE,
	TOLD_TMUX_WINDOW,
	TOLD_IS_AGENT,
	TOLD_ENDPOINT,
	TOLD_SHA256,
	TOLD_FLOOR_SHA256,
	TOLD_EXE_SHA256,
	TOLD_KEY_COMMENT,
};
#define TOLD_COUNT (TOLD_KEY_COMMENT + 1)

/* A process of local_proc_tree, as it stands there. */
struct told_process {
	struct buffer name, exe, title, command, argv0, script;
	bool has_name, has_exe, has_title, has_command, has_argv0, has_script;
	bool foreign;
};
#define TOLD_TREE_MAX (ANCESTORS_MAX + 1)

struct told_event {
	struct buffer texts[TOLD_COUNT]; /* each with a NUL behind it, where it is there */
	bool is_there[TOLD_COUNT];
	bool is_cut[TOLD_COUNT]; /* shortened, or with a NUL within, so that it is not the fact */
	struct buffer command;   /* arguments, each with a NUL behind it */
	size_t n_arguments, last_argument_at;
	bool has_command, command_is_cut;
	bool command_is_masked; /* from its last argument on (log/mask.h) */
	struct buffer env; /* NAME=VALUE, likewise; without those that are not shown */
	bool has_env, env_is_cut;
	struct buffer dest_names; /* likewise */
	bool dest_names_are_cut;
	unsigned known_by;
	unsigned integrity, integrity_unknown, apart, apart_unknown;
	struct told_process tree[TOLD_TREE_MAX];
	size_t n_tree;
	bool has_tree;
	bool is_strange; /* a word that this version does not know */
};

/* *ret is zeroed or was let go of. -EBADMSG: no document of the guard's form. -ENOMEM. */
int told_event_read(struct told_event *ret, struct bytes document) MUST_CHECK;
void told_event_deinit(struct told_event *told);

/* NULL where it is not there, or not whole. */
const char *told_text(const struct told_event *told, enum told which);
enum tri told_tri(const struct told_event *told, enum told which);

#endif
