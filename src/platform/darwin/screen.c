#include "platform/darwin/screen.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

#define FRAMEWORKS  "/System/Library/Frameworks/"
#define PATIENCE_MS 10 /* of the reader, which has 50 ms for all that there is to read */
#define CHANNEL_FD  3

struct session_screen {
	pid_t pid; /* 0: there is no child yet */
	int fd;    /* -1: there is none, or none any more */
	uint8_t asked;
};

struct answer {
	uint8_t asked; /* the number of the question */
	uint8_t locked;
};

/* What is taken of the two libraries, by their documented types. */
struct library {
	const void *(*copy_session)(void);
	const void *(*value)(const void *dictionary, const void *key);
	const void *(*text)(const void *allocator, const char *text, uint32_t encoding);
	unsigned char (*is_true)(const void *boolean);
	unsigned long (*type)(const void *object);
	unsigned long (*boolean_type)(void);
	void (*release)(const void *object);
};

#define ENCODING_UTF8 0x08000100U

/* POSIX has it that a function's address goes through an object pointer. */
static bool find(void *ret_function, void *handle, const char *name) {
	void *symbol = dlsym(handle, name);

	*(void **)ret_function = symbol;
	return symbol != NULL;
}

static bool library_load(struct library *library) {
	void *graphics = dlopen(FRAMEWORKS "CoreGraphics.framework/CoreGraphics", RTLD_LAZY);
	void *foundation = dlopen(FRAMEWORKS "CoreFoundation.framework/CoreFoundation", RTLD_LAZY);

	return graphics != NULL && foundation != NULL &&
	       find(&library->copy_session, graphics, "CGSessionCopyCurrentDictionary") &&
	       find(&library->value, foundation, "CFDictionaryGetValue") &&
	       find(&library->text, foundation, "CFStringCreateWithCString") &&
	       find(&library->is_true, foundation, "CFBooleanGetValue") &&
	       find(&library->type, foundation, "CFGetTypeID") &&
	       find(&library->boolean_type, foundation, "CFBooleanGetTypeID") &&
	       find(&library->release, foundation, "CFRelease");
}

/* While the screen is not locked, the entry is not there. */
static enum tri look(const struct library *library) {
	const void *session = library->copy_session();
	const void *key, *value;
	enum tri locked;

	if (session == NULL)
		return TRI_UNKNOWN;
	key = library->text(NULL, "CGSSessionScreenIsLocked", ENCODING_UTF8);
	value = key != NULL ? library->value(session, key) : NULL;
	if (key == NULL)
		locked = TRI_UNKNOWN;
	else if (value == NULL)
		locked = TRI_NO;
	else
		locked = library->type(value) != library->boolean_type() || library->is_true(value)
		                 ? TRI_YES
		                 : TRI_NO;
	if (key != NULL)
		library->release(key);
	library->release(session);
	return locked;
}

/* Answers each byte, until the other end is gone. */
static _Noreturn void child_run(int fd, pid_t parent) {
	struct library library;
	struct answer answer;

	if (platform_die_with_parent(parent) < 0 || dup2(fd, CHANNEL_FD) < 0 ||
	    platform_close_from(CHANNEL_FD + 1) < 0 || !library_load(&library))
		_exit(1);
	for (;;) {
		ssize_t len = recv(CHANNEL_FD, &answer.asked, 1, 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len != 1)
			_exit(0);
		answer.locked = (uint8_t)look(&library);
		if (send(CHANNEL_FD, &answer, sizeof(answer), 0) != sizeof(answer))
			_exit(0);
	}
}

/* One that ended is not started again: what it does cannot be done here. */
static void start(struct session_screen *screen) {
	CLEANUP(close_fd) int ours = -1;
	CLEANUP(close_fd) int theirs = -1;
	pid_t parent = getpid();
	int pair[2];

	if (platform_message_pair(pair) < 0)
		return;
	ours = pair[0];
	theirs = pair[1];
	screen->pid = fork();
	if (screen->pid == 0)
		child_run(theirs, parent);
	if (screen->pid > 0)
		screen->fd = take_fd(&ours);
}

int session_screen_new(struct session_screen **ret) {
	struct session_screen *screen = calloc(1, sizeof(*screen));

	if (screen == NULL)
		return -ENOMEM;
	screen->fd = -1;
	*ret = screen;
	return 0;
}

void session_screen_free(struct session_screen *screen) {
	if (screen == NULL)
		return;
	close_fd(&screen->fd);
	if (screen->pid > 0) {
		kill(screen->pid, SIGKILL);
		while (waitpid(screen->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(screen);
}

/* Passes over answers to earlier questions, which came too late. */
static enum tri receive(struct session_screen *screen) {
	struct pollfd answered = {.fd = screen->fd, .events = POLLIN};
	struct answer answer;

	while (poll(&answered, 1, PATIENCE_MS) == 1) {
		ssize_t len = recv(screen->fd, &answer, sizeof(answer), MSG_WAITALL);

		if (len != sizeof(answer)) {
			close_fd(&screen->fd);
			return TRI_UNKNOWN;
		}
		if (answer.asked == screen->asked)
			return answer.locked <= TRI_YES ? (enum tri)answer.locked : TRI_UNKNOWN;
	}
	return TRI_UNKNOWN;
}

enum tri session_screen_is_locked(struct session_screen *screen) {
	if (screen->pid == 0)
		start(screen);
	if (screen->fd < 0)
		return TRI_UNKNOWN;
	screen->asked++;
	if (send(screen->fd, &screen->asked, 1, MSG_DONTWAIT) != 1)
		return TRI_UNKNOWN;
	return receive(screen);
}
