#include "cmd/places.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "platform/platform.h"

#define NAME        "ssh-agent-guard"
#define POLICY_FILE "policy.yaml"

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...) {
	va_list arguments;
	char *made = NULL;

	va_start(arguments, format);
	if (vasprintf(&made, format, arguments) < 0)
		made = NULL;
	va_end(arguments);
	return made;
}

/* XDG Base Directory: a relative path in these variables is void. */
static char *base_directory(const char *variable, const char *below_home) {
	const char *value = getenv(variable);
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (value != NULL && value[0] == '/')
		return strdup(value);
	if (home == NULL || home[0] != '/') {
		user = getpwuid(geteuid());
		home = user != NULL ? user->pw_dir : NULL;
	}
	return home != NULL ? text("%s/%s", home, below_home) : NULL;
}

static char *absolute(const char *path) {
	CLEANUP(free_pointer) char *here = NULL;

	if (path[0] == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	return here != NULL ? text("%s/%s", here, path) : NULL;
}

/* The place of the older ssh-agent-guard counts where only that is there. */
static char *policy_place(void) {
	CLEANUP(free_pointer) char *config = base_directory("XDG_CONFIG_HOME", ".config");
	CLEANUP(free_pointer) char *place = NULL;
	CLEANUP(free_pointer) char *older = NULL;

	if (config == NULL)
		return NULL;
	place = text("%s/" NAME "/" POLICY_FILE, config);
	older = text("%s/ssh-ag/" POLICY_FILE, config);
	/* Only "not there" leads on: a policy that cannot be read is an error, and no other one. */
	if (place != NULL && older != NULL && access(place, F_OK) < 0 && errno == ENOENT &&
	    access(older, F_OK) == 0)
		return TAKE(older);
	return TAKE(place);
}

static char *state_place(void) {
	CLEANUP(free_pointer) char *base = base_directory("XDG_STATE_HOME", ".local/state");

	return base != NULL ? text("%s/" NAME, base) : NULL;
}

int places_init(struct places *places, const char *policy, const char *state, const char *socket) {
	CLEANUP(free_pointer) char *runtime = NULL;
	CLEANUP(free_pointer) char *ordinary = NULL;
	int error = platform_runtime_directory(&runtime);

	*places = (struct places){0};
	if (error < 0)
		return error;
	if (platform_is_installed_closed() && state != NULL) {
		diag_info("--state-dir does not count for a program that is installed set-gid");
		state = NULL;
	}
	places->policy = policy != NULL ? absolute(policy) : policy_place();
	places->state = state != NULL ? absolute(state) : state_place();
	places->runtime = text("%s/" NAME, runtime);
	ordinary = text("%s/" NAME ".sock", runtime);
	places->socket = socket != NULL ? absolute(socket) : text("%s/" NAME ".sock", runtime);
	/* A guard on another socket is another guard, with a control socket beside its own. */
	if (ordinary != NULL && places->socket != NULL) {
		places->pending = strcmp(places->socket, ordinary) == 0
		                          ? text("%s/pending", places->runtime)
		                          : text("%s.pending", places->socket);
		places->control = strcmp(places->socket, ordinary) == 0
		                          ? text("%s/control.sock", places->runtime)
		                          : text("%s.control", places->socket);
	}
	if (places->policy == NULL || places->state == NULL || places->runtime == NULL ||
	    places->socket == NULL || places->control == NULL || places->pending == NULL) {
		places_deinit(places);
		return -ENOENT;
	}
	return 0;
}

void places_deinit(struct places *places) {
	free(places->policy);
	free(places->state);
	free(places->runtime);
	free(places->socket);
	free(places->control);
	free(places->pending);
	*places = (struct places){0};
}
