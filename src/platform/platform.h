/*
 * The one interface that an operating system must give. Each OS answers it in files of its own,
 * picked by the build file; one that we do not know does not build.
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "facts/caller.h"

/* Who wrote these bytes, as the kernel says. */
struct peer {
	bool known; /* false: the kernel named nobody that we can see; the rest is then void */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd; /* owned; -1 where the kernel has none (Linux before 6.5) */
};

void peer_deinit(struct peer *peer); /* closes pidfd; a deinitialised peer is an unknown one */

/* Whether both name the same writer. An unknown peer equals none, not even itself. */
bool peer_same(const struct peer *a, const struct peer *b);

/* Asks the kernel to name writers. Call it for a listener before listen(), and again for each
 * accepted socket: with socket activation the first client may have written before either. */
int platform_identify_writers(int socket_fd) MUST_CHECK;

/* One recvmsg() that never waits. Bytes of two writers never come glued together. *ret_len is 0 at
 * the end of the stream. Descriptors that a client sends along are closed. *ret_writer is handed
 * over, and unknown where credentials are missing, cut, or of another PID namespace.
 * -EAGAIN: nothing there. */
int platform_read(struct peer *ret_writer, int socket_fd, void *buffer, size_t size,
		  size_t *ret_len) MUST_CHECK;

/* The process that connected this socket, without a pidfd; for the other end of a connection that
 * we made, the process that listens. */
int platform_connector(struct peer *ret_peer, int socket_fd) MUST_CHECK;

/* Fills *ret (handed over, see process_deinit() in caller/) as far as it can be learned, with at
 * most argv_len_max bytes of argv, and *ret_parent with the parent's PID (0: none). Blocks for as
 * long as the caller's malice lasts (design, fact 13): only the reader process may call it. -ESRCH:
 * no such process. */
int platform_process(struct process *ret, pid_t *ret_parent, pid_t pid,
		     size_t argv_len_max) MUST_CHECK;

/* What is read of the caller alone: *caller gets has_terminal, cwd, cgroup and age_ms. Blocks, as
 * platform_process(). */
void platform_caller_facts(struct caller *caller);

/* Start time in the unit of struct process, a cheap read that cannot be answered by a successor of
 * the same PID. -ESRCH: gone. Blocks, as platform_process(). */
int platform_start_ticks(uint64_t *ret, pid_t pid) MUST_CHECK;

/* Whether the peer's process is in our user and PID namespaces. Blocks, as platform_process(). */
enum tri platform_same_namespaces(const struct peer *peer);

/* Whether the process behind the peer still runs. true where there is no pidfd to tell. */
bool platform_peer_alive(const struct peer *peer);

/* Whether a child of ours waits for nothing but a processor. Does not block: only another's exec can
 * make this read wait, and a child of ours makes none. */
bool platform_is_runnable(pid_t child);

/* A set of sockets that tells who has hung up, also while nobody reads from or writes to them. A
 * half-closed client has not. */
struct hangups;
int hangups_new(struct hangups **ret) MUST_CHECK;
void hangups_free(struct hangups *hangups);
int hangups_fd(const struct hangups *hangups); /* readable when hangups_next() has something */
/* data comes back from hangups_next(), once. Closing the descriptor takes it out of the set. */
int hangups_add(struct hangups *hangups, int socket_fd, void *data) MUST_CHECK;
/* The next one that hung up, NULL when there is none. Never waits. */
void *hangups_next(struct hangups *hangups);

/* The user's runtime directory (contract: RUNTIME), owned by the caller. It need not exist. */
int platform_runtime_directory(char **ret) MUST_CHECK;

/* Closes every descriptor but standard error and that one. */
void platform_close_others(int keep_fd);

/* A child dies with us: called in the child, before exec. parent is who must still be alive. */
int platform_die_with_parent(pid_t parent) MUST_CHECK;

/* Opens a copy of the program at the absolute path that no set-id bit adheres to, sealed, and
 * readable by nobody where the system can do that, close-on-exec, for fexecve(). -EACCES: it
 * belongs to somebody else, or others may write to it. -EINVAL: no regular file. -EPERM: the
 * system forbids executable memory files (vm.memfd_noexec). */
int platform_program_image(int *ret_fd, const char *path) MUST_CHECK;

/* No tracing, no core dumps. */
int platform_harden_process(void) MUST_CHECK;

#endif
