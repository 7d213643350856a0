/* A request, and how a policy decides it, for a person who reads standard output. */
#ifndef CMD_TELL_H
#define CMD_TELL_H

#include <stdio.h>

#include "base/cleanup.h"
#include "facts/request.h"
#include "policy/policy.h"

/* Each fact with its name, one a line, behind indent. */
void tell_request(FILE *stream, const char *indent, const struct request *request);

/* What is known of the process beside that: nothing that a rule could ask for. */
void tell_process(FILE *stream, const struct caller *caller);

/* For each rule why it fits or not, and then the verdict, which is handed back. -ENOMEM. */
int tell_decision(struct verdict *ret, FILE *stream, const char *indent,
                  const struct policy *policy, const struct request *request) MUST_CHECK;

/* What is wrong with a policy or a file of tests, on standard error. */
void tell_problems(const struct problems *problems);

#endif
