#include "log/system_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "log/chain.h"
#include "log/display.h"
#include "log/read.h"
#include "platform/platform.h"

#define ABSENT_NS       UINT64_C(2000000000)
#define MESSAGE_LEN_MAX 900 /* a line of syslog has 1024 in all */

struct system_log {
	int fd; /* not connected: either end may begin anew */
	struct sockaddr_un journal, syslog;
	char *state;
	uint64_t dropped;
	uint64_t absent_until_ns; /* there was no log of either kind: not looked at again so soon */
	struct buffer entry;
	struct buffer text; /* a value at hand */
	struct buffer shown;
};

/* Which field of a document is told under which name. */
static const struct {
	const char *name, *field;
} told[] = {
	{"SSH_GUARD_TRIGGER", "trigger"},
	{"SSH_GUARD_DECISION", "decision"},
	{"SSH_GUARD_RULE", "rule"},
	{"SSH_GUARD_REASON", "reason"},
	{"SSH_GUARD_EXE", "exe_path"},
	{"SSH_GUARD_PID", "local_pid"},
	{"SSH_GUARD_KEY", "key_fingerprint"},
	{"SSH_GUARD_USER", "ssh_user"},
	{"SSH_GUARD_DEST_KEY", "dest_key_fingerprint"},
	{"SSH_GUARD_SEQ", "seq"},
};

static bool set_address(struct sockaddr_un *address, const char *path) {
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return false;
	strcpy(address->sun_path, path);
	return true;
}

int system_log_new(struct system_log **ret, const char *state, const char *journal_path,
                   const char *syslog_path) {
	struct system_log *log = calloc(1, sizeof(*log));
	int error = 0;

	if (log == NULL)
		return -ENOMEM;
	log->fd = -1;
	log->state = strdup(state);
	if (log->state == NULL)
		error = -ENOMEM;
	else if (!set_address(&log->journal, journal_path) ||
	         !set_address(&log->syslog, syslog_path))
		error = -ENAMETOOLONG;
	else
		error = platform_datagram_socket(&log->fd);
	if (error < 0) {
		system_log_free(log);
		return error;
	}
	*ret = log;
	return 0;
}

void system_log_free(struct system_log *log) {
	if (log == NULL)
		return;
	close_fd(&log->fd);
	buffer_deinit(&log->entry);
	buffer_deinit(&log->text);
	buffer_deinit(&log->shown);
	free(log->state);
	free(log);
}

uint64_t system_log_dropped(const struct system_log *log) {
	return log->dropped;
}

/* ---- what is told ---- */

static bool is(struct bytes document, const char *name, const char *quoted) {
	return bytes_equal_text(event_field(document, name), quoted);
}

static bool begins_with(struct bytes field, const char *text) {
	return field.len >= strlen(text) && memcmp(field.data, text, strlen(text)) == 0;
}

enum system_log_kind system_log_kind_of(struct bytes document) {
	if (is(document, "decision", "\"deny\"") || is(document, "decision", "\"confirm-denied\""))
		return SYSTEM_LOG_REFUSAL;
	if (event_field(document, "decision").len > 0)
		return is(document, "trigger", "\"sign\"") ? SYSTEM_LOG_SIGNATURE
		                                           : SYSTEM_LOG_CHANGE;
	return begins_with(event_field(document, "trigger"), "\"log-") ? SYSTEM_LOG_TRAIL
	                                                               : SYSTEM_LOG_GUARD;
}

const char *system_log_message_id(enum system_log_kind kind) {
	switch (kind) {
	case SYSTEM_LOG_SIGNATURE: return "a10c7a06700f461e9d668b3a8f55b67d";
	case SYSTEM_LOG_REFUSAL: return "a75394ef97924904a7879ecbf25cfa51";
	case SYSTEM_LOG_CHANGE: return "41f3e6d56ef5450ca3d34e4aac859331";
	case SYSTEM_LOG_TRAIL: return "d4fa50671c824ac9aa8d8c9971c7651e";
	case SYSTEM_LOG_GUARD: return "ecde601692834104a272715a46eefd8d";
	}
	return "00000000000000000000000000000000";
}

static int priority_of(enum system_log_kind kind) {
	switch (kind) {
	case SYSTEM_LOG_REFUSAL:
	case SYSTEM_LOG_TRAIL: return LOG_WARNING;
	case SYSTEM_LOG_SIGNATURE:
	case SYSTEM_LOG_CHANGE:
	case SYSTEM_LOG_GUARD: return LOG_INFO;
	}
	return LOG_INFO;
}

/* The field as printable ASCII; empty where there is none. Holds until the next call. */
static struct bytes field_shown(struct system_log *log, struct bytes document, const char *name) {
	struct bytes field = event_field(document, name);

	log->text.len = log->shown.len = 0;
	if (field.len > 0 && field.data[0] != '"')
		return field;
	if (field.len == 0 || event_text(&log->text, field) < 0)
		return (struct bytes){0};
	display_put(&log->shown, buffer_bytes(&log->text), false);
	return buffer_bytes(&log->shown);
}

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_raw(buffer, bytes_of_text(text));
}

static void put_word(struct system_log *log, struct buffer *message, struct bytes document,
                     const char *before, const char *name) {
	struct bytes word = field_shown(log, document, name);

	if (word.len == 0)
		return;
	put_text(message, message->len > 0 ? before : "");
	buffer_put_raw(message, word);
}

/* One line for a person: "deny sign by /usr/bin/ssh: no-scripts". */
static void put_message(struct system_log *log, struct buffer *message, struct bytes document) {
	put_word(log, message, document, "", "decision");
	put_word(log, message, document, " ", "trigger");
	put_word(log, message, document, " by ", "exe_path");
	put_word(log, message, document, " with ", "key_fingerprint");
	put_word(log, message, document, ": ", "rule");
	put_word(log, message, document, ": ", "reason");
	put_word(log, message, document, ": ", "detail");
	put_word(log, message, document, ", times ", "repeated");
	if (message->len > MESSAGE_LEN_MAX)
		message->len = MESSAGE_LEN_MAX;
}

static void hash_of(char ret[static CHAIN_HASH_HEX_SIZE], struct bytes document) {
	struct chain_link link = {0};

	if (chain_link_read(&link, document) < 0)
		link = chain_first();
	link = chain_next(&link, document);
	chain_hash_hex(ret, link.prev);
}

/* ---- journald ---- */

static void put_field(struct buffer *entry, const char *name, struct bytes value) {
	if (value.len == 0)
		return;
	put_text(entry, name);
	put_text(entry, "=");
	buffer_put_raw(entry, value); /* a printable line */
	put_text(entry, "\n");
}

/* A value of several lines: its length, little-endian, stands before it. */
static void put_lines(struct buffer *entry, const char *name, struct bytes value) {
	uint64_t len = value.len;

	put_text(entry, name);
	put_text(entry, "\n");
	for (int i = 0; i < 8; i++, len >>= 8)
		buffer_put_u8(entry, (uint8_t)(len & 0xff));
	buffer_put_raw(entry, value);
	put_text(entry, "\n");
}

static void put_entry(struct system_log *log, struct bytes document) {
	CLEANUP(buffer_deinit) struct buffer message = {0};
	enum system_log_kind kind = system_log_kind_of(document);
	char hash[CHAIN_HASH_HEX_SIZE], priority[4];

	snprintf(priority, sizeof(priority), "%d", priority_of(kind));
	hash_of(hash, document);
	put_message(log, &message, document);
	put_field(&log->entry, "MESSAGE", buffer_bytes(&message));
	put_field(&log->entry, "MESSAGE_ID", bytes_of_text(system_log_message_id(kind)));
	put_field(&log->entry, "PRIORITY", bytes_of_text(priority));
	put_field(&log->entry, "SYSLOG_IDENTIFIER", bytes_of_text(SYSTEM_LOG_IDENTIFIER));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		put_field(&log->entry, told[i].name, field_shown(log, document, told[i].field));
	/* By name, where one is known; else by its key. */
	put_field(&log->entry, "SSH_GUARD_DEST",
	          field_shown(log, document,
	                      event_field(document, "ssh_dest").len > 0 ? "ssh_dest"
	                                                                : "dest_key_fingerprint"));
	put_field(&log->entry, "SSH_GUARD_HASH", bytes_of_text(hash));
	put_lines(&log->entry, "SSH_GUARD_STATE", bytes_of_text(log->state));
	put_lines(&log->entry, "SSH_GUARD_EVENT", document);
}

static int send_journal(struct system_log *log, struct bytes document) {
	int error;

	log->entry.len = 0;
	put_entry(log, document);
	error = buffer_error(&log->entry);
	return error < 0 ? error
	                 : platform_send_datagram(log->fd, &log->journal, buffer_bytes(&log->entry),
	                                          true);
}

/* ---- syslog ---- */

static int send_syslog(struct system_log *log, struct bytes document) {
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	CLEANUP(buffer_deinit) struct buffer message = {0};
	char head[128], hash[CHAIN_HASH_HEX_SIZE];
	time_t now = (time_t)(clock_real_us() / 1000000);
	struct tm local = {.tm_mday = 1};

	localtime_r(&now, &local);
	snprintf(head, sizeof(head), "<%d>%s %2d %02d:%02d:%02d " SYSTEM_LOG_IDENTIFIER "[%d]: ",
	         LOG_AUTHPRIV | priority_of(system_log_kind_of(document)),
	         months[local.tm_mon >= 0 && local.tm_mon < 12 ? local.tm_mon : 0], local.tm_mday,
	         local.tm_hour, local.tm_min, local.tm_sec, (int)getpid());
	hash_of(hash, document);
	put_message(log, &message, document);
	log->entry.len = 0;
	put_text(&log->entry, head);
	buffer_put_raw(&log->entry, buffer_bytes(&message));
	put_text(&log->entry, " seq=");
	buffer_put_raw(&log->entry, event_field(document, "seq"));
	put_text(&log->entry, " hash=");
	put_text(&log->entry, hash);
	if (buffer_error(&log->entry) < 0)
		return buffer_error(&log->entry);
	return platform_send_datagram(log->fd, &log->syslog, buffer_bytes(&log->entry), false);
}

static bool is_not_there(int error) {
	return error == -ENOENT || error == -ECONNREFUSED || error == -ENOTDIR;
}

void system_log_send(struct system_log *log, struct bytes document) {
	int error;

	if (clock_mono_ns() < log->absent_until_ns)
		return;
	error = send_journal(log, document);
	if (is_not_there(error))
		error = send_syslog(log, document);
	if (error < 0 && !is_not_there(error))
		log->dropped++;
	if (is_not_there(error))
		log->absent_until_ns = clock_mono_ns() + ABSENT_NS;
	/* A failure of memory is not for ever. */
	if (buffer_error(&log->entry) < 0)
		buffer_deinit(&log->entry);
}
