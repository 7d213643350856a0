/*
 * The process that wrote one message, as verified for that message. Made by caller/, const from
 * there on. A NULL text, or a list whose known flag is false, is a fact that could not be learned.
 */
#ifndef FACTS_CALLER_H
#define FACTS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "facts/tri.h"

#define ANCESTORS_MAX 32

struct process {
	pid_t pid;
	uint64_t start_ticks; /* since boot, in clock ticks (proc(5), stat, field 22); 0: unknown */
	char *exe;	      /* path of the executable, as we see it too; NULL: unknown */
	char *name;	      /* base name of exe; NULL where exe is */
	char *title;	      /* what it calls itself (comm): a claim; NULL: unknown */
	char **argv;	      /* argc texts and a NULL: a claim; NULL: unknown */
	size_t argc;
	bool argv_cut; /* argv was longer than we read */
};

enum caller_state {
	CALLER_UNKNOWN,	   /* nothing could be proved: reason says why */
	CALLER_IDENTIFIED, /* live process, uid, PID and user namespace (ours) are known */
};

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
	char *cwd;		   /* NULL: unknown */
	char *cgroup;		   /* the unified hierarchy's path; NULL: unknown */
	struct process *ancestors; /* nearest first, the caller itself left out; owned */
	size_t n_ancestors;
	/* Up to PID 1 or ANCESTORS_MAX deep. false: an ancestor could not be read, the list is
	 * short. */
	bool ancestors_known;
	/* The process that connected, where it is another one than the writer; else 0. */
	pid_t connector_pid;
};

#endif
