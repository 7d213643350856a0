/*
 * The one interface that an operating system must give. Each OS answers it in files of its own,
 * picked by the build file; one that we do not know does not build.
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/caller.h"

/* Our end of a connection, so that another process can find out who holds the other one. */
struct connection_id {
	uint32_t inode; /* 0: unknown */
	uint64_t cookie;
};

/* Who wrote these bytes, as the kernel says. */
struct peer {
	bool known; /* false: the kernel named nobody that we can see; the rest is then void */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd; /* owned; -1 where the kernel has none (Linux before 6.5) */
	/* A number that the process shares with none before or after it; 0: the system has none.
	 * Whoever has it need not keep the pidfd for peer_same(). */
	uint64_t unique;
	/* It is known by the connection: it used the other end last, and may not have written. */
	bool by_connection;
	struct connection_id connection; /* that the bytes came by; not looked at by peer_same() */
};

#define PEER_UNKNOWN ((struct peer){.pidfd = -1})

/* Closes pidfd, if the peer is known; a deinitialised peer is an unknown one. */
void peer_deinit(struct peer *peer);

/* Whether both name the same writer. An unknown peer equals none, not even itself. */
bool peer_same(const struct peer *a, const struct peer *b);

/* Descriptors that no program which we start gets (close-on-exec). Of those that never wait, reads
 * and writes fail with EAGAIN instead. */
int platform_socket(int *ret_fd, bool waits) MUST_CHECK;      /* of the local kind, a stream */
int platform_accept(int *ret_fd, int listener_fd) MUST_CHECK; /* never waits */
int platform_pipe(int ret_fds[2], bool waits) MUST_CHECK;
/* Two ends that wait, for us and our child: each message arrives whole, or not at all. */
int platform_message_pair(int ret_fds[2]) MUST_CHECK;
int platform_send_message(int fd, struct bytes message) MUST_CHECK;
/* 0 and *ret_len 0: the other end is gone. -EAGAIN: nothing there, of an end that does not wait.
 * What is longer than the buffer is cut, or an error. */
int platform_receive_message(size_t *ret_len, int fd, void *buffer, size_t size) MUST_CHECK;

/* For datagrams of the local kind that never wait, and one to whoever listens there. as_file: one
 * that is too long goes as a sealed file, as journald takes it. -EAGAIN: it takes none by now. */
int platform_datagram_socket(int *ret_fd) MUST_CHECK;
int platform_send_datagram(int fd, const struct sockaddr_un *to, struct bytes bytes,
                           bool as_file) MUST_CHECK;

/* Asks the kernel to name writers. Call it for a listener before listen(), and again for each
 * accepted socket: with socket activation the first client may have written before either. */
int platform_identify_writers(int socket_fd) MUST_CHECK;

/* One recvmsg() that never waits. Bytes of two writers never come glued together. *ret_len is 0 at
 * the end of the stream. Descriptors that a client sends along are closed. *ret_writer is handed
 * over, and unknown where credentials are missing, cut, or of another PID namespace.
 * -EAGAIN: nothing there. */
int platform_read(struct peer *ret_writer, int socket_fd, void *buffer, size_t size,
                  size_t *ret_len) MUST_CHECK;

/* The process that connected this socket; for the other end of a connection that we made, the
 * process that listens. */
int platform_connector(struct peer *ret_peer, int socket_fd) MUST_CHECK;

/* Which file the name below dir_fd is, if it is a socket on which this process listens.
 * Takes a connection, which ends at once. -ESTALE: it is another one. */
int platform_own_listener(struct stat *ret, int dir_fd, const char *name) MUST_CHECK;

/* The process with this PID as if it were a writer, for tools that look at one: nothing shows that
 * it wrote anything. Its group is not looked up: gid is (gid_t)-1. -ESRCH: no such process. Blocks,
 * as below. */
int platform_peer_of(struct peer *ret, pid_t pid) MUST_CHECK;

/* Whether the peer's process runs the same file as this one. Unknown where it lets nobody look.
 * Blocks, as below: for tools. */
enum tri platform_runs_our_program(const struct peer *peer);
/* The path of our own executable, owned by the caller; of an image, that of the file which it is a
 * copy of, as it was told. */
#define PLATFORM_TOLD_PROGRAM "SSH_AGENT_GUARD_PROGRAM" /* set for the image */
int platform_own_program(char **ret) MUST_CHECK;

/* A descriptor by which platform_process_lives() tells whether the process that now has this PID
 * lives; never blocks. -ESRCH: there is none. */
int platform_process_watch(int *ret_fd, pid_t pid) MUST_CHECK;
bool platform_process_lives(int watch_fd);

/* From where a process reads others: its own namespaces, looked up once. */
struct view;
int view_new(struct view **ret) MUST_CHECK;
void view_free(struct view *view);

/* Of an open file, what is to be compared with a caller's exe_id. */
int platform_file_state(struct file_state *ret, int fd) MUST_CHECK;

/*
 * One process, opened to be read: as long as it is open, everything is read of that one, never of
 * a successor with its PID. All of this blocks for as long as the malice of the process lasts
 * (design, fact 13): only the reader process may call it.
 */
struct subject;
int subject_open(struct subject **ret, const struct view *view, pid_t pid) MUST_CHECK;
void subject_close(struct subject *subject); /* NULL is fine */

/* Fills *ret (handed over, see process_deinit() in caller/) as far as it can be learned, and
 * *ret_parent with the parent's PID (0: none). -ESRCH: it has ended. */
int subject_process(struct process *ret, pid_t *ret_parent, struct subject *subject) MUST_CHECK;

/* Whether all that subject_process() has said of it before, which was *process, still holds, so
 * that it need not be read again: it is the same image, of the same file, with the same arguments
 * and title. *ret_parent is its parent now. false where that cannot be told as well. */
bool subject_unchanged(pid_t *ret_parent, struct subject *subject,
                       const struct process *process) MUST_CHECK;

/* Reads again what proves that the subject is still what *process says, and *ret_parent, its parent
 * now. -ESRCH: it has ended. -ESTALE: it runs another executable. */
int subject_again(pid_t *ret_parent, struct subject *subject,
                  const struct process *process) MUST_CHECK;

/* What is read of the caller alone: *caller gets has_terminal, cwd, cgroup, age_ms, apart and
 * apart_unknown (all that we do not compare with ours; of a system without namespaces 0), and the
 * marks traced, deleted-exe and writable-exe. To be called after subject_process() has filled
 * caller->process. */
void subject_caller_facts(struct caller *caller, struct subject *subject);

/* Where its person is, as the system's login manager knows; PRESENCE_UNKNOWN where there is none,
 * or it does not know. To be called after subject_caller_facts(). */
enum presence subject_login_presence(const struct subject *subject, const struct caller *caller);

/* Its environment, as a view into buffer: texts with a NUL behind each, as its program was given
 * them, or has written over them since. -E2BIG: it fills the buffer. -ESRCH: it has ended, or is
 * between two images. */
int subject_environ(struct bytes *ret, struct subject *subject, void *buffer,
                    size_t size) MUST_CHECK;

/* Whether its argv[0] names, by path and by links, another file than its executable. *path is the
 * PATH of its environment, its data NULL where there is none; path is NULL where that is not known.
 * To be called after subject_caller_facts(). */
enum tri subject_argv_mismatch(const struct subject *subject, const struct caller *caller,
                               const struct bytes *path);

/* Whether it is in our user and PID namespaces. */
enum tri subject_same_namespaces(struct subject *subject);

/* Whether its present image made, or itself took on, its end of the connection: it holds it, and
 * every descriptor of it is close-on-exec, which none is that an earlier image left open. */
enum tri subject_holds_connection(struct subject *subject, struct connection_id connection);

/* Start time in the unit of struct process. -ESRCH: gone. Blocks, as above. */
int platform_start_ticks(uint64_t *ret, pid_t pid) MUST_CHECK;

/* What a process keeps from the other programs of its user, found out by trying from here: for tools.
 * Blocks, as above. -ENOSYS: this system has nothing to try. */
struct keeping {
	const char *taken; /* what of it could be taken; static; NULL: nothing */
	bool filters_calls, no_new_privileges;
};
int platform_try_to_take(struct keeping *ret, pid_t pid) MUST_CHECK;
/* The child of that process with this argv[0]. -ESRCH: there is none. */
int platform_child_called(pid_t *ret, pid_t parent, const char *name) MUST_CHECK;

/* Whether the peer's process lives: as long as it does, its PID is nobody else's. Without a pidfd,
 * whether any process has its PID. Never blocks. */
bool platform_peer_alive(const struct peer *peer);

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

/* Opens the terminal of that number (struct caller, terminal) to write to it, without waiting and
 * without making it ours; it may block all the same. -EPERM: it is another user's. -ENODEV: it has
 * no name here, or another one has its name. -ENOSYS: this system numbers none. */
int platform_terminal_open(int *ret_fd, unsigned terminal) MUST_CHECK;

/* For how long the machine has slept since it was started, to some milliseconds. */
uint64_t platform_slept_ns(void);

/* The user's runtime directory (contract: RUNTIME), owned by the caller. It need not exist. */
int platform_runtime_directory(char **ret) MUST_CHECK;

/* A child dies with us: called in the child, before exec. parent is who must still be alive. */
int platform_die_with_parent(pid_t parent) MUST_CHECK;

/* Whether a process has sent us this signal, and not a terminal, which sends one to the whole job. As
 * far as the system tells; for a handler. */
bool platform_signal_was_sent(int number, const siginfo_t *info);

/* The process that has sent us this signal, and its user, by the kernel's word and not by its own;
 * for a handler. 0: it does not say, as of one outside our PID namespace, or nobody has. */
pid_t platform_signal_sender(uid_t *ret_user, const siginfo_t *info);

/* What a child of ours has done so far, so that one which is slow is not taken for one which is
 * stuck. Never blocks for a child that is forked and executes nothing. */
struct child_time {
	bool wants_processor; /* it has one, or waits for one */
	uint64_t ran_ns;
	uint64_t waited_ns; /* for a processor, until it last got one */
};
int platform_child_time(struct child_time *ret, pid_t child) MUST_CHECK;

/* Closes every descriptor from first_fd on. For a forked child that must not keep what is ours. */
int platform_close_from(int first_fd) MUST_CHECK;

/*
 * A watch: *ret_fd becomes readable once any path that was put into it may lead to another file
 * than before, or to another content. It tells no more than that, so it is thrown away then. Paths
 * are put in by *ret_fill_fd, by a child that has inherited it; nobody else need keep that one.
 * -EMFILE: no more of them.
 */
int platform_watch_new(int *ret_fd, int *ret_fill_fd) MUST_CHECK;
/* Follows the path's links, and watches them, too. Something need not lie there. Blocks for as long
 * as its file systems do. Not 0 where a change might be missed: -ENOSPC: too many watches;
 * -EREMOTE: other machines may change it unseen. */
int platform_watch_path(int fill_fd, const char *path) MUST_CHECK;

/* Becomes readable when something is written into the directory or a file in it; what is read from
 * it means nothing else. -ENOSYS: the system does not tell. */
int platform_watch_writing(int *ret_fd, int dir_fd) MUST_CHECK;

/* Keeps every program from writing to the file that is open to be read there, until it is closed:
 * whoever opens it to write waits. -EAGAIN: one has it open to write already. Other errors: the
 * file or the system allows no leases. */
int platform_lease_read(int fd) MUST_CHECK;

/* Opens a copy of the program at the absolute path that no set-id bit adheres to, sealed, and
 * readable by nobody where the system can do that, close-on-exec, for platform_execute(). -EACCES:
 * it belongs to somebody else, or others may write to it. -EINVAL: no regular file. -EPERM: the
 * system forbids executable memory files (vm.memfd_noexec). */
int platform_program_image(int *ret_fd, const char *path) MUST_CHECK;
/* Becomes such a copy of its own program, with everything left out of its environment that puts
 * foreign code into a program: so whoever took hold of this process before it closed itself to
 * tracing has hold of one that is gone. Called first thing; name is what ps calls it. Returns 0 in
 * the copy, or why there can be none. */
int platform_become_image(char *const argv[], const char *name) MUST_CHECK;
/* The PID of the process that traces us; 0: none, or nobody can tell. */
pid_t platform_tracer(void);
/* Becomes that program; returns only where it cannot. For a forked child. */
int platform_execute(int image_fd, char *const argv[], char *const environment[]);

/* A private directory that no path leads to: nobody gets at what is in it without its descriptor,
 * which is close-on-exec. It lives for as long as that, or somebody's working directory there.
 * Takes about a millisecond. -EXDEV: our own user owns the namespace that we run in, so that it can
 * look into us. Other errors: the system does not give us one (user namespaces are forbidden, say).
 * For processes that no other one of the user can trace. */
int platform_hidden_directory(int *ret_fd) MUST_CHECK;

/* Takes the socket of that name out of its directory, and hold of it: as long as *ret_fd is open,
 * this process, and no other, can connect to *ret_path, which is owned by the caller. */
int platform_take_socket(int *ret_fd, char **ret_path, int dir_fd, const char *name) MUST_CHECK;

/* Makes a listener of that name in a directory to which no path need lead. Close-on-exec. */
int platform_listen_in(int *ret_fd, int dir_fd, const char *name) MUST_CHECK;

/* Whether programs of our own user can trace us whatever we do, because we run in a user namespace
 * that it owns. */
bool platform_user_owns_our_namespace(void);

/* Whether our own user can be told from others by number. In a user namespace that has no number for
 * it, it has the one by which all go who have none, root included. */
bool platform_tells_own_user(void);

/* What this system has to give, found out by trying. */
enum tracing { TRACING_UNKNOWN, TRACING_FREE, TRACING_RESTRICTED }; /* of a user's own programs */
struct system_facts {
	enum tri names_writers; /* of each message; else only who connected */
	enum tri has_pidfd;     /* of a peer */
	enum tri tells_holders; /* of a connection; else no caller's executable is believed */
	enum tri hides_directories;
	enum tracing tracing;
	int landlock_abi; /* 0: none */
	bool takes_profiles; /* exec is sandbox-exec there, and not bubblewrap */
};
void platform_system_facts(struct system_facts *ret);

/* Forbids this process, and all that it becomes, to change any file and to run or read much else
 * than the program, its libraries and what they need. Sockets can be connected to. -ENOSYS: this
 * system cannot do that. */
int platform_confine_to(const char *program) MUST_CHECK;
/* Forbids this process to run any program, and to open much else than devices and what tells of
 * them, for whoever speaks with a security key. -ENOSYS as above. */
int platform_confine_to_keys(void) MUST_CHECK;
/* The same for whoever has programs speak with one: images can be run (platform_program_image), and
 * their libraries read. */
int platform_confine_to_key_programs(void) MUST_CHECK;

/* Forbids this process, and all that it becomes, what a sandboxed program has no business with: to
 * change files elsewhere than below these directories, to signal processes and to reach abstract
 * sockets outside, and, where the system can do that (Linux 7.1), to connect to other sockets than
 * these that others have made. As much of it as the system has; -ENOSYS: nothing. */
struct platform_sandbox {
	const char *const *writable;
	size_t n_writable;
	const char *const *sockets; /* or directories of them */
	size_t n_sockets;
};
int platform_confine_sandbox(const struct platform_sandbox *sandbox) MUST_CHECK;
/* Forbids this process, and all that it becomes, what a program that shows a window has no business
 * with: to change any file, to read and run others than the system's and these, to signal other
 * processes, to use TCP unless its display is remote, and, where the system can do that (Linux
 * 7.1), to connect to other sockets than these and those that look names up. As much of it as the
 * system has; -ENOSYS: nothing. Of the paths, what is not there is left out. */
struct platform_window {
	const char *const *programs; /* or directories of them */
	size_t n_programs;
	const char *const *readable;
	size_t n_readable;
	const char *const *sockets;
	size_t n_sockets;
	bool is_remote;
};
int platform_confine_window(const struct platform_window *window) MUST_CHECK;
/* The version of Landlock that this system has; 0: it cannot confine a process. */
int platform_landlock_abi(void);
/* Landlock's, from which on it keeps a process from abstract sockets and from signalling others,
 * and from sockets with names. */
#define LANDLOCK_ABI_SCOPES  6
#define LANDLOCK_ABI_SOCKETS 9

/* What was written to the file outlasts a loss of power. Waits for the disk. */
int platform_flush(int fd) MUST_CHECK;

/* Where the system can dump a process without these pages, it will. */
void platform_leave_out_of_dumps(void *memory, size_t size);
/* Whether a child that is forked has a copy of these pages, or finds zeros or nothing there. As far
 * as the system can. */
void platform_leave_to_children(void *memory, size_t size, bool leave);

/* What the system calls an open file or directory now, wherever that was moved. Owned by the
 * caller. Looks no name up. */
int platform_path_of(char **ret, int fd) MUST_CHECK;

/* realpath(3), but as the system itself calls the place, where a file system takes more than one
 * spelling of it. Owned by the caller; NULL, and errno: why not. */
char *platform_real_path(const char *path);

/* Which file the name below dir_fd is, links not followed. Does not wait for the file system that
 * it is on. */
struct file_id {
	dev_t device;
	ino_t inode;
};
int platform_file_id(struct file_id *ret, int dir_fd, const char *name) MUST_CHECK;

/* A file in that directory that has no name until it is given one, 0600. One at a time; what never
 * got one is gone with its descriptor, or with the next one. */
int platform_unnamed_file(int *ret_fd, int dir_fd) MUST_CHECK;
int platform_name_file(int fd, int dir_fd, const char *name) MUST_CHECK; /* -EEXIST */

/* What is mounted over a path, or over a directory on the way there. */
struct mounts;
int mounts_new(struct mounts **ret, const char *path) MUST_CHECK;
void mounts_free(struct mounts *mounts);    /* NULL is fine */
int mounts_fd(const struct mounts *mounts); /* readable when it may have changed */
/* Whether that is other than at first. Never waits. */
bool mounts_are_others(struct mounts *mounts);

/* Whether root installed this program set-gid to a group of its own, and it runs as such: closed to
 * tracing, and to what its environment would load, from before its first instruction. */
bool platform_is_installed_closed(void);
/* Gives that group back for good, so that processes of the user can be looked at. */
int platform_leave_group(void) MUST_CHECK;
/* As any program is, where nothing is to be kept from its user. */
void platform_be_open(void);

/* No tracing, no core dumps. */
int platform_harden_process(void) MUST_CHECK;

/* From here on this process and its children get no new privileges, and EPERM for system calls that
 * they have no use for (see linux/calls.c). Negative: the system has no such filter. */
int platform_forbid_calls(void) MUST_CHECK;

/* From here on this process, and what it executes in its place, can start no other one: it hears
 * EAGAIN. Negative: that cannot be had. */
int platform_forbid_children(void) MUST_CHECK;

#endif
