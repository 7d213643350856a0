#include "agent/popup_child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "caller/tmux_clients.h"
#include "caller/tmux_server.h"
#include "platform/child.h"
#include "platform/platform.h"

#define SERVERS_MAX   8    /* of one user; others are not asked */
#define ENTRIES_MAX   64   /* looked at in a directory */
#define ANSWER_MAX    8192 /* a hundred clients */
#define ASK_MS        1000 /* a tmux that answers does so in 5 ms; a busy machine takes longer */
#define COMMAND_WORDS 8

/* A server, and the process of ours that asks it something. */
struct server {
	const char *directory;
	char socket[TMUX_PATH_SIZE];
	pid_t pid;
	int fd; /* -1: it has said all */
	uint8_t answer[ANSWER_MAX];
	size_t answer_len;
};

/* ---- asking ---- */

static _Noreturn void ask(const struct server *server, int fd, const char *const words[],
                          pid_t parent) {
	CLEANUP(free_pointer) char *program = NULL;

	if (platform_die_with_parent(parent) == 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
	    platform_close_from(CHILD_CHANNEL_FD) == 0 &&
	    tmux_server_find(&program, server->directory, server->socket) == 0)
		tmux_server_become_client(program, server->socket, words);
	_exit(1);
}

static int begin_to_ask(struct server *server, const char *const words[]) {
	pid_t parent = getpid();
	int pair[2];
	int error = platform_pipe(pair, true);

	if (error < 0)
		return error;
	server->pid = fork();
	if (server->pid == 0)
		ask(server, pair[1], words, parent);
	close(pair[1]);
	if (server->pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	server->fd = pair[0];
	server->answer_len = 0;
	return 0;
}

static void read_answer(struct server *server) {
	ssize_t len = read(server->fd, server->answer + server->answer_len,
	                   ANSWER_MAX - server->answer_len);

	if (len > 0)
		server->answer_len += (size_t)len;
	/* What fills the room is cut off. */
	if (len == 0 || (len < 0 && errno != EINTR) || server->answer_len == ANSWER_MAX)
		close_fd(&server->fd);
}

/* Until all have said all, or the time is over. One that has hung said nothing. */
static void hear(struct server *servers, size_t n_servers) {
	uint64_t until_ns = clock_mono_ns() + ASK_MS * UINT64_C(1000000);

	for (;;) {
		struct pollfd ready[SERVERS_MAX];
		uint64_t now_ns = clock_mono_ns();
		bool any = false;

		for (size_t i = 0; i < n_servers; i++) {
			ready[i] = (struct pollfd){.fd = servers[i].fd, .events = POLLIN};
			any = any || servers[i].fd >= 0;
		}
		if (!any || now_ns >= until_ns ||
		    (poll(ready, n_servers, (int)((until_ns - now_ns) / 1000000) + 1) < 0 &&
		     errno != EINTR))
			break;
		for (size_t i = 0; i < n_servers; i++)
			if (servers[i].fd >= 0 && ready[i].revents != 0)
				read_answer(&servers[i]);
	}
	for (size_t i = 0; i < n_servers; i++) {
		if (servers[i].fd >= 0) {
			servers[i].answer_len = 0;
			close_fd(&servers[i].fd);
		}
		if (servers[i].pid > 0)
			kill(servers[i].pid,
			     SIGKILL); /* nobody waits for it, so its number holds */
	}
}

/* ---- finding the client ---- */

static size_t add_servers(struct server *servers, size_t n, const char *directory) {
	DIR *entries = tmux_directory_check(directory) == 0 ? opendir(directory) : NULL;
	struct dirent *entry;

	for (int seen = 0; entries != NULL && n < SERVERS_MAX && seen < ENTRIES_MAX &&
	                   (entry = readdir(entries)) != NULL;
	     seen++) {
		struct server *server = &servers[n];
		struct stat status;
		int len = snprintf(server->socket, sizeof(server->socket), "%s/%s", directory,
		                   entry->d_name);

		if (len < 0 || (size_t)len >= sizeof(server->socket) || entry->d_name[0] == '.' ||
		    lstat(server->socket, &status) < 0 || !S_ISSOCK(status.st_mode))
			continue;
		server->directory = directory;
		server->pid = 0;
		server->fd = -1;
		server->answer_len = 0;
		n++;
	}
	if (entries != NULL)
		closedir(entries);
	return n;
}

static void ask_for_clients(struct server *server, const struct tmux_claim *claim) {
	const char *words[] = {
		"list-clients", "-F", TMUX_CLIENTS_FORMAT, ";", "display-message", "-p",
		"-t",           NULL, TMUX_SESSION_FORMAT, NULL};
	bool is_callers = claim != NULL && strcmp(claim->socket, server->socket) == 0;

	if (is_callers)
		words[7] = claim->pane;
	else
		words[3] = NULL;
	/* One that cannot be asked has nobody. */
	if (begin_to_ask(server, words) < 0)
		server->pid = 0;
}

/* NULL: nobody is there. */
static struct server *find_client(struct tmux_client *ret, struct server *servers,
                                  const struct popup_task *task) {
	struct server *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < task->n_directories; i++)
		n = add_servers(servers, n, task->directories[i]);
	for (size_t i = 0; i < n; i++)
		ask_for_clients(&servers[i], task->claim);
	hear(servers, n);
	for (size_t i = 0; i < n; i++) {
		struct tmux_client client;

		if (!tmux_clients_pick(&client,
		                       (struct bytes){servers[i].answer, servers[i].answer_len}) ||
		    (found != NULL && !tmux_client_is_better(&client, ret)))
			continue;
		*ret = client;
		found = &servers[i];
	}
	return found;
}

/* ---- opening it ---- */

static bool has_popups(struct server *server) {
	static const char *const words[] = {"list-commands", "display-popup", NULL};
	static const char begins[] = "display-popup";

	if (begin_to_ask(server, words) < 0)
		return false;
	hear(server, 1);
	return server->answer_len > strlen(begins) &&
	       memcmp(server->answer, begins, strlen(begins)) == 0;
}

static void tell(char how, const char *client) {
	char text[TMUX_CLIENT_SIZE + 1];
	int len = snprintf(text, sizeof(text), "%c%s", how, client);

	/* Whom it does not reach knows less to say. */
	if (len > 0 && write(CHILD_CHANNEL_FD, text, (size_t)len) < 0)
		return;
}

static void open_in(struct server *server, const struct tmux_client *client,
                    const char *const *command) {
	CLEANUP(free_pointer) char *program = NULL;
	const char *const popup[] = {"display-popup", "-E", "-c", client->name, "-w",
	                             "90%",           "-h", "80%"};
	const char *const split[] = {"split-window", "-t", client->pane};
	bool as_popup = has_popups(server);
	const char *const *first = as_popup ? popup : split;
	size_t n_first = as_popup ? sizeof(popup) / sizeof(popup[0])
	                          : sizeof(split) / sizeof(split[0]);
	const char *words[sizeof(popup) / sizeof(popup[0]) + COMMAND_WORDS + 1];
	size_t n = 0;

	for (; n < n_first; n++)
		words[n] = first[n];
	for (size_t i = 0; i < COMMAND_WORDS && command[i] != NULL; i++)
		words[n++] = command[i];
	words[n] = NULL;
	/* What is seen to have ended by now need not stay for as long as the popup. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	tell(as_popup ? POPUP_CHILD_POPUP : POPUP_CHILD_SPLIT, client->name);
	if (tmux_server_find(&program, server->directory, server->socket) == 0 &&
	    fcntl(CHILD_CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0)
		tmux_server_become_client(program, server->socket, words);
}

_Noreturn void popup_child_run(int fd, const struct popup_task *task, pid_t parent) {
	static struct server servers[SERVERS_MAX];
	struct tmux_client client;
	struct server *server;

	if (child_begin(fd, parent) < 0 || setsid() < 0)
		_exit(1);
	server = find_client(&client, servers, task);
	if (server != NULL)
		open_in(server, &client, task->command);
	_exit(1);
}
