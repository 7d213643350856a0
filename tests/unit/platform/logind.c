#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/logind.h"

#define SLICE "/user.slice/user-1000.slice/"

static char directory[64];

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	return mkdtemp(directory) == NULL || chdir(directory) < 0 || mkdir("sessions", 0755) < 0 ||
	                       mkdir("users", 0755) < 0
	               ? -1
	               : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void write_file(const char *name, const char *content) {
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

/* As systemd 252 writes them. */
static const char desktop[] =
	"# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=1\n"
	"STATE=active\nREMOTE=0\nTYPE=wayland\nORIGINAL_TYPE=wayland\nCLASS=user\n"
	"SCOPE=session-2.scope\nSEAT=seat0\nTTY=tty2\nSERVICE=gdm-password\nVTNR=2\nLEADER=1234\n";
static const char over_ssh[] =
	"# This is private data. Do not parse.\nUID=1000\nUSER=alice\nACTIVE=1\nIS_DISPLAY=0\n"
	"STATE=active\nREMOTE=1\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-7.scope\n"
	"TTY=pts/0\nREMOTE_HOST=192.0.2.1\nSERVICE=sshd\nLEADER=999\nAUDIT=7\n";

static enum presence presence_in(const char *session) {
	return logind_presence_in(bytes_of_text(session), 1000);
}

static void a_session_is_told_by_its_scope(void **state) {
	struct logind_place place = logind_place_of(SLICE "session-c2.scope", 1000);

	(void)state;
	assert_true(bytes_equal_text(place.session, "c2"));
	assert_false(place.is_manager);
	place = logind_place_of(SLICE "session-3.scope/sub", 1000);
	assert_true(bytes_equal_text(place.session, "3"));
	place = logind_place_of(SLICE "user@1000.service/app.slice/x.scope", 1000);
	assert_true(place.is_manager);
	assert_int_equal(place.session.len, 0);
	assert_true(logind_place_of(SLICE "user@1000.service", 1000).is_manager);
}

static void a_group_that_logind_did_not_make_is_none(void **state) {
	static const char *const others[] = {
		SLICE "user@1000.service/session-3.scope/x",
		"/system.slice/session-3.scope",
		"/user.slice/user-1001.slice/session-3.scope",
		SLICE "session-../../x.scope",
		SLICE "session-.scope",
		SLICE "session-3.scopex",
		SLICE "session-3 4.scope",
		SLICE "session-012345678901234567890123456789012.scope",
		SLICE "user@1001.service",
		SLICE "user@1000.servicex",
		"/",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(logind_place_of(others[i], 1000).session.len, 0);
	for (size_t i = 1; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(logind_place_of(others[i], 1000).is_manager);
}

static void a_session_says_where_its_person_is(void **state) {
	(void)state;
	assert_int_equal(presence_in(desktop), PRESENCE_LOCAL);
	assert_int_equal(presence_in(over_ssh), PRESENCE_REMOTE);
	/* A serial console has no seat. */
	assert_int_equal(presence_in("UID=1000\nSTATE=online\nREMOTE=0\nCLASS=user\nTTY=ttyS0\n"),
	                 PRESENCE_LOCAL);
	/* `ssh localhost`, which somebody from afar may have called. */
	assert_int_equal(presence_in("UID=1000\nREMOTE=0\nCLASS=user\nTTY=pts/1\nSERVICE=sshd\n"),
	                 PRESENCE_REMOTE);
	assert_int_equal(presence_in("UID=1000\nREMOTE=0\nCLASS=user-early\nSEAT=seat0"),
	                 PRESENCE_LOCAL);
}

static void without_a_person_nobody_is_anywhere(void **state) {
	static const char *const others[] = {
		"",
		"REMOTE=1\nCLASS=user\n",
		"UID=1001\nREMOTE=1\nCLASS=user\n",
		"UID=1000\nREMOTE=1\n",
		"UID=1000\nREMOTE=0\nCLASS=background\nSEAT=seat0\n",
		"UID=1000\nREMOTE=0\nCLASS=manager\n",
		"UID=1000\nREMOTE=0\nCLASS=user\nSTATE=closing\nSEAT=seat0\n",
		"UID=1000\nREMOTE=0\nCLASS=user\nTTY=pts/1\nSERVICE=su\n",
		"UID=1000\nREMOTE=\nCLASS=user\nSEAT=seat0\n",
		"UID=1000\nREMOTE=0\nCLASS=user\nSEAT=\n",
		"XUID=1000\n UID=1000\nREMOTE=1\nCLASS=user\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (presence_in(others[i]) != PRESENCE_UNKNOWN)
			fail_msg("%s", others[i]);
}

static enum presence presence(const char *cgroup) {
	return logind_presence(directory, geteuid(), cgroup, 1000);
}

static void the_files_are_read(void **state) {
	(void)state;
	write_file("sessions/2", desktop);
	write_file("sessions/7", over_ssh);
	assert_int_equal(presence(SLICE "session-2.scope"), PRESENCE_LOCAL);
	assert_int_equal(presence(SLICE "session-7.scope"), PRESENCE_REMOTE);
	assert_int_equal(presence(SLICE "session-8.scope"), PRESENCE_UNKNOWN);
	assert_int_equal(presence("/system.slice/cron.service"), PRESENCE_UNKNOWN);
}

static void below_the_users_manager_all_sessions_must_agree(void **state) {
	static const char manager[] = SLICE "user@1000.service/app.slice/app-x.scope";

	(void)state;
	write_file("sessions/1", "UID=1000\nREMOTE=0\nCLASS=manager\n");
	write_file("sessions/2", desktop);
	write_file("sessions/3", desktop);
	write_file("sessions/7", over_ssh);
	assert_int_equal(presence(manager), PRESENCE_UNKNOWN);
	write_file("users/1000", "NAME=alice\nSTATE=active\nSESSIONS=1 3 2 \nSEATS=seat0\n");
	assert_int_equal(presence(manager), PRESENCE_LOCAL);
	write_file("users/1000", "NAME=alice\nSESSIONS=7 9\n");
	assert_int_equal(presence(manager), PRESENCE_REMOTE);
	write_file("users/1000", "NAME=alice\nSESSIONS=2 7\n");
	assert_int_equal(presence(manager), PRESENCE_UNKNOWN);
	write_file("users/1000", "NAME=alice\nSESSIONS=../users/1000\n");
	assert_int_equal(presence(manager), PRESENCE_UNKNOWN);
}

static void what_others_can_write_is_not_believed(void **state) {
	(void)state;
	write_file("sessions/2", desktop);
	assert_int_equal(chmod("sessions/2", 0666), 0);
	assert_int_equal(presence(SLICE "session-2.scope"), PRESENCE_UNKNOWN);
	assert_int_equal(chmod("sessions/2", 0644), 0);
	assert_int_equal(logind_presence(directory, geteuid() + 1, SLICE "session-2.scope", 1000),
	                 PRESENCE_UNKNOWN);
	assert_int_equal(unlink("sessions/2"), 0);
	assert_int_equal(mkfifo("sessions/2", 0644), 0);
	assert_int_equal(presence(SLICE "session-2.scope"), PRESENCE_UNKNOWN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_told_by_its_scope),
		cmocka_unit_test(a_group_that_logind_did_not_make_is_none),
		cmocka_unit_test(a_session_says_where_its_person_is),
		cmocka_unit_test(without_a_person_nobody_is_anywhere),
		cmocka_unit_test_setup_teardown(the_files_are_read, enter, leave),
		cmocka_unit_test_setup_teardown(below_the_users_manager_all_sessions_must_agree,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(what_others_can_write_is_not_believed, enter,
	                                        leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
