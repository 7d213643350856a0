#include "base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LINE_LEN_MAX 2048 /* below PIPE_BUF: two processes never mix their lines */
#define PREFIX       "ssh-agent-guard: "

/* The one variable of the program outside a context: standard error is one for the process, too. */
static bool verbose;

void diag_verbose(void) {
	verbose = true;
}

/* A terminal that says it takes something may take less than a line, and the rest would wait. So it
 * is opened anew to be written without waiting: the old descriptor's flags are those of the shell,
 * too. Where that is not allowed (after su) the old one must do. */
static int open_anew(void) {
	struct stat status;

	if (fstat(STDERR_FILENO, &status) < 0 ||
	    (!S_ISCHR(status.st_mode) && !S_ISFIFO(status.st_mode)))
		return -1;
	return open("/dev/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Nothing can be done about a lost diagnostic. */
static void write_line(const char *line, size_t len) {
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	CLEANUP(close_fd) int fd = -1;
	ssize_t written;

	if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
		return;
	written = send(STDERR_FILENO, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written >= 0 || errno != ENOTSOCK)
		return;
	fd = open_anew();
	written = write(fd >= 0 ? fd : STDERR_FILENO, line, len);
	(void)written;
}

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list arguments) {
	char text[LINE_LEN_MAX];
	char line[LINE_LEN_MAX + sizeof(PREFIX) + sizeof("\\xff\n")];
	size_t len = strlen(PREFIX);

	vsnprintf(text, sizeof(text), format, arguments);
	memcpy(line, PREFIX, len);
	for (const char *c = text; *c != '\0' && len < LINE_LEN_MAX; c++) {
		unsigned char byte = (unsigned char)*c;

		if (byte >= 0x20 && byte < 0x7f)
			line[len++] = *c;
		else
			len += (size_t)snprintf(line + len, sizeof(line) - len, "\\x%02x", byte);
	}
	line[len++] = '\n';
	write_line(line, len);
}

void diag_error(const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void diag_info(const char *format, ...) {
	va_list arguments;

	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}

void diag_debug(const char *format, ...) {
	va_list arguments;

	if (!verbose)
		return;
	va_start(arguments, format);
	say(format, arguments);
	va_end(arguments);
}
