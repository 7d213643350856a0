#include "cmd/log_progress.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_NS   UINT64_C(1000000000) /* nobody looks for a bar before */
#define AGAIN_NS      UINT64_C(100000000)
#define BAR_WIDTH_MAX 40
#define AROUND        17 /* "reading [] 100 %", and the cursor */
#define WIDTH_UNKNOWN 80
#define ERASE         "\r\033[K"

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void on_ending(int number) {
	ssize_t len = write(STDERR_FILENO, ERASE, sizeof(ERASE) - 1);

	(void)len;
	signal(number, SIG_DFL);
	raise(number);
}

/* What its parent wants to be ignored stays so. */
static void watch_signals(void (*handler)(int), void (*instead_of)(int)) {
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction now;

		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler == instead_of)
			signal(ending[i], handler);
	}
}

/* A terminal that takes nothing (Ctrl-S) must not stop what is read. */
static bool put(const char *text, size_t len) {
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0 &&
	       write(STDERR_FILENO, text, len) == (ssize_t)len;
}

static size_t bar_width(void) {
	struct winsize size = {0};
	size_t columns = WIDTH_UNKNOWN;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	if (columns < AROUND)
		return 0;
	return columns - AROUND < BAR_WIDTH_MAX ? columns - AROUND : BAR_WIDTH_MAX;
}

static void draw(struct progress *progress) {
	char text[AROUND + BAR_WIDTH_MAX + sizeof(ERASE)], bar[BAR_WIDTH_MAX + 1];
	size_t width = bar_width(), filled;
	uint64_t done, total;
	unsigned percent;
	int len;

	event_reader_progress(&done, &total, progress->reader);
	if (total == 0)
		return;
	percent = (unsigned)((double)done * 100. / (double)total);
	filled = width * percent / 100;
	memset(bar, '#', filled);
	memset(bar + filled, '.', width - filled);
	bar[width] = '\0';
	if (width > 0)
		len = snprintf(text, sizeof(text), "\rreading [%s] %u %%\033[K", bar, percent);
	else
		len = snprintf(text, sizeof(text), "\r%u %%\033[K", percent);
	if (!progress->is_shown)
		watch_signals(on_ending, SIG_DFL);
	progress->is_shown = put(text, (size_t)len) || progress->is_shown;
}

static void on_read(void *data) {
	struct progress *progress = data;
	uint64_t now_ns = clock_mono_ns();

	if (now_ns < progress->next_ns)
		return;
	progress->next_ns = now_ns + AGAIN_NS;
	/* Sent to the background, it would write into what is in front. */
	if (tcgetpgrp(STDERR_FILENO) == getpgrp())
		draw(progress);
}

void progress_begin(struct progress *progress, struct event_reader *reader) {
	const char *kind = getenv("TERM");

	*progress = (struct progress){.next_ns = clock_mono_ns() + PATIENCE_NS};
	if (isatty(STDERR_FILENO) != 1 || kind == NULL || strcmp(kind, "dumb") == 0)
		return;
	progress->reader = reader;
	event_reader_on_read(reader, on_read, progress);
}

void progress_end(struct progress *progress, struct event_reader *reader) {
	progress_hide(progress);
	event_reader_on_read(reader, NULL, NULL);
	progress->reader = NULL;
}

void progress_hide(struct progress *progress) {
	/* What is written then is a sign of life, too. */
	if (progress->reader != NULL)
		progress->next_ns = clock_mono_ns() + PATIENCE_NS;
	if (!progress->is_shown)
		return;
	progress->is_shown = !put(ERASE, sizeof(ERASE) - 1);
	watch_signals(SIG_DFL, on_ending);
}
