/* What a profile for macOS's sandbox allows, and never does. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

static void see_home(struct view *view, enum view_kind kind) {
	view_add(view, kind, HOME);
	view_add(view, VIEW_WRITABLE, WORK);
	view_add(view, VIEW_WRITABLE, WORK "/.git");
	view_add(view, VIEW_READABLE, WORK "/.git/hooks");
	view_add(view, VIEW_READABLE, WORK "/.git/config");
	view_add(view, VIEW_EMPTY, HOME "/.ssh");
	view_add(view, VIEW_READABLE, HOME "/.ssh/config");
	view_add(view, VIEW_READABLE, HOME "/.ssh/known_hosts");
	view_add(view, VIEW_BLANK, HOME "/dotfiles/id_ed25519");
	view_add(view, VIEW_ABSENT, HOME "/.gnupg");
	view_add(view, VIEW_EMPTY, HOME "/Library/Keychains");
	view_add(view, VIEW_EMPTY, HOME "/.config/ssh-agent-guard");
	view_add(view, VIEW_EMPTY, HOME "/.local/state/ssh-agent-guard");
	view_add(view, VIEW_EMPTY, FOLDERS "/ssh-agent-guard");
}

static bool connects(const struct sbpl_node *profile, const char *path) {
	return allows(profile, "network-outbound", (struct sbpl_object){.remote_unix = path});
}

/* ---- whole profiles ---- */

static void assert_same_as_file(const struct seatbelt *seatbelt, const char *name) {
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	CLEANUP(free_pointer) char *path = NULL;
	char wanted[32 * 1024];
	FILE *file;
	size_t len;

	make(&profile, seatbelt);
	buffer_put_u8(&profile, 0);
	assert_true(asprintf(&path, "%s/tests/unit/sandbox/%s", getenv("GUARD_SOURCE"), name) > 0);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(wanted, 1, sizeof(wanted) - 1, file);
	fclose(file);
	wanted[len] = '\0';
	assert_string_equal((const char *)profile.data, wanted);
}

static void the_usual_profile_is_this_one(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	assert_same_as_file(&seatbelt, "usual.sb");
}

static void the_closest_profile_is_this_one(void **state) {
	static const char *const sockets[] = {HOME "/.docker/run/docker.sock"};
	CLEANUP(view_deinit) struct view view = {0};
	struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_EMPTY);
	view_add(&view, VIEW_READABLE, HOME "/.ssh/work \"key\"");
	seatbelt.no_network = true;
	seatbelt.n_terminals = 0;
	seatbelt.sockets = sockets;
	seatbelt.n_sockets = 1;
	assert_same_as_file(&seatbelt, "closest.sb");
}

/* ---- files ---- */

static void keys_and_the_guards_files_are_hidden(void **state) {
	static const char *const hidden[] = {
		HOME "/.ssh/id_ed25519",
		HOME "/.ssh",
		HOME "/.ssh/config.d/x",
		HOME "/dotfiles/id_ed25519",
		HOME "/.gnupg/private-keys-v1.d/x.key",
		HOME "/Library/Keychains/login.keychain-db",
		HOME "/.config/ssh-agent-guard/policy.yaml",
		HOME "/.local/state/ssh-agent-guard/pin",
		FOLDERS "/ssh-agent-guard/control.sock",
		FOLDERS "/other",
		"/private/tmp/com.apple.launchd.x/Listeners",
		"/private/var/tmp/x",
		"/System/Volumes/Data/Users/a/.ssh/id_ed25519",
		"/dev/ttys005",
		"/dev/disk0",
		"/dev/bpf0",
	};
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		assert_false(reads(&profile, hidden[i]));
		assert_false(writes(&profile, hidden[i]));
	}
	/* Nor is one of them taken somewhere else under another name. */
	assert_false(allows(&profile, "file-link", (struct sbpl_object){.path = hidden[0]}));
	assert_false(allows(&profile, "file-clone", (struct sbpl_object){.path = hidden[0]}));
	assert_false(
		allows(&profile, "file-write-unlink", (struct sbpl_object){.path = hidden[0]}));
}

static void what_it_works_with_is_open(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	assert_true(writes(&profile, WORK "/main.c"));
	assert_true(writes(&profile, WORK "/.git/index"));
	assert_true(writes(&profile, SCRATCH "/tmp1"));
	assert_true(writes(&profile, "/dev/null"));
	assert_true(writes(&profile, terminals[0]));
	assert_true(reads(&profile, HOME "/.ssh/known_hosts"));
	assert_true(reads(&profile, HOME "/.ssh/config"));
	assert_true(reads(&profile, HOME "/.zshrc"));
	assert_true(reads(&profile, "/usr/bin/git"));
	assert_true(reads(&profile, "/"));
	assert_true(reads(&profile, PROGRAM));
	assert_false(writes(&profile, HOME "/.zshrc"));
	assert_false(writes(&profile, HOME "/Library/LaunchAgents/x.plist"));
	assert_false(writes(&profile, HOME "/.ssh/known_hosts"));
	assert_false(writes(&profile, PROGRAM));
	assert_false(writes(&profile, "/usr/local/bin/x"));
	assert_true(allows(&profile, "file-read-data",
	                   (struct sbpl_object){.path = "/dev/ttys009", .own_pty = true}));
	/* Where it is, it can ask, though a directory above be hidden. */
	assert_true(allows(&profile, "file-read-metadata", (struct sbpl_object){.path = FOLDERS}));
	assert_true(allows(&profile, "file-read-metadata", (struct sbpl_object){.path = SOCKET}));
}

static void what_makes_git_run_programs_stays_and_cannot_be_moved_away(void **state) {
	static const char *const closed[] = {WORK "/.git/hooks/post-commit", WORK "/.git/hooks",
	                                     WORK "/.git/config"};
	static const char *const held[] = {WORK, WORK "/.git", SCRATCH, WORK "/.git/hooks"};
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		assert_true(reads(&profile, closed[i]));
		assert_false(writes(&profile, closed[i]));
		assert_false(
			allows(&profile, "file-link", (struct sbpl_object){.path = closed[i]}));
	}
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		assert_false(allows(&profile, "file-write-unlink",
		                    (struct sbpl_object){.path = held[i]}));
	assert_true(allows(&profile, "file-write-unlink",
	                   (struct sbpl_object){.path = WORK "/.git/index.lock"}));
}

static void a_private_home_is_hidden_but_for_the_working_directory(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_EMPTY);
	read_profile(&profile, &seatbelt);
	assert_false(reads(&profile, HOME "/.zshrc"));
	assert_false(reads(&profile, HOME));
	assert_true(writes(&profile, WORK "/main.c"));
	assert_true(reads(&profile, HOME "/.ssh/known_hosts"));
}

/* ---- sockets, services, processes ---- */

static void of_all_sockets_it_reaches_the_endpoint_and_its_own(void **state) {
	static const char *const sockets[] = {HOME "/.docker/run/docker.sock"};
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	assert_true(connects(&profile, SOCKET));
	assert_true(connects(&profile, SCRATCH "/own"));
	assert_true(connects(&profile, "/private/var/run/mDNSResponder"));
	assert_false(connects(&profile, sockets[0]));
	assert_false(connects(&profile, "/private/tmp/com.apple.launchd.x/Listeners"));
	assert_false(connects(&profile, "/private/tmp/tmux-501/default"));
	assert_false(connects(&profile, FOLDERS "/ssh-agent-guard.sock"));
	assert_false(connects(&profile, FOLDERS "/ssh-agent-guard/control.sock"));
	assert_false(connects(&profile, SOCKET "/x"));
	assert_false(connects(&profile, WORK "/dev.sock")); /* it may be another's */
	assert_false(connects(&profile, HOME "/.ssh/master-x"));
	assert_false(
		connects(&profile, HOME "/Library/Group Containers/t.com.1password/t/agent.sock"));
	assert_true(allows(&profile, "network-bind",
	                   (struct sbpl_object){.local_unix = SCRATCH "/own"}));
	assert_false(allows(&profile, "network-bind",
	                    (struct sbpl_object){.local_unix = HOME "/.ssh/master-x"}));
	sbpl_node_deinit(&profile);
	seatbelt.sockets = sockets;
	seatbelt.n_sockets = 1;
	read_profile(&profile, &seatbelt);
	assert_true(connects(&profile, sockets[0]));
}

static void no_network_is_none(void **state) {
	/* Who looks a name up, or fetches what a certificate names, is a way out, too. */
	static const char *const services[] = {"com.apple.dnssd.service", "com.apple.ocspd",
	                                       "com.apple.trustd", "com.apple.trustd.agent"};
	CLEANUP(view_deinit) struct view view = {0};
	struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	for (int closed = 0; closed < 2; closed++) {
		CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};

		seatbelt.no_network = closed;
		read_profile(&profile, &seatbelt);
		assert_int_equal(
			allows(&profile, "network-outbound", (struct sbpl_object){.ip = "remote"}),
			!closed);
		assert_int_equal(
			allows(&profile, "network-bind", (struct sbpl_object){.ip = "local"}),
			!closed);
		assert_int_equal(
			allows(&profile, "network-inbound", (struct sbpl_object){.ip = "local"}),
			!closed);
		assert_int_equal(connects(&profile, "/private/var/run/mDNSResponder"), !closed);
		for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
			assert_int_equal(allows(&profile, "mach-lookup",
			                        (struct sbpl_object){.name = services[i]}),
			                 !closed);
		assert_true(connects(&profile, SOCKET));
	}
}

static void nobody_does_for_it_what_it_may_not(void **state) {
	static const char *const services[] = {
		"com.apple.SecurityServer",
		"com.apple.securityd.xpc",
		"com.apple.security.agent",
		"com.apple.coreservices.launchservicesd",
		"com.apple.CoreServices.coreservicesd",
		"com.apple.coreservices.appleevents",
		"com.apple.lsd.open",
		"com.apple.xpc.smd",
		"com.apple.xpc.loginitemregisterd",
		"com.apple.pasteboard.1",
		"com.apple.pboard",
		"com.apple.cfprefsd.agent",
		"com.apple.cfprefsd.daemon",
		"com.apple.windowserver.active",
		"com.apple.iohideventsystem",
		"com.apple.nsurlsessiond",
		"com.apple.DiskArbitration.diskarbitrationd",
		"com.apple.tccd",
		"com.apple.taskgated",
	};
	static const char *const operations[] = {
		"job-creation",
		"lsopen",
		"appleevent-send",
		"mach-register",
		"mach-priv-task-port",
		"mach-task-read",
		"mach-task-inspect",
		"iokit-open",
		"file-mount",
		"file-link",
		"file-clone",
		"user-preference-write",
		"system-privilege",
		"nvram-set",
		"ipc-posix-shm-write-data",
		"sysctl-write",
		"file-revoke",
	};
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		assert_false(
			allows(&profile, "mach-lookup", (struct sbpl_object){.name = services[i]}));
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		assert_false(
			allows(&profile, operations[i], (struct sbpl_object){.path = WORK "/x"}));
}

static void other_processes_are_out_of_its_reach(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	assert_true(allows(&profile, "signal", (struct sbpl_object){.target = "same-sandbox"}));
	assert_false(allows(&profile, "signal", (struct sbpl_object){.target = "others"}));
	assert_false(
		allows(&profile, "process-info-pidinfo", (struct sbpl_object){.target = "others"}));
	/* Arguments, and the environment behind them. */
	assert_false(
		allows(&profile, "sysctl-read", (struct sbpl_object){.name = "kern.procargs2"}));
	assert_false(
		allows(&profile, "sysctl-read", (struct sbpl_object){.name = "kern.proc.uid.501"}));
	assert_true(allows(&profile, "sysctl-read", (struct sbpl_object){.name = "hw.ncpu"}));
}

static void it_types_into_no_terminal(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
	const struct seatbelt seatbelt = typical(&view);
	struct sbpl_object object = {.path = terminals[0], .ioctl = "1074295912"}; /* its size */

	(void)state;
	see_home(&view, VIEW_READABLE);
	read_profile(&profile, &seatbelt);
	assert_true(allows(&profile, "file-ioctl", object));
	object.ioctl = "2147578994"; /* 0x80017472, TIOCSTI */
	assert_false(allows(&profile, "file-ioctl", object));
	object.own_pty = true;
	assert_false(allows(&profile, "file-ioctl", object));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_profile_is_this_one),
		cmocka_unit_test(the_closest_profile_is_this_one),
		cmocka_unit_test(keys_and_the_guards_files_are_hidden),
		cmocka_unit_test(what_it_works_with_is_open),
		cmocka_unit_test(what_makes_git_run_programs_stays_and_cannot_be_moved_away),
		cmocka_unit_test(a_private_home_is_hidden_but_for_the_working_directory),
		cmocka_unit_test(of_all_sockets_it_reaches_the_endpoint_and_its_own),
		cmocka_unit_test(no_network_is_none),
		cmocka_unit_test(nobody_does_for_it_what_it_may_not),
		cmocka_unit_test(other_processes_are_out_of_its_reach),
		cmocka_unit_test(it_types_into_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
