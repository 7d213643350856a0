/* What git asks a host to run over ssh: which repository, and what to do with it. */
#ifndef CALLER_GIT_COMMAND_H
#define CALLER_GIT_COMMAND_H

#include "base/cleanup.h"

enum git_operation { GIT_NONE, GIT_FETCH, GIT_PUSH, GIT_ARCHIVE };

static inline const char *git_operation_name(enum git_operation operation) {
	switch (operation) {
	case GIT_NONE: return "";
	case GIT_FETCH: return "fetch";
	case GIT_PUSH: return "push";
	case GIT_ARCHIVE: return "archive";
	}
	return "invalid";
}

#define GIT_REPO_LEN_MAX 4096 /* as PATH_MAX */

/* Reads the one argument in which git hands the whole command to ssh: a program (which the user may
 * have set to a path of its own) and the repository in git's own quotes. Nothing else is taken for
 * git's, because what a remote shell makes of it is anybody's guess: *ret is GIT_NONE then, and
 * *ret_repo NULL. The repository belongs to the caller. -ENOMEM. */
int git_command_read(enum git_operation *ret, char **ret_repo, const char *command) MUST_CHECK;

#endif
