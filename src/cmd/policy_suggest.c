/* policy suggest: rules for what a person has allowed or done so far. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/policy_tools.h"
#include "describe/suggest.h"
#include "policy/explain.h"

static const char help[] =
	"usage: ssh-agent-guard policy suggest [--since TIME] [--until TIME] [--state-dir PATH]\n"
	"\n"
	"Writes a policy with the smallest rules that allow the signatures of the event log that\n"
	"were allowed or confirmed: for the same program, key, user and proved destination, each\n"
	"with the events that it stands on. What was denied, by a policy or a person, is never\n"
	"suggested; what is left out, and why, stands behind the rules.\n"
	"\n"
	"  --since TIME, --until TIME  of that time only (see `ssh-agent-guard log --help`)\n"
	"  --state-dir PATH            where the events are, if not in the ordinary place\n"
	"\n"
	"Exit status 0: there are rules. 1: there is nothing to suggest. 2: wrong usage, or a log\n"
	"that cannot be read.\n";

static void free_recalled(struct recalled **recalled) {
	recalled_free(*recalled);
}

static int take(void *data, struct bytes document) {
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	int error = recalled_new(&recalled, document);

	if (error == -ENOENT)
		return 0;
	return error == 0 ? suggest_take(data, recalled) : error;
}

static int object(void *data, struct bytes document) {
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	int error = recalled_new(&recalled, document);

	if (error == -ENOENT || error == -EBADMSG) /* said already */
		return 0;
	return error == 0 ? suggest_object(data, recalled) : error;
}

/* The policy that is written, and whether it would allow what was denied. */
struct proof {
	struct policy *policy;
	uint64_t seq; /* 0: it does not */
	bool has_failed;
};

static int prove(void *data, struct bytes document) {
	struct proof *proof = data;
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	int error = recalled_new(&recalled, document);
	struct redecided redecided;

	if (error == -ENOENT || error == -EBADMSG)
		return 0;
	if (error < 0 || !suggest_is_denial(recalled) || recalled->repeated > 0)
		return error;
	redecided = recalled_decide(recalled, NULL, proof->policy);
	if ((redecided.prospects & PROSPECT_ALLOW) != 0) {
		proof->has_failed = true;
		proof->seq = recalled->seq;
	}
	return 0;
}

/* The whole of it, as it is written: nothing that was denied may come through. */
static int check(struct bytes yaml, const struct log_request *log) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct proof proof = {0};
	int status = EXIT_USAGE;
	int error = policy_parse(&proof.policy, yaml, "suggestion", NULL, &problems);

	if (error == 0)
		status = log_each(log, prove, &proof);
	policy_unref(proof.policy);
	if (error < 0 || proof.has_failed) {
		diag_error("policy suggest: no suggestion can be made: together the rules would "
		           "allow what event %llu tells was denied",
		           (unsigned long long)proof.seq);
		return EXIT_USAGE;
	}
	return status;
}

static int write_all(struct suggest *suggest, const struct log_request *log) {
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	int error = suggest_write(&yaml, suggest);
	int status;

	if (error < 0) {
		diag_error("policy suggest: %s", strerror(-error));
		return EXIT_USAGE;
	}
	status = check(buffer_bytes(&yaml), log);
	if (status == EXIT_USAGE)
		return status;
	fwrite(yaml.data, 1, yaml.len, stdout);
	if (fflush(stdout) != 0) {
		diag_error("policy suggest: %s", strerror(errno));
		return EXIT_USAGE;
	}
	return suggest_count(suggest) > 0 ? EXIT_DONE : EXIT_FAILED;
}

int cmd_policy_suggest(int argc, char **argv) {
	CLEANUP(policy_tool_deinit) struct policy_tool tool;
	struct suggest *suggest = NULL;
	int status = policy_tool_parse(&tool, argc, argv, help);

	if (status >= 0)
		return status;
	if (tool.n_operands > 0 || tool.json) {
		diag_error(
			"policy suggest: takes no file, and writes no JSON (see `ssh-agent-guard "
			"policy suggest --help`)");
		return EXIT_USAGE;
	}
	if (suggest_new(&suggest) < 0) {
		diag_error("policy suggest: %s", strerror(ENOMEM));
		return EXIT_USAGE;
	}
	status = log_each(&tool.log, take, suggest);
	if (status == EXIT_DONE && suggest_settle(suggest) < 0) {
		diag_error("policy suggest: the rules do not load");
		status = EXIT_USAGE;
	}
	if (status == EXIT_DONE)
		status = log_each(&tool.log, object, suggest);
	if (status == EXIT_DONE)
		status = write_all(suggest, &tool.log);
	suggest_free(suggest);
	return status;
}
