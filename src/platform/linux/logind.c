#include "platform/linux/logind.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"

#define FILE_LEN_MAX   (16 * 1024) /* a session has some 500 bytes, a user 20 for each session */
#define ID_LEN_MAX     32 /* logind counts; with the audit system it is that one's number */
#define N_SESSIONS_MAX 32 /* of one user */

static bool is_id_byte(uint8_t c) {
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_id(struct bytes id) {
	for (size_t i = 0; i < id.len; i++)
		if (!is_id_byte(id.data[i]))
			return false;
	return id.len > 0 && id.len <= ID_LEN_MAX;
}

/* The part after the beginning, up to a slash; data is NULL where it does not begin so. */
static struct bytes part_after(const char *text, const char *beginning) {
	size_t len = strlen(beginning);

	if (strncmp(text, beginning, len) != 0)
		return (struct bytes){0};
	return (struct bytes){(const uint8_t *)text + len, strcspn(text + len, "/")};
}

struct logind_place logind_place_of(const char *cgroup, uid_t uid) {
	static const char scope[] = ".scope";
	struct logind_place place = {0};
	char beginning[128];
	struct bytes part;

	snprintf(beginning, sizeof(beginning), "/user.slice/user-%lu.slice/session-",
	         (unsigned long)uid);
	part = part_after(cgroup, beginning);
	if (part.len > strlen(scope) &&
	    memcmp(part.data + part.len - strlen(scope), scope, strlen(scope)) == 0) {
		part.len -= strlen(scope);
		if (is_id(part))
			place.session = part;
		return place;
	}
	snprintf(beginning, sizeof(beginning), "/user.slice/user-%lu.slice/user@%lu.service",
	         (unsigned long)uid, (unsigned long)uid);
	part = part_after(cgroup, beginning);
	place.is_manager = part.data != NULL && part.len == 0;
	return place;
}

/* The value of a line KEY=VALUE; data is NULL where there is none. */
static struct bytes value_of(struct bytes text, const char *key) {
	size_t key_len = strlen(key);

	while (text.len > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

		if (len > key_len && memcmp(text.data, key, key_len) == 0 &&
		    text.data[key_len] == '=')
			return (struct bytes){text.data + key_len + 1, len - key_len - 1};
		len += end != NULL;
		text = (struct bytes){text.data + len, text.len - len};
	}
	return (struct bytes){0};
}

static bool begins_with(struct bytes text, const char *beginning) {
	size_t len = strlen(beginning);

	return text.len >= len && memcmp(text.data, beginning, len) == 0;
}

/* A seat, or a terminal that is wired to the machine. */
static bool is_at_the_machine(struct bytes session) {
	struct bytes tty = value_of(session, "TTY");

	return value_of(session, "SEAT").len > 0 || (tty.len > 0 && !begins_with(tty, "pts/"));
}

enum presence logind_presence_in(struct bytes session, uid_t uid) {
	struct bytes remote = value_of(session, "REMOTE");
	char number[24];

	snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
	if (!bytes_equal_text(value_of(session, "UID"), number) ||
	    !begins_with(value_of(session, "CLASS"), "user") ||
	    bytes_equal_text(value_of(session, "STATE"), "closing"))
		return PRESENCE_UNKNOWN;
	/* Whoever comes in by `ssh localhost` may have come from afar before. */
	if (bytes_equal_text(remote, "1") || begins_with(value_of(session, "SERVICE"), "sshd"))
		return PRESENCE_REMOTE;
	return bytes_equal_text(remote, "0") && is_at_the_machine(session) ? PRESENCE_LOCAL
	                                                                   : PRESENCE_UNKNOWN;
}

struct bytes logind_sessions_of(struct bytes user) {
	return value_of(user, "SESSIONS");
}

bool logind_next_session(struct bytes *ret, struct bytes *rest) {
	while (rest->len > 0) {
		const uint8_t *blank = memchr(rest->data, ' ', rest->len);
		struct bytes id = {rest->data,
		                   blank != NULL ? (size_t)(blank - rest->data) : rest->len};
		size_t len = id.len + (blank != NULL);

		*rest = (struct bytes){rest->data + len, rest->len - len};
		if (id.len > 0) {
			*ret = id;
			return true;
		}
	}
	return false;
}

/* false: there is none, or it is not root's. */
static bool read_file(struct buffer *text, const char *directory, uid_t owner, const char *kind,
                      struct bytes name) {
	char path[PATH_MAX];
	struct stat status = {0};

	snprintf(path, sizeof(path), "%s/%s/%.*s", directory, kind, (int)name.len,
	         (const char *)name.data);
	return file_read(text, AT_FDCWD, path, FILE_LEN_MAX, &status) == 0 &&
	       status.st_uid == owner && (status.st_mode & 022) == 0;
}

static enum presence presence_of(const char *directory, uid_t owner, struct bytes id, uid_t uid) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	if (!is_id(id) || !read_file(&text, directory, owner, "sessions", id))
		return PRESENCE_UNKNOWN;
	return logind_presence_in(buffer_bytes(&text), uid);
}

/* What all sessions agree on that have a person; nobody can say which of them it is about. */
static enum presence presence_of_all(const char *directory, uid_t owner, uid_t uid) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	enum presence all = PRESENCE_UNKNOWN;
	struct bytes rest, id;
	char number[24];

	snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
	if (!read_file(&text, directory, owner, "users", bytes_of_text(number)))
		return PRESENCE_UNKNOWN;
	rest = logind_sessions_of(buffer_bytes(&text));
	for (size_t n = 0; logind_next_session(&id, &rest); n++) {
		enum presence one = presence_of(directory, owner, id, uid);

		if (n == N_SESSIONS_MAX ||
		    (all != PRESENCE_UNKNOWN && one != PRESENCE_UNKNOWN && one != all))
			return PRESENCE_UNKNOWN;
		if (one != PRESENCE_UNKNOWN)
			all = one;
	}
	return all;
}

enum presence logind_presence(const char *directory, uid_t owner, const char *cgroup, uid_t uid) {
	struct logind_place place = logind_place_of(cgroup, uid);

	if (place.session.len > 0)
		return presence_of(directory, owner, place.session, uid);
	return place.is_manager ? presence_of_all(directory, owner, uid) : PRESENCE_UNKNOWN;
}
