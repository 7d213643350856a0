/* enroll: makes a way known by which a person says yes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "base/secret.h"
#include "cmd/cmd.h"
#include "cmd/person.h"
#include "cmd/terminal.h"
#include "confirm/pin.h"
#include "confirm/touch_message.h"
#include "platform/platform.h"

static const char help[] =
	"usage: ssh-agent-guard enroll pin | fido2 [--name NAME]\n"
	"                              | otp [--slot N] [--pin] [--name NAME]\n"
	"                              | --list | --remove NAME  [--listen PATH]\n"
	"\n"
	"pin:    sets the PIN with which `confirm` says yes, or another one in its place, which\n"
	"        takes the old one. A PIN stops programs that do not aim at it; it is weak "
	"against\n"
	"        those that do.\n"
	"fido2:  lets a security key say yes by a touch: the one that you touch now. Once for "
	"each\n"
	"        key that you have. NAME is what it is called here; \"key\" and a number, unless\n"
	"        given.\n"
	"\n"
	"otp:    lets a slot of a YubiKey that is set up for challenge-response (HMAC-SHA1) say\n"
	"        yes, through ykinfo and ykchalresp: slot 2 by a touch or, with --pin, slot 1 by\n"
	"        a PIN. Weak: a slot signs nothing of what it says yes to.\n"
	"\n"
	"What may say yes is changed by a yes: with a security key enrolled, by a touch of it; "
	"else\n"
	"with a PIN set, by the PIN; else by a YubiKey's slot. The guard must run. A PIN that is\n"
	"set, and that is mistyped, is asked for again, three times in all.\n"
	"\n"
	"  --slot N       1 or 2, where it is the other one\n"
	"  --pin          the slot answers at once, and to a PIN\n"
	"  --list         print what is enrolled\n"
	"  --remove NAME  that security key, or that slot, says yes no more\n"
	"  --listen PATH  the socket of the guard that is meant, where it is not the ordinary "
	"one\n";

#define TRIES_MAX 3 /* of the PIN that is set: the guard takes no more by one nonce */

enum task { TASK_PIN, TASK_KEY, TASK_SLOT, TASK_LIST, TASK_REMOVE };

struct wish {
	enum task task;
	const char *name; /* NULL: not given */
	unsigned slot;    /* 0: not given */
	bool with_pin;
};

/* Of what is enrolled, as the guard tells. */
struct standing {
	const char *nonce;
	bool has_pin, has_keys, has_slots, has_pin_slots;
};

/* All of it in locked memory. */
struct pins {
	const char *old_question; /* static: what the old one was asked for by; NULL: it was not */
	char old[PIN_LEN_MAX + 1], made[PIN_LEN_MAX + 1], again[PIN_LEN_MAX + 1];
	char request[SECRET_REQUEST_SIZE];
};

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

static int read_old_pin(struct pins *pins, const char *question) {
	pins->old_question = question;
	return read_pin(pins->old, question);
}

/* The PIN that says yes to a change, and in words what else does. of_pin: the account's. */
static int read_yes(struct pins *pins, const struct standing *standing, bool of_pin,
                    const char *first) {
	if (standing->has_pin && (of_pin || !standing->has_keys))
		return read_old_pin(pins, "The PIN that is set: ");
	if (!standing->has_keys && !standing->has_slots && standing->has_pin_slots)
		return read_old_pin(pins, "The PIN of a YubiKey's slot that is enrolled: ");
	if (standing->has_keys)
		printf("%s a security key that is enrolled, to say yes.\n", first);
	else if (standing->has_slots)
		printf("%s a YubiKey that is enrolled, twice, to say yes.\n", first);
	fflush(stdout);
	return EXIT_DONE;
}

/* Has the guard do it. What it is told are those words, the old PIN, and behind_old, with the new
 * one. told: to the person, each time, since an old PIN that is wrong is asked for again. */
static int change(struct buffer *answer, struct pins *pins, const struct options *options,
                  const char *words, const char *behind_old, const char *told) {
	for (int tries = 1;; tries++) {
		int result, status;

		fputs(told, stdout);
		fflush(stdout);
		snprintf(pins->request, sizeof(pins->request), "%s%s%s%s", words, pins->old,
		         behind_old, *behind_old != '\0' ? pins->made : "");
		result = person_ask_change(answer, options, pins->request);
		status = person_say_result(answer, options, "enroll", result);
		if (result != CONTROL_MAY_TYPE_AGAIN || pins->old_question == NULL)
			return status;
		if (tries == TRIES_MAX) {
			terminal_forget_typed();
			diag_error("enroll: nothing was changed");
			return status;
		}
		buffer_clear(answer);
		status = read_pin(pins->old, pins->old_question);
		if (status != EXIT_DONE)
			return status;
	}
}

/* ---- a PIN ---- */

static int read_new_pin(struct pins *pins) {
	int status = read_pin(pins->made, "The new PIN: ");

	if (status == EXIT_DONE)
		status = read_pin(pins->again, "The new PIN again: ");
	if (status == EXIT_DONE && strcmp(pins->made, pins->again) != 0) {
		diag_error("enroll: these were two different ones (nothing was changed)");
		return EXIT_FAILED;
	}
	return status;
}

static int enroll_pin(struct pins *pins, const struct options *options,
                      const struct standing *standing) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char words[128];
	int status = EXIT_DONE;

	if (standing->has_pin)
		status = read_yes(pins, standing, true, "");
	if (status == EXIT_DONE)
		status = read_new_pin(pins);
	if (status == EXIT_DONE && !standing->has_pin)
		status = read_yes(pins, standing, true, "Touch");
	if (status != EXIT_DONE)
		return status;
	snprintf(words, sizeof(words), "enroll-pin %.64s\t", standing->nonce);
	status = change(&answer, pins, options, words, "\t", "");
	if (status == EXIT_DONE)
		diag_info("enroll: the PIN is set");
	return status;
}

/* ---- security keys ---- */

static int read_key_pin(char *ret) {
	int error = terminal_ask_secret(ret, PIN_LEN_MAX + 1,
	                                "The security key's own PIN (empty: it has none): ");

	/* Without a terminal, it is one that has none. */
	if (error == -ENOTTY)
		*ret = '\0';
	if (error == 0 || error == -ENOTTY) {
		if (strlen(ret) <= KEY_PIN_LEN_MAX)
			return EXIT_DONE;
		diag_error("enroll: a security key's PIN has at most %d bytes", KEY_PIN_LEN_MAX);
		return EXIT_FAILED;
	}
	diag_error("enroll: nothing was changed");
	return EXIT_FAILED;
}

static int enroll_key(struct pins *pins, const struct options *options,
                      const struct standing *standing, const char *name) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char words[128];
	int status = standing->has_keys ? EXIT_DONE
	                                : read_yes(pins, standing, false, "First touch");

	if (status == EXIT_DONE)
		status = read_key_pin(pins->made);
	if (status != EXIT_DONE)
		return status;
	snprintf(words, sizeof(words), "enroll-key %.64s\t%.32s\t", standing->nonce, name);
	status = change(&answer, pins, options, words, "\t",
	                standing->has_keys
	                        ? "Plug in the security key that is to be enrolled, if it "
	                          "is not, and touch it.\nThen touch one that is "
	                          "enrolled already, to say yes to the new one.\n"
	                        : "Plug in the security key that is to be enrolled, if it "
	                          "is not, and touch it.\n");
	if (status == EXIT_DONE)
		diag_info("enroll: the security key %s is enrolled", name);
	if (status == EXIT_DONE && answer.len > 0)
		person_show(&answer, 0);
	return status;
}

static int remove_named(struct pins *pins, const struct options *options,
                        const struct standing *standing, const char *name) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int status = read_yes(pins, standing, false, "Touch");
	char words[128];

	if (status != EXIT_DONE)
		return status;
	snprintf(words, sizeof(words), "remove-key %.64s\t%.32s\t", standing->nonce, name);
	status = change(&answer, pins, options, words, "", "");
	if (status == EXIT_DONE)
		diag_info("enroll: %s says yes no more", name);
	return status;
}

/* ---- slots of YubiKeys ---- */

static int enroll_slot(struct pins *pins, const struct options *options,
                       const struct standing *standing, const struct wish *wish, const char *name) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	const char *plug = wish->with_pin ? "Plug in the YubiKey that is to be enrolled, if it is "
	                                    "not.\n"
	                                  : "Plug in the YubiKey that is to be enrolled, if it is "
	                                    "not, and touch it when it blinks.\n";
	bool says_yes_by_pin = standing->has_pin && !standing->has_keys;
	char words[128];
	int status = says_yes_by_pin ? read_yes(pins, standing, false, "") : EXIT_DONE;

	if (status == EXIT_DONE && wish->with_pin)
		status = read_new_pin(pins);
	if (status != EXIT_DONE)
		return status;
	if (!says_yes_by_pin) {
		fputs(plug, stdout);
		status = read_yes(pins, standing, false, "Then touch");
	}
	if (status != EXIT_DONE)
		return status;
	snprintf(words, sizeof(words), "enroll-slot %.64s\t%.32s\t%u\t", standing->nonce, name,
	         wish->slot);
	status = change(&answer, pins, options, words, "\t", says_yes_by_pin ? plug : "");
	if (status == EXIT_DONE)
		diag_info("enroll: slot %u of the YubiKey is enrolled as %s", wish->slot, name);
	return status;
}

/* The first one of these with a number that is not there. */
static int free_name(char ret[static KEY_NAME_LEN_MAX + 1], const char *word,
                     const struct options *options) {
	CLEANUP(buffer_deinit) struct buffer list = {0};
	int status = person_ask(&list, options, "enroll", "enrolled");
	char line[KEY_NAME_LEN_MAX + 4];

	buffer_put_u8(&list, 0);
	if (status != EXIT_DONE || buffer_error(&list) < 0)
		return EXIT_FAILED;
	for (unsigned i = 1;; i++) {
		const char *found = (const char *)list.data;

		snprintf(line, sizeof(line), "%s%u:", word, i);
		while ((found = strstr(found, line)) != NULL && found != (const char *)list.data &&
		       found[-1] != '\n')
			found++;
		if (found == NULL) {
			snprintf(ret, KEY_NAME_LEN_MAX + 1, "%s%u", word, i);
			return EXIT_DONE;
		}
	}
}

/* ---- from first to last ---- */

static int do_task(struct pins *pins, const struct options *options,
                   const struct standing *standing, const struct wish *wish, const char *name) {
	switch (wish->task) {
	case TASK_PIN: return enroll_pin(pins, options, standing);
	case TASK_KEY: return enroll_key(pins, options, standing, name);
	case TASK_SLOT: return enroll_slot(pins, options, standing, wish, name);
	case TASK_REMOVE: return remove_named(pins, options, standing, name);
	case TASK_LIST: break;
	}
	return EXIT_USAGE;
}

static int enroll(const struct options *options, const struct wish *wish) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	char name[KEY_NAME_LEN_MAX + 1] = "";
	struct standing standing = {0};
	const char *state;
	struct pins *pins;
	size_t rest;
	int status = EXIT_DONE;

	if (wish->name != NULL)
		snprintf(name, sizeof(name), "%s", wish->name);
	else if (wish->task == TASK_KEY || wish->task == TASK_SLOT)
		status = free_name(name, wish->task == TASK_KEY ? "key" : "yubikey", options);
	if (status == EXIT_DONE)
		status = person_ask(&answer, options, "enroll", "enroll");
	if (status != EXIT_DONE)
		return status;
	if (!person_take_words(&answer, &standing.nonce, &state, &rest)) {
		diag_error("enroll: the guard answers something else (is it of this version?)");
		return EXIT_FAILED;
	}
	standing.has_keys = strchr(state, 'k') != NULL;
	standing.has_pin = strchr(state, 'p') != NULL;
	standing.has_slots = strchr(state, 'o') != NULL;
	standing.has_pin_slots = strchr(state, 'i') != NULL;
	pins = secret_new(sizeof(*pins));
	/* The guard has seen which program this is; now nobody else may look into it. */
	if (pins == NULL || platform_harden_process() < 0) {
		diag_error("enroll: there is no memory that is never swapped, or that nobody else "
		           "sees (see ulimit -l)");
		secret_free(pins, sizeof(*pins));
		return EXIT_FAILED;
	}
	status = do_task(pins, options, &standing, wish, name);
	secret_free(pins, sizeof(*pins));
	return status;
}

static int list(const struct options *options) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int status = person_ask(&answer, options, "enroll", "enrolled");

	if (status == EXIT_DONE && answer.len == 0)
		diag_info("enroll: nothing is enrolled");
	if (status == EXIT_DONE)
		person_show(&answer, 0);
	return status;
}

/* The option at argv[*i], with its value; false: it makes no sense. */
static bool take_option(struct wish *ret, bool *list, bool *removes, int *i, int argc,
                        char **argv) {
	const char *option = argv[*i];
	bool is_slot = strcmp(option, "--slot") == 0;
	const char *value;

	if (strcmp(option, "--list") == 0) {
		*list = true;
		return true;
	}
	if (strcmp(option, "--pin") == 0) {
		ret->with_pin = true;
		return true;
	}
	if (*i + 1 == argc || (is_slot ? ret->slot != 0 : ret->name != NULL))
		return false;
	value = argv[++*i];
	*removes = *removes || strcmp(option, "--remove") == 0;
	if (!is_slot) {
		ret->name = value;
		return true;
	}
	ret->slot = (unsigned)(value[0] - '0');
	return (ret->slot == 1 || ret->slot == 2) && value[1] == '\0';
}

/* Takes what is not an option of all commands out of argv. false: it makes no sense. */
static bool take_wish(struct wish *ret, int *argc, char **argv) {
	static const char *const options[] = {"--list", "--pin", "--slot", "--name", "--remove"};
	bool list = false, removes = false;
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		bool is_ours = false;

		for (size_t j = 0; i > 0 && j < sizeof(options) / sizeof(options[0]); j++)
			is_ours = is_ours || strcmp(argv[i], options[j]) == 0;
		if (!is_ours)
			argv[kept++] = argv[i];
		else if (!take_option(ret, &list, &removes, &i, *argc, argv))
			return false;
	}
	argv[kept] = NULL;
	*argc = kept;
	if (list && ret->name != NULL)
		return false;
	ret->task = list ? TASK_LIST : removes ? TASK_REMOVE : TASK_KEY;
	return ret->name == NULL || key_name_is_fit(ret->name);
}

/* The operand, if the wish needs one. */
static bool complete_wish(struct wish *wish, char *const *operands) {
	bool is_of_slot = wish->slot != 0 || wish->with_pin;

	if (wish->task != TASK_KEY)
		return operands[0] == NULL && !is_of_slot;
	if (operands[0] == NULL || operands[1] != NULL)
		return false;
	if (strcmp(operands[0], "otp") == 0) {
		wish->task = TASK_SLOT;
		if (wish->slot == 0)
			wish->slot = wish->with_pin ? 1 : 2;
		return true;
	}
	if (strcmp(operands[0], "pin") == 0)
		wish->task = TASK_PIN;
	else if (strcmp(operands[0], "fido2") != 0)
		return false;
	return !is_of_slot && (wish->task != TASK_PIN || wish->name == NULL);
}

int cmd_enroll(int argc, char **argv) {
	CLEANUP(options_deinit) struct options options = {0};
	struct wish wish = {0};
	bool makes_sense = take_wish(&wish, &argc, argv);
	char **operands;

	switch (options_parse(&options, argc, argv, true, &operands)) {
	case OPTIONS_RUN: break;
	case OPTIONS_HELP: fputs(help, stdout); return EXIT_DONE;
	case OPTIONS_WRONG: return EXIT_USAGE;
	}
	if (!makes_sense || !complete_wish(&wish, operands)) {
		diag_error("enroll: say what: enroll pin, enroll fido2 [--name NAME], enroll otp "
		           "[--slot 1|2] [--pin] [--name NAME], --list or --remove NAME (a name "
		           "has 1 to 32 letters, digits, '.', '_' and '-')");
		return EXIT_USAGE;
	}
	return wish.task == TASK_LIST ? list(&options) : enroll(&options, &wish);
}
