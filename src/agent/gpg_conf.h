/* Where gpg looks for gpg-agent. GnuPG has rules of its own for that, so its own program is asked.
 */
#ifndef AGENT_GPG_CONF_H
#define AGENT_GPG_CONF_H

#include "base/cleanup.h"

#define GPG_CONF_ANSWER_MS 10000

/* program is gpgconf. *ret_path is owned by the caller. Waits for the answer, so it is for who
 * serves nobody yet. -ENOENT: there is no such program; -ETIMEDOUT, -EPROTO: it does not say. */
int gpg_conf_agent_socket(char **ret_path, const char *program) MUST_CHECK;

#endif
