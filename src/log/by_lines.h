/*
 * Readers of current.yaml that know no YAML and go by lines, as shell scripts for the older
 * ssh-agent-guard do: they look for "decision:", "timestamp:" or "confirm_method:".
 */
#ifndef LOG_BY_LINES_H
#define LOG_BY_LINES_H

#include <stdbool.h>

#include "base/bytes.h"

/* Whether a colon behind the text would make a field of it for such a reader. */
bool by_lines_is_field(struct bytes text);

#endif
