/* How the older ssh-agent-guard was told to ask: confirm: {touch: {...}, pin: {...}}. */
#ifndef POLICY_CONFIRM_OLD_H
#define POLICY_CONFIRM_OLD_H

#include "facts/confirm.h"
#include "policy/reading.h"

/* Slots and challenge, by which the older one's files of answers can be read, and how long a PIN is
 * waited for, which is how long each question waits here. In files of another version both are
 * problems. */
void confirm_read_old_touch(struct confirm_settings *settings, struct reading *reading,
                            const char *what, const struct yaml_node *value);
void confirm_read_old_pin(struct confirm_settings *settings, struct reading *reading,
                          const char *what, const struct yaml_node *value);

#endif
