/*
 * The control socket: one request, one answer, then the end. A request is one line ("stop",
 * "reload", "panic", "panic off", "status", "log-head", and those of agent/asker_control.h); the
 * answer begins with a line "ok", "failed" or "again", the rest is for the person who asked.
 * Nothing here says yes to a signature but what carries its own proof.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "platform/platform.h"

#define CONTROL_REQUEST_MAX 256
#define CONTROL_CLIENTS_MAX 16 /* a person, a status bar or two; a flood waits in the queue */
#define CONTROL_TIMEOUT_S   5.

struct control;

enum control_result {
	CONTROL_OK,
	CONTROL_FAILED,
	CONTROL_AGAIN,   /* as CONTROL_FAILED, for what was typed, and may be typed anew */
	CONTROL_OK_STAY, /* as CONTROL_OK, and the connection stays open until the guard ends */
	CONTROL_LATER,   /* control_answer() will be called */
};

struct control_call {
	uint64_t id;               /* for control_answer() */
	const char *request;       /* a text without its newline */
	const struct peer *writer; /* who wrote it; perhaps unknown */
	bool is_locked;            /* request is in memory that is never swapped */
};

/* "by process 4711", as the kernel says who wrote it, or "by an unknown process". Any program of
 * this account may ask, so the person is not the only one who can have. */
#define CONTROL_WHO_SIZE 48
void control_tell_who(char ret[static CONTROL_WHO_SIZE], const struct control_call *call);

/* Answers the call, which holds for that long, by what it appends to *answer. The request is wiped
 * afterwards. */
typedef enum control_result control_handler(void *data, const struct control_call *call,
                                            struct buffer *answer);

/* Listens at path, whose directory must be private; what lies there is replaced, so the caller
 * must hold the lock that says that no other guard is alive. */
int control_new(struct control **ret, struct ev_loop *loop, const char *path,
                control_handler *handler, void *data) MUST_CHECK;
/* Answers a call for which the handler returns CONTROL_LATER, also before it does. Whoever does not
 * wait any more is passed over. */
void control_answer(struct control *control, uint64_t call, enum control_result result,
                    struct bytes text);
/* What the handler returns where it could not do it, with the reason as the answer. */
enum control_result control_failed(struct buffer *answer, const char *text);
/* The same where there is such a reason; NULL: it will be answered. */
enum control_result control_later_unless(const char *why_not, struct buffer *answer);
/* Listens anew where its socket is no longer the one at the path. */
int control_keep(struct control *control) MUST_CHECK;
const char *control_path(const struct control *control);
void control_free(struct control *control); /* removes the socket; NULL is fine */

#define CONTROL_MAY_TYPE_AGAIN 2 /* failed, but by what was typed: a PIN that is wrong */

/* Asks the guard at path, and waits for its answer (CONTROL_TIMEOUT_S; patiently:
 * also for what takes a while). *answer has what follows the first line. 0 or 1: ok or failed;
 * CONTROL_MAY_TYPE_AGAIN; -ECONNREFUSED or -ENOENT: no guard is there; -EPERM: it belongs to
 * another user. */
int control_ask(struct buffer *answer, const char *path, const char *request,
                bool patiently) MUST_CHECK;
/* The same for a request with a secret in it, which is copied nowhere: -EXDEV where the process
 * that listens can be seen to run another program than this one. timeout_s is for the answer. */
int control_ask_secret(struct buffer *answer, const char *path, const char *request,
                       double timeout_s) MUST_CHECK;
/* control_ask() in two parts, for whoever has something else to do until the answer is there:
 * *ret_fd can be read when there is one. waits: for room among those who ask; else -EAGAIN where
 * there is none. */
int control_begin_to_ask(int *ret_fd, const char *path, const char *request, bool waits) MUST_CHECK;
/* The same as control_ask_secret() in its first part. */
int control_begin_to_ask_secret(int *ret_fd, const char *path, const char *request) MUST_CHECK;
/* With the same answer, where that can be read. -EAGAIN: not all of it has come. Never waits. */
int control_go_on_asking(struct buffer *answer, int fd) MUST_CHECK;

#endif
