#include "platform/program.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define STORE           "/nix/store/"
#define WRAPPED         "-wrapped"
#define PATH_DEFAULT    "/bin:/usr/bin" /* as the C library, where there is no PATH */
#define DIRECTORIES_MAX 128 /* of a PATH: each takes a microsecond, and there is a deadline */

static struct bytes base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return bytes_of_text(slash != NULL ? slash + 1 : path);
}

/* A login shell is "-bash". */
static const char *without_dash(const char *argv0) {
	return argv0[0] == '-' ? argv0 + 1 : argv0;
}

/* The directory with its slash. */
static struct bytes directory_of(const char *path) {
	struct bytes base = base_name(path);

	return (struct bytes){(const uint8_t *)path, strlen(path) - base.len};
}

static bool join(char ret[static PATH_MAX], struct bytes directory, const char *name) {
	int len = snprintf(ret, PATH_MAX, "%.*s%s", (int)directory.len,
	                   (const char *)directory.data, name);

	return directory.len < PATH_MAX && len >= 0 && len < PATH_MAX;
}

static bool is_same(const struct stat *a, const struct stat *b) {
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool leads_to(const char *path, const struct stat *file) {
	struct stat found;
	CLEANUP(close_fd) int fd = program_find(&found, path);

	return fd >= 0 && is_same(&found, file);
}

static bool is_roots_directory(struct bytes directory) {
	char path[PATH_MAX];
	struct stat status;

	return join(path, directory, "") && stat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == 0 && (status.st_mode & 022) == 0;
}

/* A hard link is one, too. */
static bool is_roots_link(const char *path) {
	struct stat status;

	return lstat(path, &status) == 0 && status.st_uid == 0 &&
	       (S_ISLNK(status.st_mode) || S_ISREG(status.st_mode));
}

/* The name by which root has linked to the file, of those that argv[0] could mean. NULL: none. */
static const char *linked_name(const struct program *program, struct bytes base) {
	const char *argv0 = program->argv0 != NULL ? without_dash(program->argv0) : "";
	struct bytes name = base_name(argv0);
	struct bytes directory;
	char path[PATH_MAX];

	if (name.len == 0 || bytes_equal(name, base) || program->file->st_uid != 0)
		return NULL;
	if (strchr(argv0, '/') == NULL)
		directory = directory_of(program->exe);
	else if (argv0[0] == '/')
		directory = directory_of(argv0);
	else
		return NULL;
	if (!join(path, directory, (const char *)name.data) || !is_roots_link(path) ||
	    !is_roots_directory(directory) || !leads_to(path, program->file))
		return NULL;
	return (const char *)name.data;
}

/* The name within ".NAME-wrapped"; empty: it is not wrapped. */
static struct bytes wrapped_name(const char *exe) {
	struct bytes base = base_name(exe);
	const size_t around = strlen(".") + strlen(WRAPPED);

	if (strncmp(exe, STORE, strlen(STORE)) != 0 || base.len <= around || base.data[0] != '.' ||
	    strcmp(exe + strlen(exe) - strlen(WRAPPED), WRAPPED) != 0)
		return (struct bytes){0};
	return (struct bytes){base.data + 1, base.len - around};
}

char *program_name(const struct program *program) {
	struct bytes base = wrapped_name(program->exe);
	const char *linked;

	if (base.len == 0)
		base = base_name(program->exe);
	linked = linked_name(program, base);
	return linked != NULL ? strdup(linked) : strndup((const char *)base.data, base.len);
}

static bool is_executable(const struct stat *file) {
	return S_ISREG(file->st_mode) && (file->st_mode & 0111) != 0;
}

/* What the Nix store wraps is started by a file that has its name. */
static bool is_wrapper(const struct stat *file, const char *exe) {
	struct bytes name = wrapped_name(exe);
	struct bytes directory = directory_of(exe);
	char path[PATH_MAX];

	if (name.len == 0 || directory.len + name.len >= sizeof(path))
		return false;
	snprintf(path, sizeof(path), "%.*s%.*s", (int)directory.len, (const char *)directory.data,
	         (int)name.len, (const char *)name.data);
	return leads_to(path, file);
}

/* TRI_UNKNOWN: there is no program at this path. */
static enum tri is_other(const struct program *program, const char *path) {
	struct stat found;
	CLEANUP(close_fd) int fd = program_find(&found, path);

	if (fd < 0 || !is_executable(&found))
		return TRI_UNKNOWN;
	/* What runs of a script is its interpreter, which may write the script's name over its own.
	 */
	if (is_same(&found, program->file) || is_wrapper(&found, program->exe) ||
	    program_is_script(fd))
		return TRI_NO;
	return TRI_YES;
}

/* As that, of a path that starts at the working directory, or at the root. */
static enum tri is_other_in(const struct program *program, const struct program_search *search,
                            struct bytes directory, const char *name) {
	bool relative = directory.len == 0 || directory.data[0] != '/';
	char path[PATH_MAX];
	int len;

	if (relative && search->cwd == NULL)
		return TRI_UNKNOWN;
	len = snprintf(path, sizeof(path), "%s%s%.*s/%s", relative ? search->cwd : "",
	               relative ? "/" : "", (int)directory.len, (const char *)directory.data, name);
	return len > 0 && (size_t)len < sizeof(path) ? is_other(program, path) : TRI_UNKNOWN;
}

/* The first program of that name by PATH is the one that it would be. */
static enum tri search_path(const struct program *program, const struct program_search *search,
                            const char *name) {
	struct bytes rest = search->path;

	if (rest.data == NULL)
		rest = bytes_of_text(PATH_DEFAULT);
	for (size_t n = 0; n < DIRECTORIES_MAX; n++) {
		const uint8_t *colon = rest.len > 0 ? memchr(rest.data, ':', rest.len) : NULL;
		size_t len = colon != NULL ? (size_t)(colon - rest.data) : rest.len;
		struct bytes directory = {rest.data, len};
		bool relative = len == 0 || directory.data[0] != '/';
		enum tri other;

		/* Where it may be in a directory that we do not know, nobody knows. */
		if (relative && search->cwd == NULL)
			return TRI_UNKNOWN;
		other = is_other_in(program, search, directory, name);
		if (other != TRI_UNKNOWN)
			return other;
		if (colon == NULL)
			return TRI_NO;
		rest = (struct bytes){colon + 1, rest.len - len - 1};
	}
	return TRI_UNKNOWN;
}

enum tri program_argv_mismatch(const struct program *program, const struct program_search *search) {
	const char *argv0 = program->argv0 != NULL ? without_dash(program->argv0) : "";
	enum tri other;

	if (*argv0 == '\0' || strcmp(argv0, program->exe) == 0)
		return TRI_NO;
	if (strchr(argv0, '/') == NULL)
		return search->has_path ? search_path(program, search, argv0) : TRI_UNKNOWN;
	if (argv0[0] != '/' && search->cwd == NULL)
		return TRI_UNKNOWN;
	other = argv0[0] == '/' ? is_other(program, argv0)
	                        : is_other_in(program, search, bytes_of_text(""), argv0);
	return other == TRI_YES ? TRI_YES : TRI_NO;
}
