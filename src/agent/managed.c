#include "agent/managed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/hideout.h"
#include "base/diag.h"
#include "platform/platform.h"

#define OUTPUT_LEN_MAX 512
#define END_WAIT_MS    2000 /* ssh-agent ends at once; a stopped one is killed */

struct managed {
	struct ev_loop *loop;
	char *program;
	struct hideout *hideout;
	managed_changed *changed;
	void *data;

	pid_t pid; /* 0 while there is none */
	enum managed_state state;
	int output_fd;
	char output[OUTPUT_LEN_MAX]; /* what it said so far, for the reason where it fails to start
	                              */
	size_t output_len;
	ev_io readable;
	ev_child child;
	ev_stat place;  /* of its socket */
	ev_timer timer; /* until it must be up; or until it is started again */
	double started_at, restart_s;
};

/* What its prompts need (askpass on a display), and nothing else of our environment. */
static const char *const passed_on[] = {
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"SSH_ASKPASS",
	"SSH_ASKPASS_REQUIRE",
	"HOME",
	"LANG",
	"LC_ALL",
	"LC_CTYPE",
};
#define PASSED_ON  (sizeof(passed_on) / sizeof(passed_on[0]))
#define CHILD_PATH "PATH=/usr/local/bin:/usr/bin:/bin"

static char **child_environment(void) {
	char **environment = calloc(PASSED_ON + 2, sizeof(*environment));
	size_t n = 0;

	if (environment == NULL)
		return NULL;
	environment[n++] = strdup(CHILD_PATH);
	for (size_t i = 0; i < PASSED_ON; i++) {
		const char *value = getenv(passed_on[i]);
		char *entry = NULL;

		if (value != NULL && asprintf(&entry, "%s=%s", passed_on[i], value) >= 0)
			environment[n++] = entry;
	}
	return environment;
}

static void environment_free(char **environment) {
	for (size_t i = 0; environment != NULL && environment[i] != NULL; i++)
		free(environment[i]);
	free(environment);
}

/* In the child. Nothing of ours goes along but its output. */
static _Noreturn void child_run(const struct managed *managed, int image, int output,
                                char **environment, pid_t parent) {
	char *const argv[] = {(char[]){"ssh-agent"}, (char[]){"-D"}, (char[]){"-a"},
	                      (char[]){HIDEOUT_SOCKET}, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (platform_die_with_parent(parent) == 0 && setsid() >= 0 &&
	    hideout_enter(managed->hideout) == 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0) {
		int error = platform_execute(image, argv, environment);

		dprintf(STDERR_FILENO, "cannot be executed: %s\n", strerror(-error));
	}
	_exit(127);
}

static void managed_set(struct managed *managed, enum managed_state state, const char *detail) {
	managed->state = state;
	managed->changed(managed->data, state, detail);
}

static void managed_restart_later(struct managed *managed) {
	if (ev_now(managed->loop) - managed->started_at >= STEADY_S)
		managed->restart_s = RESTART_MIN_S;
	ev_timer_stop(managed->loop, &managed->timer);
	ev_timer_set(&managed->timer, managed->restart_s, 0.);
	ev_timer_start(managed->loop, &managed->timer);
	managed->restart_s = managed->restart_s * 2 < RESTART_MAX_S ? managed->restart_s * 2
	                                                            : RESTART_MAX_S;
}

static void managed_failed(struct managed *managed, const char *what, int error) {
	char detail[256];

	snprintf(detail, sizeof(detail), "%s: %s", what,
	         error == -EPERM    ? "the system forbids executable memory files (see sysctl "
	                              "vm.memfd_noexec, or use --upstream PATH)"
	         : error == -EACCES ? "it belongs to somebody else, or others can write to it"
	                            : strerror(-error));
	managed_restart_later(managed);
	managed_set(managed, MANAGED_DOWN, detail);
}

void managed_start(struct managed *managed) {
	CLEANUP(close_fd) int image = -1;
	int output[2];
	char **environment;
	pid_t parent = getpid(), pid;
	int error = hideout_prepare(managed->hideout);

	managed->started_at = ev_now(managed->loop);
	if (error < 0) {
		managed_failed(managed, "no directory for ssh-agent", error);
		return;
	}
	error = platform_program_image(&image, managed->program);
	if (error == 0)
		error = platform_pipe(output, false);
	if (error < 0) {
		managed_failed(managed, managed->program, error);
		return;
	}
	environment = child_environment();
	pid = environment != NULL ? fork() : -1;
	error = -errno;
	if (pid == 0)
		child_run(managed, image, output[1], environment, parent);
	environment_free(environment);
	close(output[1]);
	if (pid < 0) {
		close(output[0]);
		managed_failed(managed, "fork", error);
		return;
	}
	managed->pid = pid;
	managed->state = MANAGED_STARTING;
	managed->output_fd = output[0];
	managed->output_len = 0;
	ev_io_set(&managed->readable, output[0], EV_READ);
	ev_io_start(managed->loop, &managed->readable);
	ev_child_set(&managed->child, pid, 0);
	ev_child_start(managed->loop, &managed->child);
	ev_timer_stop(managed->loop, &managed->timer);
	ev_timer_set(&managed->timer, START_TIMEOUT_S, 0.);
	ev_timer_start(managed->loop, &managed->timer);
}

/* It names its socket once that listens. Everything later is for --verbose. */
static void on_output(struct ev_loop *loop, ev_io *watcher, int revents) {
	struct managed *managed = watcher->data;
	char chunk[OUTPUT_LEN_MAX];
	ssize_t len = read(managed->output_fd, chunk, sizeof(chunk) - 1);
	size_t room = sizeof(managed->output) - 1 - managed->output_len;
	int error;

	(void)revents;
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		ev_io_stop(loop, watcher);
		close_fd(&managed->output_fd);
		return;
	}
	chunk[len] = '\0';
	diag_debug("ssh-agent says: %s", chunk);
	if (managed->state != MANAGED_STARTING)
		return;
	if ((size_t)len < room)
		room = (size_t)len;
	memcpy(managed->output + managed->output_len, chunk, room);
	managed->output_len += room;
	managed->output[managed->output_len] = '\0';
	if (strstr(managed->output, "SSH_AUTH_SOCK=") == NULL)
		return;
	ev_timer_stop(loop, &managed->timer);
	error = hideout_claim(managed->hideout);
	if (error < 0) {
		diag_error("upstream: the socket of ssh-agent: %s", strerror(-error));
		kill(managed->pid, SIGKILL);
		return;
	}
	if (!hideout_is_hidden(managed->hideout)) {
		ev_stat_set(&managed->place, hideout_address(managed->hideout), 0.);
		ev_stat_start(loop, &managed->place);
	}
	managed_set(managed, MANAGED_UP, NULL);
}

static void on_ended(struct ev_loop *loop, ev_child *watcher, int revents) {
	struct managed *managed = watcher->data;
	int status = watcher->rstatus;
	char detail[OUTPUT_LEN_MAX + 128];

	(void)revents;
	/* What it said last may still be in the pipe. */
	if (managed->state == MANAGED_STARTING && managed->output_fd >= 0)
		on_output(loop, &managed->readable, EV_READ);
	ev_child_stop(loop, watcher);
	ev_stat_stop(loop, &managed->place);
	ev_io_stop(loop, &managed->readable);
	close_fd(&managed->output_fd);
	managed->pid = 0;
	if (WIFSIGNALED(status))
		snprintf(detail, sizeof(detail), "ssh-agent was ended by signal %d",
		         WTERMSIG(status));
	else
		snprintf(detail, sizeof(detail), "ssh-agent ended with status %d%s%s",
		         WEXITSTATUS(status), managed->state == MANAGED_STARTING ? ": " : "",
		         managed->state == MANAGED_STARTING ? managed->output : "");
	managed_restart_later(managed);
	managed_set(managed, MANAGED_DOWN, detail);
}

static void on_place(struct ev_loop *loop, ev_stat *watcher, int revents) {
	(void)loop, (void)revents;
	managed_keep(watcher->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct managed *managed = watcher->data;

	(void)loop, (void)revents;
	if (managed->pid == 0)
		managed_start(managed);
	else
		kill(managed->pid, SIGKILL); /* not up in time; on_ended() goes on */
}

int managed_new(struct managed **ret, struct ev_loop *loop, const char *program,
                const char *runtime_directory, managed_changed *changed, void *data) {
	struct managed *managed = calloc(1, sizeof(*managed));
	int error;

	if (managed == NULL)
		return -ENOMEM;
	*managed = (struct managed){
		.loop = loop,
		.program = strdup(program),
		.output_fd = -1,
		.changed = changed,
		.data = data,
		.state = MANAGED_DOWN,
		.restart_s = RESTART_MIN_S,
	};
	ev_init(&managed->readable, on_output);
	ev_init(&managed->child, on_ended);
	ev_init(&managed->timer, on_timer);
	ev_init(&managed->place, on_place);
	managed->place.data = managed->readable.data = managed->child.data = managed->timer.data =
		managed;
	error = managed->program == NULL ? -ENOMEM
	                                 : hideout_new(&managed->hideout, runtime_directory);
	if (error < 0) {
		managed_free(managed);
		return error;
	}
	*ret = managed;
	return 0;
}

void managed_keep(struct managed *managed) {
	if (managed->state == MANAGED_UP && managed->pid > 0 && hideout_is_lost(managed->hideout))
		kill(managed->pid, SIGTERM);
}

static void managed_end(struct managed *managed) {
	const struct timespec pause = {.tv_nsec = 1000000};

	kill(managed->pid, SIGTERM);
	for (int waited_ms = 0; waited_ms < END_WAIT_MS; waited_ms++) {
		if (waitpid(managed->pid, NULL, WNOHANG) != 0)
			return;
		nanosleep(&pause, NULL);
	}
	kill(managed->pid, SIGKILL);
	waitpid(managed->pid, NULL, 0);
}

void managed_free(struct managed *managed) {
	if (managed == NULL)
		return;
	ev_io_stop(managed->loop, &managed->readable);
	ev_child_stop(managed->loop, &managed->child);
	ev_stat_stop(managed->loop, &managed->place);
	ev_timer_stop(managed->loop, &managed->timer);
	if (managed->pid > 0)
		managed_end(managed);
	hideout_free(managed->hideout);
	close_fd(&managed->output_fd);
	free(managed->program);
	free(managed);
}

const char *managed_socket(const struct managed *managed) {
	return hideout_address(managed->hideout);
}

const char *managed_why_reachable(const struct managed *managed) {
	return hideout_why_not(managed->hideout);
}
