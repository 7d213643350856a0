/* policy replay: the logged requests, decided again by another policy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/plain.h"
#include "cmd/cmd.h"
#include "cmd/policy_tools.h"
#include "cmd/tell.h"
#include "describe/replay.h"
#include "log/doc.h"
#include "log/json.h"

#define CELL_SHOWN_MAX 60 /* of one text in the table; --json has all of it */
#define KEY_SHOWN      14 /* of a fingerprint: enough to tell keys apart */
#define KEY_PREFIX     "SHA256:"
#define TEXT_MAX       8192 /* of one text in JSON: what an event has at most */

static const char help[] =
	"usage: ssh-agent-guard policy replay NEW [--since TIME] [--until TIME] [--json]\n"
	"                                         [--state-dir PATH]\n"
	"\n"
	"Decides the requests of the event log again, by the policy in the file NEW (and the\n"
	"system floor, where there is one), and prints which answers change, grouped by program,\n"
	"destination, key and rule, each with how many there are and the number of an event. What\n"
	"an event does not tell stays unknown: a request whose answer could hang on that is "
	"listed\n"
	"apart, with the field, and is not counted as unchanged. Limits are not looked at.\n"
	"\n"
	"  --since TIME, --until TIME  of that time only (see `ssh-agent-guard log --help`)\n"
	"  --json                      one object on a line for each group, and one for the "
	"counts\n"
	"  --state-dir PATH            where the events are, if not in the ordinary place\n"
	"\n"
	"Exit status 0: every answer is as it was. 1: some change, or may. 2: wrong usage, or a\n"
	"policy or a log that has errors or cannot be read.\n";

struct run {
	const struct policy *floor, *policy;
	struct replay *replay;
};

static void free_recalled(struct recalled **recalled) {
	recalled_free(*recalled);
}

static int take(void *data, struct bytes document) {
	struct run *run = data;
	CLEANUP(free_recalled) struct recalled *recalled = NULL;
	int error = recalled_new(&recalled, document);

	if (error == -ENOENT)
		return 0;
	return error < 0 ? error : replay_add(run->replay, recalled, run->floor, run->policy);
}

/* ---- as a table ---- */

enum column { COLUMN_COUNT, COLUMN_PROGRAM, COLUMN_FOR, COLUMN_KEY, COLUMN_RULE, COLUMN_EVENT };
#define COLUMNS (COLUMN_EVENT + 1)

struct row {
	struct buffer cells[COLUMNS];
};

static void put(struct buffer *cell, const char *text) {
	plain_put(cell, bytes_of_text(text), CELL_SHOWN_MAX);
}

static void put_number(struct buffer *cell, uint64_t number) {
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	put(cell, digits);
}

static void put_key(struct buffer *cell, const char *fingerprint) {
	const char *text = strncmp(fingerprint, KEY_PREFIX, strlen(KEY_PREFIX)) == 0
	                           ? fingerprint + strlen(KEY_PREFIX)
	                           : fingerprint;

	plain_put(cell, (struct bytes){(const uint8_t *)text, strnlen(text, KEY_SHOWN)}, 0);
}

/* As in the table of `log`: a question mark says that it is not proved. */
static void put_for(struct buffer *cell, const struct replay_group *group) {
	put(cell, group->name_space);
	put(cell, *group->dest != '\0' ? group->dest : group->user);
	if (*group->evidence == '\0')
		return;
	if (*group->dest == '\0' && *group->dest_key != '\0') {
		put(cell, "@");
		put_key(cell, group->dest_key);
	}
	if (strcmp(group->evidence, "verified") != 0)
		put(cell, "?");
}

static void row_fill(struct row *row, const struct replay_group *group) {
	*row = (struct row){0};
	put_number(&row->cells[COLUMN_COUNT], group->count);
	put(&row->cells[COLUMN_PROGRAM], group->program);
	put_for(&row->cells[COLUMN_FOR], group);
	put_key(&row->cells[COLUMN_KEY], group->key);
	put(&row->cells[COLUMN_RULE], *group->was_rule != '\0' ? group->was_rule : "(none)");
	if (group->kind == REPLAY_FLIP) {
		put(&row->cells[COLUMN_RULE], " -> ");
		put(&row->cells[COLUMN_RULE], group->now_rule);
	}
	put_number(&row->cells[COLUMN_EVENT], group->last_seq);
}

static void row_deinit(struct row *row) {
	for (size_t i = 0; i < COLUMNS; i++)
		buffer_deinit(&row->cells[i]);
}

static void print_row(const struct row *row, const size_t widths[static COLUMNS]) {
	for (size_t i = 0; i < COLUMNS; i++) {
		int len = (int)row->cells[i].len;
		int gap = (int)widths[i] - len;

		if (i == COLUMN_COUNT)
			printf("%*s", gap, "");
		printf("%.*s", len, row->cells[i].data != NULL ? (char *)row->cells[i].data : "");
		if (i + 1 < COLUMNS)
			printf("%*s", i == COLUMN_COUNT ? 2 : gap + 2, "");
	}
	putchar('\n');
}

static void measure(size_t widths[static COLUMNS], const struct row *row) {
	for (size_t i = 0; i < COLUMNS; i++)
		if (row->cells[i].len > widths[i])
			widths[i] = row->cells[i].len;
}

static bool same_part(const struct replay_group *a, const struct replay_group *b) {
	return a->kind == b->kind && a->was == b->was && a->now == b->now &&
	       strcmp(a->lacking, b->lacking) == 0;
}

static void print_heading(const struct replay_group *group, const struct row *head,
                          const size_t widths[static COLUMNS]) {
	if (group->kind == REPLAY_FLIP)
		printf("\n%s -> %s\n", action_name(group->was), action_name(group->now));
	else
		printf("\n%s -> not decided: %s is not in the log\n", action_name(group->was),
		       group->lacking);
	print_row(head, widths);
}

static void print_groups(const struct replay_group *groups, size_t n_groups) {
	static const char *const heads[COLUMNS] = {"COUNT", "PROGRAM", "FOR",
	                                           "KEY",   "RULE",    "EVENT"};
	CLEANUP(row_deinit) struct row head = {0};
	size_t widths[COLUMNS] = {0};

	for (size_t i = 0; i < COLUMNS; i++)
		put(&head.cells[i], heads[i]);
	measure(widths, &head);
	for (size_t i = 0; i < n_groups; i++) {
		CLEANUP(row_deinit) struct row row = {0};

		row_fill(&row, &groups[i]);
		measure(widths, &row);
	}
	for (size_t i = 0; i < n_groups; i++) {
		CLEANUP(row_deinit) struct row row = {0};

		if (i == 0 || !same_part(&groups[i], &groups[i - 1]))
			print_heading(&groups[i], &head, widths);
		row_fill(&row, &groups[i]);
		print_row(&row, widths);
	}
}

static void print_counts(const struct replay_counts *counts, size_t omitted) {
	printf("%zu requests: %zu as before, %zu changed, %zu not decided again, %zu refused by "
	       "the guard itself\n",
	       counts->requests, counts->same, counts->flips, counts->undecided, counts->refused);
	if (omitted > 0)
		printf("(%zu of them are in none of the groups below, which are too many)\n",
		       omitted);
}

/* ---- as JSON ---- */

static void put_some(struct doc *doc, const char *key, const char *text) {
	if (*text != '\0')
		doc_text(doc, key, text, TEXT_MAX);
}

static int print_document(struct buffer *document) {
	CLEANUP(buffer_deinit) struct buffer line = {0};
	int error = event_json(&line, buffer_bytes(document));

	if (error == 0)
		fwrite(line.data, 1, line.len, stdout);
	return error;
}

static int print_group_json(const struct replay_group *group) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(doc_deinit) struct doc doc;
	bool is_flip = group->kind == REPLAY_FLIP;
	int error;

	doc_begin(&doc, &document);
	doc_text(&doc, "kind", is_flip ? "changed" : "undecided", TEXT_MAX);
	doc_number(&doc, "count", group->count);
	doc_text(&doc, "was", action_name(group->was), TEXT_MAX);
	if (is_flip)
		doc_text(&doc, "now", action_name(group->now), TEXT_MAX);
	put_some(&doc, "not_in_log", group->lacking);
	put_some(&doc, "program", group->program);
	put_some(&doc, "key_fingerprint", group->key);
	put_some(&doc, "ssh_user", group->user);
	put_some(&doc, "ssh_dest", group->dest);
	put_some(&doc, "dest_key_fingerprint", group->dest_key);
	put_some(&doc, "dest_evidence", group->evidence);
	put_some(&doc, "what", group->name_space);
	put_some(&doc, "was_rule", group->was_rule);
	put_some(&doc, "now_rule", group->now_rule);
	doc_number(&doc, "first_seq", group->first_seq);
	doc_number(&doc, "last_seq", group->last_seq);
	error = doc_finish(&doc);
	return error == 0 ? print_document(&document) : error;
}

static int print_counts_json(const struct replay_counts *counts, size_t omitted) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(doc_deinit) struct doc doc;
	int error;

	doc_begin(&doc, &document);
	doc_text(&doc, "kind", "counts", TEXT_MAX);
	doc_number(&doc, "requests", counts->requests);
	doc_number(&doc, "same", counts->same);
	doc_number(&doc, "changed", counts->flips);
	doc_number(&doc, "undecided", counts->undecided);
	doc_number(&doc, "refused", counts->refused);
	doc_number(&doc, "in_no_group", omitted);
	error = doc_finish(&doc);
	return error == 0 ? print_document(&document) : error;
}

/* ---- from first to last ---- */

static int print(struct replay *replay, bool json) {
	struct replay_counts counts = replay_counts(replay);
	size_t n_groups, omitted;
	const struct replay_group *groups = replay_groups(replay, &n_groups, &omitted);
	int error = groups != NULL ? 0 : -ENOMEM;

	if (error == 0 && !json) {
		print_counts(&counts, omitted);
		print_groups(groups, n_groups);
	}
	for (size_t i = 0; json && i < n_groups && error == 0; i++)
		error = print_group_json(&groups[i]);
	if (json && error == 0)
		error = print_counts_json(&counts, omitted);
	if (error == 0 && fflush(stdout) != 0)
		error = -errno;
	if (error < 0) {
		diag_error("policy replay: %s", strerror(-error));
		return EXIT_USAGE;
	}
	return counts.flips > 0 || counts.undecided > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int load(struct policy **ret, const char *path) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	int error = policy_load(ret, path, &problems);

	tell_problems(&problems);
	if (error < 0 && problems.count == 0)
		diag_error("policy replay: %s: %s", path, strerror(-error));
	return error;
}

int cmd_policy_replay(int argc, char **argv) {
	CLEANUP(policy_tool_deinit) struct policy_tool tool;
	struct policy *policy = NULL, *floor = NULL;
	struct run run = {0};
	int status = policy_tool_parse(&tool, argc, argv, help), printed;

	if (status >= 0)
		return status;
	if (tool.n_operands != 1) {
		diag_error("policy replay: name one file, the policy to decide by (see "
		           "`ssh-agent-guard policy replay --help`)");
		return EXIT_USAGE;
	}
	status = EXIT_USAGE;
	if (policy_tools_floor(&floor) == 0 && load(&policy, tool.operands[0]) == 0 &&
	    replay_new(&run.replay) == 0) {
		run.floor = floor;
		run.policy = policy;
		status = log_each(&tool.log, take, &run);
		printed = print(run.replay, tool.json);
		status = printed > status ? printed : status;
	}
	replay_free(run.replay);
	policy_unref(policy);
	policy_unref(floor);
	return status;
}
