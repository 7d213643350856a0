#include "cmd/person.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "base/show.h"
#include "cmd/cmd.h"

static int say_result(const struct buffer *answer, const struct options *options,
                      const char *command, int result) {
	switch (result) {
	case 0: return EXIT_DONE;
	case 1: diag_error("%s: %.*s", command, (int)answer->len, answer->data); break;
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
	default: diag_error("%s: %s: %s", command, options->places.control, strerror(-result));
	}
	return EXIT_FAILED;
}

int person_ask(struct buffer *answer, const struct options *options, const char *command,
               const char *request) {
	return say_result(answer, options, command,
	                  control_ask(answer, options->places.control, request, false));
}

int person_ask_patiently(struct buffer *answer, const struct options *options, const char *command,
                         const char *request) {
	return say_result(answer, options, command,
	                  control_ask(answer, options->places.control, request, true));
}

int person_ask_secret(struct buffer *answer, const struct options *options, const char *command,
                      const char *request, double timeout_s) {
	return say_result(
		answer, options, command,
		control_ask_secret(answer, options->places.control, request, timeout_s));
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
