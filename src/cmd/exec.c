/* exec: half-trusted software, for which the guard is the only way to a key. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
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
#include "cmd/options.h"
#include "platform/platform.h"
#include "policy/endpoint.h"
#include "sandbox/filter.h"
#include "sandbox/inside.h"
#include "sandbox/launch.h"
#include "sandbox/plan.h"

#define BUBBLEWRAP "/usr/bin/bwrap"

/* As env(1) and others that run a program: not to be mixed up with what that one says. */
#define EXIT_NO_SANDBOX  125
#define EXIT_NOT_RUN     126
#define EXIT_NOT_FOUND   127

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
	"Its exit status is the command's; 125: it was not run, 126: it cannot be, 127: not found.\n";

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

struct job {
	struct plan plan;
	char *home, *cwd, *program, *inner_runtime, *answer; /* owned */
	char *paths[3 * PLAN_PATHS_MAX];                             /* owned */
	size_t n_paths;
	struct places places;
	const char *label, *listen;
	bool nested, best_effort;
	char **command;
	int channel[2];
	int program_fd;
};

static void job_deinit(struct job *job) {
	for (size_t i = 0; i < job->n_paths; i++)
		free(job->paths[i]);
	free(job->home);
	free(job->cwd);
	free(job->program);
	free(job->inner_runtime);
	free(job->answer);
	places_deinit(&job->places);
	close_fd(&job->plan.filter_fd);
	close_fd(&job->channel[0]);
	close_fd(&job->channel[1]);
	close_fd(&job->program_fd);
}

/* ---- what was asked for ---- */

static bool add_path(struct job *job, struct plan_paths *paths, const char *option,
                     const char *path, mode_t kind) {
	char *real = realpath(path, NULL);
	struct stat status;

	if (real == NULL || stat(real, &status) < 0) {
		diag_error("%s %s: %s", option, path, strerror(errno));
		free(real);
		return false;
	}
	if (kind != 0 && (status.st_mode & S_IFMT) != kind) {
		diag_error("%s %s: is no %s", option, path, kind == S_IFDIR ? "directory" : "socket");
		free(real);
		return false;
	}
	if (paths->count == PLAN_PATHS_MAX) {
		diag_error("%s: more than %d times", option, PLAN_PATHS_MAX);
		free(real);
		return false;
	}
	job->paths[job->n_paths++] = real;
	paths->items[paths->count++] = real;
	return true;
}

static bool take(struct job *job, int option) {
	struct plan *plan = &job->plan;

	switch (option) {
	case OPTION_LABEL: job->label = optarg; return true;
	case OPTION_LISTEN: job->listen = optarg; return true;
	case OPTION_WRITE:
		return add_path(job, &plan->writable, "--allow-write", optarg, S_IFDIR);
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
static int parse(struct job *job, int argc, char **argv) {
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
	return home != NULL ? realpath(home, NULL) : NULL;
}

static bool find_places(struct job *job) {
	struct plan *plan = &job->plan;

	if (places_init(&job->places, NULL, NULL, job->listen) < 0) {
		diag_error("exec: no home directory is known (set HOME)");
		return false;
	}
	job->home = home_directory();
	job->cwd = realpath(".", NULL);
	job->inner_runtime = plan_inner_runtime();
	if (job->home == NULL || job->cwd == NULL || job->inner_runtime == NULL ||
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

/* root's, so that it is not what the program to be kept in has put there. */
static bool has_bubblewrap(void) {
	struct stat status;

	if (stat(BUBBLEWRAP, &status) < 0) {
		diag_error("exec: %s: %s (install bubblewrap)", BUBBLEWRAP, strerror(errno));
		return false;
	}
	if (status.st_uid != 0 || (status.st_mode & 022) != 0) {
		diag_error("exec: %s: others than root can change it", BUBBLEWRAP);
		return false;
	}
	return true;
}

static bool settle(const struct job *job, bool refuses, const char *what) {
	refuses = refuses && !job->best_effort;
	diag_info("exec: %s%s", what, refuses ? " (say --best-effort if that will do)" : "");
	return !refuses;
}

/* What the system cannot keep up is said, and refused unless it was asked for. */
static bool promises_hold(const struct job *job) {
	const int landlock_abi = platform_landlock_abi();

	if (job->nested)
		return settle(job, false,
		              "without Landlock the program can signal its own job outside, "
		              "reach abstract sockets unless --no-network is given, and sockets "
		              "that are made later where it can see them");
	if (landlock_abi < LANDLOCK_ABI_SCOPES) {
		if (!settle(job, true,
		            "this kernel's Landlock (before Linux 6.12) does not keep the program "
		            "from signalling its own job outside"))
			return false;
		if (!job->plan.no_network &&
		    !settle(job, true, "nor from abstract sockets: give --no-network"))
			return false;
	}
	if (landlock_abi < LANDLOCK_ABI_SOCKETS)
		diag_debug("exec: a socket that is made later, in a directory that the program can "
		           "see, it can reach (before Linux 7.1)");
	return true;
}

/* ---- the guard's socket ---- */

/* Its answer: the socket's path, the policy's and the state directory's, as it knows them. */
static bool take_answer(struct job *job, const char *text) {
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

static bool ask_guard(struct job *job) {
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

/* The socket is mounted where the program is: nobody needs its name any more. */
static void on_ready(void *data) {
	const struct job *job = data;
	CLEANUP(buffer_deinit) struct buffer answer = {0};

	if (control_ask(&answer, job->places.control, "exec-mounted", false) != 0)
		diag_info("exec: the guard does not answer, so the program's socket keeps a name");
}

/* ---- the sandbox ---- */

static bool make_words(struct job *job, struct words *words) {
	const char *const own[] = {job->cwd, "/tmp", "/var/tmp", "/dev/shm", job->inner_runtime};
	char *reason = NULL;
	int error = plan_check(&reason, &job->plan);

	if (error == 0) {
		words_add(words, BUBBLEWRAP);
		error = plan_words(words, &reason, &job->plan);
	}
	if (error < 0)
		diag_error("exec: %s", reason != NULL ? reason : strerror(-error));
	free(reason);
	if (error < 0)
		return false;
	words_add(words, "--");
	words_addf(words, "/proc/self/fd/%d", job->program_fd);
	words_add(words, EXEC_INSIDE);
	words_addf(words, "%d", job->channel[1]);
	words_addf(words, "%lx", launch_signals_ignored());
	if (job->nested)
		words_add(words, INSIDE_NO_CONFINE);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		words_add3(words, INSIDE_WRITABLE, own[i], NULL);
	if (job->plan.private_home)
		words_add3(words, INSIDE_WRITABLE, job->home, NULL);
	for (size_t i = 0; i < job->plan.writable.count; i++)
		words_add3(words, INSIDE_WRITABLE, job->plan.writable.items[i], NULL);
	words_add3(words, INSIDE_SOCKET, job->inner_runtime, NULL);
	if (job->plan.allow_x11)
		words_add3(words, INSIDE_SOCKET, "/tmp/.X11-unix", NULL);
	for (size_t i = 0; i < job->plan.sockets.count; i++)
		words_add3(words, INSIDE_SOCKET, job->plan.sockets.items[i], NULL);
	words_add(words, "--");
	for (char **word = job->command; *word != NULL; word++)
		words_add(words, *word);
	return words->error == 0;
}

static int end_like(const struct job *job, const struct launch_result *result) {
	switch (result->end) {
	case LAUNCH_NO_SANDBOX:
		diag_error("exec: bubblewrap made no sandbox (are user namespaces allowed here? see "
		           "`ssh-agent-guard doctor`)");
		return EXIT_NO_SANDBOX;
	case LAUNCH_NO_LANDLOCK:
		diag_error("exec: Landlock: %s", strerror(result->number));
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

static int run(struct job *job) {
	CLEANUP(words_deinit) struct words words = {0};
	const struct launch_calls calls = {on_ready, job};
	struct launch_result result;
	int kept[3];
	int error = platform_message_pair(job->channel);

	if (error == 0)
		error = filter_make(&job->plan.filter_fd);
	if (error == 0) {
		job->program_fd = open(job->program, O_PATH | O_CLOEXEC);
		error = job->program_fd < 0 ? -errno : 0;
	}
	if (error < 0) {
		diag_error("exec: %s", strerror(-error));
		return EXIT_NO_SANDBOX;
	}
	if (!make_words(job, &words))
		return EXIT_NO_SANDBOX;
	kept[0] = job->channel[1];
	kept[1] = job->plan.filter_fd;
	kept[2] = job->program_fd;
	error = launch(&result, words.items, job->channel[0], kept, 3, &calls);
	job->channel[1] = -1; /* launch() closed it */
	if (error < 0) {
		diag_error("exec: %s", strerror(-error));
		return EXIT_NO_SANDBOX;
	}
	return end_like(job, &result);
}

int cmd_exec(int argc, char **argv) {
	CLEANUP(job_deinit)
	struct job job = {.plan = {.filter_fd = -1}, .channel = {-1, -1}, .program_fd = -1};
	int status = parse(&job, argc, argv);

	if (status >= 0)
		return status;
	if (!find_places(&job) || !has_bubblewrap() || !promises_hold(&job) || !ask_guard(&job))
		return EXIT_NO_SANDBOX;
	return run(&job);
}

int cmd_exec_inside(int argc, char **argv) {
	return inside_run(argc, argv);
}
