#include "agent/guests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/listener.h"
#include "platform/platform.h"
#include "policy/endpoint.h"

#define DIRECTORY_PREFIX "exec-"
#define SOCKET_NAME      "agent.sock"

struct guest {
	struct guests *guests;
	struct guest *next;
	char *name;      /* exec:LABEL */
	char *directory; /* NULL: it has no name any more */
	struct listener *listener;
	pid_t pid;
	int process_fd; /* readable once the process that asked for it has ended */
	ev_io ended;
};

struct guests {
	struct ev_loop *loop;
	struct guests_calls calls;
	struct guests_places places;
	struct guest *first;
	unsigned count;
};

static int on_accepted(void *data, int fd) {
	struct guest *guest = data;

	return guest->guests->calls.accepted(guest->guests->calls.data, fd, guest->name);
}

static void on_paused(void *data, int error) {
	struct guest *guest = data;

	guest->guests->calls.paused(guest->guests->calls.data, error);
}

/* What lies there when it is mounted is what its program will use. That this can be another's
 * socket is no more than another program of this account can do in any case. */
static void on_replaced(void *data, int error) {
	(void)data, (void)error;
}

static void guest_hide(struct guest *guest) {
	if (guest->directory == NULL)
		return;
	listener_hide(guest->listener);
	rmdir(guest->directory);
	free_pointer(&guest->directory);
}

static void guest_free(struct guest *guest) {
	ev_io_stop(guest->guests->loop, &guest->ended);
	if (guest->listener != NULL)
		guest_hide(guest);
	else if (guest->directory != NULL)
		rmdir(guest->directory);
	listener_free(guest->listener);
	close_fd(&guest->process_fd);
	free(guest->directory);
	free(guest->name);
	free(guest);
}

static void tell(const struct guest *guest, const char *trigger) {
	char detail[64 + ENDPOINT_NAME_LEN_MAX];

	snprintf(detail, sizeof(detail), "%s, of process %d", guest->name, (int)guest->pid);
	guest->guests->calls.changed(guest->guests->calls.data, trigger, detail);
}

static void guest_end(struct guest *guest) {
	struct guests *guests = guest->guests;

	for (struct guest **link = &guests->first; *link != NULL; link = &(*link)->next)
		if (*link == guest) {
			*link = guest->next;
			break;
		}
	guests->count--;
	tell(guest, "exec-ended");
	guest_free(guest);
}

static void on_ended(struct ev_loop *loop, ev_io *watcher, int revents) {
	(void)loop, (void)revents;
	guest_end(watcher->data);
}

static int guest_listen(struct guest *guest) {
	const struct listener_calls calls = {on_accepted, on_replaced, on_paused, guest};
	CLEANUP(free_pointer) char *path = NULL;
	CLEANUP(free_pointer) char *why = NULL;
	int error;

	if (asprintf(&guest->directory, "%s/" DIRECTORY_PREFIX "XXXXXX", guest->guests->places.runtime) <
	    0) {
		guest->directory = NULL;
		return -ENOMEM;
	}
	if (mkdtemp(guest->directory) == NULL) {
		free_pointer(&guest->directory);
		return -errno;
	}
	if (asprintf(&path, "%s/" SOCKET_NAME, guest->directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	error = listener_new(&guest->listener, &why, guest->guests->loop, path, &calls);
	return error < 0 ? error : listener_start(guest->listener);
}

/* Watched before it is looked at, so that it is the one which asked. */
static int guest_watch(struct guest *guest, const struct peer *peer) {
	int error = peer->known ? platform_process_watch(&guest->process_fd, peer->pid) : -ESRCH;

	if (error < 0)
		return error;
	if (!platform_peer_alive(peer))
		return -ESRCH;
	guest->pid = peer->pid;
	ev_io_set(&guest->ended, guest->process_fd, EV_READ);
	ev_io_start(guest->guests->loop, &guest->ended);
	return 0;
}

static int guest_new(struct guest **ret, struct guests *guests, const char *label,
                     const struct peer *peer) {
	struct guest *guest = calloc(1, sizeof(*guest));
	int error;

	if (guest == NULL)
		return -ENOMEM;
	*guest = (struct guest){.guests = guests, .process_fd = -1};
	ev_init(&guest->ended, on_ended);
	guest->ended.data = guest;
	if (asprintf(&guest->name, ENDPOINT_EXEC "%s", label) < 0) {
		guest->name = NULL;
		guest_free(guest);
		return -ENOMEM;
	}
	error = guest_watch(guest, peer);
	if (error == 0)
		error = guest_listen(guest);
	if (error < 0) {
		guest_free(guest);
		return error;
	}
	*ret = guest;
	return 0;
}

static void put(struct buffer *answer, const char *text) {
	buffer_put_raw(answer, bytes_of_text(text));
}

static enum control_result guests_open(struct guests *guests, const struct control_call *call,
                                       const char *label, struct buffer *answer) {
	struct guest *guest;
	int error;

	if (!endpoint_label_is_good(label)) {
		put(answer, "a label has at most 27 letters, digits, dots, _ and -");
		return CONTROL_FAILED;
	}
	if (guests->count >= GUESTS_MAX) {
		put(answer, "16 programs are run by exec already (end one of them)");
		return CONTROL_FAILED;
	}
	error = guest_new(&guest, guests, label, call->writer);
	if (error < 0) {
		put(answer, error == -ESRCH ? "the system does not say which process asks"
		                            : strerror(-error));
		return CONTROL_FAILED;
	}
	guest->next = guests->first;
	guests->first = guest;
	guests->count++;
	put(answer, guest->directory);
	put(answer, "/" SOCKET_NAME "\n");
	put(answer, guests->places.policy);
	put(answer, "\n");
	put(answer, guests->places.state);
	put(answer, "\n");
	tell(guest, "exec-started");
	return CONTROL_OK;
}

static enum control_result guests_mounted(struct guests *guests, const struct peer *writer) {
	for (struct guest *guest = guests->first; guest != NULL; guest = guest->next)
		if (writer->known && writer->pid == guest->pid)
			guest_hide(guest);
	return CONTROL_OK;
}

bool guests_control(struct guests *guests, const struct control_call *call, struct buffer *answer,
                    enum control_result *ret_result) {
	static const char open_request[] = "exec-open ";

	if (strncmp(call->request, open_request, strlen(open_request)) == 0)
		*ret_result = guests_open(guests, call, call->request + strlen(open_request),
		                          answer);
	else if (strcmp(call->request, "exec-mounted") == 0)
		*ret_result = guests_mounted(guests, call->writer);
	else
		return false;
	return true;
}

void guests_resume(struct guests *guests) {
	for (struct guest *guest = guests->first; guest != NULL; guest = guest->next)
		listener_resume(guest->listener);
}

/* What a guard left that was killed while a program was about to start. A guard that lives has the
 * lock. */
static void leftover_remove(int parent_fd, const char *name) {
	static const char lock[] = SOCKET_NAME ".lock";
	CLEANUP(close_fd)
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(close_fd) int lock_fd = -1;

	if (fd < 0 || lock_file(&lock_fd, fd, lock) < 0)
		return;
	unlinkat(fd, SOCKET_NAME, 0);
	unlinkat(fd, lock, 0);
	unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static void leftovers_clear(const char *parent) {
	DIR *directory = opendir(parent);

	if (directory == NULL)
		return;
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
		if (strncmp(entry->d_name, DIRECTORY_PREFIX, strlen(DIRECTORY_PREFIX)) == 0)
			leftover_remove(dirfd(directory), entry->d_name);
	closedir(directory);
}

int guests_new(struct guests **ret, struct ev_loop *loop, const struct guests_places *places,
               const struct guests_calls *calls) {
	struct guests *guests = calloc(1, sizeof(*guests));

	if (guests == NULL)
		return -ENOMEM;
	*guests = (struct guests){.loop = loop, .calls = *calls, .places = *places};
	leftovers_clear(places->runtime);
	*ret = guests;
	return 0;
}

void guests_free(struct guests *guests) {
	if (guests == NULL)
		return;
	while (guests->first != NULL) {
		struct guest *guest = guests->first;

		guests->first = guest->next;
		guest_free(guest);
	}
	free(guests);
}
