#include "sandbox/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sandbox/handover.h"
#include "sandbox/inside.h"

/* bubblewrap is not to end at a Ctrl-C that is meant for the program, which gets back what was. */
static _Noreturn void become_bubblewrap(char *const argv[], const int *kept, size_t n_kept,
                                        pid_t parent) {
	handover_signals_restore(~0UL);
	if (platform_die_with_parent(parent) == 0 && handover_descriptors(kept, n_kept) == 0)
		execv(argv[0], argv);
	_exit(127);
}

/* One message and the process that sent it. false: none will come any more. */
static bool receive(struct inside_message *ret, pid_t *ret_sender, int fd) {
	struct iovec part = {ret, sizeof(*ret)};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	struct ucred sender = {0};
	ssize_t len;

	do {
		len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof(*ret))
		return false;
	if (message.msg_controllen >= CMSG_LEN(sizeof(sender)) &&
	    control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_CREDENTIALS)
		memcpy(&sender, CMSG_DATA(&control.header), sizeof(sender));
	*ret_sender = sender.pid;
	return true;
}

/* Once the program has been started, nothing that comes by the channel can be its own: it does not
 * have it. */
static void follow(struct launch_result *result, int fd, const struct launch_calls *calls) {
	struct inside_message message;
	pid_t sender;

	while (receive(&message, &sender, fd)) {
		switch (message.news) {
		case INSIDE_READY:
			handover_signals_to(sender);
			calls->ready(calls->data);
			break;
		case INSIDE_OPEN:
			*result = (struct launch_result){LAUNCH_NO_LANDLOCK, message.number};
			return;
		case INSIDE_EXCHANGED:
			*result = (struct launch_result){LAUNCH_EXCHANGED, 0};
			return;
		case INSIDE_FAILED:
			*result = (struct launch_result){LAUNCH_NO_PROGRAM, message.number};
			return;
		case INSIDE_EXITED:
			*result = (struct launch_result){LAUNCH_EXITED, message.number};
			return;
		case INSIDE_KILLED:
			*result = (struct launch_result){LAUNCH_KILLED, message.number};
			return;
		default: break;
		}
	}
}

int launch(struct launch_result *ret, char *const argv[], int our_fd, const int *kept,
           size_t n_kept, const struct launch_calls *calls) {
	const int yes = 1;
	pid_t parent = getpid(), child, ended;
	int status;

	if (setsockopt(our_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
		return -errno;
	*ret = (struct launch_result){LAUNCH_NO_SANDBOX, 0};
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_bubblewrap(argv, kept, n_kept, parent);
	handover_signals_keep();
	close(kept[0]); /* the channel's other end, so that we see when nobody has it any more */
	follow(ret, our_fd, calls);
	handover_signals_to(0);
	do {
		ended = waitpid(child, &status, 0);
	} while (ended < 0 && errno == EINTR);
	/* It ended without a word: somebody killed the sandbox. */
	if (ret->end == LAUNCH_NO_SANDBOX && ended == child && WIFSIGNALED(status))
		*ret = (struct launch_result){LAUNCH_KILLED, WTERMSIG(status)};
	return 0;
}
