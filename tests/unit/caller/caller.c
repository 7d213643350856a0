#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caller/caller.h"

static const char *own_path;

static struct peer own_peer(pid_t pid) {
	return (struct peer){
		.known = true, .pid = pid, .uid = geteuid(), .gid = getegid(), .pidfd = -1};
}

static struct caller *read_pid(pid_t pid) {
	struct peer peer = own_peer(pid);
	struct caller *caller = NULL;

	assert_int_equal(caller_read(&caller, &peer), 0);
	assert_non_null(caller);
	return caller;
}

static void we_are_identified_with_our_program_and_parent(void **state) {
	struct caller *caller = read_pid(getpid());

	(void)state;
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->reason);
	assert_string_equal(caller->process.exe, own_path);
	assert_string_equal(caller->process.name, strrchr(own_path, '/') + 1);
	assert_true(caller->process.argc > 0);
	assert_true(caller->process.start_ticks > 0);
	assert_non_null(caller->cwd);
	assert_true(caller->has_terminal != TRI_UNKNOWN);
	assert_true(caller->n_ancestors > 0);
	assert_int_equal(caller->ancestors[0].pid, getppid());
	assert_true(caller->ancestors_known);
	for (size_t i = 1; i < caller->n_ancestors; i++)
		assert_true(caller->ancestors[i].start_ticks <=
			    caller->ancestors[i - 1].start_ticks);
	caller_free(caller);
}

static void what_a_process_calls_itself_is_only_its_title(void **state) {
	struct caller *caller;

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "ssh) R 1"), 0);
	caller = read_pid(getpid());
	assert_string_equal(caller->process.title, "ssh) R 1");
	assert_string_equal(caller->process.name, strrchr(own_path, '/') + 1);
	assert_int_equal(caller->ancestors[0].pid, getppid());
	caller_free(caller);
}

static void a_process_that_is_gone_has_changed(void **state) {
	pid_t child = fork();
	struct caller *caller;

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	caller = read_pid(child);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_string_equal(caller->reason, "caller-changed");
	assert_int_equal(caller->process.pid, child);
	caller_free(caller);
}

static void a_zombie_is_nobody(void **state) {
	pid_t child = fork();
	siginfo_t info;
	struct caller *caller;

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	caller = read_pid(child);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_non_null(caller->reason);
	assert_null(caller->process.exe);
	caller_free(caller);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void another_uid_is_refused_whatever_it_runs(void **state) {
	struct peer peer = own_peer(getpid());
	struct caller *caller = NULL;

	(void)state;
	peer.uid++;
	assert_int_equal(caller_read(&caller, &peer), 0);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_string_equal(caller->reason, "other-uid");
	caller_free(caller);
}

static void a_writer_that_the_kernel_did_not_name_is_unknown(void **state) {
	const struct peer unknown = {.pidfd = -1};
	struct caller *caller = NULL;

	(void)state;
	assert_int_equal(caller_read(&caller, &unknown), 0);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_string_equal(caller->reason, "caller-unknown");
	assert_int_equal(caller->process.pid, 0);
	caller_free(caller);
}

static struct bytes encoded(struct buffer *buffer, const struct caller *caller) {
	caller_encode(buffer, caller);
	assert_int_equal(buffer_error(buffer), 0);
	return buffer_bytes(buffer);
}

static void what_is_encoded_is_decoded_to_the_same(void **state) {
	CLEANUP(buffer_deinit) struct buffer first = {0}, second = {0};
	struct caller *caller = read_pid(getpid()), *again = NULL;

	(void)state;
	assert_int_equal(caller_decode(&again, encoded(&first, caller)), 0);
	assert_string_equal(again->process.exe, caller->process.exe);
	assert_int_equal(again->n_ancestors, caller->n_ancestors);
	encoded(&second, again);
	assert_true(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
	caller_free(caller);
	caller_free(again);
}

static void no_beginning_of_a_caller_is_a_caller(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct caller *caller = read_pid(getpid()), *again = NULL;
	struct bytes whole = encoded(&buffer, caller);

	(void)state;
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(caller_decode(&again, (struct bytes){whole.data, len}), -EBADMSG);
	buffer_put_u8(&buffer, 0);
	assert_int_equal(caller_decode(&again, buffer_bytes(&buffer)), -EBADMSG);
	assert_null(again);
	caller_free(caller);
}

static void an_identified_caller_with_a_reason_is_nonsense(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct caller *caller = read_pid(getpid()), *again = NULL;

	(void)state;
	encoded(&buffer, caller);
	buffer.data[1] = 1; /* the reason's number */
	assert_int_equal(caller_decode(&again, buffer_bytes(&buffer)), -EBADMSG);
	buffer.data[1] = 0;
	buffer.data[0] = CALLER_UNKNOWN;
	assert_int_equal(caller_decode(&again, buffer_bytes(&buffer)), -EBADMSG);
	assert_null(again);
	caller_free(caller);
}

int main(int argc, char **argv) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(we_are_identified_with_our_program_and_parent),
		cmocka_unit_test(what_a_process_calls_itself_is_only_its_title),
		cmocka_unit_test(a_process_that_is_gone_has_changed),
		cmocka_unit_test(a_zombie_is_nobody),
		cmocka_unit_test(another_uid_is_refused_whatever_it_runs),
		cmocka_unit_test(a_writer_that_the_kernel_did_not_name_is_unknown),
		cmocka_unit_test(what_is_encoded_is_decoded_to_the_same),
		cmocka_unit_test(no_beginning_of_a_caller_is_a_caller),
		cmocka_unit_test(an_identified_caller_with_a_reason_is_nonsense),
	};
	CLEANUP(free_pointer) char *path = realpath("/proc/self/exe", NULL);

	(void)argc, (void)argv;
	own_path = path;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
