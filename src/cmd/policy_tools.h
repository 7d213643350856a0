/* The commands of `policy` that look at more than a file; each takes argv from its own name on. */
#ifndef CMD_POLICY_TOOLS_H
#define CMD_POLICY_TOOLS_H

#include "base/cleanup.h"
#include "cmd/log.h"
#include "policy/policy.h"

int cmd_policy_accept(int argc, char **argv);
int cmd_policy_replay(int argc, char **argv);
int cmd_policy_suggest(int argc, char **argv);

/* The system floor in force, NULL where there is none. What is wrong is said. */
int policy_tools_floor(struct policy **ret) MUST_CHECK;

/* --since, --until, --state-dir, --json and --help, as they share them. -1: go on, with the
 * operands that are left; else the exit status. */
struct policy_tool {
	struct log_request log;
	bool json;
	char **operands;
	int n_operands;
};
int policy_tool_parse(struct policy_tool *ret, int argc, char **argv, const char *help);
void policy_tool_deinit(struct policy_tool *tool);

#endif
