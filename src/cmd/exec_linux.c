/* exec, where the sandbox is made of bubblewrap, and Landlock inside it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/exec_job.h"
#include "platform/platform.h"
#include "sandbox/bubblewrap.h"
#include "sandbox/filter.h"
#include "sandbox/handover.h"
#include "sandbox/inside.h"
#include "sandbox/listed.h"
#include "sandbox/same.h"

#define BUBBLEWRAP "/usr/bin/bwrap"

/* What it takes beside the job itself. */
struct sandbox {
	char *inner_runtime; /* owned */
	int channel[2];
	int filter_fd, program_fd;
};

static void sandbox_deinit(struct sandbox *sandbox) {
	free(sandbox->inner_runtime);
	close_fd(&sandbox->channel[0]);
	close_fd(&sandbox->channel[1]);
	close_fd(&sandbox->filter_fd);
	close_fd(&sandbox->program_fd);
}

/* What the system cannot keep up is said, and refused unless it was asked for. */
static bool promises_hold(const struct exec_job *job) {
	const int landlock_abi = platform_landlock_abi();

	if (job->nested)
		return exec_settle(
			job, false,
			"without Landlock the program can signal its own job outside, "
			"reach abstract sockets unless --no-network is given, and sockets "
			"that are made later where it can see them");
	if (landlock_abi < LANDLOCK_ABI_SCOPES) {
		if (!exec_settle(
			    job, true,
			    "this kernel's Landlock (before Linux 6.12) does not keep the program "
			    "from signalling its own job outside"))
			return false;
		if (!job->plan.no_network &&
		    !exec_settle(job, true, "nor from abstract sockets: give --no-network"))
			return false;
	}
	if (landlock_abi < LANDLOCK_ABI_SOCKETS)
		diag_debug("exec: a socket that is made later, in a directory that the program can "
		           "see, it can reach (before Linux 7.1)");
	return true;
}

bool exec_is_possible(const struct exec_job *job) {
	return exec_trusts(BUBBLEWRAP, "install bubblewrap") && promises_hold(job);
}

/* The socket is mounted where the program is: nobody needs its name any more. */
static void on_ready(void *data) {
	const struct exec_job *job = data;
	CLEANUP(buffer_deinit) struct buffer answer = {0};

	if (control_ask(&answer, job->places.control, "exec-mounted", false) != 0)
		diag_info("exec: the guard does not answer, so the program's socket keeps a name");
}

/* count: of bubblewrap's words. */
static int put_same(const struct exec_job *job, struct words *words, size_t count) {
	CLEANUP(close_fd) int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = here < 0 ? -errno : same_put_below(words, count, job->cwd, here);

	same_put(words, &job->cwd_id, job->cwd);
	for (size_t i = 0; error == 0 && i < job->n_paths; i++) {
		CLEANUP(close_fd) int fd = -1;
		struct stat status;

		if (job->ids[i].inode == 0)
			continue;
		same_put(words, &job->ids[i], job->paths[i]);
		fd = open(job->paths[i], O_PATH | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &status) < 0)
			error = -errno;
		else if (status.st_dev != job->ids[i].device || status.st_ino != job->ids[i].inode)
			error = -ELOOP;
		else if (S_ISDIR(status.st_mode))
			error = same_put_below(words, count, job->paths[i], fd);
	}
	return error;
}

static bool make_words(const struct exec_job *job, const struct sandbox *sandbox,
                       struct words *words) {
	const char *const own[] = {job->cwd, "/tmp", "/var/tmp", "/dev/shm",
	                           sandbox->inner_runtime};
	CLEANUP(listed_deinit) struct listed listed = {0};
	char *reason = NULL;
	size_t count;
	int error = plan_check(&reason, &job->plan);

	if (error == 0)
		error = listed_init(&listed, &job->plan);
	for (size_t i = 0; error == 0 && i < listed.open.count; i++)
		diag_info("exec: %s", listed.open.items[i]);
	if (error == 0) {
		words_add(words, BUBBLEWRAP);
		error = bubblewrap_words(words, &reason, &job->plan, &listed, sandbox->filter_fd);
	}
	if (error < 0)
		diag_error("exec: %s", reason != NULL ? reason : strerror(-error));
	free(reason);
	if (error < 0)
		return false;
	count = words->count;
	words_add(words, "--");
	words_addf(words, "/proc/self/fd/%d", sandbox->program_fd);
	words_add(words, EXEC_INSIDE);
	words_addf(words, "%d", sandbox->channel[1]);
	words_addf(words, "%lx", handover_signals_ignored());
	if (job->nested)
		words_add(words, INSIDE_NO_CONFINE);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		words_add3(words, INSIDE_WRITABLE, own[i], NULL);
	if (job->plan.private_home)
		words_add3(words, INSIDE_WRITABLE, job->home, NULL);
	for (size_t i = 0; i < job->plan.writable.count; i++)
		words_add3(words, INSIDE_WRITABLE, job->plan.writable.items[i], NULL);
	error = put_same(job, words, count);
	if (error < 0) {
		diag_error("exec: %s: %s", EXEC_EXCHANGED, strerror(-error));
		return false;
	}
	words_add3(words, INSIDE_SOCKET, sandbox->inner_runtime, NULL);
	if (job->plan.allow_x11)
		words_add3(words, INSIDE_SOCKET, "/tmp/.X11-unix", NULL);
	for (size_t i = 0; i < job->plan.sockets.count; i++)
		words_add3(words, INSIDE_SOCKET, job->plan.sockets.items[i], NULL);
	words_add(words, "--");
	for (char **word = job->command; *word != NULL; word++)
		words_add(words, *word);
	return words->error == 0;
}

int exec_run(struct exec_job *job) {
	CLEANUP(words_deinit) struct words words = {0};
	const struct launch_calls calls = {on_ready, job};
	CLEANUP(sandbox_deinit)
	struct sandbox sandbox = {.channel = {-1, -1}, .filter_fd = -1, .program_fd = -1};
	struct launch_result result;
	int kept[3];
	int error = platform_message_pair(sandbox.channel);

	sandbox.inner_runtime = bubblewrap_runtime();
	if (error == 0 && sandbox.inner_runtime == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = filter_make(&sandbox.filter_fd);
	if (error == 0) {
		sandbox.program_fd = open(job->program, O_PATH | O_CLOEXEC);
		error = sandbox.program_fd < 0 ? -errno : 0;
	}
	if (error < 0) {
		diag_error("exec: %s", strerror(-error));
		return EXIT_NO_SANDBOX;
	}
	if (!make_words(job, &sandbox, &words))
		return EXIT_NO_SANDBOX;
	kept[0] = sandbox.channel[1];
	kept[1] = sandbox.filter_fd;
	kept[2] = sandbox.program_fd;
	error = launch(&result, words.items, sandbox.channel[0], kept, 3, &calls);
	sandbox.channel[1] = -1; /* launch() closed it */
	if (error < 0) {
		diag_error("exec: %s", strerror(-error));
		return EXIT_NO_SANDBOX;
	}
	return exec_end_like(job, &result,
	                     "bubblewrap made no sandbox (are user namespaces allowed here? see "
	                     "`ssh-agent-guard doctor`)");
}

int cmd_exec_inside(int argc, char **argv) {
	return inside_run(argc, argv);
}
