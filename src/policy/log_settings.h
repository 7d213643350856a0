/* What a policy says of the event log: `log:` of the file. */
#ifndef POLICY_LOG_SETTINGS_H
#define POLICY_LOG_SETTINGS_H

#include "base/buffer.h"
#include "policy/policy.h"
#include "policy/reading.h"

/* Leaves alone what the map does not name. What is wrong is reported. */
void log_settings_read(struct log_settings *log, struct reading *reading,
                       const struct yaml_node *map);

/* Appends it as it would stand in a policy, defaults put in; in a floor only what it says. */
void log_settings_show(struct buffer *yaml, const struct log_settings *log, bool is_floor);

/* "full" or "brief"; LOG_DETAIL_UNSAID, with a problem, where it is neither. */
enum log_detail log_detail_read(struct reading *reading, const char *what,
                                const struct yaml_node *value);
const char *log_detail_name(enum log_detail detail);

#endif
