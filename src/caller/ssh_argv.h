/*
 * What a command line of ssh, or of a program that runs ssh, says of where it goes.
 *
 * All of it is a claim: anybody can put on any command line. It serves to choose among the names of
 * a host that is proved otherwise, to check hashed names, and to notice a contradiction. It is read
 * from the list of arguments and never from a joined text, and where there is any doubt how ssh
 * would read it, the answer is unknown. What ssh's configuration makes of a host is not looked at.
 */
#ifndef CALLER_SSH_ARGV_H
#define CALLER_SSH_ARGV_H

#include "base/cleanup.h"
#include "caller/git_command.h"
#include "caller/ssh_place.h"
#include "facts/caller.h"

#define SSH_JUMPS_MAX 16 /* as many as an agent keeps hops of */

enum ssh_argv_state {
	SSH_ARGV_UNKNOWN, /* it cannot be told where it goes */
	SSH_ARGV_OTHER,   /* no program that we know */
	SSH_ARGV_LOCAL,   /* logs in nowhere: ssh -V, a copy from here to here */
	SSH_ARGV_HOST,
	SSH_ARGV_MASTER, /* ssh in the background for others: it names no more than control_path */
};

struct ssh_argv {
	enum ssh_argv_state state;
	struct ssh_place destination; /* the host as it was typed: perhaps an alias */
	/* What -o says; owned, NULL where it says nothing. */
	char *host_name;      /* HostName */
	char *host_key_alias; /* HostKeyAlias: the name that ssh looks up in known_hosts */
	char *control_path;   /* -S or ControlPath, with its %-tokens; of a master the path itself;
	                       * perhaps "none" */
	struct ssh_place jumps[SSH_JUMPS_MAX]; /* in the order of their connections */
	size_t n_jumps;
	bool has_config;  /* -F or -P: what ssh's usual configuration makes of the host is not all */
	bool takes_along; /* -A, -R or the like: what others ask for far away may come by it */
	bool has_proxy_command; /* ssh does not connect by itself */
	bool proxy_is_said;     /* ProxyJump or ProxyCommand, perhaps "none" */
	enum git_operation git_operation;
	char *git_repo; /* owned; NULL where git_operation is GIT_NONE */
};

/* program is the base name of the executable: "ssh", "scp", "sftp", "rsync", "mosh-client", or
 * "perl" where that runs mosh. is_cut: there were more arguments than these; the answer is unknown
 * then. Any arguments have an answer; -ENOMEM. */
int ssh_argv_read(struct ssh_argv *ret, const char *program, const char *const *argv, size_t argc,
                  bool is_cut) MUST_CHECK;

/* The same of a process: by what it is, or else calls itself. Not known where its arguments are
 * not.
 */
int ssh_argv_of(struct ssh_argv *ret, const struct process *process) MUST_CHECK;

/* What its host may be called in known_hosts, the likeliest first: what -o says, and what was
 * typed. Borrowed. Returns how many; 0 where it names no host. */
#define SSH_ARGV_NAMES_MAX 2
size_t ssh_argv_names(const char *ret[static SSH_ARGV_NAMES_MAX], const struct ssh_argv *ssh);

void ssh_argv_deinit(struct ssh_argv *ssh); /* zeroes it */

#endif
