/* log verify --approvals: whether each touch in the log was one. */
#ifndef CMD_LOG_APPROVALS_H
#define CMD_LOG_APPROVALS_H

#include "cmd/log.h"

/* Prints what it finds. keys: a file like STATE/fido2 that was put aside; NULL: that one. Returns
 * the exit status. */
int log_verify_approvals(const struct log_request *request, const char *keys);

#endif
