/*
 * What the kernel of macOS writes of a process, taken apart: structs of its headers by their
 * documented layout, which is the same on arm64 and x86-64 (layout.c holds it against the headers),
 * and the arguments, whose contents are the process's own. Bytes in, facts out: no system calls
 * here, so that all of it is built and tested on every system.
 */
#ifndef PLATFORM_DARWIN_KERNEL_BYTES_H
#define PLATFORM_DARWIN_KERNEL_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define DARWIN_TITLE_SIZE 33 /* pbi_name, and a NUL */

struct darwin_process {
	pid_t pid;
	pid_t parent; /* that of a traced process is its tracer */
	uid_t uid;    /* effective */
	bool ends;    /* a zombie, or about to be one */
	bool traced;
	bool has_terminal;
	uint64_t start_us; /* since 1970, by the clock of its start; an exec leaves it */
	char title[DARWIN_TITLE_SIZE];
};

/* struct proc_bsdinfo, of proc_pidinfo(PROC_PIDTBSDINFO): for processes of our own user. -EBADMSG.
 */
#define DARWIN_BSDINFO_SIZE 136
int darwin_bsdinfo_parse(struct darwin_process *ret, struct bytes info) MUST_CHECK;

/* struct kinfo_proc, of sysctl(KERN_PROC_PID): for all of them. Its title is shorter. -EBADMSG. */
#define DARWIN_KINFO_SIZE 648
int darwin_kinfo_parse(struct darwin_process *ret, struct bytes info) MUST_CHECK;

/* struct proc_uniqidentifierinfo, of proc_pidinfo(PROC_PIDUNIQIDENTIFIERINFO): the version of the
 * PID, which no process before or after has, and which each exec changes. -EBADMSG. */
#define DARWIN_IDENTIFIER_SIZE 56
int darwin_version_parse(uint32_t *ret, struct bytes info) MUST_CHECK;

/* audit_token_t. -EBADMSG: no token, or not of a process. */
#define DARWIN_TOKEN_SIZE 32
struct darwin_token {
	uid_t uid; /* effective */
	gid_t gid;
	pid_t pid;
	uint32_t version; /* as above */
};
int darwin_token_parse(struct darwin_token *ret, struct bytes token) MUST_CHECK;

/* struct proc_vnodepathinfo, of proc_pidinfo(PROC_PIDVNODEPATHINFO): the working directory, a view.
 * -ENOENT: it has no path. -EBADMSG. */
#define DARWIN_DIRECTORIES_SIZE 2352
int darwin_directory_parse(struct bytes *ret, struct bytes info) MUST_CHECK;

/* struct socket_fdinfo, of proc_pidfdinfo(PROC_PIDFDSOCKETINFO). The numbers stand for sockets, the
 * same for everybody who asks; 0: none. -ENOTSOCK: not of the local kind. -EBADMSG. */
#define DARWIN_SOCKET_SIZE 792
struct darwin_socket {
	uint64_t own, other; /* itself, and the one at the other end */
	bool close_on_exec;
};
int darwin_socket_parse(struct darwin_socket *ret, struct bytes info) MUST_CHECK;

/*
 * What sysctl(KERN_PROCARGS2) gives: the number of arguments; the path that was executed, and NULs
 * up to a word's end; then texts with a NUL behind each: arguments, environment, and some of the
 * system's own ("stack_guard=..."), which nothing divides from the environment. All but the number
 * lies in the process's own memory: claims.
 */
struct darwin_arguments {
	struct bytes argv; /* views, texts with a NUL behind each */
	bool argv_cut;     /* there were more than argv_len_max bytes */
	struct bytes
		environment; /* data is NULL: the kernel withholds it, as of Apple's programs */
};
/* -EBADMSG: there are fewer texts than arguments. */
int darwin_arguments_parse(struct darwin_arguments *ret, struct bytes arguments,
                           size_t argv_len_max) MUST_CHECK;

#endif
