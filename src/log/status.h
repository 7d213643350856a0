/* STATE/current.yaml: what a user, or a status bar, sees at a glance. Replaced atomically. */
#ifndef LOG_STATUS_H
#define LOG_STATUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/event.h"

enum status_state {
	STATUS_IDLE,
	STATUS_RELOADED,
	STATUS_RELOAD_ERROR,
	STATUS_POLICY_LOCKED, /* a changed policy waits for a person's yes */
	STATUS_UPSTREAM_DOWN,
	STATUS_LOCKED,      /* panic: every signature is refused */
	STATUS_SOCKET_LOST, /* somebody took our socket's place, and it could not be taken back */
	STATUS_CONFIRMING,  /* a person is asked */
	STATUS_LOG_ERROR,   /* events cannot be written */
	STATUS_STOPPED,
};

/* All texts borrowed; NULL ones are left out. */
struct status {
	enum status_state state;
	const char *text; /* one sentence for a person */
	pid_t pid;
	int64_t since_us; /* when the guard started */
	const char *socket;
	const char *upstream; /* "managed" or a path */
	/* Why other programs of this user can reach it; NULL: they cannot. */
	const char *upstream_reachable;
	const char *policy; /* path, or "none" */
	const char *config_sha256;
	size_t rules;
	size_t connections;
	size_t pending;      /* questions to a person */
	uint64_t signatures; /* allowed since start */
	uint64_t refusals;
	uint64_t upstream_restarts;
	const char *notice; /* what the user should know and do; stays until it is settled */
};

const char *status_state_name(enum status_state state);
/* One YAML document. */
int status_yaml(struct buffer *document, const struct status *status) MUST_CHECK;
int status_write(int state_fd, const struct status *status) MUST_CHECK;

#endif
