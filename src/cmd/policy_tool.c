/* What the commands of `policy` share that read the event log. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/policy_tools.h"
#include "cmd/tell.h"
#include "policy/floor.h"

static const struct option long_options[] = {
	{"since", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'},
	{"state-dir", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* false: it is none of them, or lacks its value. */
static bool take(struct policy_tool *tool, int option) {
	switch (option) {
	case 's': tool->log.since_text = optarg; return true;
	case 'u': tool->log.until_text = optarg; return true;
	case 'S': tool->log.state = optarg; return true;
	case 'j': tool->json = true; return true;
	default: return false;
	}
}

int policy_tool_parse(struct policy_tool *ret, int argc, char **argv, const char *help) {
	int option;

	*ret = (struct policy_tool){0};
	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (take(ret, option))
			continue;
		diag_error("policy %s: %s: %s (see `ssh-agent-guard policy %s --help`)", argv[0],
		           argv[optind - 1], option == ':' ? "needs a value" : "unknown option",
		           argv[0]);
		return EXIT_USAGE;
	}
	ret->operands = argv + optind;
	ret->n_operands = argc - optind;
	return log_resolve(&ret->log) ? -1 : EXIT_USAGE;
}

void policy_tool_deinit(struct policy_tool *tool) {
	log_request_deinit(&tool->log);
}

int policy_tools_floor(struct policy **ret) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = floor_load(ret, &problems);

	tell_problems(&problems);
	if (error < 0 && error != -ENOENT && problems.count == 0)
		diag_error("policy: %s: %s", FLOOR_PATH, strerror(-error));
	return error == -ENOENT ? 0 : error;
}
