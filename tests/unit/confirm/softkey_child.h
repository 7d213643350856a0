/* A softkey in a child process of a unit test, and the pipes to its script and from its report. */
#ifndef TESTS_SOFTKEY_CHILD_H
#define TESTS_SOFTKEY_CHILD_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto.h"
#include "softkey.h"

#define REPORT_WAIT_MS 30000

struct softkey_child {
	char path[64];
	pid_t pid;
	int script, report;
};

/* What it does is what is said; nobody else hears of it. */
static void softkey_start(struct softkey_child *child, const char *directory, const char *name,
                          struct softkey_options options) {
	int script[2], report[2];

	snprintf(child->path, sizeof(child->path), "%s/%s", directory, name);
	assert_int_equal(pipe(script), 0);
	assert_int_equal(pipe(report), 0);
	options.path = child->path;
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		close(script[1]);
		close(report[0]);
		_exit(softkey_run(&options, script[0], report[1]) < 0 ? 1 : 0);
	}
	close(script[0]);
	close(report[1]);
	child->script = script[1];
	child->report = report[0];
}

static inline void softkey_say(const struct softkey_child *child, const char *line) {
	assert_int_equal(write(child->script, line, strlen(line)), strlen(line));
	assert_int_equal(write(child->script, "\n", 1), 1);
}

/* Reads its report up to a line with that beginning. */
static inline void softkey_wait(const struct softkey_child *child, const char *beginning) {
	char line[128];
	size_t len = 0;

	for (;;) {
		struct pollfd ready = {.fd = child->report, .events = POLLIN};
		int n_ready = poll(&ready, 1, REPORT_WAIT_MS);

		if (n_ready < 0 && errno == EINTR) /* a helper has ended */
			continue;
		assert_int_equal(n_ready, 1);
		assert_int_equal(read(child->report, line + len, 1), 1);
		if (line[len++] != '\n') {
			assert_true(len < sizeof(line));
			continue;
		}
		if (strncmp(line, beginning, strlen(beginning)) == 0)
			return;
		len = 0;
	}
}

static inline void softkey_end(struct softkey_child *child) {
	/* Another child may have our end of its script, too. */
	softkey_say(child, "end");
	close(child->script);
	waitpid(child->pid, NULL, 0);
	close(child->report);
}

#endif
