#include "cmd/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>

#include "base/secret.h"

static const int breaking[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define BREAKING (sizeof(breaking) / sizeof(breaking[0]))

/* That a signal came is told by the read that it interrupts. */
static void on_signal(int number) {
	(void)number;
}

static int open_terminal(void) {
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && isatty(STDIN_FILENO))
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -ENOTTY : fd;
}

/* The signals are let through here alone, so that none is missed before. Not by poll(), which knows
 * no terminals on macOS. */
static int wait_for(int fd, const struct terminal_end *end, const sigset_t *unblocked) {
	for (;;) {
		int end_fd = end != NULL ? end->fd : -1;
		fd_set ready;

		if (fd >= FD_SETSIZE || end_fd >= FD_SETSIZE)
			return -EMFILE;
		FD_ZERO(&ready);
		FD_SET(fd, &ready);
		if (end_fd >= 0)
			FD_SET(end_fd, &ready);
		if (pselect((fd > end_fd ? fd : end_fd) + 1, &ready, NULL, NULL, NULL, unblocked) <
		    0)
			return -errno;
		if (end_fd >= 0 && FD_ISSET(end_fd, &ready) && end->is_over(end->data))
			return -ECANCELED;
		if (FD_ISSET(fd, &ready))
			return 0;
	}
}

static int read_line(int fd, char *ret, size_t size, const struct terminal_end *end,
                     const sigset_t *unblocked) {
	size_t len = 0;

	for (;;) {
		int error = wait_for(fd, end, unblocked);
		ssize_t n;

		if (error < 0)
			return error;
		n = read(fd, ret + len, 1);
		if (n <= 0)
			return n == 0 ? -EINTR : -errno;
		if (ret[len] == '\n')
			break;
		if (++len == size)
			return -EMSGSIZE;
	}
	ret[len] = '\0';
	return 0;
}

static int say(int fd, const char *text) {
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* screen_fd: who draws the screen, and is told the question instead; -1: nobody does. end: NULL
 * where nothing makes the answer needless. */
static int ask_secret(char *ret, size_t size, const char *question, int screen_fd,
                      const struct terminal_end *end) {
	const struct sigaction break_off = {.sa_handler = on_signal};
	struct sigaction before[BREAKING];
	struct termios shown, hidden;
	sigset_t blocked, unblocked;
	CLEANUP(close_fd) int fd = open_terminal();
	int error;

	if (fd < 0)
		return fd;
	if (tcgetattr(fd, &shown) < 0)
		return -ENOTTY;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	hidden.c_lflag |= ICANON | ISIG;
	hidden.c_iflag |= ICRNL; /* a full screen may have it off */
	sigemptyset(&blocked);
	for (size_t i = 0; i < BREAKING; i++) {
		sigaddset(&blocked, breaking[i]);
		sigaction(breaking[i], &break_off, &before[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	error = tcsetattr(fd, TCSAFLUSH, &hidden) < 0
	                ? -errno
	                : say(screen_fd < 0 ? fd : screen_fd, question);
	if (error == 0)
		error = read_line(fd, ret, size, end, &unblocked);
	if (tcsetattr(fd, TCSAFLUSH, &shown) < 0 && error == 0)
		error = -errno;
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	for (size_t i = 0; i < BREAKING; i++)
		sigaction(breaking[i], &before[i], NULL);
	if (screen_fd < 0 && say(fd, "\n") < 0 && error == 0)
		error = -EIO;
	if (error < 0)
		secret_wipe(ret, size);
	return error;
}

int terminal_ask_secret(char *ret, size_t size, const char *question) {
	return ask_secret(ret, size, question, -1, NULL);
}

int terminal_ask_secret_until(char *ret, size_t size, const char *question,
                              const struct terminal_end *end) {
	return ask_secret(ret, size, question, -1, end);
}

void terminal_forget_typed(void) {
	CLEANUP(close_fd) int fd = open_terminal();

	if (fd >= 0)
		tcflush(fd, TCIFLUSH);
}

int terminal_ask_secret_within(char *ret, size_t size, const char *question, int screen_fd) {
	return ask_secret(ret, size, question, screen_fd, NULL);
}

bool terminal_wants_colour(void) {
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return (no == NULL || no[0] == '\0') && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

bool terminal_expects_utf8(void) {
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
