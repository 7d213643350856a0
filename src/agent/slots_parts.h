/* The inside of struct slots, for the files that make it up: the helper and the file, what is asked
 * for a prompt, what is answered, and what is enrolled. Not a door for other modules. */
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
/* What the helper was asked for has failed: whoever waits hears why, the change ends without
 * effect, or the helper does. */
void slots_fail(struct slots *slots, const char *text);
/* Writes slots->next, which is in force once it is there. */
int slots_store(struct slots *slots) MUST_CHECK;
/* Writes slots->enrolled, where a try of the PIN was counted, and asks for the answer that is
 * expected once it is there. Where it cannot be written: slots_fail(). */
void slots_store_try(struct slots *slots);

/* slots_prompt.c: what to do from now on, static, or NULL; it is told. */
void slots_set_words(struct slots *slots, const char *words);
/* Of the prompt that the helper was started for; NULL: none, or nobody sees it any more. */
struct showing *slots_showing(const struct slots *slots);
/* No slot answers that prompt any more. Where something else may still say yes, it is left to that.
 */
void slots_give_up(struct slots *slots, enum turn_lack lack, const char *via);
/* The prompt has been shown for a moment: a touch can only be for it. */
void slots_stood(struct slots *slots);
/* What was asked for that prompt is answered, and written down. */
void slots_say_yes(struct slots *slots);

/* slots_answers.c: as struct helper_calls has them; data is the struct slots. */
bool slots_said(void *data, struct bytes message);
void slots_lost(void *data);
/* Asks for the answer that is expected of slots->found. False: the helper cannot be told. */
bool slots_ask_expected(struct slots *slots) MUST_CHECK;

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
/* What was being written lies there; from now on a change of it by others is told. */
void slots_file_written(struct slots *slots);

#endif
