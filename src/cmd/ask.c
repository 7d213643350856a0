/* stop, reload, panic: one request to a guard that runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/confirm.h"
#include "cmd/person.h"

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
static const char help_panic[] = "usage: ssh-agent-guard panic [off] [--listen PATH]\n"
				 "\n"
				 "Refuses every signature, also after a restart, until `panic "
                                 "off`. That takes your yes, as\n"
				 "`confirm` does, where a PIN, a security key or a YubiKey is "
                                 "enrolled; else any program of\n"
				 "your account can end it.\n" HELP_LISTEN;

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

/* Has the guard ask for a person's yes, where one can be given, and gives it. */
static int end_panic(const struct options *options) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *id, *state;
	size_t rest;
	int status = person_ask(&answer, options, "panic off", "panic off");

	if (status != EXIT_DONE)
		return status;
	if (!person_take_words(&answer, &id, &state, &rest)) {
		diag_error("panic off: the guard answers something else (is it of this version?)");
		return EXIT_FAILED;
	}
	if (strcmp(id, "0") == 0)
		return EXIT_DONE;
	status = confirm_request(options, id);
	if (status != EXIT_DONE)
		diag_info("panic off: every signature is still refused; while the question waits, "
		          "ssh-agent-guard confirm %s says yes to it",
		          id);
	return status;
}

/* by_word: what the command does with the word after it, where that is allowed; NULL: none is. */
static int parse_and_ask(int argc, char **argv, const char *help, const char *request,
                         const char *word, int (*by_word)(const struct options *options)) {
	CLEANUP(options_deinit) struct options options;
	char **operands;

	switch (options_parse(&options, argc, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (operands[0] != NULL && word != NULL && strcmp(operands[0], word) == 0 &&
	    operands[1] == NULL)
		return by_word(&options);
	if (operands[0] != NULL) {
		diag_error("%s: does not know what to do with %s (see `ssh-agent-guard %s --help`)",
		           argv[0], operands[0], argv[0]);
		return EXIT_USAGE;
	}
	return ask(&options, request,
	           strcmp(request, "stop") == 0 || strcmp(request, "reload") == 0);
}

int cmd_stop(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_stop, "stop", NULL, NULL);
}

int cmd_reload(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_reload, "reload", NULL, NULL);
}

int cmd_panic(int argc, char **argv) {
	return parse_and_ask(argc, argv, help_panic, "panic", "off", end_panic);
}
