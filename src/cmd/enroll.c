/* enroll: makes a way known by which a person says yes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/secret.h"
#include "cmd/cmd.h"
#include "cmd/person.h"
#include "cmd/terminal.h"
#include "confirm/pin.h"
#include "platform/platform.h"

static const char help[] =
	"usage: ssh-agent-guard enroll pin [--listen PATH]\n"
	"\n"
	"Sets the PIN with which `confirm` says yes, or another one in its place, which takes the "
	"old\n"
	"one. The guard must run. A PIN stops programs that do not aim at it; it is weak against\n"
	"those that do.\n"
	"\n"
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary "
	"one\n";

static int read_pin(char *ret, const char *question) {
	int error = terminal_ask_secret(ret, PIN_LEN_MAX + 1, question);

	if (error == 0 && pin_is_fit(ret))
		return EXIT_DONE;
	if (error == -ENOTTY)
		diag_error("enroll: there is no terminal to read the PIN from");
	else if (error == -EINTR)
		diag_error("enroll: nothing was changed");
	else
		diag_error("enroll: a PIN has %d to %d characters (nothing was changed)",
		           PIN_LEN_MIN, PIN_LEN_MAX);
	return EXIT_FAILED;
}

/* All of it in locked memory. */
struct pins {
	char old[PIN_LEN_MAX + 1], made[PIN_LEN_MAX + 1], again[PIN_LEN_MAX + 1];
	char request[SECRET_REQUEST_SIZE];
};

static int enroll_with(struct pins *pins, const struct options *options, const char *nonce,
                       bool is_set) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int status = is_set ? read_pin(pins->old, "The PIN that is set: ") : EXIT_DONE;

	if (status == EXIT_DONE)
		status = read_pin(pins->made, "The new PIN: ");
	if (status == EXIT_DONE)
		status = read_pin(pins->again, "The new PIN again: ");
	if (status != EXIT_DONE)
		return status;
	if (strcmp(pins->made, pins->again) != 0) {
		diag_error("enroll: these were two different ones (nothing was changed)");
		return EXIT_FAILED;
	}
	snprintf(pins->request, sizeof(pins->request), "enroll-pin %.64s\t%s\t%s", nonce, pins->old,
	         pins->made);
	status = person_ask_secret(&answer, options, "enroll", pins->request);
	if (status == EXIT_DONE)
		diag_info("enroll: the PIN is set");
	return status;
}

static int enroll(const struct options *options) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int status = person_ask(&answer, options, "enroll", "enroll");
	const char *nonce, *state;
	struct pins *pins;
	size_t rest;

	if (status != EXIT_DONE)
		return status;
	if (!person_take_words(&answer, &nonce, &state, &rest)) {
		diag_error("enroll: the guard answers something else (is it of this version?)");
		return EXIT_FAILED;
	}
	pins = secret_new(sizeof(*pins));
	/* The guard has seen which program this is; now nobody else may look into it. */
	if (pins == NULL || platform_harden_process() < 0) {
		diag_error("enroll: there is no memory that is never swapped, or that nobody else "
		           "sees (see ulimit -l)");
		secret_free(pins, sizeof(*pins));
		return EXIT_FAILED;
	}
	status = enroll_with(pins, options, nonce, strcmp(state, "set") == 0);
	secret_free(pins, sizeof(*pins));
	return status;
}

int cmd_enroll(int argc, char **argv) {
	CLEANUP(options_deinit) struct options options;
	char **operands;

	switch (options_parse(&options, argc, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (operands[0] == NULL || strcmp(operands[0], "pin") != 0 || operands[1] != NULL) {
		diag_error("enroll: say what: enroll pin");
		return EXIT_USAGE;
	}
	return enroll(&options);
}
