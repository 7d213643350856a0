/*
 * What writing an event costs (log.sync: none), with and without a copy for the system's log, and
 * how long it takes to find a few among a million, with which memory.
 *
 * usage: bench_log [EVENTS [DIRECTORY]]   (of the second part; 1.2 GB of disk for a million)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "log/event_yaml.h"
#include "log/filter.h"
#include "log/journal.h"
#include "log/read.h"
#include "log/system_log.h"

#define WRITTEN 20000
#define EVENTS  1000000
#define AT_ONCE 1000

static void fail(const char *what, int error) {
	fprintf(stderr, "bench_log: %s: %s\n", what, strerror(-error));
	exit(1);
}

static char *text(const char *from) {
	return strdup(from);
}

/* As of git's ssh from a shell in tmux. */
static void make_caller(struct caller *caller) {
	static const char *const names[] = {"/usr/bin/git", "/usr/bin/bash", "/usr/bin/tmux",
	                                    "/usr/lib/systemd/systemd"};
	static struct process ancestors[4];
	static char *argv[] = {NULL, NULL, NULL, NULL};

	argv[0] = text("ssh");
	argv[1] = text("git@github.com");
	argv[2] = text("git-upload-pack 'alice/project.git'");
	for (size_t i = 0; i < 4; i++)
		ancestors[i] = (struct process){.pid = 4000 + (pid_t)i,
		                                .exe = text(names[i]),
		                                .name = text(strrchr(names[i], '/') + 1)};
	*caller = (struct caller){.state = CALLER_IDENTIFIED,
	                          .uid = 1000,
	                          .gid = 1000,
	                          .process = {.pid = 4521,
	                                      .exe = text("/usr/bin/ssh"),
	                                      .name = text("ssh"),
	                                      .argv = argv,
	                                      .argc = 3},
	                          .age_ms = 31,
	                          .has_terminal = TRI_YES,
	                          .cwd = text("/home/alice/src/project"),
	                          .cgroup = text("/user.slice/user-1000.slice/session-3.scope"),
	                          .ancestors = ancestors,
	                          .n_ancestors = 4,
	                          .ancestors_known = true};
}

static struct event make_event(const struct request *request) {
	return (struct event){
		.real_us = clock_real_us(),
		.trigger = "sign",
		.decision = "allow",
		.rule = "git",
		.request = request,
		.outcome = "success",
		.config_sha256 = "ad64043fda7a269be3270dade8c1688ade6e300fb5675012a0379"
				 "c98d535dfa4",
		.latency_us = 60,
		.upstream_us = 700,
		.sign_request_num = 3};
}

/* Of this process: other programs of the machine do not count. */
static uint64_t cpu_ns(void) {
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void copy(void *data, struct bytes document) {
	system_log_send(data, document);
}

static void time_writing(int state_fd, const struct request *request, struct system_log *log) {
	struct journal *journal = NULL;
	int error = journal_new(&journal, state_fd);
	uint64_t begun_ns;

	if (error < 0)
		fail("journal", error);
	if (log != NULL)
		journal_set_copy(journal, copy, log);
	begun_ns = cpu_ns();
	for (int i = 0; i < WRITTEN; i++) {
		struct event event = make_event(request);

		error = journal_write(journal, &event);
		if (error < 0)
			fail("write", error);
	}
	printf("log: an event is written in %.1f us of processor%s\n",
	       (double)(cpu_ns() - begun_ns) / WRITTEN / 1000,
	       log != NULL ? ", with a copy for the system's log" : "");
	journal_free(journal);
}

/* One event in ten thousand is a refusal. */
static void make_file(int state_fd, const struct request *request, size_t events) {
	CLEANUP(buffer_deinit) struct buffer documents = {0};
	CLEANUP(close_fd)
	int fd = openat(state_fd, EVENTS_DIRECTORY "/2020-01-01.yaml",
	                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("file", -errno);
	for (size_t i = 0; i < events; i++) {
		struct event event = make_event(request);

		event.decision = i % 10000 == 9999 ? "deny" : "allow";
		if (event_yaml(&documents, &event) < 0)
			fail("document", -ENOMEM);
		if (i % AT_ONCE < AT_ONCE - 1 && i + 1 < events)
			continue;
		if (write(fd, documents.data, documents.len) != (ssize_t)documents.len)
			fail("file", -errno);
		documents.len = 0;
	}
}

static void time_filtering(int state_fd, size_t events) {
	struct filter filter = {0};
	struct event_reader *reader = NULL;
	struct piece piece;
	struct rusage usage;
	size_t found = 0, all = 0;
	uint64_t begun_ns = clock_mono_ns();
	int fd = openat(state_fd, EVENTS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (filter_add(&filter, "decision=deny") < 0 ||
	    event_reader_new(&reader, fd, TIME_MIN, TIME_MAX) < 0)
		fail("reader", -ENOMEM);
	while (event_reader_next(&piece, reader) == 1) {
		all++;
		found += filter_wants(&filter, piece.bytes);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("log: %zu of %zu events are found in %.2f s, with %ld MiB of memory\n", found, all,
	       (double)(clock_mono_ns() - begun_ns) / 1e9, usage.ru_maxrss / 1024);
	if (found != events / 10000)
		fail("wrong number", -EINVAL);
	event_reader_free(reader);
	filter_deinit(&filter);
	close(fd);
}

int main(int argc, char **argv) {
	size_t events = argc > 1 ? strtoul(argv[1], NULL, 10) : EVENTS;
	char directory[4096], command[4200];
	struct caller caller;
	struct request request = {.caller = &caller, .endpoint = "default"};
	struct system_log *log = NULL;
	CLEANUP(close_fd) int state_fd = -1;

	snprintf(directory, sizeof(directory), "%s/guard-bench-XXXXXX",
	         argc > 2 ? argv[2] : "/tmp");
	if (mkdtemp(directory) == NULL)
		fail(directory, -errno);
	state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_caller(&caller);
	time_writing(state_fd, &request, NULL);
	if (system_log_new(&log, directory, SYSTEM_LOG_JOURNAL, SYSTEM_LOG_SYSLOG) == 0)
		time_writing(state_fd, &request, log);
	system_log_free(log);
	snprintf(command, sizeof(command), "rm -rf '%s/" EVENTS_DIRECTORY "'/*", directory);
	if (system(command) != 0)
		fail(command, -EIO);
	make_file(state_fd, &request, events);
	time_filtering(state_fd, events);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return system(command);
}
