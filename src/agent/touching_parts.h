/* The inside of struct touching, for the files that make it up: what a touch is asked for, which
 * keys are enrolled, and how that changes. Not a door for other modules. */
#ifndef AGENT_TOUCHING_PARTS_H
#define AGENT_TOUCHING_PARTS_H

#include "agent/touching.h"

/* touching_keys.c: whether the system floor lets that key say yes; whether it may to what is asked
 * now. */
bool touching_names(const struct touching *touching, const struct enrolled_key *key);
bool touching_key_may(const struct touching *touching, const struct enrolled_key *key);
/* Negative where there is no memory; what is wrong with the file is said. */
int touching_keys_load(struct touching *touching) MUST_CHECK;
/* Writes that into the file. From then on a change of it by others is told. */
int touching_keys_save(struct touching *touching, const struct enrolment *enrolment) MUST_CHECK;

/* touching.c: whoever waits hears it; nobody may wait. */
void touching_answer_call(struct touching *touching, enum control_result result, const char *text);
/* Has a helper ask the keys. */
int touching_ask(struct touching *touching, enum touch_task task, const char *pin) MUST_CHECK;
/* Has it end, if it is at work. */
void touching_call_off(struct touching *touching);
void touching_start_timer(struct touching *touching, double seconds);

/* touching_change.c: the change that was begun: it ends without effect; it is done; a touch is
 * asked for it, or it is done at once where none is needed; the new key has made its credential. */
void touching_change_failed(struct touching *touching, const char *text);
void touching_change_do(struct touching *touching);
int touching_change_begin(struct touching *touching) MUST_CHECK;
void touching_key_made(struct touching *touching, const struct touch_reply *reply);

#endif
