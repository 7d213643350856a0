/* pending, confirm, deny, grants: a person says what may be done. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/secret.h"
#include "cmd/cmd.h"
#include "cmd/confirm.h"
#include "cmd/person.h"
#include "cmd/terminal.h"
#include "confirm/pin.h"
#include "confirm/touch_message.h"
#include "platform/platform.h"

#define SCREEN_LEN_MAX ((size_t)32 * 1024) /* of what is asked in a popup, or by the monitor */
#define TRIES_MAX      3                   /* as sudo; the guard takes no more by one nonce */
#define MOMENT_MS      100                 /* between two answers of the guard on a busy machine */
#define STANDS_MS      700 /* as before a touch: what is typed at once was not meant for it */

#define HELP_LISTEN                                                                             \
	"\n"                                                                                    \
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary " \
	"one\n"

static const char help_pending[] =
	"usage: ssh-agent-guard pending [--listen PATH]\n"
	"\n"
	"Prints the requests that wait for a yes: who asks, for what, where, since when, and by\n"
	"which rule.\n" HELP_LISTEN;
static const char help_confirm[] =
	"usage: ssh-agent-guard confirm [ID] [--listen PATH]\n"
	"\n"
	"Shows a request that waits, and says yes to it with your PIN, which is read from the\n"
	"terminal, or waits until you have touched your security key, or (twice) your YubiKey:\n"
	"whichever is the first of confirm.methods that can be used. Where that changes, because\n"
	"no key is plugged in, it goes on with the next one.\n"
	"A PIN that is not taken is asked for again, three times in all, while the request waits;\n"
	"where it does not any more, or another method is asked, that ends at once, and what was\n"
	"typed so far is thrown away.\n"
	"Without ID it is the only one that waits. An empty line, or Ctrl-C, answers nothing. See\n"
	"`ssh-agent-guard enroll`.\n" HELP_LISTEN;
static const char help_deny[] = "usage: ssh-agent-guard deny [ID|--all] [--listen PATH]\n"
				"\n"
				"Says no to a request that waits, or to all of them.\n" HELP_LISTEN;
static const char help_grants[] =
	"usage: ssh-agent-guard grants [revoke ID|--all] [--listen PATH]\n"
	"\n"
	"Prints what was confirmed and holds for a while, or takes it back.\n" HELP_LISTEN;

enum pin_kind { PIN_OF_ACCOUNT, PIN_OF_KEY, PIN_OF_SLOT };

/* "--all" is an operand to our options. */
struct words {
	struct options options;
	char *operands[3];
	int n_operands;
	bool all;
};

/* -1: go on; else the exit status. */
static int parse(struct words *words, int argc, char **argv, const char *help, int operands_max) {
	char **operands;
	int kept = 0;

	*words = (struct words){0};
	for (int i = 0; i < argc; i++) {
		if (i > 0 && strcmp(argv[i], "--all") == 0)
			words->all = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	switch (options_parse(&words->options, kept, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	for (; operands[words->n_operands] != NULL; words->n_operands++) {
		if (words->n_operands == operands_max) {
			diag_error("%s: does not know what to do with %s (see `ssh-agent-guard %s "
			           "--help`)",
			           argv[0], operands[words->n_operands], argv[0]);
			return EXIT_USAGE;
		}
		words->operands[words->n_operands] = operands[words->n_operands];
	}
	return -1;
}

static void words_deinit(struct words *words) {
	options_deinit(&words->options);
}

/* Asks, and prints what comes. */
static int ask_and_show(const struct words *words, const char *command, const char *request) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int status = person_ask(&answer, &words->options, command, request);

	if (status == EXIT_DONE)
		person_show(&answer, 0);
	return status;
}

int cmd_pending(int argc, char **argv) {
	CLEANUP(words_deinit) struct words words;
	int status = parse(&words, argc, argv, help_pending, 0);

	return status >= 0 ? status : ask_and_show(&words, "pending", "pending");
}

int cmd_deny(int argc, char **argv) {
	CLEANUP(words_deinit) struct words words;
	int status = parse(&words, argc, argv, help_deny, 1);
	char request[64];

	if (status >= 0)
		return status;
	snprintf(request, sizeof(request), "deny%s%.32s",
	         words.all || words.n_operands > 0 ? " " : "",
	         words.all              ? "--all"
	         : words.n_operands > 0 ? words.operands[0]
	                                : "");
	return ask_and_show(&words, "deny", request);
}

int cmd_grants(int argc, char **argv) {
	CLEANUP(words_deinit) struct words words;
	int status = parse(&words, argc, argv, help_grants, 2);
	bool revoke = words.n_operands > 0 && strcmp(words.operands[0], "revoke") == 0;
	char request[64] = "grants";

	if (status >= 0)
		return status;
	if (words.n_operands > 0 && (!revoke || words.all == (words.n_operands == 2))) {
		diag_error("grants: say `grants revoke ID` or `grants revoke --all`");
		return EXIT_USAGE;
	}
	if (revoke)
		snprintf(request, sizeof(request), "grants revoke %.32s",
		         words.all ? "--all" : words.operands[1]);
	return ask_and_show(&words, "grants", request);
}

static int ask_on_terminal(void *data, char *ret, size_t size, const char *question) {
	const struct terminal_end *end = data;

	return end != NULL ? terminal_ask_secret_until(ret, size, question, end)
	                   : terminal_ask_secret(ret, size, question);
}

static const char *question_for(enum pin_kind kind) {
	switch (kind) {
	case PIN_OF_ACCOUNT: return "PIN, to say yes (empty: no answer): ";
	case PIN_OF_KEY: return "PIN of the security key (empty: no answer): ";
	case PIN_OF_SLOT: return "PIN for the YubiKey's slot (empty: no answer): ";
	}
	return "PIN: ";
}

static double timeout_of(enum pin_kind kind) {
	switch (kind) {
	case PIN_OF_ACCOUNT: break;
	case PIN_OF_KEY: return PERSON_TIMEOUT_S;
	case PIN_OF_SLOT: return SLOT_TIMEOUT_S;
	}
	return CHECK_TIMEOUT_S;
}

/* request has the words before the PIN already. CONFIRM_SAID_YES: it has the PIN as well. */
static enum confirm_outcome read_pin(char *request, size_t size, const struct confirm_way *way,
                                     enum pin_kind kind) {
	size_t len = strlen(request);
	bool of_key = kind == PIN_OF_KEY;
	int error = way->ask(way->data, request + len, size - len, question_for(kind));

	switch (error) {
	case 0: break;
	case -ECANCELED: return CONFIRM_NOT_ANSWERED; /* it is told why */
	case -ENOTTY:
		diag_error("confirm: there is no terminal to read the PIN from");
		return CONFIRM_NOT_ASKED;
	default: diag_error("confirm: not answered"); return CONFIRM_NOT_ANSWERED;
	}
	if (request[len] == '\0') {
		diag_info("confirm: not answered");
		return CONFIRM_NOT_ANSWERED;
	}
	if (!pin_is_fit(request + len) || (of_key && strlen(request + len) > KEY_PIN_LEN_MAX)) {
		diag_error("confirm: that is no PIN: it has %d to %d characters", PIN_LEN_MIN,
		           of_key ? KEY_PIN_LEN_MAX : PIN_LEN_MAX);
		return CONFIRM_REFUSED;
	}
	return CONFIRM_SAID_YES;
}

static enum confirm_outcome send_pin(const struct options *options, const char *request,
                                     enum pin_kind kind) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};

	if (kind == PIN_OF_KEY) {
		puts("Now touch the security key.");
		fflush(stdout);
	}
	if (person_ask_secret(&answer, options, "confirm", request, timeout_of(kind)) != EXIT_DONE)
		return CONFIRM_REFUSED;
	person_show(&answer, 0);
	return CONFIRM_SAID_YES;
}

static enum confirm_outcome answer_prompt(const struct options *options, const char *id,
                                          const char *nonce, const struct confirm_way *way,
                                          enum pin_kind kind) {
	char *request = secret_new(SECRET_REQUEST_SIZE);
	enum confirm_outcome outcome;

	if (request == NULL) {
		diag_error("confirm: there is no memory that is never swapped (see ulimit -l)");
		return CONFIRM_NOT_ASKED;
	}
	snprintf(request, SECRET_REQUEST_SIZE, "confirm %.20s %.64s ", id, nonce);
	outcome = read_pin(request, SECRET_REQUEST_SIZE, way, kind);
	if (outcome == CONFIRM_SAID_YES)
		outcome = send_pin(options, request, kind);
	secret_free(request, SECRET_REQUEST_SIZE);
	return outcome;
}

/* Where nothing is to be typed, what is to be done, in words; NULL: a PIN is to be typed. */
static const char *what_to_do(const char *how) {
	if (strcmp(how, "otp") == 0)
		return "Touch the YubiKey when it blinks, and once more when it blinks again, to "
		       "say yes.";
	if (strcmp(how, "touch") == 0)
		return "Touch the security key to say yes.";
	if (strcmp(how, "askpass") == 0)
		return "Say yes in the window that asks for it.";
	return strcmp(how, "none") == 0 ? "Nothing that is left can say yes." : NULL;
}

static enum pin_kind pin_kind_of(const char *how) {
	return strcmp(how, "key-pin") == 0   ? PIN_OF_KEY
	       : strcmp(how, "otp-pin") == 0 ? PIN_OF_SLOT
	                                     : PIN_OF_ACCOUNT;
}

/* Nothing is to be typed: the yes, or no, comes another way. CONFIRM_NOT_ANSWERED: another method
 * asks now, and nonce and how are those of its turn. */
static enum confirm_outcome await_prompt(const struct options *options, const char *id,
                                         char nonce[static PERSON_NONCE_SIZE],
                                         char how[static PERSON_HOW_SIZE]) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	CLEANUP(close_fd) int fd = -1;
	char request[128];
	size_t rest;

	/* First: whoever reads what to do may have done it in the same moment. */
	snprintf(request, sizeof(request), "await %.20s %.64s", id, nonce);
	if (person_begin_to_ask(&fd, options, "confirm", request) != EXIT_DONE)
		return CONFIRM_NOT_ASKED;
	printf("%s Ctrl-C leaves the request as it is.\n", what_to_do(how));
	fflush(stdout);
	if (person_say_result(&answer, options, "confirm", person_await_answer(&answer, fd)) != EXIT_DONE)
		return CONFIRM_NOT_ASKED;
	if (!person_take_turn(&answer, nonce, how, &rest)) {
		person_show(&answer, 0);
		return CONFIRM_SAID_YES;
	}
	person_show(&answer, rest);
	fflush(stdout);
	return CONFIRM_NOT_ANSWERED;
}

/* ---- the PIN, again and again ---- */

/* A request while its PIN is typed, as the guard tells of it. */
struct typing {
	const struct options *options;
	const char *id;
	char how[PERSON_HOW_SIZE];
	struct terminal_end end;
	struct buffer answer; /* of the guard, once it is over */
	int result;           /* which is that of the asking */
	size_t rest;          /* where it tells of another method, if it has_turned */
	bool is_over, has_turned;
};

static void typing_deinit(struct typing *typing) {
	close_fd(&typing->end.fd);
	buffer_deinit(&typing->answer);
}

/* Has the guard tell when it ends. */
static bool typing_await(struct typing *typing, const char *nonce) {
	char request[128];

	close_fd(&typing->end.fd);
	snprintf(request, sizeof(request), "await %.20s %.64s", typing->id, nonce);
	return person_begin_to_ask(&typing->end.fd, typing->options, "confirm", request) ==
	       EXIT_DONE;
}

/* The guard tells of a turn, too, after which the same is still to be typed: whoever has begun to
 * goes on. */
static bool typing_is_over(void *data) {
	struct typing *typing = data;
	char nonce[PERSON_NONCE_SIZE], how[PERSON_HOW_SIZE];

	buffer_deinit(&typing->answer);
	typing->answer = (struct buffer){0};
	typing->result = person_take_answer(&typing->answer, typing->end.fd);
	typing->is_over = true;
	typing->has_turned = typing->result == 0 &&
	                     person_take_turn(&typing->answer, nonce, how, &typing->rest);
	if (typing->has_turned && strcmp(how, typing->how) == 0) {
		typing->has_turned = false;
		typing->is_over = !typing_await(typing, nonce);
		typing->result = -EIO; /* until the guard says more */
	}
	return typing->is_over;
}

/* What ends a request along with a PIN that is not taken is told in the same moment. */
static bool typing_is_over_by_now(struct typing *typing) {
	struct pollfd ready = {.fd = typing->end.fd, .events = POLLIN};

	return poll(&ready, 1, MOMENT_MS) > 0 && typing_is_over(typing);
}

static enum confirm_outcome typing_tell_end(const struct typing *typing) {
	if (typing->has_turned) {
		person_show(&typing->answer, typing->rest);
		fflush(stdout);
		diag_error("confirm: that is not what is asked for any more; ssh-agent-guard "
		           "confirm %s goes on with what is",
		           typing->id);
		return CONFIRM_NOT_ASKED;
	}
	if (person_say_result(&typing->answer, typing->options, "confirm", typing->result) !=
	    EXIT_DONE)
		return CONFIRM_NOT_ASKED;
	person_show(&typing->answer, 0);
	return CONFIRM_SAID_YES;
}

/* On a terminal that is this process's alone: a PIN is easily mistyped, and its person would type
 * the next one into the shell. */
static enum confirm_outcome answer_here(const struct options *options, const char *id,
                                        const char *nonce, const char *how) {
	CLEANUP(typing_deinit) struct typing typing = {.options = options, .id = id};
	const struct confirm_way way = {.ask = ask_on_terminal, .data = &typing.end};
	enum confirm_outcome outcome;

	typing.end = (struct terminal_end){-1, typing_is_over, &typing};
	snprintf(typing.how, sizeof(typing.how), "%s", how);
	if (!typing_await(&typing, nonce))
		return CONFIRM_NOT_ASKED;
	for (int tries = 1;; tries++) {
		outcome = answer_prompt(options, id, nonce, &way, pin_kind_of(how));
		if (typing.is_over || outcome != CONFIRM_REFUSED || tries == TRIES_MAX ||
		    typing_is_over_by_now(&typing))
			break;
	}
	if (outcome != CONFIRM_SAID_YES)
		terminal_forget_typed();
	if (typing.is_over)
		return typing_tell_end(&typing);
	if (outcome == CONFIRM_REFUSED)
		diag_error("confirm: no answer was taken in %d tries; where the request still "
		           "waits, ssh-agent-guard confirm %s asks again",
		           TRIES_MAX, id);
	return outcome;
}

/* way NULL: on the terminal, which is this process's alone. */
static enum confirm_outcome confirm_by(const struct options *options, const char *words,
                                       bool stands, const struct confirm_way *way) {
	const struct confirm_way in_popup = {.ask = ask_on_terminal};
	bool pops_up = stands;
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *id, *rest_of_line, *space;
	char request[64], nonce[PERSON_NONCE_SIZE], how[PERSON_HOW_SIZE];
	size_t rest;

	snprintf(request, sizeof(request), "prompt%s%.32s", *words != '\0' ? " " : "", words);
	if (person_ask(&answer, options, "confirm", request) != EXIT_DONE)
		return CONFIRM_NOT_ASKED;
	space = person_take_words(&answer, &id, &rest_of_line, &rest) ? strchr(rest_of_line, ' ')
	                                                              : NULL;
	if (space == NULL) {
		diag_error("confirm: the guard answers something else (is it of this version?)");
		return CONFIRM_NOT_ASKED;
	}
	snprintf(nonce, sizeof(nonce), "%.*s", (int)(space - rest_of_line), rest_of_line);
	snprintf(how, sizeof(how), "%s", space + 1);
	/* Nor can one scroll there. */
	if ((stands || way != NULL) && answer.len > SCREEN_LEN_MAX) {
		diag_error("confirm: request %s is too long to be shown here; in a terminal, "
		           "ssh-agent-guard confirm %s shows all of it",
		           id, id);
		return CONFIRM_NOT_ASKED;
	}
	/* The guard has seen which program this is; now nobody else may look into it. */
	if (platform_harden_process() < 0) {
		diag_error("confirm: this process cannot be closed to tracing");
		return CONFIRM_NOT_ASKED;
	}
	person_show(&answer, rest);
	fflush(stdout);
	if (way != NULL && what_to_do(how) != NULL) {
		printf("%s\n", what_to_do(how));
		fflush(stdout);
		return CONFIRM_NOT_ANSWERED;
	}
	while (what_to_do(how) != NULL) {
		enum confirm_outcome outcome = await_prompt(options, id, nonce, how);

		if (outcome != CONFIRM_NOT_ANSWERED)
			return outcome;
		stands = true; /* what follows comes by itself */
	}
	/* The terminal lets go of what was typed before it is asked. */
	if (stands)
		poll(NULL, 0, STANDS_MS);
	if (way == NULL && !pops_up)
		return answer_here(options, id, nonce, how);
	/* Whoever shows it there asks again, by a process of its own. */
	return answer_prompt(options, id, nonce, way != NULL ? way : &in_popup, pin_kind_of(how));
}

enum confirm_outcome confirm_once(const struct options *options, const char *id, bool stands) {
	return confirm_by(options, id, stands, NULL);
}

enum confirm_outcome confirm_within(const struct options *options, const char *id,
                                    const struct confirm_way *way) {
	return confirm_by(options, id, false, way);
}

int confirm_request(const struct options *options, const char *words) {
	return confirm_once(options, words, false) == CONFIRM_SAID_YES ? EXIT_DONE : EXIT_FAILED;
}

int cmd_confirm(int argc, char **argv) {
	CLEANUP(words_deinit) struct words words = {0};
	int status;

	/* By the guard alone, which knows its control socket. */
	if (argc == 5 && strcmp(argv[1], "--popup") == 0)
		return confirm_in_popup(argv[2], argv[3], argv[4]);
	status = parse(&words, argc, argv, help_confirm, 1);
	if (status >= 0)
		return status;
	return confirm_request(&words.options, words.n_operands > 0 ? words.operands[0] : "");
}
