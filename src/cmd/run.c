/* run: serves in the foreground. */
#include <stdio.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/shell.h"

static const char help[] =
	"usage: ssh-agent-guard [run] [--listen PATH] [--upstream PATH|managed|managed:gpg-agent]\n"
	"                             [--policy PATH] [--state-dir PATH]\n"
	"                             [--answer-timeout SECONDS] [--verbose]\n"
	"\n"
	"Serves in the foreground, and prints the line that makes a shell use it.\n"
	"\n"
	"  --listen PATH     the guard's own socket\n"
	"  --upstream PATH   the real agent's socket; managed (the default): an ssh-agent that "
	"the\n"
	"                    guard starts for itself and ends with itself; managed:gpg-agent:\n"
	"                    a gpg-agent, whose own socket stays open, because gpg needs it;\n"
	"                    where it is not given, upstream: of the policy tells\n"
	"  --policy PATH     the policy file\n"
	"  --state-dir PATH  where events and the status are kept\n"
	"  --answer-timeout SECONDS\n"
	"                    how long the real agent may take where a person may be asked (300)\n"
	"  --verbose         say more on standard error\n"
	"\n"
	"SIGHUP reads the policy again; SIGTERM and SIGINT end the guard.\n";

static void on_ready(void *data) {
	const struct options *options = data;

	diag_info("serving; use it in another terminal by:");
	shell_print_socket(options->places.socket);
}

int cmd_run(int argc, char **argv) {
	CLEANUP(options_deinit) struct options options;
	struct daemon_options daemon;
	char **operands;

	switch (options_parse(&options, argc, argv, false, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (*operands != NULL) {
		diag_error(
			"run: does not know what to do with %s (see `ssh-agent-guard run --help`)",
			*operands);
		return EXIT_USAGE;
	}
	if (options.verbose)
		diag_verbose();
	daemon = options_for_daemon(&options);
	daemon.is_service = true;
	daemon.ready = on_ready;
	daemon.data = &options;
	return daemon_run(&daemon);
}
