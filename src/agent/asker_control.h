/*
 * What people say to the asker over the control socket:
 *
 *	pending                  what waits, as text
 *	prompt [ID]              one of them: "ID NONCE HOW\n", then its text. Only to our own
 *	                         program, which may then answer with that nonce: three times with
 *	                         a PIN, else once. HOW is what is to be typed by the method that
 *	                         asks, pin, key-pin (that of a security key) or otp-pin; or touch,
 *	                         otp, askpass or none (nothing)
 *	confirm ID NONCE PIN     the answer
 *	await ID NONCE           answered when the prompt has ended (maybe before this came, as a
 *	                         confirm is then, too), or, where another method asks
 *	                         from then on, with "turn NONCE HOW\n" and why; who types a PIN
 *	                         keeps the nonce for it
 *	deny ID | deny --all     needs no proof: everybody may say no
 *	popup TOKEN              what the guard has had opened is there; answered when it may close
 *	popup-left TOKEN         its person wants to see no more of it
 *	grants, grants revoke ID | --all
 *	enroll                   "NONCE STATE\n", only to our own program, which may change what is
 *	                         enrolled with that nonce, and try three times where a PIN of the
 *	                         account says yes; what is there to say yes already: a letter each
 *	enroll-pin NONCE<tab>OLD<tab>NEW
 *	enroll-key NONCE<tab>NAME<tab>PIN<tab>KEY-PIN
 *	remove-key NONCE<tab>NAME
 *	enrolled                 the security keys, as text
 */
#ifndef AGENT_ASKER_CONTROL_H
#define AGENT_ASKER_CONTROL_H

#include <stdbool.h>

#include "agent/asker.h"
#include "agent/control.h"

/* false: it is none of these. */
bool asker_control(struct asker *asker, const struct control_call *call, struct buffer *answer,
                   enum control_result *ret_result);

/* What became of a prompt that has ended so, for whoever waits. */
const char *asker_control_end_words(enum prompt_state state);

/* Another method asks: those who wait for that prompt are told. */
void asker_control_turned(struct asker *asker, const struct prompt *prompt);

/* Nothing will be answered any more. */
void asker_control_end(struct asker *asker);

#endif
