/* Ancestors that are kept: as they are, not as they were. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "caller/caller.h"
#include "children.h"

static struct view *view;
static struct kin *kin;

static int begin(void **state) {
	(void)state;
	return view_new(&view) < 0 || kin_new(&kin, view) < 0 ? -1 : 0;
}

static int end(void **state) {
	(void)state;
	kin_free(kin);
	view_free(view);
	return 0;
}

/* What the kin says of it is what is read anew. */
static pid_t assert_as_it_is(pid_t pid) {
	struct process known, anew;
	struct subject *kept, *subject;
	pid_t parent, parent_anew;

	assert_int_equal(kin_read(&known, &parent, &kept, kin, pid), 0);
	assert_int_equal(subject_open(&subject, view, pid), 0);
	assert_int_equal(subject_process(&anew, &parent_anew, subject), 0);
	assert_int_equal(parent, parent_anew);
	assert_int_equal(known.pid, pid);
	assert_int_equal(known.start_ticks, anew.start_ticks);
	assert_int_equal(known.exe == NULL, anew.exe == NULL);
	if (anew.exe != NULL) {
		assert_string_equal(known.exe, anew.exe);
		assert_string_equal(known.name, anew.name);
	}
	assert_string_equal(known.title, anew.title);
	assert_int_equal(known.argc, anew.argc);
	for (size_t i = 0; i < anew.argc; i++)
		assert_string_equal(known.argv[i], anew.argv[i]);
	assert_int_equal(known.foreign, anew.foreign);
	process_deinit(&known);
	process_deinit(&anew);
	subject_close(subject);
	return parent;
}

static void what_is_known_is_said_again(void **state) {
	pid_t pid = getpid();

	(void)state;
	for (int i = 0; i < 2; i++)
		for (pid = getpid(); pid != 0;)
			pid = assert_as_it_is(pid);
}

static void what_is_known_costs_no_descriptors_again(void **state) {
	size_t before;

	(void)state;
	assert_as_it_is(getpid());
	before = count_descriptors();
	for (int i = 0; i < 10; i++)
		assert_as_it_is(getpid());
	assert_int_equal(count_descriptors(), before);
}

static void another_title_is_noticed(void **state) {
	(void)state;
	assert_as_it_is(getpid());
	prctl(PR_SET_NAME, "another");
	assert_as_it_is(getpid());
	prctl(PR_SET_NAME, "kin");
	assert_as_it_is(getpid());
}

/* As programs do that say in ps what they are at. */
static void arguments_that_are_written_over_are_noticed(void **state) {
	struct process process;
	struct subject *subject;
	pid_t parent, pid;
	int go[2], ready[2];

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork_child();
	if (pid == 0) {
		char stat[2048];
		unsigned long arg_start = 0;
		FILE *file = fopen("/proc/self/stat", "r");
		size_t len = file != NULL ? fread(stat, 1, sizeof(stat) - 1, file) : 0;
		const char *field;

		stat[len] = '\0';
		field = strrchr(stat, ')');
		for (int i = 3; field != NULL && i <= 48; i++)
			field = strchr(field + 1, ' ');
		if (field != NULL)
			arg_start = strtoul(field + 1, NULL, 10);
		tell(ready[1]);
		if (!is_told(go[0]) || arg_start == 0)
			_exit(1);
		*(char *)arg_start = '#'; /* NOLINT */
		tell(ready[1]);
		wait_forever();
	}
	assert_true(is_told(ready[0]));
	assert_as_it_is(pid);
	tell(go[1]);
	assert_true(is_told(ready[0]));
	assert_as_it_is(pid);
	assert_int_equal(kin_read(&process, &parent, &subject, kin, pid), 0);
	assert_int_equal(process.argv[0][0], '#');
	process_deinit(&process);
	end_child(pid);
}

static void another_image_is_noticed(void **state) {
	struct process process;
	struct subject *subject;
	int ready[2], go[2];
	pid_t parent, pid;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		tell(ready[1]);
		if (is_told(go[0]))
			execl("/bin/sleep", "sleep", "1000", (char *)NULL);
		_exit(1);
	}
	close(ready[1]);
	assert_true(is_told(ready[0]));
	assert_as_it_is(pid);
	tell(go[1]);
	wait_for_exec(pid, ready[0]);
	assert_as_it_is(pid);
	assert_int_equal(kin_read(&process, &parent, &subject, kin, pid), 0);
	assert_string_equal(process.name, "sleep");
	process_deinit(&process);
	end_child(pid);
}

static void an_executable_that_is_gone_is_no_longer_known(void **state) {
	char directory[] = "/tmp/guard-unit-XXXXXX";
	char path[64], command[256];
	struct process process;
	struct subject *subject;
	int ready[2];
	pid_t parent, pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sleep", directory);
	snprintf(command, sizeof(command), "cp /bin/sleep %s", path);
	assert_int_equal(system(command), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		execl(path, "sleep", "1000", (char *)NULL);
		_exit(1);
	}
	close(ready[1]);
	wait_for_exec(pid, ready[0]);
	assert_int_equal(kin_read(&process, &parent, &subject, kin, pid), 0);
	assert_string_equal(process.exe, path);
	process_deinit(&process);
	/* Another file at its path, and then none. */
	snprintf(command, sizeof(command), "cp /bin/sh %s/new && mv %s/new %s", directory,
	         directory, path);
	assert_int_equal(system(command), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kin_read(&process, &parent, &subject, kin, pid), 0);
		assert_null(process.exe);
		process_deinit(&process);
		unlink(path);
	}
	end_child(pid);
	rmdir(directory);
}

static void one_that_has_ended_is_not_known(void **state) {
	struct process process;
	struct subject *subject;
	pid_t parent, pid = fork_child();

	(void)state;
	if (pid == 0)
		wait_forever();
	assert_as_it_is(pid);
	end_child(pid);
	assert_int_equal(kin_read(&process, &parent, &subject, kin, pid), -ESRCH);
}

static void more_than_are_kept_are_read_all_the_same(void **state) {
	enum { MANY = 80 };
	pid_t pids[MANY];

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		pids[i] = fork_child();
		if (pids[i] == 0)
			wait_forever();
	}
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < MANY; i++)
			assert_as_it_is(pids[i]);
	for (size_t i = 0; i < MANY; i++)
		end_child(pids[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_said_again, begin, end),
		cmocka_unit_test_setup_teardown(what_is_known_costs_no_descriptors_again, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(another_title_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(arguments_that_are_written_over_are_noticed, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(another_image_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(an_executable_that_is_gone_is_no_longer_known,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(one_that_has_ended_is_not_known, begin, end),
		cmocka_unit_test_setup_teardown(more_than_are_kept_are_read_all_the_same, begin,
	                                        end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
