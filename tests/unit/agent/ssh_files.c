/* What ssh -G prints of known_hosts, taken apart. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "agent/ssh_files.h"

/* The paths as "user: /a /b; system: /c"; NULL: refused. */
static int read_text(char *ret, size_t size, const char *text, const char *home) {
	static const char *const kinds[] = {"user:", "; system:"};
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files files = {0};
	int error = ssh_known_files_read(&files, bytes_of_text(text), home);
	size_t len = 0;

	for (size_t kind = 0; error == 0 && kind < KNOWN_BY_COUNT; kind++) {
		len += (size_t)snprintf(ret + len, size - len, "%s", kinds[kind]);
		for (size_t i = 0; i < files.n_paths[kind]; i++)
			len += (size_t)snprintf(ret + len, size - len, " %s", files.paths[kind][i]);
	}
	return error;
}

static void assert_files(const char *text, const char *home, const char *expected) {
	char found[1024] = "";

	assert_int_equal(read_text(found, sizeof(found), text, home), 0);
	assert_string_equal(found, expected);
}

static void assert_refused(const char *text, const char *home) {
	char found[1024] = "";

	assert_int_equal(read_text(found, sizeof(found), text, home), -EBADMSG);
	assert_string_equal(found, "");
}

#define GLOBAL "globalknownhostsfile /etc/ssh/ssh_known_hosts\n"

static void what_openssh_prints_is_read(void **state) {
	(void)state;
	assert_files("host x\nhashknownhosts yes\n"
	             "globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n"
	             "userknownhostsfile /home/a/.ssh/known_hosts /home/a/.ssh/known_hosts2\n"
	             "port 22\n",
	             NULL,
	             "user: /home/a/.ssh/known_hosts /home/a/.ssh/known_hosts2; "
	             "system: /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2");
	assert_files(GLOBAL "userknownhostsfile ~/.ssh/known_hosts", "/home/a",
	             "user: /home/a/.ssh/known_hosts; system: /etc/ssh/ssh_known_hosts");
}

static void none_and_nothing_are_no_files(void **state) {
	(void)state;
	assert_files("userknownhostsfile none\nglobalknownhostsfile /dev/null\n", NULL,
	             "user:; system:");
}

static void what_is_not_certain_is_refused(void **state) {
	(void)state;
	assert_refused("", NULL);
	assert_refused(GLOBAL, NULL);
	assert_refused("userknownhostsfile /a\n", NULL);
	assert_refused("userknownhostsfile /a b\n" GLOBAL, NULL); /* one name with a blank? */
	assert_refused("userknownhostsfile known_hosts\n" GLOBAL, NULL);
	assert_refused("userknownhostsfile ~/known_hosts\n" GLOBAL, NULL);
	assert_refused("userknownhostsfile ~b/known_hosts\n" GLOBAL, "/home/a");
	assert_refused("userknownhostsfile /a  /b\n" GLOBAL, NULL);
	assert_refused("userknownhostsfile /1 /2 /3 /4 /5 /6 /7 /8 /9\n" GLOBAL, NULL);
	assert_refused("xuserknownhostsfile /a\n" GLOBAL, NULL);
}

static void the_first_line_holds(void **state) {
	(void)state;
	assert_files("userknownhostsfile /a\nuserknownhostsfile /b\n" GLOBAL, NULL,
	             "user: /a; system: /etc/ssh/ssh_known_hosts");
}

static void a_host_is_what_its_alias_stands_for(void **state) {
	static const struct {
		const char *text, *host;
		uint16_t port;
	} rows[] = {
		{"host x\nuser a\nhostname real.example\nport 22\n", "real.example", 22},
		{"hostname real.example\nport 2222", "real.example", 2222},
		/* Which ssh looks up by itself, whatever the port is. */
		{"hostname real.example\nport 2222\nhostkeyalias name", "name", 0},
		{"hostname first\nport 1\nhostname second\nport 2\n", "first", 1},
		{"hostname 2001:db8::1\nport 22\n", "2001:db8::1", 22},
		{"", NULL, 0},
		{"hostname real.example\n", NULL, 0},
		{"port 22\n", NULL, 0},
		{"hostname \nport 22\n", NULL, 0},
		{"hostname a b\nport 22\n", NULL, 0},
		{"hostname a\nport 22222222\n", NULL, 0},
		{"hostname a\nport 0\n", NULL, 0},
		{"xhostname a\nport 22\n", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(ssh_alias_deinit) struct ssh_alias alias = {0};

		print_message("# row %zu\n", i);
		assert_int_equal(ssh_alias_read(&alias, bytes_of_text(rows[i].text)),
		                 rows[i].host != NULL ? 0 : -EBADMSG);
		assert_int_equal(alias.port, rows[i].port);
		if (rows[i].host != NULL)
			assert_string_equal(alias.host, rows[i].host);
		else
			assert_null(alias.host);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_openssh_prints_is_read),
		cmocka_unit_test(none_and_nothing_are_no_files),
		cmocka_unit_test(what_is_not_certain_is_refused),
		cmocka_unit_test(the_first_line_holds),
		cmocka_unit_test(a_host_is_what_its_alias_stands_for),
	};

	return cmocka_run_group_tests_name("agent/ssh_files", tests, NULL, NULL);
}
