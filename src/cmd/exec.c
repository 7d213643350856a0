/* exec: half-trusted software, for which the guard is the only way to a key. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/exec_job.h"
#include "platform/platform.h"
#include "policy/endpoint.h"

static const char help[] =
	"usage: ssh-agent-guard exec [OPTION...] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs a command that finds no key and no agent but the guard, which knows it as the\n"
	"endpoint exec:NAME. It reads the system and your home, and writes the working directory\n"
	"and its own /tmp alone.\n"
	"\n"
	"  --label NAME          the endpoint's name behind exec: (the command's)\n"
	"  --allow-write DIR     another directory that it may write to\n"
	"  --allow-read PATH     something below ~/.ssh or the like that it may read\n"
	"  --allow-socket PATH   a socket that it may reach, which then is a way out\n"
	"  --allow-x11, --allow-wayland   the display, by which it can see and type what you do\n"
	"  --private-home        an empty home, of which nothing stays\n"
	"  --no-network          no network\n"
	"  --allow-nested        no Landlock, so that it can make sandboxes of its own; what it\n"
	"                        loses is printed\n"
	"  --best-effort         also where the system cannot keep all of this up\n"
	"  --listen PATH         the socket of the guard that is meant, if not the ordinary one\n"
	"\n"
	"On macOS it is made by sandbox-exec, which Apple calls deprecated, and only with\n"
	"--best-effort, for it keeps less up there; see ssh-agent-guard(1).\n"
	"\n"
	"Its exit status is the command's; 125: it was not run, 126: it cannot be, 127: not "
	"found.\n";

enum {
	OPTION_LABEL = 256,
	OPTION_WRITE,
	OPTION_READ,
	OPTION_SOCKET,
	OPTION_X11,
	OPTION_WAYLAND,
	OPTION_PRIVATE_HOME,
	OPTION_NO_NETWORK,
	OPTION_NESTED,
	OPTION_BEST_EFFORT,
	OPTION_LISTEN,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{"label", required_argument, NULL, OPTION_LABEL},
	{"allow-write", required_argument, NULL, OPTION_WRITE},
	{"allow-read", required_argument, NULL, OPTION_READ},
	{"allow-socket", required_argument, NULL, OPTION_SOCKET},
	{"allow-x11", no_argument, NULL, OPTION_X11},
	{"allow-wayland", no_argument, NULL, OPTION_WAYLAND},
	{"private-home", no_argument, NULL, OPTION_PRIVATE_HOME},
	{"no-network", no_argument, NULL, OPTION_NO_NETWORK},
	{"allow-nested", no_argument, NULL, OPTION_NESTED},
	{"best-effort", no_argument, NULL, OPTION_BEST_EFFORT},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static void job_deinit(struct exec_job *job) {
	for (size_t i = 0; i < job->n_paths; i++)
		free(job->paths[i]);
	free(job->home);
	free(job->cwd);
	free(job->program);
	free(job->answer);
	places_deinit(&job->places);
}

/* ---- what was asked for ---- */

/* Its path and what lies there, told by one descriptor: a program that runs already can have the
 * path lead elsewhere a moment later. Of sockets and the like, which cannot be opened, the path. */
static char *find_path(const char *path, struct stat *status, struct file_id *id) {
	CLEANUP(close_fd) int fd = -1;
	char *real = NULL;

	*id = (struct file_id){0};
	if (stat(path, status) < 0)
		return NULL;
	if (!S_ISDIR(status->st_mode) && !S_ISREG(status->st_mode))
		return platform_real_path(path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, status) < 0 || platform_path_of(&real, fd) < 0)
		return NULL;
	*id = (struct file_id){status->st_dev, status->st_ino};
	return real;
}

static bool add_path(struct exec_job *job, struct plan_paths *paths, const char *option,
                     const char *path, mode_t kind) {
	struct stat status;
	struct file_id id;
	char *real = find_path(path, &status, &id);

	if (real == NULL) {
		diag_error("%s %s: %s%s", option, path, strerror(errno),
		           errno == ENOENT && kind == S_IFDIR ? " (make it first: mkdir)" : "");
		free(real);
		return false;
	}
	if (kind != 0 && (status.st_mode & S_IFMT) != kind) {
		diag_error("%s %s: is no %s", option, path,
		           kind == S_IFDIR ? "directory" : "socket");
		free(real);
		return false;
	}
	if (paths->count == PLAN_PATHS_MAX) {
		diag_error("%s: more than %d times", option, PLAN_PATHS_MAX);
		free(real);
		return false;
	}
	job->ids[job->n_paths] = id;
	job->paths[job->n_paths++] = real;
	paths->items[paths->count++] = real;
	return true;
}

static bool take(struct exec_job *job, int option) {
	struct plan *plan = &job->plan;

	switch (option) {
	case OPTION_LABEL: job->label = optarg; return true;
	case OPTION_LISTEN: job->listen = optarg; return true;
	case OPTION_WRITE: return add_path(job, &plan->writable, "--allow-write", optarg, S_IFDIR);
	case OPTION_READ: return add_path(job, &plan->readable, "--allow-read", optarg, 0);
	case OPTION_SOCKET:
		return add_path(job, &plan->sockets, "--allow-socket", optarg, S_IFSOCK);
	case OPTION_X11: plan->allow_x11 = true; return true;
	case OPTION_WAYLAND: plan->allow_wayland = true; return true;
	case OPTION_PRIVATE_HOME: plan->private_home = true; return true;
	case OPTION_NO_NETWORK: plan->no_network = true; return true;
	case OPTION_NESTED: job->nested = true; return true;
	case OPTION_BEST_EFFORT: job->best_effort = true; return true;
	default: return false;
	}
}

/* -1: go on; else the exit status. */
static int parse(struct exec_job *job, int argc, char **argv) {
	int option;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, "+:", long_options, NULL)) >= 0) {
		if (option == OPTION_HELP) {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option == ':' || option == '?') {
			diag_error("exec: %s: %s (see `ssh-agent-guard exec --help`)",
			           argv[optind - 1],
			           option == ':' ? "needs a value" : "unknown option");
			return EXIT_USAGE;
		}
		if (!take(job, option))
			return EXIT_USAGE;
	}
	job->command = argv + optind;
	if (job->command[0] == NULL) {
		diag_error("exec: no command (write it behind --)");
		return EXIT_USAGE;
	}
	return -1;
}

/* The label that a command gives itself: what in its name a label cannot have becomes "_". */
static const char *own_label(const char *command, char label[28]) {
	const char *name = strrchr(command, '/') != NULL ? strrchr(command, '/') + 1 : command;
	size_t len = strnlen(name, 27);

	memcpy(label, name, len);
	label[len] = '\0';
	for (char *at = label; *at != '\0'; at++) {
		const char one[] = {*at, '\0'};

		if (!endpoint_label_is_good(one))
			*at = '_';
	}
	return len > 0 ? label : "exec";
}

/* ---- what there is ---- */

static char *home_directory(void) {
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home == NULL || home[0] != '/') {
		user = getpwuid(geteuid());
		home = user != NULL ? user->pw_dir : NULL;
	}
	return home != NULL ? platform_real_path(home) : NULL;
}

static bool find_places(struct exec_job *job) {
	struct plan *plan = &job->plan;

	if (places_init(&job->places, NULL, NULL, job->listen) < 0) {
		diag_error("exec: no home directory is known (set HOME)");
		return false;
	}
	job->home = home_directory();
	job->cwd = platform_real_path(".");
	if (job->home == NULL || job->cwd == NULL ||
	    platform_file_id(&job->cwd_id, AT_FDCWD, ".") < 0 ||
	    platform_own_program(&job->program) < 0) {
		diag_error("exec: %s: %s", job->home == NULL ? "the home directory" : "here",
		           strerror(errno));
		return false;
	}
	plan->home = job->home;
	plan->cwd = job->cwd;
	plan->runtime = job->places.runtime;
	plan->program = job->program;
	return true;
}

/* ---- the guard's socket ---- */

/* Its answer: the socket's path, the policy's and the state directory's, as it knows them. */
static bool take_answer(struct exec_job *job, const char *text) {
	const char **const places[] = {&job->plan.socket, &job->plan.policy, &job->plan.state};
	char *at = job->answer = strdup(text);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *end = at != NULL ? strchr(at, '\n') : NULL;

		if (end == NULL || at[0] != '/')
			return false;
		*end = '\0';
		*places[i] = at;
		at = end + 1;
	}
	return true;
}

static bool ask_guard(struct exec_job *job) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char label[28], request[64];
	const char *name = job->label != NULL ? job->label : own_label(job->command[0], label);
	int result;

	if (!endpoint_label_is_good(name)) {
		diag_error("exec: --label %s: at most 27 letters, digits, dots, _ and -", name);
		return false;
	}
	snprintf(request, sizeof(request), "exec-open %s", name);
	result = control_ask(&answer, job->places.control, request, false);
	buffer_put_u8(&answer, 0);
	if (result == 0 && buffer_error(&answer) == 0 &&
	    take_answer(job, (const char *)answer.data))
		return true;
	if (result == 0)
		diag_error("exec: %s: says nothing that makes sense", job->places.control);
	else if (result == -ENOENT || result == -ECONNREFUSED)
		diag_error("exec: no guard is running at %s (start one: ssh-agent-guard start)",
		           job->places.socket);
	else
		diag_error("exec: %s: %s", job->places.control,
		           result == 1 && buffer_error(&answer) == 0 ? (const char *)answer.data
		                                                     : strerror(-result));
	return false;
}

/* ---- for whoever runs it ---- */

bool exec_settle(const struct exec_job *job, bool refuses, const char *what) {
	refuses = refuses && !job->best_effort;
	diag_info("exec: %s%s", what, refuses ? " (say --best-effort if that will do)" : "");
	return !refuses;
}

bool exec_trusts(const char *program, const char *advice) {
	struct stat status;

	if (stat(program, &status) < 0) {
		diag_error("exec: %s: %s (%s)", program, strerror(errno), advice);
		return false;
	}
	if (status.st_uid != 0 || (status.st_mode & 022) != 0) {
		diag_error("exec: %s: others than root can change it", program);
		return false;
	}
	return true;
}

int exec_end_like(const struct exec_job *job, const struct launch_result *result,
                  const char *no_sandbox) {
	switch (result->end) {
	case LAUNCH_NO_SANDBOX: diag_error("exec: %s", no_sandbox); return EXIT_NO_SANDBOX;
	case LAUNCH_NO_LANDLOCK:
		diag_error("exec: Landlock: %s", strerror(result->number));
		return EXIT_NO_SANDBOX;
	case LAUNCH_EXCHANGED:
		diag_error("exec: %s", EXEC_EXCHANGED);
		return EXIT_NO_SANDBOX;
	case LAUNCH_NO_PROGRAM:
		diag_error("exec: %s: %s", job->command[0], strerror(result->number));
		return result->number == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
	case LAUNCH_EXITED: return result->number;
	case LAUNCH_KILLED:
		signal(result->number, SIG_DFL);
		kill(getpid(), result->number);
		return 128 + result->number;
	}
	return EXIT_NO_SANDBOX;
}

int cmd_exec(int argc, char **argv) {
	CLEANUP(job_deinit)
	struct exec_job job = {0};
	int status = parse(&job, argc, argv);

	if (status >= 0)
		return status;
	if (!find_places(&job) || !exec_is_possible(&job) || !ask_guard(&job))
		return EXIT_NO_SANDBOX;
	return exec_run(&job);
}
