/*
 * exec, where the sandbox is one of the system's, by sandbox-exec and a profile that is made for
 * it. Nothing of it ever ran on a Mac: what could be made pure, or run elsewhere as well, is
 * (seatbelt.c, direct.c, scratch.c), so that little is left here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/exec_job.h"
#include "platform/platform.h"
#include "sandbox/direct.h"
#include "sandbox/scratch.h"
#include "sandbox/seatbelt.h"
#include "sandbox/words.h"

#define SANDBOX_EXEC  "/usr/bin/sandbox-exec"
#define X11_SOCKETS   "/private/tmp/.X11-unix"
#define TERMINALS_MAX 3 /* of the standard descriptors */

/* What it takes beside the job itself. */
struct sandbox {
	char *socket, *scratch; /* owned */
	char *terminals[TERMINALS_MAX];
	size_t n_terminals;
	const char *sockets[PLAN_PATHS_MAX + 1];
	size_t n_sockets;
	char *display; /* owned */
	int channel[2];
};

static void sandbox_deinit(struct sandbox *sandbox) {
	if (sandbox->scratch != NULL && scratch_remove(sandbox->scratch) < 0)
		diag_info("exec: %s: not all of it could be removed (remove it)", sandbox->scratch);
	for (size_t i = 0; i < sandbox->n_terminals; i++)
		free(sandbox->terminals[i]);
	free(sandbox->socket);
	free(sandbox->scratch);
	free(sandbox->display);
	close_fd(&sandbox->channel[0]);
	close_fd(&sandbox->channel[1]);
}

/* What is asked for and cannot be had. */
static bool options_fit(const struct exec_job *job) {
	if (job->nested) {
		diag_error(
			"exec: --allow-nested: macOS makes no sandbox inside a sandbox (have the "
			"command make none)");
		return false;
	}
	if (job->plan.allow_wayland) {
		diag_error("exec: --allow-wayland: macOS has none");
		return false;
	}
	return true;
}

bool exec_is_possible(const struct exec_job *job) {
	if (!options_fit(job) || !exec_trusts(SANDBOX_EXEC, "it is part of macOS"))
		return false;
	diag_info("exec: Apple calls " SANDBOX_EXEC
	          " deprecated, which makes this sandbox: a later "
	          "macOS may be without it. This was made by what others tell of it, and never ran "
	          "on a Mac");
	return exec_settle(
		job, true,
		"what the command starts can outlive it, in its sandbox; whether it can "
		"type into this terminal depends on the macOS; /tmp is closed to it, not "
		"its own (TMPDIR is), and named semaphores are shared with others");
}

/* ---- what there is ---- */

static void find_terminals(struct sandbox *sandbox) {
	for (int fd = 0; fd < TERMINALS_MAX; fd++) {
		const char *name = ttyname(fd);
		char *real = name != NULL ? platform_real_path(name) : NULL;

		if (real != NULL)
			sandbox->terminals[sandbox->n_terminals++] = real;
	}
}

/* XQuartz has launchd listen at a path of its own, which is the display's name up to a colon. */
static void find_display(struct sandbox *sandbox, const struct plan *plan) {
	const char *display = getenv("DISPLAY");

	if (!plan->allow_x11 || display == NULL)
		return;
	sandbox->display = display[0] == '/' ? platform_real_path(display) : NULL;
	if (display[0] == ':') {
		const size_t len = strspn(display + 1, "0123456789");

		if (asprintf(&sandbox->display, X11_SOCKETS "/X%.*s", (int)len, display + 1) < 0)
			sandbox->display = NULL;
	}
	if (sandbox->display != NULL)
		sandbox->sockets[sandbox->n_sockets++] = sandbox->display;
}

static int find(struct sandbox *sandbox, const struct plan *plan) {
	CLEANUP(free_pointer) char *runtime = NULL;
	CLEANUP(free_pointer) char *real = NULL;
	int error = platform_runtime_directory(&runtime);

	if (error < 0)
		return error;
	real = platform_real_path(runtime);
	sandbox->socket = real != NULL ? platform_real_path(plan->socket) : NULL;
	if (sandbox->socket == NULL)
		return -errno;
	for (size_t i = 0; i < plan->sockets.count; i++)
		sandbox->sockets[sandbox->n_sockets++] = plan->sockets.items[i];
	find_terminals(sandbox);
	find_display(sandbox, plan);
	error = scratch_new(&sandbox->scratch, real);
	return error == 0 ? platform_message_pair(sandbox->channel) : error;
}

/* ---- the sandbox ---- */

static bool make_profile(struct buffer *profile, const struct exec_job *job,
                         const struct sandbox *sandbox) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(free_pointer) char *why = NULL;
	const struct seatbelt seatbelt = {
		.view = &view,
		.socket = sandbox->socket,
		.scratch = sandbox->scratch,
		.program = job->program,
		.sockets = sandbox->sockets,
		.n_sockets = sandbox->n_sockets,
		.terminals = (const char *const *)sandbox->terminals,
		.n_terminals = sandbox->n_terminals,
		.no_network = job->plan.no_network,
	};
	int error = plan_check(&why, &job->plan);

	if (error == 0)
		error = plan_view(&view, &why, &job->plan);
	if (error == 0)
		error = view_add_spellings(&view, &why, platform_real_path);
	if (error == 0)
		error = seatbelt_profile(profile, &why, &seatbelt);
	buffer_put_u8(profile, 0);
	if (error == 0)
		error = buffer_error(profile);
	if (error < 0)
		diag_error("exec: %s", why != NULL ? why : strerror(-error));
	return error == 0;
}

/* Our own, which the program gets: nobody is asked anything any more by what is left out. */
static int change_environment(const struct sandbox *sandbox, const struct plan *plan) {
	size_t count;
	const char *const *outside = plan_outside_variables(&count);
	int failed = 0;

	for (size_t i = 0; i < count; i++)
		failed |= unsetenv(outside[i]);
	if (!plan->allow_x11) {
		failed |= unsetenv("DISPLAY");
		failed |= unsetenv("XAUTHORITY");
	}
	if (plan->private_home)
		failed |= setenv("HOME", sandbox->scratch, 1);
	failed |= setenv("TMPDIR", sandbox->scratch, 1);
	failed |= setenv("XDG_RUNTIME_DIR", sandbox->scratch, 1);
	failed |= setenv("SSH_AUTH_SOCK", sandbox->socket, 1);
	return failed != 0 ? -ENOMEM : 0;
}

/* -ECANCELED: why not has been said. */
static int make_words(struct words *words, const struct exec_job *job,
                      const struct sandbox *sandbox) {
	CLEANUP(buffer_deinit) struct buffer profile = {0};

	if (!make_profile(&profile, job, sandbox))
		return -ECANCELED;
	words_add3(words, SANDBOX_EXEC, "-p", (const char *)profile.data);
	words_add3(words, job->program, EXEC_INSIDE, NULL);
	words_addf(words, "%d", sandbox->channel[1]);
	words_add(words, "--");
	for (char **word = job->command; *word != NULL; word++)
		words_add(words, *word);
	return words->error;
}

static int run(struct launch_result *ret, const struct exec_job *job) {
	CLEANUP(words_deinit) struct words words = {0};
	CLEANUP(sandbox_deinit) struct sandbox sandbox = {.channel = {-1, -1}};
	int error = find(&sandbox, &job->plan);

	*ret = (struct launch_result){LAUNCH_NO_SANDBOX, 0};
	if (error == 0)
		error = make_words(&words, job, &sandbox);
	if (error == 0)
		error = change_environment(&sandbox, &job->plan);
	return error == 0 ? direct_run(ret, words.items, sandbox.channel) : error;
}

int exec_run(struct exec_job *job) {
	struct launch_result result;
	int error = run(&result, job); /* nothing of the sandbox is left when we end as it did */

	if (error == 0)
		return exec_end_like(
			job, &result,
			SANDBOX_EXEC
			" made no sandbox, or lets nothing begin in it on this macOS (its log "
			"says why: log show --last 1m --predicate 'sender == \"Sandbox\"')");
	if (error != -ECANCELED) /* that was said */
		diag_error("exec: %s", strerror(-error));
	return EXIT_NO_SANDBOX;
}

int cmd_exec_inside(int argc, char **argv) {
	return direct_inside(argc, argv);
}
