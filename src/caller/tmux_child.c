#include "caller/tmux_child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "caller/caller.h"
#include "platform/child.h"
#include "platform/platform.h"

/* As tmux itself wants it: ours, and closed to all others, down from the root. */
static int check_directory(const char *path) {
	CLEANUP(free_pointer) char *bad = NULL;
	CLEANUP(close_fd) int fd = -1;
	struct stat status;
	int error = directory_check(&fd, &bad, path);

	if (error < 0)
		return error;
	if (fstat(fd, &status) < 0)
		return -errno;
	return status.st_uid == geteuid() && (status.st_mode & 077) == 0 ? 0 : -EPERM;
}

static int connect_to(int *ret_fd, const char *path) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	int error = platform_socket(&fd, false);

	if (error < 0)
		return error;
	if (strlen(path) >= sizeof(address.sun_path) || lstat(path, &status) < 0 ||
	    !S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
		return -ENOTSOCK;
	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whether it runs tmux from a file that only root can change, and nothing speaks against it. */
static bool is_roots_tmux(const struct caller *server) {
	const unsigned marks = INTEGRITY_TRACED | INTEGRITY_DELETED_EXE | INTEGRITY_WRITABLE_EXE;

	return server->process.exe != NULL && server->process.name != NULL &&
	       strcmp(server->process.name, "tmux") == 0 &&
	       ((server->integrity | server->integrity_unknown) & marks) == 0 &&
	       (server->apart | server->apart_unknown) == 0;
}

static void close_subject(struct subject **subject) {
	subject_close(*subject);
}

static void free_view(struct view **view) {
	view_free(*view);
}

static void free_caller(struct caller **caller) {
	caller_free(*caller);
}

/* *ret is the executable of whoever listens there, if it is to be spoken with. */
static int look_at_server(char **ret, const struct peer *peer) {
	CLEANUP(free_view) struct view *view = NULL;
	CLEANUP(close_subject) struct subject *subject = NULL;
	CLEANUP(free_caller) struct caller *server = NULL;
	pid_t parent;
	int error = peer->known && peer->uid == geteuid() ? 0 : -EPERM;

	if (error == 0)
		error = caller_new_unknown(&server, peer, "caller-unknown");
	if (error == 0)
		error = view_new(&view);
	if (error == 0)
		error = subject_open(&subject, view, peer->pid);
	if (error == 0)
		error = subject_process(&server->process, &parent, subject);
	if (error < 0)
		return error;
	subject_caller_facts(server, subject);
	if (!is_roots_tmux(server) || subject_same_namespaces(subject) != TRI_YES ||
	    subject_again(&parent, subject, &server->process) < 0 || !platform_peer_alive(peer))
		return -EPERM;
	*ret = TAKE(server->process.exe);
	return 0;
}

/* The connection is made to learn who serves it, and nothing is said on it. */
static int find_server(char **ret_program, const struct tmux_claim *claim) {
	CLEANUP(peer_deinit) struct peer peer = PEER_UNKNOWN;
	CLEANUP(close_fd) int fd = -1;
	int error = check_directory(claim->directory);

	if (error == 0)
		error = connect_to(&fd, claim->socket);
	if (error == 0)
		error = platform_connector(&peer, fd);
	return error < 0 ? error : look_at_server(ret_program, &peer);
}

static void ask(const struct tmux_claim *claim) {
	CLEANUP(free_pointer) char *program = NULL;
	char name[] = "tmux", utf8[] = "-u", at[] = "-S", command[] = "display-message",
	     print[] = "-p", target[] = "-t",
	     format[] = "#{pane_id} #{session_name}:#{window_name}";
	char socket[TMUX_PATH_SIZE], pane[TMUX_PANE_SIZE];
	char *const argv[] = {name, utf8, at, socket, command, print, target, pane, format, NULL};
	char path[] = "PATH=/usr/bin:/bin", term[] = "TERM=dumb", locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = {path, term, locale, NULL};

	memcpy(socket, claim->socket, sizeof(socket));
	memcpy(pane, claim->pane, sizeof(pane));
	if (find_server(&program, claim) < 0 || dup2(CHILD_CHANNEL_FD, STDOUT_FILENO) < 0 ||
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0 || platform_confine_to(program) < 0)
		return;
	execve(program, argv, environment);
}

_Noreturn void tmux_child_run(int fd, const struct tmux_claim *claim, pid_t parent) {
	if (child_begin(fd, parent) == 0)
		ask(claim);
	_exit(1);
}
