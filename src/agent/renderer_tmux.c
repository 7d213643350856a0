#include "agent/renderer_tmux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/child.h"
#include "platform/platform.h"

#define LOOK_AGAIN_MS 5
#define ENTRIES_MAX   256 /* of a directory: who has more has put them there to be waited for */

/* How a client's process ends where it has not become tmux. */
#define EXIT_NOT_OURS    80 /* nobody serves it, or no tmux that is to be spoken with */
#define EXIT_NOT_LIMITED 81 /* this system cannot keep it from the user's files */

struct client {
	pid_t pid; /* 0: has ended */
	uint64_t inode;
};

struct clients {
	const struct tmux_task *task;
	struct client items[TMUX_SERVERS_MAX];
	size_t count;
};

static _Noreturn void become_client(const char *directory, const char *name, const char *value,
                                    pid_t parent) {
	const char *const words[] = {"set-option", "-gq", TMUX_OPTION, value, NULL};
	CLEANUP(free_pointer) char *program = NULL;
	struct sockaddr_un address;
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);

	if (platform_die_with_parent(parent) < 0 || len < 0 ||
	    (size_t)len >= sizeof(address.sun_path) ||
	    tmux_server_find(&program, directory, address.sun_path) < 0)
		_exit(EXIT_NOT_OURS);
	close(CHILD_CHANNEL_FD);
	tmux_server_become_client(program, address.sun_path, words);
	_exit(EXIT_NOT_LIMITED);
}

static bool is_passed_over(const struct tmux_task *task, uint64_t inode) {
	for (size_t i = 0; i < task->n_passed_over; i++)
		if (task->passed_over[i] == inode)
			return true;
	return false;
}

static void start_client(struct clients *clients, int directory_fd, const char *directory,
                         const char *name) {
	struct client *client = &clients->items[clients->count];
	pid_t parent = getpid();
	struct stat status;

	if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(status.st_mode) || status.st_uid != geteuid() ||
	    is_passed_over(clients->task, status.st_ino))
		return;
	client->inode = status.st_ino;
	client->pid = fork();
	if (client->pid == 0)
		become_client(directory, name, clients->task->value, parent);
	if (client->pid > 0)
		clients->count++;
}

static void start_clients(struct clients *clients, const char *directory) {
	DIR *names = tmux_directory_check(directory) == 0 ? opendir(directory) : NULL;
	struct dirent *entry;

	if (names == NULL)
		return;
	for (int seen = 0; clients->count < TMUX_SERVERS_MAX && seen < ENTRIES_MAX &&
	                   (entry = readdir(names)) != NULL;
	     seen++)
		if (entry->d_name[0] != '.')
			start_client(clients, dirfd(names), directory, entry->d_name);
	closedir(names);
}

/* Returns how many are still there. */
static size_t reap(struct clients *clients, struct tmux_report *report) {
	size_t left = 0;

	for (size_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->items[i];
		int status;

		if (client->pid == 0)
			continue;
		if (waitpid(client->pid, &status, WNOHANG) != client->pid) {
			left++;
			continue;
		}
		client->pid = 0;
		if (!WIFEXITED(status) ||
		    (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_NOT_OURS))
			report->n_failed++;
	}
	return left;
}

static void wait_for_clients(struct clients *clients, struct tmux_report *report) {
	const struct timespec again = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
	uint64_t end_ns = clock_mono_ns() + TMUX_ANSWER_MS * UINT64_C(1000000);

	while (reap(clients, report) > 0 && clock_mono_ns() < end_ns)
		nanosleep(&again, NULL);
	for (size_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->items[i];

		if (client->pid == 0)
			continue;
		kill(client->pid, SIGKILL);
		waitpid(client->pid, NULL, 0);
		report->hung[report->n_hung++] = client->inode;
	}
}

_Noreturn void renderer_tmux_run(const struct tmux_task *task, int report_fd, pid_t parent) {
	struct clients clients = {.task = task};
	struct tmux_report report = {0};
	ssize_t written;

	if (child_begin(report_fd, parent) < 0 || setsid() < 0 || chdir("/") < 0)
		_exit(1);
	for (size_t i = 0; i < task->directories->n_paths; i++)
		start_clients(&clients, task->directories->paths[i]);
	wait_for_clients(&clients, &report);
	written = write(CHILD_CHANNEL_FD, &report, sizeof(report));
	_exit(written != (ssize_t)sizeof(report));
}
