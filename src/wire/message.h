/*
 * The messages of the SSH agent protocol (RFC 9987), taken apart as far as a decision needs and
 * otherwise left as they are: a key type that nobody has heard of still passes.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/key.h"
#include "facts/operation.h"
#include "wire/key.h"

#define MESSAGE_LEN_MAX (256 * 1024) /* ssh-agent's own ceiling; above it is no request */
#define MESSAGE_HEADER  4            /* the uint32 length before each message */

/* RFC 9987 section 6.1; 1 and 9 are of the protocol of SSH 1, which section 6.1 reserves. */
enum message_type {
	AGENT_FAILURE = 5,
	AGENT_SUCCESS = 6,
	AGENT_REMOVE_ALL_V1 = 9,
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14,
	AGENT_ADD_IDENTITY = 17,
	AGENT_REMOVE_IDENTITY = 18,
	AGENT_REMOVE_ALL = 19,
	AGENT_ADD_SMARTCARD = 20,
	AGENT_REMOVE_SMARTCARD = 21,
	AGENT_LOCK = 22,
	AGENT_UNLOCK = 23,
	AGENT_ADD_IDENTITY_CONSTRAINED = 25,
	AGENT_ADD_SMARTCARD_CONSTRAINED = 26,
	AGENT_EXTENSION = 27,
	AGENT_EXTENSION_FAILURE = 28,
	AGENT_EXTENSION_RESPONSE = 29,
};

enum message_kind {
	MESSAGE_OPERATION,    /* something that the policy decides */
	MESSAGE_SESSION_BIND, /* session-bind@openssh.com */
	MESSAGE_QUERY,        /* RFC 9987 section 5.8.1: which extensions there are */
};

/* One request, without its length. Views point into the message. What the type does not have is
 * empty. */
struct message {
	enum message_kind kind;
	enum operation operation; /* where kind is MESSAGE_OPERATION */
	uint8_t type;
	bool has_key;
	struct key_facts key;
	struct bytes key_blob; /* sign, remove */
	struct bytes data;     /* sign: what is to be signed */
	uint32_t flags;        /* sign */
	struct bytes comment;  /* add, where the key type is known */
	bool constrained;      /* add, add-smartcard: constraints are seen to follow */
	/* add, add-smartcard: among the constraints is one by extension, as ssh-add -h sets it, or
	 * none can be ruled out. An agent that has not heard of it may take the key without. */
	bool extended;
	struct bytes provider;       /* smartcards: the reader's id or the library's path */
	struct bytes extension_name; /* extension */
	struct bytes extension_body;
};

/* The whole length of the next message with its header, once 4 bytes of it are there; 0 before.
 * -EMSGSIZE: above MESSAGE_LEN_MAX, or empty. The stream cannot be followed any further then. */
int message_length(size_t *ret, struct bytes stream) MUST_CHECK;

/* Reads what OpenSSH's agent reads, and no more: it ignores bytes behind the end of a message,
 * takes constraints behind either form of an add, and answers what it cannot use with a failure
 * that is left to it. So an unknown type of message or key, or a bad constraint, is no error here.
 * -EBADMSG: cut short, or a name with a NUL inside, which OpenSSH's agent answers with a failure at
 * best (a bad lock request ends it); *ret then has type, kind and operation for the event, and
 * nothing else. message.len is at least 1. */
int message_parse(struct message *ret, struct bytes message) MUST_CHECK;

/* Whether these bytes, an agent's answer without length, can answer a message of that type: a type
 * of answer that belongs to it, and well-formed as far as a client would read it. What we have
 * never heard of may be answered by anything. */
bool answer_fits(struct bytes answer, uint8_t request_type);

#endif
