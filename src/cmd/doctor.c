/* doctor: what holds on this machine, and what does not. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/show.h"
#include "cmd/cmd.h"
#include "cmd/places.h"
#include "doctor/look.h"
#include "log/doc.h"
#include "log/json.h"

#define TEXT_LEN_MAX 4096

static const char help[] =
	"usage: ssh-agent-guard doctor [--json] [--listen PATH] [--policy PATH] [--state-dir "
	"PATH]\n"
	"\n"
	"Says what holds on this machine and what does not, by trying: whether programs of this\n"
	"user can go round the guard, which other agents and private keys there are, what the\n"
	"system gives, and whether policy and log are sound. Each finding says what to do.\n"
	"\n"
	"  --json  one JSON object a line: grade (ok, note, bad), area, text, advice\n"
	"\n"
	"The other options are those of the guard that is meant; without --policy, the policy is\n"
	"the one that the running guard was started with. Exit status 0: every promise holds. 1:\n"
	"one does not. 2: wrong usage.\n";

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},         {"listen", required_argument, NULL, 'l'},
	{"policy", required_argument, NULL, 'p'}, {"state-dir", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},         {0},
};

static void print_finding(const struct finding *finding) {
	printf("%-5s", grade_name(finding->grade));
	show(stdout, finding->area, 0);
	fputs(": ", stdout);
	show(stdout, finding->text, 0);
	putchar('\n');
	if (finding->advice != NULL)
		printf("     -> %s\n", finding->advice);
}

static int print_json(const struct finding *finding) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer line = {0};
	CLEANUP(doc_deinit) struct doc doc;
	int error;

	doc_begin(&doc, &document);
	doc_text(&doc, "grade", grade_name(finding->grade), TEXT_LEN_MAX);
	doc_text(&doc, "area", finding->area, TEXT_LEN_MAX);
	doc_text(&doc, "text", finding->text, TEXT_LEN_MAX);
	doc_text(&doc, "advice", finding->advice, TEXT_LEN_MAX);
	error = doc_finish(&doc);
	if (error == 0)
		error = event_json(&line, buffer_bytes(&document));
	if (error == 0)
		fwrite(line.data, 1, line.len, stdout);
	return error;
}

static int print_all(const struct findings *findings, bool json) {
	int error = findings->error;

	for (size_t i = 0; i < findings->count && error == 0; i++) {
		if (json)
			error = print_json(&findings->items[i]);
		else
			print_finding(&findings->items[i]);
	}
	if (error == 0 && !json)
		printf("%zu of %zu findings say that a promise does not hold\n", findings->n_bad,
		       findings->count);
	if (error == 0 && fflush(stdout) != 0)
		error = -errno;
	if (error < 0)
		diag_error("doctor: %s", strerror(-error));
	return error;
}

/* policy_chosen: else it is that of the guard, where one runs. */
static int examine(const struct places *places, bool policy_chosen, bool json) {
	CLEANUP(findings_deinit) struct findings findings = {0};
	char policy[PATH_MAX] = "";
	struct look look = {
		.home = getenv("HOME"),
		.socket = places->socket,
		.control = places->control,
		.policy = places->policy,
		.state = places->state,
	};

	if (!policy_chosen)
		look_for_policy(policy, sizeof(policy), places->control);
	if (policy[0] != '\0')
		look.policy = policy;
	look_at_guard(&findings, &look);
	look_at_install(&findings);
	look_at_session(&findings, &look);
	look_at_agents(&findings, &look);
	look_at_keys(&findings, &look);
	look_at_hosts(&findings, &look);
	look_at_policy(&findings, &look);
	look_at_log(&findings, &look);
	look_at_system(&findings, &look);
	if (print_all(&findings, json) < 0)
		return EXIT_USAGE;
	return findings.n_bad > 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_doctor(int argc, char **argv) {
	const char *listen = NULL, *policy = NULL, *state = NULL;
	struct places places;
	bool json = false;
	int option, status;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		switch (option) {
		case 'j': json = true; break;
		case 'l': listen = optarg; break;
		case 'p': policy = optarg; break;
		case 's': state = optarg; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default:
			diag_error("doctor: %s: unknown option, or its value is missing (see "
			           "`ssh-agent-guard doctor --help`)",
			           argv[optind - 1]);
			return EXIT_USAGE;
		}
	}
	if (argv[optind] != NULL) {
		diag_error("doctor: does not know what to do with %s (see `ssh-agent-guard doctor "
		           "--help`)",
		           argv[optind]);
		return EXIT_USAGE;
	}
	if (places_init(&places, policy, state, listen) < 0) {
		diag_error("no home directory is known (set HOME)");
		return EXIT_USAGE;
	}
	status = examine(&places, policy != NULL, json);
	places_deinit(&places);
	return status;
}
