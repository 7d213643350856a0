#include "sandbox/nearest.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/platform.h"

#define LINKS_MAX 40 /* as the kernel */

/* NULL: not even the root. rest begins with what is not there, behind its slash. */
static char *existing_part(const char *path, const char **ret_rest) {
	CLEANUP(free_pointer) char *part = strdup(path);

	while (part != NULL) {
		char *real = platform_real_path(part[0] != '\0' ? part : "/");
		char *slash = strrchr(part, '/');

		if (real != NULL) {
			*ret_rest = path + strlen(part);
			while (**ret_rest == '/')
				(*ret_rest)++;
			return real;
		}
		if (slash == NULL || part[0] == '\0')
			break;
		*slash = '\0';
	}
	return NULL;
}

/* Where the first name of the rest is a link that leads to nothing: the path that it stands for. */
static char *follow(const char *there, const char *rest) {
	const size_t len = strcspn(rest, "/");
	CLEANUP(free_pointer) char *link = NULL;
	char target[PATH_MAX], *path = NULL;
	ssize_t target_len;
	bool whole;

	if (asprintf(&link, "%s/%.*s", there, (int)len, rest) < 0) {
		link = NULL;
		return NULL;
	}
	target_len = readlink(link, target, sizeof(target) - 1);
	if (target_len <= 0)
		return NULL;
	target[target_len] = '\0';
	whole = target[0] == '/';
	if (asprintf(&path, "%s%s%s%s", whole ? "" : there, whole ? "" : "/", target, rest + len) <
	    0)
		return NULL;
	return path;
}

char *nearest_path(const char *path, size_t *ret_len) {
	CLEANUP(free_pointer) char *at = path[0] == '/' ? strdup(path) : NULL;

	for (unsigned links = 0; at != NULL && links < LINKS_MAX; links++) {
		const char *rest = NULL;
		CLEANUP(free_pointer) char *there = existing_part(at, &rest);
		char *next, *whole = NULL;

		if (there == NULL)
			return NULL;
		if (strcmp(there, "/") == 0)
			there[0] = '\0';
		next = *rest != '\0' ? follow(there, rest) : NULL;
		if (next == NULL) {
			if (asprintf(&whole, "%s%s%s", there, *rest != '\0' ? "/" : "", rest) < 0)
				return NULL;
			*ret_len = strlen(there);
			return whole;
		}
		free(at);
		at = next;
	}
	return NULL;
}
