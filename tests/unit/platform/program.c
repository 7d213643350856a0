/* What programs are called, on files of our own. As root, so that "root's" can be made; else what
 * needs that is left out. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/program.h"

static char directory[64];

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	return mkdtemp(directory) == NULL || chmod(directory, 0755) < 0 || chdir(directory) < 0 ? -1
	                                                                                        : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void make(const char *name, const char *content) {
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* A path in our directory; the texts live as long as the test. */
static const char *at(const char *name) {
	static char paths[8][128];
	static unsigned n;
	char *path = paths[n++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static struct program program_of(struct stat *file, const char *exe, const char *argv0) {
	assert_int_equal(stat(exe, file), 0);
	return (struct program){exe, file, argv0};
}

static void assert_name(const char *exe, const char *argv0, const char *expected) {
	struct stat file;
	struct program program = program_of(&file, exe, argv0);
	char *name = program_name(&program);

	assert_string_equal(name, expected);
	free(name);
}

static enum tri mismatch(const char *exe, const char *argv0, const char *path) {
	struct stat file;
	struct program program = program_of(&file, exe, argv0);
	struct program_search search = {.cwd = directory, .has_path = true};

	if (path != NULL)
		search.path = bytes_of_text(path);
	return program_argv_mismatch(&program, &search);
}

static void a_program_is_called_by_its_file(void **state) {
	(void)state;
	assert_name("/usr/bin/env", NULL, "env");
	assert_name("/usr/bin/env", "", "env");
	assert_name("/usr/bin/env", "-env", "env");
	assert_name("/usr/bin/env", "/usr/bin/cat", "env"); /* there is one, but it is another */
	assert_name("/usr/bin/env", "ssh", "env");
	assert_name("/usr/bin/env", "/no/such/ssh", "env");
	assert_name("/usr/bin/env", "..", "env");
	assert_name("/usr/bin/env", "/", "env");
}

static void a_link_of_roots_is_a_name_and_anybody_elses_is_none(void **state) {
	(void)state;
	if (geteuid() != 0)
		skip();
	make("python3.11", "binary");
	assert_int_equal(symlink("python3.11", "python3"), 0);
	assert_int_equal(link("python3.11", "hard"), 0);
	assert_int_equal(symlink("python3.11", "theirs"), 0);
	assert_int_equal(lchown("theirs", 12345, 12345), 0);
	assert_name(at("python3.11"), "python3", "python3");
	assert_name(at("python3.11"), "-python3", "python3");
	assert_name(at("python3.11"), at("python3"), "python3");
	assert_name(at("python3.11"), "hard", "hard");
	assert_name(at("python3.11"), "theirs", "python3.11");
	assert_name(at("python3.11"), "./python3", "python3.11"); /* in which directory? */
	assert_name(at("python3.11"), "python", "python3.11");

	assert_int_equal(chmod(directory, 0777), 0); /* where anybody can make links */
	assert_name(at("python3.11"), "python3", "python3.11");
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chown(directory, 12345, 12345), 0);
	assert_name(at("python3.11"), "python3", "python3.11");
	assert_int_equal(chown(directory, 0, 0), 0);
	assert_int_equal(chown("python3.11", 12345, 12345),
	                 0); /* of a program that is not root's */
	assert_name(at("python3.11"), "python3", "python3.11");
}

static void the_frame_of_the_nix_store_is_taken_off(void **state) {
	struct stat file = {0};
	char *name;

	(void)state;
	name = program_name(&(struct program){"/nix/store/h-a/bin/.foo-wrapped", &file, NULL});
	assert_string_equal(name, "foo");
	free(name);
	name = program_name(&(struct program){"/nix/store/h-a/bin/.-wrapped", &file, NULL});
	assert_string_equal(name, ".-wrapped");
	free(name);
	name = program_name(&(struct program){"/home/a/.ssh-wrapped", &file, NULL});
	assert_string_equal(name, ".ssh-wrapped");
	free(name);
}

static void argv0_is_looked_for_as_a_shell_would(void **state) {
	char two[256];

	(void)state;
	make("evil", "\177ELF");
	make("ssh", "\177ELF");
	assert_int_equal(mkdir("other", 0755), 0);
	make("other/ssh", "\177ELF");
	assert_int_equal(symlink("../evil", "other/link"), 0);
	assert_int_equal(mismatch(at("evil"), at("evil"), ""), TRI_NO);
	assert_int_equal(mismatch(at("evil"), at("ssh"), ""), TRI_YES);
	assert_int_equal(mismatch(at("evil"), "ssh", directory), TRI_YES);
	assert_int_equal(mismatch(at("evil"), "-ssh", directory), TRI_YES);
	assert_int_equal(mismatch(at("evil"), "link", at("other")), TRI_NO);
	assert_int_equal(mismatch(at("evil"), at("other/link"), ""), TRI_NO);
	/* The first one counts. */
	snprintf(two, sizeof(two), "/no/such:%s:%s", directory, at("other"));
	assert_int_equal(mismatch(at("ssh"), "ssh", two), TRI_NO);
	snprintf(two, sizeof(two), "%s:%s", at("other"), directory);
	assert_int_equal(mismatch(at("ssh"), "ssh", two), TRI_YES);
	/* An empty part is the working directory, and so is where a relative one begins. */
	assert_int_equal(mismatch(at("evil"), "ssh", ""), TRI_YES);
	assert_int_equal(mismatch(at("ssh"), "ssh", "/no:"), TRI_NO);
	assert_int_equal(mismatch(at("other/ssh"), "ssh", "other"), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "other/ssh", ""), TRI_YES);
	assert_int_equal(mismatch(at("other/ssh"), "./other/ssh", ""), TRI_NO);
	/* Where there is no PATH at all there is a usual one. */
	assert_int_equal(mismatch(at("evil"), "env", NULL), TRI_YES);
	assert_int_equal(mismatch("/usr/bin/env", "env", NULL), TRI_NO);
}

static void what_leads_nowhere_names_no_other(void **state) {
	(void)state;
	make("evil", "\177ELF");
	make("plain", "text");
	assert_int_equal(chmod("plain", 0644), 0);
	assert_int_equal(mkfifo("fifo", 0755), 0);
	assert_int_equal(mismatch(at("evil"), NULL, directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "sshd: somebody [priv]", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "plain", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "fifo", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), ".", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "/", directory), TRI_NO);
	assert_int_equal(mismatch(at("evil"), "/dev/null", directory), TRI_NO);
	/* By such a link each process sees itself, and we should see us. */
	assert_int_equal(mismatch(at("evil"), "/proc/self/exe", directory), TRI_NO);
	assert_int_equal(symlink("/proc/self/exe", "self"), 0);
	assert_int_equal(mismatch(at("evil"), "self", directory), TRI_NO);
}

static void a_script_never_runs_itself(void **state) {
	(void)state;
	make("node", "\177ELF");
	make("claude", "#!/usr/bin/env node\n");
	assert_int_equal(mismatch(at("node"), "claude", directory), TRI_NO);
	assert_int_equal(mismatch(at("node"), at("claude"), directory), TRI_NO);
}

static void what_cannot_be_looked_for_is_unknown(void **state) {
	struct stat file;
	struct program program = program_of(&file, "/usr/bin/env", "ssh");
	char many[1024];

	(void)state;
	assert_int_equal(program_argv_mismatch(&program, &(struct program_search){.cwd = "/"}),
	                 TRI_UNKNOWN);
	assert_int_equal(program_argv_mismatch(
				 &program, &(struct program_search){.has_path = true,
	                                                            .path = bytes_of_text("a")}),
	                 TRI_UNKNOWN);
	program.argv0 = "./ssh";
	assert_int_equal(
		program_argv_mismatch(&program, &(struct program_search){.has_path = true}),
		TRI_UNKNOWN);
	memset(many, ':', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	program.argv0 = "no-such-program";
	assert_int_equal(program_argv_mismatch(
				 &program, &(struct program_search){.cwd = directory,
	                                                            .has_path = true,
	                                                            .path = bytes_of_text(many)}),
	                 TRI_UNKNOWN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_called_by_its_file),
		cmocka_unit_test_setup_teardown(a_link_of_roots_is_a_name_and_anybody_elses_is_none,
	                                        enter, leave),
		cmocka_unit_test(the_frame_of_the_nix_store_is_taken_off),
		cmocka_unit_test_setup_teardown(argv0_is_looked_for_as_a_shell_would, enter, leave),
		cmocka_unit_test_setup_teardown(what_leads_nowhere_names_no_other, enter, leave),
		cmocka_unit_test_setup_teardown(a_script_never_runs_itself, enter, leave),
		cmocka_unit_test_setup_teardown(what_cannot_be_looked_for_is_unknown, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
