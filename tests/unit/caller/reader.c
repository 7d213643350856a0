/* The reader process: its answers, its deaths, and that nobody waits for another's malice. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "caller/caller.h"
#include "caller/patience.h"
#include "caller/reader.h"
#include "children.h"

#define JOBS_MAX 300

struct asked {
	struct ev_loop *loop;
	struct reader *reader;
	size_t waiting;
	struct caller *callers[JOBS_MAX]; /* in the order of their answers */
	size_t n_callers;
	bool free_reader;
};

static int start(void **state, struct ev_loop *loop) {
	struct asked *asked = calloc(1, sizeof(*asked));

	if (asked == NULL || loop == NULL)
		return -1;
	asked->loop = loop;
	*state = asked;
	return reader_new(&asked->reader, loop);
}

static int start_in_default_loop(void **state) {
	return start(state, ev_default_loop(0));
}

static int start_in_own_loop(void **state) {
	return start(state, ev_loop_new(0));
}

static void forget(struct asked *asked) {
	for (size_t i = 0; i < asked->n_callers; i++)
		caller_free(asked->callers[i]);
	asked->n_callers = 0;
}

static int stop(void **state) {
	struct asked *asked = *state;

	reader_free(asked->reader);
	forget(asked);
	if (!ev_is_default_loop(asked->loop))
		ev_loop_destroy(asked->loop);
	free(asked);
	return 0;
}

static void on_done(void *data, struct caller *caller) {
	struct asked *asked = data;

	assert_non_null(caller);
	asked->callers[asked->n_callers++] = caller;
	if (asked->free_reader) {
		reader_free(asked->reader);
		asked->reader = NULL;
	}
	if (--asked->waiting == 0)
		ev_break(asked->loop, EVBREAK_ALL);
}

static struct peer peer_of(pid_t pid) {
	return (struct peer){
		.known = true, .pid = pid, .uid = geteuid(), .gid = getegid(), .pidfd = -1};
}

static struct reader_job *ask(struct asked *asked, const struct peer *peer) {
	struct reader_job *job = NULL;
	size_t before = asked->n_callers;

	asked->waiting++;
	assert_int_equal(reader_ask(&job, asked->reader, peer, on_done, asked), 0);
	assert_int_equal(asked->n_callers, before); /* never from within */
	return job;
}

static void wait_all(struct asked *asked) {
	if (asked->waiting > 0)
		ev_run(asked->loop, 0);
	assert_int_equal(asked->waiting, 0);
}

/* Our child that is no child of the test's own: the reader. */
static pid_t reader_pid(void) {
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	assert_non_null(file);
	for (int child; fscanf(file, "%d", &child) == 1;)
		pid = child; /* the youngest */
	fclose(file);
	assert_true(pid > 0);
	return pid;
}

static void callers_are_read_in_order(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid()), parent = peer_of(getppid());

	for (int i = 0; i < 100; i++)
		ask(asked, i % 2 == 0 ? &self : &parent);
	wait_all(asked);
	assert_int_equal(asked->n_callers, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(asked->callers[i]->process.pid, i % 2 == 0 ? getpid() : getppid());
	assert_int_equal(asked->callers[0]->state, CALLER_IDENTIFIED);
}

static void an_unknown_peer_is_answered_from_the_loop(void **state) {
	struct asked *asked = *state;
	struct peer unknown = PEER_UNKNOWN;

	ask(asked, &unknown);
	wait_all(asked);
	assert_int_equal(asked->callers[0]->state, CALLER_UNKNOWN);
	assert_string_equal(asked->callers[0]->reason, "caller-unknown");
}

static void a_stopped_reader_is_replaced_and_the_others_are_served(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid()), parent = peer_of(getppid());
	pid_t stuck = reader_pid();
	uint64_t begun_ns;

	assert_int_equal(kill(stuck, SIGSTOP), 0);
	begun_ns = clock_mono_ns();
	ask(asked, &parent);
	for (int i = 0; i < 5; i++)
		ask(asked, &self);
	wait_all(asked);
	assert_string_equal(asked->callers[0]->reason, "caller-unreadable");
	assert_int_equal(asked->callers[0]->process.pid, getppid());
	for (size_t i = 1; i < 6; i++)
		assert_int_equal(asked->callers[i]->state, CALLER_IDENTIFIED);
	assert_true(clock_mono_ns() - begun_ns >= PATIENCE_NS);
	assert_int_not_equal(reader_pid(), stuck);
}

#define HOG_NS UINT64_C(700000000) /* far above a reader's patience, far below the 2 s in all */

/* Keeps every ordinary process from that processor for a while, once it has said so. */
static pid_t start_hog(int cpu) {
	const struct sched_param lowest = {.sched_priority = 1};
	cpu_set_t one;
	int ready[2];
	bool runs;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	assert_int_equal(pipe(ready), 0);
	pid = fork_child();
	if (pid == 0) {
		uint64_t until_ns;

		if (sched_setaffinity(0, sizeof(one), &one) < 0 ||
		    sched_setscheduler(0, SCHED_FIFO, &lowest) < 0)
			_exit(1);
		until_ns = clock_mono_ns() + HOG_NS;
		tell(ready[1]);
		while (clock_mono_ns() < until_ns)
			continue;
		_exit(0);
	}
	close(ready[1]);
	runs = is_told(ready[0]);
	close(ready[0]);
	if (runs)
		return pid;
	end_child(pid);
	return -1;
}

/* Ours and another one. false: there is only one. */
static bool two_processors(int *ret_ours, int *ret_other) {
	cpu_set_t all;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	*ret_ours = *ret_other = -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &all))
			continue;
		if (*ret_ours < 0)
			*ret_ours = cpu;
		else if (*ret_other < 0)
			*ret_other = cpu;
	}
	return *ret_other >= 0;
}

static void move_to(pid_t pid, int cpu) {
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	assert_int_equal(sched_setaffinity(pid, sizeof(one), &one), 0);
}

/* It answers long after its deadline, and is never given up. Where we ourselves are slow it may have
 * been served before it was starved; so it is tried until it was not. */
static void a_reader_that_lacks_a_processor_is_waited_for(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());
	uint64_t slowest_ns = 0;
	cpu_set_t before;
	int ours = -1, other = -1;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (geteuid() != 0 || !two_processors(&ours, &other)) {
		print_message("# takes root, and two processors\n");
		skip();
	}
	move_to(0, ours);
	for (int i = 0; i < 20 && slowest_ns < 2 * PATIENCE_NS; i++) {
		uint64_t asked_ns;
		pid_t hog;

		forget(asked);
		ask(asked, &self); /* there is a reader */
		wait_all(asked);
		move_to(reader_pid(), other);
		hog = start_hog(other);
		if (hog < 0) {
			print_message("# nothing may be put before other processes here\n");
			skip();
		}
		asked_ns = clock_mono_ns();
		forget(asked);
		ask(asked, &self);
		wait_all(asked);
		assert_int_equal(asked->callers[0]->state, CALLER_IDENTIFIED);
		if (clock_mono_ns() - asked_ns > slowest_ns)
			slowest_ns = clock_mono_ns() - asked_ns;
		end_child(hog);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_true(slowest_ns >= 2 * PATIENCE_NS);
}

static void what_would_get_stuck_again_is_not_asked_again(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());

	assert_int_equal(kill(reader_pid(), SIGSTOP), 0);
	for (int i = 0; i < 3; i++)
		ask(asked, &self);
	wait_all(asked);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(asked->callers[i]->reason, "caller-unreadable");
	forget(asked);
	ask(asked, &self);
	wait_all(asked);
	assert_int_equal(asked->callers[0]->state, CALLER_IDENTIFIED);
}

static void a_reader_that_dies_idle_is_replaced_when_asked(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());
	pid_t dead = reader_pid();

	assert_int_equal(kill(dead, SIGKILL), 0);
	ev_run(asked->loop, EVRUN_ONCE);
	ask(asked, &self);
	wait_all(asked);
	if (asked->callers[0]->state != CALLER_IDENTIFIED) {
		/* It had been asked before its death was noticed. */
		forget(asked);
		ask(asked, &self);
		wait_all(asked);
	}
	assert_int_equal(asked->callers[0]->state, CALLER_IDENTIFIED);
}

static void on_reaped(struct ev_loop *loop, ev_child *watcher, int revents) {
	(void)loop, (void)revents;
	++*(size_t *)watcher->data;
}

/* Descriptors enough to fork a reader, but none for that reader to work with: it ends at once. */
static void a_reader_that_dies_again_and_again_is_not_forked_for_each(void **state) {
	enum { LIMIT = 64 };
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());
	struct rlimit before, few;
	int fds[LIMIT];
	size_t n_fds = 0, n_reaped = 0;
	uint64_t begun_ns, passed_ms, most = 4;
	ev_child reaped;

	kill(reader_pid(), SIGSTOP);
	ask(asked, &self);
	kill(reader_pid(), SIGKILL);
	wait_all(asked);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){LIMIT, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n_fds < LIMIT && (fds[n_fds] = dup(STDERR_FILENO)) >= 0)
		n_fds++;
	assert_true(n_fds > 2);
	close(fds[--n_fds]);
	close(fds[--n_fds]);
	ev_child_init(&reaped, on_reaped, 0, 0);
	reaped.data = &n_reaped;
	ev_child_start(asked->loop, &reaped);
	begun_ns = clock_mono_ns();
	do {
		forget(asked);
		ask(asked, &self);
		wait_all(asked);
		assert_int_equal(asked->callers[0]->state, CALLER_UNKNOWN);
		assert_string_equal(asked->callers[0]->reason, "caller-unreadable");
		passed_ms = (clock_mono_ns() - begun_ns) / 1000000;
	} while (passed_ms < 300 || n_reaped == 0);
	/* The first one, then after 0, 0, 10, 20, 40, 80, 160 ms and so on, and one that was begun
	 * before the clock was read. A busy machine takes longer than it was asked for. */
	for (uint64_t delay_ms = 10, all_ms = 10; all_ms <= passed_ms; all_ms += delay_ms) {
		most++;
		delay_ms *= 2;
	}
	assert_in_range(n_reaped, 1, most);
	while (n_fds > 0)
		close(fds[--n_fds]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	do {
		forget(asked);
		ask(asked, &self);
		wait_all(asked);
	} while (asked->callers[0]->state != CALLER_IDENTIFIED);
	ev_child_stop(asked->loop, &reaped);
}

static void who_waits_is_asked_for_new_variables_too(void **state) {
	static const char *const more[] = {"GUARD_TEST_ONE", "GUARD_TEST_TWO_*"};
	static const char *const bad[] = {"GUARD_TEST_ONE", "A-B"};
	struct asked *asked = *state;
	struct peer child = {0};
	char *const argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
	char *const env[] = {(char[]){"GUARD_TEST_ONE=1"}, (char[]){"GUARD_TEST_TWO_=2"}, NULL};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		execve("/bin/sleep", argv, env);
		_exit(1);
	}
	close(ends[1]);
	wait_for_exec(pid, ends[0]);
	close(ends[0]);
	child = peer_of(pid);
	ask(asked, &child);
	wait_all(asked);
	assert_int_equal(asked->callers[0]->n_env, 0);

	ask(asked, &child);
	assert_int_equal(reader_set_env_names(asked->reader, more, 2), 0);
	ask(asked, &child);
	wait_all(asked);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(asked->callers[i]->n_env, 2);
		assert_string_equal(asked->callers[i]->env[0], env[0]);
		assert_string_equal(asked->callers[i]->env[1], env[1]);
	}
	assert_int_equal(reader_set_env_names(asked->reader, bad, 2), -EINVAL);
	/* A reader that takes the place of a dead one knows them, too. */
	kill(reader_pid(), SIGKILL);
	ev_run(asked->loop, EVRUN_ONCE);
	do {
		forget(asked);
		ask(asked, &child);
		wait_all(asked);
	} while (asked->callers[0]->state != CALLER_IDENTIFIED);
	assert_int_equal(asked->callers[0]->n_env, 2);
	end_child(pid);
}

static void a_cancelled_job_is_never_answered(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid()), unknown = PEER_UNKNOWN;
	struct reader_job *sent = ask(asked, &self);
	struct reader_job *failed = ask(asked, &unknown);

	reader_cancel(sent);
	reader_cancel(failed);
	reader_cancel(NULL);
	asked->waiting -= 2;
	ask(asked, &self);
	wait_all(asked);
	assert_int_equal(asked->n_callers, 1);
}

static void a_cancelled_job_does_not_outlive_its_reader(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid()), parent = peer_of(getppid());

	assert_int_equal(kill(reader_pid(), SIGSTOP), 0);
	ask(asked, &parent);
	reader_cancel(ask(asked, &self));
	asked->waiting--;
	wait_all(asked);
	assert_int_equal(asked->n_callers, 1);
	assert_string_equal(asked->callers[0]->reason, "caller-unreadable");
}

static void the_reader_may_be_let_go_from_within_done(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());

	ask(asked, &self);
	ask(asked, &self);
	asked->waiting--; /* the second one is dropped */
	asked->free_reader = true;
	wait_all(asked);
	assert_int_equal(asked->n_callers, 1);
}

/* With nothing to do, nothing but descriptors is watched: no timer wakes the guard. */
static void an_idle_reader_wakes_nobody(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid());
	unsigned before;

	ask(asked, &self);
	wait_all(asked);
	assert_int_equal(ev_pending_count(asked->loop), 0);
	before = ev_iteration(asked->loop);
	for (int i = 0; i < 3; i++)
		ev_run(asked->loop, EVRUN_NOWAIT);
	assert_int_equal(ev_iteration(asked->loop), before + 3);
	assert_int_equal(ev_pending_count(asked->loop), 0);
}

static void neither_answers_nor_deaths_leak_descriptors(void **state) {
	struct asked *asked = *state;
	struct peer self = peer_of(getpid()), unknown = PEER_UNKNOWN, parent = peer_of(getppid());
	size_t before;

	ask(asked, &self);
	wait_all(asked);
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kill(reader_pid(), SIGSTOP), 0);
		ask(asked, &parent);
		ask(asked, &unknown);
		ask(asked, &self);
		wait_all(asked);
	}
	assert_int_equal(count_descriptors(), before);
}

static void the_reader_holds_none_of_our_descriptors(void **state) {
	struct asked *asked = *state;
	char path[64];
	size_t n = 0;
	struct peer self = peer_of(getpid());
	char link[64];
	DIR *directory;

	ask(asked, &self); /* it has begun to serve */
	wait_all(asked);
	snprintf(path, sizeof(path), "/proc/%d/fd", reader_pid());
	directory = opendir(path);
	assert_non_null(directory);
	for (const struct dirent *entry = readdir(directory); entry != NULL;
	     entry = readdir(directory))
		/* What it has of processes that it reads, it has opened itself. */
		n += entry->d_name[0] != '.' &&
		     readlinkat(dirfd(directory), entry->d_name, link, sizeof(link)) > 0 &&
		     strncmp(link, "/proc/", strlen("/proc/")) != 0;
	closedir(directory);
	/* Standard input, output and error, its channel, and what it asks about sockets. */
	assert_int_equal(n, 5);
}

static void a_writer_that_ended_while_it_was_read_has_changed(void **state) {
	struct asked *asked = *state;
	int ends[2], pair[2];
	char byte;
	size_t len;
	struct peer writer;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(platform_identify_writers(pair[0]), 0);
	pid = fork_child();
	if (pid == 0) {
		tell(pair[1]);
		tell(ends[1]);
		wait_forever();
	}
	assert_true(is_told(ends[0]));
	assert_int_equal(platform_read(&writer, pair[0], &byte, 1, &len), 0);
	ask(asked, &writer);
	end_child(pid);
	wait_all(asked);
	assert_int_equal(asked->callers[0]->state, CALLER_UNKNOWN);
	assert_string_equal(asked->callers[0]->reason, "caller-changed");
	peer_deinit(&writer);
	close(pair[0]);
	close(pair[1]);
	close(ends[0]);
	close(ends[1]);
}

#define IN_DEFAULT_LOOP(test) cmocka_unit_test_setup_teardown(test, start_in_default_loop, stop)
#define IN_OWN_LOOP(test)     cmocka_unit_test_setup_teardown(test, start_in_own_loop, stop)

int main(void) {
	const struct CMUnitTest tests[] = {
		IN_DEFAULT_LOOP(callers_are_read_in_order),
		IN_OWN_LOOP(callers_are_read_in_order),
		IN_DEFAULT_LOOP(an_unknown_peer_is_answered_from_the_loop),
		IN_DEFAULT_LOOP(a_stopped_reader_is_replaced_and_the_others_are_served),
		IN_OWN_LOOP(a_stopped_reader_is_replaced_and_the_others_are_served),
		IN_DEFAULT_LOOP(a_reader_that_lacks_a_processor_is_waited_for),
		IN_DEFAULT_LOOP(what_would_get_stuck_again_is_not_asked_again),
		IN_DEFAULT_LOOP(a_reader_that_dies_idle_is_replaced_when_asked),
		IN_OWN_LOOP(a_reader_that_dies_idle_is_replaced_when_asked),
		IN_DEFAULT_LOOP(a_reader_that_dies_again_and_again_is_not_forked_for_each),
		IN_DEFAULT_LOOP(who_waits_is_asked_for_new_variables_too),
		IN_OWN_LOOP(who_waits_is_asked_for_new_variables_too),
		IN_DEFAULT_LOOP(a_cancelled_job_is_never_answered),
		IN_DEFAULT_LOOP(a_cancelled_job_does_not_outlive_its_reader),
		IN_DEFAULT_LOOP(the_reader_may_be_let_go_from_within_done),
		IN_DEFAULT_LOOP(an_idle_reader_wakes_nobody),
		IN_DEFAULT_LOOP(neither_answers_nor_deaths_leak_descriptors),
		IN_OWN_LOOP(neither_answers_nor_deaths_leak_descriptors),
		IN_DEFAULT_LOOP(the_reader_holds_none_of_our_descriptors),
		IN_DEFAULT_LOOP(a_writer_that_ended_while_it_was_read_has_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
