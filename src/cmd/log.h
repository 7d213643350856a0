/* What is asked of `log`, from its options. */
#ifndef CMD_LOG_H
#define CMD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/places.h"
#include "log/anchor.h"
#include "log/filter.h"
#include "log/heads.h"

enum log_form { LOG_TABLE, LOG_JSON, LOG_YAML, LOG_STATS };

struct log_request {
	enum log_form form;
	bool follow;
	int64_t since_us, until_us;
	struct filter filter;
	struct places places;
	/* Options that say which events, and how: none of them is for `verify`. */
	const char *shown_by; /* the last one that was given; NULL: none */
	bool approvals;   /* `verify` looks at each touch as well */
	const char *keys; /* with the keys of that file; NULL: the enrolled ones */
	const char *since_text, *until_text, *state, *listen; /* of argv; NULL where not given */
	const char *signed_by, *heads;                        /* likewise, for `verify` alone */
};

/* Makes times and places of the texts that were given. false: what is wrong has been said. */
bool log_resolve(struct log_request *request);
void log_request_deinit(struct log_request *request);

/* Calls take for each document of the request's time, one after the other; a negative errno of it
 * ends that. Returns the exit status: EXIT_USAGE also where a file cannot be read, or holds
 * something that is no event; what is wrong has been said, but not the errno. */
typedef int log_taker(void *data, struct bytes document);
int log_each(const struct log_request *request, log_taker *take, void *data);

/* Opens the state directory and the one of its events, and says what is wrong with them. */
int log_open(int *ret_state_fd, int *ret_events_fd, const struct log_request *request) MUST_CHECK;
/* Says what is wrong with a day file, or with their directory where the name is "". */
void log_say_unreadable(const struct log_request *request, const char *file, int error);

void log_print_path(const char *path); /* as a terminal may see it */

/* What is known of the log from elsewhere, and says what that is. Its own signed heads are among
 * it. false: something that was asked for cannot be read, which it says. */
bool log_anchors(struct anchors *ret, struct heads *ret_heads, const struct log_request *request,
                 int state_fd, int events_fd);

/* Both return the exit status. */
int log_show(struct log_request *request);
int log_verify(const struct log_request *request);

#endif
