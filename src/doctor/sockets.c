/* Sockets by which a key can be used without the guard: other agents, and shared connections. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/contact.h"
#include "doctor/look.h"

#define AGENTS  "agents"
#define MASTERS "shared connections"

static bool is_socket(const char *path) {
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* An agent answers its own user alone, so the sockets of others are none of this account's keys,
 * and do not use up what is asked. */
static bool is_own_socket(const char *path) {
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_uid == geteuid();
}

/* Each is told once, whatever led to it; what is told ends in its path. */
static bool is_told_of(const struct findings *findings, const char *path) {
	size_t len = strlen(path);

	for (size_t i = 0; i < findings->count; i++) {
		const char *text = findings->items[i].text;
		size_t text_len = strlen(text);

		if (text_len > len && text[text_len - len - 1] == ' ' &&
		    strcmp(text + text_len - len, path) == 0)
			return true;
	}
	return false;
}

static void tell_agent(struct findings *findings, const char *path, uint32_t n_keys) {
	if (n_keys > 0)
		findings_add(findings, GRADE_BAD, AGENTS,
		             "take its keys out (SSH_AUTH_SOCK=PATH ssh-add -D), or end it, and "
		             "add them to the guard",
		             "an agent without a guard has %u key%s: %s", n_keys,
		             n_keys == 1 ? "" : "s", path);
	else
		findings_add(findings, GRADE_NOTE, AGENTS,
		             "end it, so that no key is added to it by mistake",
		             "an agent without a guard has no keys now: %s", path);
}

static void tell_master(struct findings *findings, const char *path) {
	findings_add(findings, GRADE_NOTE, MASTERS,
	             "ssh -O exit HOST ends it; ControlPersist no, or a short time, keeps it short",
	             "an open connection can be used by every program of this user, without any "
	             "key: %s",
	             path);
}

/* An endpoint is the guard's, too. */
static bool is_guards(const struct look *look, const char *path) {
	pid_t guard = contact_listener(look->socket);

	return contact_same_place(path, look->socket) || contact_same_place(path, look->control) ||
	       (guard != 0 && contact_listener(path) == guard);
}

static void look_at_socket(struct findings *findings, const struct look *look, const char *path) {
	struct contacted contacted;

	if (!is_own_socket(path) || is_told_of(findings, path) || is_guards(look, path))
		return;
	contacted = contact_ask(path);
	if (contacted.what == CONTACT_AGENT)
		tell_agent(findings, path, contacted.n_keys);
	else if (contacted.what == CONTACT_MASTER)
		tell_master(findings, path);
}

/* Where agents are known to listen, below the directory that the variable names, or is "~". */
static const struct place {
	const char *below; /* "~", a directory, or a variable's name */
	const char *pattern;
} places[] = {
	{"/tmp", "ssh-*/agent.*"},
	{"~", ".ssh/agent/*"},
	{"~", ".gnupg/S.gpg-agent.ssh"},
	{"~", ".1password/agent.sock"},
	{"~", ".bitwarden-ssh-agent.sock"},
	{"~", ".var/app/com.bitwarden.desktop/data/.bitwarden-ssh-agent.sock"},
	{"GNUPGHOME", "S.gpg-agent.ssh"},
	{"XDG_RUNTIME_DIR", "gnupg/S.gpg-agent.ssh"},
	{"XDG_RUNTIME_DIR", "gnupg/d.*/S.gpg-agent.ssh"},
	{"XDG_RUNTIME_DIR", "keyring/ssh"},
	{"XDG_RUNTIME_DIR", "keyring/.ssh"},
	{"XDG_RUNTIME_DIR", "gcr/ssh"},
	{"XDG_RUNTIME_DIR", "gcr/.ssh"},
	{"XDG_RUNTIME_DIR", "openssh_agent"},
	{"XDG_RUNTIME_DIR", "ssh-agent"},
	{"XDG_RUNTIME_DIR", "ssh-agent.socket"},
	{"XDG_RUNTIME_DIR", "yubikey-agent/yubikey-agent.sock"},
	{"XDG_RUNTIME_DIR", "ssh-agent-guard/agent-*/s"},
	{"SSH_AUTH_SOCK", ""}, /* last: perhaps one of those above */
};

typedef void look_at_path(struct findings *findings, const struct look *look, const char *path);

/* pattern may hold outside text in front, in which no letter means anything. */
static void for_each(const char *directory, const char *pattern, look_at_path *call,
                     struct findings *findings, const struct look *look) {
	glob_t found = {0};
	char *whole = NULL;
	size_t at = 0;

	if (directory == NULL || directory[0] != '/' ||
	    asprintf(&whole, "%*s%s%s", (int)(2 * strlen(directory)), "",
	             *pattern != '\0' ? "/" : "", pattern) < 0)
		return;
	for (const char *letter = directory; *letter != '\0'; letter++) {
		whole[at++] = '\\';
		whole[at++] = *letter;
	}
	if (glob(whole, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			call(findings, look, found.gl_pathv[i]);
	globfree(&found);
	free(whole);
}

/* ssh binds its socket by a name with this many letters more, and then gives it the one that is
 * meant. */
#define MASTER_SUFFIX_LEN 17

/* Each may take its time to answer, and anybody can make as many as he likes. */
#define LISTED_MAX 100

struct listed {
	struct findings *findings;
	const struct look *look;
	unsigned n_asked;
};

/* Whoever listens elsewhere has nothing to do with ssh; gpg-agent's own protocol is another one. */
static void on_listed(void *data, const char *path) {
	struct listed *listed = data;
	size_t len = strlen(path);
	CLEANUP(free_pointer) char *meant = NULL;

	if (path[0] != '/' || (strstr(path, "ssh") == NULL && strstr(path, "agent") == NULL) ||
	    (strstr(path, "/S.gpg-agent") != NULL && strstr(path, "/S.gpg-agent.ssh") == NULL))
		return;
	if (!is_socket(path) && len > MASTER_SUFFIX_LEN && path[len - MASTER_SUFFIX_LEN] == '.')
		meant = strndup(path, len - MASTER_SUFFIX_LEN);
	if (meant != NULL)
		path = meant;
	if (is_own_socket(path) && listed->n_asked++ < LISTED_MAX)
		look_at_socket(listed->findings, listed->look, path);
}

static bool has_area(const struct findings *findings, const char *area) {
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].area, area) == 0)
			return true;
	return false;
}

void look_at_agents(struct findings *findings, const struct look *look) {
	struct listed listed = {findings, look, 0};
	int error;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *below = places[i].below;
		const char *directory = strcmp(below, "~") == 0 ? look->home
		                        : *below == '/'         ? below
		                                                : getenv(below);

		for_each(directory, places[i].pattern, look_at_socket, findings, look);
	}
	error = look_each_listed(on_listed, &listed);
	if (listed.n_asked > LISTED_MAX)
		findings_add(findings, GRADE_NOTE, AGENTS,
		             "see who made them: grep -E 'ssh|agent' /proc/net/unix",
		             "more than %d sockets are called as those of agents are, and the rest "
		             "was not asked",
		             LISTED_MAX);
	if (!has_area(findings, AGENTS))
		findings_add(findings, GRADE_OK, AGENTS, NULL,
		             error == 0 ? "no agent without a guard was found where they usually "
		                          "are, nor among the sockets that the kernel lists"
		                        : "no agent without a guard was found where they usually "
		                          "are");
}

static void look_at_master(struct findings *findings, const struct look *look, const char *path) {
	struct contacted contacted;

	(void)look;
	if (strstr(path, "/.ssh/agent/") != NULL || !is_socket(path) || is_told_of(findings, path))
		return;
	contacted = contact_ask(path);
	/* What listens there need not be one, but nothing else has business in ~/.ssh. */
	if (contacted.what == CONTACT_MASTER || contacted.what == CONTACT_OTHER)
		tell_master(findings, path);
}

void look_at_session(struct findings *findings, const struct look *look) {
	const char *socket = getenv("SSH_AUTH_SOCK");

	if (socket == NULL || *socket == '\0')
		findings_add(findings, GRADE_NOTE, "session",
		             "eval \"$(ssh-agent-guard start)\" in your shell's start file sets it",
		             "SSH_AUTH_SOCK is not set here, so programs started from this shell "
		             "use no agent");
	else if (contact_same_place(socket, look->socket))
		findings_add(findings, GRADE_OK, "session", NULL, "SSH_AUTH_SOCK is the guard's");
	else
		findings_add(findings, GRADE_BAD, "session",
		             "set it to the guard's socket where your session starts",
		             "SSH_AUTH_SOCK is %s, and not the guard's %s", socket, look->socket);
	if (look->home != NULL) {
		for_each(look->home, ".ssh/*", look_at_master, findings, look);
		for_each(look->home, ".ssh/*/*", look_at_master, findings, look);
	}
}
