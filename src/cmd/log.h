/* What is asked of `log`, from its options. */
#ifndef CMD_LOG_H
#define CMD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/places.h"
#include "log/filter.h"

enum log_form { LOG_TABLE, LOG_JSON, LOG_YAML };

struct log_request {
	enum log_form form;
	bool follow;
	int64_t since_us, until_us;
	struct filter filter;
	struct places places;
	/* Options that say which events, and how: none of them is for `verify`. */
	const char *shown_by; /* the last one that was given; NULL: none */
	const char *since_text, *until_text, *state, *listen; /* of argv; NULL where not given */
};

/* Opens the state directory and the one of its events, and says what is wrong with them. */
int log_open(int *ret_state_fd, int *ret_events_fd, const struct log_request *request) MUST_CHECK;
/* Says what is wrong with a day file, or with their directory where the name is "". */
void log_say_unreadable(const struct log_request *request, const char *file, int error);

/* Both return the exit status. */
int log_show(struct log_request *request);
int log_verify(const struct log_request *request);

#endif
