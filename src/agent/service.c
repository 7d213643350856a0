#include "agent/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/diag.h"
#include "platform/platform.h"

#define STATUS_SIZE 512 /* what fits on a person's screen */
#define AGAIN_S     0.1 /* while the manager's queue is full */

enum phase { PHASE_STARTING, PHASE_READY, PHASE_RELOADING, PHASE_STOPPING };

struct service {
	struct ev_loop *loop;
	struct sockaddr_un to;
	int fd;
	enum phase phase;
	char status[STATUS_SIZE];
	ev_timer again;
};

/* Where it is to be sent: a path, or behind "@" an abstract name. false: neither, or too long. */
static bool find_manager(struct sockaddr_un *ret, const char *name) {
	if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' ||
	    strlen(name) >= sizeof(ret->sun_path))
		return false;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(ret->sun_path, name);
	if (name[0] == '@')
		ret->sun_path[0] = '\0';
	return true;
}

/* All that there is to tell by now, so that a later one makes up for one that was lost. */
static void service_tell(struct service *service) {
	char text[STATUS_SIZE + 128], since[64] = "";
	const char *state = "";
	int error;

	switch (service->phase) {
	case PHASE_STARTING: break;
	case PHASE_READY: state = "READY=1\n"; break;
	case PHASE_RELOADING:
		state = "RELOADING=1\n";
		snprintf(since, sizeof(since), "MONOTONIC_USEC=%llu\n",
		         (unsigned long long)(clock_mono_ns() / 1000));
		break;
	case PHASE_STOPPING: state = "STOPPING=1\n"; break;
	}
	snprintf(text, sizeof(text), "%s%sSTATUS=%s\n", state, since, service->status);
	error = platform_send_datagram(service->fd, &service->to, bytes_of_text(text), false);
	ev_timer_stop(service->loop, &service->again);
	if (error == -EAGAIN || error == -ENOBUFS) {
		ev_timer_set(&service->again, AGAIN_S, 0.);
		ev_timer_start(service->loop, &service->again);
	} else if (error < 0) {
		diag_debug("the service manager is not told: %s", strerror(-error));
	}
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	service_tell(watcher->data);
}

int service_new(struct service **ret, struct ev_loop *loop, bool tells) {
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {0};
	struct service *service;
	bool known = name != NULL && find_manager(&to, name);
	int error;

	if (name != NULL && !known)
		diag_info("NOTIFY_SOCKET=%s: no socket that could be told of the start", name);
	if (unsetenv("NOTIFY_SOCKET") < 0)
		return -errno;
	*ret = NULL;
	if (!known || !tells)
		return 0;
	service = calloc(1, sizeof(*service));
	if (service == NULL)
		return -ENOMEM;
	service->loop = loop;
	service->to = to;
	strcpy(service->status, "starting");
	ev_init(&service->again, on_again);
	service->again.data = service;
	error = platform_datagram_socket(&service->fd);
	if (error < 0) {
		free(service);
		return error;
	}
	*ret = service;
	return 0;
}

void service_free(struct service *service) {
	if (service == NULL)
		return;
	ev_timer_stop(service->loop, &service->again);
	close_fd(&service->fd);
	free(service);
}

static void enter(struct service *service, enum phase phase) {
	if (service == NULL)
		return;
	service->phase = phase;
	service_tell(service);
}

void service_ready(struct service *service) {
	enter(service, PHASE_READY);
}

void service_reloading(struct service *service) {
	enter(service, PHASE_RELOADING);
}

void service_stopping(struct service *service) {
	enter(service, PHASE_STOPPING);
}

void service_status(struct service *service, const char *text) {
	char status[STATUS_SIZE];

	if (service == NULL)
		return;
	snprintf(status, sizeof(status), "%s", text);
	for (char *at = status; *at != '\0'; at++) /* a line end would begin another assignment */
		if (*at < ' ' || *at > '~')
			*at = '?';
	if (strcmp(status, service->status) == 0)
		return;
	strcpy(service->status, status);
	service_tell(service);
}
