#include "caller/tmux_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "caller/caller.h"
#include "platform/platform.h"

#define WORDS_MAX 24

static int add_directory(struct tmux_directories *directories, const char *above) {
	char **directory = &directories->paths[directories->n_paths];

	if (asprintf(directory, "%s/tmux-%lu", above, (unsigned long)geteuid()) < 0) {
		*directory = NULL;
		return -ENOMEM;
	}
	directories->n_paths++;
	return 0;
}

int tmux_directories_init(struct tmux_directories *directories) {
	const char *chosen = getenv("TMUX_TMPDIR");
	int error;

	*directories = (struct tmux_directories){0};
	error = add_directory(directories, "/tmp");
	if (error == 0 && chosen != NULL && chosen[0] == '/' && strcmp(chosen, "/tmp") != 0)
		error = add_directory(directories, chosen);
	if (error < 0)
		tmux_directories_deinit(directories);
	return error;
}

void tmux_directories_deinit(struct tmux_directories *directories) {
	for (size_t i = 0; i < directories->n_paths; i++)
		free(directories->paths[i]);
	*directories = (struct tmux_directories){0};
}

/* As tmux itself wants it: ours, and closed to all others, down from the root. */
int tmux_directory_check(const char *path) {
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

int tmux_server_find(char **ret, const char *directory, const char *socket) {
	CLEANUP(peer_deinit) struct peer peer = PEER_UNKNOWN;
	CLEANUP(close_fd) int fd = -1;
	int error = tmux_directory_check(directory);

	if (error == 0)
		error = connect_to(&fd, socket);
	if (error == 0)
		error = platform_connector(&peer, fd);
	return error < 0 ? error : look_at_server(ret, &peer);
}

void tmux_server_become_client(const char *program, const char *socket, const char *const words[]) {
	static const char *const first[] = {"tmux", "-u", "-S"};
	char path[] = "PATH=/usr/bin:/bin", term[] = "TERM=dumb", locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = {path, term, locale, NULL};
	const char *argv[WORDS_MAX + 5];
	size_t n = 0;

	for (; n < sizeof(first) / sizeof(first[0]); n++)
		argv[n] = first[n];
	argv[n++] = socket;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i == WORDS_MAX)
			return;
		argv[n++] = words[i];
	}
	argv[n] = NULL;
	if (platform_confine_to(program) == 0)
		execve(program, (char *const *)(uintptr_t)argv, environment);
}
