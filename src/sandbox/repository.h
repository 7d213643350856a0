/* What of a git repository can make git run programs: closed to whoever may write the rest. */
#ifndef SANDBOX_REPOSITORY_H
#define SANDBOX_REPOSITORY_H

#include "base/cleanup.h"
#include "sandbox/view.h"

/* hooks and config of the repository whose directory it is, of its submodules and of its linked
 * worktrees, and commondir, by which git looks for both elsewhere. Every directory above them
 * becomes an entry of its own, so that it cannot be renamed and made anew. Where there is no
 * repository, nothing. -EPERM: one of them is not what it should be, such as a link; *ret_why is a
 * sentence on it, owned by the caller. */
int repository_protect(struct view *view, char **ret_why, const char *directory) MUST_CHECK;

#endif
