/* policy lint, policy show: a policy file, looked at without any request. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/show.h"
#include "cmd/cmd.h"
#include "cmd/in_force.h"
#include "cmd/places.h"
#include "cmd/policy_tools.h"
#include "cmd/tell.h"
#include "confirm/enrolment.h"
#include "confirm/otp_slots.h"
#include "confirm/pin.h"
#include "policy/floor.h"
#include "policy/lint.h"
#include "policy/show.h"

static const char help[] =
	"usage: ssh-agent-guard policy lint [--floor] [--strict] [--listen PATH] [FILE]\n"
	"       ssh-agent-guard policy show [--floor] [--listen PATH] [FILE]\n"
	"       ssh-agent-guard policy accept [OPTION...]\n"
	"       ssh-agent-guard policy replay NEW [OPTION...]\n"
	"       ssh-agent-guard policy suggest [OPTION...]\n"
	"\n"
	"lint reads a policy as the guard does, and prints what is wrong with it, and what is "
        "surely\n"
	"not meant: rules that never decide, and defaults that allow. What holds and is worth "
	"knowing\n"
	"are notes: allows that rest on nothing that is proved, and questions that nobody of this\n"
	"account could answer yet.\n"
	"show prints the policy as the guard reads it: with all defaults and definitions put in.\n"
	"Without FILE it is that of the guard that runs, or, where none does, the one at its\n"
	"ordinary place; which one it is, is said on standard error.\n"
	"accept says yes to a changed policy that is locked; replay decides the logged requests\n"
	"again by another policy; suggest writes rules for what was allowed so far. Each has a\n"
	"--help of its own.\n"
	"\n"
	"  --floor        read it as a system floor; without FILE the one that is in force\n"
	"  --strict       of lint: notes count, too\n"
	"  --listen PATH  the socket of the guard that is meant\n"
	"\n"
	"Exit status 0: done, and nothing but notes to say. 1: lint has more to say. 2: wrong "
	"usage,\n"
	"or a file that cannot be read.\n";

static const struct option long_options[] = {
	{"floor", no_argument, NULL, 'f'},
	{"strict", no_argument, NULL, 's'},
	{"listen", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct wish {
	bool is_floor;
	bool is_strict;     /* a note is a finding */
	const char *listen; /* whose policy it is; NULL: of the guard at the ordinary socket */
};

/* On standard output, where tell_problems() is for what keeps a command from its work. */
static void print_findings(const struct problems *findings, const char *kind) {
	for (size_t i = 0; i < findings->count; i++) {
		const struct problem *finding = &findings->items[i];

		show(stdout, finding->file, 0);
		if (finding->line > 0)
			printf(":%zu:%zu", finding->line, finding->column);
		printf(": %s", kind);
		show(stdout, finding->text, 0);
		putchar('\n');
	}
	if (findings->omitted > 0)
		printf("%sand %zu more\n", kind, findings->omitted);
}

static int written(int status) {
	if (fflush(stdout) == 0)
		return status;
	diag_error("policy: %s", strerror(errno));
	return EXIT_USAGE;
}

/* As the guard would; but whoever looks at a floor of his own may not be root. */
static int load(struct policy **ret, const char *path, bool is_floor, struct problems *problems) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	CLEANUP(free_pointer) char *home = NULL;
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {
		.find = disk_files_find, .data = &files, .any_owner = true};
	struct surroundings surroundings = {.is_floor = true, .source = &source};
	int error;

	if (!is_floor)
		return policy_load(ret, path, problems);
	if (strcmp(path, FLOOR_PATH) == 0)
		return floor_load(ret, problems);
	error = file_read(&buffer, AT_FDCWD, path, POLICY_LEN_MAX, NULL);
	if (error < 0)
		return error;
	surroundings.home = home = floor_home();
	return policy_parse(ret, buffer_bytes(&buffer), path, &surroundings, problems);
}

/* Whether a security key is enrolled there that may say yes. */
static bool has_key(int state_fd, const struct policy *floor) {
	struct enrolment keys = {0};

	if (enrolment_load(&keys, state_fd) < 0)
		return false;
	for (size_t i = 0; i < keys.count; i++)
		if (floor_takes_key(floor, keys.keys[i].point))
			return true;
	return false;
}

/* What was enrolled below that state directory. An askpass needs no enrolling. */
static unsigned enrolled_at(const char *state, const struct policy *floor) {
	CLEANUP(close_fd) int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct otp_slots slots = {0};
	unsigned enrolled = CONFIRM_ASKPASS;
	struct pin pin;

	if (fd >= 0 && pin_load(&pin, fd) == 0)
		enrolled |= CONFIRM_PIN;
	if (fd >= 0 && has_key(fd, floor))
		enrolled |= CONFIRM_TOUCH;
	if (fd >= 0 && otp_slots_load(&slots, fd) == 0) {
		enrolled |= otp_slots_has(&slots, OTP_TOUCH) ? CONFIRM_OTP : 0U;
		enrolled |= otp_slots_has(&slots, OTP_PIN) ? CONFIRM_OTP_PIN : 0U;
	}
	if (floor != NULL && policy_confirm(floor)->methods_named != 0)
		enrolled &= policy_confirm(floor)->methods;
	return enrolled;
}

/* Of the account, and not of the policy. */
static void note_enrolled(struct problems *notes, const struct policy *policy, const char *state) {
	CLEANUP(problems_deinit) struct problems ignored = {0};
	struct policy *floor = NULL;

	if (floor_load(&floor, &ignored) < 0)
		floor = NULL;
	policy_lint_enrolled(policy, enrolled_at(state, floor), notes);
	policy_unref(floor);
}

static int lint(const char *path, const struct in_force *in_force, const struct wish *wish,
                const char *state) {
	CLEANUP(problems_deinit) struct problems findings = {0};
	CLEANUP(problems_deinit) struct problems notes = {0};
	struct policy *policy = NULL;
	int error = load(&policy, path, wish->is_floor, &findings);
	size_t count;

	if (error == -EINVAL || error == -EPERM) { /* what the guard says of it, too */
		print_findings(&findings, "");
		return written(EXIT_FAILED);
	}
	if (error < 0) {
		tell_problems(&findings);
		if (findings.count == 0)
			diag_error("policy: %s: %s", path, strerror(-error));
		return EXIT_USAGE;
	}
	if (in_force != NULL)
		in_force_compare(in_force, policy);
	policy_lint(policy, &findings, &notes);
	/* Whose floor it is, is not known here. */
	if (!wish->is_floor)
		note_enrolled(&notes, policy, state);
	policy_unref(policy);
	print_findings(&findings, "");
	print_findings(&notes, "note: ");
	count = problems_total(&findings) + (wish->is_strict ? problems_total(&notes) : 0);
	return written(count > 0 ? EXIT_FAILED : EXIT_DONE);
}

/* Where no file is named: what the guard goes by, or would begin with. */
static int load_in_force(struct policy **ret, const struct in_force *in_force,
                         const struct places *places, struct problems *problems) {
	struct policy *floor = NULL;
	int error = policy_tools_floor(&floor);

	if (error == 0)
		error = in_force_load(ret, in_force, places, floor, problems);
	policy_unref(floor);
	return error == -ENOENT ? policy_new_default(ret) : error;
}

/* in_force: NULL: the file at that place is meant, and nothing else. */
static int show_policy(const struct places *places, const struct in_force *in_force,
                       bool is_floor) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer yaml = {0};
	struct policy *policy = NULL;
	int error = in_force == NULL ? load(&policy, places->policy, is_floor, &problems)
	                             : load_in_force(&policy, in_force, places, &problems);

	if (error == 0) {
		policy_show(&yaml, policy);
		error = buffer_error(&yaml);
	}
	policy_unref(policy);
	tell_problems(&problems);
	if (error < 0 && problems.count == 0)
		diag_error("policy: %s: %s", places->policy, strerror(-error));
	if (error < 0)
		return EXIT_USAGE;
	fwrite(yaml.data, 1, yaml.len, stdout);
	return written(EXIT_DONE);
}

static int run(const char *what, const char *file, const struct wish *wish) {
	bool is_lint = strcmp(what, "lint") == 0;
	struct in_force of_guard = {0};
	const struct in_force *in_force = NULL;
	struct places places;
	int status;

	if (!is_lint && strcmp(what, "show") != 0) {
		diag_error("policy: %s: no such command (see `ssh-agent-guard policy --help`)",
		           what);
		return EXIT_USAGE;
	}
	if (wish->is_floor && file == NULL)
		file = FLOOR_PATH;
	if (places_init(&places, file, NULL, wish->listen) < 0) {
		diag_error("no home directory is known (set HOME)");
		return EXIT_USAGE;
	}
	if (file == NULL) {
		in_force_find(&of_guard, &places);
		in_force = &of_guard;
	}
	status = is_lint ? lint(places.policy, in_force, wish, places.state)
	                 : show_policy(&places, in_force, wish->is_floor);
	places_deinit(&places);
	return status;
}

/* false: what is wrong has been said. */
static bool take(struct wish *wish, int option, char *const *argv) {
	switch (option) {
	case 'f': wish->is_floor = true; return true;
	case 's': wish->is_strict = true; return true;
	case 'l':
		wish->listen = optarg;
		if (*optarg != '\0')
			return true;
		diag_error("policy: --listen: the path is empty (is a variable of your shell "
		           "unset?)");
		return false;
	default:
		diag_error("policy: %s: %s (see `ssh-agent-guard policy --help`)", argv[optind - 1],
		           option == ':' ? "needs a value" : "unknown option");
		return false;
	}
}

/* Those with options of their own. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} tools[] = {
	{"accept", cmd_policy_accept},
	{"replay", cmd_policy_replay},
	{"suggest", cmd_policy_suggest},
};

int cmd_policy(int argc, char **argv) {
	struct wish wish = {0};
	char **operands;
	int option;

	for (size_t i = 0; argc > 1 && i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(argv[1], tools[i].name) == 0)
			return tools[i].run(argc - 1, argv + 1);
	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (!take(&wish, option, argv))
			return EXIT_USAGE;
	}
	operands = argv + optind;
	if (operands[0] == NULL || (operands[1] != NULL && operands[2] != NULL) ||
	    (operands[1] != NULL && *operands[1] == '\0')) {
		diag_error("policy: write lint, show, accept, replay or suggest, and at most one "
		           "file (see `ssh-agent-guard "
		           "policy --help`)");
		return EXIT_USAGE;
	}
	return run(operands[0], operands[1], &wish);
}
