/*
 * What `exec` was asked to run, and where that is. cmd/exec.c makes one of what a person wrote and
 * of what the guard said; how it is kept in differs from one system to another (exec_linux.c,
 * exec_darwin.c).
 */
#ifndef CMD_EXEC_JOB_H
#define CMD_EXEC_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/places.h"
#include "platform/platform.h"
#include "sandbox/launch.h"
#include "sandbox/plan.h"

/* As env(1) and others that run a program: not to be mixed up with what that one says. */
#define EXIT_NO_SANDBOX 125
#define EXIT_NOT_RUN    126
#define EXIT_NOT_FOUND  127

#define EXEC_EXCHANGED \
	"another program has put something else in the place of what was to be seen (try again " \
	"where none changes it)"

struct exec_job {
	struct plan plan;
	char *home, *cwd, *program, *answer; /* owned */
	char *paths[3 * PLAN_PATHS_MAX];     /* owned */
	/* What lies there, and here, by which it is known where somebody exchanges names meanwhile;
	 * an inode of 0: not looked at. */
	struct file_id ids[3 * PLAN_PATHS_MAX], cwd_id;
	size_t n_paths;
	struct places places;
	const char *label, *listen;
	bool nested, best_effort;
	char **command;
};

/* Says what, and whether the command is run all the same: what is no reason to refuse, or
 * --best-effort. */
bool exec_settle(const struct exec_job *job, bool refuses, const char *what);
/* Whether a program here belongs to root alone, so that it is not what the one to be kept in has
 * put there; says so if not, and what to do where it is missing (advice). */
bool exec_trusts(const char *program, const char *advice);
/* The exit status that says what became of the command. no_sandbox: what to say where none was
 * made. */
int exec_end_like(const struct exec_job *job, const struct launch_result *result,
                  const char *no_sandbox);

/* ---- of each system ---- */

/* Whether the system has what it takes, and can keep up what is asked for; says what not. */
bool exec_is_possible(const struct exec_job *job);
/* Runs it, with the endpoint's socket made. Returns the exit status. */
int exec_run(struct exec_job *job);

#endif
