/* stop, reload, panic: one request to a guard that runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/options.h"

#define HELP_LISTEN                                                                             \
	"\n"                                                                                    \
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary " \
	"one\n"

static const char help_stop[] = "usage: ssh-agent-guard stop [--listen PATH]\n"
				"\n"
				"Ends the guard and, where it started one, its ssh-agent with all "
				"keys in it.\n" HELP_LISTEN;
static const char help_reload[] =
	"usage: ssh-agent-guard reload [--listen PATH]\n"
	"\n"
	"Reads the policy file again. One that has errors is not used: they are printed, and the\n"
	"old policy stays in force.\n" HELP_LISTEN;
static const char help_panic[] =
	"usage: ssh-agent-guard panic [off] [--listen PATH]\n"
	"\n"
	"Refuses every signature, also after a restart, until `panic off`.\n" HELP_LISTEN;

static int ask(const struct options *options, const char *request, bool patiently) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *path = options->places.control;
	int result = control_ask(&answer, path, request, patiently);

	switch (result) {
	case 0: fwrite(answer.data, 1, answer.len, stdout); return EXIT_DONE;
	case 1:
		diag_error("%s: refused:", request);
		fwrite(answer.data, 1, answer.len, stderr);
		fputc('\n', stderr);
		return EXIT_FAILED;
	case -ENOENT:
	case -ECONNREFUSED:
		diag_error("%s: no guard is running at %s (start one: ssh-agent-guard start)",
		           request, options->places.socket);
		return EXIT_FAILED;
	default: diag_error("%s: %s: %s", request, path, strerror(-result)); return EXIT_FAILED;
	}
}

/* operand: the one word that the command may have after it; NULL: none. */
static int parse_and_ask(int argc, char **argv, const char *help, const char *operand,
                         const char *request, const char *request_with_operand) {
	CLEANUP(options_deinit) struct options options;
	char **operands;

	switch (options_parse(&options, argc, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (operands[0] != NULL && operand != NULL && strcmp(operands[0], operand) == 0 &&
	    operands[1] == NULL)
		return ask(&options, request_with_operand, false);
	if (operands[0] != NULL) {
		diag_error("%s: does not know what to do with %s (see `ssh-agent-guard %s --help`)",
		           argv[0], operands[0], argv[0]);
		return EXIT_USAGE;
	}
	return ask(&options, request,
	           strcmp(request, "stop") == 0 || strcmp(request, "reload") == 0);
}

int cmd_stop(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_stop, NULL, "stop", NULL);
}

int cmd_reload(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_reload, NULL, "reload", NULL);
}

int cmd_panic(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_panic, "off", "panic", "panic off");
}
