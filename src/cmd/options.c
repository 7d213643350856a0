#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "base/diag.h"
#include "config.h"
#include "platform/platform.h"
#include "policy/policy.h"

#define ANSWER_S_MAX 86400
#define MANAGED      "managed:"

static const struct option run_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"upstream", required_argument, NULL, 'u'},
	{"policy", required_argument, NULL, 'p'},
	{"state-dir", required_argument, NULL, 's'},
	{"answer-timeout", required_argument, NULL, 't'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const struct option ask_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static bool parse_seconds(double *ret, const char *text) {
	char *end;
	long seconds = strtol(text, &end, 10);

	if (end == text || *end != '\0' || seconds < 1 || seconds > ANSWER_S_MAX)
		return false;
	*ret = (double)seconds;
	return true;
}

static bool take(struct options *options, int option) {
	switch (option) {
	case 'l': options->listen = optarg; return true;
	case 'u': options->upstream = optarg; return true;
	case 'p': options->policy = optarg; return true;
	case 's': options->state = optarg; return true;
	case 'v': options->verbose = true; return true;
	case 't':
		if (parse_seconds(&options->answer_s, optarg))
			return true;
		diag_error("--answer-timeout %s: not a number of seconds from 1 to %d", optarg,
		           ANSWER_S_MAX);
		return false;
	default: return false;
	}
}

bool options_resolve(struct options *options) {
	char here[PATH_MAX];
	int error;

	if ((options->listen != NULL && options->listen[0] == '\0') ||
	    (options->upstream != NULL && options->upstream[0] == '\0') ||
	    (options->policy != NULL && options->policy[0] == '\0') ||
	    (options->state != NULL && options->state[0] == '\0')) {
		diag_error("an option's path is empty (is a variable of your shell unset?)");
		return false;
	}
	/* Of a guard; a tool that looks at a policy decides nothing. */
	if (options->policy != NULL && platform_is_installed_closed()) {
		diag_info("--policy does not count for a program that is installed set-gid");
		options->policy = NULL;
	}
	error = places_init(&options->places, options->policy, options->state, options->listen);
	if (error < 0) {
		diag_error("no home directory is known (set HOME)");
		return false;
	}
	if (options->upstream == NULL || strcmp(options->upstream, "managed") == 0 ||
	    strcmp(options->upstream, MANAGED "ssh-agent") == 0)
		return true;
	if (strncmp(options->upstream, MANAGED, strlen(MANAGED)) == 0) {
		options->manages_gpg = strcmp(options->upstream, MANAGED "gpg-agent") == 0;
		if (!options->manages_gpg)
			diag_error("--upstream %s: the guard starts an ssh-agent or a gpg-agent "
			           "(say managed, managed:gpg-agent, or a path; ./%s is one)",
			           options->upstream, options->upstream);
		return options->manages_gpg;
	}
	if (options->upstream[0] == '/')
		options->upstream_path = strdup(options->upstream);
	else if (getcwd(here, sizeof(here)) != NULL &&
	         asprintf(&options->upstream_path, "%s/%s", here, options->upstream) < 0)
		options->upstream_path = NULL;
	return options->upstream_path != NULL;
}

enum options_result options_parse(struct options *options, int argc, char **argv, bool only_listen,
                                  char ***ret_operands) {
	int option;

	*options = (struct options){.answer_s = UPSTREAM_ANSWER_S};
	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", only_listen ? ask_options : run_options,
	                             NULL)) >= 0) {
		if (option == 'h')
			return OPTIONS_HELP;
		if (option == ':' || option == '?') {
			diag_error("%s: %s (see `ssh-agent-guard %s --help`)", argv[optind - 1],
			           option == ':' ? "needs a value" : "unknown option", argv[0]);
			return OPTIONS_WRONG;
		}
		if (!take(options, option))
			return OPTIONS_WRONG;
	}
	*ret_operands = argv + optind;
	return options_resolve(options) ? OPTIONS_RUN : OPTIONS_WRONG;
}

static const char *upstream_of(const struct options *options) {
	if (options->upstream == NULL || options->upstream_path != NULL)
		return options->upstream_path;
	return options->manages_gpg ? UPSTREAM_MANAGED_GPG : UPSTREAM_MANAGED;
}

struct daemon_options options_for_daemon(const struct options *options) {
	return (struct daemon_options){
		.policy = options->places.policy,
		.state = options->places.state,
		.state_asked = options->state != NULL ? options->places.state : NULL,
		.runtime = options->places.runtime,
		.socket = options->places.socket,
		.control = options->places.control,
		.pending = options->places.pending,
		.upstream = upstream_of(options),
		.ssh_agent = SSH_AGENT_PROGRAM,
		.gpg_agent = GPG_AGENT_PROGRAM,
		.gpgconf = GPGCONF_PROGRAM,
		.answer_s = options->answer_s,
	};
}

void options_deinit(struct options *options) {
	places_deinit(&options->places);
	free_pointer(&options->upstream_path);
}
