/* The caller of a request, as its event tells it. */
#include "describe/recall_parts.h"

#include <errno.h>
#include <string.h>

#include "base/argv.h"
#include "caller/caller.h"

#define TITLE_LEN_MAX 15 /* of what the kernel makes of a program's name */

/* log/event_yaml.c cuts texts there; one that comes near may be cut within a character. */
#define CUT_SLACK       4
#define TREE_NAME_WHOLE (256 - CUT_SLACK)
#define TREE_PATH_WHOLE (4096 - CUT_SLACK)
#define TREE_WHOLE      (8192 - CUT_SLACK)

/* ---- processes ---- */

/* An event leaves out a title that is the beginning of the name. */
static int recall_title(struct process *process, const char *title) {
	if (title != NULL || process->name == NULL)
		return recall_copy(&process->title, title);
	process->title = strndup(process->name, TITLE_LEN_MAX);
	return process->title != NULL ? 0 : -ENOMEM;
}

/* As many arguments as there are blanks and one; where that is not so, or the text was cut, what
 * counts of them stands beside it. */
static int recall_joined(struct process *process, const struct told_process *told) {
	CLEANUP(buffer_deinit) struct buffer joined = {0};

	if (told->has_argv0) {
		buffer_put_raw(&joined, buffer_bytes(&told->argv0));
		buffer_put_raw(&joined, buffer_bytes(&told->script));
	} else {
		buffer_put_raw(&joined, buffer_bytes(&told->command));
		for (size_t i = 0; i < joined.len; i++)
			if (joined.data[i] == ' ')
				joined.data[i] = '\0';
		joined.len = joined.len == 1 ? 0 : joined.len;
	}
	if (buffer_error(&joined) < 0)
		return -ENOMEM;
	return argv_split(&process->argv, &process->argc, buffer_bytes(&joined));
}

static int recall_ancestor(struct process *process, const struct told_process *told) {
	const char *name = told->has_name ? (const char *)told->name.data : NULL;
	const char *exe = told->has_exe ? (const char *)told->exe.data : NULL;
	const char *title = told->has_title ? (const char *)told->title.data : NULL;
	int error = recall_copy(&process->name, name);

	process->foreign = told->foreign;
	if (error == 0)
		error = recall_copy(&process->exe, exe);
	if (error == 0)
		error = recall_title(process, title);
	if (error == 0 && told->has_command)
		error = recall_joined(process, told);
	return error;
}

/* Texts share one room, in which each may have been cut. */
static bool tree_is_whole(const struct told_event *told) {
	size_t sum = 0;

	for (size_t i = 0; i < told->n_tree; i++) {
		const struct told_process *process = &told->tree[i];

		if (process->name.len > TREE_NAME_WHOLE || process->title.len > TREE_NAME_WHOLE ||
		    process->exe.len > TREE_PATH_WHOLE || process->argv0.len > TREE_PATH_WHOLE ||
		    process->script.len > TREE_PATH_WHOLE)
			return false;
		sum += process->name.len + process->title.len + process->exe.len +
		       process->argv0.len + process->script.len;
	}
	return sum <= TREE_WHOLE;
}

static int recall_ancestors(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct caller *caller = recalled->caller;
	bool is_whole = tree_is_whole(told);
	int error = 0;

	if (told->n_tree == 0)
		return 0;
	caller->ancestors = calloc(told->n_tree, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL)
		return -ENOMEM;
	caller->ancestors_known = told_tri(told, TOLD_TREE_COMPLETE) != TRI_NO && is_whole;
	/* The first one is the caller itself. */
	for (size_t i = 1; i < told->n_tree && is_whole && error == 0; i++)
		error = recall_ancestor(&caller->ancestors[caller->n_ancestors++], &told->tree[i]);
	if (!is_whole) {
		recall_doubt(recalled, "ancestor");
		recall_doubt(recalled, "parent_process_name");
	}
	return error;
}

/* Whether a script is named, if at all, before the place where the arguments were cut. */
static bool has_operand(const struct process *process) {
	for (size_t i = 1; i < process->argc; i++)
		if (process->argv[i][0] != '-')
			return true;
	return false;
}

static int recall_process(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct process *process = &recalled->caller->process;
	struct bytes arguments = buffer_bytes(&told->command);
	int error = recall_copy(&process->name, told_text(told, TOLD_PROCESS_NAME));

	if (error == 0)
		error = recall_copy(&process->exe, told_text(told, TOLD_EXE));
	if (error == 0)
		error = recall_title(process, told_text(told, TOLD_TITLE));
	if (told->command_is_cut)
		arguments.len = told->last_argument_at;
	if (error == 0 && told->has_command)
		error = argv_split(&process->argv, &process->argc, arguments);
	process->argv_cut = told->command_is_cut;
	recall_doubt_if_cut(recalled, TOLD_PROCESS_NAME, "process_name");
	recall_doubt_if_cut(recalled, TOLD_TITLE, "process_name");
	recall_doubt_if_cut(recalled, TOLD_EXE, "exe");
	if (told->is_there[TOLD_BRIEF]) {
		/* A rule for names must not seem to miss what its arguments call it. */
		free(process->name);
		process->name = NULL;
	}
	if (!told->command_is_cut)
		return error;
	recall_doubt(recalled, "command");
	if (!has_operand(process)) {
		/* A rule for names must not seem to miss it. */
		free(process->name);
		process->name = NULL;
		recall_doubt(recalled, "process_name");
	}
	return error;
}

/* ---- the caller ---- */

static const char *known_word(const char *const *words, size_t n_words, const char *text) {
	for (size_t i = 0; text != NULL && i < n_words; i++)
		if (strcmp(words[i], text) == 0)
			return words[i];
	return NULL;
}

static void recall_presence(struct recalled *recalled) {
	static const char *const evidence[] = {"logind", "environment", "ancestors"};
	const char *text = told_text(told_of(recalled), TOLD_PRESENCE);
	struct caller *caller = recalled->caller;

	for (int i = PRESENCE_UNKNOWN; i <= PRESENCE_LOCKED && text != NULL; i++)
		if (strcmp(presence_name((enum presence)i), text) == 0)
			caller->presence = (enum presence)i;
	caller->presence_evidence = known_word(
		evidence, 3, told_text(told_of(recalled), TOLD_PRESENCE_EVIDENCE));
}

/* That no coding agent is behind it, nobody can say without having read the environment. */
static int recall_env(struct recalled *recalled) {
	struct told_event *told = told_of(recalled);
	struct caller *caller = recalled->caller;

	/* A brief event has none of it, whatever there was. */
	recalled->env_is_whole = !told->env_is_cut && !told->is_there[TOLD_BRIEF];
	if (!told->has_env && recalled->was_agent != TRI_NO) {
		recalled->env_is_whole = false;
		return 0;
	}
	return argv_split(&caller->env, &caller->n_env, buffer_bytes(&told->env));
}

/* What a brief event leaves out, with what makes its fields unknown. */
static void recall_brief(struct recalled *recalled) {
	static const char *const left_out[] = {
		"process_name", "parent_process_name", "ancestor",        "command",
		"env",          "user_presence",       "is_in_container", "caller_integrity",
	};
	struct caller *caller = recalled->caller;

	if (!told_of(recalled)->is_there[TOLD_BRIEF])
		return;
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		recall_doubt(recalled, left_out[i]);
	caller->integrity_unknown = ((1U << INTEGRITY_COUNT) - 1) & ~caller->integrity;
	caller->apart_unknown = (1U << APART_COUNT) - 1;
	caller->presence_evidence = "environment"; /* so that "unknown" is not certain either */
}

int recall_caller(struct recalled *recalled) {
	static const char *const reasons[] = {"caller-unknown", "caller-changed",
	                                      "caller-unreadable", "mixed-writers", "other-uid"};
	struct told_event *told = told_of(recalled);
	const char *reason = told_text(told, TOLD_CALLER_REASON);
	const char *uid = told_text(told, TOLD_UID);
	struct caller *caller;
	int error = caller_new_unknown(&recalled->caller, NULL, "caller-unknown");

	if (error < 0)
		return error;
	caller = recalled->caller;
	caller->uid = uid != NULL ? (uid_t)recall_number(uid) : (uid_t)-1;
	if (told->is_there[TOLD_CALLER_REASON]) {
		reason = known_word(reasons, sizeof(reasons) / sizeof(reasons[0]), reason);
		caller->reason = reason != NULL ? reason : "caller-unreadable";
		return 0;
	}
	caller->state = CALLER_IDENTIFIED;
	caller->reason = NULL;
	caller->process.pid = (pid_t)recall_number(told_text(told, TOLD_PID));
	caller->integrity = told->integrity;
	caller->integrity_unknown = told->integrity_unknown;
	caller->apart = told->apart;
	caller->apart_unknown = told->apart_unknown;
	caller->has_terminal = told_tri(told, TOLD_HAS_TERMINAL);
	recall_presence(recalled);
	recall_doubt_if_cut(recalled, TOLD_CWD, "cwd");
	recall_doubt_if_cut(recalled, TOLD_CGROUP, "cgroup");
	/* Without it, there was none, or it could not be asked. */
	if (told_text(told, TOLD_TMUX_WINDOW) == NULL)
		recall_doubt(recalled, "tmux_window");
	recall_brief(recalled);
	error = recall_copy(&caller->cwd, told_text(told, TOLD_CWD));
	/* Where a policy asked for it; else in doubt, as all that fields_told() does not name. */
	if (error == 0)
		error = recall_copy(&caller->exe_sha256, told_text(told, TOLD_EXE_SHA256));
	if (error == 0)
		error = recall_copy(&caller->cgroup, told_text(told, TOLD_CGROUP));
	if (error == 0)
		error = recall_copy(&caller->tmux_window, told_text(told, TOLD_TMUX_WINDOW));
	if (error == 0)
		error = recall_process(recalled);
	if (error == 0)
		error = recall_ancestors(recalled);
	if (error == 0)
		error = recall_env(recalled);
	return error;
}
