/*
 * A copy of each event for the system's own log: journald's native protocol where there is one,
 * with the whole document and its hash, and a line for syslog otherwise. It is an anchor for the
 * chain, because a program of the user can write to it and not take anything back, and the way off
 * the machine for those that collect logs.
 *
 * Nothing here ever waits: what the system does not take at once is dropped, and counted. That is
 * why libsystemd is not asked to send; its socket waits.
 */
#ifndef LOG_SYSTEM_LOG_H
#define LOG_SYSTEM_LOG_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define SYSTEM_LOG_IDENTIFIER "ssh-agent-guard"
#define SYSTEM_LOG_JOURNAL    "/run/systemd/journal/socket"
#define SYSTEM_LOG_SYSLOG     "/dev/log"

/* What is told, one MESSAGE_ID for each: docs/events.md lists them. */
enum system_log_kind {
	SYSTEM_LOG_SIGNATURE, /* given */
	SYSTEM_LOG_REFUSAL,
	SYSTEM_LOG_CHANGE, /* of the agent, done */
	SYSTEM_LOG_TRAIL,  /* of the log itself: replaced, mended, ... */
	SYSTEM_LOG_GUARD,  /* all else of the guard itself */
};

struct system_log;

/* state names the log, as its directory's path. The paths are the usual ones but in tests, and are
 * borrowed. */
int system_log_new(struct system_log **ret, const char *state, const char *journal_path,
                   const char *syslog_path) MUST_CHECK;
void system_log_free(struct system_log *log); /* NULL is fine */

/* Where there is no such log, it is looked for again after some seconds. */
void system_log_send(struct system_log *log, struct bytes document);

/* How many were dropped so far; where there is no such log, none are. */
uint64_t system_log_dropped(const struct system_log *log);

enum system_log_kind system_log_kind_of(struct bytes document);
const char *system_log_message_id(enum system_log_kind kind);

#endif
