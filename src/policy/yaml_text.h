/* The bytes of a YAML file before they are read as YAML: are they text, and where is what. */
#ifndef POLICY_YAML_TEXT_H
#define POLICY_YAML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "policy/problems.h"

/* Takes a byte order mark off the front of *text, and looks for bytes that are no UTF-8, control
 * characters and further byte order marks. false: there is one, and *problems says where. */
bool yaml_text_check(struct bytes *text, const char *file, struct problems *problems);

/* From the character at line and column (both from 1) to the end of that line. */
struct bytes yaml_text_at(struct bytes text, size_t line, size_t column);

#endif
