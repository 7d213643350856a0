/* How a person is asked, as policies write it. */
#ifndef POLICY_CONFIRM_READ_H
#define POLICY_CONFIRM_READ_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/confirm.h"
#include "policy/problems.h"
#include "policy/reading.h"

/* What holds where a policy says nothing. */
struct confirm_settings confirm_defaults(void);

/* The map behind `confirm`, of the policy and of a rule. What is wrong is reported. */
void confirm_read_settings(struct confirm_settings *settings, struct reading *reading,
                           const struct yaml_node *value);
void confirm_read_terms(struct confirm_terms *terms, struct reading *reading,
                        const struct yaml_node *value);

/* The command in it that tells of the screen; *ret is left alone where there is none. -ENOMEM. */
int confirm_read_screen_state(char ***ret, struct reading *reading,
                              const struct yaml_node *value) MUST_CHECK;

/* Appends them as YAML: the settings behind a new line and without one at their end, the terms as
 * lines of a rule; terms that say nothing are left out. */
void confirm_show_settings(struct buffer *yaml, const struct confirm_settings *settings);
void confirm_show_terms(struct buffer *yaml, const struct confirm_terms *terms);

#endif
