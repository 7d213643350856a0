/*
 * One thing that happened, as it will be written to the audit log. Everything is borrowed; a NULL
 * text, a zero number and TRI_UNKNOWN are left out of the document.
 */
#ifndef FACTS_EVENT_H
#define FACTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "facts/confirm.h"
#include "facts/proof.h"
#include "facts/request.h"
#include "facts/tri.h"

/* Refusals of one kind that were counted, and not told one by one. */
struct repeat {
	uint64_t count;
	int64_t first_us, last_us;
	const char *process_name, *exe, *key_fingerprint, *key_type, *dest_key, *endpoint;
};

/* A head of the log that the real agent has signed (log/signed_head.h). */
struct signed_head {
	uint64_t seq; /* of the event that was the last one */
	uint8_t hash[32];
	const char *key_fingerprint, *key_type;
	const char *signature; /* base64 */
};

/* The rules that were tried before a refusal, in their order (policy/trace.h). */
#define RULE_TRACE_MAX 32
struct rule_step {
	const char *rule, *standing;
	const char *field; /* which made it so; NULL: none */
};
struct rule_trace {
	struct rule_step steps[RULE_TRACE_MAX];
	size_t count;
};

struct event {
	int64_t real_us; /* clock_real_us() of the decision */
	const char
		*trigger; /* the operation's name, or what happened: "start", "upstream-lost" ... */
	const char
		*decision; /* "allow", "deny", "confirmed", "confirm-denied"; NULL: no decision */
	const char *rule;
	const char *reason;            /* why the guard itself refused, a word of the contract */
	const char *detail;            /* one sentence for a person; may hold outside text */
	const struct request *request; /* NULL where nothing was asked */
	bool brief;                    /* without what is long of it, and rarely looked at */
	enum tri notify;               /* whether the rule wants a person to be told */
	const char *missing_fact;
	bool weak;                  /* it was allowed, and nothing that is proved was asked for */
	const char *confirm_method; /* by which a person answered; NULL: none was asked, or did */
	const char *confirm_via;    /* the way the answer came: "control", "fifo", "grant" */
	bool confirm_weak;          /* a program could have answered so */
	const char *denied_via;     /* the way a no came; NULL: nobody said no */
	uint64_t denied_by;         /* the process that said it; 0: it is not known */
	const struct confirm_passed *confirm_passed; /* NULL: none */
	size_t n_confirm_passed;
	const struct touch_proof *proof; /* of a touch; NULL */
	const char *signed_sha256;       /* of the bytes to be signed, hex; NULL */
	uint64_t grant;     /* the yes that was remembered, or is from now on; 0: none */
	uint64_t waited_ms; /* for the person */
	const char
		*outcome; /* what the upstream made of it: "success", "failure"; NULL: not asked */
	enum tri delivered; /* TRI_NO: the client was gone when the answer came */
	const char *config_sha256;
	const char *floor_sha256; /* NULL: there is no system floor */
	bool by_floor;            /* the rule is one of the floor's */
	uint64_t latency_us;  /* from the message's last byte to this event, without the upstream */
	uint64_t upstream_us; /* the upstream's share */
	const struct rule_trace *trace; /* NULL: no rule refused it */
	const struct signed_head *head; /* NULL: it tells none */
	uint64_t kept_from; /* seq of the oldest event that is not removed; 0: nothing is */
	const struct repeat *repeat; /* it stands for all of these; NULL: for itself */
	uint64_t sign_request_num;   /* counts sign requests since the guard started; 0: none */
};

#endif
