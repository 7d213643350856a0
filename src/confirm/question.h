/*
 * What a person is asked: a copy of all that matters of a request, so that it outlives the message,
 * with every text made safe to show. Two questions can be compared: whether one yes answers both.
 */
#ifndef CONFIRM_QUESTION_H
#define CONFIRM_QUESTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "caller/tmux_claim.h"
#include "confirm/challenge.h"
#include "confirm/turns.h"
#include "facts/confirm.h"
#include "facts/request.h"
#include "log/summary.h"

/* A process that is told apart from a later one with its number. */
struct process_id {
	pid_t pid; /* 0: none, or unknown */
	uint64_t start_ticks;
};

#define QUESTION_LINES_MAX 16

struct question_line {
	const char *label; /* static: a word in lower case */
	char *text;        /* owned; printable ASCII */
};

struct question {
	char *rule;
	struct confirm_terms terms;
	struct turns turns;        /* of the methods, as it is asked */
	unsigned methods;          /* those that may come to their turn */
	char *login;               /* the login session that the caller belongs to; "": not known */
	bool is_unseen;            /* nobody can tell which program asks, only by which door */
	struct process_id starter; /* started the job that the caller is a part of */
	struct process_id session; /* leads the caller's terminal session */
	struct process_id job;     /* the topmost process of that job */
	char *exe;                 /* NULL: unknown */
	char *cwd;                 /* NULL: unknown */
	/* What a yes is good for: rule, key, kind of signature, user and host or namespace. Empty
	 * where that is not proved. */
	struct buffer purpose;
	char digest[DIGEST_HEX]; /* of the request's statement, set by whoever made it; "": none */
	char before[DIGEST_HEX], after[DIGEST_HEX]; /* of a change, instead; "": it is none */
	bool may_share; /* another question like this one is answered along with it */
	bool may_remember;
	struct question_line lines[QUESTION_LINES_MAX];
	size_t n_lines;
	struct tmux_claim *tmux; /* the pane that its caller says it is in; NULL: none. Owned */
	/* What is agreed to, as lines of printable ASCII; NULL: the lines above say all. Owned. */
	char *body;
	/* Of the request as an event (log/event_yaml.h), and in a short line, for whoever shows
	 * that it waits; empty: it is none. */
	struct buffer event;
	int64_t event_us;
	char summary[SUMMARY_SIZE];
};

/* Copies what it needs. session_leader is the PID of the caller's session, 0 where unknown.
 * -ENOMEM. */
int question_new(struct question **ret, const struct request *request, const char *rule,
                 const struct confirm_terms *terms, const struct turns *turns,
                 pid_t session_leader) MUST_CHECK;
/* A question of the guard's own, which is never shared and never remembered; label is static. */
int question_new_own(struct question **ret, const char *rule, const struct turns *turns) MUST_CHECK;
int question_add(struct question *question, const char *label, const char *text) MUST_CHECK;
int question_copy(struct question **ret, const struct question *question) MUST_CHECK;
void question_free(struct question *question); /* NULL is fine */

bool process_id_same(struct process_id a, struct process_id b); /* none equals nothing */

/* Whether the answer to one may be the answer to the other, while both wait. */
bool question_same(const struct question *a, const struct question *b);

/* Whether a yes to granted covers asked: the same purpose, within the scope of both. */
bool question_covers(const struct question *granted, const struct question *asked);

/* Appends the body, indented; nothing where there is none. */
void question_put_body(struct buffer *text, const struct question *question);
/* Appends each line as "  label: text\n". */
void question_put_text(struct buffer *text, const struct question *question);
/* What a line says; NULL where there is none of that label. */
const char *question_line(const struct question *question, const char *label);

#endif
