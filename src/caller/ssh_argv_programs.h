/* The readers behind ssh_argv.h, one for each program. */
#ifndef CALLER_SSH_ARGV_PROGRAMS_H
#define CALLER_SSH_ARGV_PROGRAMS_H

#include "caller/ssh_argv.h"

struct words {
	const char *const *argv; /* argv[0] is the program */
	size_t argc;
};

/* All of these fill an empty *ssh, and leave it to ssh_argv_read() to empty it again after an
 * error. -EBADMSG: unknown. */
int ssh_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;
int scp_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;
int sftp_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;
int rsync_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;
int mosh_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;
int mosh_client_read(struct ssh_argv *ssh, struct words words) MUST_CHECK;

/* One option of ssh, which scp and sftp hand on, in -o's form. */
int ssh_config_read(struct ssh_argv *ssh, const char *line) MUST_CHECK;

/* -J's list of jumps. */
int ssh_jumps_read(struct ssh_argv *ssh, struct bytes list) MUST_CHECK;

/* A shell command that only names ssh and its options, as -e of rsync and --ssh of mosh take it,
 * with a host behind it. Quotes are not guessed at: -EBADMSG. */
int ssh_command_read(struct ssh_argv *ssh, const char *command, const char *host) MUST_CHECK;

/* Takes the place for the destination, unless a user or a port is said already, which then stay.
 * The place is empty then. */
void ssh_destination_set(struct ssh_argv *ssh, struct ssh_place *place);

#endif
