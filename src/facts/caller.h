/*
 * The process that wrote one message, as verified for that message. Made by caller/, const from
 * there on. A NULL text, or a list whose known flag is false, is a fact that could not be learned.
 */
#ifndef FACTS_CALLER_H
#define FACTS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "facts/tri.h"

#define ANCESTORS_MAX 32

struct process {
	pid_t pid;
	/* In the system's own unit: Linux counts clock ticks since boot (proc(5), stat, field 22),
	 * macOS microseconds since 1970. 0: unknown. */
	uint64_t start_ticks;
	int64_t started_us; /* since 1970, for people: the clock may have been set since. 0: unknown */
	char *exe;   /* path of the executable, as we see it too; NULL: unknown */
	char *name;  /* base name of exe; NULL where exe is */
	char *title; /* what it calls itself (comm): a claim; NULL: unknown */
	char **argv; /* argc texts and a NULL: a claim; NULL: unknown */
	size_t argc;
	bool argv_cut; /* argv was longer than we read */
	/* It runs as another user, mostly root, or was made by one that does (sshd, for a session),
	 * so that its exe cannot be read: no program that this account started as itself. */
	bool foreign;
};

/* What speaks against taking a caller for what its executable says. Each is a bit. */
enum integrity {
	INTEGRITY_TRACED = 1 << 0,        /* a tracer is attached */
	INTEGRITY_PRELOADED = 1 << 1,     /* its environment puts foreign code into it */
	INTEGRITY_DELETED_EXE = 1 << 2,   /* its executable has no name any more */
	INTEGRITY_WRITABLE_EXE = 1 << 3,  /* the executable or its directory can be written */
	INTEGRITY_ARGV_MISMATCH = 1 << 4, /* argv[0] names another program */
	INTEGRITY_FD_PASSED = 1 << 5,     /* another process made the connection */
	INTEGRITY_FD_INHERITED = 1 << 6,  /* an earlier image of it may have written: it does not
	                                     hold the connection close-on-exec, or may not be
	                                     looked at. An exe or argv is then no proof. */
};
#define INTEGRITY_COUNT 7

static inline const char *integrity_name(enum integrity mark) {
	switch (mark) {
	case INTEGRITY_TRACED: return "traced";
	case INTEGRITY_PRELOADED: return "preloaded";
	case INTEGRITY_DELETED_EXE: return "deleted-exe";
	case INTEGRITY_WRITABLE_EXE: return "writable-exe";
	case INTEGRITY_ARGV_MISMATCH: return "argv-mismatch";
	case INTEGRITY_FD_PASSED: return "fd-passed";
	case INTEGRITY_FD_INHERITED: return "fd-inherited";
	}
	return "invalid";
}

/* Kinds of namespaces in which a caller may stand apart from us. Each is a bit. */
enum apart {
	APART_CGROUP = 1 << 0,
	APART_IPC = 1 << 1,
	APART_MNT = 1 << 2,
	APART_NET = 1 << 3,
	APART_PID = 1 << 4,
	APART_USER = 1 << 5,
	APART_UTS = 1 << 6,
};
#define APART_COUNT 7

static inline const char *apart_name(enum apart kind) {
	switch (kind) {
	case APART_CGROUP: return "cgroup";
	case APART_IPC: return "ipc";
	case APART_MNT: return "mnt";
	case APART_NET: return "net";
	case APART_PID: return "pid";
	case APART_USER: return "user";
	case APART_UTS: return "uts";
	}
	return "invalid";
}

/* Where the person is to whose login session the caller belongs. */
enum presence {
	PRESENCE_UNKNOWN,
	PRESENCE_LOCAL,
	PRESENCE_REMOTE,
	PRESENCE_LOCKED, /* at this machine, but the screen is locked */
};

static inline const char *presence_name(enum presence presence) {
	switch (presence) {
	case PRESENCE_UNKNOWN: return "unknown";
	case PRESENCE_LOCAL: return "local";
	case PRESENCE_REMOTE: return "remote";
	case PRESENCE_LOCKED: return "locked";
	}
	return "invalid";
}

enum caller_state {
	CALLER_UNKNOWN,    /* nothing could be proved: reason says why */
	CALLER_IDENTIFIED, /* live process, uid, PID and user namespace (ours) are known */
};

/* What a file is told by: no two files, and no two contents of one, have all of it in common. */
struct file_state {
	uint64_t device, inode, size;
	int64_t modified_ns, changed_ns;
};

static inline bool file_state_equal(const struct file_state *a, const struct file_state *b) {
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

struct caller {
	enum caller_state state;
	/* Why not identified: a reason of the contract ("caller-unknown", "caller-changed",
	 * "caller-unreadable", "mixed-writers", "other-uid"); NULL where identified. Static text.
	 */
	const char *reason;
	/* uid and gid are (uid_t)-1 where the kernel named no writer; pid is 0 then. */
	uid_t uid;
	gid_t gid;
	struct process process;
	uint64_t age_ms; /* since the process started; 0 where unknown */
	enum tri has_terminal;
	unsigned terminal; /* the system's number of it; 0: there is none, or it tells none */
	char *cwd;                 /* NULL: unknown */
	char *cgroup;              /* the unified hierarchy's path; NULL: unknown */
	struct process *ancestors; /* nearest first, the caller itself left out; owned */
	size_t n_ancestors;
	/* Up to PID 1 or ANCESTORS_MAX deep. false: an ancestor could not be read, the list is
	 * short. */
	bool ancestors_known;
	/* Those of its environment's variables that were asked for, each "NAME=VALUE", in the order
	 * of its environment, n_env and a NULL: claims. A name that is not there is not set. NULL:
	 * the environment could not be read, is too long, or has one of them twice and not the
	 * same, so nothing is known of any. */
	char **env;
	size_t n_env;
	bool env_cut;           /* others may be set, too: never of a live caller */
	unsigned apart;         /* an OR of enum apart: namespaces that are not ours */
	unsigned apart_unknown; /* those that could not be compared */
	enum presence presence;
	const char *presence_evidence; /* static: "logind", "environment", "ancestors", "screen";
	                                  NULL: none decided */
	char *unit;            /* systemd's, from cgroup: "" where there is none; NULL: unknown */
	struct file_state exe_id; /* of its executable, where exe is known */
	char *exe_sha256;      /* of that, hexadecimal; NULL: unknown, or no policy asks for it */
	char *tmux_window;     /* "" where it is in none; NULL: unknown */
	char *tmux_pane;       /* as "%3", where tmux has said that it has it; "" and NULL as above */
	unsigned integrity;    /* marks that were seen, an OR of enum integrity */
	unsigned integrity_unknown; /* marks that could not be looked for */
	/* The process that connected, where it is another one than the writer; else 0. */
	pid_t connector_pid;
	/* What ties the message to the process: static, "connect" where the system tells only which
	 * process used the connection last (macOS); NULL where it names who wrote the message. */
	const char *evidence;
};

/* Of one that has no PID here at all, because its PID namespace is another, the kernel names none.
 */
static inline bool caller_is_unseen(const struct caller *caller) {
	return caller->state == CALLER_UNKNOWN && caller->process.pid == 0 &&
	       caller->reason != NULL && strcmp(caller->reason, "caller-unknown") == 0;
}

/* Whether it lives among processes, files or users that are not ours. */
static inline enum tri caller_is_apart(const struct caller *caller) {
	const unsigned kinds = APART_MNT | APART_PID | APART_USER;

	if (caller_is_unseen(caller) || (caller->apart & kinds) != 0)
		return TRI_YES;
	if (caller->state == CALLER_UNKNOWN || (caller->apart_unknown & kinds) != 0)
		return TRI_UNKNOWN;
	return TRI_NO;
}

/* Whether it runs in a PID namespace of its own. */
static inline enum tri caller_is_in_container(const struct caller *caller) {
	if (caller_is_unseen(caller) || (caller->apart & APART_PID) != 0)
		return TRI_YES;
	if (caller->state == CALLER_UNKNOWN || (caller->apart_unknown & APART_PID) != 0)
		return TRI_UNKNOWN;
	return TRI_NO;
}

#endif
