/*
 * The popup: shows the prompt that is live to the user who sits in a tmux, and takes the answer, by
 * `ssh-agent-guard confirm` in a popup of the client that he looks at (confirm.tmux_popup).
 *
 * There is one at a time, for the oldest prompt, which is the one that a touch would be for. tmux
 * says that it has shown one also where it has not, because another one is open there; so it counts
 * as shown when its command has reported. Whatever a tmux does, the guard waits for none: it is a
 * child that asks, with a limit.
 */
#ifndef AGENT_POPUP_H
#define AGENT_POPUP_H

#include <stdint.h>

#include "agent/control.h"
#include "base/buffer.h"
#include "base/cleanup.h"

struct asker;
struct popup;

/* asker must outlive it. */
int popup_new(struct popup **ret, struct asker *asker) MUST_CHECK;
void popup_free(struct popup *popup); /* NULL is fine */

/* Something about the prompts, or the policy, is another. */
void popup_look(struct popup *popup);
void popup_prompt_ends(struct popup *popup, uint64_t prompt);

/* Its command says that it is there: the call is answered when its prompt has ended. */
enum control_result popup_reports(struct popup *popup, const struct control_call *call,
                                  const char *token, struct buffer *answer);
/* Its person has closed it without an answer: that prompt is shown no more. */
enum control_result popup_is_left(struct popup *popup, const char *token);

#endif
