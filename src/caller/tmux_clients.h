/*
 * The clients of a tmux server, as it lists them: which of them a person looks at. Pure: what the
 * server said comes in as bytes.
 */
#ifndef CALLER_TMUX_CLIENTS_H
#define CALLER_TMUX_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define TMUX_ID_SIZE     12 /* '$' or '%' and a number */
#define TMUX_CLIENT_SIZE 64 /* the path of a terminal */

/* What is to be asked: by list-clients -F, and by display-message -p with the caller's pane as the
 * target, which a server that has no such pane answers with an empty session. */
#define TMUX_CLIENTS_FORMAT                                                                     \
	"#{client_activity} #{session_id} #{pane_id} #{client_readonly}#{client_control_mode} " \
	"#{client_name}"
#define TMUX_SESSION_FORMAT "pane #{session_id}"

struct tmux_client {
	char name[TMUX_CLIENT_SIZE];
	char session[TMUX_ID_SIZE];
	char pane[TMUX_ID_SIZE]; /* the one that it shows and types into */
	uint64_t activity_s;     /* of its person */
	bool is_callers;         /* it shows the session that the caller's pane is in */
};

/* The one that is to be asked, out of the lines of the server. false: nobody is there who could see
 * it and type. */
bool tmux_clients_pick(struct tmux_client *ret, struct bytes answer);

/* Whether a is the better one of two. */
bool tmux_client_is_better(const struct tmux_client *a, const struct tmux_client *b);

#endif
