/* confirm, in a popup that the guard has opened. Each try is a child, because one that reads a PIN
 * has closed itself to tracing, and the guard could not tell any more which program it is. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/confirm.h"
#include "platform/platform.h"

/* Those of the terminal are for the child alone. */
static const int of_terminal[] = {SIGINT, SIGQUIT, SIGTSTP};

static void on_terminal_signals(void (*handler)(int)) {
	for (size_t i = 0; i < sizeof(of_terminal) / sizeof(of_terminal[0]); i++)
		signal(of_terminal[i], handler);
}

static _Noreturn void try_once(const struct options *options, const char *id, pid_t parent) {
	enum confirm_outcome outcome = CONFIRM_NOT_ASKED;

	on_terminal_signals(SIG_DFL);
	if (platform_die_with_parent(parent) == 0)
		outcome = confirm_once(options, id, true);
	fflush(stdout);
	_exit((int)outcome);
}

/* A child whose end can be read from *ret_end. */
static int begin_try(pid_t *ret, int *ret_end, const struct options *options, const char *id) {
	pid_t parent = getpid();
	int pair[2];
	int error = platform_pipe(pair, true);

	if (error < 0)
		return error;
	*ret = fork();
	if (*ret == 0)
		try_once(options, id, parent);
	error = *ret < 0 ? -errno : 0;
	close(pair[1]);
	if (error < 0)
		close(pair[0]);
	else
		*ret_end = pair[0];
	return error;
}

/* false: the request has ended, or the guard. */
static bool wait_for(int end_fd, int over_fd) {
	struct pollfd ready[] = {{.fd = over_fd, .events = POLLIN},
	                         {.fd = end_fd, .events = POLLIN}};

	while (poll(ready, 2, -1) < 0 && errno == EINTR)
		;
	return ready[0].revents == 0;
}

/* Whatever ended it, but its own word, was a person's wish. */
static enum confirm_outcome outcome_of(pid_t pid) {
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CONFIRM_NOT_ASKED;
	if (!WIFEXITED(status))
		return CONFIRM_NOT_ANSWERED;
	switch (WEXITSTATUS(status)) {
	case CONFIRM_SAID_YES: return CONFIRM_SAID_YES;
	case CONFIRM_REFUSED: return CONFIRM_REFUSED;
	case CONFIRM_NOT_ANSWERED: return CONFIRM_NOT_ANSWERED;
	default: return CONFIRM_NOT_ASKED;
	}
}

/* CONFIRM_NOT_ASKED, too, where the request has ended meanwhile. */
static enum confirm_outcome try_to_answer(const struct options *options, const char *id,
                                          int over_fd, bool *ret_over) {
	CLEANUP(close_fd) int end_fd = -1;
	pid_t pid;
	int error = begin_try(&pid, &end_fd, options, id);

	if (error < 0) {
		diag_error("confirm: %s", strerror(-error));
		return CONFIRM_NOT_ASKED;
	}
	*ret_over = !wait_for(end_fd, over_fd);
	/* It gives the terminal back as it found it. */
	if (*ret_over)
		kill(pid, SIGTERM);
	return outcome_of(pid);
}

/* What went wrong stays to be read. */
static void wait_until_read(int over_fd) {
	printf("Enter closes this.\n");
	fflush(stdout);
	wait_for(STDIN_FILENO, over_fd);
}

static void let_be(const char *token, const char *control) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char request[96];

	snprintf(request, sizeof(request), "popup-left %.64s", token);
	/* The guard will see that this process ends. */
	if (control_ask(&answer, control, request, false) != 0)
		return;
}

int confirm_in_popup(const char *token, const char *control, const char *id) {
	struct options options = {0};
	CLEANUP(close_fd) int over_fd = -1;
	char request[96];
	int status = EXIT_FAILED;

	snprintf(request, sizeof(request), "popup %.64s", token);
	/* Nobody looks at what is written here: it closes. */
	if (control_begin_to_ask(&over_fd, control, request, true) < 0)
		return EXIT_FAILED;
	options.places.control = strdup(control);
	options.places.socket = strdup(control);
	on_terminal_signals(SIG_IGN);
	while (options.places.control != NULL && options.places.socket != NULL) {
		bool is_over = false;
		enum confirm_outcome outcome = try_to_answer(&options, id, over_fd, &is_over);

		if (outcome == CONFIRM_SAID_YES)
			status = EXIT_DONE;
		if (is_over || outcome == CONFIRM_SAID_YES)
			break;
		if (outcome == CONFIRM_REFUSED)
			continue;
		if (outcome == CONFIRM_NOT_ASKED)
			wait_until_read(over_fd);
		let_be(token, control);
		break;
	}
	options_deinit(&options);
	return status;
}
