/* The options of run and start, and those that tell a guard that runs from another one. */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>

#include "agent/daemon.h"
#include "cmd/places.h"

struct options {
	const char *listen, *upstream, *policy, *state; /* of argv; NULL where not given */
	bool verbose;
	double answer_s;
	struct places places;
	char *upstream_path; /* absolute; NULL: managed, or not given */
	bool manages_gpg;    /* a gpg-agent, not an ssh-agent */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* argv[0] is the subcommand. only_listen: of a command that merely asks a guard. What is wrong has
 * been said. Operands are left in *ret_operands, a part of argv. */
enum options_result options_parse(struct options *options, int argc, char **argv, bool only_listen,
                                  char ***ret_operands);
/* Makes places of the paths that were given; for commands with options of their own. false: what is
 * wrong has been said. */
bool options_resolve(struct options *options);
void options_deinit(struct options *options);

/* Borrows from options; ready and data are for the command to set. */
struct daemon_options options_for_daemon(const struct options *options);

#endif
