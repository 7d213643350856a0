/* The texts of proc(5), parsed: bytes in, values out. What is in them may be of a stranger's
 * making: a process chooses its comm, with parentheses, spaces and newlines, and its argv. */
#ifndef PLATFORM_LINUX_PROC_TEXT_H
#define PLATFORM_LINUX_PROC_TEXT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/caller.h"

#define ARGV_LEN_MAX (64 * 1024) /* what an event can show is far less; a line may have 2 MiB */
#define ARGC_MAX     256

struct proc_stat {
	char state;
	pid_t parent;
	int terminal; /* tty_nr; 0: none */
	uint64_t start_ticks;
};

/* /proc/PID/stat. -EBADMSG. */
int proc_stat_parse(struct proc_stat *ret, struct bytes text) MUST_CHECK;

/* /proc/PID/cmdline, of which text may be the beginning only: into argv and argc of *process, which
 * has none yet, and argv_cut where there was more. -ENOMEM. */
int proc_argv_parse(struct process *process, struct bytes text) MUST_CHECK;

/* The path of the unified hierarchy ("0::/user.slice/...") in /proc/PID/cgroup; empty: none. */
struct bytes proc_cgroup_parse(struct bytes text);

#endif
