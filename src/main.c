/* ssh-agent-guard: the table of its subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "config.h"
#include "platform/platform.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"run", cmd_run, "serve in the foreground (the default)"},
	{"start", cmd_start, "serve in the background; prints sh code for eval"},
	{"stop", cmd_stop, "end the guard that runs"},
	{"reload", cmd_reload, "read the policy again"},
	{"panic", cmd_panic, "refuse every signature, until `panic off`"},
	{"status", cmd_status, "print the state of the guard that runs"},
	{"monitor", cmd_monitor, "watch, and answer: all of that as it changes, full-screen"},
	{"pending", cmd_pending, "print the requests that wait for your yes"},
	{"confirm", cmd_confirm, "say yes to one of them, with your PIN"},
	{"deny", cmd_deny, "say no"},
	{"grants", cmd_grants, "print, or revoke, what was confirmed for a while"},
	{"enroll", cmd_enroll, "set the PIN, or let security keys say yes"},
	{"check", cmd_check, "say what the policy would answer to a process, and why"},
	{"test", cmd_test, "run the tests of a policy"},
	{"policy", cmd_policy,
         "lint: what may not be meant; show: all defaults put in; accept, replay, suggest"},
	{"doctor", cmd_doctor, "say what holds on this machine, and what does not"},
	{"exec", cmd_exec, "run a program that finds no key but through the guard"},
	{"log", cmd_log, "show what happened; `log verify`: find tampering"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void) {
	puts("usage: ssh-agent-guard [COMMAND] [OPTION...]\n"
	     "\n"
	     "Stands between SSH clients and the real agent: decides each use of a key by a "
	     "policy,\n"
	     "and writes it down. Commands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].what);
	puts("\n`ssh-agent-guard COMMAND --help` tells more; so does ssh-agent-guard(1).");
	return EXIT_DONE;
}

/* What a careless parent hands on must not count. A missing standard descriptor would be taken by
 * the next thing that is opened, a client's socket say, and our messages would then be written into
 * that. A umask of 0777 would close our own files to us. With SIGCHLD ignored, or signals blocked,
 * the end of a child, or a wish that we end, would never be seen. */
static int inherit_nothing(bool runs_another) {
	sigset_t none;
	int fd;

	do {
		fd = open("/dev/null", O_RDWR); /* on purpose not close-on-exec: it stays */
	} while (fd >= 0 && fd < STDERR_FILENO);
	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		close(fd);
	if (!runs_another) /* whose it is */
		umask(077);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	return 0;
}

/* The guard is to be nobody's but its own from its first moment on. */
static void become_image(char **argv) {
	CLEANUP(free_pointer) char *program = NULL;
	int error;

	/* Which file people have, who are asked. The image calls itself nothing. */
	if (platform_own_program(&program) == 0)
		setenv(PLATFORM_TOLD_PROGRAM, program, 1);
	signal(SIGXFSZ, SIG_IGN); /* its file may be longer than a limit on ours */
	error = RUNS_AS_IMAGE ? platform_become_image(argv, "ssh-agent-guard") : 0;

	if (error < 0)
		diag_info("start: it cannot run as a sealed copy of itself: %s (another program of "
		          "this user that watched the start may have got hold of it)",
		          error == -EACCES ? "others can write to its file" : strerror(-error));
}

/* Whoever starts a closed install chooses neither its policy nor its state: not by options (see
 * cmd/options.c and cmd/places.c), nor by these. */
static int forget_places(void) {
	static const char *const names[] = {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	                                    "GNUPGHOME", PLATFORM_TOLD_PROGRAM};
	const struct passwd *user = getpwuid(getuid());

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	if (user == NULL || user->pw_dir == NULL || setenv("HOME", user->pw_dir, 1) < 0)
		return -ENOENT;
	return platform_leave_group();
}

/* Run or start: what is to be closed from its first moment on. */
static bool is_guard(int argc, char **argv) {
	return argc <= 1 || argv[1][0] == '-' || strcmp(argv[1], "run") == 0 ||
	       strcmp(argv[1], "start") == 0;
}

int main(int argc, char **argv) {
	static char run[] = "run";
	char *no_arguments[] = {run, NULL};
	bool is_inside = argc > 1 && strcmp(argv[1], EXEC_INSIDE) == 0;
	bool is_exec = is_inside || (argc > 1 && strcmp(argv[1], "exec") == 0);
	bool is_closed;
	int error = inherit_nothing(is_exec);

	if (error < 0) {
		diag_error("start: /dev/null: %s", strerror(-error));
		return EXIT_FAILED;
	}
	is_closed = platform_is_installed_closed();
	if (is_closed) {
		error = forget_places();
		if (error < 0) {
			diag_error("start: the group of the installed program cannot be left, or "
			           "the user has no home: %s",
			           strerror(-error));
			return EXIT_FAILED;
		}
		if (!is_guard(argc, argv))
			platform_be_open();
	}
	if (argc <= 1) {
		if (!is_closed)
			become_image(argv);
		return cmd_run(1, no_arguments);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		puts("ssh-agent-guard " VERSION);
		return EXIT_DONE;
	}
	if (is_guard(argc, argv) && !is_closed)
		become_image(argv);
	if (is_inside)
		return cmd_exec_inside(argc - 1, argv + 1);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argv[1][0] == '-') {
		argv[0] = run;
		return cmd_run(argc, argv);
	}
	diag_error("%s: no such command (see `ssh-agent-guard --help`)", argv[1]);
	return EXIT_USAGE;
}
