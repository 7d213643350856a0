#include "caller/presence.h"

#include <string.h>

#include "caller/environment.h"

static bool is_set(const struct caller *caller, const char *name) {
	const char *value = caller_env(caller, name);

	return value != NULL && *value != '\0';
}

static bool tells_of_ssh(const struct caller *caller) {
	return is_set(caller, "SSH_CONNECTION") || is_set(caller, "SSH_CLIENT") ||
	       is_set(caller, "SSH_TTY");
}

/* A display of this machine is ":0"; what ssh forwards is "localhost:10.0". */
static bool tells_of_display(const struct caller *caller) {
	const char *display = caller_env(caller, "DISPLAY");

	return is_set(caller, "WAYLAND_DISPLAY") || (display != NULL && display[0] == ':');
}

static bool is_remote_login(const char *name) {
	static const char *const logins[] = {"sshd",     "sshd-session", "sshd-auth",
	                                     "dropbear", "mosh-server",  "in.telnetd"};

	for (size_t i = 0; name != NULL && i < sizeof(logins) / sizeof(logins[0]); i++)
		if (strcmp(name, logins[i]) == 0)
			return true;
	return false;
}

/* By its title, too: sshd runs as root, or lets nobody see what it runs. Who pretends to be one
 * becomes remote, which is the careful answer. */
static bool has_remote_login_above(const struct caller *caller) {
	for (size_t i = 0; i < caller->n_ancestors; i++)
		if (is_remote_login(caller->ancestors[i].name) ||
		    is_remote_login(caller->ancestors[i].title))
			return true;
	return false;
}

void presence_decide(struct caller *caller, enum presence by_manager) {
	caller->presence = by_manager;
	/* Whose screen is locked may have come in from afar. */
	if (by_manager == PRESENCE_LOCAL || by_manager == PRESENCE_REMOTE) {
		caller->presence_evidence = "logind";
	} else if (tells_of_ssh(caller)) {
		caller->presence = PRESENCE_REMOTE;
		caller->presence_evidence = "environment";
	} else if (has_remote_login_above(caller)) {
		caller->presence = PRESENCE_REMOTE;
		caller->presence_evidence = "ancestors";
	} else if (by_manager == PRESENCE_LOCKED) {
		caller->presence_evidence = "screen";
	} else if (caller->ancestors_known && tells_of_display(caller)) {
		caller->presence = PRESENCE_LOCAL;
		caller->presence_evidence = "environment";
	}
}

void presence_lock(struct caller *caller) {
	if (caller->presence != PRESENCE_LOCAL)
		return;
	caller->presence = PRESENCE_LOCKED;
	caller->presence_evidence = "screen";
}

void presence_leave(struct caller *caller) {
	if (caller->presence != PRESENCE_LOCAL)
		return;
	caller->presence = PRESENCE_REMOTE;
	caller->presence_evidence = "screen";
}

void presence_forget(struct caller *caller) {
	if (caller->presence != PRESENCE_LOCAL)
		return;
	caller->presence = PRESENCE_UNKNOWN;
	caller->presence_evidence = NULL;
}
