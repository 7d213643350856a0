/* What it costs to identify one caller with 8 ancestors: alone, through the reader process, and
 * where others have many connections open. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "caller/caller.h"
#include "caller/reader.h"

#define ANCESTORS 8
#define ROUNDS    5000
#define CROWD     2000 /* connections: two sockets each */

static uint64_t spent_ns[ROUNDS];

static int compare(const void *a, const void *b) {
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void report(const char *what) {
	qsort(spent_ns, ROUNDS, sizeof(spent_ns[0]), compare);
	printf("%-32s p10 %6.1f us   p50 %6.1f us   p99 %6.1f us\n", what,
	       (double)spent_ns[ROUNDS / 10] / 1000, (double)spent_ns[ROUNDS / 2] / 1000,
	       (double)spent_ns[ROUNDS / 100 * 99] / 1000);
}

/* The last of a line of processes that hangs below PID 1, as far as that can be arranged: what is
 * above us is cut off by a reaper of its own. */
static struct peer make_line(int depth) {
	struct peer writer;
	char byte;
	size_t len;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
	    platform_identify_writers(ends[0]) < 0)
		exit(1);
	if (fork() == 0) {
		const struct timespec tick = {.tv_nsec = 20 * 1000000L};

		for (int i = 1; i <= depth; i++) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (i == depth || fork() != 0)
				break;
			nanosleep(&tick, NULL); /* as is usual, each is younger than its parent */
			if (i == depth - 1 && write(ends[1], "x", 1) != 1)
				_exit(1);
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	while (platform_read(&writer, ends[0], &byte, 1, &len) == -EAGAIN)
		sched_yield();
	return writer;
}

static size_t own_ancestors(const struct view *view, const struct env_names *names) {
	struct peer peer = {
		.known = true, .pid = getpid(), .uid = geteuid(), .gid = getegid(), .pidfd = -1};
	struct caller *caller;
	size_t n;

	if (caller_read(&caller, view, &peer, names) < 0)
		exit(1);
	n = caller->n_ancestors;
	caller_free(caller);
	return n;
}

static void read_again_and_again(const struct view *view, struct kin *kin, const struct peer *peer,
                                 const struct env_names *names) {
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begun_ns = clock_mono_ns();
		struct caller *caller;
		int error = kin != NULL ? caller_read_with(&caller, view, kin, peer, names)
		                        : caller_read(&caller, view, peer, names);

		if (error < 0)
			exit(1);
		spent_ns[i] = clock_mono_ns() - begun_ns;
		caller_free(caller);
	}
}

/* Open until we end. */
static void make_crowd(void) {
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		exit(1);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		exit(1);
	for (int i = 0; i < CROWD; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
			fprintf(stderr, "bench_caller: only %d connections could be made\n", i);
			exit(1);
		}
	}
}

/* A view that was not asked before finds the connection as if it were new. */
static void read_by_new_connections(struct kin *kin, const struct peer *peer,
                                    const struct env_names *names) {
	for (int i = 0; i < ROUNDS; i++) {
		struct view *view;
		struct caller *caller;
		uint64_t begun_ns;

		if (view_new(&view) < 0)
			exit(1);
		begun_ns = clock_mono_ns();
		if (caller_read_with(&caller, view, kin, peer, names) < 0)
			exit(1);
		spent_ns[i] = clock_mono_ns() - begun_ns;
		caller_free(caller);
		view_free(view);
	}
}

struct run {
	struct ev_loop *loop;
	size_t n_ancestors;
};

static void on_done(void *data, struct caller *caller) {
	struct run *run = data;

	if (caller->state != CALLER_IDENTIFIED)
		fprintf(stderr, "not identified: %s\n", caller->reason);
	if ((caller->integrity & INTEGRITY_FD_INHERITED) != 0)
		fprintf(stderr, "integrity: %#x\n", caller->integrity);
	run->n_ancestors = caller->n_ancestors;
	caller_free(caller);
	ev_break(run->loop, EVBREAK_ALL);
}

int main(void) {
	struct run run = {.loop = ev_default_loop(0)};
	struct reader *reader;
	struct env_names *names;
	struct view *view;
	struct kin *kin;
	size_t own;
	struct peer peer;

	if (view_new(&view) < 0 || kin_new(&kin, view) < 0 || env_names_new(&names, NULL, 0) < 0)
		return 1;
	own = own_ancestors(view, names);
	peer = make_line(own + 1 < ANCESTORS ? (int)(ANCESTORS - own) : 2);
	read_again_and_again(view, NULL, &peer, names);
	report("read anew");
	read_again_and_again(view, kin, &peer, names);
	report("ancestors known");
	if (reader_new(&reader, run.loop) < 0)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begun_ns = clock_mono_ns();
		struct reader_job *job;

		if (reader_ask(&job, reader, &peer, on_done, &run) < 0)
			return 1;
		ev_run(run.loop, 0);
		spent_ns[i] = clock_mono_ns() - begun_ns;
	}
	report("through the reader");
	printf("ancestors: %zu\n", run.n_ancestors);
	make_crowd();
	printf("%d connections of others:\n", CROWD);
	read_again_and_again(view, kin, &peer, names);
	report("its connection known");
	read_by_new_connections(kin, &peer, names);
	report("its connection new");
	reader_free(reader);
	kin_free(kin);
	view_free(view);
	env_names_free(names);
	return 0;
}
