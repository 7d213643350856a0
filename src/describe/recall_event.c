#include "describe/recall_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/read.h"
#include "log/secret.h"
#include "log/walk.h"

static const char *const names[TOLD_COUNT] = {
	[TOLD_SEQ] = "seq",
	[TOLD_TIMESTAMP] = "timestamp",
	[TOLD_TRIGGER] = "trigger",
	[TOLD_DECISION] = "decision",
	[TOLD_BRIEF] = "brief",
	[TOLD_REPEATED] = "repeated",
	[TOLD_RULE] = "rule",
	[TOLD_REASON] = "reason",
	[TOLD_CALLER_REASON] = "caller_reason",
	[TOLD_PROCESS_NAME] = "process_name",
	[TOLD_PID] = "local_pid",
	[TOLD_UID] = "uid",
	[TOLD_EXE] = "exe_path",
	[TOLD_TITLE] = "process_title",
	[TOLD_KEY] = "key_fingerprint",
	[TOLD_KEY_TYPE] = "key_type",
	[TOLD_SIGN_TYPE] = "sign_type",
	[TOLD_SSH_USER] = "ssh_user",
	[TOLD_NAMESPACE] = "namespace",
	[TOLD_DEST_KEY] = "dest_key_fingerprint",
	[TOLD_DEST_EVIDENCE] = "dest_evidence",
	[TOLD_SSH_DEST] = "ssh_dest",
	[TOLD_NAMES_MORE] = "dest_names_more",
	[TOLD_MISMATCH] = "dest_mismatch",
	[TOLD_IS_KNOWN] = "is_in_known_hosts",
	[TOLD_ACCEPTED] = "known_hosts_accepted",
	[TOLD_GIT_OPERATION] = "git_operation",
	[TOLD_GIT_REPO] = "git_repo",
	[TOLD_IS_FORWARDED] = "is_forwarded",
	[TOLD_HOPS] = "hops",
	[TOLD_CWD] = "local_cwd",
	[TOLD_CGROUP] = "cgroup",
	[TOLD_HAS_TERMINAL] = "has_terminal",
	[TOLD_TREE_COMPLETE] = "local_proc_tree_complete",
	[TOLD_PRESENCE] = "user_presence",
	[TOLD_PRESENCE_EVIDENCE] = "user_presence_evidence",
	[TOLD_TMUX_WINDOW] = "tmux_window",
	[TOLD_IS_AGENT] = "is_coding_agent",
	[TOLD_ENDPOINT] = "endpoint",
	[TOLD_SHA256] = "config_sha256",
	[TOLD_FLOOR_SHA256] = "floor_sha256",
	[TOLD_EXE_SHA256] = "exe_sha256",
	[TOLD_KEY_COMMENT] = "key_comment",
};

struct taking {
	struct told_event *told;
	struct bytes field; /* of the document */
	struct bytes key;   /* within it */
	size_t depth;
	int error;
};

static bool is(struct bytes name, const char *text) {
	return bytes_equal(name, bytes_of_text(text));
}

/* The text of a value, which may be a number; a NUL behind it. */
static void take_text(struct taking *taking, struct buffer *text, struct bytes value,
                      bool *ret_has_nul) {
	size_t from = text->len;
	int error = 0;

	if (value.len > 0 && value.data[0] == '"')
		error = event_text(text, value);
	else
		buffer_put_raw(text, value);
	*ret_has_nul = error == 0 && text->len > from &&
	               memchr(text->data + from, '\0', text->len - from) != NULL;
	buffer_put_u8(text, '\0');
	if (error == 0)
		error = buffer_error(text);
	if (error < 0 && taking->error == 0)
		taking->error = error;
}

static void take_mark(struct taking *taking, unsigned *marks, struct bytes value, unsigned count,
                      const char *(*word)(unsigned index)) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	bool has_nul;

	take_text(taking, &text, value, &has_nul);
	if (taking->error < 0)
		return;
	for (unsigned i = 0; i < count; i++)
		if (strcmp((const char *)text.data, word(i)) == 0) {
			*marks |= 1U << i;
			return;
		}
	taking->told->is_strange = true;
}

static const char *integrity_word(unsigned index) {
	return integrity_name((enum integrity)(1U << index));
}

static const char *apart_word(unsigned index) {
	return apart_name((enum apart)(1U << index));
}

static const char *known_by_word(unsigned index) {
	return known_by_name((enum known_by)(1U << index));
}

static void take_name(struct taking *taking, struct buffer *list, bool *is_cut,
                      struct bytes value) {
	bool has_nul;

	take_text(taking, list, value, &has_nul);
	*is_cut |= has_nul;
}

static bool has_mask(const struct told_event *told, size_t argument_at) {
	return told->command.len > argument_at &&
	       strstr((const char *)told->command.data + argument_at, SECRET_MASK) != NULL;
}

static void take_argument(struct taking *taking, struct bytes value) {
	struct told_event *told = taking->told;
	bool has_nul;

	/* Where something was hidden, only the guard has seen it. */
	if (told->command_is_masked)
		return;
	told->last_argument_at = told->command.len;
	told->n_arguments++;
	take_text(taking, &told->command, value, &has_nul);
	told->command_is_masked = has_mask(told, told->last_argument_at);
	told->command_is_cut |= has_nul || told->command_is_masked;
}

static void take_variable(struct taking *taking, struct bytes value) {
	struct told_event *told = taking->told;
	size_t before = told->env.len, at;
	bool has_nul;

	buffer_put_raw(&told->env, taking->key);
	buffer_put_u8(&told->env, '=');
	at = told->env.len;
	take_text(taking, &told->env, value, &has_nul);
	if (taking->error < 0)
		return;
	/* What it was, only the guard has seen. */
	if (has_nul || strcmp((const char *)told->env.data + at, SECRET_MASK) == 0) {
		told->env.len = before;
		told->env_is_cut = true;
	}
}

static void take_of_process(struct taking *taking, struct bytes value) {
	struct told_event *told = taking->told;
	struct told_process *process = &told->tree[told->n_tree - 1];
	struct {
		const char *name;
		struct buffer *text;
		bool *has;
	} texts[] = {
		{"name", &process->name, &process->has_name},
		{"exe", &process->exe, &process->has_exe},
		{"title", &process->title, &process->has_title},
		{"command", &process->command, &process->has_command},
		{"argv0", &process->argv0, &process->has_argv0},
		{"script", &process->script, &process->has_script},
	};
	bool has_nul;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (is(taking->key, texts[i].name) && !*texts[i].has) {
			take_text(taking, texts[i].text, value, &has_nul);
			*texts[i].has = !has_nul;
			return;
		}
	if (is(taking->key, "foreign"))
		process->foreign = is(value, "true");
}

static void take_shortened(struct taking *taking) {
	struct told_event *told = taking->told;

	if (is(taking->key, "command"))
		told->command_is_cut = true;
	else if (is(taking->key, "env"))
		told->env_is_cut = true;
	else if (is(taking->key, "dest_names"))
		told->dest_names_are_cut = true;
	for (size_t i = 0; i < TOLD_COUNT; i++)
		if (is(taking->key, names[i]))
			told->is_cut[i] = true;
}

static void take_field(struct taking *taking, struct bytes value) {
	struct told_event *told = taking->told;

	for (size_t i = 0; i < TOLD_COUNT; i++) {
		bool has_nul;

		if (!is(taking->field, names[i]))
			continue;
		take_text(taking, &told->texts[i], value, &has_nul);
		told->is_there[i] = true;
		told->is_cut[i] |= has_nul;
		return;
	}
}

static void on_value(void *data, struct bytes value) {
	struct taking *taking = data;
	struct told_event *told = taking->told;

	if (taking->error < 0)
		return;
	if (taking->depth == 1)
		take_field(taking, value);
	else if (taking->depth == 3 && is(taking->field, "local_proc_tree") && told->n_tree > 0)
		take_of_process(taking, value);
	else if (taking->depth > 2)
		return;
	else if (is(taking->field, "command"))
		take_argument(taking, value);
	else if (is(taking->field, "env"))
		take_variable(taking, value);
	else if (is(taking->field, "shortened"))
		take_shortened(taking);
	else if (is(taking->field, "dest_names"))
		take_name(taking, &told->dest_names, &told->dest_names_are_cut, value);
	else if (is(taking->field, "known_hosts"))
		take_mark(taking, &told->known_by, value, KNOWN_BY_COUNT, known_by_word);
	else if (is(taking->field, "caller_integrity"))
		take_mark(taking, &told->integrity, value, INTEGRITY_COUNT, integrity_word);
	else if (is(taking->field, "caller_integrity_unknown"))
		take_mark(taking, &told->integrity_unknown, value, INTEGRITY_COUNT, integrity_word);
	else if (is(taking->field, "namespace_mismatches"))
		take_mark(taking, &told->apart, value, APART_COUNT, apart_word);
	else if (is(taking->field, "namespaces_unknown"))
		take_mark(taking, &told->apart_unknown, value, APART_COUNT, apart_word);
}

static void on_open(void *data, bool list) {
	struct taking *taking = data;
	struct told_event *told = taking->told;

	taking->depth++;
	if (taking->depth == 2) {
		told->has_command |= list && is(taking->field, "command");
		told->has_env |= !list && is(taking->field, "env");
		told->has_tree |= list && is(taking->field, "local_proc_tree");
	}
	if (taking->depth != 3 || list || !is(taking->field, "local_proc_tree"))
		return;
	if (told->n_tree < TOLD_TREE_MAX)
		told->n_tree++;
	else
		told->is_strange = true;
}

static void on_close(void *data, bool list) {
	struct taking *taking = data;

	(void)list;
	taking->depth--;
}

static void on_key(void *data, struct bytes name) {
	struct taking *taking = data;

	if (taking->depth == 1)
		taking->field = name;
	else
		taking->key = name;
}

int told_event_read(struct told_event *ret, struct bytes document) {
	static const struct walk_calls calls = {on_open, on_close, on_key, on_value};
	struct taking taking = {.told = ret};
	int error;

	*ret = (struct told_event){0};
	error = walk_document(document, &calls, &taking);
	if (error == 0)
		error = taking.error;
	if (error < 0)
		told_event_deinit(ret);
	return error;
}

void told_event_deinit(struct told_event *told) {
	for (size_t i = 0; i < TOLD_COUNT; i++)
		buffer_deinit(&told->texts[i]);
	buffer_deinit(&told->command);
	buffer_deinit(&told->env);
	buffer_deinit(&told->dest_names);
	for (size_t i = 0; i < told->n_tree; i++) {
		buffer_deinit(&told->tree[i].name);
		buffer_deinit(&told->tree[i].exe);
		buffer_deinit(&told->tree[i].title);
		buffer_deinit(&told->tree[i].command);
		buffer_deinit(&told->tree[i].argv0);
		buffer_deinit(&told->tree[i].script);
	}
	*told = (struct told_event){0};
}

const char *told_text(const struct told_event *told, enum told which) {
	return told->is_there[which] && !told->is_cut[which] ? (const char *)told->texts[which].data
	                                                     : NULL;
}

enum tri told_tri(const struct told_event *told, enum told which) {
	const char *text = told_text(told, which);

	if (text == NULL)
		return TRI_UNKNOWN;
	return strcmp(text, "true") == 0 ? TRI_YES : TRI_NO;
}
