/* Whom the guard tells of what it did, as policies write it. */
#ifndef POLICY_TELL_READ_H
#define POLICY_TELL_READ_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/tell.h"
#include "policy/reading.h"

/* The map behind `tell`. What is wrong is reported. -ENOMEM. */
int tell_read(struct tell_settings *settings, struct reading *reading,
              const struct yaml_node *value) MUST_CHECK;
void tell_deinit(struct tell_settings *settings);

#endif
