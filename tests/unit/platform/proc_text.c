#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>

#include "platform/linux/proc_text.h"

#define STAT_REST " S 4115 4117 4117 34816 4231 4194304 1 0 0 0 0 0 0 0 20 0 1 0 262 8523776 880\n"

static struct bytes text(const char *content) {
	return bytes_of_text(content);
}

static void an_ordinary_stat_is_read(void **state) {
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse(&stat, text("4117 (bash)" STAT_REST)), 0);
	assert_true(bytes_equal_text(stat.title, "bash"));
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.parent, 4115);
	assert_int_equal(stat.tty, 34816);
	assert_int_equal(stat.start_ticks, 262);
}

static void the_addresses_of_an_image_are_read(void **state) {
	const char *line =
		"4117 (bash) S 4115 4117 4117 34816 4231 4194304 1 0 0 0 0 0 0 0 20 0 1 0 262 "
		"8523776 880 18446744073709551615 1 2 3 0 0 0 65536 3686404 1266761467 1 0 0 "
		"17 1 0 0 0 0 0 4 5 6 7 8 9 10 0\n";
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat_parse(&stat, text(line)), 0);
	for (size_t i = 0; i < PROC_ADDRESSES; i++)
		assert_int_equal(stat.addresses[i], i + 1);
	assert_int_equal(proc_stat_parse(&stat, text("4117 (bash)" STAT_REST)), 0);
	assert_int_equal(stat.addresses[0], 0);
	assert_int_equal(
		proc_stat_parse(&stat, text("1 (a) S 0 1 1 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 2 "
	                                    "3 4 5 x 7 8\n")),
		-EBADMSG);
}

static void a_title_cannot_write_the_fields_behind_it(void **state) {
	const char *const titles[] = {") S 1 1 1 1 (", "a b\nc)", "((", ")", "",
	                              ") R 1 ",        "\x1b[2J"};

	(void)state;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		char line[512];
		struct proc_stat stat;

		strcpy(line, "4117 (");
		strcat(line, titles[i]);
		strcat(line, ")" STAT_REST);
		assert_int_equal(proc_stat_parse(&stat, text(line)), 0);
		assert_true(bytes_equal_text(stat.title, titles[i]));
		assert_int_equal(stat.parent, 4115);
		assert_int_equal(stat.start_ticks, 262);
	}
}

static void a_stat_that_is_cut_or_odd_is_refused(void **state) {
	const char *const lines[] = {
		"",
		"\n",
		"4117 (bash)\n",
		"4117 bash" STAT_REST,
		")(" STAT_REST,
		"4117 (bash) S 4115 4117 4117 34816 4231 4194304 1 0 0 0 0 0 0 0 20 0 1 0 262",
		"4117 (bash) S 4115 4117 4117 34816 4231 4194304 1 0 0 0 0 0 0 0 20 0 1 0\n",
		"4117 (bash) S -4115 0 0 0 0 0 1 0 0 0 0 0 0 0 20 0 1 0 262 1\n",
		"4117 (bash) S 99999999999 0 0 0 0 0 1 0 0 0 0 0 0 0 20 0 1 0 262 1\n",
		"4117 (bash) S 1 0 0 0 0 0 1 0 0 0 0 0 0 0 20 0 1 0 18446744073709551616 1\n",
		"4117 (bash) SS 1 0 0 0 0 0 1 0 0 0 0 0 0 0 20 0 1 0 262 1\n",
	};
	struct proc_stat stat = {.parent = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(proc_stat_parse(&stat, text(lines[i])), -EBADMSG);
	assert_int_equal(stat.parent, 7); /* a refusal leaves the copy alone */
}

static void status_tells_tracer_uids_and_namespaces(void **state) {
	const char lines[] = "Name:\tTracerPid:\\n0\nState:\tS (sleeping)\nTracerPid:\t77\n"
			     "Uid:\t1000\t0\t1000\t1000\nGid:\t1\t1\t1\t1\nNSpid:\t40\t1\n";
	struct proc_status status;

	(void)state;
	assert_int_equal(proc_status_parse(&status, text(lines)), 0);
	assert_int_equal(status.tracer, 77);
	assert_int_equal(status.uids[0], 1000);
	assert_int_equal(status.uids[1], 0);
	assert_int_equal(status.pid_namespaces, 2);
}

static void status_tells_the_parent_and_what_the_process_gave_up(void **state) {
	const char rest[] = "TracerPid:\t0\nUid:\t1\t1\t1\t1\n";
	char lines[256];
	struct proc_status status;

	(void)state;
	snprintf(lines, sizeof(lines), "PPid:\t31\nNoNewPrivs:\t1\nSeccomp:\t2\n%s", rest);
	assert_int_equal(proc_status_parse(&status, text(lines)), 0);
	assert_int_equal(status.parent, 31);
	assert_true(status.filters_calls);
	assert_true(status.no_new_privileges);
	snprintf(lines, sizeof(lines), "NoNewPrivs:\t0\nSeccomp:\t1\nSeccomp_filters:\t2\n%s",
	         rest);
	assert_int_equal(proc_status_parse(&status, text(lines)), 0);
	assert_int_equal(status.parent, 0);
	assert_false(status.filters_calls); /* strict mode is no filter */
	assert_false(status.no_new_privileges);
	snprintf(lines, sizeof(lines), "PPid:\tx\n%s", rest);
	assert_int_equal(proc_status_parse(&status, text(lines)), -EBADMSG);
}

static void a_status_without_what_counts_is_refused(void **state) {
	struct proc_status status;

	(void)state;
	assert_int_equal(proc_status_parse(&status, text("")), -EBADMSG);
	assert_int_equal(proc_status_parse(&status, text("TracerPid:\t0\n")), -EBADMSG);
	assert_int_equal(proc_status_parse(&status, text("Uid:\t1\t1\t1\t1\n")), -EBADMSG);
	assert_int_equal(
		proc_status_parse(&status, text("TracerPid:\t0\nUid:\t1\t1\t1\t1\nNSpid:\t4")),
		-EBADMSG); /* cut short */
	assert_int_equal(proc_status_parse(&status, text("TracerPid:\tx\nUid:\t1\t1\t1\t1\n")),
	                 -EBADMSG);
	assert_int_equal(proc_status_parse(&status, text("TracerPid:\t0\nUid:\t1\t1\t1\n")),
	                 -EBADMSG);
}

static void the_unified_cgroup_is_found_among_others(void **state) {
	struct bytes path;

	(void)state;
	assert_int_equal(proc_cgroup_parse(&path, text("0::/user.slice/app:1.scope\n")), 0);
	assert_true(bytes_equal_text(path, "/user.slice/app:1.scope"));
	assert_int_equal(
		proc_cgroup_parse(&path, text("12:cpu,cpuacct:/x\n1:name=a:/0::/y\n0::/z\n")), 0);
	assert_true(bytes_equal_text(path, "/z"));
	assert_int_equal(proc_cgroup_parse(&path, text("12:cpu:/x\n10::/y\n")), -ENOENT);
	assert_int_equal(proc_cgroup_parse(&path, text("")), -ENOENT);
}

static void a_cut_command_line_keeps_whole_texts(void **state) {
	const struct bytes two = {(const uint8_t *)"ab\0cd", 5};
	const struct bytes one = {(const uint8_t *)"abcde", 5};

	(void)state;
	assert_int_equal(proc_cmdline_keep(two, 5), 3);
	assert_int_equal(proc_cmdline_keep(two, 6), 5);
	assert_int_equal(proc_cmdline_keep(one, 5), 5);
	assert_int_equal(proc_cmdline_keep((struct bytes){0}, 5), 0);
}

static void only_the_path_of_a_file_that_is_there_is_a_path(void **state) {
	(void)state;
	assert_true(proc_link_is_path(text("/usr/bin/ssh")));
	assert_true(proc_link_is_path(text("/a (deleted) b")));
	assert_false(proc_link_is_path(text("/usr/bin/ssh (deleted)")));
	assert_false(proc_link_is_path(text("(unreachable)/usr/bin/ssh")));
	assert_false(proc_link_is_path(text("socket:[12]")));
	assert_false(proc_link_is_path(text("")));
	assert_true(bytes_equal_text(proc_base_name(text("/usr/bin/ssh")), "ssh"));
	assert_true(bytes_equal_text(proc_base_name(text("/ssh")), "ssh"));
	assert_int_equal(proc_base_name(text("/")).len, 0);
}

static void a_descriptors_flags_and_socket_are_read(void **state) {
	bool cloexec = false;

	(void)state;
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("pos:\t0\nflags:\t02000002\nino:\t7\n")),
	                 0);
	assert_true(cloexec);
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("flags:\t02\n")), 0);
	assert_false(cloexec);
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("")), -EBADMSG);
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("flags:\t\n")), -EBADMSG);
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("flags:\t08\n")), -EBADMSG);
	assert_int_equal(proc_fdinfo_parse(&cloexec, text("xflags:\t02000000\n")), -EBADMSG);
	assert_int_equal(proc_socket_inode(text("socket:[4711]")), 4711);
	assert_int_equal(proc_socket_inode(text("socket:[4294967296]")), 0);
	assert_int_equal(proc_socket_inode(text("socket:[]")), 0);
	assert_int_equal(proc_socket_inode(text("socket:[")), 0);
	assert_int_equal(proc_socket_inode(text("pipe:[4711]")), 0);
	assert_int_equal(proc_socket_inode(text("/tmp/socket:[4711]")), 0);
}

static void how_long_one_ran_and_waited_is_read(void **state) {
	uint64_t ran = 0, waited = 0;

	(void)state;
	assert_int_equal(proc_schedstat_parse(&ran, &waited, text("18446744073709551615 7 3\n")),
	                 0);
	assert_int_equal(ran, UINT64_MAX);
	assert_int_equal(waited, 7);
	assert_int_equal(proc_schedstat_parse(&ran, &waited, text("")), -EBADMSG);
	assert_int_equal(proc_schedstat_parse(&ran, &waited, text("1 2")), -EBADMSG);
	assert_int_equal(proc_schedstat_parse(&ran, &waited, text("1 x 3\n")), -EBADMSG);
	assert_int_equal(proc_schedstat_parse(&ran, &waited, text("-1 2 3\n")), -EBADMSG);
	assert_int_equal(waited, 7);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_stat_is_read),
		cmocka_unit_test(the_addresses_of_an_image_are_read),
		cmocka_unit_test(a_title_cannot_write_the_fields_behind_it),
		cmocka_unit_test(a_stat_that_is_cut_or_odd_is_refused),
		cmocka_unit_test(status_tells_tracer_uids_and_namespaces),
		cmocka_unit_test(status_tells_the_parent_and_what_the_process_gave_up),
		cmocka_unit_test(a_status_without_what_counts_is_refused),
		cmocka_unit_test(the_unified_cgroup_is_found_among_others),
		cmocka_unit_test(a_cut_command_line_keeps_whole_texts),
		cmocka_unit_test(a_descriptors_flags_and_socket_are_read),
		cmocka_unit_test(how_long_one_ran_and_waited_is_read),
		cmocka_unit_test(only_the_path_of_a_file_that_is_there_is_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
