/* known_hosts files read line by line, held against what ssh-keygen reads in them. */
#include "known_keys.h"

#include <errno.h>

static void nothing_is_known_of_an_empty_index(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("");
	struct known_host host = find(hosts, key(0));

	(void)state;
	assert_int_equal(host.by_user, TRI_NO);
	assert_int_equal(host.by_system, TRI_NO);
	assert_false(host.is_revoked);
	assert_names(hosts, key(0), 16, "");
}

static void the_files_of_user_and_system_are_told_apart(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("mine @0\nboth @2\n");

	(void)state;
	add_text(hosts, "theirs @1\nboth @2\n", KNOWN_HOSTS_SYSTEM);
	assert_int_equal(find(hosts, key(0)).by_user, TRI_YES);
	assert_int_equal(find(hosts, key(0)).by_system, TRI_NO);
	assert_int_equal(find(hosts, key(1)).by_user, TRI_NO);
	assert_int_equal(find(hosts, key(1)).by_system, TRI_YES);
	assert_int_equal(find(hosts, key(2)).by_user, TRI_YES);
	assert_int_equal(find(hosts, key(2)).by_system, TRI_YES);
}

static void lines_may_end_and_look_as_they_like(void **state) {
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load(
		"# a comment\r\n\r\n \t\n  # another\n\t one\t @0\r\ntwo @1 a note\r\n"
		"@revoked\ttwo\tssh-ed25519\tnothing\nthree @2");

	(void)state;
	assert_counts(hosts, 3, 1);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "one", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(1), "two", 22), TRI_YES);
	assert_int_equal(known_hosts_has_name(hosts, key(2), "three", 22), TRI_YES);
}

static void what_follows_a_zero_byte_is_not_there(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;
	CLEANUP(buffer_deinit) struct buffer bytes = {0};

	(void)state;
	write_text(&bytes, "one @0 ");
	buffer_put_u8(&bytes, 0);
	write_text(&bytes, " rest\ntwo ");
	buffer_put_u8(&bytes, 0);
	write_text(&bytes, "@1\nthree @2\n");
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&bytes), KNOWN_HOSTS_USER), 0);
	assert_counts(hosts, 2, 1);
	assert_true(is_known(hosts, 0) && is_known(hosts, 2));
	assert_false(is_known(hosts, 1));
}

static void a_malformed_line_is_passed_over_and_counted(void **state) {
	static const char *const lines[] = {
		"one",
		"one ",
		"one ssh-ed25519",
		"one ssh-ed25519 ",
		"one # @0",
		"one ssh-ed25519 AAAA",
		"one ssh-ed25519 !",
		"one ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"one 1024 35 1234567890",
		"@0",
		"@marked one @0",
		"@revoked @revoked one @0",
		"@revoked @cert-authority one @0",
		"@revoked",
		"@revoked ",
		"@revoked\tone @0",
		"@cert-authority\tone @0",
		"@cert-authorityandsomethingverylong one @0",
		"!one @0",
		"!one,!two @0",
		", @0",
		"|1|c2FsdA==|aGFzaA== @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAB=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= @0",
		"|2|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= @0",
		"|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|AAAAAAAAAAAAAAAAAAAAAAAAAAA=,x @0",
		"one x@0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];

		snprintf(text, sizeof(text), "%s\ngood @1\n", lines[i]);
		CLEANUP(free_hosts) struct known_hosts *hosts = load(text);

		if (known_hosts_counts(hosts).malformed != 1)
			fail_msg("taken: %s", lines[i]);
		assert_false(is_known(hosts, 0));
		assert_false(find(hosts, key(0)).is_revoked);
		assert_true(is_known(hosts, 1)); /* the next line is not lost with it */
	}
}

static void a_key_of_unknown_type_is_known_byte_by_byte(void **state) {
	/* "new@example" with a string behind it, and the same with another string. */
	static const char blob[] = "\0\0\0\x0bnew@example\0\0\0\x02hi";
	static const char other[] = "\0\0\0\x0bnew@example\0\0\0\x02ho";
	CLEANUP(free_hosts)
	struct known_hosts *hosts = load("one new@example AAAAC25ld0BleGFtcGxlAAAAAmhp\n"
	                                 "two old@example AAAAC25ld0BleGFtcGxlAAAAAmhv\n");

	(void)state;
	assert_counts(hosts, 1, 1);
	assert_int_equal(known_hosts_counts(hosts).unknown_types, 1);
	assert_int_equal(
		find(hosts, (struct bytes){(const uint8_t *)blob, sizeof(blob) - 1}).by_user,
		TRI_YES);
	assert_int_equal(
		find(hosts, (struct bytes){(const uint8_t *)other, sizeof(other) - 1}).by_user,
		TRI_NO);
}

static void a_very_long_line_is_read_as_any_other(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buffer_put_raw(&text, bytes_of_text("host.name,"));
	write_text(&text, "last @0 ");
	for (int i = 0; i < 100000; i++)
		buffer_put_raw(&text, bytes_of_text("a comment "));
	write_text(&text, "\nnext @1\n");
	assert_int_equal(known_hosts_new(&hosts), 0);
	assert_int_equal(known_hosts_add(hosts, buffer_bytes(&text), KNOWN_HOSTS_USER), 0);
	assert_counts(hosts, 2, 0);
	assert_int_equal(known_hosts_has_name(hosts, key(0), "last", 22), TRI_YES);
	assert_names(hosts, key(0), 16, "last:22 host.name:22");
	assert_true(is_known(hosts, 1));
}

static void more_than_all_files_may_hold_is_refused(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = load("one @0\n");
	static const uint8_t byte;

	(void)state;
	assert_int_equal(known_hosts_add(hosts, (struct bytes){&byte, KNOWN_HOSTS_BYTES_MAX},
	                                 KNOWN_HOSTS_USER),
	                 -EFBIG);
}

static void keys_are_read_as_ssh_keygen_reads_them(void **state) {
	static const char *const lines[] = {
		"one @0",
		"one @0\r",
		"one\t@0\tnote",
		"one @0=",
		"one @0,",
		"one @0\v",
		"one ssh-rsa @0",
		"one @2",
		"one @3",
		"one ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
		"one ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"one ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAHwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		CLEANUP(free_hosts) struct known_hosts *hosts = load(lines[i]);
		bool theirs;

		write_file_of_text("one", lines[i]);
		theirs = system("ssh-keygen -l -F one -f one 2>&1 | grep -q SHA256:") == 0;
		if (known_hosts_counts(hosts).used != theirs)
			fail_msg("%s: ssh-keygen %s it", lines[i], theirs ? "takes" : "refuses");
	}
}

static void a_host_that_ssh_keygen_removes_is_gone(void **state) {
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	write_file_of_text("removed", "one @0\ntwo @1\n");
	keygen_run("ssh-keygen -q -H -f removed >keygen.out 2>&1");
	keygen_run("ssh-keygen -q -R one -f removed >keygen.out 2>&1");
	hosts = load_file("removed");
	assert_false(is_known(hosts, 0));
	assert_true(is_known(hosts, 1));
}

static void a_certificate_in_a_line_is_no_host_key(void **state) {
	CLEANUP(buffer_deinit) struct buffer one = {0};
	CLEANUP(free_hosts) struct known_hosts *hosts = NULL;

	(void)state;
	make_certificate(&one, "one.x");
	keygen_run("sed 's/^/one.x /' key0-cert.pub >certificate");
	hosts = load_file("certificate");
	assert_counts(hosts, 0, 1);
	assert_int_equal(find(hosts, buffer_bytes(&one)).by_user, TRI_NO);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_of_an_empty_index),
		cmocka_unit_test(the_files_of_user_and_system_are_told_apart),
		cmocka_unit_test(lines_may_end_and_look_as_they_like),
		cmocka_unit_test(what_follows_a_zero_byte_is_not_there),
		cmocka_unit_test(a_malformed_line_is_passed_over_and_counted),
		cmocka_unit_test(a_key_of_unknown_type_is_known_byte_by_byte),
		cmocka_unit_test(a_very_long_line_is_read_as_any_other),
		cmocka_unit_test(more_than_all_files_may_hold_is_refused),
		cmocka_unit_test(keys_are_read_as_ssh_keygen_reads_them),
		cmocka_unit_test(a_host_that_ssh_keygen_removes_is_gone),
		cmocka_unit_test(a_certificate_in_a_line_is_no_host_key),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
