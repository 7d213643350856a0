/* test: what a policy says to requests that a file describes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/file.h"
#include "base/show.h"
#include "cmd/cmd.h"
#include "cmd/tell.h"
#include "describe/suite.h"

#define NAME_WIDTH 60
#define INDENT     "          "

static const char help[] =
	"usage: ssh-agent-guard test [--verbose] FILE...\n"
	"\n"
	"Decides the requests that each FILE describes, by the policy that it names, and compares\n"
	"the verdicts with what it expects. ssh-agent-guard-policy(5) says what a file may hold.\n"
	"\n"
	"  --verbose  for each test all facts of its request, and why each rule fits or not\n"
	"\n"
	"The last line is \"N passed, N failed\". Exit status 0: all passed. 1: one failed.\n"
	"2: wrong usage, or a file that has errors or cannot be read.\n";

static const struct option long_options[] = {
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct tally {
	bool verbose;
	size_t n_passed;
	size_t n_failed;
	bool unreadable; /* one of the files */
	int error;       /* from within a callback */
};

static void print_mismatch(const struct mismatch *mismatch, const struct problems *problems) {
	if (strcmp(mismatch->what, "load_error") != 0) {
		printf(INDENT "%s: expected ", mismatch->what);
		show(stdout, *mismatch->expected != '\0' ? mismatch->expected : "(none)", 0);
		fputs(", but it is ", stdout);
		show(stdout, *mismatch->found != '\0' ? mismatch->found : "(none)", 0);
		putchar('\n');
		return;
	}
	if (*mismatch->expected != '\0') {
		fputs(INDENT "load_error: expected ", stdout);
		show(stdout, mismatch->expected, 0);
		fputs(problems->count > 0 ? ", but it is:\n" : ", but the policy loads\n", stdout);
	} else {
		fputs(INDENT "the policy does not load:\n", stdout);
	}
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		fputs(INDENT, stdout);
		show(stdout, problem->file, 0);
		if (problem->line > 0)
			printf(":%zu:%zu", problem->line, problem->column);
		fputs(": ", stdout);
		show(stdout, problem->text, 0);
		putchar('\n');
	}
}

static void print_outcome(void *data, const struct outcome_of_test *outcome) {
	struct tally *tally = data;
	struct verdict verdict;

	printf("  %-6s", outcome->passed ? "ok" : "FAILED");
	putchar(' ');
	show(stdout, outcome->name, NAME_WIDTH);
	if (outcome->policy != NULL && outcome->request != NULL) {
		printf(" %-8s", action_name(outcome->verdict.action));
		show(stdout, outcome->verdict.rule, 0);
	}
	putchar('\n');
	for (size_t i = 0; i < outcome->n_mismatches; i++)
		print_mismatch(&outcome->mismatches[i], outcome->problems);
	if (outcome->passed)
		tally->n_passed++;
	else
		tally->n_failed++;
	if (!tally->verbose || outcome->policy == NULL || outcome->request == NULL)
		return;
	tell_request(stdout, INDENT, outcome->request);
	if (tell_decision(&verdict, stdout, INDENT, outcome->policy, outcome->request) < 0)
		tally->error = -ENOMEM;
}

/* Owned by the caller; NULL: out of memory. */
static char *beside(const char *file, const char *path) {
	const char *slash = strrchr(file, '/');
	char *made;

	if (path[0] == '/' || slash == NULL)
		return strdup(path);
	return asprintf(&made, "%.*s/%s", (int)(slash - file), file, path) >= 0 ? made : NULL;
}

/* false: why not has been said. Who owns the file does not matter here: nothing is decided by it
 * but tests. */
static bool read_file(struct buffer *text, const char *path, size_t len_max) {
	int error = file_read(text, AT_FDCWD, path, len_max, NULL);

	if (error == -EFBIG)
		diag_error("test: %s: more than %zu bytes; split it", path, len_max);
	else if (error == -EINVAL)
		diag_error("test: %s: not a regular file; name another", path);
	else if (error < 0)
		diag_error("test: %s: %s", path, strerror(-error));
	return error == 0;
}

static int run(const struct suite *suite, const char *file, struct tally *tally) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(free_pointer) char *path = NULL;
	int error;

	if (suite_policy_path(suite) != NULL) {
		path = beside(file, suite_policy_path(suite));
		if (path == NULL)
			return -ENOMEM;
		if (!read_file(&text, path, POLICY_LEN_MAX))
			return -EINVAL;
	}
	show(stdout, file, 0);
	putchar('\n');
	error = suite_run(suite, buffer_bytes(&text), path, print_outcome, tally);
	return error < 0 ? error : tally->error;
}

/* What is wrong with the file has been said when this returns. */
static void test_file(const char *file, struct tally *tally) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(free_pointer) char *home = policy_home();
	CLEANUP(disk_files_deinit) struct disk_files files = {0};
	const struct policy_source source = {
		.find = disk_files_find, .data = &files, .any_owner = true};
	const struct surroundings surroundings = {.home = home, .source = &source};
	struct suite *suite = NULL;
	int error = -EINVAL;

	if (read_file(&text, file, SUITE_LEN_MAX))
		error = suite_parse(&suite, buffer_bytes(&text), file, &surroundings, &problems);
	tell_problems(&problems);
	if (error == 0)
		error = run(suite, file, tally);
	if (error < 0 && error != -EINVAL)
		diag_error("test: %s: %s", file, strerror(-error));
	suite_free(suite);
	if (error < 0)
		tally->unreadable = true;
}

int cmd_test(int argc, char **argv) {
	struct tally tally = {0};
	int option;

	opterr = 0;
	optind = 0; /* glibc: begin anew, also its own state */
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		if (option == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (option != 'v') {
			diag_error("test: %s: unknown option (see `ssh-agent-guard test --help`)",
			           argv[optind - 1]);
			return EXIT_USAGE;
		}
		tally.verbose = true;
	}
	if (argv[optind] == NULL) {
		diag_error("test: which file? (see `ssh-agent-guard test --help`)");
		return EXIT_USAGE;
	}
	for (char **file = argv + optind; *file != NULL; file++)
		test_file(*file, &tally);
	printf("%zu passed, %zu failed\n", tally.n_passed, tally.n_failed);
	if (fflush(stdout) != 0) {
		diag_error("test: %s", strerror(errno));
		return EXIT_USAGE;
	}
	if (tally.unreadable)
		return EXIT_USAGE;
	return tally.n_failed > 0 ? EXIT_FAILED : EXIT_DONE;
}
