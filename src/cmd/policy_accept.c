/* policy accept: a person's yes to a changed policy, where the policy is locked. */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/confirm.h"
#include "cmd/person.h"
#include "cmd/policy_tools.h"

static const char help[] =
	"usage: ssh-agent-guard policy accept [--listen PATH]\n"
	"\n"
	"Where the policy (or the system floor) says lock: true, a changed policy is not used "
	"until\n"
	"you say yes to it, nor do names in its rules mean other keys than known_hosts had. This\n"
	"shows what changes, rule by rule and line by line, and asks for your PIN or a touch, as\n"
	"`confirm` does; what was shown is what is used then, whatever the files say by that "
	"time.\n"
	"The guard must run, and one of both must be enrolled (ssh-agent-guard enroll).\n"
	"\n"
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary one\n"
	"\n"
	"Exit status 0: the policy file is what is in force. 1: it is not. 2: wrong usage.\n";

static int accept_policy(const struct options *options) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *id, *state;
	size_t rest;
	int status = person_ask_patiently(&answer, options, "policy accept", "policy-accept");

	if (status != EXIT_DONE)
		return status;
	if (!person_take_words(&answer, &id, &state, &rest)) {
		diag_error("policy accept: the guard answers something else (is it of this "
		           "version?)");
		return EXIT_FAILED;
	}
	if (strcmp(id, "0") == 0) {
		puts("There is nothing to accept: the policy file is what is in force, and "
		     "known_hosts says what was accepted, where the policy is locked.");
		return EXIT_DONE;
	}
	status = confirm_request(options, id);
	if (status != EXIT_DONE)
		diag_info("policy accept: not accepted; while it waits, ssh-agent-guard confirm %s "
		          "says yes to it",
		          id);
	return status;
}

int cmd_policy_accept(int argc, char **argv) {
	static char name[] = "policy accept"; /* which has the --help that a mistake leads to */
	CLEANUP(options_deinit) struct options options;
	char **operands;

	argv[0] = name;
	switch (options_parse(&options, argc, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (*operands != NULL) {
		diag_error("policy accept: does not know what to do with %s (it accepts what the "
		           "guard has read)",
		           *operands);
		return EXIT_USAGE;
	}
	return accept_policy(&options);
}
