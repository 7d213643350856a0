/*
 * session-bind@openssh.com (PROTOCOL.agent, section 1): a client tells which SSH session, with
 * which host, its connection to the agent is for, and proves it by the host's signature of the
 * session id.
 */
#ifndef WIRE_SESSION_BIND_H
#define WIRE_SESSION_BIND_H

#include "base/bytes.h"
#include "base/cleanup.h"
#include "facts/session.h"
#include "wire/host_key.h"

#define SESSION_ID_LEN_MAX 128 /* as ssh-agent's AGENT_MAX_SID_LEN; a SHA-512 has 64 */

struct session_bind {
	struct bytes host_key;
	struct bytes session_id;
	struct bytes signature;
	bool is_forwarding;
};

/* Views point into body, which is what follows the extension's name. -EBADMSG: cut short, or the
 * session id is too long. As OpenSSH's agent, whatever follows is ignored. */
int session_bind_parse(struct session_bind *ret, struct bytes body) MUST_CHECK;

/* Whether the host really signed the session id. A host certificate's CA must have signed it, too,
 * as OpenSSH's agent wants it; whether the certificate is good for a host is not looked at, by
 * neither.
 */
enum proof session_bind_verify(const struct session_bind *bind);

#endif
