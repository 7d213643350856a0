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
static int read_line(int fd, char *ret, size_t size, const sigset_t *unblocked) {
	size_t len = 0;

	if (fd >= FD_SETSIZE)
		return -EMFILE;
	for (;;) {
		fd_set typed;
		ssize_t n;

		FD_ZERO(&typed);
		FD_SET(fd, &typed);
		if (pselect(fd + 1, &typed, NULL, NULL, NULL, unblocked) < 0)
			return -errno;
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

/* screen_fd: who draws the screen, and is told the question instead; -1: nobody does. */
static int ask_secret(char *ret, size_t size, const char *question, int screen_fd) {
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
		error = read_line(fd, ret, size, &unblocked);
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
	return ask_secret(ret, size, question, -1);
}

int terminal_ask_secret_within(char *ret, size_t size, const char *question, int screen_fd) {
	return ask_secret(ret, size, question, screen_fd);
}

bool terminal_wants_colour(void) {
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return (no == NULL || no[0] == '\0') && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

bool terminal_expects_utf8(void) {
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
