/*
 * One message on its way, for the files that carry it: exchange.c (who wrote it), exchange_host.c
 * (where it goes), exchange_decide.c (whether it may), exchange_upstream.c (the real agent), and
 * exchange_out.c (its event and its answer). Nobody else looks inside.
 */
#ifndef AGENT_EXCHANGE_PARTS_H
#define AGENT_EXCHANGE_PARTS_H

#include "agent/approval.h"
#include "agent/destination.h"
#include "agent/digests.h"
#include "agent/exchange.h"
#include "agent/hosts.h"
#include "agent/keeper.h"
#include "agent/probe.h"
#include "agent/screens.h"
#include "agent/ssh_aliases.h"
#include "facts/event.h"
#include "wire/message.h"
#include "wire/session.h"

struct exchange {
	struct exchange_input in;
	exchange_done *done;
	void *data;

	struct message message;
	bool malformed;
	bool loops;             /* it has come back from the real agent */
	enum bind_outcome bind; /* what we make of a session-bind */
	struct payload payload; /* of a signature */
	enum meeting meeting;
	enum meeting met; /* the same, before it was known whether the connection is forwarded */
	struct reader_job *job;    /* NULL but while the caller is being identified */
	struct digest_wait digest; /* while its executable is hashed */
	struct probe *probe;       /* NULL but while the real agent is found out about */
	struct caller *caller;
	struct policy *policy; /* which decided; NULL before */
	struct policy *floor;  /* likewise; NULL where there is none, too */
	struct verdict verdict;
	struct screens_wait screens_wait; /* for where its person is */
	struct hosts_wait hosts_wait; /* for known_hosts to be read again */
	bool has_waited;
	struct ssh_alias_wait alias_wait; /* for ssh to say what its configuration makes of a host */
	struct ssh_alias alias;           /* what it has said; the host is NULL: nothing */
	bool has_asked_ssh;
	bool is_located; /* the next two are told */
	struct destination destination;
	enum tri is_forwarded;
	struct coding_agents coding_agents; /* as the policy that decided tells them */
	struct approval approval;
	bool forwarding;
	bool gone;
	bool ending;   /* the guard stops: nothing is waited for */
	bool unsynced; /* its event counts only when it is on the disk */
	bool grants;   /* its answer is good only with its event */
	struct keeper_wait wait;
	struct buffer answer; /* which waits for that */

	uint64_t begun_ns;    /* the message was whole */
	uint64_t upstream_ns; /* the real agent's share */
	uint64_t asked_ns;    /* forwarded at */
	uint64_t number;      /* of the sign request */
};

/* ---- what it is ---- */

static inline bool exchange_is_operation(const struct exchange *exchange,
                                         enum operation operation) {
	return exchange->message.kind == MESSAGE_OPERATION &&
	       exchange->message.operation == operation;
}

static inline bool exchange_has_payload(const struct exchange *exchange) {
	return exchange_is_operation(exchange, OPERATION_SIGN) && !exchange->malformed;
}

static inline bool exchange_is_bind(const struct exchange *exchange) {
	return exchange->message.kind == MESSAGE_SESSION_BIND && !exchange->malformed;
}

static inline bool exchange_is_login(const struct exchange *exchange) {
	return exchange_has_payload(exchange) && exchange->payload.kind == PAYLOAD_SSH_LOGIN;
}

static inline bool exchange_bind_is_proved(enum bind_outcome outcome) {
	return outcome == BIND_RECORDED || outcome == BIND_REPEATED;
}

/* Whether a policy in force names that field. */
static inline bool guard_asks(const struct guard *guard, const char *field) {
	return policy_asks(guard->policy, field) ||
	       (guard->floor != NULL && policy_asks(guard->floor, field));
}

/* ---- who wrote it ---- */

/* What the reader cannot know of a caller. */
void exchange_complete_caller(const struct exchange *exchange, struct caller *caller);

/* ---- where it goes ---- */

/* As known_hosts and the policies are now. Out of memory nothing is known. */
void exchange_locate(struct exchange *exchange);
/* Goes on to exchange_look_up() once that is known. */
void exchange_find_host(struct exchange *exchange);

/* ---- whether it may ---- */

/* Refuses what nobody waits for any more, and signatures under panic. false: it goes on. */
bool exchange_is_over(struct exchange *exchange);
/* Decides once what must be looked up is known. */
void exchange_look_up(struct exchange *exchange);

/* ---- the real agent ---- */

void exchange_allowed(struct exchange *exchange);
/* Without a look at its constraints. */
void exchange_forward(struct exchange *exchange);

/* ---- its event and its answer ---- */

struct request exchange_request(const struct exchange *exchange);
/* The decision of what is done. */
const char *exchange_done_by(const struct exchange *exchange);
/* Not 0: it could not be written. */
int exchange_event(struct exchange *exchange, const char *decision, const char *reason,
                   const char *outcome) MUST_CHECK;
int exchange_event_with(struct exchange *exchange, const char *decision, const char *reason,
                        const char *outcome, const char *detail) MUST_CHECK;
/* An event alone; the answer is to follow. */
void exchange_refused(struct exchange *exchange, const char *decision, const char *reason);
void exchange_refuse(struct exchange *exchange, const char *decision, const char *reason);
/* Waits until its event is on the disk, where the policy wants that. Others do not wait. */
void exchange_answer(struct exchange *exchange, struct bytes answer);
void exchange_answer_failure(struct exchange *exchange);
void exchange_answer_now(struct exchange *exchange, struct bytes answer);

#endif
