#include "cmd/person.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "base/show.h"
#include "cmd/cmd.h"

#define PERSON_GUARD_ENDED (-ESHUTDOWN) /* without an answer */

int person_say_result(const struct buffer *answer, const struct options *options,
                      const char *command, int result) {
	switch (result) {
	case 0: return EXIT_DONE;
	case 1:
	case CONTROL_MAY_TYPE_AGAIN: diag_error("%s: %.*s", command, (int)answer->len, answer->data); break;
	case -ENOENT:
	case -ECONNREFUSED:
		diag_error("%s: no guard is running at %s (start one: ssh-agent-guard start)",
		           command, options->places.socket);
		break;
	case -EXDEV:
		diag_error("%s: what listens at %s is another program than this one (nothing was "
		           "sent to it)",
		           command, options->places.control);
		break;
	case PERSON_GUARD_ENDED: diag_error("%s: the guard has ended", command); break;
	default: diag_error("%s: %s: %s", command, options->places.control, strerror(-result));
	}
	return EXIT_FAILED;
}

int person_ask(struct buffer *answer, const struct options *options, const char *command,
               const char *request) {
	return person_say_result(answer, options, command,
	                         control_ask(answer, options->places.control, request, false));
}

int person_ask_patiently(struct buffer *answer, const struct options *options, const char *command,
                         const char *request) {
	return person_say_result(answer, options, command,
	                         control_ask(answer, options->places.control, request, true));
}

int person_ask_secret(struct buffer *answer, const struct options *options, const char *command,
                      const char *request, double timeout_s) {
	return person_say_result(
		answer, options, command,
		control_ask_secret(answer, options->places.control, request, timeout_s));
}

int person_ask_change(struct buffer *answer, const struct options *options, const char *request) {
	return control_ask_secret(answer, options->places.control, request, CHANGE_TIMEOUT_S);
}

int person_begin_to_ask(int *ret_fd, const struct options *options, const char *command,
                        const char *request) {
	static const struct buffer nothing = {0};

	return person_say_result(
		&nothing, options, command,
		control_begin_to_ask_secret(ret_fd, options->places.control, request));
}

int person_await_answer(struct buffer *answer, int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	while (poll(&ready, 1, -1) < 0 && errno == EINTR)
		;
	return person_take_answer(answer, fd);
}

int person_take_answer(struct buffer *answer, int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (;;) {
		int result;

		if (poll(&ready, 1, (int)(CONTROL_TIMEOUT_S * 1000)) == 0)
			return -ETIMEDOUT;
		result = control_go_on_asking(answer, fd);
		if ((result == -EPROTO || result == -ECONNRESET) && answer->len == 0)
			return PERSON_GUARD_ENDED;
		if (result != -EAGAIN && result != -EINTR)
			return result;
	}
}

void person_show(const struct buffer *answer, size_t from) {
	while (from < answer->len) {
		const uint8_t *line = answer->data + from;
		const uint8_t *end = memchr(line, '\n', answer->len - from);
		size_t len = end != NULL ? (size_t)(end - line) : answer->len - from;

		show_bytes(stdout, (struct bytes){line, len}, 0);
		putchar('\n');
		from += len + 1;
	}
}

bool person_take_words(struct buffer *answer, const char **ret_first, const char **ret_second,
                       size_t *ret_rest) {
	char *line = (char *)answer->data;
	char *end = answer->len > 0 ? memchr(line, '\n', answer->len) : NULL;
	char *blank = end != NULL ? memchr(line, ' ', (size_t)(end - line)) : NULL;

	if (blank == NULL)
		return false;
	*blank = *end = '\0';
	*ret_first = line;
	*ret_second = blank + 1;
	*ret_rest = (size_t)(end - line) + 1;
	return true;
}

bool person_take_turn(struct buffer *answer, char nonce[static PERSON_NONCE_SIZE],
                      char how[static PERSON_HOW_SIZE], size_t *ret_rest) {
	const char *word, *rest, *space;

	if (!person_take_words(answer, &word, &rest, ret_rest) || strcmp(word, "turn") != 0)
		return false;
	space = strchr(rest, ' ');
	if (space == NULL)
		return false;
	snprintf(nonce, PERSON_NONCE_SIZE, "%.*s", (int)(space - rest), rest);
	snprintf(how, PERSON_HOW_SIZE, "%s", space + 1);
	return true;
}
