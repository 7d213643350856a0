/* What touching.c and touching_change.c share: the keys are asked in the one, for what the other
 * changes. */
#ifndef AGENT_TOUCHING_PARTS_H
#define AGENT_TOUCHING_PARTS_H

#include "agent/touching.h"

/* Whether the system floor lets that key say yes. */
bool touching_names(const struct touching *touching, const struct enrolled_key *key);
/* Whoever waits hears it; nobody may wait. */
void touching_answer_call(struct touching *touching, enum control_result result, const char *text);
/* Has a helper ask the keys. */
int touching_ask(struct touching *touching, enum touch_task task, const char *pin) MUST_CHECK;
/* Has it end, if it is at work. */
void touching_call_off(struct touching *touching);
void touching_start_timer(struct touching *touching, double seconds);
/* From now on a change of the file of the keys by others is told. */
void touching_watch_file(struct touching *touching);

/* The change that was begun: it ends without effect; it is done; a touch is asked for it, or it is
 * done at once where none is needed; the new key has made its credential. */
void touching_change_failed(struct touching *touching, const char *text);
void touching_change_do(struct touching *touching);
int touching_change_begin(struct touching *touching) MUST_CHECK;
void touching_key_made(struct touching *touching, const struct touch_reply *reply);

#endif
