/*
 * STATE/current.yaml: what a user, or a status bar, sees at a glance. Replaced atomically.
 *
 * Scripts that were written for the older ssh-agent-guard read it line by line, so it has the lines
 * that they know: `state` without quotes, `text` with nothing in it that a bar could obey, and
 * `config`, `pending` and `previous` as maps with a line for each field.
 */
#ifndef LOG_STATUS_H
#define LOG_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/bytes.h"
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
	const char *text; /* for a person: what waits, or was done last, or else one sentence */
	pid_t pid;
	const char *version;      /* of the program that runs */
	const char *program;      /* its file, and what that was told by when it was started */
	const char *program_file; /* (agent/program_file.h) */
	int64_t since_us; /* when the guard started */
	const char *socket;
	const char *upstream; /* "managed" or a path */
	/* Why other programs of this user can reach it; NULL: they cannot. */
	const char *upstream_reachable;
	const char *policy;      /* path, or "none" */
	int64_t policy_since_us; /* when it was loaded */
	bool policy_is_old;      /* the file is another one by now, which is not used */
	/* Documents of events (log/event_yaml.h); empty: there is none. */
	struct bytes pending;  /* of the oldest request that waits for a person */
	struct bytes previous; /* of the request that was decided last */
	int64_t pending_us, previous_us;
	const char *config_sha256;
	size_t rules;
	size_t connections;
	size_t waiting;      /* questions to a person */
	uint64_t signatures; /* allowed since start */
	uint64_t refusals;
	uint64_t upstream_restarts;
	const char *renderer_failed; /* which renderer, and why; NULL: none */
	const char
		*asking; /* what waits, as the text tells it, whatever the text is; not written */
	const char *notice; /* what the user should know and do; stays until it is settled */
};

const char *status_state_name(enum status_state state);
/* One YAML document, a line for each field, as all our documents. */
int status_yaml(struct buffer *document, const struct status *status) MUST_CHECK;
/* The same facts as the file has them. */
int status_file_yaml(struct buffer *document, const struct status *status) MUST_CHECK;
#define STATUS_FILE "current.yaml"
int status_write(int state_fd, const struct status *status) MUST_CHECK;

/* The value of a field in what status_yaml() wrote, without its quotes, and else as it is written
 * there; "" where there is none. What does not fit is cut off. */
void status_value(char *ret, size_t size, struct bytes status, const char *key);
/* The same of a path. false: it is none, or cannot be told. */
bool status_path(char *ret, size_t size, struct bytes status, const char *key);

/* What is wrong with the policy's file, a line each; NULL: nothing is. Those scripts look whether
 * there is such a file. */
#define STATUS_ERRORS_FILE "config_error.yaml"
int status_write_errors(int state_fd, const char *errors) MUST_CHECK;

#endif
