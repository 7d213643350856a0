/*
 * What can say yes, as people change it over the control socket: the account's PIN, security keys,
 * YubiKeys' slots. words are the request behind its word, as agent/asker_control.h has it; they are
 * cut in place, so that no PIN is copied out of memory that is wiped.
 */
#ifndef AGENT_ASKER_ENROLLED_H
#define AGENT_ASKER_ENROLLED_H

#include <stdbool.h>

#include "agent/asker.h"
#include "agent/control.h"

enum control_result asker_enrolled_pin(struct asker *asker, const struct control_call *call,
                                       const char *words, struct buffer *answer);
enum control_result asker_enrolled_slot(struct asker *asker, const struct control_call *call,
                                        const char *words, struct buffer *answer);
/* removes: a key, or a slot, of that name; else a key is added. */
enum control_result asker_enrolled_keys(struct asker *asker, const struct control_call *call,
                                        const char *words, bool removes, struct buffer *answer);
/* As text, a line for each. */
enum control_result asker_enrolled_list(const struct asker *asker, struct buffer *answer);
/* A letter for each kind that there is (k, p, o, i), the strongest first, and "-": what an older
 * PIN has to be typed for. */
void asker_enrolled_letters(const struct asker *asker, struct buffer *answer);

#endif
