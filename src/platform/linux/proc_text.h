/*
 * Texts of /proc taken apart. The kernel writes their frame and the process its contents, so each
 * byte is a stranger's. Bytes in, facts out: no system calls here.
 */
#ifndef PLATFORM_LINUX_PROC_TEXT_H
#define PLATFORM_LINUX_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define PROC_ADDRESSES 10

struct proc_stat {
	struct bytes title; /* comm, a view into the text; holds whatever the process likes */
	char state;         /* 'R', 'S', 'Z' ... */
	pid_t parent;       /* 0: none that we can see */
	int tty;            /* the device number of its controlling terminal; 0: none */
	uint64_t start_ticks;
	/* Where code, data, heap, stack, arguments and environment lie; an exec mostly moves them.
	 * Zeros where we may not know, or the text ends before. */
	uint64_t addresses[PROC_ADDRESSES];
};

/* /proc/PID/stat. -EBADMSG. */
int proc_stat_parse(struct proc_stat *ret, struct bytes text) MUST_CHECK;

struct proc_status {
	uid_t uids[4]; /* real, effective, saved, of the file system */
	pid_t tracer;  /* 0: nobody traces it, or somebody whom we cannot see */
	/* In how many PID namespaces it has a number, from that of /proc inwards. 1: in ours alone;
	 * 0: the kernel does not say. */
	unsigned pid_namespaces;
	pid_t parent;           /* 0: none that we can see */
	bool filters_calls;     /* by seccomp, see seccomp(2) */
	bool no_new_privileges; /* see prctl(2) */
};

/* /proc/PID/status; all of its lines must be there. -EBADMSG. */
int proc_status_parse(struct proc_status *ret, struct bytes text) MUST_CHECK;

/* /proc/PID/cgroup: the path in the unified hierarchy, a view into the text. -ENOENT: it has none
 * there. */
int proc_cgroup_parse(struct bytes *ret, struct bytes text) MUST_CHECK;

/* The length of cmdline to keep where it fills its buffer of size: whole texts alone, unless it is
 * a single one. */
size_t proc_cmdline_keep(struct bytes cmdline, size_t size);

/* What a link of /proc names, if it is an absolute path of a file that still has it. The kernel
 * says otherwise by "(unreachable)" in front, or " (deleted)" behind, which a file may also really
 * be called: then we do not know. */
bool proc_link_is_path(struct bytes link);

/* /proc/PID/fdinfo/N: whether the descriptor is close-on-exec. -EBADMSG. */
int proc_fdinfo_parse(bool *ret_cloexec, struct bytes text) MUST_CHECK;

/* /proc/PID/schedstat: for how long it ran, and waited for a processor. -EBADMSG. */
int proc_schedstat_parse(uint64_t *ret_ran_ns, uint64_t *ret_waited_ns,
                         struct bytes text) MUST_CHECK;

/* What a link of /proc/PID/fd says, if it is a socket's: its inode; else 0. */
uint32_t proc_socket_inode(struct bytes link);

/* The base name of an absolute path, a view into it. */
struct bytes proc_base_name(struct bytes path);

#endif
