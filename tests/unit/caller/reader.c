#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "caller/caller.h"
#include "caller/reader.h"

struct answer {
	struct caller *caller;
	bool called;
};

static struct ev_loop *loop;

static void on_done(void *data, struct caller *caller) {
	struct answer *answer = data;

	assert_false(answer->called);
	answer->called = true;
	answer->caller = caller;
}

static struct peer own_peer(void) {
	return (struct peer){
		.known = true, .pid = getpid(), .uid = geteuid(), .gid = getegid(), .pidfd = -1};
}

static struct reader *make_reader(void) {
	struct reader *reader = NULL;

	assert_int_equal(reader_new(&reader, loop), 0);
	return reader;
}

static struct reader_job *ask(struct reader *reader, struct answer *answer) {
	struct peer peer = own_peer();
	struct reader_job *job = NULL;

	*answer = (struct answer){0};
	assert_int_equal(reader_ask(&job, reader, &peer, on_done, answer), 0);
	assert_false(answer->called);
	return job;
}

static void wait_for(const struct answer *answer) {
	while (!answer->called)
		ev_run(loop, EVRUN_ONCE);
}

static void assert_identified(struct answer *answer) {
	wait_for(answer);
	assert_int_equal(answer->caller->state, CALLER_IDENTIFIED);
	assert_int_equal(answer->caller->process.pid, getpid());
	caller_free(answer->caller);
}

/* The reader's process: our youngest child. Older ones may not have been collected yet. */
static pid_t reader_pid(void) {
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	assert_non_null(file);
	while (fscanf(file, "%d", &pid) == 1)
		;
	fclose(file);
	assert_int_not_equal(pid, 0);
	return pid;
}

static size_t open_descriptors(const char *pid) {
	char path[64];
	DIR *directory;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

static void many_are_answered_each_with_its_own(void **state) {
	struct reader *reader = make_reader();
	struct answer answers[100];

	(void)state;
	for (size_t i = 0; i < 100; i++)
		ask(reader, &answers[i]);
	for (size_t i = 0; i < 100; i++)
		assert_identified(&answers[i]);
	reader_free(reader);
}

static void one_that_hangs_is_unreadable_and_nobody_else_waits(void **state) {
	struct reader *reader = make_reader();
	struct answer first, second;
	pid_t before = reader_pid();
	uint64_t begun_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(kill(before, SIGSTOP), 0);
	ask(reader, &first);
	ask(reader, &second);
	wait_for(&first);
	assert_int_equal(first.caller->state, CALLER_UNKNOWN);
	assert_string_equal(first.caller->reason, "caller-unreadable");
	assert_int_equal(first.caller->process.pid, getpid());
	assert_true(clock_mono_ns() - begun_ns >= READER_DEADLINE_MS * UINT64_C(1000000));
	caller_free(first.caller);
	assert_identified(&second);
	assert_int_not_equal(reader_pid(), before);
	reader_free(reader);
}

static void an_answer_that_we_are_late_to_read_counts(void **state) {
	struct reader *reader = make_reader();
	struct answer answer;
	pid_t before = reader_pid();
	uint64_t late_ns;

	(void)state;
	for (int round = 0; round < 5; round++) {
		ask(reader, &answer);
		late_ns = clock_mono_ns() + (READER_DEADLINE_MS + 20) * UINT64_C(1000000);
		while (clock_mono_ns() < late_ns)
			;
		assert_identified(&answer);
	}
	assert_int_equal(reader_pid(), before);
	reader_free(reader);
}

static void a_reader_that_died_is_replaced(void **state) {
	struct reader *reader = make_reader();
	struct answer answer;

	(void)state;
	for (int round = 0; round < 20; round++) {
		assert_int_equal(kill(reader_pid(), SIGKILL), 0);
		/* Whether the loss is noticed before or after the question: an answer comes, and it
		 * is a refusal at worst. */
		ask(reader, &answer);
		wait_for(&answer);
		if (answer.caller->state != CALLER_IDENTIFIED)
			assert_string_equal(answer.caller->reason, "caller-unreadable");
		caller_free(answer.caller);
		ask(reader, &answer);
		assert_identified(&answer);
	}
	reader_free(reader);
}

static void a_cancelled_job_is_never_answered(void **state) {
	struct reader *reader = make_reader();
	struct answer answers[3];
	struct reader_job *sent = ask(reader, &answers[0]), *waiting = ask(reader, &answers[1]);

	(void)state;
	reader_cancel(sent);
	reader_cancel(waiting);
	reader_cancel(NULL);
	ask(reader, &answers[2]);
	assert_identified(&answers[2]);
	assert_false(answers[0].called);
	assert_false(answers[1].called);
	reader_free(reader);
}

static void an_end_with_open_jobs_calls_nobody(void **state) {
	struct reader *reader = make_reader();
	struct answer answers[2];

	(void)state;
	ask(reader, &answers[0]);
	ask(reader, &answers[1]);
	reader_free(reader);
	ev_run(loop, EVRUN_NOWAIT);
	assert_false(answers[0].called);
	assert_false(answers[1].called);
}

static void a_writer_that_is_gone_when_the_answer_comes_has_changed(void **state) {
	struct reader *reader = make_reader();
	struct answer answer = {0};
	int ended[2];
	struct peer peer = own_peer();
	struct reader_job *job;

	(void)state;
	/* In the place of a pidfd: readable, as a pidfd is once its process has exited. */
	assert_int_equal(pipe(ended), 0);
	close(ended[1]);
	peer.pidfd = ended[0];
	assert_int_equal(reader_ask(&job, reader, &peer, on_done, &answer), 0);
	wait_for(&answer);
	assert_int_equal(answer.caller->state, CALLER_UNKNOWN);
	assert_string_equal(answer.caller->reason, "caller-changed");
	caller_free(answer.caller);
	close(ended[0]);
	reader_free(reader);
}

static void nothing_leaks_into_the_process_or_out_of_the_loop(void **state) {
	struct reader *reader = make_reader();
	size_t before = open_descriptors("self");
	struct answer answer;
	char pid[32];

	(void)state;
	for (int round = 0; round < 50; round++) {
		ask(reader, &answer);
		assert_identified(&answer);
	}
	assert_int_equal(open_descriptors("self"), before);
	snprintf(pid, sizeof(pid), "%d", (int)reader_pid());
	/* ".", "..", standard error and its socket. */
	assert_true(open_descriptors(pid) <= 4);
	reader_free(reader);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_answered_each_with_its_own),
		cmocka_unit_test(one_that_hangs_is_unreadable_and_nobody_else_waits),
		cmocka_unit_test(an_answer_that_we_are_late_to_read_counts),
		cmocka_unit_test(a_reader_that_died_is_replaced),
		cmocka_unit_test(a_cancelled_job_is_never_answered),
		cmocka_unit_test(an_end_with_open_jobs_calls_nobody),
		cmocka_unit_test(a_writer_that_is_gone_when_the_answer_comes_has_changed),
		cmocka_unit_test(nothing_leaks_into_the_process_or_out_of_the_loop),
	};

	loop = ev_default_loop(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
