/* What the questions of the guard's own have in common, which no request makes: who may answer
 * them, how long they stand, what came of them, and what to say where nobody can be asked. */
#ifndef AGENT_OWN_QUESTION_H
#define AGENT_OWN_QUESTION_H

#include "agent/guard.h"
#include "confirm/broker.h"

/* Which methods of the policy in force may answer by now, but for windows, which anybody can click;
 * the floor's word counts, too. NULL: *ret has them; else why there is none. */
const char *own_question_turns(struct turns *ret, const struct guard *guard);
/* By the settings of the policy in force, and for that long at least. */
struct broker_terms own_question_terms(const struct guard *guard, unsigned least_s);

/* An event about one; prompt: of a person's answer, or NULL. */
void own_question_say(struct guard *guard, const char *trigger, const char *reason,
                      const struct prompt *prompt, const char *detail);

/* For a person. */
const char *own_question_no_method(const char *reason);
const char *own_question_not_asked(enum broker_reply reply);

#endif
