#include "sandbox/repository.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULES_DEPTH_MAX 8           /* of names with slashes, and of submodules of submodules */
#define CONFIG_LEN_MAX    (64 * 1024) /* of what is searched; git's own have a few hundred bytes */

/* Links are not followed: whoever made one could lead us elsewhere. */
static bool is_kind(const char *path, mode_t wanted) {
	struct stat status;

	return lstat(path, &status) == 0 && (status.st_mode & S_IFMT) == wanted;
}

static char *below(const char *directory, const char *name) {
	char *path = NULL;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static bool is_git_directory(const char *path) {
	CLEANUP(free_pointer) char *head = below(path, "HEAD");

	return head != NULL && (is_kind(head, S_IFREG) || is_kind(head, S_IFLNK)) &&
	       is_kind(path, S_IFDIR);
}

/* bubblewrap follows a link on both sides: one that a program left there in an earlier run would
 * have whatever it names laid over what is covered. */
static int refuse(char **ret_why, const char *path) {
	if (asprintf(ret_why,
	             "%s: is a link, or another kind of file than git's: what it leads to cannot be "
	             "protected (put the thing itself there)",
	             path) < 0)
		*ret_why = NULL;
	return -EPERM;
}

/* A name that is not there could be made, so it is made first. */
static int close_file(struct view *view, char **ret_why, const char *git, const char *name,
                      const char *content) {
	CLEANUP(free_pointer) char *path = below(git, name);
	CLEANUP(close_fd) int fd = -1;

	if (path == NULL)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	if (fd >= 0 && write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		unlink(path); /* an empty commondir would be no repository any more */
		return -EIO;
	}
	if (!is_kind(path, S_IFREG))
		return refuse(ret_why, path);
	view_add(view, VIEW_READABLE, path);
	return 0;
}

static int close_directory(struct view *view, char **ret_why, const char *git,
                           const char *name) {
	CLEANUP(free_pointer) char *path = below(git, name);

	if (path == NULL)
		return -ENOMEM;
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return -errno;
	if (!is_kind(path, S_IFDIR))
		return refuse(ret_why, path);
	view_add(view, VIEW_READABLE, path);
	return 0;
}

struct worktree_settings {
	bool core;      /* core.worktree, which git ignores beside a commondir */
	bool extension; /* extensions.worktreeConfig: git reads config.worktree, too */
};

static int read_settings(struct worktree_settings *ret, const char *git) {
	static const char word[] = "worktree", rest[] = "config";
	CLEANUP(free_pointer) char *path = below(git, "config");
	CLEANUP(free_pointer) char *text = calloc(1, CONFIG_LEN_MAX + 1);
	CLEANUP(close_fd) int fd = -1;

	*ret = (struct worktree_settings){0};
	if (path == NULL || text == NULL)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || read(fd, text, CONFIG_LEN_MAX) < 0)
		return fd < 0 && errno == ENOENT ? 0 : -errno;
	for (const char *at = strcasestr(text, word); at != NULL; at = strcasestr(at, word)) {
		at += strlen(word);
		if (strncasecmp(at, rest, strlen(rest)) == 0)
			ret->extension = true;
		else
			ret->core = true;
	}
	return 0;
}

static int protect_git_directory(struct view *view, char **ret_why, const char *git,
                                 bool is_module) {
	struct worktree_settings settings;
	int error;

	view_add(view, VIEW_WRITABLE, git);
	error = close_directory(view, ret_why, git, "hooks");
	if (error == 0)
		error = close_file(view, ret_why, git, "config", "");
	if (error == 0)
		error = read_settings(&settings, git);
	if (error == 0 && settings.extension)
		error = close_file(view, ret_why, git, "config.worktree", "");
	/* A submodule's own worktree is where its .git is found, whatever its config says. */
	if (error == 0 && settings.core && !is_module)
		view_add(view, VIEW_READABLE, git);
	else if (error == 0)
		error = close_file(view, ret_why, git, "commondir", ".\n");
	return error;
}

typedef int protector(struct view *view, char **ret_why, const char *path, unsigned depth);

/* Each directory of the one that has this name, which is not made where it is not there. */
static int protect_each(struct view *view, char **ret_why, const char *parent,
                        protector *protect, unsigned depth) {
	DIR *directory;
	int error = 0;

	if (is_kind(parent, S_IFLNK))
		return refuse(ret_why, parent);
	directory = is_kind(parent, S_IFDIR) ? opendir(parent) : NULL;
	if (directory == NULL)
		return 0;
	view_add(view, VIEW_WRITABLE, parent);
	for (struct dirent *entry = readdir(directory); entry != NULL && error == 0;
	     entry = readdir(directory)) {
		CLEANUP(free_pointer) char *path = below(parent, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (path == NULL)
			error = -ENOMEM;
		else if (is_kind(path, S_IFLNK))
			error = refuse(ret_why, path);
		else if (is_kind(path, S_IFDIR))
			error = protect(view, ret_why, path, depth);
	}
	closedir(directory);
	return error;
}

/* A submodule's name may have slashes, and it can have submodules itself. */
static int protect_module(struct view *view, char **ret_why, const char *path, unsigned depth) {
	CLEANUP(free_pointer) char *modules = below(path, "modules");
	int error;

	if (modules == NULL)
		return -ENOMEM;
	if (depth == 0) {
		view_add(view, VIEW_READABLE, path);
		return 0;
	}
	if (!is_git_directory(path))
		return protect_each(view, ret_why, path, protect_module, depth - 1);
	error = protect_git_directory(view, ret_why, path, true);
	return error < 0 ? error
	                 : protect_each(view, ret_why, modules, protect_module, depth - 1);
}

static int protect_worktree(struct view *view, char **ret_why, const char *path,
                            unsigned depth) {
	int error;

	(void)depth;
	view_add(view, VIEW_WRITABLE, path);
	error = close_file(view, ret_why, path, "commondir", "../..\n");
	return error < 0 ? error : close_file(view, ret_why, path, "config.worktree", "");
}

static int protect_whole(struct view *view, char **ret_why, const char *git) {
	CLEANUP(free_pointer) char *modules = below(git, "modules");
	CLEANUP(free_pointer) char *worktrees = below(git, "worktrees");
	int error;

	if (modules == NULL || worktrees == NULL)
		return -ENOMEM;
	error = protect_git_directory(view, ret_why, git, false);
	if (error == 0)
		error = protect_each(view, ret_why, modules, protect_module, MODULES_DEPTH_MAX);
	return error < 0 ? error : protect_each(view, ret_why, worktrees, protect_worktree, 0);
}

int repository_protect(struct view *view, char **ret_why, const char *directory) {
	CLEANUP(free_pointer) char *git = below(directory, ".git");

	if (git == NULL)
		return -ENOMEM;
	if (is_git_directory(directory)) /* a bare one */
		return protect_whole(view, ret_why, directory);
	if (is_kind(git, S_IFLNK))
		return refuse(ret_why, git);
	if (is_kind(git, S_IFREG)) { /* of a linked worktree: it names the place of its config */
		view_add(view, VIEW_READABLE, git);
		return 0;
	}
	return is_git_directory(git) ? protect_whole(view, ret_why, git) : 0;
}
