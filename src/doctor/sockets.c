/* Sockets by which a key can be used without the guard: other agents, and shared connections. */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cursor.h"
#include "doctor/look.h"
#include "platform/platform.h"
#include "wire/message.h"

#define AGENTS    "agents"
#define ANSWER_MS 2000 /* of an agent that is well */

bool look_same_file(const char *a, const char *b) {
	struct stat one, other;

	return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &other) == 0 &&
	                             one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

static bool is_socket(const char *path) {
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

static int connect_to(int *ret_fd, const char *path) {
	CLEANUP(close_fd) int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error = platform_socket(&fd, false);

	if (error < 0)
		return error;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Reads len bytes; -ETIMEDOUT: they do not come. */
static int receive(int fd, uint8_t *bytes, size_t len) {
	while (len > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&ready, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		got = recv(fd, bytes, len, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return -ECONNRESET;
		bytes += got;
		len -= (size_t)got;
	}
	return 0;
}

/* How many keys the agent lists. -EPROTO: it is none. */
int look_counts_keys(uint32_t *ret, const char *path) {
	static const uint8_t request[] = {0, 0, 0, 1, AGENT_REQUEST_IDENTITIES};
	CLEANUP(close_fd) int fd = -1;
	uint8_t answer[MESSAGE_HEADER + 5]; /* length, type, and how many there are */
	struct cursor cursor = cursor_over(BYTES(answer));
	int error = connect_to(&fd, path);

	if (error < 0)
		return error;
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return -EPROTO;
	error = receive(fd, answer, sizeof(answer));
	if (error < 0)
		return error;
	cursor_u32(&cursor);
	if (cursor_u8(&cursor) != AGENT_IDENTITIES_ANSWER)
		return -EPROTO;
	*ret = cursor_u32(&cursor);
	return 0;
}

static bool is_told_of(const struct findings *findings, const char *path) {
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].area, AGENTS) == 0 &&
		    strstr(findings->items[i].text, path) != NULL)
			return true;
	return false;
}

static void look_at_agent(struct findings *findings, const struct look *look, const char *path) {
	uint32_t keys = 0;

	if (!is_socket(path) || look_same_file(path, look->socket) || is_told_of(findings, path) ||
	    look_counts_keys(&keys, path) < 0)
		return;
	if (keys > 0)
		findings_add(findings, GRADE_BAD, AGENTS,
		             "take its keys out (SSH_AUTH_SOCK=PATH ssh-add -D), or end it, and "
		             "add them to the guard",
		             "an agent without a guard has %u key%s: %s", keys,
		             keys == 1 ? "" : "s", path);
	else
		findings_add(findings, GRADE_NOTE, AGENTS, NULL,
		             "an agent without a guard has no keys now: %s", path);
}

int look_greets(const char *path, const char *greeting) {
	CLEANUP(close_fd) int fd = -1;
	uint8_t said[16];
	size_t len = strlen(greeting);
	int error = len <= sizeof(said) ? connect_to(&fd, path) : -EINVAL;

	if (error == 0)
		error = receive(fd, said, len);
	if (error < 0)
		return error;
	return memcmp(said, greeting, len) == 0 ? 0 : -EPROTO;
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

void look_at_agents(struct findings *findings, const struct look *look) {
	size_t before = findings->count;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *below = places[i].below;
		const char *directory = strcmp(below, "~") == 0 ? look->home
		                        : *below == '/'         ? below
		                                                : getenv(below);

		for_each(directory, places[i].pattern, look_at_agent, findings, look);
	}
	if (findings->count == before)
		findings_add(findings, GRADE_OK, AGENTS, NULL,
		             "no agent without a guard was found where they usually are");
}

static void look_at_master(struct findings *findings, const struct look *look, const char *path) {
	CLEANUP(close_fd) int fd = -1;

	(void)look;
	/* What listens there need not be one, but nothing else has business in ~/.ssh. */
	if (strstr(path, "/.ssh/agent/") == NULL && is_socket(path) && connect_to(&fd, path) == 0)
		findings_add(findings, GRADE_NOTE, "shared connections",
		             "ssh -O exit HOST ends it; ControlPersist no, or a short time, keeps "
		             "it short",
		             "an open connection can be used by every program of this user, "
		             "without any key: %s",
		             path);
}

void look_at_session(struct findings *findings, const struct look *look) {
	const char *socket = getenv("SSH_AUTH_SOCK");

	if (socket == NULL || *socket == '\0')
		findings_add(findings, GRADE_NOTE, "session",
		             "eval \"$(ssh-agent-guard start)\" in your shell's start file sets it",
		             "SSH_AUTH_SOCK is not set here, so programs started from this shell "
		             "use no agent");
	else if (look_same_file(socket, look->socket))
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
