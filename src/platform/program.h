/*
 * What a program is called: by the file that runs, by root's links to it, and by what stands in
 * argv[0]. Looks at files whose paths a stranger wrote, so it blocks like all reads of a process,
 * and opens nothing but regular files.
 */
#ifndef PLATFORM_PROGRAM_H
#define PLATFORM_PROGRAM_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "facts/tri.h"

struct program {
	const char *exe;         /* its path as we see it */
	const struct stat *file; /* what is there */
	const char *argv0;       /* NULL: there is none */
};

/*
 * The base name of exe. Where argv[0] is a link to the same file that root made beside it, or at
 * the very path, it is that one's (python3, sh); and without the frame that the Nix store puts
 * around programs that it wraps. Owned by the caller, NULL: out of memory.
 */
char *program_name(const struct program *program);

/* Where argv[0] is looked for. */
struct program_search {
	const char *cwd; /* NULL: unknown */
	bool has_path;   /* false: not known */
	struct bytes path;
};

/* Whether argv[0] leads to another file than the one that runs; no, where it leads nowhere, or to a
 * script. */
enum tri program_argv_mismatch(const struct program *program, const struct program_search *search);

/* What each system has its own way for: a descriptor of what is at the path, all links followed but
 * those that would lead to our own files; it opens nothing that notices. -1: there is nothing. */
int program_find(struct stat *ret, const char *path);
/* Whether what was found begins as a script does. Only for regular files. */
bool program_is_script(int found_fd);

#endif
