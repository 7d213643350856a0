/* How the older ssh-agent-guard was told to ask: confirm: {touch: {...}, pin: {...}}. */
#ifndef POLICY_CONFIRM_OLD_H
#define POLICY_CONFIRM_OLD_H

#include "policy/reading.h"

/* What stands in them is looked through; of all that, how long a PIN is waited for is of effect
 * here, and put in *ret. In files of another version both are problems. */
void confirm_read_old_touch(unsigned *ret, struct reading *reading, const char *what,
                            const struct yaml_node *value);
void confirm_read_old_pin(unsigned *ret, struct reading *reading, const char *what,
                          const struct yaml_node *value);

#endif
