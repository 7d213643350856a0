/* The inside of struct slots, for the files that make it up: what is asked of a slot, and what is
 * enrolled. Not a door for other modules. */
#ifndef AGENT_SLOTS_PARTS_H
#define AGENT_SLOTS_PARTS_H

#include "agent/slots.h"

#define SLOTS_CHANGE_S 120. /* for a change; then the YubiKeys are free again */

/* slots.c: has a slot asked. Of the stage STAGE_MAKES it is slots->made, else any that is enrolled
 * of that kind. pin: borrowed; "": none. */
int slots_ask(struct slots *slots, enum otp_kind kind, enum slots_stage stage,
              const char *pin) MUST_CHECK;
/* Has the helper end, if it is at work. */
void slots_call_off(struct slots *slots);
void slots_start_timer(struct slots *slots, double seconds);
void slots_answer_call(struct slots *slots, enum control_result result, const char *text);
/* Writes slots->next, which is in force once it is there. */
int slots_store(struct slots *slots) MUST_CHECK;

/* slots_change.c: what comes of a change. */
void slots_change_failed(struct slots *slots, const char *text);
void slots_change_made(struct slots *slots, struct bytes answer);
/* An enrolled slot has answered, and that is written down. */
void slots_change_agreed(struct slots *slots);
/* The helper has ended, so that the next step can be taken. */
void slots_change_goes_on(struct slots *slots);
/* What was enrolled anew, or not any more, is on the disk. */
void slots_change_stored(struct slots *slots);

/* slots_file.c: negative where there is no memory; what is wrong with the file is said. */
int slots_load(struct slots *slots) MUST_CHECK;
void slots_watch_file(struct slots *slots);

#endif
