/* What the guard renders its status with, as policies write it. */
#ifndef POLICY_RENDERERS_READ_H
#define POLICY_RENDERERS_READ_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "facts/renderers.h"
#include "policy/reading.h"

/* The map behind `status`. What is wrong is reported. -ENOMEM. */
int renderers_read(struct renderers_settings *settings, struct reading *reading,
                   const struct yaml_node *value) MUST_CHECK;
void renderers_settings_deinit(struct renderers_settings *settings);

#endif
