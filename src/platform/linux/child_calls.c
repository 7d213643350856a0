/*
 * A child's own filter, on top of the guard's: each call must pass both. The guard's is wide
 * because programs inherit it that the guard starts; a child of ours that starts none needs none of
 * that.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "platform/child.h"
#include "platform/linux/calls.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Newer than the library that this may be built with; the same on all that Linux runs on but alpha,
 * for which this is not. */
#define FCHMODAT2      452
#define SETXATTRAT     463
#define REMOVEXATTRAT  466
#define OPEN_TREE_ATTR 467
#define FILE_SETATTR   469

/* Other programs, and other surroundings. */
static const int programs[] = {
	SCMP_SYS(execve),        SCMP_SYS(execveat), SCMP_SYS(unshare),  SCMP_SYS(setns),
	SCMP_SYS(fsopen),        SCMP_SYS(fspick),   SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
	SCMP_SYS(mount_setattr), OPEN_TREE_ATTR,
};

static const int sockets[] = {
	SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),
	SCMP_SYS(listen), SCMP_SYS(accept),     SCMP_SYS(accept4),
};

/* What changes a file or directory by its name, or what is said of it. */
static const int changes[] = {
	SCMP_SYS(creat),
	SCMP_SYS(truncate),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chown),
	SCMP_SYS(fchown),
	SCMP_SYS(lchown),
	SCMP_SYS(fchownat),
	SCMP_SYS(setxattr),
	SCMP_SYS(lsetxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(utimensat),
	SCMP_SYS(lremovexattr),
	SCMP_SYS(fremovexattr),
	SCMP_SYS(utime),
	SCMP_SYS(utimes),
	SCMP_SYS(futimesat),
	FCHMODAT2,
	SETXATTRAT,
	REMOVEXATTRAT,
	FILE_SETATTR,
};

static int forbid(scmp_filter_ctx filter, const int *calls, size_t count) {
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return error;
}

/* A flag in that argument. */
static int forbid_flag(scmp_filter_ctx filter, int call, unsigned argument, scmp_datum_t mask,
                       scmp_datum_t flags) {
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
	                        SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, flags));
}

/* clone3() has its flags where no filter sees them; the C library does without where it is not
 * there. */
static int forbid_namespaces(scmp_filter_ctx filter) {
	static const scmp_datum_t flags[] = {CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
	                                     CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
	                                     CLONE_NEWCGROUP};
#if defined(__s390__)
	const unsigned flags_at = 1;
#else
	const unsigned flags_at = 0;
#endif
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; error == 0 && i < N(flags); i++)
		error = forbid_flag(filter, SCMP_SYS(clone), flags_at, flags[i], flags[i]);
	return error;
}

/* openat2() has its flags out of sight as well, and is needed: whoever has taken a child over can
 * still write to files by it. */
static int forbid_writing_opens(scmp_filter_ctx filter) {
	static const struct {
		scmp_datum_t mask, flags;
	} writing[] = {
		{O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}};
	int error = 0;

	for (size_t i = 0; error == 0 && i < N(writing); i++) {
		error = forbid_flag(filter, SCMP_SYS(openat), 2, writing[i].mask, writing[i].flags);
		if (error == 0)
			error = forbid_flag(filter, SCMP_SYS(open), 1, writing[i].mask,
			                    writing[i].flags);
	}
	return error;
}

int child_limit(unsigned limits) {
	CLEANUP(calls_free) scmp_filter_ctx filter = NULL;
	bool has_one = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
	int error;

	/* For our own architecture alone: nothing else of ours runs here, and calls of another one
	 * end the process. */
	filter = seccomp_init(SCMP_ACT_ALLOW);
	error = filter != NULL ? 0 : -ENOMEM;
	if (error == 0 && (limits & CHILD_NO_PROGRAMS) != 0)
		error = forbid(filter, programs, N(programs));
	if (error == 0 && (limits & CHILD_NO_PROGRAMS) != 0)
		error = forbid_namespaces(filter);
	if (error == 0 && (limits & CHILD_NO_SOCKETS) != 0)
		error = forbid(filter, sockets, N(sockets));
	if (error == 0 && (limits & CHILD_NO_CHANGES) != 0)
		error = forbid(filter, changes, N(changes));
	if (error == 0 && (limits & CHILD_NO_CHANGES) != 0)
		error = forbid_writing_opens(filter);
	if (error == 0)
		error = seccomp_load(filter);
	/* Where the guard's own filter could not be loaded either, it has said so, and goes on. */
	return error < 0 && has_one ? error : 0;
}
