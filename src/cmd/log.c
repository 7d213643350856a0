/* log: what happened, for people and programs; and whether the log is as it was written. */
#include "cmd/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/log_approvals.h"
#include "log/days.h"
#include "log/read.h"
#include "log/when.h"

#define DECISION "decision="

static const char help[] =
	"usage: ssh-agent-guard log [--since TIME] [--until TIME] [--decision WORD]\n"
	"                           [--field NAME=VALUE]... [--json|--yaml|--stats]\n"
	"                           [--follow] [--state-dir PATH]\n"
	"       ssh-agent-guard log verify [--signed-by KEY] [--heads FILE] [--approvals [--keys FILE]]\n"
	"                                  [--state-dir PATH] [--listen PATH]\n"
	"\n"
	"Shows the events, newest last. verify looks for events that were changed, removed or\n"
	"inserted, and with --approvals for touches of a security key that were none, or were for\n"
	"something else. Exit status 1: there are some (log: something in it is no event); 2: the "
        "log\n"
	"cannot be read, or wrong usage.\n"
	"\n"
	"  --since TIME, --until TIME\n"
	"                     of that time only, with it: " WHEN_FORMS_1 ",\n"
	"                     " WHEN_FORMS_2 "\n"
	"  --decision WORD    allow, deny, confirmed, confirm-denied; given again: or that\n"
	"  --field NAME=VALUE whose field has that value, or an element that has; NAME as in\n"
	"                     `--yaml`, local_proc_tree.exe for one within another\n"
	"  --json             one object on a line for each event\n"
	"  --yaml             the documents as they were written\n"
	"  --stats            how many requests, by decision, program, destination and hour\n"
	"  --follow           and go on as events happen; without --since, from now on\n"
	"  --state-dir PATH   where the events are, if not in the ordinary place\n"
	"  --approvals        verify: each touch, too, by the public keys that are enrolled\n"
	"  --keys FILE        verify: or by those in FILE, a copy of the state directory's fido2\n"
	"  --listen PATH      verify: the socket of the guard that writes them\n"
	"  --signed-by KEY    verify: heads of the log must be signed by that key, SHA256:...\n"
	"  --heads FILE       verify: signed heads that were saved before (--yaml --field\n"
	"                     trigger=log-head)\n";

static const struct option long_options[] = {
	{"since", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'},
	{"decision", required_argument, NULL, 'd'},
	{"field", required_argument, NULL, 'f'},
	{"json", no_argument, NULL, 'j'},
	{"yaml", no_argument, NULL, 'y'},
	{"stats", no_argument, NULL, 't'},
	{"follow", no_argument, NULL, 'F'},
	{"state-dir", required_argument, NULL, 'S'},
	{"listen", required_argument, NULL, 'l'},
	{"approvals", no_argument, NULL, 'a'},
	{"keys", required_argument, NULL, 'k'},
	{"signed-by", required_argument, NULL, 'b'},
	{"heads", required_argument, NULL, 'H'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* What a decision is called in a filter: the words of docs/events.md. */
static const char *decision_term(const char *word) {
	static const char *const terms[] = {DECISION "allow", DECISION "deny", DECISION "confirmed",
	                                    DECISION "confirm-denied"};

	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		if (strcmp(terms[i] + strlen(DECISION), word) == 0)
			return terms[i];
	return NULL;
}

static bool take_term(struct log_request *request, const char *option, const char *term) {
	int error = term != NULL ? filter_add(&request->filter, term) : -EINVAL;

	if (error == 0)
		return true;
	if (error == -EINVAL && strcmp(option, "--decision") == 0)
		diag_error("--decision %s: must be allow, deny, confirmed or confirm-denied",
		           optarg);
	else if (error == -EINVAL)
		diag_error("--field %s: must be NAME=VALUE, as rule=ssh or local_proc_tree.exe="
		           "/usr/bin/git",
		           optarg);
	else
		diag_error("%s %s: %s", option, optarg,
		           error == -E2BIG ? "too many of them" : strerror(-error));
	return false;
}

static bool take_form(struct log_request *request, enum log_form form) {
	if (request->form != LOG_TABLE && request->form != form) {
		diag_error("--json, --yaml and --stats do not go together");
		return false;
	}
	request->form = form;
	return true;
}

/* Only what the options say; what they mean together is for later. */
static bool take(struct log_request *request, int option) {
	switch (option) {
	case 's': request->since_text = optarg; return true;
	case 'u': request->until_text = optarg; return true;
	case 'd': return take_term(request, "--decision", decision_term(optarg));
	case 'f': return take_term(request, "--field", optarg);
	case 'j': return take_form(request, LOG_JSON);
	case 'y': return take_form(request, LOG_YAML);
	case 't': return take_form(request, LOG_STATS);
	case 'F': request->follow = true; return true;
	case 'S': request->state = optarg; return true;
	case 'l': request->listen = optarg; return true;
	case 'a': request->approvals = true; return true;
	case 'k': request->keys = optarg; return true;
	case 'b': request->signed_by = optarg; return true;
	case 'H': request->heads = optarg; return true;
	default: return false;
	}
}

static bool parse_time(struct when *ret, const char *option, const char *text, int64_t now_us) {
	if (when_parse(ret, text, now_us) == 0)
		return true;
	diag_error("%s %s: no time that is understood (write one like these: " WHEN_FORMS_1
	           ", " WHEN_FORMS_2 ")",
	           option, text);
	return false;
}

static bool resolve_times(struct log_request *request) {
	int64_t now_us = clock_real_us();
	struct when when;

	request->since_us = request->follow ? now_us : TIME_MIN;
	request->until_us = TIME_MAX;
	if (request->since_text != NULL) {
		if (!parse_time(&when, "--since", request->since_text, now_us))
			return false;
		request->since_us = when.first_us;
	}
	if (request->until_text != NULL) {
		if (!parse_time(&when, "--until", request->until_text, now_us))
			return false;
		request->until_us = when.last_us;
	}
	if (request->until_text != NULL && request->follow) {
		diag_error("--follow does not end, so --until does not go with it");
		return false;
	}
	if (request->since_us > request->until_us) {
		diag_error("--since %s is later than --until %s", request->since_text,
		           request->until_text);
		return false;
	}
	return true;
}

static bool resolve_places(struct log_request *request) {
	if ((request->state != NULL && request->state[0] == '\0') ||
	    (request->listen != NULL && request->listen[0] == '\0')) {
		diag_error("an option's path is empty (is a variable of your shell unset?)");
		return false;
	}
	if (places_init(&request->places, NULL, request->state, request->listen) < 0) {
		diag_error("no home directory is known (set HOME)");
		return false;
	}
	return true;
}

enum parsed { PARSED_SHOW, PARSED_VERIFY, PARSED_HELP, PARSED_WRONG };

static enum parsed parse_options(struct log_request *request, int argc, char **argv) {
	int option, index = 0;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, &index)) >= 0) {
		if (option == 'h')
			return PARSED_HELP;
		if (option == ':' || option == '?') {
			diag_error("%s: %s (see `ssh-agent-guard log --help`)", argv[optind - 1],
			           option == ':' ? "needs a value" : "unknown option");
			return PARSED_WRONG;
		}
		if (strchr("SlakbH", option) == NULL)
			request->shown_by = long_options[index].name;
		if (!take(request, option))
			return PARSED_WRONG;
	}
	if (argv[optind] == NULL)
		return PARSED_SHOW;
	if (strcmp(argv[optind], "verify") == 0 && argv[optind + 1] == NULL)
		return PARSED_VERIFY;
	diag_error("log: does not know what to do with %s (see `ssh-agent-guard log --help`)",
	           argv[optind + (strcmp(argv[optind], "verify") == 0)]);
	return PARSED_WRONG;
}

bool log_resolve(struct log_request *request) {
	tzset();
	return resolve_times(request) && resolve_places(request);
}

void log_request_deinit(struct log_request *request) {
	places_deinit(&request->places);
	filter_deinit(&request->filter);
}

/* Where the events are not as they were written, the touches are looked at all the same. */
static int verify(const struct log_request *request) {
	int status = log_verify(request);
	int touches = request->approvals && status != EXIT_USAGE
	                      ? log_verify_approvals(request, request->keys)
	                      : EXIT_DONE;

	return touches > status ? touches : status;
}

int cmd_log(int argc, char **argv) {
	CLEANUP(log_request_deinit) struct log_request request = {0};
	enum parsed parsed = parse_options(&request, argc, argv);

	if (parsed == PARSED_HELP) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	if (parsed == PARSED_WRONG)
		return EXIT_USAGE;
	if (parsed == PARSED_VERIFY && request.shown_by != NULL) {
		diag_error("log verify: looks at all events, so --%s does not go with it",
		           request.shown_by);
		return EXIT_USAGE;
	}
	if (parsed == PARSED_SHOW && (request.signed_by != NULL || request.heads != NULL)) {
		diag_error("log: --signed-by and --heads are for `log verify`");
		return EXIT_USAGE;
	}
	if (parsed == PARSED_SHOW && request.listen != NULL) {
		diag_error("log: --listen is for `log verify` (to read another log: --state-dir)");
		return EXIT_USAGE;
	}
	if (request.keys != NULL && !request.approvals) {
		diag_error("log: --keys is for `log verify --approvals`");
		return EXIT_USAGE;
	}
	if (parsed == PARSED_SHOW && request.approvals) {
		diag_error("log: --approvals is for `log verify`");
		return EXIT_USAGE;
	}
	if (request.form == LOG_STATS && request.follow) {
		diag_error("log: --follow does not end, so --stats does not go with it");
		return EXIT_USAGE;
	}
	setlocale(LC_CTYPE, "");
	if (!log_resolve(&request))
		return EXIT_USAGE;
	return parsed == PARSED_VERIFY ? verify(&request) : log_show(&request);
}

/* ---- what both need ---- */

void log_say_unreadable(const struct log_request *request, const char *file, int error) {
	diag_error("%s/" EVENTS_DIRECTORY "%s%s: %s", request->places.state,
	           file[0] != '\0' ? "/" : "", file,
	           error == -EINVAL  ? "is no regular file"
	           : error == -ELOOP ? "is a link, which the guard never makes"
	           : error == -EFBIG
	                   ? "holds more than the guard writes; what is behind it is not read"
	                   : strerror(-error));
}

int log_open(int *ret_state_fd, int *ret_events_fd, const struct log_request *request) {
	CLEANUP(close_fd)
	int state_fd = open(request->places.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int events_fd, error;

	if (state_fd < 0) {
		error = -errno;
		diag_error("%s: %s%s", request->places.state, strerror(-error),
		           error == -ENOENT ? " (no guard has run with this state directory; "
		                              "--state-dir names another)"
		                            : "");
		return error;
	}
	events_fd = openat(state_fd, EVENTS_DIRECTORY,
	                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (events_fd < 0) {
		error = -errno;
		diag_error("%s/" EVENTS_DIRECTORY ": %s%s", request->places.state, strerror(-error),
		           error == -ENOENT ? " (is that a guard's state directory?)" : "");
		return error;
	}
	*ret_state_fd = take_fd(&state_fd);
	*ret_events_fd = events_fd;
	return 0;
}
