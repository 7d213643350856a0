#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "caller/caller.h"
#include "platform/linux/proc_text.h"

/* A line of a real /proc/PID/stat, with another comm. */
#define STAT(comm) \
	"4711 (" comm ") S 42 4711 4711 34816 4800 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 10\n"

static void a_stat_line_gives_parent_terminal_and_start(void **state) {
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse(&stat, bytes_of_text(STAT("ssh"))), 0);
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.parent, 42);
	assert_int_equal(stat.terminal, 34816);
	assert_int_equal(stat.start_ticks, 987654);
}

static void a_comm_cannot_forge_what_follows_it(void **state) {
	static const char *const lines[] = {STAT("a) R 1 (b"), STAT(") S 1 1 1 0 0"),
					    STAT("\n) Z 1"),   STAT("("),
					    STAT(""),	       STAT(" ")};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct proc_stat stat;

		assert_int_equal(proc_stat_parse(&stat, bytes_of_text(lines[i])), 0);
		assert_int_equal(stat.parent, 42);
		assert_int_equal(stat.start_ticks, 987654);
	}
}

static void a_stat_line_that_is_cut_is_refused(void **state) {
	static const char line[] = STAT("ssh");
	const size_t start = (size_t)(strstr(line, "987654") - line);

	(void)state;
	for (size_t len = 0; len <= start; len++) {
		struct proc_stat stat = {.parent = 7};

		assert_int_equal(proc_stat_parse(&stat, (struct bytes){(const uint8_t *)line, len}),
				 -EBADMSG);
		assert_int_equal(stat.parent, 7);
	}
}

static void words_where_numbers_belong_are_refused(void **state) {
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse(&stat, bytes_of_text("1 (a) S x 1 1 0")), -EBADMSG);
	assert_int_equal(proc_stat_parse(&stat, bytes_of_text("1 (a) S - 1 1 0")), -EBADMSG);
	assert_int_equal(
		proc_stat_parse(&stat, bytes_of_text("1 (a) S 99999999999999999999 1 1 0")),
		-EBADMSG);
}

static void argv_is_a_list_and_keeps_empty_words(void **state) {
	static const char line[] = "ssh\0-o\0\0host with space";
	struct process process = {0};

	(void)state;
	assert_int_equal(proc_argv_parse(&process, BYTES(line)), 0);
	assert_int_equal(process.argc, 4);
	assert_string_equal(process.argv[1], "-o");
	assert_string_equal(process.argv[2], "");
	assert_string_equal(process.argv[3], "host with space");
	assert_null(process.argv[4]);
	assert_false(process.argv_cut);
	process_deinit(&process);
}

static void an_empty_argv_is_known_to_be_empty(void **state) {
	struct process process = {0};

	(void)state;
	assert_int_equal(proc_argv_parse(&process, (struct bytes){0}), 0);
	assert_non_null(process.argv);
	assert_int_equal(process.argc, 0);
	assert_false(process.argv_cut);
	process_deinit(&process);
}

static void an_argv_that_is_cut_says_so(void **state) {
	struct process process = {0}, long_one = {0};
	char many[3 * ARGC_MAX];

	(void)state;
	assert_int_equal(proc_argv_parse(&process, bytes_of_text("no end")), 0);
	assert_string_equal(process.argv[0], "no end");
	assert_true(process.argv_cut);
	process_deinit(&process);
	memset(many, 0, sizeof(many));
	assert_int_equal(proc_argv_parse(&long_one, BYTES(many)), 0);
	assert_int_equal(long_one.argc, ARGC_MAX);
	assert_true(long_one.argv_cut);
	process_deinit(&long_one);
}

static void the_cgroup_is_that_of_the_unified_hierarchy(void **state) {
	(void)state;
	assert_true(bytes_equal_text(
		proc_cgroup_parse(bytes_of_text("1:name=systemd:/x\n0::/user.slice/a.scope\n")),
		"/user.slice/a.scope"));
	assert_true(bytes_equal_text(proc_cgroup_parse(bytes_of_text("0::/")), "/"));
	assert_int_equal(proc_cgroup_parse(bytes_of_text("1:cpu:/x\n")).len, 0);
	assert_int_equal(proc_cgroup_parse(bytes_of_text("0::")).len, 0);
	assert_int_equal(proc_cgroup_parse((struct bytes){0}).len, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stat_line_gives_parent_terminal_and_start),
		cmocka_unit_test(a_comm_cannot_forge_what_follows_it),
		cmocka_unit_test(a_stat_line_that_is_cut_is_refused),
		cmocka_unit_test(words_where_numbers_belong_are_refused),
		cmocka_unit_test(argv_is_a_list_and_keeps_empty_words),
		cmocka_unit_test(an_empty_argv_is_known_to_be_empty),
		cmocka_unit_test(an_argv_that_is_cut_says_so),
		cmocka_unit_test(the_cgroup_is_that_of_the_unified_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
