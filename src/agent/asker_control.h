/*
 * What people say to the asker over the control socket:
 *
 *	pending                      what waits, as text
 *	prompt [ID]                  one of them: "ID NONCE\n", then its text. Only to our own
 *	                             program, which may then answer with that nonce, once
 *	confirm ID NONCE PIN         the answer
 *	deny ID | deny --all         needs no proof: everybody may say no
 *	grants, grants revoke ID | --all
 *	enroll                       "NONCE set\n" or "NONCE none\n", only to our own program
 *	enroll-pin NONCE<tab>OLD<tab>NEW
 */
#ifndef AGENT_ASKER_CONTROL_H
#define AGENT_ASKER_CONTROL_H

#include <stdbool.h>

#include "agent/asker.h"
#include "agent/control.h"

/* false: it is none of these. */
bool asker_control(struct asker *asker, const struct control_call *call, struct buffer *answer,
                   enum control_result *ret_result);

/* Nothing will be answered any more. */
void asker_control_end(struct asker *asker);

#endif
